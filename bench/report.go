package bench

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"segue/bench/typeset"
)

//go:embed report.html
var reportHTML string

// report is what the page shows.
type report struct {
	Title, Subtitle string
	Cards           []card
	Picture         template.HTML // ours, every text in it escaped
	Names           []string
	Rows            []row
	Samples         []sample
	Method          []string
}

// card is one run's number, in large.
type card struct {
	Name, Errors, Noun, Of string
	Bad                    bool
}

// sample is the text of an error as a client got it.
type sample struct {
	Name string
	Kind Kind
	Text string
}

// WriteReport writes the comparison of runs as one self-contained page. speed
// is how much faster than in real time the cluster lived; method says how it
// was measured, a sentence or more per item.
func WriteReport(w io.Writer, runs []*Run, speed float64, method []string, at time.Time) error {
	page, err := template.New("report").Parse(reportHTML)
	if err != nil {
		return fmt.Errorf("parse report page: %w", err)
	}
	r := report{
		Title:    title(runs),
		Subtitle: "segue demo, " + at.Format("2 January 2006 15:04") + ": simulated StarRocks FEs, restarted gracefully one after the other under the same load.",
		Picture:  template.HTML(Picture(runs, speed)),
		Rows:     compareRuns(runs, speed),
		Method:   method,
	}
	for _, run := range runs {
		n := run.Tally.Errors()
		noun := strings.TrimPrefix(typeset.Plural(n, "error"), typeset.Count(n)+" ")
		r.Names = append(r.Names, run.Name)
		r.Cards = append(r.Cards, card{run.Name, typeset.Count(n), noun, typeset.Plural(run.Tally.Count(Answered), "statement") + " answered", n > 0})
		for _, k := range Kinds() {
			if text := run.Tally.Sample(k); text != "" {
				r.Samples = append(r.Samples, sample{run.Name, k, text})
			}
		}
	}
	if err := page.Execute(w, r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// title tells the outcome of all runs in one sentence.
func title(runs []*Run) string {
	var parts []string
	for _, r := range runs {
		parts = append(parts, typeset.Plural(r.Tally.Errors(), "error")+" through "+inSentence(r.Name))
	}
	return "Rolling restart of three FEs: " + strings.Join(parts, ", ")
}

// inSentence puts an article before a name that is no proper noun.
func inSentence(name string) string {
	if strings.ToLower(name) == name {
		return "a " + name
	}
	return name
}
