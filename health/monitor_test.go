package health

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"segue/backend"
)

const ms = time.Millisecond

func TestStartUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		g.expect(backend.Unknown, "1 of 2 good answers")
		g.pass(DefaultFastInterval)
		g.expect(backend.Up, "")
		if h, b, q := g.http.count(), g.bootstrap.count(), g.mysql.count(); h != 2 || b != 2 || q != 2 {
			t.Errorf("asked HTTP %d, bootstrap %d, MySQL %d times; want 2 each", h, b, q)
		}
	})
}

func TestHealthPassesBeforeTheMySQLPortListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		g.http.set(Failed, "/api/health refused")
		g.mysql.set(Failed, "mysql refused")
		g.pass(time.Second)
		g.expect(backend.Down, "/api/health refused")
		g.http.set(Passed, "")
		g.pass(5 * time.Second)
		g.expect(backend.Down, "mysql refused")
		g.mysql.set(Passed, "")
		g.bootstrap.set(Failed, "/api/bootstrap FAILED: not ready")
		g.pass(5 * time.Second)
		g.expect(backend.Down, "/api/bootstrap FAILED: not ready")
		g.forget()
		g.pass(5 * time.Second)
		if n := g.mysql.count(); n > 0 {
			t.Errorf("MySQL asked %d times, though bootstrap had decided", n)
		}
		g.bootstrap.set(Passed, "")
		g.pass(5 * time.Second)
		g.expect(backend.Up, "")
	})
}

func TestMySQLPortDiesBehindAGoodHealthURL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		defer g.use().Release()
		g.pass(time.Minute)
		g.mysql.set(Failed, "mysql no answer in 1s")
		g.pass(2400 * ms)
		g.expect(backend.Down, "mysql no answer in 1s")
	})
}

func TestMisconfiguredHealthURL(t *testing.T) {
	const remedy = "/api/health answers 401: enable_http_auth is on"
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		g.http.set(Misconfigured, remedy)
		defer g.use().Release()
		g.pass(time.Second)
		g.expect(backend.Up, remedy)
		g.pass(time.Minute)
		g.expect(backend.Up, remedy)
		g.mysql.set(Failed, "mysql refused")
		g.pass(5 * time.Second)
		g.expect(backend.Down, "mysql refused; "+remedy)
		g.mysql.set(Passed, "")
		g.pass(5 * time.Second)
		g.expect(backend.Up, remedy)
		g.http.set(Passed, "")
		g.pass(5 * time.Second)
		g.expect(backend.Up, "")
		g.stop()
		var remarks []string
		for _, line := range g.log.all() {
			if strings.Contains(line, "misconfigured") {
				remarks = append(remarks, line)
			}
		}
		want := []string{`level=WARN msg="probing is misconfigured" backend=fe-1 cause="` + remedy + `"`}
		if !slices.Equal(remarks, want) {
			t.Errorf("log\n%s\nwant\n%s", strings.Join(remarks, "\n"), want)
		}
	})
}

func TestRemarkOfTheGreetingStays(t *testing.T) {
	const remark = "mysql 1045 denied: correct health.user"
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		g.mysql.set(Passed, remark)
		defer g.use().Release()
		for range 50 { // most rounds do not ask the MySQL port
			g.pass(200 * ms)
			g.expect(backend.Up, remark)
		}
		g.mysql.set(Passed, "")
		g.pass(3 * time.Second)
		g.expect(backend.Up, "")
	})
}

func TestNoHealthURL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{Flavor: backend.TiDB}, "")
		defer g.use().Release()
		g.pass(time.Second)
		g.expect(backend.Up, "")
		g.forget()
		g.pass(20 * time.Second)
		g.expectGaps("MySQL", g.mysql.times(), 2*time.Second, 2200*ms)
		if g.http.count()+g.bootstrap.count() > 0 {
			t.Error("something else was asked")
		}
	})
}

func TestAPanicInACheckIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		g.pass(time.Second)
		g.http.bug("index out of range")
		g.pass(5 * time.Second)
		g.expect(backend.Down, "http check panicked; this is a bug in Segue")
		g.http.bug(nil)
		g.pass(5 * time.Second)
		g.expect(backend.Up, "")
		want := `level=ERROR msg="check panicked" backend=fe-1 check=http cause="index out of range"`
		if !slices.Contains(g.log.all(), want) {
			t.Errorf("log\n%s", strings.Join(g.log.all(), "\n"))
		}
	})
}

func TestLogLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		defer g.use().Release()
		g.pass(5 * time.Second)
		g.http.set(Leaving, "/api/health 500")
		g.pass(5 * time.Second)
		g.http.set(Failed, "/api/health refused")
		g.pass(5 * time.Second)
		g.http.set(Passed, "")
		g.pass(5 * time.Second)
		g.stop()
		want := []string{
			`level=INFO msg="backend health changed" backend=fe-1 from=unknown to=up cause=""`,
			`level=WARN msg="backend health changed" backend=fe-1 from=up to=stopping cause="/api/health 500"`,
			`level=WARN msg="backend health changed" backend=fe-1 from=stopping to=down cause="/api/health refused"`,
			`level=INFO msg="backend health changed" backend=fe-1 from=down to=up cause=""`,
		}
		if got := g.log.all(); !slices.Equal(got, want) {
			t.Errorf("log\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestSetOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{Interval: time.Hour}, someURL)
		defer g.use().Release()
		g.pass(time.Minute)
		g.forget()
		g.m.SetOptions(Options{Interval: 100 * ms})
		g.pass(time.Second)
		g.expectGaps("new interval", g.http.times(), 90*ms, 100*ms)
		if len(g.made) != 1 {
			t.Errorf("checkers made %d times", len(g.made))
		}
		g.m.SetOptions(Options{Interval: 100 * ms, User: "probe", Password: "x", Fall: 1})
		g.pass(time.Second)
		if len(g.made) != 2 || g.made[1].User != "probe" {
			t.Errorf("checkers made %d times", len(g.made))
		}
		g.http.set(Failed, "blip")
		g.pass(100 * ms)
		g.expect(backend.Down, "blip")
	})
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		g.stop() // the rig's own monitor has no registerer
		reg := prometheus.NewPedanticRegistry()
		m := NewMonitor(g.registry, Options{Fall: 1}, nil, reg)
		m.newChecks = g.m.newChecks
		stop := run(t, m)
		synctest.Wait()
		g.http.set(Failed, "x")
		g.pass(30 * ms)
		m.Observe(g.b, nil)
		synctest.Wait()
		want := `
# HELP segue_probes_total Checks of backends, by what they found.
# TYPE segue_probes_total counter
segue_probes_total{backend="fe-1",check="bootstrap",verdict="passed"} 1
segue_probes_total{backend="fe-1",check="http",verdict="failed"} 1
segue_probes_total{backend="fe-1",check="http",verdict="passed"} 1
segue_probes_total{backend="fe-1",check="mysql",verdict="passed"} 1
`
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "segue_probes_total"); err != nil {
			t.Error(err)
		}
		if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
			t.Errorf("lint: %v %v", problems, err)
		}
		if n, err := testutil.GatherAndCount(reg, "segue_probe_duration_seconds"); err != nil || n != 3 {
			t.Errorf("%d duration series, %v", n, err)
		}
		g.registry.Apply(nil)
		synctest.Wait()
		if n, err := testutil.GatherAndCount(reg); err != nil || n != 0 {
			t.Errorf("%d series of a removed backend are left, %v", n, err)
		}
		stop()
	})
}

// A check that is cut off because Run ends or the backend is removed says nothing about the backend.
func TestTheEndIsNoVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{Fall: 1}, someURL)
		g.pass(time.Minute)
		g.http.slow(500*ms, 0)
		g.m.Observe(g.b, errors.New("evidence"))
		g.pass(100 * ms)
		if g.http.running.Load() != 1 {
			t.Fatal("no check is running")
		}
		g.stop()
		g.expect(backend.Up, "")
	})
}

// A backend that takes over the name of another takes over its series, and does not lose them to its end.
func TestSeriesOfAMovedBackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		g.pass(time.Minute)
		g.http.slow(time.Hour, 10*ms)
		g.m.Observe(g.b, errors.New("evidence"))
		g.pass(100 * ms)
		g.forget()
		g.registry.Apply([]backend.Spec{{Name: g.b.Name(), Address: "elsewhere:9030"}})
		g.pass(time.Minute)
		g.stop()
		want := float64(g.mysql.count())
		if got := testutil.ToFloat64(g.m.metrics.probes.WithLabelValues(g.b.Name(), checkMySQL, "passed")); got != want || got < 2 {
			t.Errorf("%v greetings counted, want the %v of the new backend", got, want)
		}
		if n := testutil.CollectAndCount(g.m.metrics.probes); n != 1 {
			t.Errorf("%d series, want 1", n)
		}
	})
}

func TestObserveOfAStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		_, stranger := oneBackend("x:1", "")
		g.m.Observe(stranger, errors.New("x"))
		g.stop()
		g.m.Observe(g.b, errors.New("too late"))
	})
}
