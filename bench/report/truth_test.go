package report

import (
	"strings"
	"testing"
	"time"

	"segue/bench/measure"
	"segue/bench/typeset"
)

// Runs that were not made alike are said not to be, wherever they stand side by side; runs that were are not.
func TestRunsThatWereNotMadeAlike(t *testing.T) {
	a, b := sample("a", false), sample("b", false)
	if d := Differences([]*measure.Result{a, b}); d != nil {
		t.Errorf("alike: %q", d)
	}
	b.Took, b.Load.Offered, b.Load.Seed, b.Load.Writes, b.Load.Timeout = ms100(400), 200, 7, false, measure.Millis(time.Second)
	b.Classes[0].Clients = 8
	runs := []*measure.Result{a, b}
	var page strings.Builder
	if err := WriteHTML(&page, runs); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"arrivals offered: 400/s, 200/s", "took: 19.8 s, 40.0 s", "clients: 16 long-lived, 8 long-lived", "seed: 1, 7", "writes: true, false", "a client gives up after: 0s, 1s",
	} {
		for where, text := range map[string]string{"terminal": Comparison(runs, typeset.Style{}), "page": page.String(), "markdown": Markdown(runs)} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q", where, want)
			}
		}
	}
}

// What failed has no response time, and that is said where response times are compared.
func TestFailedArrivalsBesideResponseTimes(t *testing.T) {
	a, b := sample("a", false), sample("b", false)
	b.Classes[0].Errors = 300
	text := Comparison([]*measure.Result{a, b}, typeset.Style{})
	if !strings.Contains(strings.Join(strings.Fields(text), " "), "failed, and in none of these 0 300") || !strings.Contains(text, "response times of what was answered") {
		t.Errorf("%s", text)
	}
}

// A class that has had no answer has no response times: not ones of 0.
func TestClassWithoutAnswers(t *testing.T) {
	r := sample("x", true)
	r.Classes = append(r.Classes, measure.ClassRow{Class: "short-lived", Clients: 4, Errors: 240})
	if text := strings.Join(strings.Fields(Summary(r, typeset.Style{})), " "); !strings.Contains(text, "4 short-lived 0 240 – – – –") {
		t.Errorf("%s", text)
	}
	g := classGrid(r)
	cells := g.Lines[1].Cells
	for _, c := range cells[6:] {
		if c.Text != "–" {
			t.Errorf("%+v", cells)
		}
	}
}

// The page says one longest stall: a stall of a class that is for the most part its own pace is marked.
func TestThePageHasOneLongestStall(t *testing.T) {
	r := sample("x", false)
	r.Classes[0].Stall = r.Felt.Stall
	r.Classes = append(r.Classes, measure.ClassRow{Class: "idle pool", Clients: 4, Answers: 3, Stall: measure.Millis(10 * time.Second)})
	g := classGrid(r)
	if got, idle := g.Lines[0].Cells[5].Text, g.Lines[1].Cells[5].Text; got != "3.00 ms" || idle != "(10.00 s)" || !strings.Contains(g.Note, "brackets") {
		t.Errorf("%q, %q; %s", got, idle, g.Note)
	}
}

// A run that is over within a second is drawn.
func TestShortRunIsDrawn(t *testing.T) {
	for _, took := range []time.Duration{50 * time.Millisecond, 120 * time.Millisecond, 300 * time.Millisecond, 900 * time.Millisecond} {
		r := sample("x", false)
		r.Took, r.Marks = measure.Millis(took), nil
		r.Timeline.Buckets = r.Timeline.Buckets[:1+int(took/(250*time.Millisecond))]
		if text := Picture([]*measure.Result{r}); !strings.Contains(text, `class="answers"`) || !strings.Contains(text, `class="area"`) {
			t.Errorf("%s: no answers in the picture", took)
		}
		if text := Summary(r, typeset.Style{}); !strings.Contains(text, "errors    ·") {
			t.Errorf("%s: %s", took, text)
		}
	}
}

// In a file nothing is cut to a terminal's width.
func TestErrorsWholeInFiles(t *testing.T) {
	r := sample("x", true)
	long := "Error 1045 (28000): " + strings.Repeat("a long story about it ", 20) + "and its end"
	r.Faults[0].Sample = long
	for range 20 {
		r.Faults = append(r.Faults, r.Faults[1])
	}
	r.Marks[0].Text = long
	if text := Summary(r, typeset.Style{Whole: true}); strings.Count(text, "and its end") != 2 || strings.Contains(text, "kinds more") {
		t.Errorf("%s", text)
	}
	fits(t, Summary(r, typeset.Style{}))
}
