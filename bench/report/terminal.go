package report

import (
	"fmt"
	"strings"
	"time"

	"segue/bench/measure"
	"segue/bench/typeset"
)

// Summary is what a run gave, for a terminal of 80 columns.
func Summary(r *measure.Result, s typeset.Style) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n\n", s.Bold(r.Name), s.Dim(fmt.Sprintf("%s, %.40s, %s, %.0f arrivals/s",
		r.Endpoint, r.Server, typeset.Seconds(r.Took.Duration()), r.Load.Offered)))
	table(&b, felt([]*measure.Result{r}), labelWidth, 12, s)
	classes(&b, r, s)
	faults(&b, r, s)
	overTime(&b, r, s)
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "\n%s\n", s.Red("problem: "+p))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "\nnote: %s\n", n)
	}
	last := verdict(r)
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

// table sets rows: the first column labels wide, each figure width.
func table(b *strings.Builder, rows []row, labels, width int, s typeset.Style) {
	for _, r := range rows {
		label := r.label
		if r.part {
			label = "  " + label
		}
		fmt.Fprint(b, typeset.PadRight(shorten(label, labels-1), labels))
		for _, v := range r.values {
			text := typeset.PadLeft(v.text, width)
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
	fmt.Fprintf(b, "\n%s\n", s.Dim("clients              answers    errors   median      p99  longest    sent p99"))
	for _, c := range r.Classes {
		failed := typeset.PadLeft(typeset.Count(c.Errors), 10)
		if c.Errors > 0 {
			failed = s.Red(failed)
		}
		fmt.Fprintf(b, "%s%s%s%s%s%s%s\n", typeset.PadRight(fmt.Sprintf("%d %s", c.Clients, c.Class), 17),
			typeset.PadLeft(typeset.Count(c.Answers), 11), failed,
			typeset.PadLeft(typeset.Latency(c.Response.P50.Duration()), 9), typeset.PadLeft(typeset.Latency(c.Response.P99.Duration()), 9),
			typeset.PadLeft(typeset.Latency(c.Response.Max.Duration()), 9), typeset.PadLeft(typeset.Latency(c.Service.P99.Duration()), 12))
	}
	fmt.Fprintln(b, s.Dim("response times count from when an arrival was due, \"sent\" from when it was sent"))
}

// faults sets a line for each kind of error, with the words that came with it.
func faults(b *strings.Builder, r *measure.Result, s typeset.Style) {
	const most = 12
	for i, f := range r.Faults {
		if i == 0 {
			fmt.Fprintf(b, "\n%s\n", s.Dim("errors, by what the client was doing"))
		}
		if i == most {
			fmt.Fprintf(b, "… %d kinds more, in the report\n", len(r.Faults)-most)
			break
		}
		when := fmt.Sprintf("%s to %s: ", typeset.Seconds(f.First.Duration()), typeset.Seconds(f.Last.Duration()))
		fmt.Fprintf(b, "%s × %s\n%s\n", typeset.PadLeft(typeset.Count(f.Count), 7), f.Class+", "+faultLabel(f),
			s.Dim("          "+shorten(when+f.Sample, typeset.TerminalWidth-10)))
	}
}

// overTime draws errors, or else answers, as signs, and below them the marks by
// number.
func overTime(b *strings.Builder, r *measure.Result, s typeset.Style) {
	if len(r.Timeline.Buckets) == 0 {
		return
	}
	const label = 10
	width := typeset.TerminalWidth - label
	per := (len(r.Timeline.Buckets) + width - 1) / width
	line := sparkline(r.Timeline.Buckets, per)
	if r.Felt.Errors > 0 {
		line = s.Red(line)
	} else {
		line = s.Green(line)
	}
	column := time.Duration(per) * r.Timeline.Step.Duration()
	fmt.Fprintf(b, "\n%s%s\n", typeset.PadRight("errors", label), line)
	if len(r.Marks) > 0 {
		fmt.Fprintf(b, "%s%s\n", typeset.PadRight("marks", label), markLine(r.Marks, column, (len(r.Timeline.Buckets)+per-1)/per))
	}
	fmt.Fprintln(b, s.Dim(typeset.PadRight("", label)+fmt.Sprintf("one column is %v", column)))
	for i, m := range r.Marks {
		fmt.Fprintf(b, "%s  %s  %s\n", typeset.PadLeft(string(markSign(i)), 5), typeset.PadLeft(typeset.Seconds(m.At.Duration()), 8), shorten(m.Text, 60))
	}
}

// sparkline draws the errors, one sign for each per buckets.
func sparkline(buckets []measure.Bucket, per int) string {
	var columns []int
	peak := 0
	for i := range buckets {
		if i%per == 0 {
			columns = append(columns, 0)
		}
		columns[len(columns)-1] += buckets[i].Failed()
		peak = max(peak, columns[len(columns)-1])
	}
	signs := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, n := range columns {
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
		at := min(columns-1, int(m.At.Duration()/column))
		if signs[at] == ' ' {
			signs[at] = markSign(i)
		}
	}
	return strings.TrimRight(string(signs), " ")
}

// markSign is the sign of mark i: 1 to 9, then letters.
func markSign(i int) rune {
	const signs = "123456789abcdefghijklmnopqrstuvwxyz"
	if i < len(signs) {
		return rune(signs[i])
	}
	return '+'
}

func shorten(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}
