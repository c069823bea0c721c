package gate_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"segue/proxy/gate"
)

// place is a pass, and what its owner has heard of it.
type place struct {
	*gate.Pass
	woken atomic.Int32
}

func enter(g *gate.Gate, since int64) *place {
	p := &place{}
	p.Pass = g.Enter(since, func() { p.woken.Add(1) })
	return p
}

// waited reports whether a wait is over, and how.
func waited(t *testing.T, p *place) (ended, passed bool) {
	t.Helper()
	n := p.woken.Load()
	if n > 1 {
		t.Fatalf("woken %d times", n)
	}
	if n == 0 && p.Passed() {
		t.Fatal("has passed, and nobody was told")
	}
	return n == 1, p.Passed()
}

func TestGateFirstComeFirstServed(t *testing.T) {
	g := gate.New(1)
	if !g.TryEnter() || g.TryEnter() {
		t.Fatal("one may pass, a second one not")
	}
	idle, second, first := enter(g, gate.Unhurried), enter(g, 20), enter(g, 10)
	late, leisurely := enter(g, gate.Unhurried), enter(g, gate.Unhurried)
	g.Hurry(late.Pass, 30)
	var order []string
	names := map[string]*place{"idle": idle, "second": second, "first": first, "late": late, "leisurely": leisurely}
	for range len(names) {
		g.Leave()
		for name, p := range names {
			if ended, passed := waited(t, p); ended && passed && !slices.Contains(order, name) {
				order = append(order, name)
			}
		}
	}
	if want := []string{"first", "second", "late", "idle", "leisurely"}; !slices.Equal(order, want) {
		t.Errorf("passed in the order %v, want %v", order, want)
	}
	g.Leave()
	if inside, waiting := g.Counts(); inside != 0 || waiting != 0 {
		t.Errorf("%d inside, %d in the queue when all have left, want none", inside, waiting)
	}
	if !g.TryEnter() || g.TryEnter() {
		t.Error("one may pass when all have left, a second one not")
	}
}

func TestGateShut(t *testing.T) {
	g := gate.New(2)
	if g.Set(true); !g.IsShut() {
		t.Fatal("it is not shut")
	}
	if g.TryEnter() {
		t.Fatal("passed a shut gate")
	}
	a, b, c := enter(g, 1), enter(g, 2), enter(g, 3)
	if ended, _ := waited(t, a); ended {
		t.Fatal("passed a shut gate")
	}
	g.Try()
	if ended, passed := waited(t, a); !ended || !passed {
		t.Error("the first was not let through to try")
	}
	g.GiveUp(b.Pass)
	if ended, passed := waited(t, b); !ended || passed {
		t.Error("who gave up still waits, or has passed")
	}
	g.GiveUp(b.Pass) // again
	g.GiveUp(a.Pass) // too late
	g.Hurry(a.Pass, 0)
	if ended, passed := waited(t, a); !ended || !passed {
		t.Error("who had passed has not")
	}
	if ended, passed := waited(t, b); !ended || passed {
		t.Error("who gave up has passed")
	}
	if g.Set(false); g.IsShut() {
		t.Error("it is shut")
	}
	if ended, passed := waited(t, c); !ended || !passed {
		t.Error("still waits at an open gate")
	}
	g.Leave()
	g.Leave()
	if inside, waiting := g.Counts(); inside != 0 || waiting != 0 {
		t.Errorf("%d inside, %d in the queue, want none", inside, waiting)
	}
}

// Who is told may come back to the gate at once: no lock of its is held meanwhile, whoever has settled the pass.
func TestGateTellsWithoutItsLock(t *testing.T) {
	for name, settle := range map[string]func(g *gate.Gate, p *gate.Pass){
		"leave":   func(g *gate.Gate, _ *gate.Pass) { g.Leave() },
		"give up": func(g *gate.Gate, p *gate.Pass) { g.GiveUp(p) },
		"open":    func(g *gate.Gate, _ *gate.Pass) { g.Set(true); g.Leave(); g.Set(false) },
		"try":     func(g *gate.Gate, _ *gate.Pass) { g.Set(true); g.Leave(); g.Try() },
	} {
		t.Run(name, func(t *testing.T) {
			g := gate.New(1)
			g.TryEnter()
			var p *gate.Pass
			told := 0
			p = g.Enter(0, func() {
				told++
				if p.Passed() {
					g.Leave()
				}
				g.GiveUp(p)
			})
			settle(g, p)
			if told != 1 {
				t.Errorf("told %d times, want once", told)
			}
		})
	}
	g := gate.New(1)
	waits := -1
	p := g.Enter(0, func() { _, waits = g.Counts() })
	if !p.Passed() || waits != 0 {
		t.Errorf("passed %v, %d in the queue: who finds room is told before Enter returns", p.Passed(), waits)
	}
}

// TestGateNeverMoreThanThere: whatever comes in whatever order, no more pass than there is room for, and nobody is forgotten.
func TestGateNeverMoreThanThere(t *testing.T) {
	for seed := range uint64(200) {
		g := gate.New(3)
		var all []*place
		left := map[*place]bool{}
		x := seed*2 + 1
		next := func(n uint64) uint64 { x = x*6364136223846793005 + 1442695040888963407; return (x >> 33) % n }
		inside := func() (list []*place) {
			for _, p := range all {
				if ended, passed := waited(t, p); ended && passed && !left[p] {
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
				g.Set(next(2) == 0)
			case next(3) == 0 && len(in) > 0:
				left[in[0]] = true
				g.Leave()
			case next(3) == 0 && len(all) > 0:
				g.GiveUp(all[next(uint64(len(all)))].Pass)
			case next(3) == 0:
				g.Try()
			default:
				all = append(all, enter(g, int64(next(100))))
			}
		}
		g.Set(false)
		for in := inside(); len(in) > 0; in = inside() {
			left[in[0]] = true
			g.Leave()
		}
		for _, p := range all {
			if ended, _ := waited(t, p); !ended {
				t.Fatalf("seed %d: one waits for ever", seed)
			}
		}
		if inside, waiting := g.Counts(); inside != 0 || waiting != 0 {
			t.Fatalf("seed %d: %d inside, %d in the queue, want none", seed, inside, waiting)
		}
	}
}

// Many at once: each is told once, and whoever gives up while another lets it through is either in or out.
func TestGateManyAtOnce(t *testing.T) {
	const width, many = 4, 400
	g := gate.New(width)
	var now, most atomic.Int32
	var wg sync.WaitGroup
	for n := range many {
		wg.Go(func() {
			settled := make(chan struct{})
			p := g.Enter(int64(n%7), func() { close(settled) }) // a second time would panic
			if n%3 == 0 {
				g.GiveUp(p)
			}
			<-settled
			if !p.Passed() {
				return
			}
			in := now.Add(1)
			for old := most.Load(); in > old && !most.CompareAndSwap(old, in); old = most.Load() {
			}
			now.Add(-1)
			g.Leave()
		})
	}
	wg.Wait()
	if n := most.Load(); n > width {
		t.Errorf("%d inside at once, want %d at most", n, width)
	}
	if inside, waiting := g.Counts(); inside != 0 || waiting != 0 {
		t.Errorf("%d inside, %d in the queue, want none", inside, waiting)
	}
}
