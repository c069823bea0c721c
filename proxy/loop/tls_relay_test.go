package loop

import (
	"crypto/sha256"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
)

// sides are where a relay has TLS.
type sides struct {
	front, back *tls.Config // nil: none
}

// tlsRelay is a relay that has TLS with its client first, and then with its backend, or with one of them.
type tlsRelay struct {
	relay
	sides
	to net.Addr
}

// accepted goes on with a client.
func (r *tlsRelay) accepted(l *Loop, s Socket) {
	if r.client.Adopt(l, s, r) != nil {
		return
	}
	r.client.Pause()
	if r.front == nil {
		r.dial()
	} else if r.client.Secure(Secured{Config: r.front, Deadline: l.Now() + int64(patience), Done: r}) != nil {
		r.end()
	}
}

func (r *tlsRelay) dial() {
	l := r.client.Loop()
	if r.backend.Dial(l, r.to, l.Now()+int64(patience), r) != nil {
		r.end()
	}
}

func (r *tlsRelay) Writable(c *Conn) {
	if to := r.back; c == &r.backend && to != nil {
		r.back = nil
		if c.Secure(Secured{Config: to, Client: true, Deadline: c.Loop().Now() + int64(patience), Done: r}) != nil {
			r.end()
		}
		return
	}
	r.relay.Writable(c)
}

func (r *tlsRelay) Secured(c *Conn, _ tls.ConnectionState, err error) {
	switch {
	case err != nil:
		r.end()
	case c == &r.client:
		r.dial()
	default:
		r.relay.Writable(c)
	}
}

// tlsRelays accepts clients for such relays.
type tlsRelays struct {
	relays
	sides
	wide bool
	all  []*tlsRelay
}

func (r *tlsRelays) Accepted(ln *Listener, s Socket, _ netip.AddrPort) {
	n := &tlsRelay{relay: relay{paused: &r.paused, wide: r.wide}, sides: r.sides, to: r.to}
	r.all = append(r.all, n)
	n.accepted(ln.conn.loop, s)
}

// throughTLS starts relays, and returns where they listen.
func throughTLS(t *testing.T, l *Loop, network string, to net.Addr, with sides) (*tlsRelays, net.Addr) {
	t.Helper()
	ln := listen(t, network)
	r := &tlsRelays{relays: relays{to: to}, sides: with}
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

// echoTLS is an echo behind TLS.
func echoTLS(config *tls.Config) func(net.Conn) {
	return func(nc net.Conn) { echo(tls.Server(nc, config)) }
}

// What clients send by TLS comes back by TLS, in records of any size, while they read slowly; and each relay ends when they do.
func TestRelayTLS(t *testing.T) {
	for name, o := range pollers() {
		for v, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
			for _, both := range []bool{false, true} {
				t.Run(name+" "+v, func(t *testing.T) {
					l := start(t, o)
					config := tlsConfig(version)
					with, to := sides{front: config}, echo
					if both {
						with.back, to = config, echoTLS(config)
					}
					rs, at := throughTLS(t, l, "tcp", server(t, "tcp", to), with)
					var wg sync.WaitGroup
					for i := range 6 {
						nc := dialTo(t, at)
						wg.Go(func() { converse(t, tls.Client(nc, config), uint64(i)); _ = nc.Close() })
					}
					wg.Wait()
					left(t, l)
					if rs.paused.Load() == 0 {
						t.Error("no source ever had to wait: the test has lost its subject")
					}
				})
			}
		}
	}
}

// tlsTraveller is a relay with TLS on both sides that goes from loop to loop.
type tlsTraveller struct {
	traveller
	shaken int
}

func (r *tlsTraveller) Secured(c *Conn, _ tls.ConnectionState, err error) {
	if err != nil {
		r.end()
		return
	}
	c.owner = &r.traveller
	if r.shaken++; r.shaken == 2 {
		r.client.Resume()
		r.backend.Resume()
		r.travel()
	}
}

// Relays with TLS go from loop to loop in the middle of records, and lose nothing.
func TestHandOverTLS(t *testing.T) {
	for name, o := range pollers() {
		for v, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
			t.Run(name+" "+v, func(t *testing.T) {
				loops := []*Loop{start(t, o), start(t, o), start(t, Options{Portable: o.Portable})}
				config := tlsConfig(version)
				var moves, paused atomic.Int64
				var wg sync.WaitGroup
				for i := range 4 {
					backend := dialTo(t, server(t, "tcp", echoTLS(config)))
					near, far := pair(t, "tcp")
					r := &tlsTraveller{traveller: traveller{relay: relay{paused: &paused}, loops: loops, moves: &moves, limit: 1000}}
					l := loops[0]
					do(t, l, func() {
						_ = r.client.Adopt(l, SocketOf(near), &r.traveller)
						_ = r.backend.Adopt(l, SocketOf(backend), &r.traveller)
						for _, c := range []*Conn{&r.client, &r.backend} {
							c.Pause()
							if err := c.Secure(Secured{Config: config, Client: c == &r.backend, Deadline: l.Now() + int64(patience), Done: r}); err != nil {
								t.Error(err)
							}
						}
					})
					wg.Go(func() {
						nc := tls.Client(far, config)
						if err := nc.Handshake(); err != nil {
							t.Error(err)
							return
						}
						count(t, nc, uint64(i))
						_ = far.Close()
					})
				}
				wg.Wait()
				eventually(t, "all end", func() bool { return loops[0].Conns()+loops[1].Conns()+loops[2].Conns() == 0 })
				if moves.Load() < 50 {
					t.Errorf("only %d hand-overs: the test has lost its subject", moves.Load())
				}
			})
		}
	}
}

// A large answer to a client that reads slowly is read from its backend no faster, and comes whole.
func TestSlowReaderTLS(t *testing.T) {
	const total = 48 << 20
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			sent := make(chan []byte, 1)
			rs, at := throughTLS(t, l, "tcp", server(t, "tcp", func(nc net.Conn) {
				r, sum, buf := rand.NewChaCha8([32]byte{1}), sha256.New(), make([]byte, 1<<20)
				for range total / len(buf) {
					_, _ = r.Read(buf)
					sum.Write(buf)
					if _, err := nc.Write(buf); err != nil {
						t.Error(err)
					}
				}
				_ = nc.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, nc)
				sent <- sum.Sum(nil)
			}), sides{front: tlsConfig(tls.VersionTLS13)})
			nc := dialTo(t, at)
			_ = nc.(*net.TCPConn).SetReadBuffer(128 << 10)
			far, sum := tls.Client(nc, tlsConfig(tls.VersionTLS13)), sha256.New()
			if _, err := io.CopyN(sum, far, 1); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the source waits", func() (waits bool) {
				do(t, l, func() {
					r := rs.all[0]
					waits = r.backend.Paused()
					if n := r.client.Pending(); n > largeRead+largeRead/50 || (n == 0) == waits {
						t.Errorf("%d bytes are pending, the source waits: %v", n, waits)
					}
				})
				return waits
			})
			if n, err := io.Copy(sum, far); n != total-1 || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
			_ = nc.Close()
			if got := sum.Sum(nil); string(got) != string(wait(t, sent)) {
				t.Error("something else has come")
			}
			left(t, l)
		})
	}
}
