package bench

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"segue/bench/typeset"
)

// table sets the comparison for a terminal.
func table(runs []*Run, rows []row, s typeset.Style) string {
	const label = 37
	var columns []int
	var b strings.Builder
	fmt.Fprint(&b, strings.Repeat(" ", label))
	width := label
	for i, r := range runs {
		columns = append(columns, max(10, utf8.RuneCountInString(r.Name)+1))
		fmt.Fprint(&b, s.Bold(typeset.PadLeft(r.Name, columns[i])))
		width += columns[i]
	}
	fmt.Fprintln(&b)
	for _, r := range rows {
		if r.Class == "head" {
			fmt.Fprintln(&b, s.Dim(strings.Repeat("─", width)))
		}
		name := r.Label
		if r.Class == "part" || r.Class == "error" {
			name = "  " + name
		}
		fmt.Fprint(&b, typeset.PadRight(name, label))
		for i, v := range r.Values {
			fmt.Fprint(&b, paintValue(s, r.Class, typeset.PadLeft(v, columns[i])))
		}
		if r.Note != "" {
			fmt.Fprint(&b, s.Dim("  "+r.Note))
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

func paintValue(s typeset.Style, class, text string) string {
	switch {
	case class == "head" && strings.TrimSpace(text) == "0":
		return s.Green(text)
	case class == "head":
		return s.Red(text)
	case class == "error":
		return s.Dim(text)
	}
	return text
}

// sparkline draws the errors of a run, one sign per column of the given width;
// peak is the count that reaches the top.
func sparkline(l *Timeline, width time.Duration, peak int) string {
	const levels = "▁▂▃▄▅▆▇█"
	signs := []rune(levels)
	var b strings.Builder
	for _, c := range l.Columns(width) {
		if c.Errors == 0 {
			b.WriteRune('·')
			continue
		}
		b.WriteRune(signs[min(len(signs)-1, c.Errors*len(signs)/max(1, peak+1))])
	}
	return b.String()
}

// rail draws under a sparkline which backend was leaving (its last character)
// and which was gone (×).
func rail(l *Timeline, width, end time.Duration) string {
	signs := []rune(strings.Repeat(" ", len(l.Columns(width))))
	for _, s := range l.Spans(end) {
		if s.Change == TakenOut {
			continue
		}
		sign := '×'
		if s.Change == Leaving {
			sign, _ = utf8.DecodeLastRuneInString(s.Backend)
		}
		for i := int(s.From / width); i < min(len(signs), int((s.To-1)/width)+1); i++ {
			signs[i] = sign
		}
	}
	return strings.TrimRight(string(signs), " ")
}

// sparklines is the picture of all runs in plain text, on one scale.
func sparklines(runs []*Run, speed float64, s typeset.Style) string {
	const label = 21
	longest, peak := time.Duration(0), 0
	for _, r := range runs {
		longest = max(longest, r.Took)
	}
	step := runs[0].Timeline.step()
	width := max(step, (longest/(typeset.TerminalWidth-label)/step+1)*step)
	for _, r := range runs {
		for _, c := range r.Timeline.Columns(width) {
			peak = max(peak, c.Errors)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Errors over time (a column: %v, %v at real speed; the tallest: %s)\n", width,
		realTime(width, speed).Round(100*time.Millisecond), typeset.Count(peak))
	for _, r := range runs {
		line := sparkline(&r.Timeline, width, peak)
		if r.Tally.Errors() > 0 {
			line = s.Red(line)
		} else {
			line = s.Green(line)
		}
		b.WriteString(typeset.PadRight(r.Name, label) + line + "\n")
		b.WriteString(typeset.PadRight("", label) + s.Dim(rail(&r.Timeline, width, r.Took)) + "\n")
	}
	b.WriteString(s.Dim(typeset.PadRight("", label)+"1 2 3: this FE is leaving   ×: it is gone") + "\n")
	return b.String()
}
