package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"segue/backend"
	"segue/proxy/wire"
)

// patience is how long a test waits for an event before it calls it missing.
const patience = 10 * time.Second

// peer is a backend played by a test: a listener, and a function that speaks for the server on each connection.
type peer struct {
	t      *testing.T
	ln     net.Listener
	script func(c *peerConn)
	over   chan struct{} // closed at the test's end
	wg     sync.WaitGroup
	mu     sync.Mutex
	conns  []*peerConn
}

// peerConn is the server's side of one connection of a peer.
type peerConn struct {
	*net.TCPConn
	t      *testing.T
	r      *wire.Reader
	caps   wire.Capability
	number int // of the connection, from 1
	over   chan struct{}
}

func newPeer(t *testing.T, script func(c *peerConn)) *peer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, ln: ln, script: script, over: make(chan struct{})}
	p.wg.Go(p.serve)
	t.Cleanup(p.close)
	return p
}

func (p *peer) serve() {
	for n := 1; ; n++ {
		nc, err := p.ln.Accept()
		if err != nil {
			return
		}
		c := &peerConn{TCPConn: nc.(*net.TCPConn), t: p.t, r: wire.NewReader(nc, 64<<20), number: n, caps: peerCaps, over: p.over}
		p.mu.Lock()
		p.conns = append(p.conns, c)
		p.mu.Unlock()
		p.wg.Go(func() {
			defer func() { _ = c.Close() }()
			p.script(c)
		})
	}
}

func (p *peer) close() {
	close(p.over)
	_ = p.ln.Close()
	p.mu.Lock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *peer) spec(name string) backend.Spec {
	return backend.Spec{Name: name, Address: p.ln.Addr().String()}
}

const peerCaps = wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientPluginAuth | wire.ClientConnectWithDB | wire.ClientLongPassword |
	wire.ClientMultiStatements | wire.ClientMultiResults

var (
	peerOK  = []byte{0, 0, 0, 2, 0, 0, 0}
	peerEOF = []byte{0xfe, 0, 0, 2, 0}
	peerDef = append([]byte("\x03def"), make([]byte, 30)...)
)

func (c *peerConn) greet(salt string) bool {
	g := wire.HandshakeV10{ServerVersion: "8.0.33", ConnectionID: 7, AuthData: []byte(salt), Capabilities: c.caps, Charset: 33, AuthPlugin: "mysql_native_password"}
	return c.send(0, g.Append(nil))
}

// next reads a packet of the connection phase, which must carry this sequence id.
func (c *peerConn) next(seq uint8) ([]byte, error) {
	payload, got, err := c.r.Next()
	if err == nil && got != seq {
		c.t.Errorf("the client sent sequence id %d, want %d", got, seq)
	}
	return payload, err
}

// login plays the whole connection phase and lets everybody in.
func (c *peerConn) login() bool {
	if !c.greet("12345678901234567890") {
		return false
	}
	if _, _, err := c.r.Next(); err != nil {
		return false
	}
	return c.send(2, peerOK)
}

func (c *peerConn) send(seq uint8, payloads ...[]byte) bool {
	var b []byte
	for _, p := range payloads {
		b, seq = wire.AppendPacket(b, seq, p)
	}
	_, err := c.Write(b)
	return err == nil
}

// sendAndClose sends payloads and the FIN in one segment.
func (c *peerConn) sendAndClose(seq uint8, payloads ...[]byte) {
	var b []byte
	for _, p := range payloads {
		b, seq = wire.AppendPacket(b, seq, p)
	}
	c.writeAndClose(b)
}

// writeAndClose sends bytes and the FIN in one segment.
func (c *peerConn) writeAndClose(b []byte) {
	raw, err := c.SyscallConn()
	if err != nil {
		c.t.Error(err)
		return
	}
	_ = raw.Write(func(fd uintptr) bool {
		if len(b) == 0 {
			return true
		}
		n, errno := send(fd, b, true)
		b = b[n:]
		return errno != syscall.EAGAIN && len(b) == 0
	})
	_ = c.CloseWrite()
}

