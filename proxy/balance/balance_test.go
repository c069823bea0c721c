package balance

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"segue/backend"
)

// loadsOf is what the planner is shown: backends a, b, c…, all of weight 1, usable and long up.
func loadsOf(sessions ...int) []Load {
	registry := backend.NewRegistry(backend.Options{})
	specs := make([]backend.Spec, len(sessions))
	for i := range specs {
		specs[i] = backend.Spec{Name: string(rune('a' + i)), Address: fmt.Sprintf("192.0.2.%d:9030", i)}
	}
	registry.Apply(specs)
	loads := make([]Load, len(sessions))
	for i, b := range registry.Backends() {
		loads[i] = Load{Backend: b, Weight: 1, Sessions: sessions[i], Movable: sessions[i], UpFor: time.Hour, Usable: true}
	}
	return loads
}

func textOf(shifts []Shift) string {
	var words []string
	for _, s := range shifts {
		words = append(words, fmt.Sprintf("%s>%s:%d", s.From.Name(), s.To.Name(), s.Sessions))
	}
	return strings.Join(words, " ")
}

// epoch is any moment.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestLoadOf(t *testing.T) {
	b := loadsOf(0)[0].Backend
	for _, tt := range []struct {
		health       backend.Health
		admin        backend.Admin
		usable, gone bool
	}{
		{backend.Unknown, backend.Ready, false, false},
		{backend.Up, backend.Ready, true, false},
		{backend.Up, backend.Drain, false, false},
		{backend.Up, backend.Maint, false, false},
		{backend.Stopping, backend.Ready, false, true},
		{backend.Down, backend.Ready, false, true},
		{backend.Down, backend.Maint, false, true},
	} {
		st := backend.Status{Spec: backend.Spec{Weight: 3}, Health: tt.health, Admin: tt.admin, Sessions: 7, Since: epoch}
		want := Load{Backend: b, Weight: 3, Sessions: 7, Movable: 7, UpFor: time.Minute, Usable: tt.usable, Gone: tt.gone}
		if got := LoadOf(b, st, epoch.Add(time.Minute)); got != want {
			t.Errorf("%v, %v: %+v, want %+v", tt.health, tt.admin, got, want)
		}
	}
}

// What the planner is shown as gone is held against it when it is back.
func TestPlanNotesWhoHasGone(t *testing.T) {
	loads := loadsOf(24, 0)
	p := &Planner{Options: Options{Rate: 1000}}
	loads[1].Usable, loads[1].Gone = false, true
	for s := range 3 {
		if shifts := p.Plan(loads, epoch.Add(time.Duration(s)*time.Second)); shifts != nil {
			t.Fatalf("down: %s", textOf(shifts))
		}
	}
	loads[1].Usable, loads[1].Gone = true, false
	if shifts := p.Plan(loads, epoch.Add(2*DefaultSettle-time.Second)); shifts != nil {
		t.Errorf("to one that went, before twice its time was over: %s", textOf(shifts))
	}
	if got := textOf(p.Plan(loads, epoch.Add(2*DefaultSettle))); got != "a>b:12" {
		t.Errorf("plan %q, want a>b:12", got)
	}
}

