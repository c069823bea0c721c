package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"segue/bench/report"
	"segue/cmd/internal/rollout"
)

// rolloutReport writes the report of a rollout, finished or not: a page and JSON.
func (w *world) rolloutReport(base string, s *rollout.State) error {
	r := rolloutReportOf(s, w.args)
	for suffix, write := range map[string]func(io.Writer, *report.Rollout) error{".html": report.WriteRolloutHTML, ".json": report.WriteRolloutJSON} {
		if err := writeTo(base+suffix, func(out io.Writer) error { return write(out, r) }); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	path, err := filepath.Abs(base)
	if err != nil {
		path = base
	}
	fmt.Fprintf(w.stdout, "reports: %s.html, .json\n", path)
	return nil
}

// parts are what phases are drawn as.
var parts = map[rollout.Phase]report.RolloutPart{
	rollout.Draining: report.Drained, rollout.Stopping: report.Stopping, rollout.Leaving: report.Stopping, rollout.Changing: report.Away,
	rollout.Starting: report.Away, rollout.Returning: report.Away, rollout.Admitting: report.Admitted, rollout.Checking: report.Admitted,
}

// rolloutReportOf makes the report's data of a state.
func rolloutReportOf(s *rollout.State, args []string) *report.Rollout {
	ended := s.Ended
	if ended.IsZero() {
		ended = time.Now()
	}
	outcome := standing(s)
	if s.Paused != nil {
		outcome = "Paused: " + s.Paused.Why + ". " + outcome
	}
	r := &report.Rollout{
		Name: s.Name, Outcome: outcome, Good: s.Finished && s.Errors == 0 && s.Ask.Fleet, Began: s.Began, Ended: ended, Unasked: !s.Ask.Fleet, Saw: s.Errors, Hidden: s.Hidden,
		ByKind: s.ErrorKinds, HiddenBy: s.HiddenKinds, Command: append([]string{"segue"}, args...),
	}
	for i := range s.Nodes {
		p := &s.Nodes[i]
		if p.Phase == rollout.Left && len(p.Spans) == 0 {
			continue
		}
		n := report.RolloutNode{
			Name: p.Node, Kind: string(p.Last.Kind), Role: string(cmp.Or(p.Role, p.Last.Role)), Before: p.Former, After: cmp.Or(p.After, p.Last.Version),
			State: cmp.Or(string(p.Phase), "waiting"), Errors: p.Errors, Hidden: p.Hidden,
		}
		for _, span := range p.Spans {
			n.Spans = append(n.Spans, report.RolloutSpan{Part: parts[span.Phase], What: string(span.Phase), From: span.From, To: span.To})
		}
		if part, on := parts[p.Phase]; on {
			n.Spans = append(n.Spans, report.RolloutSpan{Part: part, What: string(p.Phase), From: p.Since, To: ended})
		}
		r.Nodes = append(r.Nodes, n)
	}
	for _, i := range s.Seen {
		r.Errors = append(r.Errors, report.RolloutError{Time: i.Time, Segue: i.Segue, Client: i.Client, User: i.User, Backend: i.Backend, Kind: i.Kind, Cause: i.Cause, Node: i.Node})
	}
	for _, e := range s.Events {
		r.Events = append(r.Events, report.RolloutEvent{Time: e.Time, Node: e.Node, What: e.Kind + ": " + e.What})
	}
	return r
}
