package health

import "segue/backend"

// tally turns a history of verdicts into a health. Pure.
//
//	Passed, Full   Rise of them in a row: up
//	Failed         Fall of them in a row: down; an answer that is overdue counts as one while it is awaited, see miss
//	Gone           one is enough: down
//	Leaving        one is enough: stopping, from down as well (it can be reached, but it is leaving)
//	Misconfigured  says nothing
type tally struct {
	health backend.Health
	passed int  // Passed in a row that have not led to up yet
	failed int  // Failed in a row, misses included, that have not led to down yet
	missed int  // how many of failed are misses of the check that is awaited
	judged bool // there has been a verdict or a miss
}

// observe takes one verdict into account and gives the health that follows from it.
func (t *tally) observe(v Verdict, rise, fall int) backend.Health {
	t.judged = true
	switch v {
	case Passed, Full:
		t.failed = 0
		if t.health != backend.Up {
			t.passed++
		}
		if t.passed >= rise {
			t.settle(backend.Up)
		}
	case Failed:
		t.passed = 0
		if t.missed == 0 { // otherwise it is what has been counted
			t.fail(fall)
		}
	case Gone:
		t.settle(backend.Down)
	case Leaving:
		t.settle(backend.Stopping)
	default: // Misconfigured
	}
	t.missed = 0
	return t.health
}

// miss takes into account that an answer is overdue, and gives the health that follows from it. Nothing is held against
// a backend that may well be only slow: good answers before it still count.
func (t *tally) miss(fall int) backend.Health {
	t.judged = true
	if t.health != backend.Down {
		t.missed++
	}
	t.fail(fall)
	return t.health
}

// heard takes back what was counted against an answer that has come after all.
func (t *tally) heard() { t.failed, t.missed = t.failed-t.missed, 0 }

func (t *tally) fail(fall int) {
	if t.health != backend.Down {
		t.failed++
	}
	if t.failed >= fall {
		t.settle(backend.Down)
	}
}

func (t *tally) settle(h backend.Health) { t.health, t.passed, t.failed, t.missed = h, 0, 0, 0 }

// inQuestion says whether the last verdict disagrees with the health, or there is no verdict yet: the next round should
// follow soon.
func (t *tally) inQuestion() bool { return !t.judged || t.passed > 0 || t.failed > 0 }
