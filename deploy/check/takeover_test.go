package check

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// promTest is one test of a file for promtool test rules.
type promTest struct {
	Interval string       `yaml:"interval"`
	Input    []promInput  `yaml:"input_series"`
	Exprs    []promExpect `yaml:"promql_expr_test"`
}

type promInput struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type promExpect struct {
	Expr    string       `yaml:"expr"`
	Time    string       `yaml:"eval_time"`
	Samples []promSample `yaml:"exp_samples"`
}

type promSample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

// evaluate has promtool evaluate what a test says, with the rules, and returns what it says of it.
func (p promTest) evaluate(t *testing.T) string {
	t.Helper()
	ruleFile, err := filepath.Abs(filepath.Join(prometheus, "segue.rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := yaml.Marshal(map[string]any{"rule_files": []string{ruleFile}, "evaluation_interval": "15s", "tests": []promTest{p}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "test.yaml")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), promtool(t), "test", "rules", file).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "FAILED") {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	return string(out)
}

// asked is an expression of the dashboard with all that its variables offer.
func asked(expr string) string {
	return strings.NewReplacer("$job", ".*", "$instance", ".*", "$backend", ".*").Replace(query(expr))
}

// expressions are all of the dashboard and of the rules.
func expressions(t *testing.T) (all []string) {
	t.Helper()
	d := readDashboard(t)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, asked(target.Expr))
		}
	}
	for _, a := range d.Annotations.List {
		all = append(all, asked(a.Expr))
	}
	for _, r := range rules(t) {
		all = append(all, r.Expr)
	}
	return all
}

// combined are all ways to give each label one of its values.
func combined(names []string, values map[string][]string) []string {
	sets := []string{`job="segue",instance="a"`}
	for _, name := range names {
		var longer []string
		for _, set := range sets {
			for _, v := range values[name] {
				longer = append(longer, fmt.Sprintf("%s,%s=%q", set, name, v))
			}
		}
		sets = longer
	}
	return sets
}

// During a takeover each series of Segue's is there twice, once with the label process. No expression may fail for it.
func TestExpressionsHoldDuringATakeover(t *testing.T) {
	test := promTest{Interval: "15s"}
	values := map[string][]string{"le": {"0.1", "+Inf"}}
	for _, name := range []string{"backend", "health", "admin", "direction", "kind", "action", "outcome", "result", "source", "origin", "change", "verdict", "check", "side", "reason", "listener", "state", "from", "to", "end", "goversion", "revision", "version"} {
		values[name] = []string{"x"}
	}
	for _, expr := range expressions(t) {
		test.Exprs = append(test.Exprs, promExpect{Expr: expr, Time: "20m", Samples: []promSample{}})
		e, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
			if v, ok := n.(*parser.VectorSelector); ok {
				for _, m := range v.LabelMatchers {
					if list := values[m.Name]; list != nil && m.Type == labels.MatchEqual && m.Value != "" && !slices.Contains(list, m.Value) {
						values[m.Name] = append(list, m.Value)
					}
				}
			}
			return nil
		})
	}
	all := known(t, nil)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if name == "up" || name == "ALERTS" {
			continue
		}
		for _, set := range combined(all[name], values) {
			for _, process := range []string{"", `,process="4711"`} {
				if process != "" && !strings.HasPrefix(name, "segue_") {
					continue
				}
				test.Input = append(test.Input, promInput{Series: name + "{" + set + process + "}", Values: "1+1x100"})
			}
		}
	}
	if len(test.Input) < 150 {
		t.Fatalf("%d series", len(test.Input))
	}
	out := test.evaluate(t)
	found := 0
	for line := range strings.Lines(out) {
		if strings.Contains(line, "err: ") {
			t.Error(strings.TrimSpace(line))
		}
		if strings.Contains(line, "got:") && !strings.Contains(line, "got: nil") {
			found++
		}
	}
	if found < 50 {
		t.Errorf("%d expressions have a value:\n%s", found, out)
	}
}

// What the dashboard says of backends is what the process says that clients come to.
func TestDashboardDuringATakeover(t *testing.T) {
	test := promTest{Interval: "15s"}
	series := func(name, set string, own, old int) {
		test.Input = append(test.Input,
			promInput{fmt.Sprintf(`%s{job="segue",instance="a",%s}`, name, set), fmt.Sprintf("%dx100", own)},
			promInput{fmt.Sprintf(`%s{job="segue",instance="a",%s,process="4711"}`, name, set), fmt.Sprintf("%dx100", old)})
	}
	for backend, states := range map[string][4]string{ // health and admin, own and old
		"fe-1": {"up", "up", "ready", "ready"},
		"fe-2": {"stopping", "down", "drain", "ready"},
		"fe-3": {"down", "up", "ready", "ready"},
	} {
		is := func(a, b string) int {
			if a == b {
				return 1
			}
			return 0
		}
		for _, h := range []string{"unknown", "up", "stopping", "down"} {
			series("segue_backend_health", fmt.Sprintf("backend=%q,health=%q", backend, h), is(h, states[0]), is(h, states[1]))
		}
		for _, a := range []string{"ready", "drain", "maint"} {
			series("segue_backend_admin", fmt.Sprintf("backend=%q,admin=%q", backend, a), is(a, states[2]), is(a, states[3]))
		}
	}
	each := func(fe1, fe2, fe3 float64) []promSample {
		return []promSample{{`{backend="fe-1"}`, fe1}, {`{backend="fe-2"}`, fe2}, {`{backend="fe-3"}`, fe3}}
	}
	wants := map[string][][]promSample{
		"Usable backends":        {{{"{}", 1}}},
		"How the backends stand": {each(1, 2, 3), each(4, 5, 4)},
	}
	for _, p := range readDashboard(t).Panels {
		for i, samples := range wants[p.Title] {
			test.Exprs = append(test.Exprs, promExpect{Expr: asked(p.Targets[i].Expr), Time: "10m", Samples: samples})
		}
	}
	if len(test.Exprs) != 3 {
		t.Fatalf("%d expressions", len(test.Exprs))
	}
	if out := test.evaluate(t); strings.Contains(out, "FAILED") {
		t.Error(out)
	}
}
