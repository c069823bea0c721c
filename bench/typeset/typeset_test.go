package typeset

import (
	"testing"
	"time"
)

func at(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }

func TestFigures(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 38214: "38,214", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0 ms", at(240): "240 ms", at(1234): "1.2 s", 20 * time.Second: "20 s"} {
		if got := Wait(d); got != want {
			t.Errorf("Wait(%v) = %s, want %s", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0", 420 * time.Microsecond: "0.42 ms", 9_996 * time.Microsecond: "10.0 ms", 12_340 * time.Microsecond: "12.3 ms",
		at(123): "123 ms", at(1250): "1.25 s", 200 * time.Second: "200 s",
	} {
		if got := Latency(d); got != want {
			t.Errorf("Latency(%v) = %s, want %s", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{-1: "0s", 59 * time.Second: "59s", at(187_000): "3m07s", 252 * time.Minute: "4h12m", 300 * time.Hour: "12d"} {
		if got := Age(d); got != want {
			t.Errorf("Age(%v) = %s, want %s", d, got, want)
		}
	}
	if got := Clock(at(271_600)); got != "4:32" {
		t.Errorf("Clock: %s", got)
	}
	if got := Plural(1, "error") + ", " + Plural(2000, "error"); got != "1 error, 2,000 errors" {
		t.Errorf("Plural: %s", got)
	}
}

func TestColumns(t *testing.T) {
	for width, want := range map[int]int{0: 79, 80: 79, 200: 199, 10: 59} {
		if got := (Style{Width: width}).Columns(); got != want {
			t.Errorf("of %d columns %d, want %d", width, got, want)
		}
	}
}

func TestStyleOnlyAddsColour(t *testing.T) {
	if got := (Style{}).Red("x"); got != "x" {
		t.Errorf("plain: %q", got)
	}
	if got := (Style{On: true}).Red("x"); got != "\x1b[1;31mx\x1b[0m" {
		t.Errorf("red: %q", got)
	}
	if got := PadLeft("ä", 3) + "|" + PadRight("ä", 3) + "|" + PadLeft("long", 2); got != "  ä|ä  |long" {
		t.Errorf("padded: %q", got)
	}
}
