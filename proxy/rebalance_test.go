package proxy

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"segue/backend"
)

// loadsOf is what the planner is shown: backends a, b, c…, all of weight 1, usable and long up.
func loadsOf(sessions ...int) []load {
	registry := backend.NewRegistry(backend.Options{})
	specs := make([]backend.Spec, len(sessions))
	for i := range specs {
		specs[i] = backend.Spec{Name: string(rune('a' + i)), Address: fmt.Sprintf("192.0.2.%d:9030", i)}
	}
	registry.Apply(specs)
	loads := make([]load, len(sessions))
	for i, b := range registry.Backends() {
		loads[i] = load{backend: b, weight: 1, sessions: sessions[i], movable: sessions[i], upFor: time.Hour, usable: true}
	}
	return loads
}

func textOf(shifts []shift) string {
	var words []string
	for _, s := range shifts {
		words = append(words, fmt.Sprintf("%s>%s:%d", s.from.Name(), s.to.Name(), s.n))
	}
	return strings.Join(words, " ")
}

// epoch is any moment.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestRebalancePlan(t *testing.T) {
	down := func(at int) func([]load) { return func(l []load) { l[at].usable = false } }
	young := func(at int) func([]load) { return func(l []load) { l[at].upFor = 4 * time.Second } }
	for _, tt := range []struct {
		name     string
		sessions []int
		change   func([]load)
		want     string
	}{
		{"empty", nil, nil, ""},
		{"nobody", []int{0, 0}, nil, ""},
		{"alone", []int{9}, nil, ""},
		{"balanced", []int{8, 8, 8}, nil, ""},
		{"the restarted one stands empty", []int{12, 12, 0}, nil, "a>c:4 b>c:4"},
		{"two restarted", []int{24, 0, 0}, nil, "a>b:8 a>c:8"},
		{"one more", []int{3, 2}, nil, ""},
		{"two more", []int{4, 2}, nil, ""},
		{"one session, two backends", []int{1, 0}, nil, ""},
		{"two sessions, two backends", []int{2, 0}, nil, ""},
		{"three sessions, two backends", []int{3, 0}, nil, "a>b:1"},
		{"within the threshold", []int{119, 81}, func(l []load) { l[1].sessions = 82 }, ""},
		{"above the threshold, down to the fair share", []int{130, 70}, nil, "a>b:30"},
		{"many small surpluses, one empty", []int{20, 20, 20, 20, 20, 20, 20, 20, 20, 0}, nil, "a>j:2 b>j:2 c>j:2 d>j:2 e>j:2 f>j:2 g>j:2 h>j:2 i>j:2"},
		{"weights", []int{20, 20}, func(l []load) { l[0].weight = 3 }, "b>a:10"},
		{"weights are respected already", []int{30, 10}, func(l []load) { l[0].weight = 3 }, ""},
		{"never to one that is down", []int{12, 12, 0}, down(2), ""},
		{"never from one that is down", []int{24, 0, 24}, func(l []load) { l[0].usable = false; l[2].usable = false }, ""},
		{"never to one that has just come up", []int{12, 12, 0}, young(2), ""},
		{"its share is kept for it", []int{24, 0, 0}, young(2), "a>b:8"},
		{"settled", []int{12, 12, 0}, func(l []load) { l[2].upFor = 5 * time.Second }, "a>c:4 b>c:4"},
		{"pinned sessions count and stay", []int{24, 0}, func(l []load) { l[0].movable = 3 }, "a>b:3"},
		{"all pinned", []int{24, 0}, func(l []load) { l[0].movable = 0 }, ""},
		{"what is pinned elsewhere moves nobody", []int{100, 10, 12}, func(l []load) { l[0].movable = 0 }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			loads := loadsOf(tt.sessions...)
			if tt.change != nil {
				tt.change(loads)
			}
			r := &rebalancer{options: Rebalance{Rate: 1000}}
			if got := textOf(r.plan(loads, epoch)); got != tt.want {
				t.Errorf("plan %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRebalanceOff(t *testing.T) {
	r := &rebalancer{options: Rebalance{Rate: -1}}
	if got := r.plan(loadsOf(24, 0), epoch); got != nil {
		t.Errorf("plan %q", textOf(got))
	}
}

// follow does what a plan says.
func follow(loads []load, shifts []shift) {
	at := make(map[*backend.Backend]*load)
	for i := range loads {
		at[loads[i].backend] = &loads[i]
	}
	for _, s := range shifts {
		at[s.from].sessions -= s.n
		at[s.from].movable -= s.n
		at[s.to].sessions += s.n
		at[s.to].movable += s.n
	}
}

func movedBy(shifts []shift) (n int) {
	for _, s := range shifts {
		n += s.n
	}
	return n
}

func TestRebalanceRate(t *testing.T) {
	loads := loadsOf(1000, 0)
	r := &rebalancer{}
	var got []int
	for _, after := range []time.Duration{0, 0, 50, 100, 150, 1150, 60_000} { // milliseconds
		shifts := r.plan(loads, epoch.Add(after*time.Millisecond))
		got = append(got, movedBy(shifts))
		follow(loads, shifts)
	}
	if want := "[10 0 0 1 0 10 10]"; fmt.Sprint(got) != want {
		t.Errorf("moved %v, want %s: ten per second and no more at once", got, want)
	}
	slow := &rebalancer{options: Rebalance{Rate: 0.5}}
	got = nil
	for s := range 5 {
		got = append(got, movedBy(slow.plan(loads, epoch.Add(time.Duration(s)*time.Second))))
	}
	if want := "[1 0 1 0 1]"; fmt.Sprint(got) != want {
		t.Errorf("moved %v, want %s: one in two seconds", got, want)
	}
}

// TestRebalanceHysteresis: what has begun goes on below the threshold, to the fair share; what has ended does not begin again there.
func TestRebalanceHysteresis(t *testing.T) {
	loads := loadsOf(130, 70)
	r := &rebalancer{}
	moved := 0
	for s := range 20 {
		shifts := r.plan(loads, epoch.Add(time.Duration(s)*time.Second))
		moved += movedBy(shifts)
		follow(loads, shifts)
	}
	if moved != 30 || loads[0].sessions != 100 {
		t.Errorf("%d moved, a has %d; want 30 and 100", moved, loads[0].sessions)
	}
	loads[0].sessions, loads[1].sessions = 115, 85
	if shifts := r.plan(loads, epoch.Add(time.Hour)); shifts != nil {
		t.Errorf("within the threshold: %s", textOf(shifts))
	}
}

func TestRebalanceFlapGuard(t *testing.T) {
	loads := loadsOf(24, 0)
	b := loads[1].backend
	r := &rebalancer{}
	now := epoch
	for _, want := range []time.Duration{10, 20, 40, 80, 160, 300, 300} { // seconds
		loads[1].usable = false
		r.flapped(b, now)
		r.flapped(b, now.Add(time.Second)) // stopping, then down: it went once
		now = now.Add(2 * time.Second)
		if shifts := r.plan(loads, now); shifts != nil {
			t.Fatalf("down: %s", textOf(shifts))
		}
		loads[1].usable = true
		r.seen(loads)
		if got := r.settle(b, now); got != want*time.Second {
			t.Errorf("settles in %v, want %v", got, want*time.Second)
		}
		loads[1].upFor = want*time.Second - 1
		if r.settled(loads[1], now.Add(want*time.Second)) {
			t.Errorf("settled after %v", loads[1].upFor)
		}
		loads[1].upFor++
		if !r.settled(loads[1], now.Add(want*time.Second)) {
			t.Errorf("not settled after %v", loads[1].upFor)
		}
		if now.Sub(epoch) > 9*time.Minute {
			t.Fatal("the first time has been forgotten")
		}
	}
	if got := r.settle(b, now.Add(flapMemory)); got != DefaultRebalanceSettle {
		t.Errorf("ten minutes later: %v", got)
	}
	loads[1].upFor = time.Hour // known from elsewhere, and older than its last end
	if r.flapped(b, now); r.settled(loads[1], now.Add(time.Second)) {
		t.Error("settled a second after it went")
	}
	if r.plan(loadsOf(1, 1), now); len(r.past) != 0 {
		t.Errorf("%d backends remembered that are no more", len(r.past))
	}
}

// TestRebalanceOwnTrouble: every backend went away within two seconds, so what has failed is Segue's own network.
func TestRebalanceOwnTrouble(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after [3]time.Duration // when each went; 0: not at all
		want  bool
	}{
		{"all at once", [3]time.Duration{1, time.Second, 2 * time.Second}, true},
		{"one later", [3]time.Duration{1, time.Second, 3 * time.Second}, false},
		{"one stays", [3]time.Duration{1, 0, 2}, false},
		{"none", [3]time.Duration{}, false},
	} {
		loads := loadsOf(24, 12, 0)
		r := &rebalancer{options: Rebalance{Settle: -1}}
		for i, after := range tt.after {
			if after > 0 {
				r.flapped(loads[i].backend, epoch.Add(after))
			}
			loads[i].usable, loads[i].upFor = false, 0
		}
		r.options.Settle = 0
		for i := range loads { // all are back, none has settled
			loads[i].usable, loads[i].upFor = true, time.Second
			if tt.after[i] == 0 {
				loads[i].upFor = time.Hour
			}
		}
		now := epoch.Add(4 * time.Second)
		if got := r.trouble(loads, now); got != tt.want {
			t.Errorf("%s: trouble %v, want %v", tt.name, got, tt.want)
		}
		if tt.want && r.plan(loads, now) != nil {
			t.Errorf("%s: somebody moves", tt.name)
		}
		loads[2].upFor = time.Minute
		if r.trouble(loads, now.Add(time.Minute)) {
			t.Errorf("%s: still trouble when one has settled", tt.name)
		}
		if got := textOf(r.plan(loads, now.Add(time.Minute))); !strings.Contains(got, ">c:") {
			t.Errorf("%s: plan %q when c has settled", tt.name, got)
		}
	}
}

func TestRebalanceTroubleOfThoseThatWereThere(t *testing.T) {
	loads := loadsOf(0, 12, 12)
	r := &rebalancer{}
	r.flapped(loads[0].backend, epoch) // in maintenance for an hour
	for i := range loads {
		loads[i].usable = false
		if i > 0 {
			r.flapped(loads[i].backend, epoch.Add(time.Hour))
		}
	}
	if !r.trouble(loads, epoch.Add(time.Hour)) {
		t.Error("both that were there went at once: no trouble")
	}
}

// TestRebalanceConverges: from any start the backends come to stand within the threshold of their fair shares, and no more than
// twice the surplus is moved, whether sessions go where the plan says or to whoever has fewest.
func TestRebalanceConverges(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		loads := loadsOf(make([]int, 2+rng.IntN(7))...)
		total, weight := 0, 0.0
		for i := range loads {
			l := &loads[i]
			l.weight = float64(1 + rng.IntN(4))
			if rng.IntN(3) > 0 {
				l.sessions = rng.IntN(400)
			}
			l.movable = l.sessions
			total, weight = total+l.sessions, weight+l.weight
		}
		least := 0
		for _, l := range loads {
			least += max(0, l.sessions-ceil(float64(total)*l.weight/weight))
		}
		start := fmt.Sprint(describe(loads))
		r := &rebalancer{options: Rebalance{Rate: float64(1 + rng.IntN(100))}}
		leastSessions := rng.IntN(2) == 0
		moved, now := 0, epoch
		for range 3000 {
			now = now.Add(time.Second)
			shifts := r.plan(loads, now)
			moved += movedBy(shifts)
			if leastSessions {
				shifts = elsewhere(loads, shifts)
			}
			follow(loads, shifts)
			if !r.active {
				break
			}
		}
		if moved > 2*least {
			t.Errorf("seed %d: %s: %d moved, %d would do", seed, start, moved, least)
		}
		if r.active {
			t.Errorf("seed %d: %s: %s: not at an end", seed, start, describe(loads))
		}
		spare := false // somebody could give a whole session
		for _, l := range loads {
			spare = spare || float64(l.sessions)-float64(total)*l.weight/weight >= 1
		}
		for _, l := range loads {
			fair := float64(total) * l.weight / weight
			tolerance := max(1, fair*DefaultRebalanceThreshold) + nearness
			if off := float64(l.sessions) - fair; off > tolerance || off < -tolerance && spare {
				t.Errorf("seed %d: %s: ends with %s; fair for %s is %.1f", seed, start, describe(loads), l.backend.Name(), fair)
			}
		}
		if shifts := r.plan(loads, now.Add(time.Minute)); shifts != nil {
			t.Errorf("seed %d: %s: begins again with %s: %s", seed, start, describe(loads), textOf(shifts))
		}
	}
}

// elsewhere sends the sessions of a plan to whoever has fewest for its weight, as [backend.LeastSessions] would.
func elsewhere(loads []load, shifts []shift) []shift {
	sessions := make([]int, len(loads))
	for i, l := range loads {
		sessions[i] = l.sessions
	}
	var out []shift
	for _, s := range shifts {
		for range s.n {
			best := 0
			for i, l := range loads {
				if float64(sessions[i])/l.weight < float64(sessions[best])/loads[best].weight {
					best = i
				}
			}
			sessions[best]++
			out = append(out, shift{s.from, loads[best].backend, 1})
		}
	}
	return out
}

func ceil(x float64) int {
	n := int(x)
	if x-float64(n) > nearness {
		n++
	}
	return n
}

func describe(loads []load) string {
	var b strings.Builder
	for _, l := range loads {
		fmt.Fprintf(&b, "%d/%g ", l.sessions, l.weight)
	}
	return b.String()
}

// FuzzRebalance: whatever it is shown, the planner moves movable sessions only, from usable backends above their share to usable, settled ones
// below it, and no more than the bucket allows.
func FuzzRebalance(f *testing.F) {
	f.Add([]byte{1, 12, 12, 60, 1, 12, 12, 60, 1, 0, 0, 60}, 10.0, 0.2)
	f.Add([]byte{3, 200, 7, 3, 0, 9, 9, 9, 1, 0, 0, 255}, 0.1, 3.0)
	f.Fuzz(func(t *testing.T, b []byte, rate, threshold float64) {
		loads := loadsOf(make([]int, min(len(b)/4, 20))...)
		r := &rebalancer{options: Rebalance{Rate: rate, Threshold: threshold}}
		for i := range loads {
			l, x := &loads[i], b[4*i:]
			l.weight, l.sessions, l.movable, l.upFor = float64(x[0]%5), int(x[1]), int(x[2]), time.Duration(x[3])*time.Second
			l.usable = x[0]&8 == 0
			for n := range int(x[0] >> 4) {
				r.flapped(l.backend, epoch.Add(time.Duration(n)*time.Second))
			}
		}
		total, weight := 0.0, 0.0
		for _, l := range loads {
			if l.usable && l.weight > 0 {
				total, weight = total+float64(l.sessions), weight+l.weight
			}
		}
		now := epoch
		for range 3 {
			before := map[*backend.Backend]load{}
			for _, l := range loads {
				before[l.backend] = l
			}
			shifts := r.plan(loads, now)
			if n := movedBy(shifts); float64(n) > max(1, rate, 10)+1 {
				t.Fatalf("%d moved at a rate of %v", n, rate)
			}
			gave := map[*backend.Backend]int{}
			for _, s := range shifts {
				from, to := before[s.from], before[s.to]
				gave[s.from] += s.n
				switch fair := total / weight; {
				case s.n <= 0 || s.from == s.to || !from.usable || !to.usable || !r.settled(to, now):
					t.Fatalf("%s", textOf(shifts))
				case gave[s.from] > from.movable || float64(from.sessions-gave[s.from]) < fair*from.weight-1e-3:
					t.Fatalf("%s gives too much: %s", s.from.Name(), textOf(shifts))
				case float64(to.sessions) >= fair*to.weight:
					t.Fatalf("%s has enough: %s", s.to.Name(), textOf(shifts))
				}
			}
			follow(loads, shifts)
			now = now.Add(10 * time.Second)
		}
	})
}
