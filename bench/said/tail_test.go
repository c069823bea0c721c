package said

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTail(t *testing.T) {
	var to strings.Builder
	tail := &Tail{To: &to}
	if got := tail.Lines(0); got != nil {
		t.Errorf("of nothing: %q", got)
	}
	fmt.Fprint(tail, "\none\n", "two\nthree\n\n")
	for n, want := range map[int]string{0: "one two three", 1: "three", 2: "two three", 9: "one two three"} {
		if got := tail.Lines(n); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%d: %q", n, got)
		}
	}
	if to.String() != "\none\ntwo\nthree\n\n" {
		t.Errorf("passed on: %q", to.String())
	}
	fmt.Fprint(tail, strings.Repeat("x", 5000), "end")
	if got := tail.Lines(0); len(got) != 1 || len(got[0]) != most || !strings.HasSuffix(got[0], "xend") {
		t.Errorf("%d lines", len(got))
	}
}
