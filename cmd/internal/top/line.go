package top

import (
	"strings"

	"segue/bench/typeset"
)

// Style is how a text is set.
type Style uint8

// The styles. Those from Good on are colours, which not everybody sees: what they say stands there in words, too.
const (
	Plain Style = iota
	Bold
	Dim
	Chosen // the row that keys are for
	Good
	Warn
	Bad
)

// Span is a text in one style.
type Span struct {
	Text  string
	Style Style
}

// Line is one line of the screen.
type Line []Span

// String is a line without its styles.
func (l Line) String() string {
	var text strings.Builder
	for _, s := range l {
		text.WriteString(s.Text)
	}
	return text.String()
}

// trimmed is a line without the spaces at its end.
func (l Line) trimmed() Line {
	if n := len(l); n > 0 {
		l[n-1].Text = strings.TrimRight(l[n-1].Text, " ")
	}
	return l
}

// fit cuts a line to so many columns.
func (l Line) fit(columns int) Line {
	for i, s := range l {
		w := typeset.Width(s.Text)
		if w <= columns {
			columns -= w
			continue
		}
		l = append(Line(nil), l[:i+1]...)
		l[i].Text = typeset.Cut(s.Text, columns)
		return l
	}
	return l
}

// codes are the styles as a terminal is told of them.
var codes = [...]string{Plain: "", Bold: "1", Dim: "2", Chosen: "7", Good: "32", Warn: "33", Bad: "31"}

// painted is a line as a terminal is told of it.
func (l Line) painted(color bool) string {
	var text strings.Builder
	for _, s := range l {
		if s.Style == Plain || s.Style >= Good && !color {
			text.WriteString(s.Text)
			continue
		}
		text.WriteString("\x1b[" + codes[s.Style] + "m" + s.Text + "\x1b[0m")
	}
	return text.String()
}
