package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"segue/bench/measure"
)

func TestSplice(t *testing.T) {
	doc := "a\n<!-- begin x -->\nold\n<!-- end -->\nb\n<!-- begin y -->\nkept\n<!-- end -->\n"
	want := "a\n<!-- begin x -->\nnew\n<!-- end -->\nb\n<!-- begin y -->\nkept\n<!-- end -->\n"
	if got, err := splice(doc, "x", "new\n"); err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
	for _, doc := range []string{"", "<!-- begin x -->\nno end", "<!-- end -->\n<!-- begin x -->\n"} {
		if got, err := splice(doc, "x", "new"); err == nil {
			t.Errorf("%q became %q", doc, got)
		}
	}
}

// The short table is made from the long ones, whatever these were made from.
func TestSummary(t *testing.T) {
	var doc strings.Builder
	for i, s := range allSeries() {
		var runs []*measure.Result
		for j, front := range s.fronts() {
			runs = append(runs, &measure.Result{Name: front, Felt: measure.Felt{Errors: 1000*i + j}})
		}
		if s.String() == "hang-tidb" {
			runs = nil
		}
		doc.WriteString("<!-- begin " + s.String() + " -->\n")
		if runs != nil {
			doc.WriteString(section(runs, []string{"a machine"}, nil))
		}
		doc.WriteString("<!-- end -->\n")
	}
	got, err := summary(doc.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| | `direct` | `dns` | `haproxy-cloud` | `haproxy-tuned` | `nginx` | `segue` |\n|---|---:|---:|---:|---:|---:|---:|\n",
		"| `rolling` | 0 · 1,000 · 2,000 | 1 · 1,001 · 2,001 | 2 · 1,002 · 2,002 | 3 · 1,003 · 2,003 | 4 · 1,004 · 2,004 | 5 · 1,005 · 2,005 |\n",
		"| `hang` | 6,000 · 7,000 · – | 6,001 · 7,001 · – |",
		"| `restart` | – · – · – | – · – · – | 15,000 · 16,000 · 17,000 |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if _, err := summary("no tables"); err == nil || !strings.Contains(err.Error(), "no table of rolling-fe") {
		t.Errorf("no tables: %v", err)
	}
}

func TestSection(t *testing.T) {
	day := time.Date(2026, 11, 25, 4, 0, 0, 0, time.UTC)
	runs := []*measure.Result{
		{Name: "direct", Server: "9.9, TiDB Server (Apache License)", Started: day, Tool: "segue v1, go1.26.8"},
		{
			Name: "segue", Server: "9.9, TiDB Server (Apache License)", Started: day.Add(time.Hour), Tool: "segue v1, go1.26.8; Segue measured: v1 on 127.0.0.1:1",
			Faults: []measure.FaultRow{{Class: "writer", Doing: "write", What: "ERR", Number: 1053, Count: 2}},
		},
	}
	want := "\nErrors through `segue`: 2 × writer, write: ERR 1053. Servers: 9.9, TiDB Server. 25 November 2026, on a machine and another, load 0.5 to 12.0 before each (segue v1, go1.26.8).\n"
	if got := section(runs, distinct([]string{"a machine\n", "another\n", "a machine\n"}), []string{"3.25\n", "0.5\n", "12.00\n"}); !strings.HasSuffix(got, want) {
		t.Errorf("got  %s\nwant …%s", got, want)
	}
}

func TestPictures(t *testing.T) {
	got := pictures("![a](experiments/kill-fe.svg) [b](x.svg) ![c](logo.png)\n![](y.svg)")
	if want := []string{"experiments/kill-fe.svg", "y.svg"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
