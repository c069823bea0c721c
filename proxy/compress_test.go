package proxy

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"segue/backend/compress"
	"segue/backend/wire"
)

// packed is what a client or a backend of a test compresses by, once it is logged in.
type packed struct {
	codec *compress.Codec // nil: by nothing
	held  []byte          // not decoded
}

// begin is the end of a login: response has been said to a server that can do what offered says.
func (p *packed) begin(response []byte, offered wire.Capability, toClient bool) {
	var r wire.HandshakeResponse41
	if r.Decode(response) != nil {
		return
	}
	if a := compress.Agreed(r.Capabilities & offered); a != compress.Off {
		p.codec = compress.New(a, toClient)
	}
}

func (p *packed) read(from io.Reader, b []byte) (int, error) {
	for buf := make([]byte, 64<<10); ; {
		if p.codec == nil {
			return from.Read(b)
		}
		n, used, err := p.codec.Decode(b, p.held)
		if p.held = p.held[used:]; n > 0 || err != nil {
			return n, err
		}
		if n, err = from.Read(buf); err != nil {
			return 0, err
		}
		p.held = append(bytes.Clone(p.held), buf[:n]...)
	}
}

func (p *packed) write(to io.Writer, b []byte) (int, error) {
	if p.codec == nil {
		return to.Write(b)
	}
	_, err := to.Write(p.codec.Encode(nil, b))
	return len(b), err
}

func (c *peerConn) Read(b []byte) (int, error)  { return c.packed.read(c.TCPConn, b) }
func (c *peerConn) Write(b []byte) (int, error) { return c.packed.write(c.TCPConn, b) }

// packing is what the two sides of a session compress by.
type packing struct{ client, backend compress.Algorithm }

func packings() map[string]packing {
	all := map[string]packing{}
	for _, client := range []compress.Algorithm{compress.Off, compress.Zlib, compress.Zstd} {
		for _, back := range []compress.Algorithm{compress.Off, compress.Zlib, compress.Zstd} {
			if client != back || client == compress.Zlib {
				all[client.String()+" "+back.String()] = packing{client, back}
			}
		}
	}
	return all
}

// compressed is a client through a server in front of a and b, of which b is down; cut is the end of both. Both can do everything.
func compressed(t *testing.T, k packing, o Options) (p *proxied, d *driver, cut func()) {
	t.Helper()
	o.BackendCompression = k.backend
	script := func(c *peerConn) {
		c.caps |= compress.Capabilities
		if c.login() {
			if (c.packed.codec == nil) != (k.backend == compress.Off) {
				t.Errorf("a backend compresses: %t", c.packed.codec != nil)
			}
			c.serveQueries()
		}
	}
	a, b := newPeer(t, script), newPeer(t, script)
	p = start(t, o, a.spec("a"), b.spec("b"))
	p.down("b")
	d = p.dial()
	d.caps |= k.client.Capability()
	if err := d.login("pw"); err != nil {
		t.Fatal(err)
	}
	if d.hello.Capabilities&compress.Capabilities != compress.Capabilities {
		t.Errorf("%#x is offered", uint32(d.hello.Capabilities))
	}
	return p, d, func() {
		p.down("a", "b")
		for _, peer := range []*peer{a, b} {
			_ = peer.ln.Close()
			peer.mu.Lock()
			for _, c := range peer.conns {
				_ = c.Close()
			}
			peer.mu.Unlock()
		}
	}
}

// Sessions are read whatever either side compresses by: long statements and answers, and several at once.
func TestCompressedSession(t *testing.T) {
	t.Parallel()
	for name, k := range packings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, d, _ := compressed(t, k, Options{})
			for _, n := range []int{10, 1000, 300_000, 1 << 24} {
				d.ask("SELECT '" + strings.Repeat("0123456789", n/10) + "'")
			}
			p.waitState(Idle)
			var b []byte
			for range 300 {
				b, _ = wire.AppendPacket(b, 0, append([]byte{byte(wire.ComQuery)}, "SELECT 1"...))
			}
			if _, err := d.Write(b); err != nil {
				t.Fatal(err)
			}
			for range 300 {
				if got, err := d.row(); err != nil || string(got) != "SELECT 1" {
					t.Fatalf("%q, %v", got, err)
				}
			}
			p.waitState(Idle)
			d.write(0, []byte{byte(wire.ComQuit)})
			d.waitEOF()
			p.waitSessions(0)
		})
	}
}

