package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"segue/bench/typeset"
)

// Rollout is an upgrade or a restart of a cluster, node by node, as a page shows it.
type Rollout struct {
	Name     string           `json:"name"`
	Outcome  string           `json:"outcome"` // how it ended, in a sentence
	Good     bool             `json:"good"`    // all nodes have gone, and no client saw an error
	Began    time.Time        `json:"began"`
	Ended    time.Time        `json:"ended"`
	Nodes    []RolloutNode    `json:"nodes"`             // in the order in which they went
	Unasked  bool             `json:"unasked,omitempty"` // no Segue was asked what clients saw: the counts say nothing
	Saw      int64            `json:"errors"`
	Hidden   int64            `json:"hidden"`
	ByKind   map[string]int64 `json:"errors_by_kind"`
	HiddenBy map[string]int64 `json:"hidden_by_kind"`
	Errors   []RolloutError   `json:"seen"`   // those of which the cause is known
	Events   []RolloutEvent   `json:"events"` // in order
	Command  []string         `json:"command,omitempty"`
}

// RolloutNode is how one node went.
type RolloutNode struct {
	Name   string        `json:"name"`
	Kind   string        `json:"kind"`
	Role   string        `json:"role"`
	Before string        `json:"before"` // its version
	After  string        `json:"after"`
	State  string        `json:"state"` // done, or where it stands
	Errors int64         `json:"errors"`
	Hidden int64         `json:"hidden"`
	Spans  []RolloutSpan `json:"spans"`
}

// RolloutSpan is a part of a node's way.
type RolloutSpan struct {
	Part RolloutPart `json:"part"`
	What string      `json:"what"`
	From time.Time   `json:"from"`
	To   time.Time   `json:"to"`
}

// RolloutPart is what a span is drawn as.
type RolloutPart string

// The parts of a node's way.
const (
	Drained  RolloutPart = "drained"
	Stopping RolloutPart = "stopping"
	Away     RolloutPart = "away"
	Admitted RolloutPart = "let in again"
)

var rolloutClasses = map[RolloutPart]string{Drained: "e1", Stopping: "e2", Away: "e4", Admitted: "e3"}

// RolloutError is an error that a client saw.
type RolloutError struct {
	Time    time.Time `json:"time"`
	Segue   string    `json:"segue"`
	Client  string    `json:"client"`
	User    string    `json:"user"`
	Backend string    `json:"backend"`
	Kind    string    `json:"kind"`
	Cause   string    `json:"cause"`
	Node    string    `json:"node"` // that was in work
}

// RolloutEvent is something that happened.
type RolloutEvent struct {
	Time time.Time `json:"time"`
	Node string    `json:"node,omitempty"`
	What string    `json:"what"`
}

// WriteRolloutJSON writes a rollout for machines.
func WriteRolloutJSON(w io.Writer, r *Rollout) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteRolloutHTML writes a rollout as one self-contained page.
func WriteRolloutHTML(w io.Writer, r *Rollout) error {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("parse report page: %w", err)
	}
	p := page{
		Title: r.Outcome, Subtitle: fmt.Sprintf("segue rollout, %s, begun %s, %s", r.Name, r.Began.Format("2 January 2006 15:04:05"), r.Ended.Sub(r.Began).Round(time.Second)),
		Colours: template.CSS(colours(":root")), Picture: template.HTML(rolloutFigure(r).svg(chartStyle())), Cards: rolloutCards(r), Tables: rolloutTables(r),
		Method: []string{
			"An error counts that a client of one of the Segues saw because a backend went or none was to be had, as their ledgers have it (segue_client_errors_total). What clients saw that go around Segue nobody knows.",
			"Hidden is what would have been an error without Segue: sessions that moved, connection attempts and statements that were tried elsewhere, statements that waited.",
			"Each node is drained by every Segue and has no session there before it is stopped; it is back when the cluster and the node itself say so and every Segue sees it up.",
		},
	}
	if len(r.Command) > 0 {
		p.Runs = []runFacts{{Title: "How this was made", Command: commandLine(r.Command)}}
	}
	if err := t.Execute(w, p); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func rolloutCards(r *Rollout) []card {
	class := func(bad bool) string {
		if bad {
			return "bad"
		}
		return "good"
	}
	done := 0
	longest, who := time.Duration(0), ""
	for i := range r.Nodes {
		if r.Nodes[i].State == "done" {
			done++
		}
		if d := r.Nodes[i].away(); d > longest {
			longest, who = d, r.Nodes[i].Name
		}
	}
	saw := card{"errors that clients saw", typeset.Count(int(r.Saw)), kindsText(r.ByKind), class(r.Saw > 0)}
	hidden := card{"failures hidden from them", typeset.Count(int(r.Hidden)), kindsText(r.HiddenBy), ""}
	if r.Unasked {
		saw, hidden = card{"errors that clients saw", "?", "no Segue was asked", "bad"}, card{"failures hidden from them", "?", "", ""}
	}
	return []card{
		saw, hidden,
		{"nodes that have gone", fmt.Sprintf("%d of %d", done, len(r.Nodes)), "", class(done < len(r.Nodes))},
		{"longest away", typeset.Wait(longest), who, ""},
	}
}

