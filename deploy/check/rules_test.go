package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const prometheus = "../prometheus"

// rule is one of segue.rules.yaml.
type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

func rules(t *testing.T) (all []rule) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(prometheus, "segue.rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 20 {
		t.Fatalf("%d rules", len(all))
	}
	return all
}

// promtool is where that is: $PROMTOOL, what proxy/e2e/setup.sh has got, or on the path.
func promtool(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("SEGUE_CACHE")
	if cache == "" {
		cache = "../../.cache"
	}
	for _, path := range []string{os.Getenv("PROMTOOL"), filepath.Join(cache, "e2e/prometheus/usr/bin/promtool"), "promtool"} {
		if path == "" {
			continue
		}
		found, err := exec.LookPath(path)
		if err == nil || errors.Is(err, exec.ErrDot) {
			return found
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, exec.ErrNotFound) {
			t.Fatal(err)
		}
	}
	t.Fatal("there is no promtool: run proxy/e2e/setup.sh, or name one in PROMTOOL")
	return ""
}

// run runs promtool in the folder of the rules.
func run(t *testing.T, stdin string, args ...string) {
	t.Helper()
	path, err := filepath.Abs(promtool(t))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir, cmd.Stdin = prometheus, strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtoolChecksRules(t *testing.T) { run(t, "", "check", "rules", "segue.rules.yaml") }

func TestPromtoolTestsRules(t *testing.T) { run(t, "", "test", "rules", "segue.test.yaml") }

// The metrics have the names that Prometheus' conventions ask for.
func TestPromtoolChecksMetrics(t *testing.T) {
	var b strings.Builder
	for name, m := range metrics(t) {
		if !strings.HasPrefix(name, "segue_") {
			continue
		}
		var pairs []string
		for _, l := range m.labels {
			pairs = append(pairs, l+`="x"`)
		}
		set := strings.Join(pairs, ",")
		fmt.Fprintf(&b, "# HELP %s Something.\n# TYPE %s %s\n", name, name, m.kind)
		if m.kind != "histogram" {
			fmt.Fprintf(&b, "%s{%s} 1\n", name, set)
			continue
		}
		fmt.Fprintf(&b, "%s_bucket{%s} 1\n%s_sum{%s} 1\n%s_count{%s} 1\n", name, strings.TrimPrefix(set+`,le="+Inf"`, ","), name, set, name, set)
	}
	run(t, b.String(), "check", "metrics")
}

// Every series and label that a rule names is there.
func TestRulesNameWhatThereIs(t *testing.T) {
	list := rules(t)
	all := known(t, list)
	for _, r := range list {
		for _, problem := range all.check(r.Expr) {
			t.Errorf("%s%s: %s", r.Record, r.Alert, problem)
		}
	}
}

// Every alert has a severity, a summary, a runbook page that says all three things, and a test; no page is of an alert that there is not.
func TestAlertsHaveRunbooks(t *testing.T) {
	tests, err := os.ReadFile(filepath.Join(prometheus, "segue.test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]bool{}
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		path := "deploy/prometheus/runbooks/" + r.Alert + ".md"
		pages[r.Alert+".md"] = true
		switch s := r.Labels["severity"]; s {
		case "critical", "warning", "info":
		default:
			t.Errorf("%s has the severity %q", r.Alert, s)
		}
		if r.Annotations["summary"] == "" || r.Annotations["runbook"] != path {
			t.Errorf("%s has the annotations %v", r.Alert, r.Annotations)
		}
		if !strings.Contains(string(tests), `alertname="`+r.Alert+`",alertstate="firing",severity=`) {
			t.Errorf("no test sees %s firing", r.Alert)
		}
		page, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Error(err)
			continue
		}
		sections := strings.Split(string(page), "\n## ")
		if sections[0] != "# "+r.Alert+"\n" || len(sections) != 4 {
			t.Errorf("%s begins with %q, and has %d sections", path, sections[0], len(sections)-1)
			continue
		}
		for i, heading := range []string{"What it means\n\n", "How to see\n\n", "What to do\n\n"} {
			if text, ok := strings.CutPrefix(sections[1+i], heading); !ok || len(text) < 20 {
				t.Errorf("%s has nothing under %q", path, strings.TrimSpace(heading))
			}
		}
	}
	files, err := os.ReadDir(filepath.Join(prometheus, "runbooks"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !pages[f.Name()] {
			t.Errorf("%s is of no alert", f.Name())
		}
	}
}
