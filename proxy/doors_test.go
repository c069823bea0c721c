package proxy

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// Listeners come and go while the server serves; sessions that came by one that has gone stay. It ends when somebody else has closed the last.
func TestDoorsComeAndGo(t *testing.T) {
	s, first := echoing(t)
	second, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s.sock")
	unix, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	third := Accepting(unix)
	s.Listen(second)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, first) }()
	p := &proxied{Server: s, t: t, addr: second.Addr().String()}
	stays := p.connect()
	stays.ask("SELECT 1")
	s.Listen(third)
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Errorf("no greeting by the UNIX socket: %v", err)
	}
	if list := s.Sessions(); len(list) != 2 || !strings.HasPrefix(list[0].Client+list[1].Client, "127.0.0.1:") && !strings.HasPrefix(list[0].Client, "unix") {
		t.Errorf("%+v", list)
	}
	s.Unlisten(second)
	if _, err := net.Dial("tcp", p.addr); err == nil {
		t.Error("it listens still")
	}
	stays.ask("SELECT 1")
	_ = first.Close()
	select {
	case err := <-done:
		t.Fatalf("Serve has returned: %v", err)
	default:
	}
	_ = third.Close()
	_ = c.Close()
	_ = stays.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	s.Listen(second) // which nobody accepts on any more
}

// It ends as well when the last one is taken away, and when one turns out to be closed by the socket itself.
func TestDoorsEnd(t *testing.T) {
	for name, end := range map[string]func(s *Server, ln *listener){
		"taken away":      func(s *Server, ln *listener) { s.Unlisten(ln) },
		"socket closed":   func(_ *Server, ln *listener) { _ = ln.Listener.Close() },
		"listener closed": func(_ *Server, ln *listener) { _ = ln.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			s, first := echoing(t)
			ln, _ := Accepting(first).(*listener)
			if name == "socket closed" {
				end(s, ln) // before the loop has a descriptor of its own
			}
			done := make(chan error, 1)
			go func() { done <- s.Serve(t.Context(), ln) }()
			if name != "socket closed" {
				d := (&proxied{Server: s, t: t, addr: first.Addr().String()}).connect()
				d.ask("SELECT 1")
				_ = d.Close()
				end(s, ln)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
