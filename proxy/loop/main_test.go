package loop

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(relayProcess) != "" {
		serveRelay()
		return
	}
	if ln, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		_ = ln.Close() // now the runtime has the descriptors that it keeps
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// pollers are the loops that there are: with epoll, where there is one, and fed by goroutines.
func pollers() map[string]Options {
	all := map[string]Options{"portable": {Portable: true}}
	if runtime.GOOS == "linux" {
		all["epoll"] = Options{}
	}
	return all
}

// start runs a loop. When the test is over no descriptor of it may be left.
func start(t *testing.T, o Options) *Loop {
	t.Helper()
	before := descriptors(t)
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := wait(t, ended); err != nil {
			t.Errorf("Run: %v", err)
		}
		if l.Post(Func(func(*Loop) {})) {
			t.Error("an ended loop takes messages")
		}
		if n := l.Conns(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
		eventually(t, "descriptors closed", func() bool { return len(descriptors(t)) <= len(before) })
	})
	return l
}

// do runs f on the loop's goroutine.
func do(t *testing.T, l *Loop, f func()) {
	t.Helper()
	done := make(chan struct{})
	if !l.Post(Func(func(*Loop) { defer close(done); f() })) {
		t.Fatal("the loop has ended")
	}
	wait(t, done)
}

func wait[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		buf := make([]byte, 1<<20)
		t.Fatalf("nothing has come\n%s", buf[:runtime.Stack(buf, true)])
	}
	return v
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("never: %s %v", what, descriptors(t))
		}
	}
}

// descriptors is what the process has open, but for pipes: io.Copy keeps some to splice with until they are collected, and no loop has any.
func descriptors(t *testing.T) (open []string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return nil
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(to, "pipe:") {
			open = append(open, e.Name()+" "+to)
		}
	}
	return open
}

// listen listens on TCP or a UNIX socket.
func listen(tb testing.TB, network string) net.Listener {
	tb.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(tb.TempDir(), "s")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = ln.Close() })
	return ln
}

// pair is two ends of a connection.
func pair(tb testing.TB, network string) (near, far net.Conn) {
	tb.Helper()
	ln := listen(tb, network)
	far, err := net.Dial(network, ln.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	if near, err = ln.Accept(); err != nil {
		tb.Fatal(err)
	}
	_ = ln.Close()
	tb.Cleanup(func() { _ = far.Close() })
	_ = far.SetDeadline(time.Now().Add(patience))
	return near, far
}

// server answers each connection by handle, in a goroutine of its own.
func server(tb testing.TB, network string, handle func(nc net.Conn)) net.Addr {
	tb.Helper()
	ln := listen(tb, network)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = nc.Close() }()
				handle(nc)
			})
		}
	})
	tb.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	return ln.Addr()
}

func echo(nc net.Conn) {
	_, _ = io.Copy(nc, nc)
	_ = nc.(interface{ CloseWrite() error }).CloseWrite()
}

// probe is an owner that notes what it is told.
type probe struct {
	conn     Conn
	read     chan []byte
	writable chan struct{}
	ended    chan error
	hungUp   chan struct{}
	onRead   func(c *Conn) // in place of reading
}

func newProbe() *probe {
	return &probe{read: make(chan []byte, 1024), writable: make(chan struct{}, 1024), ended: make(chan error, 8), hungUp: make(chan struct{}, 8)}
}

func (p *probe) Readable(c *Conn) {
	if p.onRead != nil {
		p.onRead(c)
		return
	}
	if b := c.Read(); len(b) > 0 {
		p.read <- append([]byte(nil), b...)
	}
}
func (p *probe) Writable(*Conn)         { p.writable <- struct{}{} }
func (p *probe) Ended(_ *Conn, e error) { p.ended <- e }
func (p *probe) HungUp(*Conn)           { p.hungUp <- struct{}{} }

// adopted is a probe on one end of a connection, and the other end.
func adopted(t *testing.T, l *Loop, network string) (*probe, net.Conn) {
	t.Helper()
	near, far := pair(t, network)
	p := newProbe()
	do(t, l, func() {
		if err := p.conn.Adopt(l, SocketOf(near), p); err != nil {
			t.Error(err)
		}
	})
	return p, far
}
