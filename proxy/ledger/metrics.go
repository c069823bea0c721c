package ledger

import "github.com/prometheus/client_golang/prometheus"

var (
	seenDesc = prometheus.NewDesc("segue_client_errors_total", "Errors that a client saw because a backend went, or none was to be had.",
		[]string{"kind"}, nil)
	hiddenDesc = prometheus.NewDesc("segue_hidden_failures_total", "Failures of backends that no client saw.", []string{"kind", "action"}, nil)
)

// Describe implements prometheus.Collector.
func (l *Ledger) Describe(ch chan<- *prometheus.Desc) {
	ch <- seenDesc
	ch <- hiddenDesc
}

// Collect implements prometheus.Collector. What can happen is there from the start.
func (l *Ledger) Collect(ch chan<- prometheus.Metric) {
	for under, n := range l.counts() {
		if under.action == Seen {
			ch <- prometheus.MustNewConstMetric(seenDesc, prometheus.CounterValue, float64(n), string(under.kind))
		} else {
			ch <- prometheus.MustNewConstMetric(hiddenDesc, prometheus.CounterValue, float64(n), string(under.kind), string(under.action))
		}
	}
}

func (l *Ledger) counts() map[entry]uint64 {
	counts := map[entry]uint64{}
	for _, under := range entries() {
		counts[under] = 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for under, a := range l.accounts {
		counts[under] = a.count
	}
	return counts
}
