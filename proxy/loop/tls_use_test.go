package loop

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// pieces is a connection whose bytes go, and come, in pieces of random length.
type pieces struct {
	net.Conn
	write, read *rand.Rand
	most        int
}

func inPieces(nc net.Conn, seed uint64, most int) *pieces {
	return &pieces{nc, rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2)), most}
}

func (p *pieces) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = p.Conn.Write(b[n:][:min(len(b)-n, 1+p.write.IntN(p.most))])
		n += m
	}
	return n, err
}

func (p *pieces) Read(b []byte) (int, error) {
	return p.Conn.Read(b[:min(len(b), 1+p.read.IntN(p.most))])
}

// echoing writes back what it reads, and stops and starts as it likes.
type echoing struct {
	*secureProbe
	r *rand.Rand
}

func (e *echoing) Readable(c *Conn) {
	b := c.Read()
	if len(b) > 1 && e.r.IntN(4) == 0 && !c.AtEnd() {
		n := 1 + e.r.IntN(len(b)-1)
		c.Unread(b[n:])
		b = b[:n]
		c.Resume()
	}
	if e.r.IntN(8) == 0 {
		c.Peek()
		c.AtEnd()
	}
	if _, err := c.Write(b); err != nil {
		e.ended <- err
	}
	if c.Pending() > 0 {
		c.Pause()
	}
}

func (e *echoing) Writable(c *Conn) { c.Resume() }

func (e *echoing) Ended(c *Conn, err error) {
	if err == io.EOF { //nolint:errorlint // it is never wrapped
		_ = c.Finish(nil)
	}
	e.ended <- err
}

// exchange sends messages in pieces to a loop that echoes them, and compares.
func exchange(t *testing.T, l *Loop, k kind, near, far net.Conn, seed uint64, most int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 3))
	e := &echoing{newSecureProbe(), rand.New(rand.NewPCG(seed, 4))}
	do(t, l, func() {
		if err := e.conn.Adopt(l, SocketOf(near), e); err != nil {
			t.Error(err)
		}
		if err := e.begin(l, k, tlsConfig(k.version)); err != nil {
			t.Error(err)
		}
	})
	nc := k.far(inPieces(far, seed, most), tlsConfig(k.version))
	if err := nc.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, e.secured); err != nil {
		t.Fatal(err)
	}
	sent := sha256.New()
	go func() {
		for range 1 + r.IntN(10) {
			b := make([]byte, r.IntN(1+most*(1<<r.IntN(10))))
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			sent.Write(b)
			if _, err := nc.Write(b); err != nil {
				t.Error(err)
			}
		}
		if err := nc.CloseWrite(); err != nil {
			t.Error(err)
		}
	}()
	got := sha256.New()
	if _, err := io.Copy(got, nc); err != nil {
		t.Error(err)
	}
	if err := wait(t, e.ended); err != io.EOF { //nolint:errorlint // it is never wrapped
		t.Error(err)
	}
	if !bytes.Equal(got.Sum(nil), sent.Sum(nil)) {
		t.Error("something else has come back")
	}
	do(t, l, func() { e.conn.Close() })
	_ = far.Close()
}

// Sealed bytes that come one by one, or split anywhere, make no difference; over sockets, and over what goroutines feed.
func TestPieces(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			l := start(t, k.o)
			for i, most := range []int{1, 2, 10, 100, 5000} {
				near, far := net.Pipe()
				exchange(t, l, k, near, far, uint64(i), most)
				near, far = pair(t, "tcp")
				exchange(t, l, k, near, far, uint64(i), most)
			}
		})
	}
}

func FuzzPieces(f *testing.F) {
	f.Add(uint64(1), uint16(1), uint8(0))
	f.Add(uint64(2), uint16(40), uint8(3))
	f.Add(uint64(3), uint16(30000), uint8(7))
	f.Fuzz(func(t *testing.T, seed uint64, most uint16, how uint8) {
		k := kind{Options{Portable: how&1 != 0}, tls.VersionTLS12 + uint16(how>>1&1), how&4 != 0}
		near, far := net.Pipe()
		exchange(t, start(t, k.o), k, near, far, seed, 1+int(most))
	})
}

