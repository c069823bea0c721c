package simulate

import (
	"fmt"
	"time"

	"segue/backend"
)

// incidents makes up what happens to the cluster, and what the operator does, until the world is to heal.
func (w *World) incidents(until int64) {
	d := newDice(w.seed, ofOperator, 0)
	n := 2 + d.IntN(8)
	if w.calm {
		n = d.IntN(6)
	}
	for i := range n {
		at := d.Int64N(until)
		one := newDice(w.seed, ofOperator, i+1)
		if w.o.without(w.o.SkipIncidents, i) {
			continue
		}
		w.add(at, func() { w.incident(i, one, until) })
	}
	for _, turn := range w.turns {
		happening := newDice(w.seed, ofHappening, n)
		if at := happening.Int64N(until); !w.o.without(w.o.SkipIncidents, n) {
			w.add(at, func() { turn(w, happening, until) })
		}
		n++
	}
}

// incident lets something happen, and end some time later.
func (w *World) incident(i int, d dice, until int64) {
	s := w.servers[d.IntN(len(w.servers))]
	lasts := func(most time.Duration) int64 {
		return min(d.span(most)+int64(100*time.Millisecond), max(until-w.now, 1))
	}
	name := func(what string, ms int64) {
		w.note("operator", "%d: %s %s for %s", i, s.name, what, time.Duration(ms))
	}
	kinds := 14
	if w.calm {
		kinds = 3
	}
	switch d.IntN(kinds) {
	case 0:
		t := lasts(4 * time.Second)
		if w.calm && w.drained > 0 {
			return
		}
		name("drains", t)
		w.drained++
		w.admin(s, backend.Drain)
		w.after(t, func() {
			w.drained--
			w.admin(s, backend.Ready)
		})
	case 1:
		t := lasts(time.Second)
		name("pause", t)
		w.core.Pause(time.Duration(t))
		if d.one(2) {
			w.after(t/2, w.core.Resume)
		}
	case 2:
		n := d.IntN(4)
		w.note("operator", "%d: reload %d", i, n)
		w.core.Reload(n)
	case 3:
		t := lasts(4 * time.Second)
		name("is in maint", t)
		w.admin(s, backend.Maint)
		w.after(t, func() { w.admin(s, backend.Ready) })
	case 4: // it is stopped well, and started again
		t := lasts(4 * time.Second)
		name("stops", t)
		s.leave()
		w.after(d.span(time.Second), func() { w.health(s, backend.Stopping, "500") })
		w.after(t/2, func() {
			s.crash()
			w.after(d.span(time.Second), func() { w.seen(s) })
		})
		w.after(t, func() { w.revive(s, d) })
	case 5, 6:
		t := lasts(5 * time.Second)
		name("crashes", t)
		s.crash()
		if d.one(4) { // all of them
			for _, other := range w.servers {
				other.crash()
				w.after(t, func() { w.revive(other, d) })
			}
		}
		w.after(d.span(2*time.Second), func() { w.seen(s) })
		w.after(t, func() { w.revive(s, d) })
	case 7:
		t := lasts(8 * time.Second)
		name("hangs", t)
		s.hung = true
		w.after(d.span(2*time.Second), func() { w.seen(s) })
		w.after(t, func() { w.revive(s, d) })
	case 8:
		t := lasts(3 * time.Second)
		name("looks down", t)
		w.health(s, backend.Down, "probe")
		w.after(t, func() { w.seen(s) })
	case 9:
		t := lasts(3 * time.Second)
		name("is full", t)
		s.full = true
		w.after(t, func() { s.full = false })
	case 10:
		t := lasts(3 * time.Second)
		name("is removed", t)
		w.apply(s)
		w.after(t, func() { w.apply(nil) })
	case 11:
		t := lasts(3 * time.Second)
		name("no leader", t)
		w.leaderless = true
		w.after(t, func() { w.leaderless = false })
	case 13:
		if d.one(4) && !w.stopped {
			w.note("operator", "%d: Segue stops", i)
			w.stopped = true
			w.core.Stop()
		}
	case 12:
		t := lasts(2 * time.Second)
		name("cuts connections", t)
		for _, b := range append([]*backConn(nil), s.conns...) {
			if d.one(2) {
				w.after(d.span(time.Duration(t)), func() { b.end(d.one(2)) })
			}
		}
	}
}

// seen is what a prober makes of a server now.
func (w *World) seen(s *server) {
	switch {
	case !s.running || s.hung:
		w.health(s, backend.Down, "no answer")
	case s.leaving:
		w.health(s, backend.Stopping, "500")
	default:
		w.health(s, backend.Up, "")
	}
}

func (w *World) revive(s *server, d dice) {
	w.note("operator", "%s is back", s.name)
	s.start()
	w.after(d.span(time.Second), func() { w.seen(s) })
}

func (w *World) health(s *server, h backend.Health, cause string) {
	if b, ok := w.registry.Lookup(s.name); ok {
		w.registry.SetHealth(b, h, cause)
	}
}

func (w *World) admin(s *server, a backend.Admin) { _ = w.registry.SetAdmin(s.name, a) }

// apply configures all servers but one.
func (w *World) apply(without *server) {
	var specs []backend.Spec
	for _, s := range w.servers {
		if s != without {
			specs = append(specs, backend.Spec{Name: s.name, Address: s.addr})
		}
	}
	w.registry.Apply(specs)
	for _, s := range w.servers {
		if b, ok := w.registry.Lookup(s.name); ok && b.Status().Health == backend.Unknown {
			w.seen(s)
		}
	}
}

// heal ends all that is wrong.
func (w *World) heal() {
	w.note("operator", "heals")
	w.leaderless, w.healed = false, true
	w.apply(nil)
	for _, s := range w.servers {
		s.start()
		w.admin(s, backend.Ready)
		w.seen(s)
	}
	w.core.Resume()
}

func (w *World) String() string {
	return fmt.Sprintf("seed %d, %d lives, %s, %d servers, faults %d‰, calm %v, scenes: %v", w.seed, w.o.Lives, w.Kind, len(w.servers), w.faults, w.calm, w.scenes)
}
