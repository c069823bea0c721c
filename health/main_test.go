package health

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"segue/backend"
)

// registryOf makes a registry from these specs.
func registryOf(specs ...backend.Spec) *backend.Registry {
	r := backend.NewRegistry(backend.Options{})
	r.Apply(specs)
	return r
}

// oneBackend makes a registry of one backend at these places.
func oneBackend(address, healthURL string) (*backend.Registry, *backend.Backend) {
	r := registryOf(backend.Spec{Name: "fe-1", Address: address, HealthURL: healthURL})
	return r, r.Backends()[0]
}

// run runs m until the test ends, or until the function that it returns is called. That waits for the end.
func run(t *testing.T, m *Monitor) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// await waits until the backend has this health.
func await(t *testing.T, r *backend.Registry, b *backend.Backend, h backend.Health) backend.Status {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		changed := r.Changed()
		if s := b.Status(); s.Health == h {
			return s
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%s is %+v, not %v", b.Name(), b.Status(), h)
		}
	}
}

// logLines collects log records as "message key=value …" without the time and took.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "took" || a.Key == "stack" {
				return slog.Attr{}
			}
			return a
		},
	}))
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p[:len(p)-1]))
	return len(p), nil
}

func (l *logLines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines...)
}
