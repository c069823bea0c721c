package main

import (
	"strings"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		figures []float64
		want    spread
	}{
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{9, 1, 2}, spread{2, 1, 9}},
		{[]float64{4, 1, 2, 9}, spread{3, 1, 9}},
	} {
		if got := spreadOf(c.figures); got != c.want {
			t.Errorf("spreadOf(%v) = %v, want %v", c.figures, got, c.want)
		}
	}
	if s := spreadOf(nil).String(); s != "–" {
		t.Errorf("of nothing: %q", s)
	}
}

// A ratio compares a front with the base in the same round, not one median with the other. A front that is no process has no CPU.
func TestTablesDivideRoundByRound(t *testing.T) {
	us := func(n int) sample { return sample{CPU: time.Duration(n) * time.Microsecond} }
	c := &cell{Workload: "small", Conns: 16, Samples: map[string][]sample{
		base: {us(10), us(20), us(40)}, "segue": {us(9), us(10), us(40)}, "direct": {us(10), us(20), us(40)},
	}}
	text := tables([]*cell{c}, []*front{{name: "direct"}, {name: "segue"}}, []figure{{"CPU", "µs", cpuOf, false}, {"of the process", "", cpuOf, true}})
	const want = "| CPU | connections | `haproxy`, µs | `direct` | `segue` |\n|---|---:|---:|---:|---:|\n| small | 16 | 20.0 | 1.00 (1.00–1.00) | 0.90 (0.50–1.00) |\n"
	rest, found := strings.CutPrefix(text, want)
	if !found {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if strings.Contains(rest, "direct") {
		t.Errorf("a front that is no process has CPU:\n%s", rest)
	}
}

// Two event loops are compared with two threads.
func TestTwoLoopsBesideTwoThreads(t *testing.T) {
	us := func(n int) []sample { return []sample{{P99: time.Duration(n) * time.Microsecond}} }
	c := &cell{Workload: "small", Conns: 16, Samples: map[string][]sample{base: us(100), "haproxy-2": us(50), "segue-2": us(60)}}
	text := tables([]*cell{c}, []*front{{name: base}, {name: "haproxy-2"}, {name: "segue-2"}}, figures()[3:])
	const want = "| p99 response time | connections | `haproxy`, µs | `haproxy-2` | `segue-2` | `segue-2` to `haproxy-2` |\n|---|---:|---:|---:|---:|---:|\n" +
		"| small | 16 | 100 | 0.50 (0.50–0.50) | 0.60 (0.60–0.60) | 1.20 (1.20–1.20) |\n\n"
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestSplice(t *testing.T) {
	const doc = "a\n<!-- begin speed-x -->\nold\n<!-- end speed-x -->\nb\n<!-- begin speed-y -->\n<!-- end speed-y -->\n"
	const want = "a\n<!-- begin speed-x -->\n\nnew\n\n<!-- end speed-x -->\nb\n<!-- begin speed-y -->\n<!-- end speed-y -->\n"
	got, err := splice(doc, "x", "new\n")
	if err != nil || got != want {
		t.Fatalf("%q, %v", got, err)
	}
	if again, err := splice(got, "x", "new\n"); err != nil || again != want {
		t.Errorf("again: %q, %v", again, err)
	}
	for _, doc := range []string{"", "<!-- begin speed-x -->\nno end", "<!-- end speed-x -->\n<!-- begin speed-x -->\n"} {
		if got, err := splice(doc, "x", "new"); err == nil {
			t.Errorf("%q became %q", doc, got)
		}
	}
}

func TestLeavingIsComparedWithVisitsOfItsRound(t *testing.T) {
	text := leaveTable([]left{{"segue", 100, 50, 100}, {"segue", 100, 200, 100}, {"segue", 100, 100, 400}})
	const want = "| `segue` | 100 | 100 (50.0–200) | 100 (100–400) | 0.50 (0.25–2.00) | 1.00 (0.50–2.00) |\n"
	if !strings.HasSuffix(text, want) {
		t.Errorf("got\n%s\nwant at its end\n%s", text, want)
	}
}
