package proxy

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"segue/backend"
)

// logged is a log that lets a test look on while a line is written.
type logged func(message string)

func (l logged) Enabled(context.Context, slog.Level) bool { return true }
func (l logged) Handle(_ context.Context, r slog.Record) error {
	l(r.Message)
	return nil
}
func (l logged) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l logged) WithGroup(string) slog.Handler      { return l }

// loggedBetween is between with a log.
func loggedBetween(t *testing.T, l logged, a, b func(c *peerConn)) (*proxied, *driver) {
	t.Helper()
	p := startWith(t, []backend.Spec{newPeer(t, a).spec("a"), newPeer(t, b).spec("b")}, func(r *backend.Registry) *Server {
		return NewServer(r, known(), slog.New(l), nil)
	})
	_ = p.registry.SetAdmin("b", backend.Maint)
	d := p.connect()
	p.ready("b")
	return p, d
}

// While the log takes no line of a failure, those whom it befell are told, and go on.
func TestLogThatIsStuckKeepsNobodyWaiting(t *testing.T) {
	free := make(chan struct{})
	p, d := loggedBetween(t, func(message string) {
		if message == "a client saw an error" || message == "no client saw a failure" {
			<-free
		}
	}, losing, echo)
	t.Cleanup(func() { close(free) })
	told := make(chan error, 1)
	go func() {
		d.query("LOSE")
		_, err := d.row()
		told <- err
	}()
	select {
	case err := <-told:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(patience):
		t.Fatal("the client waits for the log")
	}
	d.ask("SELECT 1")
	p.onB()
}

// Whoever writes a line to the log holds no lock of the server.
func TestNobodyLogsUnderALock(t *testing.T) {
	refuses := failures["reset before the greeting"]
	for name, test := range map[string]struct {
		b    func(c *peerConn)
		act  func(p *proxied, d *driver)
		want []string
	}{
		"lost":    {echo, func(p *proxied, d *driver) { d.query("LOSE"); _, _ = d.row(); p.onB() }, []string{"session moved", "a client saw an error"}},
		"leaves":  {echo, func(p *proxied, _ *driver) { p.leave("a"); p.onB() }, []string{"session moved", "draining sessions"}},
		"nowhere": {refuses, func(p *proxied, _ *driver) { p.leave("a") }, []string{"session could not be moved"}},
		"refused": {refuses, func(p *proxied, _ *driver) { _ = p.registry.SetAdmin("a", backend.Drain); _ = p.dial() }, []string{"backend failed while a client connected"}},
		"panics": {echo, func(p *proxied, d *driver) {
			p.only().sabotage()
			d.query("x")
		}, []string{"session panicked: please report this", "session ended"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var server atomic.Pointer[Server]
			var mu sync.Mutex
			var lines []string
			p, d := loggedBetween(t, func(message string) {
				if s := server.Load(); s != nil {
					if held := locked(s); held != "" {
						t.Errorf("%q is logged with the lock of %s held", message, held)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				lines = append(lines, message)
			}, losing, test.b)
			server.Store(p.Server)
			test.act(p, d)
			for _, want := range test.want {
				eventually(t, want, func() bool {
					mu.Lock()
					defer mu.Unlock()
					return strings.Contains(strings.Join(lines, "\n"), want)
				})
			}
		})
	}
}

// locked names what stays locked for as long as one who logs might wait for it; empty: nothing does.
func locked(s *Server) string {
	free := func(mu *sync.Mutex) bool {
		for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
			if mu.TryLock() {
				mu.Unlock()
				return true
			}
		}
		return false
	}
	if !free(&s.mu) || !free(&s.pausing) {
		return "the server"
	}
	return ""
}
