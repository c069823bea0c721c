package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"segue/bench/measure"
	"segue/bench/typeset"
)

// Comparison is several runs side by side, for a terminal.
func Comparison(runs []*measure.Result, s typeset.Style) string {
	var b strings.Builder
	var widths []int
	for _, r := range runs {
		widths = append(widths, max(11, min(24, utf8.RuneCountInString(r.Name)+2)))
	}
	for _, d := range Differences(runs) {
		fmt.Fprintln(&b, s.Red("not alike: "+d))
	}
	parts := [][]row{felt(runs), errorsByKind(runs), latencies(runs), conditions(runs)}
	labels := labelWidth
	for _, r := range slices.Concat(parts...) {
		labels = max(labels, utf8.RuneCountInString(r.label)+1)
	}
	fmt.Fprint(&b, typeset.PadRight("", labels))
	for i, r := range runs {
		fmt.Fprint(&b, s.Bold(typeset.PadLeft(shorten(r.Name, widths[i]-1), widths[i])))
	}
	fmt.Fprintln(&b)
	for i, rows := range parts {
		if len(rows) == 0 {
			continue
		}
		if title := []string{"", "errors, by what clients were doing", "response times of what was answered", "conditions"}[i]; title != "" {
			fmt.Fprintf(&b, "\n%s\n", s.Dim(title))
		}
		table(&b, rows, labels, widths, s)
	}
	names := make([]string, len(runs))
	for i, r := range runs {
		names[i] = shorten(r.Name, 24)
	}
	fmt.Fprintf(&b, "\n%s\n", s.Dim("errors over time"))
	overTime(&b, runs, names, s)
	return b.String()
}

// Differences says in what runs were made in different ways, so that their figures cannot be held against each other.
func Differences(runs []*measure.Result) (list []string) {
	differ := func(what string, of func(*measure.Result) string) {
		var values []string
		alike := true
		for _, r := range runs {
			values = append(values, of(r))
			alike = alike && values[0] == of(r)
		}
		if !alike {
			list = append(list, what+": "+strings.Join(values, ", "))
		}
	}
	apart := func(what string, share float64, of func(*measure.Result) float64, text func(float64) string) {
		var values []string
		least, most := of(runs[0]), of(runs[0])
		for _, r := range runs {
			least, most = min(least, of(r)), max(most, of(r))
			values = append(values, text(of(r)))
		}
		if most-least > share*most {
			list = append(list, what+": "+strings.Join(values, ", "))
		}
	}
	apart("arrivals offered", 0.02, func(r *measure.Result) float64 { return r.Load.Offered }, func(v float64) string { return fmt.Sprintf("%.0f/s", v) })
	apart("took", 0.1, func(r *measure.Result) float64 { return r.Took.Duration().Seconds() }, func(v float64) string { return fmt.Sprintf("%.1f s", v) })
	differ("clients", func(r *measure.Result) string {
		var classes []string
		for _, c := range r.Classes {
			classes = append(classes, fmt.Sprintf("%d %s", c.Clients, c.Class))
		}
		return strings.Join(classes, " + ")
	})
	differ("transactions held for", func(r *measure.Result) string { return r.Load.TxnHold.Duration().String() })
	differ("slow statements of", func(r *measure.Result) string { return r.Load.SlowFor.Duration().String() })
	differ("idle connections used every", func(r *measure.Result) string { return r.Load.IdleFor.Duration().String() })
	differ("a client gives up after", func(r *measure.Result) string { return r.Load.Timeout.Duration().String() })
	differ("loads", func(r *measure.Result) string {
		if r.Load.Stream == nil {
			return "none"
		}
		alike := *r.Load.Stream
		alike.Address = "the front"
		return alike.String()
	})
	differ("writes", func(r *measure.Result) string { return fmt.Sprint(r.Load.Writes) })
	differ("seed", func(r *measure.Result) string { return fmt.Sprint(r.Load.Seed) })
	return list
}

// Distinct gives runs of the same name a number, so that they can be told apart.
func Distinct(runs []*measure.Result) {
	seen := map[string]int{}
	for _, r := range runs {
		seen[r.Name]++
	}
	count := map[string]int{}
	for _, r := range runs {
		if name := r.Name; seen[name] > 1 {
			count[name]++
			r.Name = fmt.Sprintf("%s (%d)", name, count[name])
		}
	}
}
