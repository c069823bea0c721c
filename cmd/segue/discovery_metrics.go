package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend/discover"
)

// discoveryMetrics count what sources answer and what follows from it.
type discoveryMetrics struct {
	answers  *prometheus.CounterVec // source, result
	last     *prometheus.GaugeVec   // source
	backends *prometheus.GaugeVec   // origin
	changes  *prometheus.CounterVec // change
}

func newDiscoveryMetrics(r prometheus.Registerer) *discoveryMetrics {
	m := &discoveryMetrics{
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "segue_discovery_answers_total", Help: "Answers of a kind of source: taken, failed, or refused because they made no sense.",
		}, []string{"source", "result"}),
		last: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "segue_discovery_last_success_timestamp_seconds", Help: "When a kind of source has last told something that was taken; 0: never.",
		}, []string{"source"}),
		backends: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "segue_discovery_backends", Help: "Backends that the configuration names, that have been found, and that are about to go.",
		}, []string{"origin"}),
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "segue_discovery_changes_total", Help: "What discovery has changed: a backend was added, is leaving, is back, was removed, or has another role.",
		}, []string{"change"}),
	}
	for _, c := range []string{"added", "leaving", "back", "removed", "role"} {
		m.changes.WithLabelValues(c)
	}
	for _, kind := range []string{"dns", "file", "kubernetes", "sql"} {
		for _, result := range []string{"taken", "failed", "refused"} {
			m.answers.WithLabelValues(kind, result)
		}
		m.last.WithLabelValues(kind)
	}
	r.MustRegister(m.answers, m.last, m.backends, m.changes)
	return m
}

func (m *discoveryMetrics) answered(kind string, a discover.Answer, err error, now time.Time) {
	result := "taken"
	switch {
	case a.Err != nil:
		result = "failed"
	case err != nil:
		result = "refused"
	default:
		m.last.WithLabelValues(kind).Set(float64(now.Unix()))
	}
	m.answers.WithLabelValues(kind, result).Inc()
}

func (m *discoveryMetrics) applied(list []discover.Entry) {
	count := map[string]int{"configuration": 0, "found": 0, "leaving": 0}
	for _, e := range list {
		switch {
		case e.Leaving != "":
			count["leaving"]++
		case e.Seed:
			count["configuration"]++
		default:
			count["found"]++
		}
	}
	for origin, n := range count {
		m.backends.WithLabelValues(origin).Set(float64(n))
	}
}
