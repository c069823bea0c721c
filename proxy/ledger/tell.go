package ledger

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// mostWaiting bounds the lines at level debug that wait for Tell: a log that takes none must not cost all memory.
const mostWaiting = 10_000

// line is an incident that is to be logged by itself.
type line struct {
	level    slog.Level
	incident Incident
}

// Tell logs what has been entered since it was last called, and the events that are over, or all of them. It may block, for as long as the log
// does: whoever calls it holds no lock.
func (l *Ledger) Tell(now time.Time, all bool) {
	lines, untold, over := l.take(now, all)
	for n := range lines {
		l.tellLine(lines[n].level, &lines[n].incident)
	}
	if untold > 0 {
		l.log.Debug("failures came faster than they could be logged", "untold", untold)
	}
	for _, name := range slices.Sorted(maps.Keys(over)) {
		e := over[name]
		if !e.told() {
			what := "failures of a backend"
			if name == "" {
				what = "failures of no backend"
			}
			l.log.Info(what, "backend", name, "seen", e.summary(true), "hidden", e.summary(false), "cause", e.cause,
				"took", e.last.Sub(e.began))
		}
	}
}

// tellLine logs an incident, with the time of that.
func (l *Ledger) tellLine(level slog.Level, i *Incident) {
	ctx := context.Background()
	if !l.log.Enabled(ctx, level) {
		return
	}
	what := "a client saw an error"
	if i.Action != Seen {
		what = "no client saw a failure"
	}
	r := slog.NewRecord(i.Time, level, what, 0)
	r.Add("session", i.Session, "client", i.Client, "backend", i.Backend, "kind", string(i.Kind))
	if i.Action != Seen {
		r.Add("action", string(i.Action))
	}
	r.Add("cause", i.Cause)
	_ = l.log.Handler().Handle(ctx, r)
}

// take removes the lines, and the events that are over, or all of them.
func (l *Ledger) take(now time.Time, all bool) (lines []line, untold int, over map[string]*event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines, untold, l.lines, l.untold = l.lines, l.untold, nil, 0
	for name, e := range l.events {
		if all || e.due(now) {
			if over == nil {
				over = map[string]*event{}
			}
			over[name] = e
			delete(l.events, name)
		}
	}
	return lines, untold, over
}