// They move, are transferred between loops, and hear Segue's own errors.
func TestCompressedSessionMoves(t *testing.T) {
	t.Parallel()
	for name, k := range packings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, d, cut := compressed(t, k, Options{Users: []User{{Name: "u", Password: "pw", HasPassword: true}}, Hold: Hold{Timeout: 50 * time.Millisecond}})
			p.SetLoops(2)
			eventually(t, "the loops", func() bool { return len(p.running()) == 2 })
			long := "SELECT " + strings.Repeat("1", 2000)
			d.ask(long)
			for i, name := range []string{"b", "a", "b"} {
				p.up(name)
				p.leave(map[string]string{"a": "b", "b": "a"}[name])
				eventually(t, "the session has moved", func() bool { return p.Sessions()[0].Backend == name })
				d.ask(long)
				s, w := p.only(), p.running()[1-i%2]
				s.post(func() { s.transferTo(w) })
				eventually(t, "the session has been transferred", func() bool { // at the next opportunity
					d.ask(long)
					return s.owner.Load() == w
				})
			}
			cut()
			p.waitState(Holding)
			for range 2 {
				d.query(long)
				d.toldNo("segue: ")
			}
		})
	}
}

// Bytes that are no compressed packets end a session, and nothing else.
func TestCompressedBadly(t *testing.T) {
	t.Parallel()
	p, d, _ := compressed(t, packing{client: compress.Zlib}, Options{})
	d.ask("SELECT 1")
	session := p.only()
	bad := append([]byte{60, 0, 0, 0, 255, 0, 0}, make([]byte, 60)...)
	if _, err := d.TCPConn.Write(bad); err != nil {
		t.Fatal(err)
	}
	d.waitEOF()
	p.endedAs(session, Protocol)
}

// A statement of several compressed packets that is sent right behind a move gets its answer by the right number: a server that compresses numbers that by how many there were.
func TestLongCompressedStatementBehindAMove(t *testing.T) {
	for _, size := range []int{1000, 60_000, 100_000} {
		o := Options{
			Users: []User{{Name: "u", Password: "pw", HasPassword: true}}, Hold: Hold{Timeout: patience}, BackendCompression: compress.Zlib,
		}
		serve := func(c *peerConn) {
			c.caps |= compress.Capabilities
			if !c.login() {
				return
			}
			for {
				payload, _, err := c.r.Next()
				switch {
				case err != nil || payload[0] == byte(wire.ComQuit):
					return
				case wire.Command(payload[0]).Silent():
					continue
				}
				c.packed.codec.Settled() // as servers number
				switch {
				case payload[0] != byte(wire.ComQuery):
					c.send(1, peerOK)
				case c.knowsViews(payload):
				case !c.send(1, []byte{1}, peerDef, peerEOF, wire.AppendLenencString(nil, payload[1:]), peerEOF):
					return
				}
			}
		}
		a, b := newPeer(t, serve), newPeer(t, serve)
		p := start(t, o, a.spec("a"), b.spec("b"))
		p.down("b")
		d := p.dial()
		if err := d.login("pw"); err != nil {
			t.Fatal(err)
		}
		d.ask("SELECT 1")
		p.down("a")
		_ = a.ln.Close()
		a.mu.Lock()
		for _, c := range a.conns {
			_ = c.Close()
		}
		a.mu.Unlock()
		p.waitState(Holding)
		d.query("SELECT '" + strings.Repeat("0123456789", size/10) + "'")
		eventually(t, "the statement waits", func() bool {
			w := p.running()[0]
			waits := make(chan bool, 1)
			return w.post(func() { waits <- len(w.waiters.list) == 1 }) && <-waits
		})
		p.up("b")
		if _, err := d.next(1); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		_ = d.Close()
	}
}
