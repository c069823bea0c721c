package loop

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// What is no ClientHello fails, and its sender is told so, or at least sees the end.
func TestNoHandshake(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			l := start(t, k.o)
			for what, garbage := range map[string][]byte{
				"text":         []byte("GET / HTTP/1.0\r\n\r\n"),
				"MySQL":        {0x20, 0, 0, 1, 0x85, 0xa6, 0xff, 1, 0, 0, 0, 1},
				"SSLv2":        {0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10, 1, 0, 0x80},
				"zeros":        make([]byte, 100),
				"oversized":    append([]byte{22, 3, 1, 0xff, 0xff}, make([]byte, 70000)...),
				"empty record": {22, 3, 1, 0, 0},
				"alert":        {21, 3, 3, 0, 2, 2, 40},
				"data":         {23, 3, 3, 0, 2, 2, 40},
				"no hello":     {22, 3, 3, 0, 4, 14, 0, 0, 0},
				"half a hello": append([]byte{22, 3, 1, 1, 0, 1, 0, 0, 252}, make([]byte, 100)...),
			} {
				p, far := beginning(t, l, k, "tcp")
				go func() {
					_, _ = far.Write(garbage)
					_ = far.(*net.TCPConn).CloseWrite()
				}()
				err := wait(t, p.secured)
				if err == nil {
					t.Fatalf("%s is taken for a handshake", what)
				}
				do(t, l, func() {
					if n, err := p.conn.Write([]byte("x")); n > 0 || err == nil {
						t.Error("Write in the clear")
					}
					p.conn.CloseAfterFlush(patience)
				})
				if _, e := io.ReadAll(far); e != nil {
					t.Errorf("%s: %v, behind %v", what, e, err)
				}
				_ = far.Close()
			}
			eventually(t, "all have gone", func() bool { return l.Conns() == 0 })
		})
	}
}

// A peer that stalls is given up at the deadline: whatever it has said before, and even if nobody has looked at that yet.
func TestHandshakeDeadline(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			l := start(t, k.o)
			for _, said := range []int{0, 1, 5, 50, 1 << 20} {
				near, far := pair(t, "tcp")
				p := newSecureProbe()
				given := 30 * time.Millisecond
				if said == 1<<20 { // which does not stall
					given = patience
				}
				do(t, l, func() {
					_ = p.conn.Adopt(l, SocketOf(near), p)
					n := Secured{Config: tlsConfig(k.version), Client: k.client, Deadline: l.Now() + int64(given), Done: p}
					if err := p.conn.Secure(n); err != nil {
						t.Error(err)
					}
				})
				cut := &cut{Conn: far, left: said}
				go func() { _ = k.far(cut, tlsConfig(k.version)).Handshake() }()
				err := wait(t, p.secured)
				if want := said < 1<<20; want && !errors.Is(err, os.ErrDeadlineExceeded) || !want && err != nil {
					t.Errorf("%d bytes: %v", said, err)
				}
				do(t, l, func() { p.conn.Close() })
				_ = far.Close()
				if len(p.secured)+len(p.ended) > 0 {
					t.Error("it is told twice")
				}
			}
		})
	}
}

// cut lets so many bytes be written, and then acts as if.
type cut struct {
	net.Conn
	left int
	then func()
	once bool // only the first Write counts
}

func (c *cut) Write(b []byte) (int, error) {
	n := min(len(b), c.left)
	if c.once {
		c.left = n
	}
	_, _ = c.Conn.Write(b[:n])
	if c.left -= n; n < len(b) && c.then != nil {
		c.then()
		c.then = nil
	}
	return len(b), nil
}

