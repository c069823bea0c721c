package history

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// at is so many seconds after the beginning.
func at(seconds float64) time.Time { return epoch.Add(time.Duration(seconds * float64(time.Second))) }

func reading(name, health string, sessions int) Reading {
	return Reading{Name: name, Address: name + ":9030", State: State{Health: health, Admin: "ready"}, Sessions: sessions}
}

func TestRingKeepsTheLatest(t *testing.T) {
	r := ring[int]{most: 3}
	if r.last() != nil {
		t.Error("an empty one has a last")
	}
	for n := range 8 {
		r.add(n)
		var got []int
		for v := range r.each {
			got = append(got, *v)
		}
		want := []int{n - 2, n - 1, n}[max(0, 2-n):]
		if !slices.Equal(got, want) || *r.last() != n {
			t.Errorf("after %d: %v, last %d", n, got, *r.last())
		}
	}
}

func TestQuantiles(t *testing.T) {
	bounds := []float64{.001, .01, .1}
	for _, c := range []struct {
		counts []uint64
		q, is  float64
	}{
		{nil, .5, 0},
		{[]uint64{0, 0, 0, 0}, .5, 0},
		{[]uint64{1, 2}, .5, 0}, // not one for each bound
		{[]uint64{10, 0, 0, 0}, .5, .0005},
		{[]uint64{0, 10, 0, 0}, .5, .0055},
		{[]uint64{50, 49, 1, 0}, .99, .01},
		{[]uint64{0, 0, 0, 5}, .5, .1}, // beyond what is told apart
		{[]uint64{99, 0, 0, 1}, .999, .1},
	} {
		if is := (Times{bounds, c.counts}).Quantile(c.q); math.Abs(is-c.is) > 1e-9 {
			t.Errorf("%v of %v: %v, want %v", c.q, c.counts, is, c.is)
		}
	}
}

func TestTimesAreCounters(t *testing.T) {
	bounds := []float64{1}
	before, now := Times{bounds, []uint64{1, 2}}, Times{bounds, []uint64{4, 2}}
	if d := now.Since(before); !slices.Equal(d.Counts, []uint64{3, 0}) {
		t.Errorf("since: %v", d)
	}
	if d := before.Since(now); !slices.Equal(d.Counts, before.Counts) {
		t.Errorf("begun anew: %v", d)
	}
	if d := now.Since(Times{}); !slices.Equal(d.Counts, now.Counts) {
		t.Errorf("since nothing: %v", d)
	}
	sum := before.Plus(now)
	if !slices.Equal(sum.Counts, []uint64{5, 4}) || before.Counts[0] != 1 {
		t.Errorf("plus: %v, and %v before", sum, before)
	}
	if s := now.Plus(Times{[]float64{1, 2}, []uint64{1, 1, 1}}); !slices.Equal(s.Counts, now.Counts) {
		t.Errorf("plus others: %v", s)
	}
}

// What is over between two looks is there all the same; another cause is no other state.
func TestStates(t *testing.T) {
	h := New()
	h.States(at(0), []Reading{reading("a", "unknown", 0)})
	h.Observe(at(1), Look{Backends: []Reading{reading("a", "up", 0)}})
	h.States(at(1.2), []Reading{reading("a", "down", 0)})
	refused := reading("a", "down", 0)
	refused.State.Cause = "refused"
	h.States(at(1.3), []Reading{refused})
	refused.State.Cause = "not ready yet"
	h.States(at(1.4), []Reading{refused})
	h.States(at(1.5), []Reading{reading("a", "up", 0), reading("b", "up", 0)})
	failing := reading("a", "up", 0)
	failing.State.Cause = "one answer of three was bad"
	h.States(at(1.6), []Reading{failing, reading("b", "up", 0)})
	h.Observe(at(2), Look{Backends: []Reading{reading("b", "up", 0)}})
	h.Observe(at(3), Look{Backends: []Reading{reading("b", "up", 0)}})

	x := h.Extract(at(0), at(3), 100)
	if got := said(x); got != "b: 1.5 up | a: 0 unknown, 1 up, 1.2 down refused, 1.5 up, 2 removed" {
		t.Error(got)
	}
	x = h.Extract(at(1.25), at(3), 100)
	if got := said(x); got != "b: 1.5 up | a: 1.2 down refused, 1.5 up, 2 removed" {
		t.Errorf("with what it was before: %s", got)
	}
	if got := said(h.Extract(at(2.5), at(3), 100)); got != "b: 1.5 up" {
		t.Errorf("long gone: %s", got)
	}
	h.States(at(4), []Reading{reading("a", "up", 0), reading("b", "up", 0)})
	if got := said(h.Extract(at(2.5), at(4), 100)); got != "a: 2 removed, 4 up | b: 1.5 up" {
		t.Errorf("back again: %s", got)
	}
}

