package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend"
	"segue/health"
	proxy "segue/proxy"
)

// segueUnderTest is Segue as a program wires it: registry, monitor and server.
type segueUnderTest struct {
	address  string
	registry *backend.Registry
	server   *proxy.Server
	metrics  *prometheus.Registry
	cancel   context.CancelFunc
	running  sync.WaitGroup
	opaque   []proxy.SessionInfo // sessions that were seen relayed unread; written by watch
}

// startSegue starts Segue in front of servers, and waits until all are up. It ends with the test.
func startSegue(t *testing.T, servers []*server) *segueUnderTest {
	t.Helper()
	return startSegueWith(t, servers, proxy.Options{Flavor: backend.MySQL})
}

func startSegueWith(t *testing.T, servers []*server, options proxy.Options) *segueUnderTest {
	t.Helper()
	var specs []backend.Spec
	for i, s := range servers {
		specs = append(specs, backend.Spec{
			Name: fmt.Sprintf("server-%d", i+1), Address: s.address(), HealthURL: s.health.URL + "/api/health",
		})
	}
	s := newSegue(t, specs, options)
	monitor := health.NewMonitor(s.registry, health.Options{Flavor: backend.MySQL}, s.logger(t), s.metrics)
	s.server.OnEvidence = monitor.Observe
	s.run(t, monitor.Run)
	s.waitUp(t)
	return s
}

// newSegue makes a Segue that does not run yet, without a monitor.
func newSegue(t *testing.T, specs []backend.Spec, options proxy.Options) *segueUnderTest {
	t.Helper()
	s := &segueUnderTest{registry: backend.NewRegistry(backend.Options{SlowStart: -1}), metrics: prometheus.NewRegistry()}
	s.registry.Apply(specs)
	s.server = proxy.NewServer(s.registry, options, s.logger(t), s.metrics)
	return s
}

// run starts the server and what else there is to run; stop ends them.
func (s *segueUnderTest) run(t *testing.T, more ...func(context.Context) error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	s.address = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	more = append(more, func(ctx context.Context) error { return s.server.Serve(ctx, ln) }, s.watch)
	for _, f := range more {
		s.running.Go(func() {
			if err := f(ctx); err != nil {
				t.Errorf("run segue: %v", err)
			}
		})
	}
	t.Cleanup(func() { s.stop() })
}

// stop ends Segue once the sessions of clients that have gone have ended, and cuts those that do not end.
func (s *segueUnderTest) stop() {
	for deadline := time.Now().Add(2 * time.Second); len(s.server.Sessions()) > 0 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	s.cancel()
	s.server.Close()
	s.running.Wait()
}

// logger fails the test on errors, a session's panic among them, and shows warnings.
func (s *segueUnderTest) logger(t *testing.T) *slog.Logger {
	t.Helper()
	return slog.New(failingHandler{slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}), t})
}

type failingHandler struct {
	slog.Handler
	t *testing.T
}

func (h failingHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		h.t.Errorf("segue logged an error: %s", r.Message)
	}
	return h.Handler.Handle(ctx, r)
}

func (h failingHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return failingHandler{h.Handler.WithAttrs(attrs), h.t}
}

// waitUp waits until every backend is up.
func (s *segueUnderTest) waitUp(t *testing.T) {
	t.Helper()
	late := time.After(startTimeout)
	for {
		changed := s.registry.Changed()
		if !slices.ContainsFunc(s.registry.Backends(), func(b *backend.Backend) bool { return b.Status().Health != backend.Up }) {
			return
		}
		select {
		case <-changed:
		case <-late:
			for _, b := range s.registry.Backends() {
				t.Logf("%s is %s: %s", b.Name(), b.Status().Health, b.Status().Cause)
			}
			t.Fatalf("backends not up after %s", startTimeout)
		}
	}
}

// watch looks for sessions that Segue relays unread: nothing that a client of this suite sends may be beyond it.
func (s *segueUnderTest) watch(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(2 * time.Millisecond):
		}
		for _, info := range s.server.Sessions() {
			if info.State == proxy.Opaque.String() && !slices.ContainsFunc(s.opaque, func(o proxy.SessionInfo) bool { return o.ID == info.ID }) {
				s.opaque = append(s.opaque, info)
			}
		}
	}
}

// judge is called when Segue has stopped: every backend has served, every session has ended, and no client has seen an
// error of Segue's making.
func (s *segueUnderTest) judge(t *testing.T) {
	t.Helper()
	for _, b := range s.registry.Backends() {
		if b.LastLeased().IsZero() {
			t.Errorf("%s served no session", b.Name())
		}
	}
	for labels, n := range s.counters(t, "segue_client_errors_total") {
		if n > 0 {
			t.Errorf("%g client errors: %s", n, labels)
		}
	}
	if n := len(s.server.Sessions()); n > 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// judgeEnds: Segue that had lost count of a session's packets would not have seen its COM_QUIT. gone sessions may have
// ended without one, and none was relayed unread.
func (s *segueUnderTest) judgeEnds(t *testing.T, gone int) {
	t.Helper()
	n := 0.0
	for end, count := range s.counters(t, "segue_session_ends_total") {
		switch end {
		case "client_quit ", "refused ":
		case "client_gone ", "backend_gone ":
			n += count
		default:
			t.Errorf("%g sessions ended with %s", count, end)
		}
	}
	if n > float64(gone) {
		t.Errorf("%g sessions ended without COM_QUIT, want at most %d", n, gone)
	}
	for _, info := range s.opaque {
		t.Errorf("session %d of %s was relayed unread", info.ID, info.User)
	}
}

// ends lists how sessions ended, and how often.
func (s *segueUnderTest) ends(t *testing.T) []string {
	t.Helper()
	counts := map[string]float64{}
	for labels, n := range s.counters(t, "segue_session_ends_total") {
		counts[labels] += n
	}
	var list []string
	for labels, n := range counts {
		list = append(list, fmt.Sprintf("%s %g", labels, n))
	}
	slices.Sort(list)
	return list
}

// counters are the values of a counter by their labels' values but the backend's.
func (s *segueUnderTest) counters(t *testing.T, name string) map[string]float64 {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatalf("gather metrics: %v", err)
	}
	values := map[string]float64{}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			var key strings.Builder
			for _, label := range metric.GetLabel() {
				if label.GetName() != "backend" {
					key.WriteString(label.GetValue() + " ")
				}
			}
			values[key.String()] += metric.GetCounter().GetValue()
		}
	}
	return values
}
