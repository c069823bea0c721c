package health

import (
	"testing"

	"segue/backend"
)

// verdicts spells a history: o passed, x failed, L leaving, m misconfigured.
var verdicts = map[rune]Verdict{'o': Passed, 'x': Failed, 'L': Leaving, 'm': Misconfigured}

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
	} {
		tl := tally{health: c.from}
		got := c.from
		for _, r := range c.history {
			got = tl.observe(verdicts[r], rise, fall)
		}
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
		for _, v := range verdicts {
			next := tl
			h := next.observe(v, 2, 3)
			if h == backend.Unknown && tl.health != backend.Unknown {
				t.Fatalf("%+v and %v: %v", tl, v, h)
			}
			if depth > 0 {
				walk(next, depth-1)
			}
		}
	}
	walk(tally{}, 7)
}
