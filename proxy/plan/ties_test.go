package plan

import "testing"

func TestTies(t *testing.T) {
	well := Ties{Commanding: true, Credential: true}
	with := func(change func(t *Ties)) Ties {
		changed := well
		change(&changed)
		return changed
	}
	for name, c := range map[string]struct {
		ties                 Ties
		canMove, rebuildable bool
	}{
		"nothing":                  {well, true, true},
		"connecting":               {with(func(t *Ties) { t.Commanding = false }), true, false},
		"no credential":            {with(func(t *Ties) { t.Credential = false }), false, false},
		"a token, to be asked for": {with(func(t *Ties) { t.Credential, t.Tokens = false, true }), true, false},
		"a token beside it":        {with(func(t *Ties) { t.Tokens = true }), true, true},
		"stuck":                    {with(func(t *Ties) { t.Stuck, t.Tokens = true, true }), false, false},
		"opaque":                   {with(func(t *Ties) { t.Opaque = true }), false, false},
		"half a command":           {with(func(t *Ties) { t.MidCommand = true }), true, false},
		"to be killed":             {with(func(t *Ties) { t.Condemned = true }), true, false},
	} {
		if canMove, rebuildable := c.ties.CanMove(), c.ties.Rebuildable(); canMove != c.canMove || rebuildable != c.rebuildable {
			t.Errorf("%s: can move %v, rebuildable %v", name, canMove, rebuildable)
		}
	}
}
