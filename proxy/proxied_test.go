package proxy

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"segue/backend"
)

// proxied is a Server under test.
type proxied struct {
	*Server
	t        *testing.T
	registry *backend.Registry
	addr     string
	stop     context.CancelFunc
	done     chan error
}

func start(t *testing.T, o Options, specs ...backend.Spec) *proxied {
	t.Helper()
	o = offeringTLS(t, o)
	return startWith(t, specs, func(r *backend.Registry) *Server { return NewServer(r, o, slog.New(slog.DiscardHandler), nil) })
}

func startWith(t *testing.T, specs []backend.Spec, server func(*backend.Registry) *Server) *proxied {
	t.Helper()
	registry := backend.NewRegistry(backend.Options{SlowStart: -1})
	registry.Apply(specs)
	for _, b := range registry.Backends() {
		registry.SetHealth(b, backend.Up, "")
	}
	ln, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &proxied{Server: server(registry), t: t, registry: registry, addr: ln.Addr().String(), stop: cancel, done: make(chan error, 1)}
	go func() { p.done <- p.Serve(ctx, ln) }()
	t.Cleanup(p.shut)
	if onSeveralLoops(t.Name()) || onTLS(t.Name()) {
		p.unsettle(3)
	}
	return p
}

func (p *proxied) shut() {
	p.stop()
	p.Close()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Error("Serve does not return")
	}
}

// eventually waits until what is said becomes true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

func (p *proxied) waitSessions(n int) {
	p.t.Helper()
	eventually(p.t, "the number of sessions", func() bool { return len(p.Sessions()) == n })
}

func (p *proxied) waitState(state State) {
	p.t.Helper()
	eventually(p.t, "a session in state "+state.String(), func() bool {
		s := p.Sessions()
		return len(s) == 1 && s[0].State == state.String()
	})
}