// serveQueries answers each COM_QUERY by its own text as a row, everything else by OK, until the client leaves.
func (c *peerConn) serveQueries() {
	for {
		payload, _, err := c.r.Next()
		if err != nil || payload[0] == byte(wire.ComQuit) {
			return
		}
		if wire.Command(payload[0]).Silent() {
			continue
		}
		if payload[0] != byte(wire.ComQuery) {
			c.send(1, peerOK)
			continue
		}
		if !c.send(1, []byte{1}, peerDef, peerEOF, wire.AppendLenencString(nil, payload[1:]), peerEOF) {
			return
		}
	}
}

// echo is a backend that lets everybody in and answers each statement by its own text.
func echo(c *peerConn) {
	if c.login() {
		c.serveQueries()
	}
}

// proxied is a Server under test.
type proxied struct {
	*Server
	t        *testing.T
	registry *backend.Registry
	addr     string
	stop     context.CancelFunc
	done     chan error
}

func start(t *testing.T, o Options, specs ...backend.Spec) *proxied {
	t.Helper()
	return startWith(t, specs, func(r *backend.Registry) *Server { return NewServer(r, o, slog.New(slog.DiscardHandler), nil) })
}

func startWith(t *testing.T, specs []backend.Spec, server func(*backend.Registry) *Server) *proxied {
	t.Helper()
	registry := backend.NewRegistry(backend.Options{SlowStart: -1})
	registry.Apply(specs)
	for _, b := range registry.Backends() {
		registry.SetHealth(b, backend.Up, "")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &proxied{Server: server(registry), t: t, registry: registry, addr: ln.Addr().String(), stop: cancel, done: make(chan error, 1)}
	go func() { p.done <- p.Serve(ctx, ln) }()
	t.Cleanup(p.shut)
	return p
}

func (p *proxied) shut() {
	p.stop()
	p.Close()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Error("Serve does not return")
	}
}

// eventually waits until what is said becomes true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

func (p *proxied) waitSessions(n int) {
	p.t.Helper()
	eventually(p.t, "the number of sessions", func() bool { return len(p.Sessions()) == n })
}

func (p *proxied) waitState(state State) {
	p.t.Helper()
	eventually(p.t, "a session in state "+state.String(), func() bool {
		s := p.Sessions()
		return len(s) == 1 && s[0].State == state.String()
	})
}

// driver is a client that speaks the protocol byte by byte.
type driver struct {
	*net.TCPConn
	t     *testing.T
	r     *wire.Reader
	hello wire.HandshakeV10
	caps  wire.Capability
	// database is asked for at login, unless it is empty.
	database string
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
	return &driver{TCPConn: nc.(*net.TCPConn), t: p.t, r: wire.NewReader(nc, 64<<20), caps: peerCaps}
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
	r := wire.HandshakeResponse41{Capabilities: d.caps &^ wire.ClientConnectWithDB, MaxPacketSize: 1 << 24, Charset: 33, Username: "u"}
	if d.database != "" {
		r.Capabilities, r.Database = r.Capabilities|wire.ClientConnectWithDB, d.database
	}
	if password != "" {
		r.AuthResponse = wire.NativePassword(d.hello.AuthData, []byte(password))
	}
	if d.caps.Has(wire.ClientPluginAuth) {
		r.AuthPlugin = "mysql_native_password"
	}
	for seq, answer := uint8(1), r.Append(nil); ; seq += 2 {
		b, _ := wire.AppendPacket(nil, seq, answer)
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
	if n, err := io.Copy(io.Discard, d.TCPConn); err != nil || n != 0 {
		d.t.Fatalf("%d bytes and %v, want the end of the stream", n, err)
	}
}

// reset closes a connection by RST.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
