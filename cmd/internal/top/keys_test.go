package top

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	textwidth "golang.org/x/text/width"
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

func TestWidth(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "é": 1, "e\u0301": 1, "界面": 4, "ﾊﾝ": 2, "Ａ": 2, "…": 1} {
		if got := width(text); got != want {
			t.Errorf("width(%q) = %d, want %d", text, got, want)
		}
	}
	for _, test := range []struct {
		text string
		most int
		want string
	}{{"abcdef", 6, "abcdef"}, {"abcdef", 4, "abc…"}, {"界面界面", 8, "界面界面"}, {"界面界面", 7, "界面界…"}, {"界面界面", 4, "界…"}, {"ab", 0, ""}, {"ab", 1, "…"}} {
		if got := cut(test.text, test.most); got != test.want || width(got) > test.most {
			t.Errorf("cut(%q, %d) = %q, want %q", test.text, test.most, got, test.want)
		}
	}
	if got := pad("界", 4, true) + "|" + pad("界", 4, false) + "|" + pad("界面界", 4, false); got != "  界|界  |界… " {
		t.Errorf("pad: %q", got)
	}
}

// The blocks of wide letters are those of Unicode: every one that is, and few beside them that are not, of which none is in use in a name.
func TestWideAsUnicode(t *testing.T) {
	for r := rune(0x300); r < unicode.MaxRune; r++ {
		kind := textwidth.LookupRune(r).Kind()
		isWide := kind == textwidth.EastAsianWide || kind == textwidth.EastAsianFullwidth
		if isWide && columnsOf(r) == 1 && unicode.IsLetter(r) {
			t.Errorf("%U is wide", r)
		}
		if !isWide && columnsOf(r) == 2 && unicode.IsLetter(r) && kind != textwidth.Neutral {
			t.Errorf("%U is not wide", r)
		}
	}
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
