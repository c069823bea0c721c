package loop

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// relay is the plainest owner of two connections.
type relay struct {
	client, backend Conn
	halves          int           // directions that have ended
	paused          *atomic.Int64 // how often a source had to wait
	wide            bool          // its buffers are left as they are
}

func (r *relay) other(c *Conn) *Conn {
	if c == &r.client {
		return &r.backend
	}
	return &r.client
}

func (r *relay) Readable(c *Conn) {
	b, to := c.Read(), r.other(c)
	if len(b) == 0 {
		return
	}
	if _, err := to.Write(b); err != nil {
		r.end()
	} else if to.Pending() > 0 {
		r.paused.Add(1)
		c.Pause()
	}
}

func (r *relay) Writable(c *Conn) {
	if !r.wide {
		_ = c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 32<<10) })
	}
	r.other(c).Resume()
}

func (r *relay) Ended(c *Conn, err error) {
	if r.halves++; err != io.EOF || r.halves == 2 { //nolint:errorlint // it is never wrapped
		if err == io.EOF { //nolint:errorlint // as above
			_ = r.other(c).Finish(nil)
			r.other(c).CloseAfterFlush(time.Hour)
		}
		r.end()
		return
	}
	_ = r.other(c).Finish(nil)
}

func (r *relay) end() {
	r.client.Close()
	r.backend.Close()
}

// relays accepts clients and relays each to an address.
type relays struct {
	to     net.Addr
	paused atomic.Int64
	failed chan error
}

func (r *relays) Accepted(ln *Listener, s Socket, _ netip.AddrPort) {
	n := &relay{paused: &r.paused}
	l := ln.conn.loop
	if n.client.Adopt(l, s, n) != nil {
		return
	}
	n.client.Pause()
	if n.backend.Dial(l, r.to, l.Now()+int64(patience), n) != nil {
		n.end()
	}
}

func (r *relays) AcceptFailed(_ *Listener, err error) {
	if r.failed != nil {
		r.failed <- err
	}
}

// through starts relays to an address, and returns where they listen.
func through(t *testing.T, l *Loop, network string, to net.Addr) (*relays, net.Addr) {
	t.Helper()
	ln := listen(t, network)
	r := &relays{to: to}
	do(t, l, func() {
		n, err := l.Listen(ln, r)
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { do(t, l, n.Close) })
	})
	return r, ln.Addr()
}

// left waits until a loop has nothing but its listener.
func left(t *testing.T, l *Loop) {
	t.Helper()
	eventually(t, "all have left", func() bool { return l.Conns() == 1 })
}

func dialTo(tb testing.TB, a net.Addr) net.Conn {
	tb.Helper()
	nc, err := net.Dial(a.Network(), a.String())
	if err != nil {
		tb.Fatal(err)
	}
	_ = nc.SetDeadline(time.Now().Add(patience))
	tb.Cleanup(func() { _ = nc.Close() })
	return nc
}

// What clients send comes back as it was, in pieces of any size, while they read slowly and buffers are small; and each relay ends when they do.
func TestRelay(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			for _, network := range []string{"tcp", "unix"} {
				t.Run(network, func(t *testing.T) {
					l := start(t, o)
					rs, at := through(t, l, network, server(t, network, echo))
					var wg sync.WaitGroup
					for i := range 8 {
						nc := dialTo(t, at)
						wg.Go(func() { converse(t, nc, uint64(i)) })
					}
					wg.Wait()
					left(t, l)
					if rs.paused.Load() == 0 {
						t.Error("no source ever had to wait: the test has lost its subject")
					}
				})
			}
		})
	}
}

// converse sends some megabytes in pieces, closes its side, and reads slowly what comes back.
func converse(t *testing.T, nc net.Conn, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	if b, ok := nc.(interface{ SetReadBuffer(n int) error }); ok && seed%2 == 0 {
		_ = b.SetReadBuffer(128 << 10)
	}
	sent, got := sha256.New(), sha256.New()
	total := 0
	done := make(chan error, 1)
	go func() {
		buf := make([]byte, 1<<20)
		for i := range buf {
			buf[i] = byte(r.Uint32())
		}
		for range 60 {
			b := buf[r.IntN(100):][:1+r.IntN(1<<r.IntN(20))]
			total += len(b)
			sent.Write(b)
			if _, err := nc.Write(b); err != nil {
				done <- err
				return
			}
		}
		done <- nc.(interface{ CloseWrite() error }).CloseWrite()
	}()
	time.Sleep(20 * time.Millisecond) // a slow reader: everything fills up
	n, err := io.Copy(got, nc)
	if e := wait(t, done); e != nil || err != nil || int(n) != total || !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
		t.Errorf("sent %d (%v), got %d (%v)", total, e, n, err)
	}
}

