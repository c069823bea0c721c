package measure

import (
	"slices"
	"sync"
)

// fate is what a client knows of what it has written under ids of its own.
type fate uint8

const (
	undone       fate = iota // never committed: no row may be there
	unknown                  // the answer was lost: all rows are there once, or none is
	acknowledged             // all must be there once
)

// ledger remembers what clients know of their writes, to compare with what the
// servers hold. An entry is the rows of one transaction, under its first id.
type ledger struct {
	mu      sync.Mutex
	entries map[string]*entry
}

type entry struct {
	ids  []string
	fate fate
}

func newLedger() *ledger { return &ledger{entries: map[string]*entry{}} }

// note says what is known of the write of ids.
func (l *ledger) note(f fate, ids ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.entries[ids[0]]; ok {
		e.fate = f
		return
	}
	l.entries[ids[0]] = &entry{slices.Clone(ids), f}
}

// Verdict is what the ledger finds in the servers. Rows count, not transactions.
type Verdict struct {
	Acknowledged int `json:"acknowledged"` // rows that a client was told are written
	Unknown      int `json:"unknown"`      // rows of writes whose answer was lost
	UnknownThere int `json:"unknown_there"`

	Lost    int `json:"lost"`    // acknowledged, and not there
	Doubled int `json:"doubled"` // there more than once
	Undone  int `json:"undone"`  // there, though never committed or never sent
	Torn    int `json:"torn"`    // transactions of which some rows are there and some are not

	Examples []string `json:"examples,omitempty"` // ids of faults, a few of each kind
}

// Faults is how many rows and transactions are not as they must be.
func (v *Verdict) Faults() int { return v.Lost + v.Doubled + v.Undone + v.Torn }

// fault counts one, and keeps the first few of a kind as examples.
func (v *Verdict) fault(count *int, what, id string) {
	const few = 3
	if *count++; *count <= few {
		v.Examples = append(v.Examples, what+": "+id)
	}
}

// judge compares with how often each id is in the servers, all of them together.
func (l *ledger) judge(there map[string]int) Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	var v Verdict
	known := map[string]bool{}
	firsts := make([]string, 0, len(l.entries))
	for first := range l.entries {
		firsts = append(firsts, first)
	}
	slices.Sort(firsts) // so that examples are the same each time
	for _, first := range firsts {
		e := l.entries[first]
		found := 0
		for _, id := range e.ids {
			known[id] = true
			found += min(1, there[id])
			v.row(e.fate, id, there[id])
		}
		if e.fate == unknown && found > 0 && found < len(e.ids) {
			v.fault(&v.Torn, "transaction written in part", first)
		}
	}
	for id, n := range there {
		if !known[id] && n > 0 {
			v.fault(&v.Undone, "row that nobody wrote", id)
		}
	}
	return v
}

// row judges one id that is there n times.
func (v *Verdict) row(f fate, id string, n int) {
	if f == acknowledged {
		v.Acknowledged++
	}
	if f == unknown {
		v.Unknown++
		v.UnknownThere += min(1, n)
	}
	switch {
	case n > 1:
		v.fault(&v.Doubled, "written twice", id)
	case n == 0 && f == acknowledged:
		v.fault(&v.Lost, "acknowledged and lost", id)
	case n == 1 && f == undone:
		v.fault(&v.Undone, "never committed and there", id)
	}
}
