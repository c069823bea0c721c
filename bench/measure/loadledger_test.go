package measure

import (
	"fmt"
	"strings"
	"testing"

	"segue/bench/streamload"
)

func TestLoadLedger(t *testing.T) {
	l := newLoadLedger()
	for label, fates := range map[string][]streamload.Fate{
		"r-1-1": {streamload.Loaded},
		"r-1-2": {streamload.NotLoaded},
		"r-1-3": {streamload.Unknown, streamload.NotLoaded}, // what the first left unknown stays so
		"r-1-4": {streamload.Unknown, streamload.Loaded},
	} {
		l.begin(label, 2)
		for i, f := range fates {
			if done := l.attempt(label, f, false); done != (i == len(fates)-1 && f == streamload.Loaded) {
				t.Errorf("%s, attempt %d: done %v", label, i, done)
			}
		}
	}
	all := func(counts ...int) map[string]int { // of both rows of each load
		there := map[string]int{}
		for i, n := range counts {
			there[rowID(fmt.Sprintf("r-1-%d", i/2+1), i%2)] = n
		}
		return there
	}
	for _, test := range []struct {
		name  string
		there map[string]int
		want  LoadVerdict
	}{
		{"as it must be", all(1, 1, 0, 0, 0, 0, 1, 1), LoadVerdict{Acknowledged: 4, Found: 4, Unknown: 2}},
		{"unknown and there", all(1, 1, 0, 0, 1, 1, 1, 1), LoadVerdict{Acknowledged: 4, Found: 6, Unknown: 2, UnknownThere: 2}},
		{"lost", all(0, 0, 0, 0, 0, 0, 1, 1), LoadVerdict{Acknowledged: 4, Found: 2, Unknown: 2, Lost: 2}},
		{"doubled", all(1, 1, 0, 0, 0, 0, 2, 2), LoadVerdict{Acknowledged: 4, Found: 6, Unknown: 2, Doubled: 2}},
		{"failed and there", all(1, 1, 1, 1, 0, 0, 1, 1), LoadVerdict{Acknowledged: 4, Found: 6, Unknown: 2, Undone: 2}},
		{"in part", all(1, 1, 0, 0, 1, 0, 1, 1), LoadVerdict{Acknowledged: 4, Found: 5, Unknown: 2, UnknownThere: 1, Torn: 1}},
		{"nobody's", map[string]int{"r-1-1-0": 1, "r-1-1-1": 1, "r-1-4-0": 1, "r-1-4-1": 1, "r-1-1-2": 1, "x": 1}, LoadVerdict{Acknowledged: 4, Found: 6, Unknown: 2, Undone: 2}},
	} {
		got := l.judge(test.there)
		if wrong := got.Faults(); (wrong > 0) != (len(got.Examples) > 0) {
			t.Errorf("%s: %d faults, examples %q", test.name, wrong, got.Examples)
		}
		got.Examples = nil
		test.want.Loads, test.want.LoadsDone, test.want.LoadsFailed, test.want.LoadsUnknown, test.want.Sent = 4, 2, 1, 1, 8
		if fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", test.name, got, test.want)
		}
	}
}

// Whoever says of a label that nothing of it is loaded is held to that, whatever was not known before; nobody takes back that it is loaded.
func TestLoadLedgerHoldsToWhatIsSaid(t *testing.T) {
	l := newLoadLedger()
	l.begin("r-1-1", 1)
	l.attempt("r-1-1", streamload.Unknown, false)
	l.attempt("r-1-1", streamload.NotLoaded, true)
	l.begin("r-1-2", 1)
	l.attempt("r-1-2", streamload.Loaded, false)
	l.attempt("r-1-2", streamload.NotLoaded, true)
	v := l.judge(map[string]int{"r-1-1-0": 1})
	if v.Undone != 1 || v.Lost != 1 || v.Unknown != 0 {
		t.Errorf("%+v", v)
	}
}

func TestBodyOfALoad(t *testing.T) {
	for _, s := range []Stream{{Rows: 3, Size: 1000}, {Rows: 3, Size: 1}, {Rows: 1, Size: 30}, {Rows: 7, Size: 65536}} {
		body := s.body("run-1-1")
		var rows []string
		for row, from := 0, 0; from < len(body); row++ {
			line, _, ok := strings.Cut(body[from:], "\n")
			if !ok {
				t.Fatalf("%+v: a line does not end: %q", s, body[from:])
			}
			rows = append(rows, line)
			from += len(line) + 1
		}
		if len(rows) != s.Rows || int64(len(body)) < s.Size && s.Size > 100 || s.Size >= 1000 && int64(len(body)) != s.Size {
			t.Errorf("%+v: %d rows, %d bytes", s, len(rows), len(body))
		}
		for row, line := range rows {
			id, _, ok := strings.Cut(line, ",")
			label, number, there := cutLast(id)
			if !ok || !there || label != "run-1-1" || number != row {
				t.Errorf("%+v: row %d is %.40q", s, row, line)
			}
		}
	}
}
