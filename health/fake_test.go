package health

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"segue/backend"
)

// fake is a checker that answers what it is told to and remembers when it was asked.
type fake struct {
	mu      sync.Mutex
	result  Result
	takes   time.Duration // how long a check lasts; longer than the timeout: it ends with its context
	lingers time.Duration // how long a check goes on after its context has ended
	paused  time.Time     // no check ends before
	panics  any
	at      []time.Time
	running *atomic.Int32 // shared by the checkers of one backend
	overlap atomic.Bool
}

func (f *fake) Check(ctx context.Context, _ *backend.Backend) Result {
	if f.running.Add(1) > 1 {
		f.overlap.Store(true)
	}
	defer f.running.Add(-1)
	f.mu.Lock()
	f.at = append(f.at, time.Now())
	r, takes, lingers, bug := f.result, max(f.takes, time.Until(f.paused)), f.lingers, f.panics
	f.mu.Unlock()
	if bug != nil {
		panic(bug)
	}
	start := time.Now()
	if !sleep(ctx, takes) {
		time.Sleep(lingers)
		r = Result{Failed, "ended with its context", 0}
	}
	r.Took = time.Since(start)
	return r
}

func (f *fake) set(v Verdict, cause string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.result = Result{Verdict: v, Cause: cause}
}

// slow makes each check last takes, or its context and lingers.
func (f *fake) slow(takes, lingers time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.takes, f.lingers = takes, lingers
}

// pause makes no check end for so long.
func (f *fake) pause(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paused = time.Now().Add(d)
}

// bug makes each check panic with v; nil: no more.
func (f *fake) bug(v any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.panics = v
}

// times gives when it was asked since the last call.
func (f *fake) times() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := f.at
	f.at = nil
	return at
}

func (f *fake) count() int { return len(f.times()) }

// rig is a monitor of one registry whose checkers are fakes, the same for all backends. Its methods are for a synctest
// bubble.
type rig struct {
	t                      *testing.T
	registry               *backend.Registry
	b                      *backend.Backend // the first
	m                      *Monitor
	http, bootstrap, mysql *fake
	made                   []Options // with which the checkers were made
	trip                   func(error)
	refuses                atomic.Bool // nobody listens on the backend's ports
	speaksHTTP             atomic.Bool // its MySQL port does
	log                    logLines
	stop                   func()
}

const someURL = "http://fe-1:8030/api/health"

// newRig starts a rig with one backend that passes every check.
func newRig(t *testing.T, o Options, healthURL string) *rig {
	t.Helper()
	g := &rig{t: t}
	g.registry, g.b = oneBackend("fe-1:9030", healthURL)
	running := new(atomic.Int32)
	var making sync.Mutex
	for _, f := range []**fake{&g.http, &g.bootstrap, &g.mysql} {
		*f = &fake{result: Result{Verdict: Passed}, running: running}
	}
	g.m = NewMonitor(g.registry, o, g.log.logger(), nil)
	g.m.newChecks = func(o Options, _ *budget, trip func(error)) checks {
		making.Lock() // each backend has its prober
		g.made, g.trip = append(g.made, o), trip
		making.Unlock()
		c := checks{http: g.http, mysql: g.mysql, close: func() {}}
		c.speaksHTTP = func(context.Context, *backend.Backend) bool { return g.speaksHTTP.Load() }
		c.refuses = func(context.Context, *backend.Backend) bool { return g.refuses.Load() }
		if o.Flavor == backend.StarRocks {
			c.bootstrap = g.bootstrap
		}
		return c
	}
	g.stop = run(t, g.m)
	return g
}

// use holds a lease until the test ends.
func (g *rig) use() *backend.Lease {
	g.t.Helper()
	l, err := g.registry.Lease(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return l
}

// pass lets time pass.
func (g *rig) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// afterRound lets time pass until a round has just been, and forgets it.
func (g *rig) afterRound() {
	for g.forget(); g.http.count() == 0; {
		g.pass(10 * ms)
	}
	g.pass(minInterval)
	g.forget()
}

// forget drops what the fakes have remembered.
func (g *rig) forget() {
	for _, f := range []*fake{g.http, g.bootstrap, g.mysql} {
		f.times()
	}
}

func (g *rig) expect(h backend.Health, cause string) {
	g.t.Helper()
	synctest.Wait()
	if s := g.b.Status(); s.Health != h || s.Cause != cause {
		g.t.Errorf("%v %q, want %v %q", s.Health, s.Cause, h, cause)
	}
}

// untilSeen makes a backend ill 100 times, each time at another point of the pace of
// probing, and tells how long it takes until that is seen. well undoes it.
func (g *rig) untilSeen(well, ill func(), h backend.Health, cause string) (shortest, longest time.Duration) {
	g.t.Helper()
	shortest = time.Hour
	for i := range 100 {
		well()
		g.pass(2*time.Second + time.Duration(i)*7*ms)
		g.expect(backend.Up, "")
		changed := g.registry.Changed()
		began := time.Now()
		ill()
		<-changed
		took := time.Since(began)
		shortest, longest = min(shortest, took), max(longest, took)
		g.expect(h, cause)
	}
	return shortest, longest
}

// expectGaps checks the times between the checks.
func (g *rig) expectGaps(what string, at []time.Time, least, most time.Duration) {
	g.t.Helper()
	if len(at) < 2 {
		g.t.Errorf("%s: asked %d times", what, len(at))
	}
	for i := 1; i < len(at); i++ {
		if gap := at[i].Sub(at[i-1]); gap < least || gap > most {
			g.t.Errorf("%s: asked again after %v, want %v to %v", what, gap, least, most)
		}
	}
}
