package e2e

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestCable: a cable does to connections what incidents count on.
func TestCable(t *testing.T) {
	server := startEcho(t)
	for name, try := range map[string]func(t *testing.T, c *cable, conn net.Conn){
		"carries": func(t *testing.T, _ *cable, conn net.Conn) {
			t.Helper()
			say(t, conn, "hello")
			hear(t, conn, "hello")
		},
		"mute": func(t *testing.T, c *cable, conn net.Conn) {
			t.Helper()
			c.set(condition{mute: true})
			say(t, conn, "hello")
			server.wait(t, "hello")
			hearNothing(t, conn)
			c.set(condition{})
			hear(t, conn, "hello")
		},
		"deaf": func(t *testing.T, c *cable, conn net.Conn) {
			t.Helper()
			c.set(condition{deaf: true})
			say(t, conn, "hello")
			hearNothing(t, conn)
			if got := server.heard(); got != "" {
				t.Errorf("the server has heard %q", got)
			}
			c.set(condition{})
			hear(t, conn, "hello")
		},
		"bites": func(t *testing.T, c *cable, conn net.Conn) {
			t.Helper()
			c.bite(1, 0)
			say(t, conn, "hello")
			hear(t, conn, "he")
			hearEnd(t, conn, syscall.ECONNRESET)
		},
		"resets": func(t *testing.T, c *cable, conn net.Conn) {
			t.Helper()
			c.reset()
			hearEnd(t, conn, syscall.ECONNRESET)
		},
		"loses answers": func(t *testing.T, c *cable, conn net.Conn) {
			t.Helper()
			c.set(condition{mute: true})
			say(t, conn, "hello")
			server.wait(t, "hello")
			c.reset()
			hearEnd(t, conn, syscall.ECONNRESET)
		},
		"finishes": func(t *testing.T, c *cable, conn net.Conn) {
			t.Helper()
			c.finish()
			hearEnd(t, conn, io.EOF)
		},
	} {
		t.Run(name, func(t *testing.T) {
			server.forget()
			c := startCable(t, server.ln.Addr().String())
			conn, err := net.Dial("tcp", c.address())
			if err != nil {
				t.Fatalf("dial: %v", err)
			}
			defer conn.Close()
			say(t, conn, "first")
			hear(t, conn, "first") // it is through
			server.forget()
			try(t, c, conn)
		})
	}
}

// echo is a server that says what it hears.
type echo struct {
	ln      net.Listener
	running sync.WaitGroup
	mu      sync.Mutex
	text    string
}

func startEcho(t *testing.T) *echo {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	e := &echo{ln: ln}
	e.running.Go(e.serve)
	t.Cleanup(func() {
		ln.Close()
		e.running.Wait()
	})
	return e
}

func (e *echo) serve() {
	for {
		c, err := e.ln.Accept()
		if err != nil {
			return
		}
		e.running.Go(func() {
			defer c.Close()
			_, _ = io.Copy(c, io.TeeReader(c, e))
		})
	}
}

func (e *echo) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.text += string(p)
	return len(p), nil
}

func (e *echo) heard() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.text
}

func (e *echo) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.text = ""
}

func (e *echo) wait(t *testing.T, want string) {
	t.Helper()
	waitFor(t, "the server to hear it", func() bool { return e.heard() == want })
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatalf("say: %v", err)
	}
}

func hear(t *testing.T, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	_ = c.SetReadDeadline(time.Now().Add(startTimeout))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Fatalf("heard %q, want %q: %v", b, want, err)
	}
}

func hearNothing(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("heard %d bytes: %v", n, err)
	}
}

func hearEnd(t *testing.T, c net.Conn, want error) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(startTimeout))
	if n, err := c.Read(make([]byte, 1)); n > 0 || !errors.Is(err, want) {
		t.Fatalf("heard %d bytes and %v, want %v", n, err, want)
	}
}