func kindsText(kinds map[string]int64) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		parts = append(parts, fmt.Sprintf("%d %s", kinds[k], k))
	}
	return strings.Join(parts, ", ")
}

// away is for how long the node did not serve.
func (n *RolloutNode) away() (d time.Duration) {
	for _, s := range n.Spans {
		if s.Part == Away || s.Part == Stopping {
			d += s.To.Sub(s.From)
		}
	}
	return d
}

func rolloutTables(r *Rollout) []grid {
	nodes := grid{Title: "Nodes, in the order in which they went", Head: []cell{{}, {"kind", "words"}, {"role", "words"}, {"version before", "words"}, {"after", "words"}, {"away", ""}, {"errors", ""}, {"hidden", ""}, {"", "note"}}}
	for i := range r.Nodes {
		n := &r.Nodes[i]
		bad := ""
		if n.Errors > 0 {
			bad = "bad"
		}
		nodes.Lines = append(nodes.Lines, line{Label: n.Name, Cells: []cell{
			{n.Kind, "words"},
			{n.Role, "words"},
			{n.Before, "words"},
			{n.After, "words"},
			{typeset.Wait(n.away()), ""},
			{typeset.Count(int(n.Errors)), bad},
			{typeset.Count(int(n.Hidden)), ""},
			{n.State, "note"},
		}})
	}
	tables := []grid{nodes}
	if len(r.Errors) > 0 {
		g := grid{Title: "Errors that clients saw", Note: "The latest of each kind that each Segue remembers.", Head: []cell{{}, {"while in work", "words"}, {"kind", "words"}, {"cause", "words"}, {"client", "words"}, {"user", "words"}, {"Segue", "note"}}}
		for _, e := range r.Errors {
			g.Lines = append(g.Lines, line{Label: e.Time.Local().Format("15:04:05.000"), Cells: []cell{
				{e.Node, "words"}, {e.Kind, "words"}, {cmp.Or(e.Cause, "-"), "words"}, {e.Client, "words"}, {e.User, "words"}, {e.Segue, "note"},
			}})
		}
		tables = append(tables, g)
	}
	g := grid{Title: "What happened", Head: []cell{{}, {"node", "words"}, {"what", "words"}}}
	for _, e := range r.Events {
		g.Lines = append(g.Lines, line{Label: e.Time.Local().Format(time.TimeOnly), Cells: []cell{{e.Node, "words"}, {e.What, "words"}}})
	}
	return append(tables, g)
}

// rolloutFigure draws each node's way in a lane of its own.
func rolloutFigure(r *Rollout) *figure {
	const lane, bar, names = 26, 16, 150
	c := &chart{longest: max(r.Ended.Sub(r.Began), time.Second)}
	at := func(t time.Time) float64 {
		return names + float64(min(max(t.Sub(r.Began), 0), c.longest))/float64(c.longest)*(plotRight-names)
	}
	c.legend(0, true, [][2]string{{"e1", string(Drained)}, {"e2", string(Stopping)}, {"e4", string(Away)}, {"e3", string(Admitted)}, {"e0", "error seen"}})
	y := 26.0
	for i := range r.Nodes {
		n := &r.Nodes[i]
		c.text(names-10, y+bar-4, "ink end", shorten(n.Name, 22))
		c.line("rule", point{names, y + bar + 4.5}, point{plotRight, y + bar + 4.5})
		for _, s := range n.Spans {
			x := at(s.From)
			c.rect(rolloutClasses[s.Part], fmt.Sprintf("%s: %s for %s", n.Name, s.What, typeset.Wait(s.To.Sub(s.From))), x, y, max(1.5, at(s.To)-x), bar)
		}
		for _, e := range r.Errors {
			if e.Node == n.Name {
				c.disc("e0", e.Time.Local().Format(time.TimeOnly)+" "+e.Kind+": "+e.Cause, at(e.Time), y+bar/2, 4)
			}
		}
		y += lane
	}
	tick := niceTick(c.longest)
	for t := time.Duration(0); t <= c.longest; t += tick {
		x := at(r.Began.Add(t))
		c.line("base", point{x, y + 0.5}, point{x, y + 4.5})
		c.text(x, y+18, "mid", tickLabel(t, c.longest))
	}
	c.text((names+plotRight)/2, y+36, "mid", "time since the beginning, "+tickUnit(c.longest))
	c.label = "What each node did over time"
	c.left, c.top, c.width, c.height = -16, -12, chartWidth+32, y+axisHeight+24
	return &c.figure
}
