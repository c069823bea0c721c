package loop

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// traveller is a relay that goes to the next loop every now and then, in the middle of whatever it is doing.
type traveller struct {
	relay
	loops []*Loop
	at    int
	moves *atomic.Int64
	limit int
}

func (r *traveller) Readable(c *Conn) {
	r.relay.Readable(c)
	if r.limit--; r.limit > 0 {
		r.travel()
	}
}

func (r *traveller) travel() {
	if !r.client.Open() || !r.backend.Open() {
		return
	}
	p := &passage{r: r, paused: [2]bool{r.client.Paused(), r.backend.Paused()}}
	for i, c := range []*Conn{&r.client, &r.backend} {
		var err error
		if p.sockets[i], err = c.Detach(); err != nil {
			panic(err)
		}
	}
	r.at = (r.at + 1) % len(r.loops)
	r.moves.Add(1)
	if !r.loops[r.at].Post(p) {
		p.sockets[0].Close()
		p.sockets[1].Close()
	}
}

// passage is a traveller between two loops.
type passage struct {
	r       *traveller
	sockets [2]Socket
	paused  [2]bool
}

func (p *passage) Deliver(l *Loop) {
	for i, c := range []*Conn{&p.r.client, &p.r.backend} {
		if err := c.Adopt(l, p.sockets[i], p.r); err != nil {
			continue
		}
		if p.paused[i] {
			c.Pause()
		}
	}
}

// Relays that go from loop to loop under traffic lose nothing: no byte, in neither direction, no end, no descriptor.
func TestHandOverUnderTraffic(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			loops := []*Loop{start(t, o), start(t, o), start(t, Options{Portable: o.Portable})}
			var moves, paused atomic.Int64
			var wg sync.WaitGroup
			for i := range 6 {
				backend := dialTo(t, server(t, "tcp", echo))
				near, far := pair(t, "tcp")
				r := &traveller{relay: relay{paused: &paused}, loops: loops, moves: &moves, limit: 2000}
				p := &passage{r: r, sockets: [2]Socket{SocketOf(near), SocketOf(backend)}}
				loops[0].Post(p)
				wg.Go(func() { count(t, far, uint64(i)) })
			}
			wg.Wait()
			eventually(t, "all end", func() bool { return loops[0].Conns()+loops[1].Conns()+loops[2].Conns() == 0 })
			if moves.Load() < 50 {
				t.Errorf("only %d hand-overs: the test has lost its subject", moves.Load())
			}
			t.Logf("%d hand-overs, %d pauses", moves.Load(), paused.Load())
		})
	}
}

// count sends numbers in pieces of any size, and expects them back in order, then the end.
func count(t *testing.T, nc net.Conn, seed uint64) {
	t.Helper()
	const numbers = 1 << 18
	go func() {
		r := rand.New(rand.NewPCG(seed, 2))
		b := make([]byte, 0, 4*numbers)
		for i := range uint32(numbers) {
			b = binary.BigEndian.AppendUint32(b, i)
		}
		for len(b) > 0 {
			n := min(len(b), 1+r.IntN(1<<r.IntN(14)))
			if _, err := nc.Write(b[:n]); err != nil {
				t.Error(err)
				return
			}
			b = b[n:]
		}
		_ = nc.(interface{ CloseWrite() error }).CloseWrite()
	}()
	got, err := io.ReadAll(nc)
	if err != nil || len(got) != 4*numbers {
		t.Errorf("%d bytes of %d, %v", len(got), 4*numbers, err)
		return
	}
	for i := range uint32(numbers) {
		if n := binary.BigEndian.Uint32(got[4*i:]); n != i {
			t.Errorf("%d where %d was due", n, i)
			return
		}
	}
	_ = nc.Close()
}

// What is pending goes with the connection, and so does an end that its owner has not been told of.
func TestHandOverOfWhatIsPending(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			a, b := start(t, o), start(t, o)
			p, far := adopted(t, a, "tcp")
			const total = 12 << 20
			var s Socket
			do(t, a, func() {
				p.conn.Pause()
				if _, err := p.conn.Write(make([]byte, total)); err != nil || p.conn.Pending() == 0 {
					t.Errorf("%v, %d pending", err, p.conn.Pending())
				}
				_ = p.conn.Finish([]byte("x"))
			})
			_, _ = far.Write([]byte("y"))
			_ = far.(*net.TCPConn).CloseWrite()
			time.Sleep(5 * time.Millisecond) // either loop may see it
			do(t, a, func() { s, _ = p.conn.Detach() })
			do(t, b, func() {
				if err := p.conn.Adopt(b, s, p); err != nil {
					t.Error(err)
				}
			})
			if got := wait(t, p.read); string(got) != "y" {
				t.Errorf("%q", got)
			}
			if err := wait(t, p.ended); err != io.EOF { //nolint:errorlint // it is never wrapped
				t.Error(err)
			}
			if got, err := io.ReadAll(far); len(got) != total+1 || err != nil {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			wait(t, p.writable)
			do(t, b, func() { p.conn.Close() })
		})
	}
}
