package proxy

import (
	"math"
	"time"

	"segue/backend"
)

// Rebalance says how sessions come back to a backend that is up again. The zero value of each field means its default.
type Rebalance struct {
	// Rate is how many sessions are moved per second, in the whole server. Negative: none.
	Rate float64
	// Threshold is how far from its fair share a backend must be before sessions move: 0.2 is a fifth above it, or below. Once they
	// do, they move until the fair shares are reached. A difference of one session never counts.
	Threshold float64
	// Settle is how long a backend must have been up before sessions are moved to it. Each time that it went away in the last ten
	// minutes doubles it, up to five minutes. Negative: none.
	Settle time.Duration
}

// The defaults of Rebalance.
const (
	DefaultRebalanceRate      = 10
	DefaultRebalanceThreshold = 0.2
	DefaultRebalanceSettle    = 5 * time.Second
)

const (
	// rebalanceBurst bounds the sessions of one plan, however high the rate is.
	rebalanceBurst = 10_000
	// nearness forgives what is lost when shares are computed.
	nearness = 1e-6
)

func (o Rebalance) rate() float64 {
	if o.Rate == 0 {
		return DefaultRebalanceRate
	}
	return o.Rate
}

func (o Rebalance) threshold() float64 {
	if o.Threshold <= 0 {
		return DefaultRebalanceThreshold
	}
	return o.Threshold
}

// load is what the planner knows of one backend. A session that has been told to move but has not yet counts as one of the backend that it
// goes to; otherwise the next plan would send another one after it.
type load struct {
	backend  *backend.Backend
	weight   float64 // without the slow-start ramp
	sessions int
	movable  int // those of sessions that nothing pins and that can be logged in elsewhere
	upFor    time.Duration
	usable   bool // up and ready
}

// shift is a number of sessions to be moved from one backend to another.
type shift struct {
	from, to *backend.Backend
	n        int
}

// rebalancer plans which sessions move so that each backend gets its fair share: its part, by weight, of the sessions of all usable ones.
// The zero value is ready for use. It has no clock: now must not go backwards.
type rebalancer struct {
	options Rebalance // may be changed between two calls

	past    map[*backend.Backend]*history
	active  bool // the threshold was passed and the fair shares have not been reached since
	tokens  float64
	counted time.Time // until when tokens were given; zero: never
}

// plan returns what is to be moved now. It is empty while everything stands within the threshold, while there is nobody to move to, and while
// what happens looks like trouble of Segue's own network. Each session of a plan takes a token, moved or not.
func (r *rebalancer) plan(loads []load, now time.Time) []shift {
	r.seen(loads)
	budget := r.budget(now)
	if r.options.rate() < 0 || r.trouble(loads, now) {
		r.active = false
		return nil
	}
	sides := r.sides(loads, now)
	if !r.active && !sides.beyond {
		return nil
	}
	shifts := sides.match(budget)
	r.active = sides.left() // not len(shifts) > 0: tokens may be missing
	for _, s := range shifts {
		r.tokens -= float64(s.n)
	}
	return shifts
}

// budget fills the bucket, which holds what one second gives, and returns the whole tokens in it.
func (r *rebalancer) budget(now time.Time) int {
	rate := max(r.options.rate(), 0)
	size := min(max(rate, 1), rebalanceBurst)
	if r.counted.IsZero() {
		r.tokens = size
	} else if passed := now.Sub(r.counted); passed > 0 {
		r.tokens += rate * passed.Seconds()
	}
	r.counted, r.tokens = now, min(r.tokens, size)
	return int(r.tokens + nearness)
}

// side is what one backend may give away or take in until it has its fair share.
type side struct {
	backend *backend.Backend
	weight  float64
	give    int
	take    int
}

// sides are those of all usable backends.
type sides struct {
	all    []side
	beyond bool // the threshold is passed somewhere, and something can be done about it
}

// sides compares each backend with its fair share. One that has not settled yet has a share already, so that nobody else gets what will
// soon be its own.
func (r *rebalancer) sides(loads []load, now time.Time) *sides {
	sessions, weight := 0.0, 0.0
	for _, l := range loads {
		if l.counts() {
			sessions, weight = sessions+float64(l.sessions), weight+l.weight
		}
	}
	s := &sides{}
	above, below := false, false
	for _, l := range loads {
		if !l.counts() {
			continue
		}
		fair := sessions * (l.weight / weight)
		surplus := float64(l.sessions) - fair
		tolerance := max(1, fair*r.options.threshold()) + nearness
		one := side{backend: l.backend, weight: l.weight}
		switch {
		case surplus > 0:
			one.give = max(0, min(whole(surplus+nearness), l.movable))
			above = above || surplus > tolerance && one.give > 0
		case r.settled(l, now):
			one.take = whole(math.Ceil(-surplus - nearness))
			below = below || -surplus > tolerance
		}
		s.all = append(s.all, one)
	}
	s.beyond = (above || below) && s.left()
	return s
}

// counts reports whether a backend has a share.
func (l *load) counts() bool { return l.usable && l.weight > 0 && l.sessions >= 0 }

// whole is the whole part of x, bounded so that it is a session count.
func whole(x float64) int { return int(min(max(x, 0), math.MaxInt32)) }

// left reports whether a session can still be moved.
func (s *sides) left() bool {
	give, take := false, false
	for _, one := range s.all {
		give, take = give || one.give > 0, take || one.take > 0
	}
	return give && take
}

// match takes one session after the other from who has most to give, for its weight, to who lacks most, so that nobody is stampeded, and
// changes s accordingly.
func (s *sides) match(budget int) []shift {
	var shifts []shift
	at := make(map[[2]int]int)
	for ; budget > 0 && s.left(); budget-- {
		from := s.most(func(one *side) int { return one.give })
		to := s.most(func(one *side) int { return one.take })
		s.all[from].give--
		s.all[to].take--
		pair := [2]int{from, to}
		i, ok := at[pair]
		if !ok {
			i = len(shifts)
			at[pair] = i
			shifts = append(shifts, shift{from: s.all[from].backend, to: s.all[to].backend})
		}
		shifts[i].n++
	}
	return shifts
}

// most returns the index of the side with the highest amount for its weight.
func (s *sides) most(amount func(*side) int) int {
	best, highest := -1, 0.0
	for i := range s.all {
		one := &s.all[i]
		if n := amount(one); n > 0 && (best < 0 || float64(n)/one.weight > highest) {
			best, highest = i, float64(n)/one.weight
		}
	}
	return best
}
