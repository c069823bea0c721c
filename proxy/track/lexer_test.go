package track

import (
	"testing"
)

// A part of a name is no word, and no name loses its end to a number.
func TestNamesOfDigitsAndLetters(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT t.1INTO, t.1e5INTO, t . 1INTO FROM t": "", "SELECT 1INTO FROM t": "", "SELECT 1 FROM 1e5t": "", "SELECT 1.5 * .5, 0x1F, 0b11, 1e5, -1.5E+3, 1.": "",
		"SELECT 数据à AS voilà FROM t":                                            "",
		"CREATE TEMPORARY TABLE 1e5a (a INT); DROP TABLE 1e5b":                  PinTemporaryTable,
		"CREATE TEMPORARY TABLE 1e5a (a INT); DROP TABLE 1e5a":                  "",
		"CREATE TEMPORARY TABLE d.5a (a INT); DROP TABLE d.5b":                  PinTemporaryTable,
		"CREATE TEMPORARY TABLE d.5a (a INT); DROP TABLE d.5a":                  "",
		"CREATE TEMPORARY TABLE s (a INT); DROP TEMPORARY TABLE IF EXISTS s, u": "",
	} {
		if s := session(Options{}, text); s.Pinned() != want || len(s.Unresolved()) > 0 {
			t.Errorf("%q: pinned %q, want %q; unresolved %q", text, s.Pinned(), want, s.Unresolved())
		}
	}
	for text, want := range map[string]bool{
		"SELECT 1, 1.5, .5, 0x1F, 1e5, t.1a FROM 5t": true, "SELECT 名称 AS 数据à FROM t WHERE COUNT(a) > 1.5": true,
		"SELECT 1f(3)": false, "SELECT 1.5lower(3)": false, "SELECT 0x1Flower(3)": false, "SELECT a\xa0LOWER(3)": false, "SELECT LOWER\xa0(3)": false, "SELECT 1 IN\xa0(3)": false,
	} {
		if s := New(Options{}, 2); s.Look(say(query(text)).bytes()).ReadOnly != want {
			t.Errorf("%q: read-only %v, want %v", text, !want, want)
		}
	}
}

// U+3000 is white space to StarRocks, whose transactions only words tell.
func TestIdeographicSpaceBetweenWords(t *testing.T) {
	for text, want := range map[string]effect{
		"BEGIN\u3000": began, "\u3000BEGIN": began, "START\u3000\u3000TRANSACTION\u3000": began, "COMMIT\u3000WORK": ended, "ROLLBACK\u3000TO a": 0,
		"BEGIN\u3001": 0, "BEGIN\u3042": 0, "\u3042\u3000BEGIN": 0,
	} {
		for size := range 5 {
			if got := scan(text, size); got != want {
				t.Errorf("%q in pieces of %d: %b, want %b", text, size, got, want)
			}
		}
	}
}
