package main

import (
	"bytes"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"segue/backend"
	"segue/backend/fesim"
)

var update = flag.Bool("update", false, "rewrite testdata/metrics.golden, deploy/segue.schema.json and the pages of deploy/docs/reference that are made from the code")

// metrics is what a scrape gets.
func (s *serving) metrics() string {
	s.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport, Timeout: patience}).Get("http://" + s.api + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(body)
}

// seriesLine is a sample: its name and its labels.
var seriesLine = regexp.MustCompile(`^((?:segue|process)_\w+?)(?:_bucket|_sum|_count)?(?:\{([^}]*)\})? `)

// TestMetricNames holds the names and labels that other people's dashboards
// rely on to a golden list, gathered from a running program that has had to
// hide a failure, and has moved a session.
func TestMetricNames(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "users: [{name: root, password: ''}]\ntls: {mode: optional, self_signed: true}\n")))
	fes[0].SetFault(fesim.Fault{GreetingERR: fesim.TooManyConnections()})
	for range 4 {
		c := s.conn()
		if s.on(c) != "fe-2" {
			t.Error("on the one that refuses")
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	pinned := s.conn()
	if _, err := pinned.ExecContext(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	s.conn()
	fes[0].SetFault(fesim.Fault{})
	eventually(t, "fe-1 up", func() bool { return s.backend("fe-1").Health == backend.Up })
	if o := s.segue("drain", "fe-2"); o.code != 0 {
		t.Fatal(o.stderr)
	}
	eventually(t, "a session moved", func() bool { return strings.Contains(s.metrics(), `segue_session_moves_total{from="fe-2",result="ok"`) })
	eventually(t, "sessions ended", func() bool { return strings.Contains(s.metrics(), "segue_session_ends_total{") })

	types, helps := make(map[string]string), make(map[string]string)
	series := make(map[string]bool)
	text := s.metrics()
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "# TYPE ") {
			types[fields[2]] = fields[3]
		}
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, help, _ := strings.Cut(strings.TrimSpace(rest), " ")
			helps[name] = help
		}
	}
	for line := range strings.Lines(text) {
		m := seriesLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		name := m[1]
		if types[name] == "" { // a counter or gauge whose name ends like a histogram's
			name = strings.Fields(strings.SplitN(line, "{", 2)[0])[0]
		}
		var labels []string
		for pair := range strings.SplitSeq(m[2], `",`) {
			if label, _, ok := strings.Cut(pair, "="); ok && label != "le" {
				labels = append(labels, label)
			}
		}
		slices.Sort(labels)
		series[name+"{"+strings.Join(labels, ",")+"} "+types[name]] = true
	}
	var names []string
	for name := range series {
		names = append(names, name)
	}
	slices.Sort(names)
	got := strings.Join(names, "\n") + "\n"

	golden := filepath.Join("testdata", "metrics.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the metrics are not those of %s (go test ./cmd/segue -run %s -update writes it):\n%s", golden, t.Name(), got)
	}

	holdPage(t, "metrics.md", metricsPage(names, helps))

	page, err := os.ReadFile(filepath.Join("..", "..", "deploy", "docs", "reference", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if name, _, _ = strings.Cut(name, " "); strings.HasPrefix(name, "segue_") && !bytes.Contains(page, []byte("`"+name+"`")) {
			t.Errorf("reference/metrics.md has no row for %s", name)
		}
	}

	problems, err := promlint.New(bytes.NewReader([]byte(text))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "segue_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// metricsPage is the list of metrics, "name{labels} type" each, with what they say of themselves.
func metricsPage(names []string, helps map[string]string) string {
	var b strings.Builder
	b.WriteString(head("metric", "type", "labels", "what it is"))
	for _, line := range names {
		series, kind, _ := strings.Cut(line, " ")
		name, labels, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
		shown := "–"
		if labels != "" {
			shown = "`" + strings.ReplaceAll(labels, ",", "`, `") + "`"
		}
		b.WriteString(row(code(name), kind, shown, cell(helps[name])))
	}
	return b.String()
}
