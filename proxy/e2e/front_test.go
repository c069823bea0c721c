package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
)

// front stands before a server as its own address would, and can close connections as a server does that is tired of them: by a FIN,
// without a word, while its health is good and it takes new ones.
type front struct {
	ln      net.Listener
	target  string
	running sync.WaitGroup

	mu   sync.Mutex
	open map[net.Conn]bool
}

// startFront starts one in front of target. It ends with the test.
func startFront(t *testing.T, target string) *front {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	return startFrontOn(t, ln, target)
}

// startFrontOn is startFront on a listener that there is.
func startFrontOn(t *testing.T, ln net.Listener, target string) *front {
	t.Helper()
	f := &front{ln: ln, target: target, open: map[net.Conn]bool{}}
	f.running.Go(f.serve)
	t.Cleanup(func() {
		_ = ln.Close()
		f.cut()
		f.running.Wait()
	})
	return f
}

func (f *front) address() string { return f.ln.Addr().String() }

func (f *front) serve() {
	for {
		near, err := f.ln.Accept()
		if err != nil {
			return
		}
		f.note(near, true)
		f.running.Go(func() {
			f.pass(near)
			f.note(near, false)
		})
	}
}

func (f *front) note(c net.Conn, open bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if open {
		f.open[c] = true
	} else {
		delete(f.open, c)
	}
}

// pass carries one connection until either side has closed.
func (f *front) pass(near net.Conn) {
	defer func() { _ = near.Close() }()
	far, err := net.Dial("tcp", f.target)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(near, far)
		_ = near.Close()
	})
	_, _ = io.Copy(far, near)
	_ = far.Close()
	back.Wait()
}

// cut closes every connection, and tells how many there were.
func (f *front) cut() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.open {
		_ = c.Close()
	}
	return len(f.open)
}
