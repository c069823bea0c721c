package health

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"segue/backend"
)

func TestCadenceInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		defer g.use().Release()
		g.pass(time.Second)
		g.forget()
		g.pass(20 * time.Second)
		g.expectGaps("HTTP", g.http.times(), 180*ms, 200*ms)
		greetings := g.mysql.times()
		g.expectGaps("MySQL", greetings, 2*time.Second, 2200*ms)
		if boots := g.bootstrap.times(); len(boots) != len(greetings) {
			t.Errorf("bootstrap asked %d times, MySQL %d times", len(boots), len(greetings))
		}
	})
}

func TestCadenceUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		l := g.use()
		g.pass(time.Minute)
		l.Release()
		g.forget()
		g.pass(usedFor - 200*ms)
		g.expectGaps("just released", g.http.times(), 180*ms, 200*ms)
		g.pass(time.Second)
		g.forget()
		g.pass(time.Minute)
		g.expectGaps("unused", g.http.times(), 900*ms, 1000*ms)
		g.afterRound() // the next one is far
		lease := g.use()
		g.pass(200 * ms)
		if g.http.count() == 0 {
			t.Error("taken into use, and not asked within one interval")
		}
		lease.Release()
		g.pass(usedFor + time.Second)
		g.afterRound()
		g.pass(500 * ms)
		g.forget()
		defer g.use().Release()
		synctest.Wait()
		if g.http.count() != 1 {
			t.Error("taken into use long after a round, and not asked at once")
		}
	})
}

// Segue wakes up once for several backends, but has not all of them to ask at the same time.
func TestCadenceOfManyBackends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		var specs []backend.Spec
		for i := range 100 {
			name := fmt.Sprintf("fe-%d", i)
			specs = append(specs, backend.Spec{Name: name, Address: name + ":9030", HealthURL: someURL})
		}
		g.registry.Apply(specs)
		g.pass(3 * time.Second)
		g.forget()
		g.pass(time.Second)
		at := map[time.Time]int{}
		for _, when := range g.http.times() {
			at[when]++
		}
		if len(at) < 15 || len(at) > 21 {
			t.Errorf("100 backends: %d wake-ups in a second", len(at))
		}
		for when, n := range at {
			if n > 25 {
				t.Errorf("%v: %d backends asked at the same time", when, n)
			}
		}
	})
}

// Detection stays below the interval, whenever the backend begins to leave.
func TestLeavingIsSeenWithinTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		defer g.use().Release()
		_, longest := g.untilSeen(func() { g.http.set(Passed, "") }, func() { g.http.set(Leaving, "/api/health 500") }, backend.Stopping, "/api/health 500")
		if longest > DefaultInterval {
			t.Errorf("seen after %v", longest)
		}
	})
}

func TestFallAtTheFastInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		defer g.use().Release()
		g.pass(time.Minute)
		g.forget()
		g.http.set(Failed, "/api/health refused")
		begin := time.Now()
		<-g.registry.Changed()
		g.expect(backend.Down, "/api/health refused")
		if took := time.Since(begin); took > DefaultInterval+2*DefaultFastInterval {
			t.Errorf("down after %v", took)
		}
		at := g.http.times()
		if len(at) != DefaultFall {
			t.Errorf("down after %d answers", len(at))
		}
		g.expectGaps("in question", at, 45*ms, 50*ms)
		if n := g.mysql.count(); n > 0 {
			t.Errorf("MySQL asked %d times, though HTTP had decided", n)
		}
		g.pass(10 * time.Second)
		g.expectGaps("down", g.http.times(), 180*ms, 200*ms)
	})
}

func TestEvidenceProbesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		g.pass(time.Minute)
		g.afterRound()
		g.http.set(Leaving, "/api/health 500")
		g.m.Observe(g.b, errors.New("idle connection closed"))
		g.expect(backend.Stopping, "/api/health 500")
		if len(g.http.times()) != 1 {
			t.Error("not asked, or more than once")
		}
		g.http.set(Passed, "")
		g.pass(time.Minute)
		g.afterRound()
		g.m.Observe(g.b, errors.New("dial refused"))
		synctest.Wait()
		if g.mysql.count() != 1 {
			t.Error("evidence from the MySQL port, and that port was not asked")
		}
	})
}

