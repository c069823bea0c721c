package backend

import (
	"strings"
	"testing"
	"time"
)

func TestBackoffDelay(t *testing.T) {
	for failures, want := range []time.Duration{
		0, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond,
		800 * time.Millisecond, 1600 * time.Millisecond, 2 * time.Second, 2 * time.Second,
	} {
		if got := backoffDelay(failures); got != want {
			t.Errorf("after %d failures %v, want %v", failures, got, want)
		}
	}
	if got := backoffDelay(1 << 30); got != maxBackoff {
		t.Errorf("after very many failures %v, want %v", got, maxBackoff)
	}
}

func TestSlowStartShare(t *testing.T) {
	for _, c := range []struct {
		elapsed, ramp time.Duration
		want          float64
	}{
		{0, 10 * time.Second, 0.1},
		{-time.Second, 10 * time.Second, 0.1}, // a clock that was set back
		{5 * time.Second, 10 * time.Second, 0.55},
		{10 * time.Second, 10 * time.Second, 1},
		{time.Hour, 10 * time.Second, 1},
		{0, 0, 1},
		{0, -1, 1},
	} {
		if got := slowStartShare(c.elapsed, c.ramp); got != c.want {
			t.Errorf("%v into %v: %v, want %v", c.elapsed, c.ramp, got, c.want)
		}
	}
}

func TestTierOf(t *testing.T) {
	order := []struct {
		health  Health
		blocked bool
	}{
		{Up, false},
		{Up, true},
		{Stopping, false},
		{Unknown, true},
		{Down, false},
		{Down, true},
	}
	for i, c := range order {
		tier, ok := tierOf(&Status{Health: c.health}, c.blocked)
		if tier != i || !ok {
			t.Errorf("%v, blocked %v: tier %d, %v; want %d", c.health, c.blocked, tier, ok, i)
		}
	}
	for h := range numHealths {
		for _, s := range []Status{{Health: h, Admin: Drain}, {Health: h, Admin: Maint}, {Health: h, Removed: true}} {
			if tier, ok := tierOf(&s, false); ok {
				t.Errorf("%+v is in tier %d", s, tier)
			}
		}
	}
}

// candidates makes candidates from pairs of sessions and weight.
func candidates(pairs ...[2]float64) []Candidate {
	var out []Candidate
	for i, p := range pairs {
		out = append(out, Candidate{&Backend{name: string(rune('a' + i))}, int(p[0]), p[1]})
	}
	return out
}

// choices asks the policy n times. If count, each choice adds a session to the chosen candidate.
func choices(p Policy, cs []Candidate, n int, count bool) string {
	var out strings.Builder
	for range n {
		i := p.Choose(cs)
		out.WriteString(cs[i].Backend.name)
		if count {
			cs[i].Sessions++
		}
	}
	return out.String()
}

func TestRoundRobin(t *testing.T) {
	for _, c := range []struct {
		name  string
		pairs [][2]float64
		want  string
	}{
		{"equal", [][2]float64{{0, 1}, {0, 1}, {0, 1}}, "abcabc"},
		{"weights are spread evenly", [][2]float64{{0, 5}, {0, 1}, {0, 1}}, "aabacaaaabacaa"},
		{"sessions do not matter", [][2]float64{{100, 1}, {0, 1}}, "abab"},
		{"one", [][2]float64{{0, 1}}, "aaa"},
	} {
		if got := choices(&RoundRobin{}, candidates(c.pairs...), len(c.want), false); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestRoundRobinForgetsTheGone(t *testing.T) {
	p := &RoundRobin{}
	choices(p, candidates([2]float64{0, 1}, [2]float64{0, 1}), 10, false)
	left := candidates([2]float64{0, 1})
	choices(p, left, 2*creditAge, false)
	if len(p.credits) != 1 {
		t.Errorf("%d backends remembered, want 1", len(p.credits))
	}
	if _, ok := p.credits[left[0].Backend]; !ok {
		t.Error("the candidate itself was forgotten")
	}
}

func TestLeastSessions(t *testing.T) {
	for _, c := range []struct {
		name  string
		pairs [][2]float64
		count bool
		want  string
	}{
		{"fewest", [][2]float64{{3, 1}, {1, 1}, {2, 1}}, true, "bbccab"},
		{"for its weight", [][2]float64{{4, 4}, {2, 1}}, true, "aaaa"},
		{"equal ones take turns", [][2]float64{{0, 1}, {0, 1}, {0, 1}}, false, "abcabc"},
		{"equal ones take turns by weight", [][2]float64{{0, 2}, {0, 1}}, false, "abaaba"},
		{"one that warms up gets its first and then few", [][2]float64{{3, 1}, {0, 0.1}, {3, 1}}, true, "baccaac"},
		{"the full one is left out of the turns", [][2]float64{{0, 1}, {9, 1}, {0, 1}}, false, "acac"},
	} {
		if got := choices(&LeastSessions{}, candidates(c.pairs...), len(c.want), c.count); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestParsePolicy(t *testing.T) {
	for _, name := range policyNames {
		p, err := ParsePolicy(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.(interface{ String() string }).String(); got != name {
			t.Errorf("%s became %s", name, got)
		}
	}
	if _, err := ParsePolicy("random"); err == nil {
		t.Error("random was taken")
	}
}

func TestLastSpoke(t *testing.T) {
	b := newBackend(Spec{Name: "a"}, Ready, time.Now())
	if at := b.LastSpoke(); !at.IsZero() {
		t.Errorf("a backend that nobody has asked spoke at %v", at)
	}
	began := time.Now()
	b.Spoke()
	if at := b.LastSpoke(); at.Before(began) || time.Since(at) > time.Minute {
		t.Errorf("spoke at %v", at)
	}
}
