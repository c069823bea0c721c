package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"segue/backend/wire"
)

// driver is a client that speaks the protocol byte by byte.
type driver struct {
	*net.TCPConn
	t     *testing.T
	r     *wire.Reader
	hello wire.HandshakeV10
	caps  wire.Capability
	packed
	// database is asked for at login, unless it is empty.
	database string
	// user is u if it is empty.
	user string
	// behind is sent in one write with the login.
	behind []byte
	// slow is how long it takes to answer.
	slow time.Duration
	// shy clients give their password only to an AuthSwitchRequest.
	shy bool
	// tls is what it speaks by, where it has asked for that.
	tls *tls.Conn
	// switches counts the AuthSwitchRequests that were answered.
	switches int
}

var errRefused = errors.New("refused")

func (p *proxied) dial() *driver {
	p.t.Helper()
	nc, err := net.Dial("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(2 * patience))
	d := &driver{TCPConn: nc.(*net.TCPConn), t: p.t, caps: peerCaps}
	d.r = wire.NewReader(d, 64<<20)
	return d
}

// connect logs in, as user u with password pw.
func (p *proxied) connect() *driver {
	p.t.Helper()
	d := p.dial()
	if err := d.login("pw"); err != nil {
		p.t.Fatal(err)
	}
	return d
}

func (d *driver) login(password string) error {
	payload, err := d.next(0)
	if err != nil {
		return err
	}
	if err := d.hello.Decode(payload); err != nil {
		return err
	}
	return d.loginGreeted(password)
}

// secure puts TLS on the connection.
func (d *driver) secure() error {
	request := wire.SSLRequest{Capabilities: d.caps | wire.ClientSSL, MaxPacketSize: 1 << 24, Charset: 33}
	d.write(1, request.Append(nil))
	d.tls = tls.Client(d.TCPConn, &tls.Config{InsecureSkipVerify: true})
	return d.tls.Handshake()
}

func (d *driver) Write(b []byte) (int, error) {
	if d.tls != nil {
		return d.packed.write(d.tls, b)
	}
	return d.packed.write(d.TCPConn, b)
}

func (d *driver) Read(b []byte) (int, error) {
	if d.tls != nil {
		return d.read(d.tls, b)
	}
	return d.read(d.TCPConn, b)
}

func (d *driver) CloseWrite() error {
	if d.tls != nil {
		return d.tls.CloseWrite()
	}
	return d.TCPConn.CloseWrite()
}

// loginGreeted is login for one that has read its greeting.
func (d *driver) loginGreeted(password string) error {
	r := wire.HandshakeResponse41{Capabilities: d.caps &^ wire.ClientConnectWithDB, MaxPacketSize: 1 << 24, Charset: 33, Username: "u"}
	first := uint8(1)
	if onTLS(d.t.Name()) && d.hello.Capabilities.Has(wire.ClientSSL) {
		if err := d.secure(); err != nil {
			return err
		}
		first, r.Capabilities = 2, r.Capabilities|wire.ClientSSL
	}
	if d.user != "" {
		r.Username = d.user
	}
	if d.database != "" {
		r.Capabilities, r.Database = r.Capabilities|wire.ClientConnectWithDB, d.database
	}
	if password != "" && !d.shy {
		r.AuthResponse = wire.NativePassword(d.hello.AuthData, []byte(password))
	}
	if d.caps.Has(wire.ClientPluginAuth) {
		r.AuthPlugin = "mysql_native_password"
	}
	for seq, answer := first, r.Append(nil); ; seq += 2 {
		time.Sleep(d.slow)
		b, _ := wire.AppendPacket(nil, seq, answer)
		b, d.behind = append(b, d.behind...), nil
		if _, err := d.Write(b); err != nil {
			return err
		}
		payload, err := d.next(seq + 1)
		if err != nil {
			return err
		}
		for bytes.Equal(payload, []byte{1, 3}) { // fast_auth_success of caching_sha2_password
			seq++
			if payload, err = d.next(seq + 1); err != nil {
				return err
			}
		}
		switch payload[0] {
		case 0:
			d.begin(r.Append(nil), d.hello.Capabilities, false)
			return nil
		case 0xff:
			e := new(wire.Err)
			if err := e.Decode(payload); err != nil {
				return err
			}
			return e
		case 0xfe:
			var sw wire.AuthSwitchRequest
			if err := sw.Decode(payload); err != nil {
				return err
			}
			d.switches++
			answer = wire.NativePassword(sw.Salt(), []byte(password))
		case 1: // AuthMoreData: whatever it is, the test's backend knows the password
			answer = []byte(password)
		default:
			return errRefused
		}
	}
}

// next reads a packet, which must carry this sequence id.
func (d *driver) next(seq uint8) ([]byte, error) {
	payload, got, err := d.r.Next()
	if err == nil && got != seq {
		err = fmt.Errorf("sequence id %d, want %d", got, seq)
	}
	return payload, err
}

func (d *driver) write(seq uint8, payload []byte) {
	d.t.Helper()
	b, _ := wire.AppendPacket(nil, seq, payload)
	if _, err := d.Write(b); err != nil {
		d.t.Fatal(err)
	}
}

func (d *driver) query(text string) { d.write(0, append([]byte{byte(wire.ComQuery)}, text...)) }

// row reads a result of one column and returns its first row.
func (d *driver) row() ([]byte, error) {
	var got []byte
	for eofs, i := 0, 0; ; i++ {
		payload, _, err := d.r.Next()
		if err != nil {
			return nil, err
		}
		switch {
		case payload[0] == 0xff:
			e := new(wire.Err)
			if err := e.Decode(payload); err != nil {
				return nil, err
			}
			return nil, e
		case payload[0] == 0 && i == 0:
			return nil, nil
		case payload[0] == 0xfe && len(payload) < 9:
			if eofs++; eofs == 2 {
				return got, nil
			}
		case eofs == 1 && got == nil:
			s, _ := wire.LenencString(payload)
			got = bytes.Clone(s)
		}
	}
}

// ask runs a statement on an echo backend and checks that the answer is its own.
func (d *driver) ask(text string) {
	d.t.Helper()
	d.query(text)
	got, err := d.row()
	if err != nil {
		d.t.Fatalf("statement of %d bytes: %v", len(text), err)
	}
	if string(got) != text {
		d.t.Fatalf("statement of %d bytes: an answer of %d bytes that is not its own", len(text), len(got))
	}
}

// waitEOF checks that nothing but the end of the stream comes.
func (d *driver) waitEOF() {
	d.t.Helper()
	if n, err := io.Copy(io.Discard, struct{ io.Reader }{d}); err != nil || n != 0 {
		d.t.Fatalf("%d bytes and %v, want the end of the stream", n, err)
	}
}
