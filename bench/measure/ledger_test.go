package measure

import (
	"maps"
	"testing"
)

func TestLedger(t *testing.T) {
	l := newLedger()
	l.note(unknown, "a")
	l.note(acknowledged, "a")
	l.note(acknowledged, "b1", "b2")
	l.note(unknown, "c")
	l.note(unknown, "d1", "d2")
	l.note(undone, "e1", "e2")
	right := map[string]int{"a": 1, "b1": 1, "b2": 1}
	for _, test := range []struct {
		name string
		more map[string]int
		want Verdict
	}{
		{"right, unknown ones absent", nil, Verdict{}},
		{"right, unknown ones there", map[string]int{"c": 1, "d1": 1, "d2": 1}, Verdict{UnknownThere: 3}},
		{"acknowledged and lost", map[string]int{"a": 0}, Verdict{Lost: 1, Examples: []string{"acknowledged and lost: a"}}},
		{"one of two lost", map[string]int{"b2": 0}, Verdict{Lost: 1, Examples: []string{"acknowledged and lost: b2"}}},
		{"acknowledged and doubled", map[string]int{"a": 2}, Verdict{Doubled: 1, Examples: []string{"written twice: a"}}},
		{"unknown and doubled", map[string]int{"c": 3}, Verdict{UnknownThere: 1, Doubled: 1, Examples: []string{"written twice: c"}}},
		{"torn", map[string]int{"d2": 1}, Verdict{UnknownThere: 1, Torn: 1, Examples: []string{"transaction written in part: d1"}}},
		{"rolled back and there", map[string]int{"e1": 1}, Verdict{Undone: 1, Examples: []string{"never committed and there: e1"}}},
		{"never sent", map[string]int{"x": 1}, Verdict{Undone: 1, Examples: []string{"row that nobody wrote: x"}}},
	} {
		there := map[string]int{}
		maps.Copy(there, right)
		maps.Copy(there, test.more)
		got := l.judge(there)
		want := test.want
		want.Acknowledged, want.Unknown = 3, 3
		if len(got.Examples) != len(want.Examples) || len(want.Examples) > 0 && got.Examples[0] != want.Examples[0] {
			t.Errorf("%s: examples %q, want %q", test.name, got.Examples, want.Examples)
		}
		faults := want.Lost + want.Doubled + want.Undone + want.Torn
		if got.Faults() != faults {
			t.Errorf("%s: %d faults, want %d", test.name, got.Faults(), faults)
		}
		got.Examples, want.Examples = nil, nil
		if got.Acknowledged != want.Acknowledged || got.Unknown != want.Unknown || got.UnknownThere != want.UnknownThere ||
			got.Lost != want.Lost || got.Doubled != want.Doubled || got.Undone != want.Undone || got.Torn != want.Torn {
			t.Errorf("%s: %+v, want %+v", test.name, got, want)
		}
	}
}
