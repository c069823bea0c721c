package proxy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"segue/backend"
	"segue/proxy/gate"
	"segue/proxy/loop"
	"segue/proxy/simulate"
)

// In some worlds the server has several workers. The seed decides which of them goes on, and which sessions cross.

// hire makes the workers.
func (c *simulated) hire(t *testing.T) {
	t.Helper()
	seed := c.world.CoreSeed()
	c.shifts = rand.New(rand.NewPCG(seed, 3))
	n := [...]int{1, 2, 3}[c.shifts.IntN(3)]
	for i := range n {
		w, err := newWorkerOn(c.server, loop.Options{Dialer: c.world.Dial}, rand.NewPCG(seed, seed>>1+uint64(i)))
		if err != nil {
			t.Fatal(err)
		}
		c.workers = append(c.workers, w)
	}
	c.server.workers.Store(&c.workers)
}

// Woken reports whether one has something to do.
func (c *simulated) Woken() bool {
	return slices.ContainsFunc(c.workers, func(w *worker) bool { return w.loop.Woken() })
}

// Due is when the first of their timers expires.
func (c *simulated) Due() (at int64, any bool) {
	for _, w := range c.workers {
		if due, armed := w.loop.Due(); armed && (!any || due < at) {
			at, any = due, true
		}
	}
	return at, any
}

// Step lets one of those go on that have something to do.
func (c *simulated) Step() {
	now := c.server.elapsed()
	var ready []*worker
	for _, w := range c.workers {
		if due, armed := w.loop.Due(); w.loop.Woken() || armed && due <= now {
			ready = append(ready, w)
		}
	}
	if len(ready) == 0 {
		ready = c.workers
	}
	w := ready[c.shifts.IntN(len(ready))]
	w.loop.Step()
	if len(c.workers) > 1 && len(w.all) > 0 && c.shifts.IntN(2) == 0 {
		s := w.all[c.shifts.IntN(len(w.all))]
		if s.transferTo(c.workers[c.shifts.IntN(len(c.workers))]); s.owner.Load() != w {
			c.world.Note("session %d crosses", s.id)
		}
	}
}

// sessions are all of them, those that are crossing included.
func (c *simulated) sessions() []*session {
	all := c.server.transfers.unfinished()
	for _, w := range c.workers {
		all = append(all, w.all...)
	}
	return all
}

// leased is how many leases are out, of all backends that anybody knows.
func (c *simulated) leased() (n int) {
	known := slices.Clone(c.world.Registry().Backends())
	add := func(b *backend.Backend) {
		if !slices.Contains(known, b) {
			known = append(known, b)
		}
	}
	for _, s := range c.sessions() {
		if b := s.backend(); b != nil {
			add(b)
		}
		if d, ok := s.errand.(*departure); ok && d.lease != nil {
			add(d.lease.Backend())
		}
	}
	for _, b := range known {
		n += b.Sessions()
	}
	return n
}

// checkFolds looks at where the worker's sessions stand.
func (w *worker) checkFolds() error {
	for _, f := range w.order {
		if len(f.sessions) == 0 {
			return fmt.Errorf("the fold of %s is empty", f.backend.Name())
		}
	}
	return nil
}

// checkDials looks at who dials.
func (c *simulated) checkDials() error {
	dial, owing := map[*gate.Gate]int{}, map[*crowd]int{}
	for _, s := range c.sessions() {
		e, ok := s.errand.(*connecting)
		if ok && (e.inside || e.pass != nil && e.pass.Passed()) {
			dial[e.turns]++
		}
		if ok && e.owes != nil {
			owing[e.owes]++
		}
	}
	for _, w := range c.workers {
		for _, f := range w.order {
			if n := int(f.crowd.owing.Load()); n != owing[f.crowd] {
				return fmt.Errorf("%d owe %s an answer, and %d sessions say so", n, f.backend.Name(), owing[f.crowd])
			}
			for _, g := range []*gate.Gate{f.crowd.dials, f.crowd.greets} {
				if inside, _ := g.Counts(); inside != dial[g] {
					return fmt.Errorf("%d dial %s, and %d sessions say so", inside, f.backend.Name(), dial[g])
				}
			}
		}
	}
	return nil
}

// left is something of which nothing is to be left.
type left struct {
	what string
	n    int
}

// remains are what is left of a worker's.
func (w *worker) remains() []left {
	return []left{
		{"sessions", len(w.all)},
		{"sessions that are counted", w.loop.Assigned()},
		{"folds", len(w.folds)},
		{"folds in order", len(w.order)},
		{"waiters", len(w.waiters.list)},
		{"who resume", len(w.resuming.list)},
		{"who rest", len(w.resting.list)},
		{"curious", len(w.curious)},
		{"connections", w.loop.Conns()},
	}
}

// TestSimulationCrosses: in some worlds sessions do cross.
func TestSimulationCrosses(t *testing.T) {
	crossings := 0
	for seed := range uint64(6) {
		w, err := play(t, simulate.Options{Seed: seed, Lives: 40, History: true})
		if err != nil {
			t.Error(err)
		}
		crossings += strings.Count(w.History(1<<20), " crosses")
	}
	if crossings < 300 {
		t.Errorf("%d crossings: the simulation has lost this subject", crossings)
	}
}