// A peer that is cut off, after each byte that it says, is told of exactly once, and leaves nothing behind.
func TestCutEverywhere(t *testing.T) {
	for name, k := range kinds() {
		for how, ends := range map[string]func(nc net.Conn){
			"FIN": func(nc net.Conn) { _ = nc.(*net.TCPConn).CloseWrite() },
			"RST": func(nc net.Conn) { _ = nc.(*net.TCPConn).SetLinger(0); _ = nc.Close() },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				l := start(t, k.o)
				began, over := 0, 0
				for said := 0; ; said += 7 + said/8 {
					p, far := beginning(t, l, k, "tcp")
					c := &cut{Conn: far, left: said}
					c.then = func() { ends(far) }
					done := make(chan bool, 1)
					go func() {
						nc := k.far(c, tlsConfig(k.version))
						_, _ = nc.Write([]byte("hello"))
						_ = nc.CloseWrite()
						done <- c.then != nil
					}()
					err := wait(t, p.secured)
					if err == nil {
						over++
						err = wait(t, p.ended)
					} else {
						began++
					}
					if err == nil {
						t.Error("it has ended well")
					}
					do(t, l, func() { p.conn.Close() })
					_ = far.Close()
					if len(p.secured)+len(p.ended) > 0 {
						t.Error("it is told twice")
					}
					if wait(t, done) {
						break
					}
				}
				if began < 5 || over < 1 {
					t.Errorf("%d cuts in the handshake, %d behind", began, over)
				}
			})
		}
	}
}

// Data and the end that come in one piece with the last of a handshake are read behind it.
func TestAllAtOnce(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			l := start(t, k.o)
			for i := range 20 {
				p, far := beginning(t, l, k, "tcp")
				c := &together{Conn: far}
				nc := k.far(c, tlsConfig(k.version))
				if err := nc.Handshake(); err != nil {
					t.Fatal(err)
				}
				long := bytes.Repeat([]byte("x"), 100<<(i%11)) // and most of it, the end too, may be there before the handshake is over
				_, _ = nc.Write([]byte("a"))
				_, _ = nc.Write(long)
				_ = nc.CloseWrite()
				c.flush()
				_ = far.(*net.TCPConn).CloseWrite()
				if err := wait(t, p.secured); err != nil {
					t.Fatal(err)
				}
				if b := gather(t, p.probe, 1+len(long)); b[0] != 'a' || len(b) != 1+len(long) {
					t.Fatal("something else")
				}
				if err := wait(t, p.ended); err != io.EOF { //nolint:errorlint // it is never wrapped
					t.Error(err)
				}
				do(t, l, func() { p.conn.Close() })
			}
		})
	}
}

// together holds back what is written until something is to be read.
type together struct {
	net.Conn
	held []byte
}

func (c *together) Write(b []byte) (int, error) {
	c.held = append(c.held, b...)
	return len(b), nil
}

func (c *together) flush() {
	_, _ = c.Conn.Write(c.held)
	c.held = nil
}

func (c *together) Read(b []byte) (int, error) {
	c.flush()
	return c.Conn.Read(b)
}

// An end without a close_notify is one, between two records; within one it is a failure.
func TestTruncated(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			l := start(t, k.o)
			for _, within := range []bool{false, true} {
				p, nc := beginning(t, l, k, "tcp")
				c := &cut{Conn: nc, left: 1 << 20}
				far := k.far(c, tlsConfig(k.version))
				if err := far.Handshake(); err != nil {
					t.Fatal(err)
				}
				if err := wait(t, p.secured); err != nil {
					t.Fatal(err)
				}
				_, _ = far.Write([]byte("whole"))
				if within {
					c.left = 20
					_, _ = far.Write([]byte("not whole"))
				}
				_ = nc.(*net.TCPConn).CloseWrite()
				if b := wait(t, p.read); string(b) != "whole" {
					t.Errorf("%q", b)
				}
				want := io.EOF
				if within {
					want = io.ErrUnexpectedEOF
				}
				if err := wait(t, p.ended); err != want { //nolint:errorlint // it is never wrapped
					t.Errorf("%v, not %v", err, want)
				}
				do(t, l, func() { p.conn.Close() })
			}
		})
	}
}

