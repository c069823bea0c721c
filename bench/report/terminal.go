package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"segue/bench/measure"
	"segue/bench/typeset"
)

// Summary is what a run gave, for a terminal of 80 columns.
func Summary(r *measure.Result, s typeset.Style) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n\n", s.Bold(r.Name), s.Dim(fmt.Sprintf("%s, %.40s, %s, %.0f arrivals/s",
		r.Endpoint, r.Server, typeset.Seconds(r.Took.Duration()), r.Load.Offered)))
	table(&b, felt([]*measure.Result{r}), labelWidth, []int{12}, s)
	classes(&b, r, s)
	faults(&b, r, s)
	fmt.Fprintln(&b)
	overTime(&b, []*measure.Result{r}, []string{"errors"}, s)
	for i, m := range r.Marks {
		fmt.Fprintln(&b, markText(i, m, s))
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "\n%s\n", s.Red("problem: "+p))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "\nnote: %s\n", n)
	}
	last := Verdict(r)
	if r.Clean() {
		last = s.Green(last)
	} else {
		last = s.Red(last)
	}
	fmt.Fprintf(&b, "\n%s\n", last)
	return b.String()
}

// labelWidth is that of a table's first column, at least.
const labelWidth = 37

// table sets rows: the first column labels wide, the figures of each run as
// wide as widths says.
func table(b *strings.Builder, rows []row, labels int, widths []int, s typeset.Style) {
	for _, r := range rows {
		label := r.label
		if r.part {
			label = "  " + label
		}
		fmt.Fprint(b, typeset.PadRight(shorten(label, labels-1), labels))
		for i, v := range r.values {
			text := typeset.PadLeft(v.text, widths[i])
			if v.bad {
				text = s.Red(text)
			}
			fmt.Fprint(b, text)
		}
		if len(r.values) == 1 && r.values[0].note != "" {
			fmt.Fprint(b, s.Dim("  "+r.values[0].note))
		}
		fmt.Fprintln(b)
	}
}

// classes sets a line for each class.
func classes(b *strings.Builder, r *measure.Result, s typeset.Style) {
	set := func(c measure.ClassRow, d measure.Millis) string {
		if c.Answers == 0 {
			return none.text
		}
		return typeset.Latency(d.Duration())
	}
	fmt.Fprintf(b, "\n%s\n", s.Dim("clients              answers    errors   median      p99  longest    sent p99"))
	for _, c := range r.Classes {
		failed := typeset.PadLeft(typeset.Count(c.Errors), 10)
		if c.Errors > 0 {
			failed = s.Red(failed)
		}
		fmt.Fprintf(b, "%s%s%s%s%s%s%s\n", typeset.PadRight(fmt.Sprintf("%d %s", c.Clients, c.Class), 17),
			typeset.PadLeft(typeset.Count(c.Answers), 11), failed,
			typeset.PadLeft(set(c, c.Response.P50), 9), typeset.PadLeft(set(c, c.Response.P99), 9),
			typeset.PadLeft(set(c, c.Response.Max), 9), typeset.PadLeft(set(c, c.Service.P99), 12))
	}
	fmt.Fprintln(b, s.Dim("response times, of answers, count from when they were due; \"sent\": from then"))
}

// faults sets a line for each kind of error, with the words that came with it.
func faults(b *strings.Builder, r *measure.Result, s typeset.Style) {
	const most = 12
	for i, f := range r.Faults {
		if i == 0 {
			fmt.Fprintf(b, "\n%s\n", s.Dim("errors, by what the client was doing"))
		}
		if i == most && !s.Whole {
			fmt.Fprintf(b, "… %d kinds more, in the report\n", len(r.Faults)-most)
			break
		}
		when := fmt.Sprintf("%s to %s: ", typeset.Seconds(f.First.Duration()), typeset.Seconds(f.Last.Duration()))
		fmt.Fprintf(b, "%s × %s\n%s\n", typeset.PadLeft(typeset.Count(f.Count), 7), f.Class+", "+faultLabel(f),
			s.Dim("          "+fit(s, when+f.Sample, s.Columns()-10)))
	}
}

// overTime draws the errors of runs as signs, on one scale of time and of height,
// and below them the marks by number.
func overTime(b *strings.Builder, runs []*measure.Result, labels []string, s typeset.Style) {
	label := 10
	var longest, step time.Duration
	for i, r := range runs {
		label = max(label, utf8.RuneCountInString(labels[i])+2)
		longest, step = max(longest, r.Took.Duration()), max(step, r.Timeline.Step.Duration())
	}
	if step <= 0 {
		return
	}
	column := step * (longest/step/time.Duration(s.Columns()-label) + 1)
	peak := 0
	columns := make([][]int, len(runs))
	for i, r := range runs {
		columns[i] = errorsPer(r, column)
		peak = max(peak, slices.Max(append(columns[i], 0)))
	}
	for i, r := range runs {
		line := sparkline(columns[i], peak)
		if r.Felt.Errors > 0 {
			line = s.Red(line)
		} else {
			line = s.Green(line)
		}
		fmt.Fprintf(b, "%s%s\n", typeset.PadRight(labels[i], label), line)
		if len(r.Marks) > 0 {
			fmt.Fprintf(b, "%s%s\n", typeset.PadRight("  marks", label), markLine(r.Marks, column, len(columns[i])))
		}
	}
	fmt.Fprintln(b, s.Dim(typeset.PadRight("", label)+fmt.Sprintf("one column is %v, the tallest %s", column, typeset.Plural(peak, "error"))))
}

// errorsPer adds errors up in columns of time.
func errorsPer(r *measure.Result, column time.Duration) []int {
	var columns []int
	for i := range r.Timeline.Buckets {
		at := int(time.Duration(i) * r.Timeline.Step.Duration() / column)
		for len(columns) <= at {
			columns = append(columns, 0)
		}
		columns[at] += r.Timeline.Buckets[i].Failed()
	}
	return columns
}

// sparkline draws counts, one sign for each; peak reaches the top.
func sparkline(counts []int, peak int) string {
	signs := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, n := range counts {
		if n == 0 {
			b.WriteRune('·')
			continue
		}
		b.WriteRune(signs[min(len(signs)-1, n*len(signs)/(peak+1))])
	}
	return b.String()
}

// markLine puts the sign of each mark below its column; of several, the first.
func markLine(marks []measure.Mark, column time.Duration, columns int) string {
	signs := []rune(strings.Repeat(" ", columns))
	for i, m := range marks {
		if at := min(columns-1, int(m.At.Duration()/column)); at >= 0 && signs[at] == ' ' {
			signs[at] = markSign(i)
		}
	}
	return strings.TrimRight(string(signs), " ")
}

// markText is a mark as a line, with the sign that stands for it elsewhere.
func markText(i int, m measure.Mark, s typeset.Style) string {
	return fmt.Sprintf("%s  %s  %s", typeset.PadLeft(string(markSign(i)), 5), typeset.PadLeft(typeset.Seconds(m.At.Duration()), 8), fit(s, m.Text, 60))
}

// markSign is the sign of mark i: 1 to 9, then letters.
func markSign(i int) rune {
	const signs = "123456789abcdefghijklmnopqrstuvwxyz"
	if i < len(signs) {
		return rune(signs[i])
	}
	return '+'
}

// fit is a text cut to a terminal's width, if it is a terminal that it is for.
func fit(s typeset.Style, text string, most int) string {
	if s.Whole {
		return strings.Join(strings.Fields(text), " ")
	}
	return shorten(text, most)
}

func shorten(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}
