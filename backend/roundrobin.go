package backend

// RoundRobin gives each backend its turn, in proportion to its weight and evenly spread: with weights 2 and 1 it chooses
// a, b, a, a, b, a. It is nginx's smooth weighted round robin
// (https://github.com/nginx/nginx/commit/52327e0627f49dbda1e8db695e63a4b0af4448b1). The zero value is ready for use.
type RoundRobin struct {
	credits map[*Backend]credit
	choices uint64
}

// credit is what a backend has saved up: each choice gives it its weight, being chosen costs the sum of all weights.
type credit struct {
	amount  float64
	offered uint64 // number of the choice that last had it as a candidate
}

// creditAge is the number of choices after which a backend that was no candidate is forgotten.
const creditAge = 1024

// String gives the policy's name in the configuration.
func (p *RoundRobin) String() string { return "round-robin" }

// Choose implements [Policy].
func (p *RoundRobin) Choose(candidates []Candidate) int {
	if p.credits == nil {
		p.credits = make(map[*Backend]credit)
	}
	p.choices++
	best, total := 0, 0.0
	var bestAmount float64
	for i, c := range candidates {
		amount := p.credits[c.Backend].amount + c.Weight
		total += c.Weight
		p.credits[c.Backend] = credit{amount, p.choices}
		if i == 0 || amount > bestAmount {
			best, bestAmount = i, amount
		}
	}
	p.credits[candidates[best].Backend] = credit{bestAmount - total, p.choices}
	if p.choices%creditAge == 0 {
		p.forget()
	}
	return best
}

// forget drops the backends that have not been candidates for long, so that removed ones do not stay in memory.
func (p *RoundRobin) forget() {
	for b, c := range p.credits {
		if p.choices-c.offered >= creditAge {
			delete(p.credits, b)
		}
	}
}
