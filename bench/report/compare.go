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
		if title := []string{"", "errors, by what clients were doing", "response times", "conditions"}[i]; title != "" {
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
