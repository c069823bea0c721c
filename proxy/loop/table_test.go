package loop

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// A callback may close the other connections for which the same turn has something.
func TestCloseOthersOfTheTurn(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			var calls int
			var probes []*probe
			var fars []net.Conn
			for range 8 {
				p, far := adopted(t, l, "tcp")
				p.onRead = func(*Conn) {
					calls++
					for _, q := range probes {
						q.conn.Close()
					}
				}
				probes, fars = append(probes, p), append(fars, far)
			}
			release := held(l)
			for _, far := range fars {
				_, _ = far.Write([]byte("x"))
			}
			release()
			eventually(t, "all are closed", func() bool { return l.Conns() == 0 })
			do(t, l, func() {
				if calls != 1 {
					t.Errorf("%d calls", calls)
				}
			})
		})
	}
}

// held keeps a loop busy until release.
func held(l *Loop) (release func()) {
	in, out := make(chan struct{}), make(chan struct{})
	l.Post(Func(func(*Loop) { close(in); <-out }))
	<-in
	return func() { close(out) }
}

// One that never stops sending does not hold up the others.
func TestFairness(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			_, at := through(t, l, "tcp", server(t, "tcp", echo))
			bulk := dialTo(t, at)
			stop := make(chan struct{})
			done := make(chan struct{}, 2)
			go func() {
				defer func() { done <- struct{}{} }()
				for b := make([]byte, 1<<20); ; {
					select {
					case <-stop:
						_ = bulk.(interface{ CloseWrite() error }).CloseWrite()
						return
					default:
						_, _ = bulk.Write(b)
					}
				}
			}()
			var carried atomic.Int64
			go func() {
				defer func() { done <- struct{}{} }()
				for b := make([]byte, 1<<20); ; {
					n, err := bulk.Read(b)
					carried.Add(int64(n))
					if err != nil {
						return
					}
				}
			}()
			nc := dialTo(t, at)
			var worst time.Duration
			got := make([]byte, 9)
			for i := 0; i < 200 || carried.Load() < 4<<20; i++ {
				began := time.Now()
				_, _ = nc.Write([]byte("statement"))
				if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, []byte("statement")) {
					t.Fatalf("%q, %v", got, err)
				}
				worst = max(worst, time.Since(began))
			}
			close(stop)
			<-done
			<-done
			_ = nc.Close()
			left(t, l)
			t.Logf("worst beside a stream of %d MB: %v", carried.Load()>>20, worst)
		})
	}
}

// In one turn each connection is read once, whatever one of them still has.
func TestOneReadPerTurn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what a turn hears of is not to be known here")
	}
	l := start(t, Options{})
	var fars []net.Conn
	reads := make(chan string, 100) // to ask the loop would wake it
	reader := func(name string) func(c *Conn) {
		return func(c *Conn) {
			if len(c.Read()) > 0 {
				reads <- name
			}
			spin(3 * time.Millisecond) // longer than a loop goes on without a pause: it must not forget what is left
		}
	}
	for _, name := range []string{"bulk", "small"} {
		p, far := adopted(t, l, "unix")
		p.onRead = reader(name)
		fars = append(fars, far)
	}
	release := held(l)
	_ = fars[0].(*net.UnixConn).SetWriteBuffer(1 << 20)
	_, _ = fars[0].Write(make([]byte, 3*smallRead))
	_, _ = fars[1].Write([]byte("x"))
	release()
	for i, want := range []string{"bulk", "small", "bulk"} {
		if got := wait(t, reads); got != want {
			t.Errorf("read %d is %s's", i, got)
		}
	}
}

// spin is work.
func spin(d time.Duration) {
	for began := time.Now(); time.Since(began) < d; {
	}
}

// More connections than one turn hears of have their turn all the same, if they keep the loop busy for long.
func TestMoreThanATurnHearsOf(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			read := make(chan int, 300) // to ask the loop would wake it
			fars := make([]net.Conn, 300)
			for i := range fars {
				var p *probe
				p, fars[i] = adopted(t, l, "unix")
				do(t, l, func() {
					p.onRead = func(c *Conn) {
						read <- len(c.Read())
						spin(10 * time.Microsecond)
					}
				})
			}
			release := held(l)
			for _, far := range fars {
				_, _ = far.Write([]byte("x"))
			}
			release()
			for range fars {
				wait(t, read)
			}
		})
	}
}