// FuzzSealed gives a loop something else than what its peer has sealed: that ends the connection, and nothing worse.
func FuzzSealed(f *testing.F) {
	f.Add([]byte{23, 3, 3, 0, 1, 0}, uint8(0), uint16(0))
	f.Add([]byte{21, 3, 3, 0, 2, 1, 0}, uint8(1), uint16(30))
	f.Add([]byte{22, 3, 3, 255, 255, 1, 0}, uint8(2), uint16(300))
	f.Fuzz(func(t *testing.T, b []byte, how uint8, at uint16) {
		k := kind{Options{Portable: how&1 != 0}, tls.VersionTLS12 + uint16(how>>1&1), how&4 != 0}
		l := start(t, k.o)
		near, far := net.Pipe()
		_ = far.SetDeadline(time.Now().Add(patience))
		p := newSecureProbe()
		do(t, l, func() {
			_ = p.conn.Adopt(l, SocketOf(near), p)
			_ = p.begin(l, k, tlsConfig(k.version))
		})
		c := &cut{Conn: far, left: int(at)}
		c.then = func() { _, _ = far.Write(b); _ = far.SetWriteDeadline(time.Unix(1, 0)) }
		nc := k.far(c, tlsConfig(k.version))
		go func() {
			_, _ = nc.Write([]byte("hello"))
			_, _ = nc.Write(make([]byte, 1<<16))
			_ = nc.CloseWrite()
			_, _ = io.Copy(io.Discard, far)
		}()
		time.AfterFunc(20*time.Millisecond, func() { _ = far.Close() })
		if err := wait(t, p.secured); err == nil {
			_ = wait(t, p.ended)
		}
		do(t, l, func() { p.conn.Close() })
	})
}

// What an owner can ask, and what it can have wait, is with TLS as it is without.
func TestUseTLS(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			l := start(t, k.o)
			p, far := secureds(t, l, k, "tcp")
			asks := func(want string) {
				t.Helper()
				do(t, l, func() {
					bytes, end := p.conn.Peek()
					if got := fmt.Sprint(bytes, end, p.conn.AtEnd()); got != want {
						t.Errorf("bytes, end, at end: %s, want %s", got, want)
					}
				})
			}
			asks("false false false")
			do(t, l, func() { p.conn.Pause() })
			_, _ = far.Write([]byte("one"))
			eventually(t, "it is there", func() (there bool) {
				do(t, l, func() { there, _ = p.conn.Peek() })
				return there
			})
			asks("true false false")
			if len(p.read) > 0 {
				t.Error("it is read while paused")
			}
			do(t, l, func() { p.conn.Resume() })
			if b := wait(t, p.read); string(b) != "one" {
				t.Errorf("%q", b)
			}
			do(t, l, func() { p.conn.Unread([]byte("rest")) })
			asks("true false false")
			q := newSecureProbe()
			do(t, l, func() {
				if !p.conn.HandTo(&q.conn, q) || p.conn.Open() {
					t.Error("it is not handed on")
				}
			})
			_, _ = far.Write([]byte(" and more"))
			if b := gather(t, q.probe, 13); string(b) != "rest and more" {
				t.Errorf("%q", b)
			}
			do(t, l, func() {
				s, err := q.conn.Detach()
				if err != nil || s.FD() != -1 {
					t.Errorf("%v, descriptor %d", err, s.FD())
				}
				if err := p.conn.Adopt(l, s, p); err != nil {
					t.Error(err)
				}
				p.conn.Pause()
			})
			_, _ = far.Write([]byte("last"))
			_ = far.CloseWrite()
			_ = far.NetConn().(*net.TCPConn).CloseWrite()
			if !k.o.Portable {
				wait(t, p.hungUp)
			}
			eventually(t, "it is there", func() (there bool) {
				do(t, l, func() { there, _ = p.conn.Peek() })
				return there
			})
			asks("true false false")
			if len(p.ended) > 0 {
				t.Error("the end is told in front of the bytes")
			}
			do(t, l, func() {
				b := p.conn.Read()
				if end := p.conn.AtEnd(); string(b) != "last" || !end && !k.o.Portable {
					t.Errorf("%q, at the end: %v", b, end)
				}
				p.conn.Resume()
			})
			if err := wait(t, p.ended); err != io.EOF { //nolint:errorlint // it is never wrapped
				t.Error(err)
			}
			asks("false true true")
			long := bytes.Repeat([]byte("farewell"), 1<<20)
			do(t, l, func() {
				if _, err := p.conn.Write(long); err != nil || p.conn.Pending() == 0 {
					t.Errorf("%v, %d pending", err, p.conn.Pending())
				}
				p.conn.CloseAfterFlush(patience)
			})
			if b, err := io.ReadAll(far); !bytes.Equal(b, long) || err != nil {
				t.Errorf("%d bytes, %v", len(b), err)
			}
			_ = far.NetConn().Close()
			eventually(t, "it is closed", func() bool { return l.Conns() == 0 })
		})
	}
}