// What is not to begin does not, and is not heard of.
func TestSecureRefuses(t *testing.T) {
	k := kind{version: tls.VersionTLS13}
	l := start(t, Options{})
	p, far := adopted(t, l, "tcp")
	q := &secureProbe{probe: p, secured: make(chan error, 8)}
	refuses := func(what string, want error) {
		t.Helper()
		do(t, l, func() {
			if err := q.begin(l, k, tlsConfig(k.version)); err == nil || want != nil && !errors.Is(err, want) {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	do(t, l, func() { p.conn.Unread([]byte("x")) })
	refuses("bytes in the clear", errInClear)
	do(t, l, func() { p.conn.Resume() })
	if b := wait(t, p.read); string(b) != "x" {
		t.Errorf("%q", b)
	}
	do(t, l, func() { _, _ = p.conn.Write(make([]byte, 12<<20)) })
	refuses("something pending", errInClear)
	_, _ = io.CopyN(io.Discard, far, 12<<20)
	wait(t, p.writable)
	do(t, l, func() {
		if err := q.begin(l, k, tlsConfig(k.version)); err != nil {
			t.Error(err)
		}
		if _, err := p.conn.Detach(); err == nil {
			t.Error("it is detached while TLS begins")
		}
		if p.conn.HandTo(new(Conn), p) {
			t.Error("it is handed on while TLS begins")
		}
		if n, err := p.conn.Write([]byte("x")); n > 0 || err == nil || p.conn.Read() != nil || p.conn.Finish(nil) == nil {
			t.Error("it is in use while TLS begins")
		}
	})
	refuses("a second time", nil)
	peer := tls.Client(far, tlsConfig(k.version))
	go func() { _ = peer.Handshake() }()
	if err := wait(t, q.secured); err != nil {
		t.Error(err)
	}
	refuses("TLS in TLS", errors.ErrUnsupported)
	do(t, l, func() { p.conn.Close() })
	refuses("closed", net.ErrClosed)
	p, far = adopted(t, l, "tcp")
	q.probe = p
	_ = far.Close()
	wait(t, p.ended)
	refuses("at its end", nil)
	do(t, l, func() { p.conn.Close() })
	if len(q.secured) > 0 {
		t.Error("something is heard")
	}
}

// A loop that ends tells those whose handshakes are under way, once, and leaves no goroutine.
func TestEndDuringHandshake(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			p := newSecureProbe()
			near, far := pair(t, "tcp")
			t.Run("run", func(t *testing.T) {
				l := start(t, k.o)
				do(t, l, func() {
					_ = p.conn.Adopt(l, SocketOf(near), p)
					_ = p.begin(l, k, tlsConfig(k.version))
				})
				c := &cut{Conn: far, left: 1 << 20, once: true}
				go func() { _ = k.far(c, tlsConfig(k.version)).Handshake() }()
				if !k.client {
					eventually(t, "it has begun", func() (begun bool) { do(t, l, func() { begun = l.shakes.running > 0 }); return begun })
				}
			})
			select {
			case err := <-p.secured: // all of it fitted in
				if err != nil {
					t.Error(err)
				}
			default:
			}
			if err := wait(t, p.ended); err != ErrEnded { //nolint:errorlint // it is never wrapped
				t.Error(err)
			}
			if len(p.ended)+len(p.secured) > 0 {
				t.Error("it is told twice")
			}
		})
	}
}

// A panic in what the configuration calls fails the handshake that called it, and no other.
func TestPanicInHandshake(t *testing.T) {
	k := kind{version: tls.VersionTLS13}
	stray := make(chan any, 1)
	l := start(t, Options{Crashed: func(cause any, _ []byte) { stray <- cause }})
	near, far := pair(t, "tcp")
	p := newSecureProbe()
	do(t, l, func() {
		_ = p.conn.Adopt(l, SocketOf(near), p)
		_ = p.begin(l, k, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { panic("no certificate") }})
	})
	go func() { _ = tls.Client(far, tlsConfig(k.version)).Handshake() }()
	if err := wait(t, p.secured); err == nil || !strings.Contains(err.Error(), "no certificate") || wait(t, stray) != "no certificate" {
		t.Error(err)
	}
	do(t, l, func() { p.conn.Close() })
	q, other := secureds(t, l, k, "tcp")
	_, _ = other.Write([]byte("x"))
	wait(t, q.read)
	do(t, l, func() { q.conn.Close() })
}

