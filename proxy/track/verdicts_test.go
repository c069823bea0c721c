package track

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write STATEMENTS.md")

func TestStatementsPageIsTheTable(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("# Statements\n\nWhat a session holds on its backend after a statement has succeeded. Made from `Verdicts` by `go test ./proxy/track -update`.\n\n" +
		"| statement | dialects | held | note |\n|---|---|---|---|\n")
	for _, r := range Verdicts() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.Statement, r.Dialects, r.Held, r.Note)
	}
	if *update {
		if err := os.WriteFile("STATEMENTS.md", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if page, err := os.ReadFile("STATEMENTS.md"); err != nil || !bytes.Equal(page, b.Bytes()) {
		t.Errorf("STATEMENTS.md is not what the table makes (%v): run go test ./proxy/track -update", err)
	}
}

// after tells what a session holds, in the words of the table.
func heldAfter(s *State) string {
	switch r := s.Replay(); {
	case s.Pinned() != "":
		return "pins: " + s.Pinned()
	case len(s.Unresolved()) > 0:
		return "asked"
	case len(r.Statements) > 0 || r.Database != "" || len(r.Prepared) > 0:
		return "replayed"
	}
	return "nothing"
}

func TestVerdictsOnExamples(t *testing.T) {
	for _, r := range Verdicts() {
		for _, dialect := range []struct {
			name string
			d    Dialect
		}{{"MySQL", MySQL}, {"TiDB", TiDB}, {"StarRocks", StarRocks}} {
			if r.Dialects != "all" && !strings.Contains(r.Dialects, dialect.name) {
				continue
			}
			for _, text := range r.Examples {
				if r.Dialects == "all" && strings.HasPrefix(text, "/*!") && dialect.d == StarRocks {
					continue
				}
				s := run(Options{Dialect: dialect.d}, []talk{say(query(text)), answer(okFE)}, 1<<20)
				want := r.Held
				if got := heldAfter(s); got != want {
					t.Errorf("%s: %s: %s, want %s", dialect.name, text, got, want)
				}
				failed := run(Options{Dialect: dialect.d}, []talk{say(query(text)), answer(failure)}, 1<<20)
				if !strings.ContainsAny(text, ";,") && heldAfter(failed) != "nothing" {
					t.Errorf("%s: %s: %s after it failed", dialect.name, text, heldAfter(failed))
				}
			}
		}
	}
}
