package top

import (
	"strings"
	"unicode/utf8"
)

// Key is one key: a letter as it is written, or one of these.
type Key string

// Keys that write no letter.
const (
	Up        Key = "up"
	Down      Key = "down"
	PageUp    Key = "page up"
	PageDown  Key = "page down"
	Home      Key = "home"
	End       Key = "end"
	Tab       Key = "tab"
	BackTab   Key = "shift tab"
	Enter     Key = "enter"
	Escape    Key = "escape"
	Backspace Key = "backspace"
	Interrupt Key = "ctrl c"
	Suspend   Key = "ctrl z"
	Redraw    Key = "ctrl l"
	Erase     Key = "ctrl u"
	// What stands between these has been pasted: nobody has meant a command by it.
	PasteBegins Key = "paste begins"
	PasteEnds   Key = "paste ends"
)

// sequences are what terminals send for keys behind ESC [ or ESC O.
var sequences = map[string]Key{
	"A": Up, "B": Down, "H": Home, "F": End, "Z": BackTab, "1~": Home, "4~": End, "5~": PageUp, "6~": PageDown, "7~": Home, "8~": End,
	"200~": PasteBegins, "201~": PasteEnds,
}

var controls = map[byte]Key{
	'\t': Tab, '\r': Enter, '\n': Enter, 0x08: Backspace, 0x7f: Backspace, 0x03: Interrupt, 0x1a: Suspend, 0x0c: Redraw, 0x15: Erase,
}

// decode finds the keys in what a terminal has sent. The rest is the beginning of one. An ESC that nothing follows is the key.
func decode(data []byte) (keys []Key, rest []byte) {
	for len(data) > 0 {
		k, n := one(data)
		if n == 0 {
			return keys, data
		}
		if k != "" {
			keys = append(keys, k)
		}
		data = data[n:]
	}
	return keys, nil
}

// mostSequence is the longest sequence that is waited for the end of, in bytes.
const mostSequence = 32

// one is the first key, empty for one that is not known, and its length; zero: its end is missing.
func one(data []byte) (Key, int) {
	c := data[0]
	switch {
	case c == 0x1b && len(data) > 1 && (data[1] == '[' || data[1] == 'O'):
		for i := 2; i < len(data); i++ {
			if data[i] >= '@' && data[i] <= '~' {
				return sequences[string(data[2:i+1])], i + 1
			}
		}
		if len(data) > mostSequence {
			return "", len(data)
		}
		return "", 0
	case c == 0x1b:
		return Escape, 1
	case c < ' ' || c == 0x7f:
		return controls[c], 1
	case !utf8.FullRune(data):
		return "", 0
	}
	r, n := utf8.DecodeRune(data)
	if r == utf8.RuneError {
		return "", n
	}
	return Key(data[:n]), n
}

// letter tells whether a key writes one.
func (k Key) letter() bool {
	return utf8.RuneCountInString(string(k)) == 1 && !strings.ContainsAny(string(k), "\x00\x1b")
}
