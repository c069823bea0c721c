package report

import (
	"strings"
	"testing"

	"segue/bench/measure"
)

func TestMarkdown(t *testing.T) {
	before, after := sample("a | b", true), sample("segue", false)
	after.Classes[0].Class, after.Ledger = measure.Short.String(), nil
	text := Markdown([]*measure.Result{before, after})
	for _, want := range []string{
		"|  | `a \\| b` | `segue` |\n|---|---:|---:|\n",
		"| errors a client saw | 288 | 0 |\n",
		"| of so many arrivals | 8,188 | 7,900 |\n",
		"| sessions lost (of these unseen, in pools) | 16 (0) | 0 (0) |\n",
		"| writes lost, doubled, torn, undone | 0, 1, 0, 0 | – |\n",
		"| writes whose outcome was not told | 3 | – |\n",
		"| short-lived, median / p99 | – | 1.00 ms / 5.00 ms |\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	text, alike, found := strings.Cut(text, "\n\n")
	if !found || alike != "Not alike: clients: 16 long-lived, 16 short-lived.\n" {
		t.Errorf("of the runs' differences: %q", alike)
	}
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); n != 4 {
			t.Errorf("line %d has %d bars: %s", i+1, n, line)
		}
	}
}

func TestFaultList(t *testing.T) {
	want := "240 × short-lived, connect: refused; 40 × long-lived, connect: ERR 1040; 8 × transaction, in a transaction: connection lost, not sent"
	if got := FaultList(sample("x", true)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := FaultList(sample("x", false)); got != "none" {
		t.Errorf("got %s, want none", got)
	}
}
