package check

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// metric is one of Segue's, as its golden list has it.
type metric struct {
	labels []string
	kind   string // counter, gauge, histogram
}

// golden is what `go test ./cmd/segue -run TestMetricNames -update` writes: a running program's metrics.
const golden = "../../cmd/segue/testdata/metrics.golden"

// metrics are Segue's, by name.
func metrics(t *testing.T) map[string]metric {
	t.Helper()
	f, err := os.Open(golden)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	all := map[string]metric{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), "{")
		list, kind, ok := strings.Cut(rest, "} ")
		if !ok {
			t.Fatalf("%s: %q", golden, lines.Text())
		}
		m := metric{kind: kind}
		if list != "" {
			m.labels = strings.Split(list, ",")
		}
		all[name] = m
	}
	if len(all) < 30 {
		t.Fatalf("%s has %d metrics", golden, len(all))
	}
	return all
}

// series are what a query may select: metrics, what is recorded of them, and what Prometheus adds.
type series map[string][]string // labels by name

// known are all series that there are with these rules.
func known(t *testing.T, rules []rule) series {
	t.Helper()
	all := series{"up": nil, "ALERTS": {"alertname", "alertstate", "severity", "backend", "kind", "reason", "side", "listener"}}
	for name, m := range metrics(t) {
		if m.kind != "histogram" {
			all[name] = m.labels
			continue
		}
		all[name+"_bucket"] = append(slices.Clone(m.labels), "le")
		all[name+"_sum"], all[name+"_count"] = m.labels, m.labels
	}
	for _, r := range rules {
		if r.Record != "" {
			all[r.Record] = []string{"backend", "kind"}
		}
	}
	return all
}

// added are the labels that Prometheus adds to each series, and the one that Segue adds to those of a process that it has taken over from.
var added = []string{"job", "instance", labels.MetricName, "process"}

// check parses an expression, and reports each series and label that there is not.
func (all series) check(expr string) (problems []string) {
	e, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return []string{err.Error()}
	}
	used := map[string]bool{} // labels that grouping and matching may name
	var names []string
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		names = append(names, v.Name)
		have, ok := all[v.Name]
		if !ok {
			problems = append(problems, fmt.Sprintf("there is no %s", v.Name))
			return nil
		}
		for _, l := range append(slices.Clone(have), added...) {
			used[l] = true
		}
		for _, m := range v.LabelMatchers {
			if !slices.Contains(have, m.Name) && !slices.Contains(added, m.Name) {
				problems = append(problems, fmt.Sprintf("%s has no label %s", v.Name, m.Name))
			}
		}
		return nil
	})
	if len(names) == 0 {
		problems = append(problems, "nothing is selected")
	}
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		var list []string
		switch n := n.(type) {
		case *parser.AggregateExpr:
			list = n.Grouping
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				list = append(slices.Clone(n.VectorMatching.MatchingLabels), n.VectorMatching.Include...)
			}
		}
		for _, l := range list {
			if !used[l] {
				problems = append(problems, fmt.Sprintf("nothing selected has a label %s", l))
			}
		}
		return nil
	})
	return problems
}

// The test itself finds what it is to find.
func TestCheckFindsMistakes(t *testing.T) {
	all := series{"a_total": {"kind"}, "b": nil}
	for expr, want := range map[string]string{
		`rate(a_total{kind="x",job="y"}[5m]) / on (job) b`: "",
		`sum by (kind) (a_total)`:                          "",
		`sum by (kidn) (a_total)`:                          "nothing selected has a label kidn",
		`a_total{kidn="x"}`:                                "a_total has no label kidn",
		`a_totla`:                                          "there is no a_totla",
		`rate(a_total)`:                                    "expected type range vector",
		`1 + 1`:                                            "nothing is selected",
		`a_total / on (jbo) b`:                             "nothing selected has a label jbo",
	} {
		got := strings.Join(all.check(expr), "; ")
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
	if names := slices.Sorted(maps.Keys(metrics(t))); !slices.Contains(names, "segue_statements_total") {
		t.Errorf("%v", names)
	}
}
