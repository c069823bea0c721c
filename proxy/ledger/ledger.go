// Package ledger keeps what has failed, once each: as what a client saw of it, or as how it was hidden. It counts, remembers the latest of each
// kind, and logs; whoever enters a failure may hold any lock, because what is to be logged waits until somebody who holds none calls Tell.
package ledger

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Incident is one failure: what a client saw of it, or how it was kept from seeing anything. No statement and no secret is in it.
type Incident struct {
	Time    time.Time `json:"time"`
	Session uint32    `json:"session"` // 0: a client that was turned away before it had one
	Client  string    `json:"client"`  // address
	User    string    `json:"user"`    // empty in the connection phase
	Backend string    `json:"backend"` // that failed; empty: none could be had
	Kind    Kind      `json:"kind"`
	Action  Action    `json:"action"` // by which it was hidden; empty: the client saw it
	Cause   string    `json:"cause"`
}

// Count is how many failures there have been of one kind that were hidden in one way, or seen.
type Count struct {
	Kind   Kind   `json:"kind"`
	Action Action `json:"action"` // empty: clients saw them
	Count  uint64 `json:"count"`
}

// Failures is what has failed since the start. The counts are those of segue_client_errors_total and segue_hidden_failures_total.
type Failures struct {
	Counts []Count    `json:"counts"` // seen before hidden, then by kind; what has never happened is not listed
	Seen   []Incident `json:"seen"`   // the latest of each kind, the newest first
	Hidden []Incident `json:"hidden"` // likewise
}

// Ledger is where every failure is entered, once, whoever notices it. It has no clock.
type Ledger struct {
	log *slog.Logger

	mu       sync.Mutex // guards what follows
	accounts map[entry]*account
	places   map[Place]uint64
	events   map[string]*event // of backends, and not logged yet
	lines    []line            // likewise
	untold   int               // lines for which there was no room
}

// account is what the ledger knows of one kind of failures. Each has its own latest, so that a thousand idle sessions do not
// drive out the one statement that was lost.
type account struct {
	count  uint64
	latest [16]Incident
}

// New returns an empty ledger.
func New(log *slog.Logger) *Ledger {
	return &Ledger{log: log, accounts: map[entry]*account{}, places: map[Place]uint64{}, events: map[string]*event{}}
}

// Enter counts and remembers a failure, and has it logged by the next Tell. It does not block.
func (l *Ledger) Enter(i Incident) {
	verbose := l.log.Enabled(context.Background(), slog.LevelDebug)
	l.mu.Lock()
	defer l.mu.Unlock()
	under := entry{i.Kind, i.Action}
	a := l.accounts[under]
	if a == nil {
		a = new(account)
		l.accounts[under] = a
	}
	a.latest[a.count%uint64(len(a.latest))] = i
	a.count++
	l.places[Place{i.Backend, i.Kind, i.Action}]++
	e := l.events[i.Backend]
	if e == nil {
		e = &event{began: i.Time, counts: map[entry]int{}}
		l.events[i.Backend] = e
	}
	switch level := e.add(&i); {
	case level > slog.LevelDebug, verbose && len(l.lines) < mostWaiting:
		l.lines = append(l.lines, line{level, i})
	case verbose:
		l.untold++
	}
}

// Failures is the state of the ledger.
func (l *Ledger) Failures() Failures {
	f := Failures{Counts: []Count{}, Seen: []Incident{}, Hidden: []Incident{}}
	l.mu.Lock()
	for under, a := range l.accounts {
		f.Counts = append(f.Counts, Count{under.kind, under.action, a.count})
		latest := a.latest[:min(a.count, uint64(len(a.latest)))]
		if under.action == Seen {
			f.Seen = append(f.Seen, latest...)
		} else {
			f.Hidden = append(f.Hidden, latest...)
		}
	}
	l.mu.Unlock()
	slices.SortFunc(f.Counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(min(len(a.Action), 1), min(len(b.Action), 1)), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Action, b.Action))
	})
	newestFirst := func(a, b Incident) int { return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.Session, a.Session)) }
	slices.SortFunc(f.Seen, newestFirst)
	slices.SortFunc(f.Hidden, newestFirst)
	return f
}
