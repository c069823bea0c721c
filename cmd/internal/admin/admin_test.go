package admin

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend"
	"segue/cmd/internal/admin/history"
	"segue/config"
	proxy "segue/proxy"
	"segue/proxy/ledger"
)

// sessionList is a SessionLister.
type sessionList []proxy.SessionInfo

func (l sessionList) Sessions() []proxy.SessionInfo { return slices.Clone(l) }

// failureList is a FailureLister.
type failureList ledger.Failures

func (l failureList) Failures() ledger.Failures { return ledger.Failures(l) }

// served is an API on loopback with two backends.
type served struct {
	registry *backend.Registry
	handler  *Handler
	client   *Client
	address  string
	ctx      context.Context
	stop     context.CancelFunc
	ended    chan error
}

func serve(t *testing.T) *served {
	t.Helper()
	return serveAt(t, "127.0.0.1:0", slog.New(slog.DiscardHandler), config.Access{Read: config.Anyone})
}

// serveAt answers at an address under the names of hosts, too.
func serveAt(t *testing.T, bound string, log *slog.Logger, access config.Access, hosts ...string) *served {
	t.Helper()
	return serveWith(t, bound, log, access, 0, hosts...)
}

// serveWith is serveAt with so many connections at a time.
func serveWith(t *testing.T, bound string, log *slog.Logger, access config.Access, most int, hosts ...string) *served {
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
			Counts: []ledger.Count{{Kind: "statement", Count: 2}, {Kind: "closed", Action: "moved", Count: 7}},
			Seen:   []ledger.Incident{{Time: started, Session: 2, Client: "192.0.2.9:1", User: "app", Backend: "fe-1", Kind: "statement", Cause: "connection reset"}},
			Hidden: []ledger.Incident{},
		},
		Metrics: metrics, History: history.New(), Audit: NewAudit(log),
		About: func() Status { return Status{Version: "v0", Listen: "127.0.0.1:9030", Started: started} },
		Log:   log, MaxConnections: most,
	}
	h.SetAccess(access, hosts...)
	ln, err := net.Listen("tcp", bound)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	address := "127.0.0.1:" + port
	ctx, stop := context.WithCancel(t.Context())
	s := &served{registry, h, NewClient(address), address, ctx, stop, make(chan error, 1)}
	go func() { s.ended <- h.Serve(ctx, ln) }()
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
	if st, err := s.client.Resume(t.Context()); err != nil || st.Paused != nil { // it may have ended by itself
		t.Errorf("resume without a pause: %+v, %v", st.Paused, err)
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

// How long a pause may last is bounded, and what lies beyond is refused, not taken for the bound.
func TestPauseBounds(t *testing.T) {
	s := serve(t)
	for span, remedy := range map[string]string{
		"0s": "above zero", "-1s": "above zero", "-2562047h47m16s": "above zero", "9999999h": "above zero", "24h0m1s": "write 24h0m0s or less", "2562047h47m16s": "write 24h0m0s or less",
	} {
		code, body, _ := s.request(t, http.MethodPost, "/api/v1/pause?for="+span, nil)
		if code != http.StatusBadRequest || !strings.Contains(body, remedy) {
			t.Errorf("%s: %d %s", span, code, body)
		}
	}
	if st, err := s.client.Status(t.Context()); err != nil || st.Paused != nil {
		t.Errorf("paused: %+v, %v", st.Paused, err)
	}
	if st, err := s.client.Pause(t.Context(), proxy.MaxPause); err != nil || st.Paused == nil || time.Until(st.Paused.Until) < 23*time.Hour {
		t.Errorf("the longest: %+v, %v", st.Paused, err)
	}
}

// request sends one request with headers ("Host" among them) and returns the
// code and the body.
func (s *served) request(t *testing.T, method, path string, headers map[string]string) (int, string, http.Header) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+path, http.NoBody)
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
		t.Fatalf("%s %s: %v", method, path, err)
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
	s.handler.Stop()
	notReady("stopping, and still taking clients")
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
	s.handler.Stop()
	if got, err = s.client.Status(t.Context()); err != nil || got.State != Stopping || got.Ready {
		t.Errorf("stopping: %+v, %v", got, err)
	}
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
		got, err := s.client.SetAdmin(ctx, "[::1]:2", a, true)
		if err != nil || got.Admin != a || got.Name != "[::1]:2" {
			t.Errorf("%v: %+v, %v", a, got, err)
		}
	}
	_, err = s.client.SetAdmin(ctx, "fe-7/x", backend.Drain, false)
	if refused, ok := errors.AsType[*Error](err); !ok || refused.Code != http.StatusNotFound || !strings.Contains(refused.Text, "fe-1") {
		t.Errorf("unknown backend: %v; want 404 and the names that there are", err)
	}
}

