package bench

import (
	"slices"
	"testing"
	"time"
)

func at(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }

func TestTimelineBuckets(t *testing.T) {
	var l Timeline
	for _, e := range []Event{
		{At: -5, Kind: Answered},
		{At: at(249), Kind: Answered},
		{At: at(250), Kind: Reconnected},
		{At: at(999), Kind: StatementCut},
		{At: at(999), Kind: WrongAnswer},
		{At: at(0), Kind: ConnectEOF}, // late: workers do not report in order
	} {
		l.Add(e)
	}
	l.End(at(1251))
	want := []Bucket{{Answered: 2, Errors: 1}, {Reconnected: 1}, {}, {Errors: 2}, {}, {}}
	if !slices.Equal(l.Buckets, want) {
		t.Errorf("buckets %+v\nwant    %+v", l.Buckets, want)
	}
	l.End(at(100))
	if len(l.Buckets) != len(want) {
		t.Error("an early end dropped buckets")
	}

	cols := l.Columns(at(500))
	want = []Bucket{{Answered: 2, Errors: 1, Reconnected: 1}, {Errors: 2}, {}}
	if !slices.Equal(cols, want) {
		t.Errorf("columns %+v\nwant    %+v", cols, want)
	}
	if got := l.Columns(0); !slices.Equal(got, l.Buckets) {
		t.Errorf("columns of no width are not the buckets: %+v", got)
	}
}

// A column that is no multiple of the step loses nothing.
func TestTimelineColumnsKeepTheSum(t *testing.T) {
	l := Timeline{Step: at(10)}
	for i := range 997 {
		l.Add(Event{At: at(i), Kind: ConnectEOF})
	}
	for _, width := range []int{10, 11, 33, 250, 5000} {
		sum := 0
		for _, c := range l.Columns(at(width)) {
			sum += c.Errors
		}
		if sum != 997 {
			t.Errorf("columns of %d ms hold %d errors, want 997", width, sum)
		}
	}
}

func TestTimelineSpans(t *testing.T) {
	l := Timeline{Marks: []Mark{
		{at(1), "fe-1", Leaving},
		{at(2), "fe-1", TakenOut}, // the balancer's view runs beside the restart's
		{at(3), "fe-1", Exited},
		{at(4), "fe-2", Leaving},
		{at(5), "fe-1", Back},
		{at(6), "fe-1", TakenIn},
	}}
	want := []Span{
		{"fe-1", Leaving, at(1), at(3)},
		{"fe-1", TakenOut, at(2), at(6)},
		{"fe-1", Exited, at(3), at(5)},
		{"fe-2", Leaving, at(4), at(9)}, // still leaving when the run ended
	}
	if got := l.Spans(at(9)); !slices.Equal(got, want) {
		t.Errorf("spans %+v\nwant  %+v", got, want)
	}
}
