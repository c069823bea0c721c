package backend

import (
	"fmt"
	"sync"
	"testing"
)

// The tests here are named after the bugs of other proxies that they guard against.

// TiProxy #789: scaling in panicked. TiProxy #806: data race between a reload and the balancer. Run with -race.
func TestBug10_ScaleInAndReloadWhileBalancing(t *testing.T) {
	r := newRegistry(t, "a", "b", "c")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				l, err := r.Lease(func(b *Backend) bool { return b.Status().Weight > 200 })
				if err != nil {
					continue
				}
				l.Backend().Leaving()
				l.Established()
				l.Release()
			}
		})
	}
	wg.Go(func() {
		for i := range 500 {
			next := specs("a", "b", "c")[:1+i%3]
			next[0].Weight = 1 + i%MaxWeight
			next[0].Address = fmt.Sprintf("a:%d", 9030+i%2)
			r.Apply(next)
			r.SetOptions(Options{Policy: &RoundRobin{}})
		}
	})
	wg.Go(func() {
		for i := range 500 {
			for _, b := range r.Backends() {
				r.SetHealth(b, Health(1+i%3), "probe")
				_ = r.SetAdmin(b.Name(), Admin(i%2))
			}
		}
	})
	wg.Wait()
	for _, b := range r.Backends() {
		if b.Sessions() != 0 {
			t.Errorf("%s has %d sessions left", b.Name(), b.Sessions())
		}
	}
}

// TiProxy #168: with two backends restarting at once it said "no backend" although one was up. #408: the one chosen
// became unhealthy between the choice and its use.
func TestBug10_TwoRestartingAtOnce(t *testing.T) {
	r := newRegistry(t, "a", "b", "c")
	setUp(r, "a", "b", "c")
	r.SetHealth(lookup(t, r, "a"), Stopping, "500")
	r.SetHealth(lookup(t, r, "b"), Down, "refused")
	if got := leaseNames(t, r, 30); got["c"] != 30 {
		t.Errorf("leases went to %v, want c only", got)
	}
	// c fails for one client: the client gets another one, and c stays the first choice of nobody for a moment only.
	l := mustLease(t, r, nil)
	tried := l.Backend()
	l.Failed(errRefused)
	if next := mustLease(t, r, func(b *Backend) bool { return b == tried }); next.Backend() == tried {
		t.Error("the backend that was just tried was given again")
	}
}

// TiProxy #770, #772: a flag that was cleared while the backend was down was never set again, and nothing moved any
// more. Here nothing is remembered between the health of now and the choice of now.
func TestBug10_UpDownUpIsForgotten(t *testing.T) {
	r := newRegistry(t, "a", "b")
	r.SetOptions(Options{SlowStart: -1})
	setUp(r, "a", "b")
	b := lookup(t, r, "b")
	mustLease(t, r, func(x *Backend) bool { return x != b }).Failed(errRefused)
	for _, h := range []Health{Down, Stopping, Down, Up} {
		r.SetHealth(b, h, "")
	}
	mustLease(t, r, func(x *Backend) bool { return x != b }).Established()
	if got := leaseNames(t, r, 100); got["b"] < 40 {
		t.Errorf("after it came back: %v", got)
	}
}

// HAProxy #918: during a reload the sessions went to the wrong server. Here two names that swap their addresses become
// two new backends: nothing that was learned of one address is believed of the other.
func TestBug21_SwappedAddressesAreNewBackends(t *testing.T) {
	r := newRegistry(t, "a", "b")
	setUp(r, "a")
	oldA := lookup(t, r, "a")
	oldA.Learn(Facts{Known: true})
	r.Apply([]Spec{{Name: "a", Address: "b:9030"}, {Name: "b", Address: "a:9030"}})
	for _, b := range r.Backends() {
		if s := b.Status(); s.Health != Unknown || b.Facts().Known {
			t.Errorf("%s at %s begins with %v, %+v", b.Name(), b.Address(), s.Health, b.Facts())
		}
	}
	if _, leaving := oldA.Leaving(); !leaving || oldA.Address() != "a:9030" {
		t.Error("the old backend changed under its sessions")
	}
}