// The last backend that is usable is taken out by force alone, be two asked for at once.
func TestSetAdminOfTheLast(t *testing.T) {
	s := serve(t)
	list, err := s.client.Backends(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	for _, b := range list {
		s.setHealth(t, b.Name, backend.Up, "")
	}
	results := make(chan error, 2)
	for _, b := range list {
		go func() {
			_, err := s.client.SetAdmin(t.Context(), b.Name, backend.Drain, false)
			results <- err
		}()
	}
	first, second := <-results, <-results
	if (first == nil) == (second == nil) {
		t.Errorf("%v, %v; want one of them", first, second)
	}
	refused, ok := errors.AsType[*Error](cmp.Or(first, second))
	if !ok || refused.Code != http.StatusConflict || !strings.Contains(refused.Text, "force") {
		t.Errorf("%v", refused)
	}
	if code, _, _ := s.request(t, "POST", "/api/v1/backends/fe-1/drain?force=perhaps", nil); code != http.StatusBadRequest {
		t.Errorf("%d", code)
	}
	for _, b := range list {
		if _, err := s.client.SetAdmin(t.Context(), b.Name, backend.Maint, true); err != nil {
			t.Error(err)
		}
	}
}

// TestFieldNames holds the names that other people's scripts rely on.
func TestFieldNames(t *testing.T) {
	s := serve(t)
	for path, names := range map[string][]string{
		"/api/v1/backends":      {"name", "address", "health", "admin", "sessions", "cause", "since"},
		"/api/v1/sessions":      {"id", "client", "user", "backend", "state", "pinned", "since"},
		"/api/v1/status":        {"version", "flavor", "listen", "state", "summary", "level", "text", "ready", "backends", "sessions", "max_sessions", "failures", "config", "successful", "problems"},
		"/api/v1/sessions/find": {"total", "matching", "states", "pinned", "sessions"},
		"/api/v1/history":       {"began", "from", "until", "step_seconds", "lanes", "total", "failures", "moves", "changes"},
		"/api/v1/failures":      {"counts", "kind", "action", "count", "seen", "hidden", "time", "session", "client", "user", "backend", "cause"},
	} {
		_, body, header := s.request(t, "GET", path, nil)
		for _, name := range names {
			if !strings.Contains(body, `"`+name+`":`) {
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
}

// Beyond loopback a page on the web can choose its name just as well; what monitoring asks for is open there.
func TestGuardBeyondLoopback(t *testing.T) {
	s := serveAt(t, "0.0.0.0:0", slog.New(slog.DiscardHandler), config.Access{Read: config.Anyone, Write: config.Anyone}, "segue.example", "web1")
	const drain = "/api/v1/backends/fe-1/drain"
	for _, test := range []struct {
		method, path, host string
		want               int
	}{
		{"POST", drain, "evil.example", 403},
		{"POST", drain, "evil.example:9131", 403},
		{"POST", "/api/v1/pause", "evil.example", 403},
		{"POST", "/api/v1/resume", "web1.evil.example", 403},
		{"GET", "/api/v1/sessions", "evil.example", 403},
		{"GET", "/", "evil.example", 403},
		{"GET", "/metrics/../api/v1/sessions", "evil.example", 403},
		{"GET", "/metrics", "segue.prod.svc:9131", 200},
		{"GET", "/livez", "segue.prod.svc:9131", 200},
		{"GET", "/readyz", "segue.prod.svc", 503}, // no backend is up
		{"POST", drain, "192.0.2.7:9131", 200},
		{"POST", drain, "[2001:db8::1]:9131", 200},
		{"POST", drain, "localhost:9131", 200},
		{"POST", drain, "SEGUE.example:9131", 200},
		{"GET", "/api/v1/sessions", "web1.", 200},
		{"GET", "/api/v1/events", "evil.example", 403},
	} {
		code, body, _ := s.request(t, test.method, test.path, map[string]string{"Host": test.host})
		if code != test.want || code == 403 && !strings.Contains(body, "use its IP address") {
			t.Errorf("%s %s of %s: %d %s, want %d", test.method, test.path, test.host, code, body, test.want)
		}
	}
	s.client.base = "http://localhost.localdomain.invalid:9131" // a name that nobody has told Segue
	s.client.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.address)
	}}
	if _, err := s.client.SetAdmin(t.Context(), "fe-1", backend.Ready, false); err != nil {
		t.Errorf("the Go client, which is no browser: %v", err)
	}
}

// counted is a body of that many bytes, and how many have been read of it.
type counted struct {
	begin string
	left  int
	read  atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), c.left)
	for i := range p[:n] {
		p[i] = 'x'
	}
	copy(p, c.begin[min(len(c.begin), int(c.read.Load())):])
	c.left -= n
	c.read.Add(int64(n))
	return n, nil
}

