package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func aRollout() *Rollout {
	at := func(s int) time.Time { return time.Date(2026, 11, 30, 12, 0, s, 0, time.UTC) }
	return &Rollout{
		Name: "upgrade", Outcome: "2 of 3 nodes have gone; clients saw 1 error", Began: at(0), Ended: at(60), Saw: 1, Hidden: 12,
		ByKind: map[string]int64{"transaction": 1}, HiddenBy: map[string]int64{"leaving": 12},
		Nodes: []RolloutNode{
			{Name: "be-1", Kind: "backend", Before: "3.3.9", After: "3.4.2", State: "done", Spans: []RolloutSpan{
				{Drained, "draining", at(1), at(3)}, {Stopping, "leaving", at(3), at(8)}, {Away, "returning", at(8), at(20)}, {Admitted, "admitting", at(20), at(21)},
			}},
			{Name: "fe-1 <leader> & more", Kind: "frontend", Role: "leader", State: "done", Errors: 1},
			{Name: "fe-2", Kind: "frontend", State: "waiting"},
		},
		Errors: []RolloutError{{Time: at(30), Segue: "s:9131", Kind: "transaction", Cause: "it <left>", Node: "fe-1 <leader> & more"}},
		Events: []RolloutEvent{{at(1), "be-1", "drain"}, {at(60), "", "pause"}},
	}
}

func TestRolloutPage(t *testing.T) {
	var out strings.Builder
	if err := WriteRolloutHTML(&out, aRollout()); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	for _, want := range []string{
		"<h1>2 of 3 nodes have gone; clients saw 1 error</h1>", "2 of 3</b>", "be-1: returning for 12 s", "fe-1 &lt;leader&gt; &amp; more", "it &lt;left&gt;", "17 s", `aria-label="What each node did over time"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, not := range []string{"http://", "https://", "<left>", "<script"} {
		if strings.Contains(strings.ReplaceAll(page, "http://www.w3.org/2000/svg", ""), not) {
			t.Errorf("it has %q", not)
		}
	}
	svg := page[strings.Index(page, "<svg"):]
	d := xml.NewDecoder(strings.NewReader(svg[:strings.Index(svg, "</svg>")+6]))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestRolloutJSON(t *testing.T) {
	var out strings.Builder
	if err := WriteRolloutJSON(&out, aRollout()); err != nil {
		t.Fatal(err)
	}
	var again Rollout
	if err := json.Unmarshal([]byte(out.String()), &again); err != nil || again.Saw != 1 || len(again.Nodes) != 3 || again.Nodes[0].Spans[2].Part != Away {
		t.Errorf("%+v, %v", again, err)
	}
}

// Where nobody was asked no page says that there was nothing.
func TestRolloutUnasked(t *testing.T) {
	for _, c := range rolloutCards(&Rollout{Unasked: true})[:2] {
		if c.Figure != "?" || c.Class == "good" {
			t.Errorf("%+v", c)
		}
	}
}