// A large answer for which nobody has room is kept sealed, whole, and goes to another loop as it is.
func TestPendingTLS(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			a, b := start(t, k.o), start(t, k.o)
			p, far := secureds(t, a, k, "tcp")
			const total = 12 << 20
			var s Socket
			do(t, a, func() {
				for range 3 {
					if _, err := p.conn.Write(make([]byte, total/3)); err != nil {
						t.Error(err)
					}
				}
				if n := p.conn.Pending(); n < total/2 {
					t.Errorf("%d pending", n)
				}
				_ = p.conn.Finish([]byte("x"))
				s, _ = p.conn.Detach()
			})
			do(t, b, func() {
				if err := p.conn.Adopt(b, s, p); err != nil {
					t.Error(err)
				}
			})
			if got, err := io.ReadAll(far); len(got) != total+1 || err != nil || got[total] != 'x' {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			wait(t, p.writable)
			do(t, b, func() { p.conn.Close() })
		})
	}
}

// Certificates are asked for, given and refused, and who is refused hears so.
func TestCertificates(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			l := start(t, k.o)
			for _, known := range []bool{true, false} {
				near, nc := pair(t, "tcp")
				p := newSecureProbe()
				config := tlsConfig(k.version)
				config.ClientAuth = tls.RequireAndVerifyClientCert
				other := config.Clone()
				if !known {
					config.ClientCAs, config.RootCAs = nil, nil // the system's
					other.ClientAuth = tls.RequestClientCert
				}
				do(t, l, func() {
					_ = p.conn.Adopt(l, SocketOf(near), p)
					_ = p.begin(l, k, config)
				})
				far := k.far(nc, other)
				told := make(chan error, 1)
				go func() {
					_, err := far.Read(make([]byte, 1))
					told <- err
				}()
				err := wait(t, p.secured)
				if (err == nil) != known {
					t.Errorf("known %v: %v", known, err)
				}
				if known && len(p.state.PeerCertificates) != 1 {
					t.Errorf("%d certificates", len(p.state.PeerCertificates))
				}
				do(t, l, func() { p.conn.CloseAfterFlush(patience) })
				if err := wait(t, told); (err == io.EOF) != known { //nolint:errorlint // it is never wrapped
					t.Errorf("known %v: told %v", known, err)
				}
				_ = nc.Close()
			}
			eventually(t, "all have gone", func() bool { return l.Conns() == 0 })
		})
	}
}

// Sessions are resumed, in either role: the tickets, which come behind the handshake, are read.
func TestResumption(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			l := start(t, k.o)
			server, client := tlsConfig(k.version), tlsConfig(k.version)
			client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			for i := range 3 {
				near, nc := pair(t, "tcp")
				p := newSecureProbe()
				ours, theirs := server, client
				if k.client {
					ours, theirs = client, server
				}
				do(t, l, func() {
					_ = p.conn.Adopt(l, SocketOf(near), p)
					_ = p.begin(l, k, ours)
				})
				far := k.far(nc, theirs)
				if err := far.Handshake(); err != nil {
					t.Fatal(err)
				}
				if err := wait(t, p.secured); err != nil || p.state.DidResume != (i > 0) {
					t.Errorf("%v, resumed: %v", err, p.state.DidResume)
				}
				go func() { _, _ = far.Write([]byte("x")) }()
				wait(t, p.read)
				do(t, l, func() { _, _ = p.conn.Write([]byte("y")) })
				_, _ = far.Read(make([]byte, 1))
				do(t, l, func() { p.conn.Close() })
			}
		})
	}
}
