package health

import (
	"testing"

	"segue/backend"
)

// verdicts spells a history: o passed, x failed, G gone, L leaving, m misconfigured; and in TestTally, . a miss, h an answer
// that has come after all.
var verdicts = map[rune]Verdict{'o': Passed, 'x': Failed, 'G': Gone, 'L': Leaving, 'm': Misconfigured}

func TestTally(t *testing.T) {
	const rise, fall = 2, 3
	for _, c := range []struct {
		name     string
		from     backend.Health
		history  string
		want     backend.Health
		question bool
	}{
		{"nothing known yet", backend.Unknown, "", backend.Unknown, true},
		{"one good answer is not enough", backend.Unknown, "o", backend.Unknown, true},
		{"rise", backend.Unknown, "oo", backend.Up, false},
		{"rise means in a row", backend.Unknown, "oxo", backend.Unknown, true},
		{"a start that fails", backend.Unknown, "xxx", backend.Down, false},
		{"a blip is forgiven", backend.Up, "xx", backend.Up, true},
		{"a blip is forgotten", backend.Up, "xxo", backend.Up, false},
		{"fall means in a row", backend.Up, "xxoxx", backend.Up, true},
		{"fall", backend.Up, "xxx", backend.Down, false},
		{"down stays down", backend.Up, "xxxxxxx", backend.Down, false},
		{"one good answer does not undo it", backend.Down, "o", backend.Down, true},
		{"back up", backend.Down, "oo", backend.Up, false},
		{"a flapping one stays down", backend.Down, "oxoxoxox", backend.Down, false},
		{"leaving is believed at once", backend.Up, "ooL", backend.Stopping, false},
		{"leaving is believed at once, from unknown", backend.Unknown, "L", backend.Stopping, false},
		{"leaving is believed at once, from down", backend.Down, "L", backend.Stopping, false},
		{"leaving and then gone", backend.Up, "LLxxx", backend.Down, false},
		{"leaving and not gone for sure", backend.Up, "Lxx", backend.Stopping, true},
		{"leaving was called off", backend.Stopping, "oo", backend.Up, false},
		{"leaving was not called off", backend.Stopping, "oLo", backend.Stopping, true},
		{"a restart", backend.Up, "LLxxxxxoo", backend.Up, false},
		{"misconfigured says nothing", backend.Unknown, "mmmmm", backend.Unknown, false},
		{"misconfigured is not down", backend.Up, "mmmmm", backend.Up, false},
		{"misconfigured interrupts nothing", backend.Up, "xmxmx", backend.Down, false},
		{"misconfigured interrupts no rise", backend.Down, "omo", backend.Up, false},
		{"a process that has ended", backend.Up, "G", backend.Down, false},
		{"gone while it was leaving", backend.Up, "LG", backend.Down, false},
		{"gone twice", backend.Up, "GG", backend.Down, false},
		{"two misses are a pause", backend.Up, "..", backend.Up, true},
		{"a late answer is one", backend.Up, "..ho", backend.Up, false},
		{"a hang", backend.Up, "...", backend.Down, false},
		{"a hang that goes on", backend.Up, "......x......x", backend.Down, false},
		{"the failure behind misses has been counted", backend.Up, "..x", backend.Up, true},
		{"misses and failures count together", backend.Up, "..xx", backend.Down, false},
		{"each slow answer counts for itself", backend.Up, ".h.h.ho", backend.Up, false},
		{"failures before a late answer that says nothing", backend.Up, "x.hm", backend.Up, true},
		{"… and a real one behind it", backend.Up, "x.hmxx", backend.Down, false},
		{"a slow start", backend.Unknown, ".ho.ho", backend.Up, false},
		{"slow answers bring it back", backend.Down, "...ho.ho", backend.Up, false},
		{"the answer behind a hang", backend.Up, "...ho", backend.Down, true},
		{"a hang on leaving", backend.Up, "L...", backend.Down, false},
	} {
		tl := tally{health: c.from}
		for _, r := range c.history {
			switch r {
			case '.':
				tl.miss(fall)
			case 'h':
				tl.heard()
			default:
				tl.observe(verdicts[r], rise, fall)
			}
		}
		got := tl.health
		if got != c.want || tl.inQuestion() != c.question {
			t.Errorf("%s: %v %q: %v, in question %v; want %v, %v",
				c.name, c.from, c.history, got, tl.inQuestion(), c.want, c.question)
		}
	}
}

// Whatever the verdicts, the tally never asks the registry for a change that it would panic at.
func TestTallyNeverGoesBackToUnknown(t *testing.T) {
	var walk func(tl tally, depth int)
	walk = func(tl tally, depth int) {
		check := func(next tally, what any) {
			if next.health == backend.Unknown && tl.health != backend.Unknown || next.failed < 0 {
				t.Fatalf("%+v and %v: %+v", tl, what, next)
			}
			if depth > 0 {
				walk(next, depth-1)
			}
		}
		for _, v := range verdicts {
			next := tl
			next.observe(v, 2, 3)
			check(next, v)
		}
		missed, heard := tl, tl
		missed.miss(3)
		heard.heard()
		check(missed, "a miss")
		check(heard, "a late answer")
	}
	walk(tally{}, 6)
}
