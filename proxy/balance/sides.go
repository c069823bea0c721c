package balance

import (
	"math"
	"time"

	"segue/backend"
)

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
func (p *Planner) sides(loads []Load, now time.Time) *sides {
	sessions, weight := 0.0, 0.0
	for _, l := range loads {
		if l.counts() {
			sessions, weight = sessions+float64(l.Sessions), weight+l.share()
		}
	}
	s := &sides{}
	if weight == 0 { // nobody is preferred to all of them
		return s
	}
	above, below := false, false
	for _, l := range loads {
		if !l.counts() {
			continue
		}
		fair := sessions * (l.share() / weight)
		surplus := float64(l.Sessions) - fair
		tolerance := max(1, fair*p.Options.threshold()) + nearness
		if l.Away {
			tolerance = nearness
		}
		one := side{backend: l.Backend, weight: l.Weight}
		switch {
		case surplus > 0:
			one.give = max(0, min(whole(surplus+nearness), l.Movable))
			above = above || surplus > tolerance && one.give > 0
		case p.settled(l, now):
			one.take = whole(math.Ceil(-surplus - nearness))
			below = below || -surplus > tolerance
		}
		s.all = append(s.all, one)
	}
	s.beyond = (above || below) && s.left()
	return s
}

// counts reports whether a backend has a share.
func (l *Load) counts() bool { return l.Usable && l.Weight > 0 && l.Sessions >= 0 }

// share is the weight with which it has one.
func (l *Load) share() float64 {
	if l.Away {
		return 0
	}
	return l.Weight
}

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
func (s *sides) match(budget int) []Shift {
	var shifts []Shift
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
			shifts = append(shifts, Shift{From: s.all[from].backend, To: s.all[to].backend})
		}
		shifts[i].Sessions++
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