// No body is read, kept or put into the temporary directory, whoever sends it and whatever it calls itself; and what it says is not
// passed over in silence.
func TestBodies(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	s := serve(t)
	const (
		form = "application/x-www-form-urlencoded"
		file = "multipart/form-data; boundary=b"
		part = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n"
		huge = 100 << 20
	)
	for _, test := range []struct {
		name, method, path, kind, begin string
		size                            int
		chunked                         bool
		want                            int
	}{
		{"form", "POST", "/api/v1/pause", form, "for=1h", 6, false, 400},
		{"form, in chunks", "POST", "/api/v1/pause", form, "for=1h", 6, true, 400},
		{"beside a query", "POST", "/api/v1/pause?for=1m", form, "for=1h", 6, false, 400},
		{"file", "POST", "/api/v1/pause", file, part, huge, false, 413},
		{"file, in chunks", "POST", "/api/v1/pause", file, part, huge, true, 413},
		{"huge form, in chunks", "POST", "/api/v1/pause?for=1m", form, "for=1h&x=", huge, true, 413},
		{"drain", "POST", "/api/v1/backends/fe-1/drain", form, "", huge, true, 413},
		{"resume", "POST", "/api/v1/resume", "application/json", "{}", 2, false, 400},
		{"GET", "GET", "/metrics", "text/plain", "", huge, true, 413},
		{"no such path", "PUT", "/api/v2", "text/plain", "", huge, false, 413},
	} {
		body := &counted{begin: test.begin, left: test.size}
		req, err := http.NewRequestWithContext(t.Context(), test.method, "http://"+s.address+test.path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", test.kind)
		if !test.chunked {
			req.ContentLength = int64(test.size)
		}
		resp, err := s.client.http.Do(req)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		answer, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != test.want || !strings.Contains(string(answer), "parameters belong into the query") {
			t.Errorf("%s: %d %s, want %d", test.name, resp.StatusCode, answer, test.want)
		}
		if read := body.read.Load(); test.size == huge && read > huge/4 { // what the sockets' buffers take
			t.Errorf("%s: %d bytes have been taken", test.name, read)
		}
	}
	if st, err := s.client.Status(t.Context()); err != nil || st.Paused != nil {
		t.Errorf("paused: %+v, %v", st.Paused, err)
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("in the temporary directory: %v, %v", left, err)
	}
	for query, want := range map[string]int{"?for=1m&for=2m": 400, "?for=%zz": 400, "?for=1m;x": 400, "?for=1m": 200} {
		if code, body, _ := s.request(t, http.MethodPost, "/api/v1/pause"+query, nil); code != want {
			t.Errorf("%s: %d %s, want %d", query, code, body, want)
		}
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
