package proxy

import (
	"context"
	"net"
	"testing"

	"segue/backend"
)

// A listener that fails for a while does not end the server: bugs.md 11.
func TestBug11_AcceptGoesOnAfterAnError(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	registry := backend.NewRegistry(backend.Options{})
	registry.Apply([]backend.Spec{newPeer(t, echo).spec("a")})
	s := NewServer(registry, Options{}, nil, nil)
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
	go func() { done <- s.Serve(t.Context(), &flaky{Listener: ln}) }()
	if err := <-done; err == nil {
		t.Error("a closed listener is no error")
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
		return nil, &net.OpError{Op: "accept", Err: errNotASocket}
	}
	return f.Listener.Accept()
}
