package measure

import (
	"math"
	"testing"
	"time"
)

func TestSchedule(t *testing.T) {
	const perSecond, n = 20, 4000
	s, again, other := newSchedule(perSecond, 1, 7), newSchedule(perSecond, 1, 7), newSchedule(perSecond, 1, 8)
	last, same := time.Duration(0), true
	for i := range n {
		at := s.next()
		if got := again.next(); got != at {
			t.Fatalf("arrival %d: %v and %v by the same seed", i, at, got)
		}
		same = same && other.next() == at
		gap := at - last
		if i == 0 && gap > 50*time.Millisecond || i > 0 && (gap < 25*time.Millisecond || gap > 75*time.Millisecond) {
			t.Fatalf("arrival %d comes %v after the one before", i, gap)
		}
		last = at
	}
	if mean := last / n; mean < 49*time.Millisecond || mean > 51*time.Millisecond {
		t.Errorf("mean gap %v, want 50 ms", mean)
	}
	if same {
		t.Error("two clients arrive in step")
	}
}

// A rate that is next to nothing makes long gaps, not short ones.
func TestScheduleOfNextToNothing(t *testing.T) {
	for _, rate := range []float64{1e-9, 1e-300, math.SmallestNonzeroFloat64} {
		s := newSchedule(rate, 1, 1)
		last := s.next()
		for range 20 {
			at := s.next()
			if at-last < 24*time.Hour {
				t.Fatalf("at %g a second one comes %v after the other", rate, at-last)
			}
			last = at
		}
	}
}

func TestScheduleOverdue(t *testing.T) {
	s := newSchedule(10, 1, 1)
	due := s.next()
	if got := s.overdue(due, due); got != 0 {
		t.Errorf("%d overdue at the time of the first, want none: it was not due before", got)
	}
	if got := s.overdue(due, due+10*time.Second); got < 95 || got > 106 {
		t.Errorf("%d overdue after ten seconds of ten per second", got)
	}
}

func TestThirst(t *testing.T) {
	var th thirst
	if got := th.quenched(5); got != 0 {
		t.Errorf("a client that wanted nothing waited %v", got)
	}
	th.wants(10)
	th.wants(20) // after a failed attempt
	if got := th.quenched(50); got != 40 {
		t.Errorf("waited %v, want 40 ns: since the first wish", got)
	}
	th.wants(60)
	if got := th.quenched(61); got != 1 {
		t.Errorf("waited %v, want 1 ns: since the next wish", got)
	}
}