// However many begin at once, only so many have a goroutine, and only so much is received of the others; all come to their turn.
func TestManyHandshakes(t *testing.T) {
	const more = 100
	k := kind{version: tls.VersionTLS13}
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			var tokens chan struct{}
			p, far := secureds(t, l, k, "tcp") // so that there are tokens
			do(t, l, func() {
				p.conn.Close()
				tokens = l.shakes.compute
				l.shakes.crowded = patience // the others are slow, all on these processors, and not silent
			})
			_ = far.Close()
			for range cap(tokens) { // nobody computes
				tokens <- struct{}{}
			}
			var well atomic.Int64
			var probes []*secureProbe
			for i := range maxHandshakes + more {
				p, nc := beginning(t, l, k, "tcp")
				probes = append(probes, p)
				far := tls.Client(nc, tlsConfig(k.version))
				go func() {
					if i == 0 { // one that says far too much
						c := &together{Conn: nc}
						_ = nc.SetReadDeadline(time.Now())
						_ = tls.Client(c, tlsConfig(k.version)).Handshake()
						_ = nc.SetReadDeadline(time.Now().Add(patience))
						_, _ = nc.Write(make([]byte, 10<<20))
						return
					}
					if far.Handshake() == nil {
						well.Add(1)
					}
				}()
			}
			eventually(t, "all wait", func() (wait bool) {
				do(t, l, func() { wait = l.shakes.running == maxHandshakes && len(l.shakes.waiting) == more })
				return wait
			})
			do(t, l, func() {
				for _, p := range probes {
					h := p.conn.extra.tls.shake
					h.mu.Lock()
					if n := len(h.in); n > maxShaking {
						t.Errorf("%d bytes of one are held", n)
					}
					h.mu.Unlock()
				}
				for _, p := range probes[maxHandshakes+more/4:] { // of those that wait, most go
					p.conn.Close()
				}
				if n := len(l.shakes.waiting); n > more/2+1 {
					t.Errorf("%d that have gone are kept", n)
				}
			})
			for range cap(tokens) {
				<-tokens
			}
			for i, p := range probes[:maxHandshakes+more/4] {
				if err := wait(t, p.secured); (err == nil) != (i > 0) {
					t.Error(i, err)
				}
			}
			eventually(t, "none is left", func() (none bool) {
				do(t, l, func() { none = l.shakes.running == 0 && len(l.shakes.waiting) == 0 })
				return none
			})
			do(t, l, func() {
				for _, p := range probes {
					p.conn.Close()
				}
			})
			eventually(t, "all know", func() bool { return well.Load() == maxHandshakes+more/4-1 })
		})
	}
}

// Those that begin and say no more do not keep out who does.
func TestStalledHandshakesMakeWay(t *testing.T) {
	k := kind{version: tls.VersionTLS13}
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			var probes []*secureProbe
			for range maxHandshakes {
				p, nc := beginning(t, l, k, "tcp")
				probes = append(probes, p)
				defer nc.Close()
				_, _ = nc.Write([]byte{recordHandshake, 3, 1, 0, 4, 1, 0, 2, 0}) // the head of a ClientHello
			}
			eventually(t, "all have begun", func() (begun bool) {
				do(t, l, func() { begun = l.shakes.running == maxHandshakes })
				return begun
			})
			p, far := secureds(t, l, k, "tcp")
			ended := 0
			for _, p := range probes {
				select {
				case err := <-p.secured:
					if ended++; err != os.ErrDeadlineExceeded { //nolint:errorlint // it is never wrapped
						t.Error(err)
					}
				default:
				}
			}
			if ended != 1 {
				t.Errorf("%d made way for one", ended)
			}
			_ = far.Close()
			do(t, l, func() {
				p.conn.Close()
				for _, p := range probes {
					p.conn.Close()
				}
			})
		})
	}
}

// SetWriteDeadline does not: crypto/tls lets no write succeed behind a close_notify.
func (c *together) SetWriteDeadline(time.Time) error { return nil }
