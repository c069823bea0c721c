package proxy

import (
	"context"
	"net"
	"testing"

	"segue/backend"
)

// echoing is a server in front of an echo backend, and what it is to accept on.
func echoing(t *testing.T) (*Server, net.Listener) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	registry := backend.NewRegistry(backend.Options{})
	registry.Apply([]backend.Spec{newPeer(t, echo).spec("a")})
	return NewServer(registry, Options{}, nil, nil), ln
}

// A listener that fails for a while does not end the server: bugs.md 11.
func TestBug11_AcceptGoesOnAfterAnError(t *testing.T) {
	s, ln := echoing(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, &flaky{Listener: ln, failures: 3}) }()
	p := &proxied{Server: s, t: t, addr: ln.Addr().String()}
	d := p.connect()
	d.ask("SELECT 1")
	_ = d.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Where somebody else has closed the listener, the sessions go on until they end.
func TestServeWithoutListener(t *testing.T) {
	for name, end := range map[string]func(c net.Conn, cancel func()){
		"the last one ends": func(c net.Conn, _ func()) { _ = c.Close() },
		"told to stop":      func(_ net.Conn, cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			s, ln := echoing(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- s.Serve(ctx, ln) }()
			p := &proxied{Server: s, t: t, addr: ln.Addr().String()}
			d := p.connect()
			d.ask("SELECT 1")
			_ = ln.Close()
			for range 3 {
				d.ask("SELECT 1")
			}
			select {
			case err := <-done:
				t.Fatalf("Serve has returned: %v", err)
			default:
			}
			end(d, cancel)
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// flaky is a listener whose first calls of Accept fail.
type flaky struct {
	net.Listener
	failures int
}

func (f *flaky) Accept() (net.Conn, error) {
	if f.failures > 0 {
		f.failures--
		return nil, &net.OpError{Op: "accept", Err: net.ErrWriteToConnected}
	}
	return f.Listener.Accept()
}
