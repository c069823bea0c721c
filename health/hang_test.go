package health

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"segue/backend"
)

const fallTime = DefaultFall * DefaultInterval

// A server that hangs is down within Fall intervals of the first probe that it does not answer: in less than a second,
// whenever it begins, though one probe may take a second. When it goes on it is up again.
func TestAHangIsSeenWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		defer g.use().Release()
		shortest, longest := g.untilSeen(func() { g.http.slow(ms, 0) }, func() { g.http.slow(time.Hour, 0) }, backend.Down, "/api/health no answer in 600ms")
		if shortest < fallTime || longest > fallTime+DefaultInterval {
			t.Errorf("down after %v to %v", shortest, longest)
		}
	})
}

// One connection may hang where the health URL answers.
func TestAHangOfTheMySQLPortIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		defer g.use().Release()
		g.pass(time.Minute)
		g.mysql.slow(time.Hour, 0)
		began := time.Now()
		g.m.Observe(g.b, errors.New("no answer"))
		<-g.registry.Changed()
		if took := time.Since(began); took > fallTime+minInterval {
			t.Errorf("down after %v", took)
		}
		g.expect(backend.Down, "mysql no answer in 600ms")
	})
}

// A pause of half a second, as of a garbage collection, takes nobody out, whenever it comes.
func TestAPauseIsNoHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		defer g.use().Release()
		g.pass(time.Minute)
		changed := g.registry.Changed()
		random := rand.New(rand.NewPCG(1, 2))
		for range 100 {
			g.http.pause(500 * ms)
			g.pass(500*ms + time.Duration(random.IntN(4000))*ms)
		}
		select {
		case <-changed:
			t.Errorf("%+v", g.b.Status())
		default:
		}
	})
}

// Who always answers slowly, but within the timeout, is up, and stays so.
func TestASlowServerIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, takes := range []time.Duration{250 * ms, 450 * ms, 700 * ms, 950 * ms} {
			g := newRig(t, Options{}, someURL)
			g.http.slow(takes, 0)
			g.mysql.slow(takes/2, 0)
			g.pass(10 * time.Second)
			g.expect(backend.Up, "")
			changed := g.registry.Changed()
			lease := g.use()
			g.pass(time.Hour)
			lease.Release()
			select {
			case <-changed:
				t.Errorf("%v: %+v", takes, g.b.Status())
			default:
			}
			began := time.Now()
			g.http.slow(time.Hour, 0)
			<-changed
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("%v: its hang was seen after %v", takes, took)
			}
			g.stop()
		}
	})
}

// However a server hangs, it has no more than one check of a Segue to answer.
func TestAHungServerIsNotOverrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		defer g.use().Release()
		g.pass(time.Minute)
		for _, f := range []*fake{g.http, g.bootstrap, g.mysql} {
			f.slow(time.Hour, 0)
		}
		g.forget()
		for range 100 {
			g.m.Observe(g.b, errors.New("no answer"))
			g.trip(errors.New("EOF"))
			g.pass(600 * ms)
		}
		if n := g.http.count(); n > 60 || g.http.overlap.Load() || g.mysql.overlap.Load() {
			t.Errorf("asked %d times in a minute; overlap %v", n, g.http.overlap.Load())
		}
	})
}

func TestPatience(t *testing.T) {
	o := Options{}.normal()
	var p patience
	for _, c := range []struct {
		took time.Duration
		want time.Duration
	}{
		{0, 200 * ms},
		{10 * ms, 200 * ms},
		{300 * ms, 200 * ms},
		{480 * ms, 320 * ms}, // down after twice that
		{10 * ms, 280 * ms},
		{10 * ms, 245 * ms},
		{750 * ms, 500 * ms},
	} {
		p.heard(c.took)
		if got := p.miss(o); got != c.want {
			t.Errorf("an answer that took %v: missed after %v, want %v", c.took, got, c.want)
		}
	}
	for range 20 {
		p.heard(ms)
	}
	if got := p.miss(o); got != o.Interval {
		t.Errorf("20 quick answers later: missed after %v", got)
	}
}

// A process that has ended has left both of its ports, and nothing more is waited for. An FE that starts refuses on one.
func TestTripwireAndRefusedIsDownAtOnce(t *testing.T) {
	for _, gone := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, Options{}, someURL)
			defer g.use().Release()
			g.pass(time.Minute)
			g.afterRound()
			g.http.set(Failed, "/api/health refused")
			g.refuses.Store(gone)
			began := time.Now()
			changed := g.registry.Changed()
			g.trip(errors.New("EOF"))
			<-changed
			g.expect(backend.Down, "/api/health refused")
			if took := time.Since(began); gone && took > minInterval || !gone && took < 2*45*ms {
				t.Errorf("gone %v: down after %v", gone, took)
			}
		})
	}
}

// Without the tripwire, refused probes count to Fall.
func TestRefusedAloneIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		defer g.use().Release()
		g.pass(time.Minute)
		g.forget()
		g.http.set(Failed, "/api/health refused")
		g.refuses.Store(true)
		<-g.registry.Changed()
		if n := g.http.count(); n != DefaultFall {
			t.Errorf("down after %d probes", n)
		}
	})
}

// While the health URL fails and sessions are left, the MySQL port says whether the backend lives.
func TestLifeIsLookedForWhileSessionsAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{}, someURL)
		lease := g.use()
		g.pass(time.Minute)
		g.http.slow(time.Hour, 0)
		<-g.registry.Changed()
		g.forget()
		g.pass(20 * time.Second)
		g.expectGaps("MySQL", g.mysql.times(), lifeEvery, 2200*ms)
		lease.Release()
		g.pass(2 * time.Second)
		g.forget()
		g.pass(time.Minute)
		if n := g.mysql.count(); n != 0 {
			t.Errorf("asked %d times without a session", n)
		}
		g.expect(backend.Down, "ended with its context")
	})
}

// A doubt has the MySQL port asked where there is nothing else to ask, now and then.
func TestDoubt(t *testing.T) {
	for url, want := range map[string]int{"": 20, someURL: 5} { // 5 are by time
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, Options{Flavor: backend.TiDB}, url)
			defer g.use().Release()
			g.pass(time.Minute)
			g.forget()
			for range 40 {
				g.m.Doubt(g.b, errors.New("silence"))
				g.pass(250 * ms)
			}
			if n := g.mysql.count(); n < want-1 || n > want+1 {
				t.Errorf("health URL %q: asked %d times in 10 s, want about %d", url, n, want)
			}
			g.pass(doubtEvery)
			g.m.Doubt(g.b, errors.New("silence"))
			g.pass(ms) // asked; the next doubt comes too soon to be heeded at once, and is kept
			g.mysql.slow(time.Hour, 0)
			g.m.Doubt(g.b, errors.New("silence"))
			began := time.Now()
			<-g.registry.Changed()
			if took := time.Since(began); url == "" && took > fallTime+doubtEvery {
				t.Errorf("down after %v", took)
			}
			g.expect(backend.Down, "mysql no answer in 600ms")
		})
	}
}

// Doubts leave half of the budget to those who know.
func TestBudgetForDoubts(t *testing.T) {
	g := new(budget)
	for n := range maxUnfinished {
		if got, want := g.allowsDoubt(0), n < maxUnfinished/2; got != want {
			t.Errorf("%d spent: %v", n, got)
		}
		g.spend()
	}
	if g.allows(0) || !g.allowsDoubt(1) {
		t.Error("the budget is not what it was")
	}
}
