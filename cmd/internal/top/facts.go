package top

import (
	"time"

	dto "github.com/prometheus/client_model/go"

	"segue/cmd/internal/admin"
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
	Came, Went float64 // sessions that have moved to it, and from it
}

// CountsOf reads them from a scrape.
func CountsOf(families map[string]*dto.MetricFamily) map[string]Counts {
	counts := map[string]Counts{}
	for _, m := range families["segue_session_moves_total"].GetMetric() {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		if labels["result"] != "ok" {
			continue
		}
		n := m.GetCounter().GetValue()
		c := counts[labels["to"]]
		c.Came += n
		counts[labels["to"]] = c
		c = counts[labels["from"]]
		c.Went += n
		counts[labels["from"]] = c
	}
	return counts
}