// said is the states of an extract in a line.
func said(x Extract) (text string) {
	for i, l := range x.Lanes {
		if i > 0 {
			text += " | "
		}
		text += l.Name + ":"
		for j, s := range l.States {
			if j > 0 {
				text += ","
			}
			text += fmt.Sprintf(" %v %s", s.Since.Sub(epoch).Seconds(), s.Health)
			if s.Cause != "" {
				text += " " + s.Cause
			}
			if s.Removed {
				text += "removed"
			}
		}
	}
	return text
}

// played is a history of one backend with ten statements a second, and whatever else a second brings.
func played(seconds int, more func(second int, look *Look)) *History {
	h := New()
	h.States(at(0), []Reading{reading("a", "up", 0)})
	failures, moves := map[Failing]uint64{}, map[Moving]uint64{}
	for n := 1; n <= seconds; n++ {
		a := reading("a", "up", 3)
		a.Statements, a.Errors = uint64(10*n), uint64(n/10)
		a.Times = Times{[]float64{.001, .01}, []uint64{uint64(9 * n), uint64(n), 0}}
		look := Look{Backends: []Reading{a}, Sessions: 4, Failures: failures, Moves: moves}
		if more != nil {
			more(n, &look)
		}
		h.Observe(at(float64(n)), look)
	}
	return h
}

func TestSamples(t *testing.T) {
	h := played(100, func(second int, look *Look) {
		if second == 50 {
			look.Failures[Failing{"a", "closed", "moved"}] = 7
			look.Failures[Failing{"", "hold", ""}] = 2
			look.Moves[Moving{"a", "b", "ok"}] = 5
			look.Moves[Moving{"a", "", "failed"}] = 1
			look.Backends[0].Sessions = 40
		}
	})
	x := h.Extract(at(0), at(100), 200)
	samples := x.Lanes[0].Samples
	if x.Step != 1 || len(samples) != 100 || len(x.Total) != 100 {
		t.Fatalf("%d and %d samples of %v s", len(samples), len(x.Total), x.Step)
	}
	s := samples[48]
	if s.Statements != 10 || s.Seconds != 1 || s.Sessions != 3 || s.P50 < .0005 || s.P50 > .001 || s.P99 < .009 || s.P99 > .01 {
		t.Errorf("a second: %+v", s)
	}
	if s := samples[49]; s.Hidden != 7 || s.Seen != 0 || s.Out != 5 || s.In != 0 || s.Sessions != 40 {
		t.Errorf("the second in which all happens: %+v", s)
	}
	if s := x.Total[49]; s.Hidden != 7 || s.Seen != 2 || s.Sessions != 4 || s.Statements != 10 {
		t.Errorf("all together: %+v", s)
	}
	if got := fmt.Sprint(x.Failures); len(x.Failures) != 2 || x.Failures[1].Count != 7 || x.Failures[1].Backend != "a" {
		t.Errorf("failures: %s", got)
	}
	if got := fmt.Sprint(x.Moves); len(x.Moves) != 2 || x.Moves[1].To != "b" || x.Moves[1].Count != 5 {
		t.Errorf("moves: %s", got)
	}

	x = h.Extract(at(0), at(100), 10)
	samples = x.Lanes[0].Samples
	if x.Step != 10 || len(samples) != 10 {
		t.Fatalf("%d samples of %v s", len(samples), x.Step)
	}
	if s := samples[4]; s.Seconds != 10 || s.Statements != 100 || s.Errors != 1 || s.Sessions != 40 || s.Hidden != 7 || s.Out != 5 || s.P99 > .01 {
		t.Errorf("ten seconds: %+v", s)
	}
	if seen, hidden := h.SeenSince(at(0), at(100)); seen != 2 || hidden != 7 {
		t.Errorf("%d seen and %d hidden", seen, hidden)
	}
	if seen, hidden := h.SeenSince(at(50), at(100)); seen != 0 || hidden != 0 {
		t.Errorf("%d seen and %d hidden, later", seen, hidden)
	}
}

