package report

import (
	"fmt"
	"io"
	"sync"
	"time"

	"segue/bench/measure"
	"segue/bench/typeset"
)

// Live shows a run while it goes on: one line, redrawn, in a terminal; elsewhere a
// line at every interval. Each mark is a line of its own. Safe for concurrent use.
type Live struct {
	Out      io.Writer
	Terminal bool
	Style    typeset.Style

	mu     sync.Mutex // guards what follows, and Out
	before measure.Progress
	rate   float64
	marks  int // how many have been shown
}

// Interval is how often Progress is to be called.
func (l *Live) Interval() time.Duration {
	if l.Terminal {
		return 200 * time.Millisecond
	}
	return 5 * time.Second
}

// Progress shows how far a run is.
func (l *Live) Progress(p measure.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if took := (p.At - l.before.At).Seconds(); took > 0 {
		latest := float64(p.Answers-l.before.Answers) / took
		if l.rate == 0 {
			l.rate = latest
		}
		l.rate += (latest - l.rate) * min(1, took) // so that it can be read
	}
	l.before = p
	if l.Terminal {
		fmt.Fprint(l.Out, "\r\x1b[K"+l.line(p))
	} else {
		fmt.Fprintln(l.Out, l.line(p))
	}
}

// Mark shows a mark.
func (l *Live) Mark(m measure.Mark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	fmt.Fprintln(l.Out, l.Style.Bold(markText(l.marks, m, l.Style)))
	l.marks++
}

// End takes the redrawn line away.
func (l *Live) End() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
}

func (l *Live) clear() {
	if l.Terminal {
		fmt.Fprint(l.Out, "\r\x1b[K")
	}
}

// line is at most a terminal's width.
func (l *Live) line(p measure.Progress) string {
	errors := typeset.PadLeft(typeset.Plural(p.Errors, "error"), 14)
	if p.Errors > 0 {
		errors = l.Style.Red(errors)
	}
	text := fmt.Sprintf("%s  %s/s%s", typeset.PadLeft(typeset.Seconds(p.At), 8), typeset.PadLeft(typeset.Plural(int(l.rate), "answer"), 15), errors)
	if p.FoundDead > 0 {
		text += l.Style.Dim(fmt.Sprintf("  %s dead in pools", typeset.Count(p.FoundDead)))
	}
	if p.Waiting > time.Second {
		text += l.Style.Red("  no answer for " + typeset.Seconds(p.Waiting))
	}
	return text
}
