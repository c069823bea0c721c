package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// fate is what a client knows of a row that it has inserted under an id of its own.
type fate uint8

const (
	inserted fate = iota // acknowledged: it must be there once
	unknown              // the answer was lost: at most once
	undone               // never committed, or said not to have been executed: it must not be there
)

// ledger remembers what clients know of the rows that they have inserted, to compare with what servers hold.
type ledger struct {
	mu   sync.Mutex
	rows map[string]fate
}

func newLedger() *ledger { return &ledger{rows: map[string]fate{}} }

func (l *ledger) note(f fate, ids ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.rows[id] = f
	}
}

// settle notes what a client knows of rows once the statement that was to make them last has ended.
func (l *ledger) settle(o outcome, ids ...string) {
	switch o {
	case answered:
		l.note(inserted, ids...)
	case notRun:
		l.note(undone, ids...)
	default:
		l.note(unknown, ids...)
	}
}

// verdict is what a ledger finds in the servers.
type verdict struct {
	doubled []string // executed more often than asked for
	lost    []string // acknowledged, and not there
	undone  []string // there, though not committed
}

func (v verdict) faults() []string {
	var faults []string
	for what, ids := range map[string][]string{"executed twice": v.doubled, "acknowledged and lost": v.lost, "never committed and there": v.undone} {
		if len(ids) > 0 {
			faults = append(faults, fmt.Sprintf("%d rows %s, such as %s", len(ids), what, ids[0]))
		}
	}
	slices.Sort(faults)
	return faults
}

// judge compares with how often each id is in the servers, all of them together.
func (l *ledger) judge(counts map[string]int) verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	var v verdict
	for id, f := range l.rows {
		switch n := counts[id]; {
		case n > 1:
			v.doubled = append(v.doubled, id)
		case n == 0 && f == inserted:
			v.lost = append(v.lost, id)
		case n == 1 && f == undone:
			v.undone = append(v.undone, id)
		}
	}
	for id := range counts {
		if _, known := l.rows[id]; !known {
			v.undone = append(v.undone, id)
		}
	}
	return v
}

func TestLedger(t *testing.T) {
	l := newLedger()
	l.note(inserted, "a", "b")
	l.note(unknown, "c", "d")
	l.note(undone, "e", "f")
	for _, tt := range []struct {
		name   string
		counts map[string]int
		want   string
	}{
		{"right", map[string]int{"a": 1, "b": 1, "c": 1}, ""},
		{"twice", map[string]int{"a": 2, "b": 1}, "1 rows executed twice, such as a"},
		{"unknown twice", map[string]int{"a": 1, "b": 1, "d": 2}, "1 rows executed twice, such as d"},
		{"lost", map[string]int{"b": 1}, "1 rows acknowledged and lost, such as a"},
		{"undone", map[string]int{"a": 1, "b": 1, "e": 1}, "1 rows never committed and there, such as e"},
		{"never sent", map[string]int{"a": 1, "b": 1, "x": 1}, "1 rows never committed and there, such as x"},
	} {
		if got := strings.Join(l.judge(tt.counts).faults(), "; "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
