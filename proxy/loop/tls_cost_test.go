package loop

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// A statement and its answer cost a relay with TLS on both sides what crypto/tls takes by itself: a reader for each record that it reads. The peers here cost as much again.
func TestFewAllocationsPerMessageTLS(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("goroutines feed the loop here")
	}
	for v, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		t.Run(v, func(t *testing.T) {
			config := tlsConfig(version)
			l := start(t, Options{})
			_, at := throughTLS(t, l, "tcp", server(t, "tcp", echoTLS(config)), sides{front: config, back: config})
			nc := tls.Client(dialTo(t, at), config)
			direct := tls.Client(dialTo(t, server(t, "tcp", echoTLS(config))), config)
			b := make([]byte, 64)
			relayed, bare := testing.AllocsPerRun(1000, func() { ping(nc, b) }), testing.AllocsPerRun(1000, func() { ping(direct, b) })
			most := 2 * bare
			if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
				most = 4 * bare // pools lose things then, on purpose
			}
			if relayed > most {
				t.Errorf("%v allocations, without the relay %v", relayed, bare)
			}
			_, _ = nc.NetConn().Close(), direct.NetConn().Close()
			left(t, l)
		})
	}
}

// What is held for TLS between two statements, beside crypto/tls.
func TestSizesTLS(t *testing.T) {
	if n := unsafe.Sizeof(secure{}) + unsafe.Sizeof(extra{}); n > 320 {
		t.Errorf("%d bytes", n)
	}
}

// wire is a connection that a simulation plays, between a loop and a blocking end. It gives and takes few bytes at a time.
type wire struct {
	mu         sync.Mutex
	changed    sync.Cond
	in, out    []byte // of the loop
	ended      bool
	news       func(News)
	wantsRoom  bool
	most, room int
}

func newWire(most int) *wire {
	w := &wire{most: most, room: 3 * most}
	w.changed.L = &w.mu
	return w
}

func (w *wire) tell(n News) {
	if w.news != nil {
		w.news(n)
	}
	w.changed.Broadcast()
}

func (w *wire) Recv(b []byte) (int, syscall.Errno) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.in) == 0 {
		if w.ended {
			return 0, 0
		}
		return 0, syscall.EAGAIN
	}
	n := copy(b, w.in[:min(len(w.in), w.most)])
	if w.in = w.in[n:]; len(w.in) > 0 {
		w.tell(CanRead)
	}
	return n, 0
}

func (w *wire) Send(b []byte) (int, syscall.Errno) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(b), w.most, w.room-len(w.out))
	if w.wantsRoom = n < len(b); n == 0 {
		return 0, syscall.EAGAIN
	}
	w.out = append(w.out, b[:n]...)
	if w.wantsRoom && len(w.out) < w.room {
		w.tell(CanWrite)
	}
	w.changed.Broadcast()
	return n, 0
}

func (w *wire) Peek() (bytes, end bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.in) > 0, len(w.in) == 0 && w.ended
}
func (w *wire) Finish() {}
func (w *wire) Close()  {}
func (w *wire) Attach(news func(News)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.news = news; len(w.in) > 0 {
		w.tell(CanRead)
	}
}

// wireEnd is the blocking end.
type wireEnd struct {
	net.Conn
	w *wire
}

func (e wireEnd) Read(b []byte) (int, error) {
	w := e.w
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.out) == 0 {
		w.changed.Wait()
	}
	n := copy(b, w.out)
	w.out = w.out[n:]
	w.tell(CanWrite)
	return n, nil
}

func (e wireEnd) Write(b []byte) (int, error) {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	e.w.in = append(e.w.in, b...)
	e.w.tell(CanRead)
	return len(b), nil
}
func (e wireEnd) SetWriteDeadline(time.Time) error { return nil }

// A simulation plays TLS, in its own time.
func TestSimulatedTLS(t *testing.T) {
	authority()
	for _, most := range []int{1, 7, 100, 100000} {
		synctest.Test(t, func(t *testing.T) {
			l, err := New(Options{Dialer: func(net.Addr, func(Player, error)) (stop func()) { return nil }})
			if err != nil {
				t.Fatal(err)
			}
			k, w := kind{version: tls.VersionTLS13}, newWire(most)
			e := &echoed{secureProbe: newSecureProbe()}
			if err := e.conn.Adopt(l, PlayedSocket(w), e); err != nil {
				t.Fatal(err)
			}
			config := tlsConfig(k.version)
			config.Time = func() time.Time { return authority().cert.Leaf.NotAfter.Add(-time.Minute) } // the bubble's clock is another
			if err := e.begin(l, k, config); err != nil {
				t.Fatal(err)
			}
			long, over := make([]byte, min(300000, 3000*most)), make(chan error, 1)
			go func() {
				far := tls.Client(wireEnd{w: w}, config)
				_ = far.Handshake() // ahead of two that want it: a goroutine that waits for a lock is at work, for synctest
				go func() { _, _ = far.Write(long) }()
				_, err := io.ReadFull(far, make([]byte, len(long)))
				_ = far.CloseWrite()
				over <- err
			}()
			for len(e.ended) == 0 {
				if left := l.Step(); !left {
					synctest.Wait()
					if !l.Woken() {
						if len(e.ended) == 0 {
							t.Fatal("nothing more will happen")
						}
					}
				}
			}
			if err := <-e.secured; err != nil {
				t.Error(err)
			}
			if err := <-e.ended; err != io.EOF { //nolint:errorlint // it is never wrapped
				t.Error(err)
			}
			if err := <-over; err != nil {
				t.Error(err)
			}
			l.End()
		})
	}
}

// echoed writes back what it reads.
type echoed struct{ *secureProbe }

func (e *echoed) Readable(c *Conn) {
	if b := c.Read(); len(b) > 0 {
		_, _ = c.Write(b)
	}
	if c.Pending() > 0 {
		c.Pause()
	}
}
func (e *echoed) Writable(c *Conn) { c.Resume() }
