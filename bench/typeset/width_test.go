package typeset

import (
	"testing"
	"unicode"

	textwidth "golang.org/x/text/width"
)

func TestWidth(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "é": 1, "e\u0301": 1, "界面": 4, "ﾊﾝ": 2, "Ａ": 2, "…": 1} {
		if got := Width(text); got != want {
			t.Errorf("Width(%q) = %d, want %d", text, got, want)
		}
	}
	for _, test := range []struct {
		text string
		most int
		want string
	}{{"abcdef", 6, "abcdef"}, {"abcdef", 4, "abc…"}, {"界面界面", 8, "界面界面"}, {"界面界面", 7, "界面界…"}, {"界面界面", 4, "界…"}, {"ab", 0, ""}, {"ab", 1, "…"}} {
		if got := Cut(test.text, test.most); got != test.want || Width(got) > test.most {
			t.Errorf("Cut(%q, %d) = %q, want %q", test.text, test.most, got, test.want)
		}
	}
	if got := Pad("界", 4, true) + "|" + Pad("界", 4, false) + "|" + Pad("界面界", 4, false); got != "  界|界  |界… " {
		t.Errorf("pad: %q", got)
	}
}

// The blocks of wide letters are those of Unicode: every one that is, and few beside them that are not, of which none is in use in a name.
func TestWideAsUnicode(t *testing.T) {
	for r := rune(0x300); r < 0x40000; r++ {
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
