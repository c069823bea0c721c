package admin

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"segue/backend"
	proxy "segue/proxy"
)

// Summary says in a sentence how clients are. It speaks of the failures that Segue counts, because a backend went or none was to be had; what a server
// answers as an error of its own is none of them.
type Summary struct {
	Level Level  `json:"level"`
	Text  string `json:"text"`
}

// Level is how much a Summary wants to be looked at.
type Level string

// The levels.
const (
	Well    Level = "well"    // nothing is to be done
	Care    Level = "care"    // clients notice nothing, or what the operator wants them to; something is not as it should stay
	Trouble Level = "trouble" // clients wait, or have seen failures within the last minutes
)

// The spans of time that a Summary speaks of.
const (
	lately  = 5 * time.Minute
	lastly  = time.Hour
	mostBad = 3 // backends that are named
)

// wellbeing is what a Summary is made from.
type wellbeing struct {
	now      time.Time
	began    time.Time // nothing is known of what was before
	backends []Backend
	sessions int
	draining bool // Segue itself is
	stopping bool // Segue itself is going to drain
	paused   *proxy.Pause
	// How many failures clients have seen within lately and lastly, and how many were hidden from them within lastly.
	seenLately, seen, hidden uint64
	unknown                  []int32 // processes that have sessions, and do not tell what becomes of them
}

// summary is the sentence, and another one where there is something that it does not know.
func (w wellbeing) summary() Summary {
	s := w.sentence()
	if len(w.unknown) == 0 {
		return s
	}
	if s.Level == Well {
		s.Level = Care
	}
	var pids []string
	for _, pid := range w.unknown {
		pids = append(pids, strconv.Itoa(int(pid)))
	}
	s.Text += fmt.Sprintf(" What becomes of the sessions that process %s still has is not known: it does not say.", strings.Join(pids, ", "))
	return s
}

func (w wellbeing) sentence() Summary {
	usable := w.usable()
	switch {
	case w.draining:
		return Summary{Care, fmt.Sprintf("This Segue is stopping: it takes no more clients, and %s left.", count(w.sessions, "session is", "sessions are"))}
	case w.stopping && len(usable) > 0:
		return Summary{Care, fmt.Sprintf("This Segue has been asked to stop, and takes clients for a while yet: %s open.", count(w.sessions, "session is", "sessions are"))}
	case len(w.backends) == 0:
		return Summary{Trouble, "There is no backend: clients wait."}
	case w.paused != nil:
		left := max(0, w.paused.Until.Sub(w.now)).Round(time.Second)
		return Summary{Care, fmt.Sprintf("Statements are held on purpose, for another %s at most: %s, and %s still at work.", left,
			count(w.paused.Held, "one waits", "%d wait"), count(w.paused.Busy, "session is", "sessions are"))}
	case len(usable) == 0:
		return Summary{Trouble, fmt.Sprintf("Clients wait: %s; %s open.", w.who(usable), count(w.sessions, "session is", "sessions are"))}
	case w.seenLately > 0:
		return Summary{Trouble, fmt.Sprintf("Clients saw %s in the last 5 minutes; %s, %s open, and %s.", count(int(w.seenLately), "failure", "failures"),
			w.who(usable), count(w.sessions, "session is", "sessions are"), w.hiddenText())}
	}
	level, but := Well, ":"
	switch {
	case len(usable) == 1 && len(w.backends) > 1:
		level, but = Care, ", but there is one backend left:"
	case len(usable) < len(w.backends):
		level = Care
	}
	return Summary{level, fmt.Sprintf("Clients are well%s %s, %s open, %s, and %s.", but, w.who(usable), count(w.sessions, "session is", "sessions are"), w.seenText(), w.hiddenText())}
}

// usable are the names of the backends that take sessions.
func (w wellbeing) usable() (names []string) {
	for _, b := range w.backends {
		if b.Usable() && !b.Full {
			names = append(names, b.Name)
		}
	}
	return names
}

// who says how many backends take sessions, and why the others do not.
func (w wellbeing) who(usable []string) string {
	total := len(w.backends)
	switch {
	case total == 1 && len(usable) == 1:
		return usable[0] + ", the only backend, takes sessions"
	case len(usable) == total:
		return fmt.Sprintf("all %d backends take sessions", total)
	}
	var bad []string
	for _, b := range w.backends {
		if !b.Usable() || b.Full {
			bad = append(bad, b.Name+" "+standing(b))
		}
	}
	if more := len(bad) - mostBad; more > 0 {
		bad = append(bad[:mostBad], fmt.Sprintf("and %d more", more))
	}
	text := fmt.Sprintf("%d of %d backends take sessions", len(usable), total)
	switch {
	case len(usable) == 0 && total == 1:
		text = "the only backend takes no session"
	case len(usable) == 0:
		text = fmt.Sprintf("none of %d backends takes a session", total)
	case len(usable) == 1:
		text = fmt.Sprintf("one of %d backends takes sessions", total)
	}
	return text + " (" + strings.Join(bad, "; ") + ")"
}

// standing says how a backend stands that takes no session.
func standing(b Backend) string {
	state := "is " + b.Health.String()
	switch {
	case b.Usable():
		state = "is full"
	case b.Admin != backend.Ready:
		state = "is in " + b.Admin.String()
	}
	if b.Cause == "" {
		return state
	}
	return state + ": " + b.Cause
}

func (w wellbeing) seenText() string {
	if w.seen == 0 {
		return "no client saw a backend fail in " + w.span()
	}
	return fmt.Sprintf("%s seen by clients in %s and none in the last 5 minutes", count(int(w.seen), "failure was", "failures were"), w.span())
}

func (w wellbeing) hiddenText() string {
	if w.hidden == 0 {
		return "none had to be hidden from them"
	}
	return count(int(w.hidden), "failure was", "failures were") + " hidden from them"
}

// span is of which time that is.
func (w wellbeing) span() string {
	if known := w.now.Sub(w.began); known < lastly-time.Minute {
		minutes := int(known.Minutes())
		if minutes < 2 {
			return "the minute since the start"
		}
		return fmt.Sprintf("the %d minutes since the start", minutes)
	}
	return "the last hour"
}

// count is n of something. A word that has a verb of its own says where the number goes.
func count(n int, one, many string) string {
	switch {
	case strings.Contains(many, "%d") && n == 1:
		return one
	case strings.Contains(many, "%d"):
		return fmt.Sprintf(many, n)
	case n == 1:
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
