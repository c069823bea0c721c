package backend

// Policy chooses one of several backends. Choose returns an index into candidates, of which there is at least one, and
// must not keep the slice. It is called with the registry's lock held, so it has no lock of its own, reads no clock and
// calls nobody. A policy may remember what it chose; one value therefore belongs to one [Registry].
type Policy interface {
	Choose(candidates []Candidate) int
}

// Candidate is a backend that a [Policy] may choose.
type Candidate struct {
	Backend *Backend
	// Sessions is the number of leases held.
	Sessions int
	// Weight is Spec.Weight with the slow-start ramp applied; it is above zero.
	Weight float64
}

// policyNames are the names that the configuration knows, with the policies they mean.
var policyNames = []string{"least-sessions", "round-robin"}

type policyName uint8

// ParsePolicy makes the policy with this name, for one registry: "least-sessions" or "round-robin".
func ParsePolicy(name string) (Policy, error) {
	p, err := parseName[policyName]("policy", policyNames, name)
	if err != nil {
		return nil, err
	}
	if p == 1 {
		return &RoundRobin{}, nil
	}
	return &LeastSessions{}, nil
}
