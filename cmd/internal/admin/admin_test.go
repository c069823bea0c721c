package admin

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend"
	"segue/proxy"
)

// sessionList is a SessionLister.
type sessionList []proxy.SessionInfo

func (l sessionList) Sessions() []proxy.SessionInfo { return slices.Clone(l) }

// failureList is a FailureLister.
type failureList proxy.Failures

func (l failureList) Failures() proxy.Failures { return proxy.Failures(l) }

// served is an API on loopback with two backends.
type served struct {
	registry *backend.Registry
	handler  *Handler
	client   *Client
	address  string
	stop     context.CancelFunc
	ended    chan error
}

func serve(t *testing.T) *served {
	t.Helper()
	registry := backend.NewRegistry(backend.Options{})
	registry.Apply([]backend.Spec{{Name: "fe-1", Address: "192.0.2.1:9030"}, {Name: "[::1]:2", Address: "[::1]:9030", Weight: 3}})
	started := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	metrics := prometheus.NewRegistry()
	up := prometheus.NewGauge(prometheus.GaugeOpts{Name: "segue_build_info", Help: "What is running."})
	up.Set(1)
	metrics.MustRegister(up)
	h := &Handler{
		Registry: registry,
		Sessions: sessionList{{ID: 2, Backend: "fe-1", State: "idle", Since: started.Add(time.Second)}, {ID: 1, Since: started}},
		Pauser:   proxy.NewServer(registry, proxy.Options{}, nil, nil),
		Failures: failureList{
			Counts: []proxy.FailureCount{{Kind: "statement", Count: 2}, {Kind: "closed", Action: "moved", Count: 7}},
			Seen:   []proxy.Incident{{Time: started, Session: 2, Client: "192.0.2.9:1", User: "app", Backend: "fe-1", Kind: "statement", Cause: "connection reset"}},
			Hidden: []proxy.Incident{},
		},
		Metrics: metrics,
		About:   func() Status { return Status{Version: "v0", Listen: "127.0.0.1:9030", Started: started} },
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	s := &served{registry, h, NewClient(ln.Addr().String()), ln.Addr().String(), stop, make(chan error, 1)}
	go func() { s.ended <- h.Serve(ctx, ln, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		s.client.Close()
		stop()
		if err := <-s.ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

func (s *served) setHealth(t *testing.T, name string, h backend.Health, cause string) {
	t.Helper()
	b, ok := s.registry.Lookup(name)
	if !ok {
		t.Fatalf("no backend %s", name)
	}
	s.registry.SetHealth(b, h, cause)
}

func TestPauseAndResume(t *testing.T) {
	s := serve(t)
	if _, err := s.client.Resume(t.Context()); err == nil || !strings.Contains(err.Error(), "not paused") {
		t.Errorf("resume without a pause: %v", err)
	}
	st, err := s.client.Pause(t.Context(), time.Minute)
	if err != nil || st.Paused == nil || st.Paused.Until.Sub(st.Paused.Since) < 50*time.Second {
		t.Fatalf("pause: %+v, %v", st.Paused, err)
	}
	if code, body, _ := s.request(t, http.MethodPost, "/api/v1/pause?for=soon", nil); code != http.StatusBadRequest || !strings.Contains(body, "soon") {
		t.Errorf("pause for soon: %d %s", code, body)
	}
	if st, err = s.client.Resume(t.Context()); err != nil || st.Paused != nil {
		t.Errorf("resume: %+v, %v", st.Paused, err)
	}
}

// request sends one request with headers ("Host" among them) and returns the
// code and the body.
func (s *served) request(t *testing.T, method, path string, headers map[string]string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.address+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	req.Host = headers["Host"]
	resp, err := s.client.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

func TestReadiness(t *testing.T) {
	s := serve(t)
	ctx := t.Context()
	if err := s.client.Live(ctx); err != nil {
		t.Errorf("live: %v", err)
	}
	notReady := func(want string) {
		t.Helper()
		err, ok := errors.AsType[*Error](s.client.Ready(ctx))
		if !ok || err.Code != http.StatusServiceUnavailable || err.Text != want {
			t.Errorf("ready: %v, want 503 %s", err, want)
		}
	}
	notReady("no backend has been usable yet")

	s.setHealth(t, "fe-1", backend.Up, "")
	if err := s.registry.SetAdmin("fe-1", backend.Drain); err != nil {
		t.Fatal(err)
	}
	notReady("no backend has been usable yet") // up, but not for new sessions
	if err := s.registry.SetAdmin("fe-1", backend.Ready); err != nil {
		t.Fatal(err)
	}
	if err := s.client.Ready(ctx); err != nil {
		t.Errorf("ready with a backend up: %v", err)
	}
	s.setHealth(t, "fe-1", backend.Down, "refused")
	if err := s.client.Ready(ctx); err != nil {
		t.Errorf("ready is to stay when backends fail: %v", err)
	}
	s.handler.Drain()
	notReady("draining")
	if err := s.client.Live(ctx); err != nil {
		t.Errorf("live while draining: %v", err)
	}
}

func TestStatus(t *testing.T) {
	s := serve(t)
	got, err := s.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.State != Serving || got.Ready || got.Backends != (Tally{Total: 2}) || got.Sessions != 2 || got.Version != "v0" {
		t.Errorf("before: %+v", got)
	}
	s.setHealth(t, "fe-1", backend.Up, "")
	s.handler.Drain()
	if got, err = s.client.Status(t.Context()); err != nil || got.State != Draining || got.Ready || got.Backends != (Tally{Total: 2, Usable: 1}) {
		t.Errorf("draining: %+v, %v", got, err)
	}
}

func TestBackendsAndSetAdmin(t *testing.T) {
	s := serve(t)
	ctx := t.Context()
	s.setHealth(t, "fe-1", backend.Stopping, "/api/health 500")
	list, err := s.client.Backends(ctx)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	want := Backend{Name: "fe-1", Address: "192.0.2.1:9030", Health: backend.Stopping, Weight: 1, Cause: "/api/health 500", Since: list[0].Since}
	if list[0] != want || list[0].Since.IsZero() || list[1].Weight != 3 {
		t.Errorf("got %+v, want first %+v", list, want)
	}
	for _, a := range []backend.Admin{backend.Drain, backend.Maint, backend.Ready} {
		got, err := s.client.SetAdmin(ctx, "[::1]:2", a)
		if err != nil || got.Admin != a || got.Name != "[::1]:2" {
			t.Errorf("%v: %+v, %v", a, got, err)
		}
	}
	_, err = s.client.SetAdmin(ctx, "fe-7/x", backend.Drain)
	if refused, ok := errors.AsType[*Error](err); !ok || refused.Code != http.StatusNotFound || !strings.Contains(refused.Text, "fe-1") {
		t.Errorf("unknown backend: %v; want 404 and the names that there are", err)
	}
}

// TestFieldNames holds the names that other people's scripts rely on.
func TestFieldNames(t *testing.T) {
	s := serve(t)
	for path, names := range map[string][]string{
		"/api/v1/backends": {"name", "address", "health", "admin", "sessions", "cause", "since"},
		"/api/v1/sessions": {"id", "client", "user", "backend", "state", "pinned", "since"},
		"/api/v1/status":   {"version", "flavor", "listen", "state", "ready", "backends", "sessions", "max_sessions", "failures", "config", "successful", "problems"},
		"/api/v1/failures": {"counts", "kind", "action", "count", "seen", "hidden", "time", "session", "client", "user", "backend", "cause"},
	} {
		_, body, header := s.request(t, "GET", path, nil)
		for _, name := range names {
			if !strings.Contains(body, `"`+name+`": `) {
				t.Errorf("%s lacks %q:\n%s", path, name, body)
			}
		}
		if got := header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s is %s", path, got)
		}
	}
}

func TestSessionsOldestFirst(t *testing.T) {
	s := serve(t)
	list, err := s.client.Sessions(t.Context())
	if err != nil || len(list) != 2 || list[0].ID != 1 || list[1].State != "idle" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestFailures(t *testing.T) {
	s := serve(t)
	got, err := s.client.Failures(t.Context())
	if err != nil || len(got.Counts) != 2 || got.Counts[1].Action != "moved" || len(got.Seen) != 1 || got.Seen[0].Cause != "connection reset" || len(got.Hidden) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	status, err := s.client.Status(t.Context())
	if err != nil || !slices.Equal(status.Failures, got.Counts) {
		t.Errorf("the status has %+v, %v", status.Failures, err)
	}
}

func TestMetricsAndPage(t *testing.T) {
	s := serve(t)
	if code, body, _ := s.request(t, "GET", "/metrics", nil); code != 200 || !strings.Contains(body, "segue_build_info 1") {
		t.Errorf("metrics: %d %s", code, body)
	}
	code, body, header := s.request(t, "GET", "/", nil)
	if code != 200 || !strings.Contains(body, "<title>Segue</title>") || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("page: %d %v", code, header)
	}
	for _, asset := range []string{"/status.css", "/status.js"} {
		code, text, _ := s.request(t, "GET", asset, nil)
		if code != 200 || !strings.Contains(body, asset[1:]) || strings.Contains(text, "http://") || strings.Contains(text, "https://") {
			t.Errorf("%s: %d, or it is not in the page, or it reaches out", asset, code)
		}
	}
}

func TestGuard(t *testing.T) {
	s := serve(t)
	const drain = "/api/v1/backends/fe-1/drain"
	for _, test := range []struct {
		name, method, path string
		headers            map[string]string
		want               int
	}{
		{"plain client", "POST", drain, nil, 200},
		{"own page", "POST", drain, map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://" + s.address}, 200},
		{"foreign page", "POST", drain, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"page of the same site", "POST", drain, map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"foreign page, old browser", "POST", drain, map[string]string{"Origin": "http://evil.example"}, 403},
		{"sandboxed page", "POST", drain, map[string]string{"Origin": "null"}, 403},
		{"GET changes nothing", "GET", drain, nil, 405},
		{"rebound name", "GET", "/api/v1/backends", map[string]string{"Host": "evil.example"}, 403},
		{"rebound name with port", "POST", drain, map[string]string{"Host": "evil.example:9131"}, 403},
		{"localhost", "GET", "/livez", map[string]string{"Host": "localhost:9131"}, 200},
		{"IPv6", "GET", "/livez", map[string]string{"Host": "[::1]:9131"}, 200},
		{"unknown admin state", "POST", "/api/v1/backends/fe-1/stop", nil, 404},
		{"unknown path", "GET", "/api/v2", nil, 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			if code, body, _ := s.request(t, test.method, test.path, test.headers); code != test.want {
				t.Errorf("%d %s, want %d", code, body, test.want)
			}
		})
	}
	s.handler.LocalOnly = false // as if bound to another interface
	if code, body, _ := s.request(t, "GET", "/livez", map[string]string{"Host": "segue.prod.svc:9131"}); code != 200 {
		t.Errorf("not on loopback: %d %s", code, body)
	}
}

func TestEvents(t *testing.T) {
	s := serve(t)
	events := make(chan Event)
	ended := make(chan error, 1)
	go func() {
		ended <- s.client.Events(t.Context(), func(e Event) error { events <- e; return nil })
	}()
	next := func(want Event) {
		t.Helper()
		select {
		case got := <-events:
			got.Since = time.Time{}
			if got != want {
				t.Fatalf("got  %+v\nwant %+v", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no event after 10 s, want %+v", want)
		}
	}
	fe1 := Event{Backend: Backend{Name: "fe-1", Address: "192.0.2.1:9030", Weight: 1, Cause: "not probed yet"}}
	v6 := Event{Backend: Backend{Name: "[::1]:2", Address: "[::1]:9030", Weight: 3, Cause: "not probed yet"}}
	next(fe1)
	next(v6)
	s.setHealth(t, "fe-1", backend.Stopping, "/api/health 500")
	fe1.Health, fe1.Cause = backend.Stopping, "/api/health 500"
	next(fe1)
	if err := s.registry.SetAdmin("[::1]:2", backend.Maint); err != nil {
		t.Fatal(err)
	}
	v6.Admin = backend.Maint
	next(v6)
	s.registry.Apply([]backend.Spec{{Name: "fe-1", Address: "192.0.2.1:9030"}})
	v6.Removed = true
	next(v6)

	s.stop() // the server's end is the stream's
	if err := <-ended; err != nil {
		t.Errorf("Events: %v", err)
	}
}

func TestEventsEndWithTheReader(t *testing.T) {
	s := serve(t)
	enough := errors.New("enough")
	if err := s.client.Events(t.Context(), func(Event) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}

func TestClientWithoutServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	_, err = NewClient(address).Status(t.Context())
	if want := "ask http://" + address + ": connect: connection refused"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %v", err, want)
	}
}
