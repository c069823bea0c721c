package backend

import "time"

// DefaultSlowStart is how long the weight of a backend that came back takes to reach its full value.
const DefaultSlowStart = 10 * time.Second

// slowStartFloor is the share of its weight that a backend begins with when it comes back.
const slowStartFloor = 0.1

// slowStartShare is the share of its weight that a backend has so long after it came up: from slowStartFloor to 1, in a
// straight line over the time ramp. ramp <= 0: no slow start.
func slowStartShare(elapsed, ramp time.Duration) float64 {
	switch {
	case ramp <= 0 || elapsed >= ramp:
		return 1
	case elapsed <= 0:
		return slowStartFloor
	}
	return slowStartFloor + (1-slowStartFloor)*float64(elapsed)/float64(ramp)
}
