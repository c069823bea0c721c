package discover

import (
	"math/rand/v2"
	"time"
)

// Pace says when a source asks again. It is not for several goroutines at a time.
type Pace struct {
	// Interval is between two questions that are answered. A tenth of it, up or down, is left to chance, so that many who have begun at once do not ask at once.
	Interval time.Duration
	// Longest is the most that passes between two questions that fail; zero: eight intervals, a minute at least.
	Longest time.Duration

	failures int
}

// most is how often a delay is doubled.
const most = 6

// Answered gives the time until the next question, the last one having been answered.
func (p *Pace) Answered() time.Duration {
	p.failures = 0
	return spread(p.Interval, 0.1)
}

// Failed gives the time until the next question, the last one having failed: twice as long each time, and anything from half of that to the whole.
func (p *Pace) Failed() time.Duration {
	longest := p.Longest
	if longest == 0 {
		longest = max(8*p.Interval, time.Minute)
	}
	d := min(p.Interval<<min(p.failures, most), longest)
	p.failures++
	return d - time.Duration(rand.Int64N(int64(d/2)+1))
}

// spread gives a time around d, by at most the share.
func spread(d time.Duration, share float64) time.Duration {
	return d + time.Duration((2*rand.Float64()-1)*share*float64(d))
}
