package health

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"segue/backend"
	"segue/backend/wire"
)

// The tests here are named after the bugs of other proxies that they guard against.

// mysqlServer counts unfinished handshakes as MySQL and MariaDB do, and blocks the host after 100 of them in a row.
type mysqlServer struct {
	mu         sync.Mutex
	unfinished int
	most       int
	silent     bool
	refuse     *wire.Err // in place of the greeting
}

const maxConnectErrors = 100

func (s *mysqlServer) serve(conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	blocked, silent, refuse := s.unfinished >= maxConnectErrors, s.silent, s.refuse
	if blocked {
		refuse = &wire.Err{Code: 1129, State: "HY000", Message: "Host '10.0.0.9' is blocked because of many connection errors"}
	}
	if refuse == nil {
		s.unfinished++
		s.most = max(s.most, s.unfinished)
	}
	s.mu.Unlock()
	switch {
	case refuse != nil:
		_, _ = conn.Write(packet(0, refuse.Append(nil)))
	case silent: // in the middle of its greeting: otherwise the connection would be held
		_, _ = conn.Write([]byte{70})
	default:
		_, _ = conn.Write(packet(0, starrocks.Append(nil)))
	}
	hang(conn)
}

// login is what a client through Segue does: its handshake is finished.
func (s *mysqlServer) login(t *testing.T, r *backend.Registry) {
	t.Helper()
	s.mu.Lock()
	s.unfinished = 0
	s.mu.Unlock()
	l, err := r.Lease(nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Established()
	l.Release()
}

func (s *mysqlServer) set(silent bool, refuse *wire.Err) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent, s.refuse = silent, refuse
}

// told passes on what a checker found.
type told struct {
	Checker
	results chan<- Result
	end     <-chan struct{} // of the test
}

func (c told) Check(ctx context.Context, b *backend.Backend) Result {
	r := c.Checker.Check(ctx, b)
	select {
	case c.results <- r:
	case <-c.end:
	}
	return r
}

// ERROR 1129 "Host is blocked" (nginx_tcp_proxy #29, ngx_healthcheck #33, dble #527): a health check that connects and
// hangs up makes the server block the host.
func TestBug20_ProbeNeverBlocksHost(t *testing.T) {
	var srv mysqlServer
	r, b := oneBackend(listen(t, srv.serve), "")
	results := make(chan Result)
	o := Options{Flavor: backend.MySQL, Interval: minInterval, FastInterval: minInterval, Timeout: 2 * time.Second}
	quick := o // for the time when nobody answers
	quick.Timeout = 20 * time.Millisecond
	m := NewMonitor(r, o, nil, nil)
	m.newChecks = func(o Options, g *budget, trip func(error)) checks {
		c := newChecks(o, g, trip)
		c.mysql = told{c.mysql, results, t.Context().Done()}
		return c
	}
	run(t, m)
	next := func(what string) Result {
		t.Helper()
		select {
		case r := <-results:
			return r
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: not asked", what)
			return Result{}
		}
	}
	expect := func(what string, v Verdict) {
		t.Helper()
		if r := next(what); r.Verdict != v {
			t.Fatalf("%s: %+v, want %v", what, r, v)
		}
	}
	for range DefaultRise {
		expect("start", Passed)
	}
	await(t, r, b, backend.Up)
	srv.set(true, nil)
	m.SetOptions(quick)
	lost := 0 // connects that were given up, but had perhaps arrived
	for failed := 0; ; failed++ {
		m.Observe(b, context.DeadlineExceeded)
		r := next("hanging")
		if r.Verdict == Misconfigured {
			break
		}
		if !strings.Contains(r.Cause, "in place of a greeting") {
			lost++
		}
		if failed > 10*maxUnfinished {
			t.Fatal("asked without end")
		}
	}
	m.SetOptions(o)
	for range 20 {
		expect("used up", Misconfigured)
	}
	if s := b.Status(); s.Health != backend.Down || s.Cause != exhausted {
		t.Errorf("%v %q", s.Health, s.Cause)
	}
	srv.set(false, nil)
	srv.login(t, r) // fail open: the only backend is used although it is down
	for range DefaultRise {
		expect("after a login", Passed)
	}
	await(t, r, b, backend.Up)
	srv.set(false, &wire.Err{Code: 1040, Message: "Too many connections"})
	for range 3 * maxUnfinished { // this costs nothing: the server has not begun a handshake
		m.Observe(b, context.DeadlineExceeded)
		expect("too many connections", Full)
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.most > 20+lost {
		t.Errorf("%d unfinished handshakes in a row, want at most 20 and %d", srv.most, lost)
	}
}

// While the budget is used up, a health URL decides alone, and what was said of it goes when a client logs in.
func TestBug20_HealthURLDecidesWithoutBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{Flavor: backend.MySQL}, someURL)
		g.mysql.set(Misconfigured, exhausted)
		g.pass(time.Second)
		g.expect(backend.Up, exhausted)
		g.http.set(Failed, "/health refused")
		g.pass(5 * time.Second)
		g.expect(backend.Down, "/health refused")
		g.http.set(Passed, "")
		g.mysql.set(Passed, "")
		g.use().Established()
		g.pass(5 * time.Second)
		g.expect(backend.Up, "")
	})
}

