package report

import (
	"fmt"
	"slices"

	"segue/bench/measure"
	"segue/bench/typeset"
)

// row is one line of what users felt, with its value in each run.
type row struct {
	label  string
	values []value
	part   bool // it explains the line above
}

// value is a figure, how to read it, and whether it is good news.
type value struct {
	text string
	note string
	bad  bool
}

// plain is a figure without judgement.
func plain(text string) value { return value{text: text} }

// none is where a run has nothing to tell.
var none = value{text: "–"}

// zero is a count that should be zero.
func zero(n int, note string) value { return value{text: typeset.Count(n), note: note, bad: n > 0} }

// each makes a row.
func each(label string, runs []*measure.Result, of func(*measure.Result) value) row {
	r := row{label: label}
	for _, run := range runs {
		r.values = append(r.values, of(run))
	}
	return r
}

// as makes it a part of the row above.
func (r row) as() row {
	r.part = true
	return r
}

// felt are the rows of what a user would have felt.
func felt(runs []*measure.Result) []row {
	type result = *measure.Result
	rows := []row{
		each("errors a client saw", runs, func(r result) value { return zero(r.Felt.Errors, "") }),
		each("per minute", runs, func(r result) value { return plain(typeset.Count(int(r.Felt.ErrorsPerMinute + 0.5))) }).as(),
		each("in the worst minute", runs, func(r result) value { return plain(typeset.Count(r.Felt.WorstMinute)) }).as(),
		each("longest stall of one client", runs, func(r result) value {
			note := ""
			if r.Felt.StallClass != "" {
				note = r.Felt.StallClass + ", until " + typeset.Seconds(r.Felt.StallEnd.Duration())
			}
			return value{text: typeset.Latency(r.Felt.Stall.Duration()), note: note}
		}),
		each("longest silence for everybody", runs, func(r result) value {
			return value{text: typeset.Latency(r.Felt.Silence.Duration()), note: "until " + typeset.Seconds(r.Felt.SilenceEnd.Duration())}
		}),
		each("sessions lost", runs, func(r result) value { return zero(r.Felt.SessionsLost, "") }),
		each("dead in a pool, replaced unseen", runs, func(r result) value { return plain(typeset.Count(r.Felt.FoundDead)) }).as(),
		each("sessions that lost their state", runs, func(r result) value { return zero(r.Felt.StateLost, "") }),
		each("wrong answers", runs, func(r result) value { return zero(r.Felt.WrongAnswers, "") }),
		each("acknowledged writes lost", runs, func(r result) value {
			return ofLedger(r, func(v *measure.Verdict) int { return v.Lost }, "of "+acknowledged(r))
		}),
		each("writes doubled", runs, func(r result) value { return ofLedger(r, func(v *measure.Verdict) int { return v.Doubled }, "") }),
		each("written though never committed", runs, func(r result) value { return ofLedger(r, func(v *measure.Verdict) int { return v.Undone }, "") }),
		each("transactions written in part", runs, func(r result) value { return ofLedger(r, func(v *measure.Verdict) int { return v.Torn }, "") }),
		each("writes whose outcome was not told", runs, func(r result) value {
			if r.Ledger == nil {
				return none
			}
			return value{text: typeset.Count(r.Ledger.Unknown), note: typeset.Count(r.Ledger.UnknownThere) + " of them are there"}
		}),
	}
	rows = append(rows, loaded(runs)...)
	if slices.ContainsFunc(runs, func(r result) bool { return r.Felt.Overdue > 0 }) {
		rows = append(rows, each("arrivals that never began", runs, func(r result) value { return zero(r.Felt.Overdue, "overdue at the end") }))
	}
	return rows
}

// loaded are the rows of Stream Loads, if any run had them.
func loaded(runs []*measure.Result) []row {
	if !slices.ContainsFunc(runs, func(r *measure.Result) bool { return r.Loaded != nil }) {
		return nil
	}
	return []row{
		each("loads sent", runs, func(r *measure.Result) value {
			return ofLoads(r, func(v *measure.LoadVerdict) value {
				return value{text: typeset.Count(v.Loads), note: typeset.Count(v.LoadsDone) + " acknowledged, " + typeset.Count(v.LoadsFailed) + " failed"}
			})
		}),
		each("whose outcome was not told", runs, func(r *measure.Result) value {
			return ofLoads(r, func(v *measure.LoadVerdict) value {
				return value{text: typeset.Count(v.LoadsUnknown), note: typeset.Count(v.UnknownThere) + " of " + typeset.Plural(v.Unknown, "row") + " are there"}
			})
		}).as(),
		each("rows sent", runs, loadCount(func(v *measure.LoadVerdict) int { return v.Sent })),
		each("acknowledged", runs, loadCount(func(v *measure.LoadVerdict) int { return v.Acknowledged })).as(),
		each("found", runs, loadCount(func(v *measure.LoadVerdict) int { return v.Found })).as(),
		each("rows acknowledged and lost", runs, loadFault(func(v *measure.LoadVerdict) int { return v.Lost })),
		each("rows doubled", runs, loadFault(func(v *measure.LoadVerdict) int { return v.Doubled })),
		each("rows there, though the load failed", runs, loadFault(func(v *measure.LoadVerdict) int { return v.Undone })),
		each("loads there in part", runs, loadFault(func(v *measure.LoadVerdict) int { return v.Torn })),
	}
}

