package backend

// The tiers of [Registry.Lease]: a lower one is better.
const (
	tierUp       = 2 * iota // up
	tierPerhaps             // unknown, or stopping: it still serves, and is better than nobody
	tierFailOpen            // down: what is broken may be the probing
	numTiers
)

var tierOfHealth = [numHealths]int{Up: tierUp, Unknown: tierPerhaps, Stopping: tierPerhaps, Down: tierFailOpen}

// tierOf says in which tier a backend stands; ok is false if it may not take sessions at all. Inside each tier those in
// back-off (blocked) come after the others.
func tierOf(s *Status, blocked bool) (tier int, ok bool) {
	if s.Admin != Ready || s.Removed {
		return 0, false
	}
	tier = tierOfHealth[s.Health]
	if blocked {
		tier++
	}
	return tier, true
}
