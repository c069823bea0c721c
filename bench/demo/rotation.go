package demo

// rotation decides which targets a [Balancer] uses and in which order. Pure:
// no clock, no socket. Not safe for concurrent use.
type rotation struct {
	fall, rise int
	targets    []rotationTarget
	turn       int // the target that was chosen last
}

type rotationTarget struct {
	out bool
	run int // checks in a row that spoke against the present state
}

func newRotation(n, fall, rise int) *rotation {
	return &rotation{fall: fall, rise: rise, targets: make([]rotationTarget, n), turn: n - 1}
}

// observe takes in one health check of target i and reports whether that took
// it out of rotation or back in.
func (r *rotation) observe(i int, passed bool) (changed bool) {
	t := &r.targets[i]
	if passed != t.out { // the check agrees with the state
		t.run = 0
		return false
	}
	t.run++
	limit := r.fall
	if t.out {
		limit = r.rise
	}
	if t.run < limit {
		return false
	}
	t.out, t.run = !t.out, 0
	return true
}

// choose returns the next target in turn that is in rotation. When none is, it
// goes through all of them, as cloud load balancers do ("fail open").
func (r *rotation) choose() int {
	n := len(r.targets)
	for step := 1; step <= n; step++ {
		if i := (r.turn + step) % n; !r.targets[i].out {
			r.turn = i
			return i
		}
	}
	r.turn = (r.turn + 1) % n
	return r.turn
}
