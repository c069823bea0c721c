package wire

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxShown is the longest text of a stranger that is shown, in bytes: messages of MySQL are no longer.
const MaxShown = 512

// Shown makes what a stranger said, a server or a client, fit to be shown in a terminal, a log, a table and a page: one line of at most so many
// bytes, without anything that is not printed. Escape sequences, line ends that would forge a row, and what turns the direction of writing or
// hides are such. Of a text that is longer the beginning is left.
func Shown(text string, most int) string {
	if isPlain(text) && len(text) <= most {
		return text
	}
	cut := len(text) > 4*most // what is not looked at cannot cost anything
	if cut {
		text = text[:4*most]
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == utf8.RuneError
	}), " ")
	if len(text) <= most && !cut {
		return text
	}
	at := min(len(text), most)
	for at > 0 && at < len(text) && !utf8.RuneStart(text[at]) {
		at--
	}
	return text[:at] + "…"
}

// isPlain tells whether a text is of ASCII's letters, digits and signs with single spaces between, as nearly all are.
func isPlain(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c > '~':
			return false
		case c == ' ' && (i == 0 || i == len(text)-1 || text[i-1] == ' '):
			return false
		}
	}
	return true
}
