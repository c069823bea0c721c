package wire

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestShown(t *testing.T) {
	for text, want := range map[string]string{
		"Access denied for user 'app'": "Access denied for user 'app'",
		"":                             "",
		"  a  b ":                      "a b",
		"\x1b[2J\x1b[1;31mfe-1  up":    "[2J [1;31mfe-1 up", // nothing that a terminal obeys
		"down\nfe-2  10.0.0.2  up":     "down fe-2 10.0.0.2 up",
		"a\rb\tc\vd\x00e\x07f\x7fg":    "a b c d e f g",
		"\u009b2J\u0085x":              "2J x", // of C1
		"a\u202eb\u2066c\u200bd\ufeff": "a b c d",
		"line\u2028and\u2029paragraph": "line and paragraph",
		"\xff\xfe\xc3":                 "",
		"größer 集群 ok":                 "größer 集群 ok",
		strings.Repeat("x", 40):        strings.Repeat("x", 30) + "…",
		strings.Repeat("é", 30):        strings.Repeat("é", 15) + "…",
		strings.Repeat("\n", 199):      "…",
	} {
		if got := Shown(text, 30); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	e := &Err{Code: 1040, State: "0\x1b[2J", Message: "Too many\nconnections" + strings.Repeat(" x", 1<<20)}
	if got := e.Error(); len(got) > MaxShown+40 || strings.ContainsAny(got, "\x1b\n") || !strings.HasPrefix(got, "ERROR 1040 (0 [2J): Too many connections x") {
		t.Errorf("%.80q", got)
	}
	if n := testing.AllocsPerRun(100, func() { Shown("Access denied", MaxShown) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzShown(f *testing.F) {
	for _, seed := range []string{"", "a b", "\x1b[2J", "a\u202eb", strings.Repeat("é", 200), "\xff"} {
		f.Add(seed, 20)
	}
	f.Fuzz(func(t *testing.T, text string, most int) {
		most = max(1, most%1000)
		got := Shown(text, most)
		if len(got) > most+len("…") || !utf8.ValidString(got) || strings.Contains(got, "  ") {
			t.Errorf("%q: %q", text, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("%q: %q has %U", text, got, r)
			}
		}
		if again := Shown(got, most+len("…")); again != got {
			t.Errorf("%q, and again %q", got, again)
		}
	})
}