func ofLoads(r *measure.Result, of func(*measure.LoadVerdict) value) value {
	if r.Loaded == nil {
		return none
	}
	return of(r.Loaded)
}

// loadCount is a figure without judgement.
func loadCount(count func(*measure.LoadVerdict) int) func(*measure.Result) value {
	return func(r *measure.Result) value {
		return ofLoads(r, func(v *measure.LoadVerdict) value { return plain(typeset.Count(count(v))) })
	}
}

// loadFault is a count that should be zero.
func loadFault(count func(*measure.LoadVerdict) int) func(*measure.Result) value {
	return func(r *measure.Result) value {
		return ofLoads(r, func(v *measure.LoadVerdict) value { return zero(count(v), "") })
	}
}

func ofLedger(r *measure.Result, count func(*measure.Verdict) int, note string) value {
	if r.Ledger == nil {
		return none
	}
	return zero(count(r.Ledger), note)
}

func acknowledged(r *measure.Result) string {
	if r.Ledger == nil {
		return "none"
	}
	return typeset.Count(r.Ledger.Acknowledged)
}

// conditions are the rows of how runs were made.
func conditions(runs []*measure.Result) []row {
	type result = *measure.Result
	return []row{
		each("took", runs, func(r result) value { return plain(typeset.Seconds(r.Took.Duration())) }),
		each("arrivals offered", runs, func(r result) value { return plain(fmt.Sprintf("%.0f/s", r.Load.Offered)) }),
		each("answers", runs, func(r result) value { return plain(typeset.Count(r.Felt.Answers)) }),
		each("longest stall of the bench's machine", runs, func(r result) value { return plain(typeset.Latency(r.MachineStall.Duration())) }),
	}
}

// latencies are the rows of response times by class.
func latencies(runs []*measure.Result) []row {
	var rows []row
	for _, class := range measure.Classes() {
		of := func(pick func(measure.Latency) measure.Millis) func(*measure.Result) value {
			return func(r *measure.Result) value {
				for _, c := range r.Classes {
					if c.Class == class.String() && c.Answers > 0 {
						return plain(typeset.Latency(pick(c.Response).Duration()))
					}
				}
				return none
			}
		}
		median := each(class.String()+", median", runs, of(func(l measure.Latency) measure.Millis { return l.P50 }))
		if !slices.ContainsFunc(median.values, func(v value) bool { return v != none }) {
			continue
		}
		rows = append(rows, median,
			each("99 of 100 within", runs, of(func(l measure.Latency) measure.Millis { return l.P99 })).as(),
			each("longest", runs, of(func(l measure.Latency) measure.Millis { return l.Max })).as())
		if failed := each("failed, and in none of these", runs, failedOf(class)); slices.ContainsFunc(failed.values, func(v value) bool { return v.bad }) {
			rows = append(rows, failed.as())
		}
	}
	return rows
}

// failedOf counts what was not answered: it has no response time, however long its client waited.
func failedOf(class measure.Class) func(*measure.Result) value {
	return func(r *measure.Result) value {
		for _, c := range r.Classes {
			if c.Class == class.String() {
				return zero(c.Errors, "")
			}
		}
		return none
	}
}

// errorsByKind are the rows of errors, by what clients were doing, over all
// classes; the most frequent in any run first.
func errorsByKind(runs []*measure.Result) []row {
	counts := map[string][]int{}
	var labels []string
	for i, r := range runs {
		for _, f := range r.Faults {
			label := faultLabel(f)
			if counts[label] == nil {
				counts[label] = make([]int, len(runs))
				labels = append(labels, label)
			}
			counts[label][i] += f.Count
		}
	}
	slices.SortStableFunc(labels, func(a, b string) int { return slices.Max(counts[b]) - slices.Max(counts[a]) })
	var rows []row
	for _, label := range labels {
		r := row{label: label}
		for _, n := range counts[label] {
			r.values = append(r.values, zero(n, ""))
		}
		rows = append(rows, r)
	}
	return rows
}

// faultLabel says what the client was doing and what came of it.
func faultLabel(f measure.FaultRow) string {
	text := f.Doing + ": " + f.What
	if f.Number != 0 {
		text += fmt.Sprintf(" %d", f.Number)
	}
	switch f.Sent {
	case "no":
		text += ", not sent"
	case "yes":
		if f.What == "connection lost" {
			text += ", sent"
		}
	}
	return text
}

// Verdict is what is to be remembered of a run.
func Verdict(r *measure.Result) string {
	text := fmt.Sprintf("%s: %s, %s a client saw", r.Name, typeset.Plural(r.Felt.Answers, "answer"), typeset.Plural(r.Felt.Errors, "error"))
	if r.Ledger != nil && r.Ledger.Faults() > 0 {
		text += fmt.Sprintf(", %s astray", typeset.Plural(r.Ledger.Faults(), "write"))
	}
	if v := r.Loaded; v != nil && v.Faults() > 0 {
		text += fmt.Sprintf(", %s lost, %s doubled, %s amiss", typeset.Plural(v.Lost, "loaded row"), typeset.Count(v.Doubled), typeset.Count(v.Undone+v.Torn))
	}
	return text
}
