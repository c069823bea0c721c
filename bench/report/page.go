package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"segue/bench/measure"
	"segue/bench/typeset"
)

//go:embed page.html
var pageHTML string

// page is what the template shows.
type page struct {
	Title, Subtitle string
	Colours         template.CSS
	Cards           []card
	Problems        []string
	Picture         template.HTML // ours, every text in it escaped
	Tables          []grid
	Runs            []runFacts
	Method          []string
}

// card is a figure in large.
type card struct{ Name, Figure, Note, Class string }

// grid is a table.
type grid struct {
	Title, Note string
	Head        []cell
	Lines       []line
}

type line struct {
	Label string
	Part  bool
	Cells []cell
}

type cell struct{ Text, Class string }

func heads(texts ...string) []cell {
	var cells []cell
	for _, text := range texts {
		cells = append(cells, cell{Text: text})
	}
	return cells
}

// runFacts say how a run was made.
type runFacts struct {
	Title, Command string
	Facts          [][2]string
}

// WriteHTML writes one run, or several side by side, as one self-contained page.
func WriteHTML(w io.Writer, runs []*measure.Result) error {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("parse report page: %w", err)
	}
	p := page{
		Colours: template.CSS(colours(":root")),
		Picture: template.HTML(Picture(runs)),
		Method:  method(),
	}
	if len(runs) == 1 {
		p.single(runs[0])
	} else {
		p.several(runs)
	}
	for _, r := range runs {
		p.Runs = append(p.Runs, factsOf(r, len(runs) > 1))
	}
	if err := t.Execute(w, p); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// single is the page of one run.
func (p *page) single(r *measure.Result) {
	p.Title = Verdict(r)
	p.Subtitle = fmt.Sprintf("segue bench, %s, %s on %s (%s)", r.Started.Format("2 January 2006 15:04:05"), typeset.Seconds(r.Took.Duration()), r.Endpoint, r.Server)
	p.Problems = r.Problems
	p.Cards = cards(r)
	p.Tables = append(p.Tables, marksOf(r)...)
	p.Tables = append(p.Tables,
		sideBySide("What a user would have felt", "", nil, felt([]*measure.Result{r})),
		classGrid(r))
	if len(r.Faults) > 0 {
		p.Tables = append(p.Tables, faultGrid(r))
	}
}

// several is the page that compares.
func (p *page) several(runs []*measure.Result) {
	var parts []string
	head := heads("")
	for _, r := range runs {
		parts = append(parts, fmt.Sprintf("%s: %s", r.Name, typeset.Plural(r.Felt.Errors, "error")))
		head = append(head, cell{Text: r.Name})
		c := card{Name: r.Name, Figure: typeset.Count(r.Felt.Errors), Note: "errors of " + typeset.Plural(r.Felt.Answers+r.Felt.Errors, "arrival"), Class: "good"}
		if !r.Clean() {
			c.Class = "bad"
		}
		p.Cards = append(p.Cards, c)
		for _, problem := range r.Problems {
			p.Problems = append(p.Problems, r.Name+": "+problem)
		}
	}
	p.Title = strings.Join(parts, ", ")
	p.Subtitle = "The same scales of time and height for all runs."
	for _, d := range Differences(runs) {
		p.Problems = append(p.Problems, "these runs were not made alike. "+d)
	}
	p.Tables = append(p.Tables, sideBySide("Side by side", "", head, felt(runs)))
	if rows := errorsByKind(runs); len(rows) > 0 {
		p.Tables = append(p.Tables, sideBySide("Errors, by what clients were doing", "", head, rows))
	}
	p.Tables = append(p.Tables, sideBySide("Response times", "Of arrivals that were answered, counted from when they were due. One that failed has no response time, and is in none of these figures.", head, latencies(runs)),
		sideBySide("Conditions", "", head, conditions(runs)))
	for _, r := range runs {
		for _, g := range marksOf(r) {
			g.Title += ": " + r.Name
			p.Tables = append(p.Tables, g)
		}
		if len(r.Faults) > 0 {
			g := faultGrid(r)
			g.Title += ": " + r.Name
			p.Tables = append(p.Tables, g)
		}
	}
}

// cards are what is to be seen first of a run.
func cards(r *measure.Result) []card {
	judged := func(bad bool) string {
		if bad {
			return "bad"
		}
		return "good"
	}
	f := &r.Felt
	list := []card{
		{"errors a client saw", typeset.Count(f.Errors), fmt.Sprintf("%s per minute", typeset.Count(int(f.ErrorsPerMinute+0.5))), judged(f.Errors > 0)},
		{"longest stall of one client", typeset.Latency(f.Stall.Duration()), f.StallClass, ""},
		{"sessions lost", typeset.Count(f.SessionsLost), typeset.Count(f.FoundDead) + " of them idle in a pool", judged(f.SessionsLost > 0)},
		{"state lost", typeset.Count(f.StateLost), typeset.Plural(f.WrongAnswers, "wrong answer"), judged(f.StateLost+f.WrongAnswers > 0)},
	}
	if v := r.Ledger; v != nil {
		list = append(list, card{
			"writes lost, doubled", typeset.Count(v.Lost) + ", " + typeset.Count(v.Doubled),
			fmt.Sprintf("of %s acknowledged; %s not told", typeset.Count(v.Acknowledged), typeset.Count(v.Unknown)), judged(v.Faults() > 0),
		})
	}
	if v := r.Loaded; v != nil {
		list = append(list, card{
			"loaded rows lost, doubled", typeset.Count(v.Lost) + ", " + typeset.Count(v.Doubled),
			fmt.Sprintf("of %s acknowledged; %s not told", typeset.Count(v.Acknowledged), typeset.Count(v.Unknown)), judged(v.Faults() > 0),
		})
	}
	return list
}
