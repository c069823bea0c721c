package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// line is one check's outcome, as a client program prints it: `name<TAB>value`.
type line struct{ name, value string }

// parseOutput reads what a client program printed.
func parseOutput(out string) ([]line, error) {
	var lines []line
	for text := range strings.Lines(out) {
		name, value, ok := strings.Cut(strings.TrimSuffix(text, "\n"), "\t")
		switch {
		case !ok || name == "" || value == "":
			return lines, fmt.Errorf("not `name<TAB>value`: %q", text)
		case slices.ContainsFunc(lines, func(l line) bool { return l.name == name }):
			return lines, fmt.Errorf("two lines are named %s", name)
		}
		lines = append(lines, line{name, value})
	}
	return lines, nil
}

// judge lists what is wrong with one run: lines too few or too many, unexpected outcomes, values that differ from
// those wanted.
func judge(lines []line, checks int, want map[string]string) []string {
	var faults []string
	if len(lines) != checks {
		faults = append(faults, fmt.Sprintf("%d checks, want %d", len(lines), checks))
	}
	for _, l := range lines {
		if strings.Contains(l.value, "!UNEXPECTED") {
			faults = append(faults, fmt.Sprintf("%s: %s", l.name, clip(l.value, 0)))
		}
	}
	for name, value := range want {
		i := slices.IndexFunc(lines, func(l line) bool { return l.name == name })
		if i < 0 {
			faults = append(faults, name+": missing")
		} else if got := lines[i].value; got != value {
			at := firstDifference(got, value)
			faults = append(faults, fmt.Sprintf("%s: %s, want %s", name, clip(got, at), clip(value, at)))
		}
	}
	slices.Sort(faults)
	return faults
}

// differences lists the checks whose outcome is not the same in both runs.
func differences(a, b []line, nameA, nameB string) []string {
	var faults []string
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			faults = append(faults, fmt.Sprintf("%s: only %s: %s", b[i].name, nameB, clip(b[i].value, 0)))
		case i >= len(b):
			faults = append(faults, fmt.Sprintf("%s: only %s: %s", a[i].name, nameA, clip(a[i].value, 0)))
		case a[i].name != b[i].name:
			return append(faults, fmt.Sprintf("line %d: %s is %s, %s is %s", i+1, nameA, a[i].name, nameB, b[i].name))
		case a[i].value != b[i].value:
			at := firstDifference(a[i].value, b[i].value)
			faults = append(faults, fmt.Sprintf("%s:\n\t%s: %s\n\t%s: %s", a[i].name,
				nameA, clip(a[i].value, at), nameB, clip(b[i].value, at)))
		}
	}
	return faults
}

func firstDifference(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// clip shows a value around offset at.
func clip(value string, at int) string {
	const before, after = 60, 240
	from, to := max(0, at-before), min(len(value), at+after)
	text := value[from:to]
	if from > 0 {
		text = "…" + text
	}
	if to < len(value) {
		text += "…"
	}
	return text
}

func TestParseOutput(t *testing.T) {
	for _, tt := range []struct{ out, fault string }{
		{out: "a\t1\nb\t2\n"},
		{out: "a\t1\nb", fault: "not `name<TAB>value`"},
		{out: "a\t1\n\n", fault: "not `name<TAB>value`"},
		{out: "a\t\n", fault: "not `name<TAB>value`"},
		{out: "a\t1\na\t2\n", fault: "two lines are named a"},
	} {
		_, err := parseOutput(tt.out)
		if (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("parseOutput(%q) = %v, want %q", tt.out, err, tt.fault)
		}
	}
}

func TestJudge(t *testing.T) {
	good := []line{{"a", "1"}, {"b", "2"}}
	for name, tt := range map[string]struct {
		lines  []line
		checks int
		want   map[string]string
		fault  string
	}{
		"good":       {lines: good, checks: 2, want: map[string]string{"a": "1"}},
		"too few":    {lines: good, checks: 3, fault: "2 checks, want 3"},
		"empty":      {checks: 2, fault: "0 checks, want 2"},
		"unexpected": {lines: []line{{"a", "!UNEXPECTED x"}}, checks: 1, fault: "a: !UNEXPECTED x"},
		"missing":    {lines: good, checks: 2, want: map[string]string{"c": "3"}, fault: "c: missing"},
		"wrong":      {lines: good, checks: 2, want: map[string]string{"b": "3"}, fault: "b: 2, want 3"},
	} {
		faults := judge(tt.lines, tt.checks, tt.want)
		if got := strings.Join(faults, "; "); got != tt.fault {
			t.Errorf("%s: %q, want %q", name, got, tt.fault)
		}
	}
}

func TestDifferences(t *testing.T) {
	a := []line{{"a", "1"}, {"b", "2"}}
	for name, tt := range map[string]struct {
		b     []line
		fault string
	}{
		"equal":   {b: a},
		"value":   {b: []line{{"a", "1"}, {"b", "3"}}, fault: "b:"},
		"shorter": {b: a[:1], fault: "b: only direct: 2"},
		"longer":  {b: append(slices.Clone(a), line{"c", "3"}), fault: "c: only segue: 3"},
		"names":   {b: []line{{"a", "1"}, {"c", "2"}}, fault: "line 2: direct is b, segue is c"},
	} {
		got := strings.Join(differences(a, tt.b, "direct", "segue"), "; ")
		if tt.fault == "" && got != "" || !strings.HasPrefix(got, tt.fault) {
			t.Errorf("%s: %q, want %q", name, got, tt.fault)
		}
	}
}