// A client that resets its connection takes the backend's with it, and the other way round.
func TestReset(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			reset := func(nc net.Conn) {
				_ = nc.(*net.TCPConn).SetLinger(0)
				_ = nc.Close()
			}
			saw := make(chan error, 1)
			_, at := through(t, l, "tcp", server(t, "tcp", func(nc net.Conn) {
				var b [1]byte
				_, _ = io.ReadFull(nc, b[:])
				if b[0] == 'r' {
					reset(nc)
					return
				}
				_, _ = nc.Write([]byte("x"))
				_, err := nc.Read(b[:])
				saw <- err
			}))
			nc := dialTo(t, at)
			_, _ = nc.Write([]byte("c"))
			_, _ = io.ReadFull(nc, make([]byte, 1))
			reset(nc)
			if err := wait(t, saw); err == nil {
				t.Error("the backend notices nothing")
			}
			nc = dialTo(t, at)
			_, _ = nc.Write([]byte("r"))
			if _, err := nc.Read(make([]byte, 1)); err == nil {
				t.Error("the client notices nothing")
			}
			left(t, l)
		})
	}
}

// A failure is told once, by its name.
func TestFailuresAreToldOnce(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			p, far := adopted(t, l, "tcp")
			_, _ = far.Write([]byte("last"))
			if b := wait(t, p.read); string(b) != "last" {
				t.Fatalf("%q", b)
			}
			_ = far.(*net.TCPConn).SetLinger(0)
			_ = far.Close()
			if err := wait(t, p.ended); err != syscall.ECONNRESET { //nolint:errorlint // it is never wrapped
				t.Errorf("%v", err)
			}
			do(t, l, func() {
				if n, err := p.conn.Write([]byte("x")); n != 0 || err == nil {
					t.Errorf("Write: %d, %v", n, err)
				}
				if !p.conn.PeerGone() {
					t.Error("nobody knows that the peer has gone")
				}
			})
			do(t, l, func() { p.conn.Close() })
			if len(p.ended) > 0 {
				t.Errorf("again: %v", <-p.ended)
			}
		})
	}
}

// Bytes that came in front of a failed write are read before its failure is told.
func TestFailedWriteIsToldBehindTheBytes(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			near, far := pair(t, "tcp")
			_, _ = far.Write([]byte("goodbye"))
			_ = far.Close()
			p := newProbe()
			do(t, l, func() {
				if err := p.conn.Adopt(l, SocketOf(near), p); err != nil {
					t.Fatal(err)
				}
				p.conn.Pause()
			})
			if !o.Portable {
				wait(t, p.hungUp) // though it is paused
			}
			eventually(t, "a write fails", func() (failed bool) {
				do(t, l, func() {
					_, err := p.conn.Write([]byte("x"))
					failed = err != nil
				})
				return failed
			})
			if len(p.ended) > 0 {
				t.Fatal("it is told before the bytes are read")
			}
			do(t, l, func() { p.conn.Resume() })
			if b := wait(t, p.read); string(b) != "goodbye" {
				t.Errorf("%q", b)
			}
			if err := wait(t, p.ended); err == nil || err == io.EOF { //nolint:errorlint // it is never wrapped
				t.Errorf("%v", err)
			}
		})
	}
}

func TestDialedRelaysOfManyClients(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			_, at := through(t, l, "tcp", server(t, "tcp", echo))
			var wg sync.WaitGroup
			for i := range 64 {
				nc := dialTo(t, at)
				wg.Go(func() {
					for j := range 50 {
						want := fmt.Sprintf("statement %d of client %d", j, i)
						got := make([]byte, len(want))
						_, _ = nc.Write([]byte(want))
						if _, err := io.ReadFull(nc, got); err != nil || string(got) != want {
							t.Errorf("%q, %v; want %q", got, err, want)
							return
						}
					}
					_ = nc.Close()
				})
			}
			wg.Wait()
			left(t, l)
		})
	}
}
