package bench

import (
	"fmt"
	"time"

	"segue/bench/typeset"
)

// row is a line of the comparison: what, and its value in each run.
type row struct {
	Label  string
	Values []string
	Note   string // how to read it; "" for most
	Class  string // "head", "error", "part" (of the head above) or "": how it is set
}

// always are the kinds that the comparison shows even when nobody saw one.
var always = [numKinds]bool{
	ConnectRefused: true, ConnectReset: true, ConnectEOF: true, StatementCut: true, WrongAnswer: true,
}

// longWait is a wait beyond which a person may notice.
const longWait = 128 * time.Millisecond

// compareRuns puts runs side by side. speed is how much faster than in real
// time the cluster lived.
func compareRuns(runs []*Run, speed float64) []row {
	each := func(label, class, note string, value func(*Run) string) row {
		r := row{Label: label, Class: class, Note: note}
		for _, run := range runs {
			r.Values = append(r.Values, value(run))
		}
		return r
	}
	rows := []row{
		each("statements answered", "", "", func(r *Run) string { return typeset.Count(r.Tally.Count(Answered)) }),
		each("FEs restarted", "", "", func(r *Run) string { return typeset.Count(r.Restarts()) }),
		each("the run took", "", "", func(r *Run) string { return typeset.Seconds(r.Took) }),
		each("at real speed", "part", "", func(r *Run) string { return typeset.Clock(realTime(r.Took, speed)) }),
		each("longest wait of a client", "", "unscaled", func(r *Run) string { return typeset.Wait(r.Tally.Waits.Max) }),
		each("longest stall of this machine", "part", "", func(r *Run) string { return typeset.Wait(r.Stall) }),
		each("waits of more than "+typeset.Wait(longWait), "", "", func(r *Run) string { return typeset.Count(r.Tally.Waits.Longer(longWait)) }),
		each(Reconnected.String(), "", "no error", func(r *Run) string { return typeset.Count(r.Tally.Count(Reconnected)) }),
		each("errors a client saw", "head", "", func(r *Run) string { return typeset.Count(r.Tally.Errors()) }),
	}
	for _, k := range Kinds() {
		seen := always[k]
		for _, run := range runs {
			seen = seen || run.Tally.Count(k) > 0
		}
		if seen {
			rows = append(rows, each(k.String(), "part", "", func(r *Run) string { return typeset.Count(r.Tally.Count(k)) }))
		}
	}
	return append(rows, each("to expect at real speed, same load", "error", "estimate",
		func(r *Run) string { return estimate(r, speed) }))
}

// estimate extrapolates to real speed. Connects fail at a rate for as long as a
// gone FE is in rotation, so their number grows with time; a statement is cut
// once per restart, whatever the speed.
func estimate(r *Run, speed float64) string {
	connects := 0
	for _, k := range []Kind{ConnectRefused, ConnectReset, ConnectEOF, ConnectTimeout, ConnectERR} {
		connects += r.Tally.Count(k)
	}
	n := float64(connects)*speed + float64(r.Tally.Errors()-connects)
	if n == 0 {
		return "0"
	}
	return "≈" + typeset.Count(twoDigits(n))
}

// twoDigits rounds to what an estimate is worth.
func twoDigits(n float64) int {
	unit := 1.0
	for n/unit >= 100 {
		unit *= 10
	}
	return int(n/unit+0.5) * int(unit)
}

// realTime is how long d would have been with nothing sped up.
func realTime(d time.Duration, speed float64) time.Duration {
	return time.Duration(float64(d) * speed)
}

// verdict is what is to be remembered of a run.
func verdict(r *Run) string {
	return fmt.Sprintf("%s: %s, %s, %s", r.Name, typeset.Plural(r.Tally.Count(Answered), "statement"),
		typeset.Plural(r.Restarts(), "restart"), typeset.Plural(r.Tally.Errors(), "error"))
}
