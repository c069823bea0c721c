package ledger

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

const (
	// eventTime is how long failures of one backend are gathered for one line of the log.
	eventTime = time.Second
	// mostLines is how many errors that clients saw of one event have a line of their own at level warn; of a thousand
	// sessions that lose one backend at once an operator needs the number. The other lines are at level debug.
	mostLines = 10
)

// event gathers the failures of one backend within eventTime, so that a crash is a line of the log and not one for each session.
type event struct {
	began  time.Time
	last   time.Time
	counts map[entry]int
	total  int
	lines  int    // of total, those that have a line of their own
	cause  string // of the first
}

// add notes an incident, and returns the level that it is to be logged at by itself.
func (e *event) add(i *Incident) slog.Level {
	if e.total == 0 {
		e.cause = i.Cause
	}
	e.counts[entry{i.Kind, i.Action}]++
	e.total++
	e.last = i.Time
	if i.Action != Seen || i.Kind == LostIdle || e.lines >= mostLines { // pools notice an idle connection that ends before they use it
		return slog.LevelDebug
	}
	e.lines++
	return slog.LevelWarn
}

// due reports whether the event has been gathered long enough.
func (e *event) due(now time.Time) bool { return now.Sub(e.began) >= eventTime }

// told reports whether each of its failures has a line of its own.
func (e *event) told() bool { return e.lines == e.total }

// summary lists what clients saw, or what they did not: "2 statement, 1 transaction"; "998 closed moved".
func (e *event) summary(seen bool) string {
	var words []string
	for under, n := range e.counts {
		if (under.action == Seen) == seen {
			words = append(words, strings.TrimSpace(fmt.Sprintf("%d %s %s", n, under.kind, under.action)))
		}
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}
