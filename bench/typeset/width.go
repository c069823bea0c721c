package typeset

import (
	"strings"
	"unicode"
)

// wide are the letters that take two columns of a terminal: those whose East_Asian_Width is W or F (Unicode, UAX #11), in blocks.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x1100, 0x115f, 1},
		{0x231a, 0x231b, 1},
		{0x2329, 0x232a, 1},
		{0x23e9, 0x23ec, 1},
		{0x2e80, 0x303e, 1},
		{0x3041, 0x4dbf, 1},
		{0x4e00, 0xa4cf, 1},
		{0xa960, 0xa97f, 1},
		{0xac00, 0xd7a3, 1},
		{0xf900, 0xfaff, 1},
		{0xfe10, 0xfe19, 1},
		{0xfe30, 0xfe6f, 1},
		{0xff01, 0xff60, 1},
		{0xffe0, 0xffe6, 1},
	},
	R32: []unicode.Range32{{0x16fe0, 0x18d08, 1}, {0x1aff0, 0x1b2ff, 1}, {0x1f300, 0x1f64f, 1}, {0x1f680, 0x1f6ff, 1}, {0x1f900, 0x1f9ff, 1}, {0x20000, 0x3fffd, 1}},
}

// columnsOf is how many columns a letter takes.
func columnsOf(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// Width is how many columns a text takes.
func Width(text string) (n int) {
	for _, r := range text {
		n += columnsOf(r)
	}
	return n
}

// Cut makes a text take at most so many columns. That something is missing the last one says.
func Cut(text string, most int) string {
	if Width(text) <= most {
		return text
	}
	if most < 1 {
		return ""
	}
	at, n := 0, 0
	for i, r := range text {
		if n += columnsOf(r); n > most-1 {
			break
		}
		at = i + len(string(r))
	}
	return text[:at] + "…"
}

// Pad makes a text take exactly so many columns, its end or its beginning at the side.
func Pad(text string, columns int, right bool) string {
	text = Cut(text, columns)
	space := strings.Repeat(" ", max(0, columns-Width(text)))
	if right {
		return space + text
	}
	return text + space
}
