package health

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The checks, as they stand in the label check.
const (
	checkHTTP      = "http"
	checkBootstrap = "bootstrap"
	checkMySQL     = "mysql"
)

// metrics are the metrics of one monitor.
type metrics struct {
	probes   *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// newMetrics makes the metrics and registers them with r, which may be nil.
func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		probes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "segue_probes_total",
			Help: "Checks of backends, by what they found.",
		}, []string{"backend", "check", "verdict"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                        "segue_probe_duration_seconds",
			Help:                        "How long checks of backends took.",
			Buckets:                     []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160,
		}, []string{"backend", "check"}),
	}
	if r != nil {
		r.MustRegister(m.probes, m.duration)
	}
	return m
}

func (m *metrics) observe(backend, check string, r Result) {
	m.probes.WithLabelValues(backend, check, r.Verdict.String()).Inc()
	m.duration.WithLabelValues(backend, check).Observe(max(r.Took, time.Nanosecond).Seconds())
}

// forget deletes the series of a backend that was removed.
func (m *metrics) forget(backend string) {
	m.probes.DeletePartialMatch(prometheus.Labels{"backend": backend})
	m.duration.DeletePartialMatch(prometheus.Labels{"backend": backend})
}
