package demo

import (
	"strings"
	"testing"
)

// The history of checks reads as a story: o passed, x failed; the answer marks
// with ! the check that changed something.
func TestRotationObserve(t *testing.T) {
	tests := []struct{ name, checks, changes string }{
		{"a blip is forgiven", "oxxoxxo", "......."},
		{"three failures take it out", "oxxx", "...!"},
		{"once out, more failures change nothing", "xxxxx", "..!.."},
		{"two passes bring it back", "xxxoxoo", "..!...!"},
		{"back in, the count starts anew", "xxxooxxx", "..!.!..!"},
	}
	for _, tt := range tests {
		r := newRotation(2, 3, 2)
		var got strings.Builder
		for _, c := range tt.checks {
			if r.observe(1, c == 'o') {
				got.WriteString("!")
			} else {
				got.WriteString(".")
			}
		}
		if got.String() != tt.changes {
			t.Errorf("%s: %s gives %s, want %s", tt.name, tt.checks, got.String(), tt.changes)
		}
	}
}

func TestRotationChoose(t *testing.T) {
	r := newRotation(3, 1, 1)
	draw := func(n int) string {
		var s strings.Builder
		for range n {
			s.WriteString(string(rune('0' + r.choose())))
		}
		return s.String()
	}
	if got := draw(6); got != "012012" {
		t.Errorf("all in: %s", got)
	}
	r.observe(1, false)
	if got := draw(4); got != "0202" {
		t.Errorf("1 out: %s", got)
	}
	r.observe(0, false)
	r.observe(2, false)
	if got := draw(6); got != "012012" {
		t.Errorf("all out, so all are used: %s", got)
	}
	r.observe(2, true)
	if got := draw(2); got != "22" {
		t.Errorf("2 back: %s", got)
	}
}
