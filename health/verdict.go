package health

import (
	"context"
	"fmt"
	"strings"
	"time"

	"segue/backend"
)

// Verdict is what one check found.
type Verdict uint8

// The verdicts. The zero value is Failed.
const (
	Failed        Verdict = iota // refused, silent, or not what a working server answers
	Passed                       // as a working server answers
	Leaving                      // it answers, and says that it takes no more sessions
	Gone                         // of a round only: its process has ended
	Full                         // it works, and has no room for one more connection
	Misconfigured                // the check cannot tell: what it was told to do is wrong, or Segue lacks the means
	numVerdicts
)

var verdictNames = [numVerdicts]string{
	Failed: "failed", Passed: "passed", Leaving: "leaving", Gone: "gone", Full: "full", Misconfigured: "misconfigured",
}

// String gives the verdict's name as it stands in logs and metrics.
func (v Verdict) String() string {
	if v < numVerdicts {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict(%d)", v)
}

// severity orders the verdicts: in one round the worst counts.
var severity = [numVerdicts]int{Passed: 0, Misconfigured: 1, Full: 2, Failed: 3, Leaving: 4, Gone: 5}

// Result is the outcome of one check.
type Result struct {
	Verdict Verdict
	// Cause says why, in a few words that are fit for an operator and for an error text: "/api/health 500". It may be
	// set with Passed too: a note on something that the operator should put right.
	Cause string
	Took  time.Duration
}

// Checker is one way to ask a backend how it is. Check ends with ctx, and fills in the whole result.
type Checker interface {
	Check(ctx context.Context, b *backend.Backend) Result
}

// combine gives the verdict of a round from the results of its checks: the worst one. A Misconfigured check leaves the
// decision to the others; if there is no other, the round is Misconfigured. The cause names first what the verdict comes
// from, then what is misconfigured.
func combine(results ...Result) Result {
	worst := Result{Verdict: Passed}
	decided := false
	var notes []string
	for _, r := range results {
		worst.Took += r.Took
		if r.Verdict == Misconfigured || r.Verdict == Passed {
			if r.Cause != "" {
				notes = append(notes, r.Cause)
			}
			decided = decided || r.Verdict == Passed
			continue
		}
		decided = true
		if worst.Verdict == Passed || severity[r.Verdict] > severity[worst.Verdict] {
			worst.Verdict, worst.Cause = r.Verdict, r.Cause
		}
	}
	if !decided {
		worst.Verdict = Misconfigured
	}
	if worst.Cause != "" {
		notes = append([]string{worst.Cause}, notes...)
	}
	worst.Cause = strings.Join(notes, "; ")
	return worst
}
