package top

import (
	"math"
	"time"

	dto "github.com/prometheus/client_model/go"

	"segue/cmd/internal/admin"
	"segue/cmd/internal/admin/history"
)

// Facts is what the admin API says at a moment.
type Facts struct {
	At       time.Time     // when it was asked
	Took     time.Duration // until it had answered
	Status   admin.Status
	Backends []admin.Backend
	Sessions []admin.Session
	Counts   map[string]Counts // by backend
}

// Counts is what Segue's metrics count for a backend since its start.
type Counts struct {
	Came, Went float64       // sessions that have moved to it, and from it
	Answered   float64       // statements
	Times      history.Times // response times
}

// CountsOf reads them from a scrape.
func CountsOf(families map[string]*dto.MetricFamily) map[string]Counts {
	counts := map[string]Counts{}
	change := func(backend string, change func(c *Counts)) {
		c := counts[backend]
		change(&c)
		counts[backend] = c
	}
	for _, m := range families["segue_session_moves_total"].GetMetric() {
		labels, n := labelsOf(m), m.GetCounter().GetValue()
		if labels["result"] == "ok" {
			change(labels["to"], func(c *Counts) { c.Came += n })
			change(labels["from"], func(c *Counts) { c.Went += n })
		}
	}
	for _, m := range families["segue_statements_total"].GetMetric() {
		if labels := labelsOf(m); labels["outcome"] == "ok" || labels["outcome"] == "error" {
			change(labels["backend"], func(c *Counts) { c.Answered += m.GetCounter().GetValue() })
		}
	}
	for _, m := range families["segue_statement_duration_seconds"].GetMetric() {
		change(labelsOf(m)["backend"], func(c *Counts) { c.Times = c.Times.Plus(timesOf(m.GetHistogram().GetBucket())) })
	}
	return counts
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := map[string]string{}
	for _, l := range m.GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}

// timesOf reads a classic histogram.
func timesOf(buckets []*dto.Bucket) (t history.Times) {
	var below uint64
	for _, b := range buckets {
		if bound := b.GetUpperBound(); !math.IsInf(bound, 1) {
			t.Bounds = append(t.Bounds, bound)
		}
		n := max(below, b.GetCumulativeCount())
		t.Counts, below = append(t.Counts, n-below), n
	}
	return t
}
