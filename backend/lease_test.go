package backend

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var errRefused = errors.New("refused")

func mustLease(tb testing.TB, r *Registry, avoid func(*Backend) bool) *Lease {
	tb.Helper()
	l, err := r.Lease(avoid)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// leaseNames takes n leases at once and gives the names of their backends. The leases are released.
func leaseNames(tb testing.TB, r *Registry, n int) map[string]int {
	tb.Helper()
	names := make(map[string]int)
	var leases []*Lease
	for range n {
		l := mustLease(tb, r, nil)
		names[l.Backend().Name()]++
		leases = append(leases, l)
	}
	for _, l := range leases {
		l.Release()
	}
	return names
}

func setUp(r *Registry, names ...string) {
	for _, b := range r.Backends() {
		for _, n := range names {
			if b.Name() == n {
				r.SetHealth(b, Up, "")
			}
		}
	}
}

func TestLeaseTiers(t *testing.T) {
	r := newRegistry(t, "up", "stopping", "unknown", "down", "maint")
	setUp(r, "up", "maint")
	r.SetHealth(lookup(t, r, "stopping"), Stopping, "/api/health 500")
	r.SetHealth(lookup(t, r, "down"), Down, "refused")
	if err := r.SetAdmin("maint", Maint); err != nil {
		t.Fatal(err)
	}
	tried := make(map[string]bool)
	avoid := func(b *Backend) bool { return tried[b.Name()] }
	var order []string
	for range 4 {
		l := mustLease(t, r, avoid)
		order = append(order, l.Backend().Name())
		tried[l.Backend().Name()] = true
		l.Failed(errRefused)
	}
	if order[0] != "up" || order[3] != "down" {
		t.Errorf("tried in the order %v; want up first and down last", order)
	}
	_, err := r.Lease(avoid)
	none, ok := errors.AsType[*NoneError](err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	want := "no usable backend (2 of 5 up; up: refused; stopping: /api/health 500; unknown: not probed yet; " +
		"down: refused; maint: maint by operator)"
	if none.Error() != want {
		t.Errorf("got  %s\nwant %s", none, want)
	}
}

func TestOperatorsWordIsLaw(t *testing.T) {
	r := newRegistry(t, "a", "b")
	setUp(r, "a", "b")
	for name, admin := range map[string]Admin{"a": Drain, "b": Maint} {
		if err := r.SetAdmin(name, admin); err != nil {
			t.Fatal(err)
		}
	}
	_, err := r.Lease(nil)
	want := "no usable backend (2 of 2 up; a: drain by operator; b: maint by operator)"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestBackoffGuardsAgainstTheQuickRefuser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, "good", "bad")
		setUp(r, "good", "bad")
		refused := 0
		for range 1000 { // one client each millisecond; the sessions of good stay, so bad always has the fewest
			l := mustLease(t, r, nil)
			if l.Backend().Name() == "bad" {
				refused++
				l.Failed(errRefused)
			} else {
				l.Established()
			}
			time.Sleep(time.Millisecond)
		}
		// 0, 50, 150, 350, 750 ms: one trial after each delay.
		if refused != 5 {
			t.Errorf("the refusing backend was tried %d times in 1 s, want 5", refused)
		}
	})
}

func TestBackoffOneTrialAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, "good", "bad")
		setUp(r, "good", "bad")
		bad := func(b *Backend) bool { return b.Name() != "bad" }
		mustLease(t, r, bad).Failed(errRefused)
		if got := leaseNames(t, r, 100); got["bad"] != 0 {
			t.Errorf("in back-off: %v", got)
		}
		time.Sleep(minBackoff)
		if got := leaseNames(t, r, 100); got["bad"] != 1 {
			t.Errorf("after the back-off: %v, want one trial", got)
		}
		if got := leaseNames(t, r, 100); got["bad"] != 1 {
			t.Errorf("after a trial that came to nothing: %v, want one more", got)
		}
		mustLease(t, r, bad).Established()
		if got := leaseNames(t, r, 100); got["bad"] < 40 {
			t.Errorf("after a trial that succeeded: %v, want about half", got)
		}
	})
}

func TestBackoffCountsAStormOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, "a")
		setUp(r, "a")
		var leases []*Lease
		for range 100 {
			leases = append(leases, mustLease(t, r, nil))
		}
		for _, l := range leases {
			l.Failed(errRefused)
		}
		a := lookup(t, r, "a")
		if got := a.backoff.failures; got != 1 {
			t.Errorf("100 clients refused at one moment are %d failures, want 1", got)
		}
		if a.Sessions() != 0 {
			t.Errorf("%d sessions left", a.Sessions())
		}
		mustLease(t, r, nil).Failed(errRefused) // there is nobody else, so it is tried in its back-off
		if got := a.backoff.failures; got != 2 {
			t.Errorf("%d failures, want 2", got)
		}
	})
}

func TestBackoffOldTrialDoesNotEndANewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, "a")
		setUp(r, "a")
		mustLease(t, r, nil).Failed(errRefused)
		time.Sleep(minBackoff)
		old := mustLease(t, r, nil) // the trial; it works, and its session lives
		old.Established()
		mustLease(t, r, nil).Failed(errRefused)
		time.Sleep(minBackoff)
		mustLease(t, r, nil) // the next trial
		old.Release()
		if k := lookup(t, r, "a").backoff; k.trial == nil {
			t.Error("the end of an old session ended the trial of another")
		}
	})
}

func TestLeaseRested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, "a")
		setUp(r, "a")
		mustLease(t, r, nil).Failed(errRefused)
		if _, err := r.LeaseRested(nil); err == nil {
			t.Error("leased in its back-off")
		}
		time.Sleep(minBackoff)
		trial, err := r.LeaseRested(nil)
		if err != nil {
			t.Fatalf("the delay is over: %v", err)
		}
		if _, err := r.LeaseRested(nil); err == nil {
			t.Error("leased while another tries")
		}
		trial.Failed(errRefused)
		a := lookup(t, r, "a")
		r.SetHealth(a, Down, "")
		r.SetHealth(a, Up, "")
		if _, err := r.LeaseRested(nil); err != nil {
			t.Errorf("it is up again: %v", err)
		}
	})
}

func TestSlowStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, "a", "b")
		setUp(r, "a", "b")
		if got := leaseNames(t, r, 100); got["b"] != 50 {
			t.Errorf("from unknown to up: %v; there is no slow start", got)
		}
		b := lookup(t, r, "b")
		r.SetHealth(b, Stopping, "")
		r.SetHealth(b, Up, "")
		for _, step := range []struct {
			after    time.Duration
			min, max int
		}{
			{0, 8, 11},                       // 0.1 of 1.1
			{DefaultSlowStart / 2, 34, 37},   // 0.55 of 1.55
			{DefaultSlowStart / 2, 50, 50},   // all of it
			{100 * DefaultSlowStart, 50, 50}, // and for good
		} {
			time.Sleep(step.after)
			if got := leaseNames(t, r, 100)["b"]; got < step.min || got > step.max {
				t.Errorf("after %v more: %d of 100, want %d to %d", step.after, got, step.min, step.max)
			}
		}
		r.SetOptions(Options{SlowStart: -1})
		r.SetHealth(b, Down, "")
		r.SetHealth(b, Up, "")
		if got := leaseNames(t, r, 100)["b"]; got != 50 {
			t.Errorf("switched off: %d of 100, want 50", got)
		}
	})
}

func TestSetOptionsPolicy(t *testing.T) {
	r := newRegistry(t, "a", "b")
	setUp(r, "a", "b")
	r.SetOptions(Options{Policy: &RoundRobin{}})
	held := mustLease(t, r, nil)
	defer held.Release()
	if got := leaseNames(t, r, 3); got[held.Backend().Name()] != 1 {
		t.Errorf("round robin after %s gave %v", held.Backend().Name(), got)
	}
}

func TestAThousandConcurrentLeases(t *testing.T) {
	r := newRegistry(t, "a", "b", "c")
	setUp(r, "a", "b", "c")
	var wg sync.WaitGroup
	leases := make([]*Lease, 1000)
	for i := range leases {
		wg.Go(func() { leases[i], _ = r.Lease(nil) })
	}
	wg.Wait()
	for _, b := range r.Backends() {
		if n := b.Sessions(); n < 333 || n > 334 {
			t.Errorf("%s has %d sessions, want a third of 1000", b.Name(), n)
		}
	}
	for i, l := range leases {
		wg.Go(func() {
			switch i % 3 {
			case 0:
				l.Failed(errRefused)
			case 1:
				l.Established()
			}
			l.Release()
		})
	}
	wg.Wait()
	for _, b := range r.Backends() {
		if b.Sessions() != 0 {
			t.Errorf("%s has %d sessions left", b.Name(), b.Sessions())
		}
	}
}

func BenchmarkLease(b *testing.B) {
	r := newRegistry(b, "a", "b", "c")
	setUp(r, "a", "b", "c")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l, err := r.Lease(nil)
			if err != nil {
				b.Fatal(err)
			}
			l.Established()
			l.Release()
		}
	})
}

func BenchmarkLeaving(b *testing.B) {
	r := newRegistry(b, "a")
	a := r.Backends()[0]
	b.ReportAllocs()
	for b.Loop() {
		if _, leaving := a.Leaving(); leaving {
			b.Fatal("leaving")
		}
	}
}
