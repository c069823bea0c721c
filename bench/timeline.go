package bench

import (
	"maps"
	"slices"
	"time"
)

// DefaultStep is the width of a bucket of a [Timeline].
const DefaultStep = 250 * time.Millisecond

// Bucket is what happened in one step of a [Timeline].
type Bucket struct {
	Answered, Reconnected, Errors int
}

// Change is what happened to a backend, as the rolling restart or the balancer
// saw it.
type Change uint8

// The changes.
const (
	Leaving  Change = iota // told to leave (an FE: SIGUSR1)
	Exited                 // its process is gone
	Back                   // it was started and serves again
	TakenOut               // the balancer's health check took it out of rotation
	TakenIn                // the balancer's health check took it back
)

// String is the change's name in marks and messages.
func (c Change) String() string {
	switch c {
	case Leaving:
		return "leaving"
	case Exited:
		return "gone"
	case Back:
		return "back"
	case TakenOut:
		return "taken out"
	case TakenIn:
		return "taken in"
	}
	return "unknown change"
}

// Mark is a change of a backend at a point of a [Timeline].
type Mark struct {
	At      time.Duration // since the start of the run
	Backend string
	Change  Change
}

// Timeline is a run over time: events in buckets of equal width, and marks.
// The zero value is empty and ready. It is pure data: not safe for concurrent
// use.
type Timeline struct {
	Step    time.Duration // zero: DefaultStep; not to be changed after the first Add
	Buckets []Bucket
	Marks   []Mark // in the order of time
}

func (t *Timeline) step() time.Duration {
	if t.Step <= 0 {
		return DefaultStep
	}
	return t.Step
}

// Add counts one event in the bucket of its time.
func (t *Timeline) Add(e Event) {
	i := int(max(0, e.At) / t.step())
	t.grow(i + 1)
	b := &t.Buckets[i]
	switch e.Kind {
	case Answered:
		b.Answered++
	case Reconnected:
		b.Reconnected++
	default:
		b.Errors++
	}
}

// End sets how long the run took, so that a quiet end shows as such.
func (t *Timeline) End(at time.Duration) {
	t.grow(int((max(0, at) + t.step() - 1) / t.step()))
}

func (t *Timeline) grow(n int) {
	if n > len(t.Buckets) {
		t.Buckets = append(t.Buckets, make([]Bucket, n-len(t.Buckets))...)
	}
}

// Columns adds the buckets up into columns of the given width, the last one
// perhaps narrower. Width zero or less means one step.
func (t *Timeline) Columns(width time.Duration) []Bucket {
	if width < t.step() {
		width = t.step()
	}
	var cols []Bucket
	for i, b := range t.Buckets {
		at := int(time.Duration(i) * t.step() / width)
		if at == len(cols) {
			cols = append(cols, Bucket{})
		}
		cols[at].Answered += b.Answered
		cols[at].Reconnected += b.Reconnected
		cols[at].Errors += b.Errors
	}
	return cols
}

// Span is a stretch of time that a backend spent in one way.
type Span struct {
	Backend  string
	Change   Change // how it began
	From, To time.Duration
}

// Spans pairs the marks up, the last of each backend ending at end: for the
// restart with Leaving, Exited and Back, for the balancer with TakenOut and
// TakenIn. Spans that begin with Back or TakenIn are left out: the backend served.
func (t *Timeline) Spans(end time.Duration) []Span {
	type track struct {
		backend  string
		balancer bool
	}
	open := map[track]int{} // index in spans of the one that goes on
	var spans []Span
	for _, m := range t.Marks {
		key := track{m.Backend, m.Change == TakenOut || m.Change == TakenIn}
		if i, ok := open[key]; ok {
			spans[i].To = m.At
			delete(open, key)
		}
		if m.Change == Back || m.Change == TakenIn {
			continue
		}
		open[key] = len(spans)
		spans = append(spans, Span{Backend: m.Backend, Change: m.Change, From: m.At, To: end})
	}
	return spans
}

// backends are the names that marks have, sorted.
func (t *Timeline) backends() []string {
	names := map[string]bool{}
	for _, m := range t.Marks {
		names[m.Backend] = true
	}
	return slices.Sorted(maps.Keys(names))
}
