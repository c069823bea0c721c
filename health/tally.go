package health

import "segue/backend"

// tally turns a history of verdicts into a health. Pure.
//
//	Passed         Rise of them in a row: up
//	Failed         Fall of them in a row: down
//	Leaving        one is enough: stopping, from down as well (it can be reached, but it is leaving)
//	Misconfigured  says nothing
type tally struct {
	health backend.Health
	passed int  // Passed in a row that have not led to up yet
	failed int  // Failed in a row that have not led to down yet
	judged bool // a verdict has been observed
}

// observe takes one verdict into account and gives the health that follows from it.
func (t *tally) observe(v Verdict, rise, fall int) backend.Health {
	t.judged = true
	switch v {
	case Passed:
		t.failed = 0
		if t.health != backend.Up {
			t.passed++
		}
		if t.passed >= rise {
			t.settle(backend.Up)
		}
	case Failed:
		t.passed = 0
		if t.health != backend.Down {
			t.failed++
		}
		if t.failed >= fall {
			t.settle(backend.Down)
		}
	case Leaving:
		t.settle(backend.Stopping)
	default: // Misconfigured
	}
	return t.health
}

func (t *tally) settle(h backend.Health) { t.health, t.passed, t.failed = h, 0, 0 }

// inQuestion says whether the last verdict disagrees with the health, or there is no verdict yet: the next round should
// follow soon.
func (t *tally) inQuestion() bool { return !t.judged || t.passed > 0 || t.failed > 0 }
