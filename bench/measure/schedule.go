package measure

import (
	"math/rand/v2"
	"time"
)

// schedule is one client's timetable: when it wants something, whatever became of
// the wishes before. Two arrivals are half to one and a half mean gaps apart, so
// that a client that is served at once never waits for itself; the many timetables
// together come as irregularly as many users do. Pure.
type schedule struct {
	random *rand.Rand
	mean   time.Duration
	at     time.Duration // of the last arrival, since the beginning
	begun  bool
}

// longestGap is the mean of a rate that is next to nothing.
const longestGap = 365 * 24 * time.Hour

// newSchedule makes the timetable of client number id.
func newSchedule(perSecond float64, seed, id uint64) *schedule {
	return &schedule{
		random: rand.New(rand.NewPCG(seed, id)),
		mean:   time.Duration(min(float64(time.Second)/perSecond, float64(longestGap))),
	}
}

// next is the time of the next arrival.
func (s *schedule) next() time.Duration {
	gap := time.Duration(s.random.Float64() * float64(s.mean)) // clients do not begin in step
	if s.begun {
		gap += s.mean / 2
	}
	s.begun = true
	s.at += max(gap, time.Microsecond)
	return s.at
}

// overdue is how many arrivals are due before end, beginning with the one at due.
func (s *schedule) overdue(due, end time.Duration) int {
	n := 0
	for ; due < end; due = s.next() {
		n++
	}
	return n
}

// thirst follows how long one client has gone without what it wants: from when it
// wanted it first, through failed attempts, until it gets it. Pure.
type thirst struct {
	since   time.Duration
	waiting bool
}

// wants notes an arrival.
func (t *thirst) wants(due time.Duration) {
	if !t.waiting {
		t.since, t.waiting = due, true
	}
}

// quenched notes a right answer, and tells how long it took.
func (t *thirst) quenched(at time.Duration) time.Duration {
	if !t.waiting {
		return 0
	}
	t.waiting = false
	return at - t.since
}
