package measure

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"segue/bench"
	"segue/bench/streamload"
)

// loadLedger remembers what clients know of their loads, to compare with the rows in the table.
type loadLedger struct {
	mu      sync.Mutex
	entries map[string]*loadEntry // by label
}

type loadEntry struct {
	rows int
	fate streamload.Fate
}

func newLoadLedger() *loadLedger { return &loadLedger{entries: map[string]*loadEntry{}} }

// begin notes a load that is about to be sent.
func (l *loadLedger) begin(label string, rows int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[label] = &loadEntry{rows: rows}
}

// attempt notes how one attempt has ended, and tells whether the load is known to be loaded. What an earlier attempt has left unknown stays so
// until an answer says more: settles is true of one that speaks of the label, not of its own attempt alone.
func (l *loadLedger) attempt(label string, f streamload.Fate, settles bool) (loaded bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[label]
	if e.fate != streamload.Loaded && settles {
		e.fate = f
	}
	e.fate = max(e.fate, f)
	return e.fate == streamload.Loaded
}

// LoadVerdict is what the ledger of loads finds in the table. Rows count, unless it says loads.
type LoadVerdict struct {
	Loads        int `json:"loads"` // that were begun
	LoadsDone    int `json:"loads_acknowledged"`
	LoadsFailed  int `json:"loads_failed"`  // of which the client was told, or could tell, that nothing was loaded
	LoadsUnknown int `json:"loads_unknown"` // whose outcome nobody told

	Sent         int `json:"sent"`         // of all loads, each counted once
	Acknowledged int `json:"acknowledged"` // that a client was told are loaded
	Found        int `json:"found"`        // in the table
	Unknown      int `json:"unknown"`      // of loads whose outcome nobody told
	UnknownThere int `json:"unknown_there"`

	Lost    int `json:"lost"`    // acknowledged, and not there
	Doubled int `json:"doubled"` // there more than once
	Undone  int `json:"undone"`  // there, though the load had failed, or was never sent
	Torn    int `json:"torn"`    // loads of which some rows are there and some are not

	Examples []string `json:"examples,omitempty"` // ids of faults, a few of each kind
}

// Faults is how many rows and loads are not as they must be.
func (v *LoadVerdict) Faults() int { return v.Lost + v.Doubled + v.Undone + v.Torn }

func (v *LoadVerdict) fault(count *int, what, id string) {
	const few = 3
	if *count++; *count <= few {
		v.Examples = append(v.Examples, what+": "+id)
	}
}

// judge compares with how often each id is in the table.
func (l *loadLedger) judge(there map[string]int) LoadVerdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	var v LoadVerdict
	labels := make([]string, 0, len(l.entries))
	for label := range l.entries {
		labels = append(labels, label)
	}
	slices.Sort(labels) // so that examples are the same each time
	for _, label := range labels {
		e := l.entries[label]
		v.load(e)
		found := 0
		for row := range e.rows {
			id := rowID(label, row)
			found += min(1, there[id])
			v.row(e.fate, id, there[id])
		}
		if found > 0 && found < e.rows {
			v.fault(&v.Torn, "load in part", label)
		}
	}
	for id, n := range there {
		v.Found += n
		label, row, _ := cutLast(id)
		if e := l.entries[label]; e == nil || row < 0 || row >= e.rows {
			v.fault(&v.Undone, "row that nobody sent", id)
		}
	}
	return v
}

// load counts one.
func (v *LoadVerdict) load(e *loadEntry) {
	v.Loads++
	v.Sent += e.rows
	switch e.fate {
	case streamload.Loaded:
		v.LoadsDone++
		v.Acknowledged += e.rows
	case streamload.Unknown:
		v.LoadsUnknown++
		v.Unknown += e.rows
	case streamload.NotLoaded:
		v.LoadsFailed++
	}
}

// row judges one id that is there n times.
func (v *LoadVerdict) row(f streamload.Fate, id string, n int) {
	if f == streamload.Unknown {
		v.UnknownThere += min(1, n)
	}
	switch {
	case n > 1:
		v.fault(&v.Doubled, "loaded twice", id)
	case n == 0 && f == streamload.Loaded:
		v.fault(&v.Lost, "acknowledged and lost", id)
	case n == 1 && f == streamload.NotLoaded:
		v.fault(&v.Undone, "of a load that failed, and there", id)
	}
}

// cutLast cuts a row's number off its id; row is -1 where there is none.
func cutLast(id string) (label string, row int, ok bool) {
	i := strings.LastIndexByte(id, '-')
	if i < 0 {
		return id, -1, false
	}
	row, err := strconv.Atoi(id[i+1:])
	if err != nil {
		return id, -1, false
	}
	return id[:i], row, true
}

// cutTable is DATABASE.TABLE in two.
func cutTable(name string) (database, table string) {
	database, table, _ = strings.Cut(name, ".")
	return database, table
}

// lookAgain is how long after one look at the rows the next one is. It is longer than a publication takes.
const lookAgain = 5 * time.Second

// auditLoads compares the ledger of loads with the rows, until nothing is lost and two looks saw the same: a committed load is seen only a while later, and
// so is one that is loaded twice, or that its client takes for failed.
func (o *Options) auditLoads(ctx context.Context, store *store, l *loadLedger, r *Result) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	pause := lookAgain
	if o.lookAgain > 0 {
		pause = o.lookAgain
	}
	for {
		rows, err := store.rows(ctx, store.loads)
		if err != nil {
			r.Problems = append(r.Problems, "the loads could not be verified: "+err.Error())
			return
		}
		v := l.judge(rows)
		settled := r.Loaded != nil && v.Lost == 0 && reflect.DeepEqual(*r.Loaded, v)
		if r.Loaded = &v; settled || !bench.Pause(ctx, pause) {
			return
		}
	}
}
