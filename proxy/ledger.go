package proxy

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
	Kind    string    `json:"kind"`
	Action  string    `json:"action"` // by which it was hidden; empty: the client saw it
	Cause   string    `json:"cause"`
}

// FailureCount is how many failures there have been of one kind that were hidden in one way, or seen.
type FailureCount struct {
	Kind   string `json:"kind"`
	Action string `json:"action"` // empty: clients saw them
	Count  uint64 `json:"count"`
}

// Failures is what has failed since the start. The counts are those of segue_client_errors_total and segue_hidden_failures_total.
type Failures struct {
	Counts []FailureCount `json:"counts"` // seen before hidden, then by kind; what has never happened is not listed
	Seen   []Incident     `json:"seen"`   // the latest of each kind, the newest first
	Hidden []Incident     `json:"hidden"` // likewise
}

// ledger is where every failure is entered, once, whoever notices it: it is counted, remembered for a while, and logged.
type ledger struct {
	metrics *metrics
	log     *slog.Logger

	mu       sync.Mutex // guards what follows
	accounts map[entry]*account
	events   map[string]*event // of backends, and not logged yet
}

// entry is under what a failure is counted.
type entry struct{ kind, action string }

// account is what the ledger knows of one kind of failures. Each has its own latest, so that a thousand idle sessions do not
// drive out the one statement that was lost.
type account struct {
	count  uint64
	latest [16]Incident
}

func newLedger(m *metrics, log *slog.Logger) *ledger {
	return &ledger{metrics: m, log: log, accounts: map[entry]*account{}, events: map[string]*event{}}
}

// seen enters an error that the session's client saw because a backend went, or none was to be had. The session's mu is held, or
// it is in its connection phase.
func (l *ledger) seen(s *session, kind string, cause error) {
	l.seenOf(s, kind, s.backendName(), cause)
}

// seenOf is seen where the session has another backend by now.
func (l *ledger) seenOf(s *session, kind, backend string, cause error) {
	l.enter(Incident{Session: s.id, Client: addr(s.client), User: s.user, Backend: backend, Kind: kind}, cause)
}

// hidden enters a failure of a backend that the session's client has not seen, and never will, because of an action.
func (l *ledger) hidden(s *session, kind, action, backend string, cause error) {
	l.enter(Incident{Session: s.id, Client: addr(s.client), User: s.user, Backend: backend, Kind: kind, Action: action}, cause)
}

// enter counts, remembers and logs a failure.
func (l *ledger) enter(i Incident, cause error) {
	i.Time = time.Now()
	if cause != nil {
		i.Cause = cause.Error()
	}
	if i.Action == "" {
		l.metrics.clientErrors.WithLabelValues(i.Kind).Inc()
	} else {
		l.metrics.hidden.WithLabelValues(i.Kind, i.Action).Inc()
	}
	level := l.remember(&i)
	if i.Action == "" {
		l.log.Log(context.Background(), level, "a client saw an error", "session", i.Session, "client", i.Client, "backend", i.Backend,
			"kind", i.Kind, "cause", i.Cause)
		return
	}
	l.log.Log(context.Background(), level, "no client saw a failure", "session", i.Session, "client", i.Client, "backend", i.Backend,
		"kind", i.Kind, "action", i.Action, "cause", i.Cause)
}

// remember notes an incident, and returns the level that it is to be logged at.
func (l *ledger) remember(i *Incident) slog.Level {
	l.mu.Lock()
	defer l.mu.Unlock()
	under := entry{i.Kind, i.Action}
	a := l.accounts[under]
	if a == nil {
		a = new(account)
		l.accounts[under] = a
	}
	a.latest[a.count%uint64(len(a.latest))] = *i
	a.count++
	e := l.events[i.Backend]
	if e == nil {
		e = &event{began: i.Time, counts: map[entry]int{}}
		l.events[i.Backend] = e
	}
	return e.add(under, i)
}

// failures is the state of the ledger.
func (l *ledger) failures() Failures {
	f := Failures{Counts: []FailureCount{}, Seen: []Incident{}, Hidden: []Incident{}}
	l.mu.Lock()
	for under, a := range l.accounts {
		f.Counts = append(f.Counts, FailureCount{under.kind, under.action, a.count})
		latest := a.latest[:min(a.count, uint64(len(a.latest)))]
		if under.action == "" {
			f.Seen = append(f.Seen, latest...)
		} else {
			f.Hidden = append(f.Hidden, latest...)
		}
	}
	l.mu.Unlock()
	slices.SortFunc(f.Counts, func(a, b FailureCount) int {
		return cmp.Or(cmp.Compare(min(len(a.Action), 1), min(len(b.Action), 1)), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Action, b.Action))
	})
	newestFirst := func(a, b Incident) int { return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.Session, a.Session)) }
	slices.SortFunc(f.Seen, newestFirst)
	slices.SortFunc(f.Hidden, newestFirst)
	return f
}

// Failures tells what has failed since the start, and what clients saw of it.
func (s *Server) Failures() Failures { return s.ledger.failures() }
