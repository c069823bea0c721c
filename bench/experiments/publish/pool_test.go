package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What pool.sh writes becomes a table when there is all of it, and of what was run again the last counts.
func TestPool(t *testing.T) {
	var text strings.Builder
	for i, experiment := range poolExperiments {
		for j, front := range poolFronts {
			for again := range 2 {
				fmt.Fprintf(&text, "%s\t%s\t3000 requests\t%d reads failed\t%d transactions failed\tlongest %d ms\tp99 4 ms\t{SQLException 08S01=1}\tload %d.5\n",
					experiment, front[0], i+again, j, 1000*i+120, i+1)
			}
		}
	}
	dir := t.TempDir()
	for name, content := range map[string]string{"results.tsv": text.String(), "machine": "2 × a machine\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	doc, err := splicePool("x\n<!-- begin pool -->\nold\n<!-- end -->\n", dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| | `jdbc:mysql:loadbalance` | `haproxy-tuned` | `segue` |\n|---|---:|---:|---:|\n| `rolling` | 1 + 0, 0.1 s | 1 + 1, 0.1 s | 1 + 2, 0.1 s |\n",
		"| `all-down` | 5 + 0, 4.1 s |", "load 1.5 to 5.5 before each. 2 × a machine.\n<!-- end -->",
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("no %q in\n%s", want, doc)
		}
	}
	first, _, _ := strings.Cut(text.String(), "\n")
	if _, missing, err := poolTable(first); err != nil || len(missing) != len(poolExperiments)*len(poolFronts)-1 {
		t.Errorf("%v, %v", missing, err)
	}
	if _, _, err := poolTable("kill\tsegue\twhat\t\t\t\t\n"); err == nil {
		t.Error("a line without figures is taken")
	}
	if doc, err := splicePool("as it is", t.TempDir()); doc != "as it is" || err != nil {
		t.Errorf("%q, %v", doc, err)
	}
}
