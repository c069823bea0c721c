package backend

// LeastSessions chooses the backend with the fewest sessions for its weight. Equal ones take turns, in proportion to
// their weights, so that one short session after the other does not always land on the first. The zero value is ready
// for use.
type LeastSessions struct {
	turn  RoundRobin
	equal []Candidate // scratch of Choose
	index []int       // index[i] is the place of equal[i] among the candidates
}

// String gives the policy's name in the configuration.
func (p *LeastSessions) String() string { return "least-sessions" }

// Choose implements [Policy].
func (p *LeastSessions) Choose(candidates []Candidate) int {
	p.equal, p.index = p.equal[:0], p.index[:0]
	var least float64
	for i, c := range candidates {
		load := float64(c.Sessions) / c.Weight
		if i > 0 && load > least {
			continue
		}
		if i > 0 && load < least {
			p.equal, p.index = p.equal[:0], p.index[:0]
		}
		least = load
		p.equal, p.index = append(p.equal, c), append(p.index, i)
	}
	best := p.index[0]
	if len(p.equal) > 1 {
		best = p.index[p.turn.Choose(p.equal)]
	}
	clear(p.equal) // a removed backend must not live on in the scratch
	return best
}
