package track

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the pages that are made from tables")

func TestStatementsPageIsTheTable(t *testing.T) {
	servers := triedOn(t)
	var b bytes.Buffer
	b.WriteString("# Statements\n\nWhat a session holds on its backend after a statement has succeeded. Made from `Verdicts` by `go test ./proxy/track -update`.\n\n" +
		"The last column has the servers that TestMoveVerdicts (`proxy/e2e`) has tried the row on: an example of it has run there, and its session has moved or stayed as the table says.\n\n" +
		"| statement | dialects and versions | held | note | tried on |\n|---|---|---|---|---|\n")
	for _, r := range Verdicts() {
		var on []string
		for _, server := range slices.Sorted(maps.Keys(servers)) {
			if slices.Contains(servers[server], r.Statement) {
				on = append(on, server)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.Statement, r.Dialects, r.Held, r.Note, strings.Join(on, ", "))
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

// TestPinsPageIsTheTable holds the page of what pins a session to what it is told by.
func TestPinsPageIsTheTable(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("# What pins a session\n\nA session that is pinned cannot leave its backend now; it stays until what is in the last column, at most `drain.timeout`. `segue sessions` has the reason of each, and " +
		"`segue drain --wait` those of the ones that are left. Which statement brings which about is in [Statements](../../../proxy/track/STATEMENTS.md). A session that shows `no-credential` is one that " +
		"Segue cannot log in for: [let sessions move](../how-to/let-sessions-move.md).\n\nMade from what the program says by `go test ./proxy/track -update`.\n\n| reason | what it means | what ends it |\n|---|---|---|\n")
	for _, reason := range slices.Sorted(maps.Keys(pinWords)) {
		w := strings.NewReplacer("deploy/docs/explanation/limits.md", "[limits](../explanation/limits.md)")
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", reason, w.Replace(pinWords[reason].Is), w.Replace(pinWords[reason].Ends))
	}
	path := filepath.Join("..", "..", "deploy", "docs", "reference", "pins.md")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if page, err := os.ReadFile(path); err != nil || !bytes.Equal(page, b.Bytes()) {
		t.Errorf("%s is not what the table makes (%v): run go test ./proxy/track -update", path, err)
	}
}

// triedOn has the rows that have been tried on each server.
func triedOn(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("testdata/tried/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no server has tried a row: %v", err)
	}
	servers := map[string][]string{}
	for _, file := range files {
		rows, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		servers[strings.TrimSuffix(filepath.Base(file), ".txt")] = strings.Split(strings.TrimSpace(string(rows)), "\n")
	}
	return servers
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

// versions are those by which the examples are read.
var versions = map[Dialect]uint32{MySQL: 80036, MariaDB: 101106, TiDB: 80500}

func TestVerdictsOnExamples(t *testing.T) {
	for _, r := range Verdicts() {
		for _, dialect := range []struct {
			name string
			d    Dialect
		}{{"MySQL", MySQL}, {"MariaDB", MariaDB}, {"TiDB", TiDB}, {"StarRocks", StarRocks}, {"Doris", Doris}} {
			if r.Dialects != "all" && !strings.Contains(r.Dialects, dialect.name) {
				continue
			}
			for _, text := range r.Examples {
				if r.Dialects == "all" && strings.HasPrefix(text, "/*!") && dialect.d.fe() {
					continue
				}
				s := run(Options{Dialect: dialect.d, Version: versions[dialect.d]}, []talk{say(query(text)), answer(okFE)}, 1<<20)
				want := r.Held
				if got := heldAfter(s); got != want {
					t.Errorf("%s: %s: %s, want %s", dialect.name, text, got, want)
				}
				failed := run(Options{Dialect: dialect.d, Version: versions[dialect.d]}, []talk{say(query(text)), answer(failure)}, 1<<20)
				if got := heldAfter(failed); !strings.ContainsAny(text, ";,") && got != "nothing" && got != "asked" && got != "pins: procedure" {
					t.Errorf("%s: %s: %s after it failed", dialect.name, text, heldAfter(failed))
				}
			}
		}
	}
}
