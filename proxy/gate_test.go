package proxy

import (
	"slices"
	"testing"
)

// waited reports whether a wait is over, and how.
func waited(p *pass) (ended, passed bool) {
	select {
	case <-p.done:
		return true, p.passed
	default:
		return false, false
	}
}

func TestGateFirstComeFirstServed(t *testing.T) {
	g := newGate(1)
	if !g.tryEnter() || g.tryEnter() {
		t.Fatal("one may pass, a second one not")
	}
	idle, second, first := g.enter(unhurried), g.enter(20), g.enter(10)
	late := g.enter(unhurried)
	g.hurry(late, 30)
	var order []string
	names := map[string]*pass{"idle": idle, "second": second, "first": first, "late": late}
	for range len(names) {
		g.leave()
		for name, p := range names {
			if ended, passed := waited(p); ended && passed && !slices.Contains(order, name) {
				order = append(order, name)
			}
		}
	}
	if want := []string{"first", "second", "late", "idle"}; !slices.Equal(order, want) {
		t.Errorf("passed in the order %v, want %v", order, want)
	}
	if g.leave(); g.free != 1 {
		t.Errorf("%d may pass when all have left, want 1", g.free)
	}
}

func TestGateShut(t *testing.T) {
	g := newGate(2)
	g.set(true)
	if g.tryEnter() {
		t.Fatal("passed a shut gate")
	}
	a, b, c := g.enter(1), g.enter(2), g.enter(3)
	if ended, _ := waited(a); ended {
		t.Fatal("passed a shut gate")
	}
	g.try()
	if ended, passed := waited(a); !ended || !passed {
		t.Error("the first was not let through to try")
	}
	g.giveUp(b)
	if ended, passed := waited(b); !ended || passed {
		t.Error("who gave up still waits, or has passed")
	}
	g.giveUp(a) // too late
	g.hurry(a, 0)
	g.set(false)
	if ended, passed := waited(c); !ended || !passed {
		t.Error("still waits at an open gate")
	}
	g.leave()
	g.leave()
	if g.free != 2 || len(g.queue) != 0 {
		t.Errorf("%d free, %d in the queue, want 2, 0", g.free, len(g.queue))
	}
}

// TestGateNeverMoreThanThere: whatever comes in whatever order, no more pass than there is room for, and nobody is forgotten.
func TestGateNeverMoreThanThere(t *testing.T) {
	for seed := range uint64(200) {
		g := newGate(3)
		var all []*pass
		left := map[*pass]bool{}
		x := seed*2 + 1
		next := func(n uint64) uint64 { x = x*6364136223846793005 + 1442695040888963407; return (x >> 33) % n }
		inside := func() (list []*pass) {
			for _, p := range all {
				if ended, passed := waited(p); ended && passed && !left[p] {
					list = append(list, p)
				}
			}
			return list
		}
		for range 200 {
			switch in := inside(); {
			case len(in) > 3:
				t.Fatalf("seed %d: %d inside", seed, len(in))
			case next(4) == 0:
				g.set(next(2) == 0)
			case next(3) == 0 && len(in) > 0:
				left[in[0]] = true
				g.leave()
			case next(3) == 0 && len(all) > 0:
				g.giveUp(all[next(uint64(len(all)))])
			case next(3) == 0:
				g.try()
			default:
				all = append(all, g.enter(int64(next(100))))
			}
		}
		g.set(false)
		for in := inside(); len(in) > 0; in = inside() {
			left[in[0]] = true
			g.leave()
		}
		for _, p := range all {
			if ended, _ := waited(p); !ended {
				t.Fatalf("seed %d: one waits for ever", seed)
			}
		}
		if g.free != 3 {
			t.Fatalf("seed %d: room for %d, want 3", seed, g.free)
		}
	}
}
