package bench

import (
	"fmt"
	"strconv"
	"time"
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
		each("statements answered", "", "", func(r *Run) string { return count(r.Tally.Count(Answered)) }),
		each("FEs restarted", "", "", func(r *Run) string { return count(r.Restarts()) }),
		each("the run took", "", "", func(r *Run) string { return seconds(r.Took) }),
		each("at real speed", "part", "", func(r *Run) string { return clock(realTime(r.Took, speed)) }),
		each("longest wait of a client", "", "unscaled", func(r *Run) string { return wait(r.Tally.Waits.Max) }),
		each("longest stall of this machine", "part", "", func(r *Run) string { return wait(r.Stall) }),
		each("waits of more than "+wait(longWait), "", "", func(r *Run) string { return count(r.Tally.Waits.Longer(longWait)) }),
		each(Reconnected.String(), "", "no error", func(r *Run) string { return count(r.Tally.Count(Reconnected)) }),
		each("errors a client saw", "head", "", func(r *Run) string { return count(r.Tally.Errors()) }),
	}
	for _, k := range Kinds() {
		seen := always[k]
		for _, run := range runs {
			seen = seen || run.Tally.Count(k) > 0
		}
		if seen {
			rows = append(rows, each(k.String(), "part", "", func(r *Run) string { return count(r.Tally.Count(k)) }))
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
	return "≈" + count(twoDigits(n))
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

// count writes n with commas: 38,214.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// seconds writes 12.3 s.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// clock writes minutes and seconds: 4:31.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// wait writes a duration in its own unit: 240 ms, 1.2 s, 20 s.
func wait(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d%time.Second == 0:
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return seconds(d)
}

// plural writes "1 error", "2 errors".
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(n) + " " + noun
}

// verdict is what is to be remembered of a run.
func verdict(r *Run) string {
	return fmt.Sprintf("%s: %s, %s, %s", r.Name, plural(r.Tally.Count(Answered), "statement"),
		plural(r.Restarts(), "restart"), plural(r.Tally.Errors(), "error"))
}
