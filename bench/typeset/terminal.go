package typeset

import (
	"strings"
	"unicode/utf8"
)

// TerminalWidth is the widest line that a terminal of 80 columns takes without a
// break.
const TerminalWidth = 79

// Style colours words in a terminal, and has lines cut to its width. The zero value leaves text plain.
type Style struct {
	On    bool
	Whole bool // it is no terminal: nothing is cut
	Width int  // of the terminal, in columns; 0: it is not known
}

// leastWidth is the narrowest terminal that is written for.
const leastWidth = 60

// Columns is the widest line that the terminal takes without a break.
func (s Style) Columns() int {
	if s.Width == 0 {
		return TerminalWidth
	}
	return max(s.Width, leastWidth) - 1
}

func (s Style) paint(code, text string) string {
	if !s.On {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold is for what is to be remembered.
func (s Style) Bold(text string) string { return s.paint("1", text) }

// Dim is for what explains.
func (s Style) Dim(text string) string { return s.paint("2", text) }

// Red is for errors.
func (s Style) Red(text string) string { return s.paint("1;31", text) }

// Green is for the lack of them.
func (s Style) Green(text string) string { return s.paint("1;32", text) }

// PadLeft makes text at least width columns wide, its end at the right.
func PadLeft(text string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text))) + text
}

// PadRight makes text at least width columns wide, its beginning at the left.
func PadRight(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