// Counters that begin anew are not taken for a number below zero.
func TestCountersBeginAnew(t *testing.T) {
	h := played(20, func(second int, look *Look) {
		look.Failures = map[Failing]uint64{{"a", "closed", "moved"}: uint64(second % 10)}
		if second >= 10 {
			look.Backends[0].Statements = uint64(10 * (second - 9))
			look.Backends[0].Times.Counts = []uint64{uint64(second), 0, 0}
		}
	})
	x := h.Extract(at(0), at(20), 100)
	for i, s := range x.Total {
		if s.Statements != 10 || s.Hidden > 1 {
			t.Errorf("second %d: %+v", i+1, s)
		}
	}
}

// What lies far back is known in steps of ten seconds, up to this very second; further back nothing is.
func TestLongAgo(t *testing.T) {
	const hours = 9 * 3600
	h := played(hours+5, func(second int, look *Look) {
		if second == hours+4 {
			look.Failures[Failing{"a", "statement", ""}] = 3
		}
	})
	now := at(hours + 5)
	x := h.Extract(epoch, now, 480)
	if x.From != now.Add(-Longest) || x.Step != 60 {
		t.Errorf("from %v in steps of %v s", x.From, x.Step)
	}
	samples := x.Lanes[0].Samples
	if n := len(samples); n < 480 || n > 482 {
		t.Errorf("%d samples", n)
	}
	var statements uint64
	for _, s := range samples {
		statements += s.Statements
	}
	if statements < 10*8*3600-100 || statements > 10*8*3600+100 {
		t.Errorf("%d statements in eight hours", statements)
	}
	if last := samples[len(samples)-1]; !last.Time.Equal(now) || last.Seen != 3 {
		t.Errorf("the last one: %+v", last)
	}
	if seen, _ := h.SeenSince(now.Add(-time.Hour), now); seen != 3 {
		t.Errorf("%d seen within the hour", seen)
	}
}

// Whatever happens, so much is kept and no more.
func TestBounds(t *testing.T) {
	h := New()
	failures := map[Failing]uint64{}
	for n := range 3 * mostEntries {
		backends := []Reading{reading("stays", []string{"up", "down"}[n%2], 1), reading(fmt.Sprint("b", n), "up", 1)}
		failures[Failing{"stays", "closed", "moved"}]++
		h.Observe(at(float64(n)), Look{
			Backends: backends, Failures: failures, Moves: map[Moving]uint64{{"stays", "x", "ok"}: uint64(n)},
		})
	}
	stays := h.lanes["stays"]
	if len(h.lanes) > mostLanes || stays == nil {
		t.Fatalf("%d lanes", len(h.lanes))
	}
	for what, is := range map[string][2]int{
		"states": {stays.states.len(), mostStates}, "fine": {stays.series.fine.len(), mostFine}, "failures": {h.failures.len(), mostEntries}, "moves": {h.moves.len(), mostEntries},
	} {
		if is[0] != is[1] {
			t.Errorf("%d %s, want %d", is[0], what, is[1])
		}
	}
	if n := stays.series.coarse.len(); n < 3*mostEntries/10-1 || n > mostCoarse {
		t.Errorf("%d coarse samples", n)
	}
	crowd := make([]Reading, 2*mostLanes)
	for i := range crowd {
		crowd[i] = reading(fmt.Sprint("crowd", i), "up", 0)
	}
	h.Observe(at(4*mostEntries), Look{Backends: crowd})
	if len(h.lanes) > mostLanes {
		t.Errorf("%d lanes of a crowd", len(h.lanes))
	}
	h.Observe(at(4*mostEntries).Add(Longest+time.Hour), Look{})
	h.Observe(at(4*mostEntries).Add(2*Longest+2*time.Hour), Look{})
	if len(h.lanes) != 0 {
		t.Errorf("%d lanes of backends that are long gone", len(h.lanes))
	}
}