func TestPlan(t *testing.T) {
	down := func(at int) func([]Load) { return func(l []Load) { l[at].Usable = false } }
	young := func(at int) func([]Load) { return func(l []Load) { l[at].UpFor = 4 * time.Second } }
	for _, tt := range []struct {
		name     string
		sessions []int
		change   func([]Load)
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
		{"within the threshold", []int{119, 81}, func(l []Load) { l[1].Sessions = 82 }, ""},
		{"above the threshold, down to the fair share", []int{130, 70}, nil, "a>b:30"},
		{"many small surpluses, one empty", []int{20, 20, 20, 20, 20, 20, 20, 20, 20, 0}, nil, "a>j:2 b>j:2 c>j:2 d>j:2 e>j:2 f>j:2 g>j:2 h>j:2 i>j:2"},
		{"weights", []int{20, 20}, func(l []Load) { l[0].Weight = 3 }, "b>a:10"},
		{"weights are respected already", []int{30, 10}, func(l []Load) { l[0].Weight = 3 }, ""},
		{"never to one that is down", []int{12, 12, 0}, down(2), ""},
		{"never from one that is down", []int{24, 0, 24}, func(l []Load) { l[0].Usable = false; l[2].Usable = false }, ""},
		{"never to one that has just come up", []int{12, 12, 0}, young(2), ""},
		{"its share is kept for it", []int{24, 0, 0}, young(2), "a>b:8"},
		{"settled", []int{12, 12, 0}, func(l []Load) { l[2].UpFor = 5 * time.Second }, "a>c:4 b>c:4"},
		{"pinned sessions count and stay", []int{24, 0}, func(l []Load) { l[0].Movable = 3 }, "a>b:3"},
		{"all pinned", []int{24, 0}, func(l []Load) { l[0].Movable = 0 }, ""},
		{"what is pinned elsewhere moves nobody", []int{100, 10, 12}, func(l []Load) { l[0].Movable = 0 }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			loads := loadsOf(tt.sessions...)
			if tt.change != nil {
				tt.change(loads)
			}
			p := &Planner{Options: Options{Rate: 1000}}
			if got := textOf(p.Plan(loads, epoch)); got != tt.want {
				t.Errorf("plan %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOff(t *testing.T) {
	p := &Planner{Options: Options{Rate: -1}}
	if got := p.Plan(loadsOf(24, 0), epoch); got != nil {
		t.Errorf("plan %q", textOf(got))
	}
}

// follow does what a plan says.
func follow(loads []Load, shifts []Shift) {
	at := make(map[*backend.Backend]*Load)
	for i := range loads {
		at[loads[i].Backend] = &loads[i]
	}
	for _, s := range shifts {
		at[s.From].Sessions -= s.Sessions
		at[s.From].Movable -= s.Sessions
		at[s.To].Sessions += s.Sessions
		at[s.To].Movable += s.Sessions
	}
}

func movedBy(shifts []Shift) (n int) {
	for _, s := range shifts {
		n += s.Sessions
	}
	return n
}

func TestRate(t *testing.T) {
	loads := loadsOf(1000, 0)
	p := &Planner{}
	var got []int
	for _, after := range []time.Duration{0, 0, 50, 100, 150, 1150, 60_000} { // milliseconds
		shifts := p.Plan(loads, epoch.Add(after*time.Millisecond))
		got = append(got, movedBy(shifts))
		follow(loads, shifts)
	}
	if want := "[10 0 0 1 0 10 10]"; fmt.Sprint(got) != want {
		t.Errorf("moved %v, want %s: ten per second and no more at once", got, want)
	}
	slow := &Planner{Options: Options{Rate: 0.5}}
	got = nil
	for s := range 5 {
		got = append(got, movedBy(slow.Plan(loads, epoch.Add(time.Duration(s)*time.Second))))
	}
	if want := "[1 0 1 0 1]"; fmt.Sprint(got) != want {
		t.Errorf("moved %v, want %s: one in two seconds", got, want)
	}
}

// TestHysteresis: what has begun goes on below the threshold, to the fair share; what has ended does not begin again there.
func TestHysteresis(t *testing.T) {
	loads := loadsOf(130, 70)
	p := &Planner{}
	moved := 0
	for s := range 20 {
		shifts := p.Plan(loads, epoch.Add(time.Duration(s)*time.Second))
		moved += movedBy(shifts)
		follow(loads, shifts)
	}
	if moved != 30 || loads[0].Sessions != 100 {
		t.Errorf("%d moved, a has %d; want 30 and 100", moved, loads[0].Sessions)
	}
	loads[0].Sessions, loads[1].Sessions = 115, 85
	if shifts := p.Plan(loads, epoch.Add(time.Hour)); shifts != nil {
		t.Errorf("within the threshold: %s", textOf(shifts))
	}
}

func TestFlapGuard(t *testing.T) {
	loads := loadsOf(24, 0)
	b := loads[1].Backend
	p := &Planner{}
	now := epoch
	for _, want := range []time.Duration{10, 20, 40, 80, 160, 300, 300} { // seconds
		loads[1].Usable = false
		p.flapped(b, now)
		p.flapped(b, now.Add(time.Second)) // stopping, then down: it went once
		now = now.Add(2 * time.Second)
		if shifts := p.Plan(loads, now); shifts != nil {
			t.Fatalf("down: %s", textOf(shifts))
		}
		loads[1].Usable = true
		p.seen(loads, now)
		if got := p.settle(b, now); got != want*time.Second {
			t.Errorf("settles in %v, want %v", got, want*time.Second)
		}
		loads[1].UpFor = want*time.Second - 1
		if p.settled(loads[1], now.Add(want*time.Second)) {
			t.Errorf("settled after %v", loads[1].UpFor)
		}
		loads[1].UpFor++
		if !p.settled(loads[1], now.Add(want*time.Second)) {
			t.Errorf("not settled after %v", loads[1].UpFor)
		}
		if now.Sub(epoch) > 9*time.Minute {
			t.Fatal("the first time has been forgotten")
		}
	}
	if got := p.settle(b, now.Add(flapMemory)); got != DefaultSettle {
		t.Errorf("ten minutes later: %v", got)
	}
	loads[1].UpFor = time.Hour // known from elsewhere, and older than its last end
	if p.flapped(b, now); p.settled(loads[1], now.Add(time.Second)) {
		t.Error("settled a second after it went")
	}
	if p.Plan(loadsOf(1, 1), now); len(p.past) != 0 {
		t.Errorf("%d backends remembered that are no more", len(p.past))
	}
}

// TestOwnTrouble: every backend went away within two seconds, so what has failed is Segue's own network.
func TestOwnTrouble(t *testing.T) {
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
		p := &Planner{Options: Options{Settle: -1}}
		for i, after := range tt.after {
			if after > 0 {
				p.flapped(loads[i].Backend, epoch.Add(after))
			}
			loads[i].Usable, loads[i].UpFor = false, 0
		}
		p.Options.Settle = 0
		for i := range loads { // all are back, none has settled
			loads[i].Usable, loads[i].UpFor = true, time.Second
			if tt.after[i] == 0 {
				loads[i].UpFor = time.Hour
			}
		}
		now := epoch.Add(4 * time.Second)
		if got := p.trouble(loads, now); got != tt.want {
			t.Errorf("%s: trouble %v, want %v", tt.name, got, tt.want)
		}
		if tt.want && p.Plan(loads, now) != nil {
			t.Errorf("%s: somebody moves", tt.name)
		}
		loads[2].UpFor = time.Minute
		if p.trouble(loads, now.Add(time.Minute)) {
			t.Errorf("%s: still trouble when one has settled", tt.name)
		}
		if got := textOf(p.Plan(loads, now.Add(time.Minute))); !strings.Contains(got, ">c:") {
			t.Errorf("%s: plan %q when c has settled", tt.name, got)
		}
	}
}

func TestTroubleOfThoseThatWereThere(t *testing.T) {
	loads := loadsOf(0, 12, 12)
	p := &Planner{}
	p.flapped(loads[0].Backend, epoch) // in maintenance for an hour
	for i := range loads {
		loads[i].Usable = false
		if i > 0 {
			p.flapped(loads[i].Backend, epoch.Add(time.Hour))
		}
	}
	if !p.trouble(loads, epoch.Add(time.Hour)) {
		t.Error("both that were there went at once: no trouble")
	}
}

// TestConverges: from any start the backends come to stand within the threshold of their fair shares, and no more than
// twice the surplus is moved, whether sessions go where the plan says or to whoever has fewest.
func TestConverges(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		loads := loadsOf(make([]int, 2+rng.IntN(7))...)
		total, weight := 0, 0.0
		for i := range loads {
			l := &loads[i]
			l.Weight = float64(1 + rng.IntN(4))
			if rng.IntN(3) > 0 {
				l.Sessions = rng.IntN(400)
			}
			l.Movable = l.Sessions
			total, weight = total+l.Sessions, weight+l.Weight
		}
		least := 0
		for _, l := range loads {
			least += max(0, l.Sessions-ceil(float64(total)*l.Weight/weight))
		}
		start := fmt.Sprint(describe(loads))
		p := &Planner{Options: Options{Rate: float64(1 + rng.IntN(100))}}
		leastSessions := rng.IntN(2) == 0
		moved, now := 0, epoch
		for range 3000 {
			now = now.Add(time.Second)
			shifts := p.Plan(loads, now)
			moved += movedBy(shifts)
			if leastSessions {
				shifts = elsewhere(loads, shifts)
			}
			follow(loads, shifts)
			if !p.active {
				break
			}
		}
		if moved > 2*least {
			t.Errorf("seed %d: %s: %d moved, %d would do", seed, start, moved, least)
		}
		if p.active {
			t.Errorf("seed %d: %s: %s: not at an end", seed, start, describe(loads))
		}
		spare := false // somebody could give a whole session
		for _, l := range loads {
			spare = spare || float64(l.Sessions)-float64(total)*l.Weight/weight >= 1
		}
		for _, l := range loads {
			fair := float64(total) * l.Weight / weight
			tolerance := max(1, fair*DefaultThreshold) + nearness
			if off := float64(l.Sessions) - fair; off > tolerance || off < -tolerance && spare {
				t.Errorf("seed %d: %s: ends with %s; fair for %s is %.1f", seed, start, describe(loads), l.Backend.Name(), fair)
			}
		}
		if shifts := p.Plan(loads, now.Add(time.Minute)); shifts != nil {
			t.Errorf("seed %d: %s: begins again with %s: %s", seed, start, describe(loads), textOf(shifts))
		}
	}
}

// elsewhere sends the sessions of a plan to whoever has fewest for its weight, as [backend.LeastSessions] would.
func elsewhere(loads []Load, shifts []Shift) []Shift {
	sessions := make([]int, len(loads))
	for i, l := range loads {
		sessions[i] = l.Sessions
	}
	var out []Shift
	for _, s := range shifts {
		for range s.Sessions {
			best := 0
			for i, l := range loads {
				if float64(sessions[i])/l.Weight < float64(sessions[best])/loads[best].Weight {
					best = i
				}
			}
			sessions[best]++
			out = append(out, Shift{s.From, loads[best].Backend, 1})
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

func describe(loads []Load) string {
	var b strings.Builder
	for _, l := range loads {
		fmt.Fprintf(&b, "%d/%g ", l.Sessions, l.Weight)
	}
	return b.String()
}

// FuzzPlan: whatever it is shown, the planner moves movable sessions only, from usable backends above their share to usable, settled ones
// below it, and no more than the bucket allows.
func FuzzPlan(f *testing.F) {
	f.Add([]byte{1, 12, 12, 60, 1, 12, 12, 60, 1, 0, 0, 60}, 10.0, 0.2)
	f.Add([]byte{3, 200, 7, 3, 0, 9, 9, 9, 1, 0, 0, 255}, 0.1, 3.0)
	f.Fuzz(func(t *testing.T, b []byte, rate, threshold float64) {
		loads := loadsOf(make([]int, min(len(b)/4, 20))...)
		p := &Planner{Options: Options{Rate: rate, Threshold: threshold}}
		for i := range loads {
			l, x := &loads[i], b[4*i:]
			l.Weight, l.Sessions, l.Movable, l.UpFor = float64(x[0]%5), int(x[1]), int(x[2]), time.Duration(x[3])*time.Second
			l.Usable = x[0]&8 == 0
			for n := range int(x[0] >> 4) {
				p.flapped(l.Backend, epoch.Add(time.Duration(n)*time.Second))
			}
		}
		total, weight := 0.0, 0.0
		for _, l := range loads {
			if l.Usable && l.Weight > 0 {
				total, weight = total+float64(l.Sessions), weight+l.Weight
			}
		}
		now := epoch
		for range 3 {
			before := map[*backend.Backend]Load{}
			for _, l := range loads {
				before[l.Backend] = l
			}
			shifts := p.Plan(loads, now)
			if n := movedBy(shifts); float64(n) > max(1, rate, 10)+1 {
				t.Fatalf("%d moved at a rate of %v", n, rate)
			}
			gave := map[*backend.Backend]int{}
			for _, s := range shifts {
				from, to := before[s.From], before[s.To]
				gave[s.From] += s.Sessions
				switch fair := total / weight; {
				case s.Sessions <= 0 || s.From == s.To || !from.Usable || !to.Usable || !p.settled(to, now):
					t.Fatalf("%s", textOf(shifts))
				case gave[s.From] > from.Movable || float64(from.Sessions-gave[s.From]) < fair*from.Weight-1e-3:
					t.Fatalf("%s gives too much: %s", s.From.Name(), textOf(shifts))
				case float64(to.Sessions) >= fair*to.Weight:
					t.Fatalf("%s has enough: %s", s.To.Name(), textOf(shifts))
				}
			}
			follow(loads, shifts)
			now = now.Add(10 * time.Second)
		}
	})
}

// Sessions that are away go home: to whom is preferred, as fast as others are moved, down to the last.
func TestPlanBringsHome(t *testing.T) {
	away := func(at ...int) func([]Load) {
		return func(l []Load) {
			for _, i := range at {
				l[i].Away = true
			}
		}
	}
	for _, tt := range []struct {
		name     string
		sessions []int
		change   func([]Load)
		want     string
	}{
		{"from one to two", []int{6, 3, 3}, away(0), "a>b:3 a>c:3"},
		{"the last", []int{1, 5}, away(0), "a>b:1"},
		{"nobody is away", []int{0, 5}, away(0), ""},
		{"all are away", []int{3, 5}, away(0, 1), ""},
		{"home has not settled", []int{3, 0}, func(l []Load) { l[0].Away = true; l[1].UpFor = time.Second }, ""},
		{"pinned", []int{3, 0}, func(l []Load) { l[0].Away = true; l[0].Movable = 0 }, ""},
	} {
		loads := loadsOf(tt.sessions...)
		tt.change(loads)
		p := &Planner{Options: Options{Rate: 1000}}
		if got := textOf(p.Plan(loads, epoch)); got != tt.want {
			t.Errorf("%s: plan %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Who has just become preferred settles first, and the longer the more often that changes: sessions do not follow each election.
func TestPlanFollowsNoFlappingLeader(t *testing.T) {
	loads := loadsOf(6, 0)
	p := &Planner{Options: Options{Rate: 1000}}
	now := epoch
	lead := func(leader int) {
		for i := range loads {
			loads[i].Away = i != leader
		}
	}
	lead(0)
	if got := textOf(p.Plan(loads, now)); got != "" {
		t.Fatalf("at first: %s", got)
	}
	for turn, want := range []time.Duration{DefaultSettle, DefaultSettle, 2 * DefaultSettle, 2 * DefaultSettle, 4 * DefaultSettle} {
		leader := (turn + 1) % 2
		lead(leader)
		now = now.Add(time.Second)
		began := now
		for {
			got := textOf(p.Plan(loads, now))
			if got != "" {
				break
			}
			if now = now.Add(time.Second); now.Sub(began) > time.Hour {
				t.Fatal("never")
			}
		}
		if took := now.Sub(began); took != want {
			t.Errorf("turn %d: after %v, want %v", turn, took, want)
		}
		loads[leader].Sessions, loads[1-leader].Sessions = 6, 0
		loads[0].Movable, loads[1].Movable = loads[0].Sessions, loads[1].Sessions
	}
	p.Plan(loadsOf(1, 1), now)
	if len(p.turns) != 2 {
		t.Errorf("%d backends remembered", len(p.turns))
	}
}