// What speaks against a backend that is known to be leaving or down tells nothing new.
func TestEvidenceThatAgreesIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{Interval: time.Hour}, someURL)
		for _, v := range []Verdict{Leaving, Failed} {
			synctest.Wait()
			changed := g.registry.Changed()
			g.http.set(v, "x")
			g.m.Observe(g.b, errors.New("idle connection closed"))
			<-changed
			synctest.Wait()
			g.forget()
			g.m.Observe(g.b, errors.New("dial refused"))
			g.pass(time.Second)
			if n := g.http.count(); n != 0 {
				t.Errorf("%v: asked %d times", v, n)
			}
		}
		g.expect(backend.Down, "x")
	})
}

func TestEvidenceIsRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		g.pass(time.Minute)
		g.forget()
		for range 1000 {
			g.m.Observe(g.b, errors.New("dial refused"))
			g.pass(ms)
		}
		at := g.http.times()
		g.expectGaps("under evidence", at, minInterval, minInterval+ms)
		if len(at) < 80 {
			t.Errorf("asked %d times in a second full of evidence", len(at))
		}
	})
}

func TestTripwireIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{Interval: time.Hour, FastInterval: 50 * ms}, someURL)
		g.pass(time.Minute)
		g.forget()
		for range 10_000 { // a server that closes every connection, for 10 s
			g.trip(errors.New("EOF"))
			g.pass(ms)
		}
		if at := g.http.times(); len(at) != 2*maxAlarms {
			t.Errorf("asked %d times in 10 s, want %d in %v", len(at), maxAlarms, alarmWindow)
		}
		if n := g.mysql.count(); n > 0 {
			t.Errorf("the health port's tripwire asked the MySQL port %d times", n)
		}
	})
}

func TestFrugalOnMySQL(t *testing.T) {
	for _, c := range []struct {
		name    string
		o       Options
		url     string
		greets  bool // while up
		asksURL bool
	}{
		{"without anything", Options{Flavor: backend.MySQL}, "", false, false},
		{"with a health URL", Options{Flavor: backend.MySQL}, someURL, false, true},
		{"with a user", Options{Flavor: backend.MySQL, User: "probe"}, "", true, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, c.o, c.url)
			defer g.use().Release()
			g.pass(time.Second)
			g.expect(backend.Up, "")
			if n := g.mysql.count(); n != DefaultRise {
				t.Errorf("%s: %d greetings until up", c.name, n)
			}
			g.forget()
			g.pass(time.Minute)
			if n := g.mysql.count(); (n > 0) != c.greets {
				t.Errorf("%s: %d greetings in a minute of being up", c.name, n)
			}
			if n := g.http.count(); (n > 0) != c.asksURL {
				t.Errorf("%s: health URL asked %d times", c.name, n)
			}
			g.mysql.set(Failed, "mysql refused")
			g.m.Observe(g.b, errors.New("dial refused"))
			g.pass(time.Second)
			g.expect(backend.Down, "mysql refused")
			g.mysql.set(Passed, "")
			g.pass(time.Second)
			g.expect(backend.Up, "")
		})
	}
}

func TestProbesOfABackendDoNotOverlapAndEndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		g.pass(time.Second)
		g.http.slow(300*ms, 0)
		g.mysql.slow(400*ms, 0)
		for range 20 {
			g.m.Observe(g.b, errors.New("evidence"))
			g.pass(70 * ms)
		}
		g.http.slow(time.Hour, 0)
		g.pass(time.Minute)
		g.expect(backend.Down, "ended with its context")
		if g.http.overlap.Load() || g.mysql.overlap.Load() {
			t.Error("two checks of one backend ran at a time")
		}
		begin := time.Now()
		g.stop()
		if took := time.Since(begin); took > 0 {
			t.Errorf("Run went on for %v", took)
		}
		if n := g.http.running.Load(); n != 0 {
			t.Errorf("Run has returned, and %d checks are running", n)
		}
	})
}