// Who takes over knows what was before, and goes on from there.
func TestInherit(t *testing.T) {
	const hours = 2 * 3600
	fails := func(second int, look *Look) {
		if second == hours-100 || second == 600 {
			look.Failures[Failing{"a", "closed", "moved"}]++
			look.Moves[Moving{"a", "b", "ok"}]++
		}
	}
	old := played(hours, fails)
	now := at(hours)
	young := New()
	young.Inherit(old.Extract(epoch, now, MostSamples), old.Extract(now.Add(-Finest), now, MostFine))
	for _, span := range []time.Duration{5 * time.Minute, time.Hour, Longest} {
		want, got := old.Extract(now.Add(-span), now, 300), young.Extract(now.Add(-span), now, 300)
		if len(want.Total) < 70 || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("of the last %v: %d and %d samples, %s and %s", span, len(got.Total), len(want.Total), said(got), said(want))
		}
	}
	b := reading("b", "up", 1)
	b.Statements = 5
	young.States(at(hours+0.5), []Reading{b})
	young.Observe(at(hours+1), Look{Backends: []Reading{b}, Sessions: 1})
	x := young.Extract(at(hours-10), at(hours+1), 300)
	if said(x) != fmt.Sprintf("b: %v up | a: 0 up, %v removed", hours+0.5, hours+0.5) || x.Total[len(x.Total)-1].Statements != 5 || !x.Began.Equal(at(0)) {
		t.Errorf("%s, %+v", said(x), x.Total[len(x.Total)-1])
	}
	young.Inherit(old.Extract(epoch, now, MostSamples), Extract{})
	if again := young.Extract(at(hours-10), at(hours+1), 300); fmt.Sprint(again) != fmt.Sprint(x) {
		t.Error("it inherits what it knows already")
	}
	nothing := New()
	nothing.Inherit(Extract{}, Extract{})
	nothing.Observe(at(1), Look{})
	if x := nothing.Extract(at(0), at(1), 10); len(x.Total) != 1 || !x.Began.Equal(at(1)) {
		t.Errorf("of nothing: %+v", x)
	}
}

func TestTicks(t *testing.T) {
	h := New()
	if x := h.Extract(at(0), at(1), 10); len(x.Lanes)+len(x.Total) != 0 || !x.Began.IsZero() {
		t.Errorf("before anything: %+v", x)
	}
	_, next := h.Latest()
	h.Observe(at(1), Look{Backends: []Reading{reading("a", "up", 2)}, Sessions: 2, Failures: map[Failing]uint64{{"a", "closed", "moved"}: 1}})
	select {
	case <-next:
	default:
		t.Fatal("nobody is told of it")
	}
	tick, _ := h.Latest()
	if tick.Number != 1 || tick.Total.Sessions != 2 || tick.Backends["a"].Hidden != 1 || len(tick.Failures) != 1 || len(tick.Moves) != 0 {
		t.Errorf("%+v", tick)
	}
}

func BenchmarkObserve(b *testing.B) {
	h := New()
	backends := make([]Reading, 50)
	for i := range backends {
		backends[i] = reading(fmt.Sprint("fe-", i), "up", i)
		backends[i].Times = Times{make([]float64, 30), make([]uint64, 31)}
	}
	b.ReportAllocs()
	for n := range b.N {
		h.Observe(at(float64(n)), Look{Backends: backends})
	}
}
