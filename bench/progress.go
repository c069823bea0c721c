package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"segue/bench/typeset"
)

// live shows a run while it goes on: one line, redrawn, in a terminal; a line
// every second, and one for each change of a backend, elsewhere.
type live struct {
	out      io.Writer
	terminal bool
	style    typeset.Style
	title    string
}

func (l *live) interval() time.Duration {
	if l.terminal {
		return 100 * time.Millisecond
	}
	return time.Second
}

// run writes until ctx is done, and then takes the redrawn line away.
func (l *live) run(ctx context.Context, rec *recorder) {
	ticker := time.NewTicker(l.interval())
	defer ticker.Stop()
	before := rec.progress()
	rate := 0.0
	for {
		select {
		case <-ctx.Done():
			if l.terminal {
				fmt.Fprint(l.out, "\r\x1b[K")
			}
			return
		case <-ticker.C:
		}
		now := rec.progress()
		rate = smooth(rate, before, now)
		before = now
		if l.terminal {
			fmt.Fprint(l.out, "\r\x1b[K"+l.line(now, rate))
		} else {
			fmt.Fprintln(l.out, l.line(now, rate))
		}
	}
}

// smooth follows the rate of answers per second with a time constant of 500 ms,
// so that the number can be read while it is redrawn.
func smooth(rate float64, before, now progress) float64 {
	took := (now.at - before.at).Seconds()
	if took <= 0 {
		return rate
	}
	latest := float64(now.answered-before.answered) / took
	if rate == 0 {
		return latest
	}
	return rate + (latest-rate)*min(1, took/0.5)
}

// line is at most typeset.TerminalWidth columns wide.
func (l *live) line(p progress, rate float64) string {
	errors := typeset.PadLeft(typeset.Plural(p.errors, "error"), 12)
	if p.errors > 0 {
		errors = l.style.Red(errors)
	}
	what := "all FEs serve"
	if p.last.Backend != "" && p.last.Change != Back {
		what = p.last.Backend + " is " + p.last.Change.String()
	}
	return fmt.Sprintf("%s %s  %s/s %s  %s", l.title, typeset.PadLeft(typeset.Seconds(p.at), 6),
		typeset.PadLeft(typeset.Plural(int(rate), "answer"), 13), errors, what)
}
