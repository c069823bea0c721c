package report

import (
	"fmt"
	"slices"
	"strings"

	"segue/bench/measure"
	"segue/bench/typeset"
)

// Markdown is several runs side by side in a few rows, as a table for a document.
func Markdown(runs []*measure.Result) string {
	type result = *measure.Result
	rows := []row{
		each("errors a client saw", runs, func(r result) value { return counts(r.Felt.Errors) }),
		each("of so many arrivals", runs, func(r result) value { return counts(r.Felt.Answers + r.Felt.Errors + r.Felt.Overdue) }),
		each("longest stall of one client", runs, func(r result) value { return plain(typeset.Latency(r.Felt.Stall.Duration())) }),
		each("longest silence for everybody", runs, func(r result) value { return plain(typeset.Latency(r.Felt.Silence.Duration())) }),
		each("sessions lost (of these unseen, in pools)", runs, func(r result) value {
			if onlyLoads(r) {
				return none
			}
			return plain(typeset.Count(r.Felt.SessionsLost) + " (" + typeset.Count(r.Felt.FoundDead) + ")")
		}),
		each("state lost, wrong answers", runs, func(r result) value {
			if onlyLoads(r) {
				return none
			}
			return counts(r.Felt.StateLost, r.Felt.WrongAnswers)
		}),
		each("writes lost, doubled, torn, undone", runs, func(r result) value {
			if r.Ledger == nil {
				return none
			}
			return counts(r.Ledger.Lost, r.Ledger.Doubled, r.Ledger.Torn, r.Ledger.Undone)
		}),
		each("writes whose outcome was not told", runs, func(r result) value {
			if r.Ledger == nil {
				return none
			}
			return counts(r.Ledger.Unknown)
		}),
		each("short-lived, median / p99", runs, median(measure.Short)),
	}
	if slices.ContainsFunc(runs, func(r result) bool { return r.Loaded != nil }) {
		rows = append(rows, loadRows(runs)...)
	}
	rows = slices.DeleteFunc(rows, func(r row) bool {
		return !slices.ContainsFunc(r.values, func(v value) bool { return v != none })
	})
	rows = append(rows,
		each("longest stall of the bench's machine", runs, func(r result) value { return plain(typeset.Latency(r.MachineStall.Duration())) }),
	)
	var b strings.Builder
	head := each("", runs, func(r result) value { return plain("`" + r.Name + "`") })
	fmt.Fprintf(&b, "%s|---|%s\n", head.markdown(), strings.Repeat("---:|", len(runs)))
	for _, r := range rows {
		fmt.Fprint(&b, r.markdown())
	}
	for i, d := range Differences(runs) {
		if i == 0 {
			fmt.Fprintln(&b)
		}
		fmt.Fprintf(&b, "Not alike: %s.\n", d)
	}
	return b.String()
}

// onlyLoads tells whether a run had no client with a session.
func onlyLoads(r *measure.Result) bool {
	return r.Loaded != nil && !slices.ContainsFunc(r.Classes, func(c measure.ClassRow) bool { return c.Class != measure.Loads.String() })
}

// loadRows are those of Stream Loads.
func loadRows(runs []*measure.Result) []row {
	of := func(pick func(*measure.LoadVerdict) []int) func(*measure.Result) value {
		return func(r *measure.Result) value {
			return ofLoads(r, func(v *measure.LoadVerdict) value { return counts(pick(v)...) })
		}
	}
	return []row{
		each("loads sent", runs, of(func(v *measure.LoadVerdict) []int { return []int{v.Loads} })),
		each("of these acknowledged, failed, not told", runs, of(func(v *measure.LoadVerdict) []int { return []int{v.LoadsDone, v.LoadsFailed, v.LoadsUnknown} })),
		each("rows sent, acknowledged, found", runs, of(func(v *measure.LoadVerdict) []int { return []int{v.Sent, v.Acknowledged, v.Found} })),
		each("a load, median / p99", runs, median(measure.Loads)),
		each("rows lost, doubled, there though failed", runs, of(func(v *measure.LoadVerdict) []int { return []int{v.Lost, v.Doubled, v.Undone} })),
	}
}

// FaultList says in a line which errors the clients of a run saw; "none" if they saw none.
func FaultList(r *measure.Result) string {
	var kinds []string
	for _, f := range r.Faults {
		kinds = append(kinds, fmt.Sprintf("%s × %s, %s", typeset.Count(f.Count), f.Class, faultLabel(f)))
	}
	if kinds == nil {
		return "none"
	}
	return strings.Join(kinds, "; ")
}

// markdown is the row as a line of a table. A pipe would end its cell.
func (r row) markdown() string {
	cells := []string{r.label}
	for _, v := range r.values {
		cells = append(cells, v.text)
	}
	escape := strings.NewReplacer("|", `\|`, "\n", " ")
	for i := range cells {
		cells[i] = escape.Replace(cells[i])
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// counts sets figures that belong together.
func counts(list ...int) value {
	var parts []string
	for _, n := range list {
		parts = append(parts, typeset.Count(n))
	}
	return plain(strings.Join(parts, ", "))
}

// median is of the response times of a class, with how long 99 of 100 took at most.
func median(class measure.Class) func(*measure.Result) value {
	return func(r *measure.Result) value {
		for _, c := range r.Classes {
			if c.Class == class.String() && c.Answers > 0 {
				return plain(typeset.Latency(c.Response.P50.Duration()) + " / " + typeset.Latency(c.Response.P99.Duration()))
			}
		}
		return none
	}
}
