package load

import "github.com/prometheus/client_golang/prometheus"

// How a load has ended: the values of a label.
const (
	endSuccess = "success"
	endFailed  = "failed"
	endUnknown = "unknown"
	endRefused = "refused"
	endGone    = "gone"
)

// metrics are this room's.
type metrics struct {
	ends      *prometheus.CounterVec
	bytes     prometheus.Counter
	redirects prometheus.Counter
	time      prometheus.Histogram
	panics    prometheus.Counter
}

// newMetrics registers the metrics with reg, which may be nil.
func newMetrics(reg prometheus.Registerer, s *Server) *metrics {
	m := &metrics{
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "segue_loads_total", Help: "Loads and steps of transactions by what came of them; requests that were refused among them.",
		}, []string{"outcome"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "segue_load_bytes_total", Help: "Bytes of loads' bodies that were sent to BEs and CNs.",
		}),
		redirects: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "segue_load_redirects_followed_total", Help: "Redirects of FEs that were followed without the client's seeing them.",
		}),
		time: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "segue_load_duration_seconds", Help: "Time from a load's request to its answer.",
			Buckets:                     []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160,
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "segue_load_panics_total", Help: "Clients of loads whose connection was closed because of a bug in Segue.",
		}),
	}
	for _, end := range []string{endSuccess, endFailed, endUnknown, endRefused, endGone} {
		m.ends.WithLabelValues(end)
	}
	if reg != nil {
		reg.MustRegister(m.ends, m.bytes, m.redirects, m.time, m.panics, flights{s})
	}
	return m
}

// flights counts the loads in flight, when it is asked.
type flights struct{ server *Server }

var (
	loadsDesc  = prometheus.NewDesc("segue_loads", "Loads in flight by state.", []string{"state"}, nil)
	memoryDesc = prometheus.NewDesc("segue_load_memory_bytes", "Bytes of loads' bodies that are kept to be sent again.", nil, nil)
)

// Describe implements prometheus.Collector.
func (f flights) Describe(ch chan<- *prometheus.Desc) {
	ch <- loadsDesc
	ch <- memoryDesc
}

// Collect implements prometheus.Collector.
func (f flights) Collect(ch chan<- prometheus.Metric) {
	counts := map[string]int{atFrontend: 0, atNode: 0, atBody: 0, atAnswer: 0, resolving: 0, isOpen: 0}
	for _, l := range f.server.Loads() {
		counts[l.State]++
	}
	for state, n := range counts {
		ch <- prometheus.MustNewConstMetric(loadsDesc, prometheus.GaugeValue, float64(n), state)
	}
	ch <- prometheus.MustNewConstMetric(memoryDesc, prometheus.GaugeValue, float64(f.server.room.used.Load()))
}
