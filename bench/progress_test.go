package bench

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"segue/bench/typeset"
)

func TestLiveLineFitsATerminal(t *testing.T) {
	l := live{title: "1/2 cloud load balancer"}
	for _, p := range []progress{
		{},
		{at: at(99_900), errors: 12_345, last: Mark{0, "fe-3", Leaving}},
		{at: at(9_900), errors: 1, last: Mark{0, "fe-3", Exited}},
	} {
		line := l.line(p, 12_345)
		if n := utf8.RuneCountInString(line); n > typeset.TerminalWidth {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	if line := l.line(progress{last: Mark{0, "fe-3", Back}}, 1); !strings.HasSuffix(line, "all FEs serve") {
		t.Errorf("after fe-3 is back: %q", line)
	}
}

func TestSmooth(t *testing.T) {
	step := func(rate float64, took, answered int) float64 {
		return smooth(rate, progress{}, progress{at: at(took), answered: answered})
	}
	if got := step(0, 100, 50); got != 500 {
		t.Errorf("the first rate is what was measured: %v", got)
	}
	if got := step(500, 100, 100); got != 600 {
		t.Errorf("a fifth of the way after 100 ms: %v", got)
	}
	if got := step(500, 1000, 700); got != 700 {
		t.Errorf("all the way after a second: %v", got)
	}
	if got := step(500, 0, 700); got != 500 {
		t.Errorf("no time, no news: %v", got)
	}
}

// Elsewhere than in a terminal nothing is redrawn: a log stays readable.
func TestLivePlainAndTerminal(t *testing.T) {
	shown := func(terminal bool) string {
		var out strings.Builder
		synctest.Test(t, func(t *testing.T) {
			rec := newRecorder("Segue")
			l := live{out: &out, terminal: terminal, title: "2/2 Segue"}
			ctx, cancel := context.WithTimeout(t.Context(), 2550*time.Millisecond)
			defer cancel()
			l.run(ctx, rec)
		})
		return out.String()
	}
	if got := shown(false); strings.ContainsAny(got, "\r\x1b") || strings.Count(got, "\n") != 2 {
		t.Errorf("plain: %q", got)
	}
	if got := shown(true); strings.Contains(got, "\n") || strings.Count(got, "2/2 Segue") != 25 || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("terminal: %q", got)
	}
}

// A statement that ends after the run has been stopped counts in the run.
func TestRecorderStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := newRecorder("Segue")
		time.Sleep(time.Second)
		rec.stop()
		time.Sleep(time.Hour)
		rec.record(Event{Kind: Answered})
		run := rec.finish()
		if run.Took != time.Second || run.Tally.Count(Answered) != 1 || len(run.Timeline.Buckets) != 5 {
			t.Errorf("took %v, %d answered, %d buckets", run.Took, run.Tally.Count(Answered), len(run.Timeline.Buckets))
		}
	})
}
