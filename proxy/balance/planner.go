package balance

import (
	"time"

	"segue/backend"
)

const (
	// burst bounds the sessions of one plan, however high the rate is.
	burst = 10_000
	// nearness forgives what is lost when shares are computed.
	nearness = 1e-6
)

// Planner plans which sessions move so that each backend gets its fair share: its part, by weight, of the sessions of all usable ones.
// The zero value is ready for use. It has no clock: now must not go backwards.
type Planner struct {
	Options Options // may be changed between two calls

	past    map[*backend.Backend]*history
	turns   map[*backend.Backend]*history // when each became preferred
	active  bool                          // the threshold was passed and the fair shares have not been reached since
	tokens  float64
	counted time.Time // until when tokens were given; zero: never
}

// Plan returns what is to be moved now. It is empty while everything stands within the threshold, while there is nobody to move to, and while
// what happens looks like trouble of Segue's own network. Each session of a plan takes a token, moved or not.
func (p *Planner) Plan(loads []Load, now time.Time) []Shift {
	p.seen(loads, now)
	budget := p.budget(now)
	if p.Options.rate() < 0 || p.trouble(loads, now) {
		p.active = false
		return nil
	}
	sides := p.sides(loads, now)
	if !p.active && !sides.beyond {
		return nil
	}
	shifts := sides.match(budget)
	p.active = sides.left() // not len(shifts) > 0: tokens may be missing
	for _, s := range shifts {
		p.tokens -= float64(s.Sessions)
	}
	return shifts
}

// budget fills the bucket, which holds what one second gives, and returns the whole tokens in it.
func (p *Planner) budget(now time.Time) int {
	rate := max(p.Options.rate(), 0)
	size := min(max(rate, 1), burst)
	if p.counted.IsZero() {
		p.tokens = size
	} else if passed := now.Sub(p.counted); passed > 0 {
		p.tokens += rate * passed.Seconds()
	}
	p.counted, p.tokens = now, min(p.tokens, size)
	return int(p.tokens + nearness)
}
