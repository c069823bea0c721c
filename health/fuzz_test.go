package health

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"segue/backend/client"
	"segue/backend/wire"
	"segue/backend/wire/wiretest"
)

// saying is a connection to somebody who says what there is to read, and listens to everything.
type saying struct {
	net.Conn
	io.Reader
}

func (saying) LocalAddr() net.Addr              { return nil }
func (s saying) Read(b []byte) (int, error)     { return s.Reader.Read(b) }
func (saying) Write(b []byte) (int, error)      { return len(b), nil }
func (saying) SetDeadline(time.Time) error      { return nil }
func (saying) SetWriteDeadline(time.Time) error { return nil }

// FuzzProbe: whatever a server says to a probe, it comes to a verdict.
func FuzzProbe(f *testing.F) {
	const offered = wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientPluginAuth
	said := func(plugin string, payloads ...[]byte) (b []byte) {
		g := wire.HandshakeV10{ServerVersion: "8", AuthData: []byte("12345678901234567890"), Capabilities: offered, AuthPlugin: plugin}
		b, seq := wire.AppendPacket(nil, 0, g.Append(nil))
		for _, p := range payloads {
			b, seq = wire.AppendPacket(b, seq+1, p)
		}
		return b
	}
	f.Add(said(wire.PluginNativePassword, []byte{0, 0, 0, 2, 0, 0, 0}))
	f.Add(said(wire.PluginCachingSHA2Password, []byte{1, 4}, []byte("\x01-----BEGIN PUBLIC KEY-----")))
	f.Add(said("", wire.NewAuthSwitchRequest(wire.PluginNativePassword, []byte("1")).Append(nil), []byte{}))
	f.Add(said("", []byte{0xfe}, []byte{1}))
	e, _ := wire.AppendPacket(nil, 0, (&wire.Err{Code: 1040, Message: "Too many connections"}).Append(nil))
	f.Add(e)
	f.Add(append(e[:wire.HeaderLen:wire.HeaderLen], 0xff))
	f.Add([]byte{0xff, 0xff, 0xff, 0})
	for _, s := range wiretest.Hostile(f, wiretest.Server, wiretest.Greeting) {
		f.Add(s.Append(nil, 0))
	}
	for _, s := range wiretest.Hostile(f, wiretest.Server, wiretest.Verdict, wiretest.Question) {
		f.Add(s.Append(said(wire.PluginCachingSHA2Password), 2))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		c := client.New(saying{Reader: bytes.NewReader(stream)})
		g, err := c.Greet(t.Context())
		if err != nil {
			if g != nil {
				t.Fatal("a greeting and an error")
			}
			_ = greetingCause(err, 0)
			return
		}
		err = c.Login(t.Context(), client.Password("secret"), client.OwnResponse(g, "u"))
		if v, cause := loginVerdict("u", err, 0); v != Passed && cause == "" {
			t.Fatal("no cause")
		}
	})
}
