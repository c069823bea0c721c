package proxy

import (
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"segue/backend"
	"segue/backend/wire"
)

// patience is how long a test waits for an event before it calls it missing.
const patience = 30 * time.Second

// soonest is how long the fastest of three runs of f takes: that the machine stands still for a moment is not f's doing.
func soonest(f func()) time.Duration {
	least := time.Hour
	for range 3 {
		began := time.Now()
		f()
		least = min(least, time.Since(began))
	}
	return least
}

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
	number int  // of the connection, from 1
	quit   bool // COM_QUIT has come
	packed packed
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
		c := &peerConn{TCPConn: nc.(*net.TCPConn), t: p.t, number: n, caps: peerCaps, over: p.over}
		c.r = wire.NewReader(c, 64<<20)
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
	peerDef = []byte("\x03def\x00\x00\x00\x0ctwelve bytes\x00\x0c\x21\x00\xff\x00\x00\x00\xfd\x00\x00\x00\x00\x00") // a VARCHAR
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
	payload, _, err := c.r.Next()
	if err != nil || !c.send(2, peerOK) {
		return false
	}
	c.packed.begin(payload, c.caps, true)
	return true
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
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, 1) })
	_, _ = c.Write(b)
	_ = c.CloseWrite()
}

// serveQueries answers each COM_QUERY by its own text as a row, everything else by OK, until the client leaves.
func (c *peerConn) serveQueries() {
	for {
		payload, _, err := c.r.Next()
		if err != nil {
			return
		}
		if payload[0] == byte(wire.ComQuit) {
			c.quit = true
			return
		}
		if wire.Command(payload[0]).Silent() {
			continue
		}
		if payload[0] != byte(wire.ComQuery) {
			c.send(1, peerOK)
			continue
		}
		if !c.knowsViews(payload) && !c.send(1, []byte{1}, peerDef, peerEOF, wire.AppendLenencString(nil, payload[1:]), peerEOF) {
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

// reset closes a connection by RST.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