// yarp #1134: after a reload the checks were not enabled again. HAProxy #918: checks and servers got mixed up.
func TestBug21_ChecksFollowTheReload(t *testing.T) {
	server := func(status int) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(srv.Close)
		return srv.URL
	}
	up, leaving := server(200), server(500)
	mysql := listen(t, greet)
	spec := func(name, url string) backend.Spec { return backend.Spec{Name: name, Address: mysql, HealthURL: url} }
	r := registryOf(spec("a", up), spec("b", leaving))
	m := NewMonitor(r, Options{Interval: minInterval, FastInterval: minInterval}, nil, nil)
	run(t, m)
	find := func(name string) *backend.Backend {
		b, ok := r.Lookup(name)
		if !ok {
			t.Fatalf("no %s", name)
		}
		return b
	}
	await(t, r, find("a"), backend.Up)
	await(t, r, find("b"), backend.Stopping)
	r.Apply([]backend.Spec{spec("a", leaving), spec("b", up)}) // same backends, other URLs
	await(t, r, find("a"), backend.Stopping)
	await(t, r, find("b"), backend.Up)
	oldA := find("a")
	r.Apply([]backend.Spec{spec("b", up)})
	r.Apply([]backend.Spec{spec("b", up), spec("a", up)}) // gone and come again
	if find("a") == oldA {
		t.Fatal("a is the same backend")
	}
	await(t, r, find("a"), backend.Up)
	if s := oldA.Status(); s.Health != backend.Stopping {
		t.Errorf("the removed backend was still probed: %+v", s)
	}
}

// Caddy #5752, TiProxy #806: races between a reload and the checks. ProxySQL #3404: connections that nobody closes. Run
// with -race.
func TestBug21_ReloadRaceLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go acceptLoop(ln, greet)
	a := backend.Spec{Name: "a", Address: ln.Addr().String(), HealthURL: srv.URL}
	b := a
	b.Name = "b"
	r := registryOf(a)
	m := NewMonitor(r, Options{Interval: minInterval, FastInterval: minInterval}, nil, nil)
	stop := run(t, m)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 200 {
			a.Weight = 1 + i
			r.Apply([][]backend.Spec{{a, b}, {b}, {a}, {}}[i%4])
			m.SetOptions(Options{Interval: minInterval, FastInterval: minInterval, Rise: 1 + i%2, Flavor: backend.Flavor(i % 3)})
		}
	})
	wg.Go(func() {
		for range 200 {
			for _, x := range r.Backends() {
				m.Observe(x, net.ErrClosed)
			}
		}
	})
	wg.Wait()
	r.Apply([]backend.Spec{a})
	await(t, r, r.Backends()[0], backend.Up)
	stop()
}

// ProxySQL #4465, kubeblocks-addons #3075: secrets in logs and metrics.
func TestBug22_ProbePasswordStaysSecret(t *testing.T) {
	address, _ := oracle(t, wire.PluginNativePassword)
	r, b := oneBackend(address, "")
	var log logLines
	const wrong = "wr0ng-secret"
	m := NewMonitor(r, Options{User: probeUser, Password: wrong, FastInterval: minInterval}, log.logger(), nil)
	stop := run(t, m)
	s := await(t, r, b, backend.Up) // the greeting shows that the server works
	stop()
	if !strings.Contains(s.Cause, "health.user") {
		t.Errorf("cause %q", s.Cause)
	}
	if text := s.Cause + strings.Join(log.all(), "\n"); strings.Contains(text, wrong) {
		t.Errorf("the password stands in\n%s", text)
	}
}
