package top

import (
	"slices"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	for text, want := range map[string][]Key{
		"q": {"q"}, "é界": {"é", "界"}, "\x1b[A\x1b[B": {Up, Down}, "\x1bOA\x1bOF": {Up, End}, "\x1b[5~\x1b[6~": {PageUp, PageDown}, "\x1b[1~\x1b[4~": {Home, End},
		"\x1b": {Escape}, "\x1b\x1b[A": {Escape, Up}, "\t\x1b[Z\r\n": {Tab, BackTab, Enter, Enter}, "\x7f\x08": {Backspace, Backspace}, "\x03\x1a\x0c\x15": {Interrupt, Suspend, Redraw, Erase},
		"\x1b[200~dy\x1b[201~": {PasteBegins, "d", "y", PasteEnds}, "\x1b[1;5Cq": {"q"}, "\x01\xffq": {"q"}, "": nil,
	} {
		if got, rest := decode([]byte(text)); !slices.Equal(got, want) || len(rest) > 0 {
			t.Errorf("%q: %q, and %q left; want %q", text, got, rest, want)
		}
	}
	for text, left := range map[string]string{"q\x1b[": "\x1b[", "q\x1b[20": "\x1b[20", "q\xe7\x95": "\xe7\x95"} {
		if got, rest := decode([]byte(text)); !slices.Equal(got, []Key{"q"}) || string(rest) != left {
			t.Errorf("%q: %q, and %q left; want %q", text, got, rest, left)
		}
	}
}

// Whatever a terminal sends, and wherever it is cut: the keys are the same, and no more is kept than a sequence.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x1b[A界q\x1b[200~"), 3)
	f.Add([]byte("\x1b[999999999999999999999999999999999999999999999"), 7)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		whole, left := decode(data)
		if len(left) > mostSequence {
			t.Errorf("%q is kept", left)
		}
		for _, k := range whole {
			if k == "" {
				t.Error("a key that is none")
			}
		}
		if at < 0 || at > len(data) || at > 0 && data[at-1] == 0x1b {
			return // an ESC at the end of what has come is waited for elsewhere
		}
		first, rest := decode(data[:at])
		if len(data) > mostSequence {
			return // one that is too long ends where it was cut
		}
		second, rest := decode(append(rest, data[at:]...))
		if got := append(first, second...); !slices.Equal(got, whole) || !slices.Equal(rest, left) {
			t.Errorf("%q cut at %d: %q and %q, want %q and %q", data, at, got, rest, whole, left)
		}
	})
}

func TestPainted(t *testing.T) {
	l := Line{{"a", Bold}, {"b", Bad}, {"c", Plain}, {"d", Chosen}}
	if got := l.painted(true); got != "\x1b[1ma\x1b[0m\x1b[31mb\x1b[0mc\x1b[7md\x1b[0m" {
		t.Errorf("%q", got)
	}
	if got := l.painted(false); strings.Contains(got, "\x1b[3") || got != "\x1b[1ma\x1b[0mbc\x1b[7md\x1b[0m" {
		t.Errorf("without colour: %q", got)
	}
}
