package proxy

import "github.com/prometheus/client_golang/prometheus"

// metrics are this room's. What changes with every statement is not counted but collected: see sessionCollector.
type metrics struct {
	ends         *prometheus.CounterVec
	dial         *prometheus.HistogramVec
	moves        *prometheus.CounterVec
	trips        *prometheus.Registry // of moves alone; see Server.Trips
	moveTime     prometheus.Histogram
	hold         *prometheus.HistogramVec
	headers      *prometheus.CounterVec
	panics       prometheus.Counter
	serverPanics prometheus.Counter
	handshakes   *prometheus.CounterVec
}

// newMetrics registers the metrics with reg, which may be nil.
func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "segue_session_ends_total", Help: "Sessions that have ended, by the backend they were on last and the reason.",
		}, []string{"backend", "end"}),
		dial: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "segue_dial_duration_seconds", Help: "Time from dialing a backend to its greeting, where it came to one.",
			Buckets:                     []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 5},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160,
		}, []string{"backend"}),
		moves: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "segue_session_moves_total", Help: "Sessions that were taken from one backend to another, or could not be.",
		}, []string{"from", "to", "result"}),
		moveTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "segue_session_move_duration_seconds", Help: "Time from the decision to move a session to its next statement being let through.",
			Buckets:                     []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 5, 10},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160,
		}),
		hold: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "segue_hold_duration_seconds", Help: "Time for which statements waited for a usable backend, or for the operator to resume, by what came of it.",
			Buckets:                     []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160,
		}, []string{"result"}),
		headers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "segue_proxy_headers_refused_total", Help: "Connections refused that had to begin with a header of the PROXY protocol, by what was wrong with it.",
		}, []string{"reason"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "segue_session_panics_total", Help: "Sessions closed because of a bug in Segue.",
		}),
		serverPanics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "segue_task_panics_total", Help: "Rounds of tasks for all sessions that were given up because of a bug in Segue.",
		}),
		handshakes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "segue_tls_handshakes_total", Help: "TLS handshakes with clients and with backends, by what came of them.",
		}, []string{"side", "result"}),
	}
	for _, side := range []string{"client", "backend"} {
		m.handshakes.WithLabelValues(side, "ok")
		m.handshakes.WithLabelValues(side, "failed")
	}
	for _, result := range []string{heldSent, heldTimeout, heldFull, heldDryRun, heldGone} {
		m.hold.WithLabelValues(result)
	}
	for _, reason := range []string{headerMissing, headerMalformed, headerLate} {
		m.headers.WithLabelValues(reason)
	}
	m.trips = prometheus.NewRegistry()
	m.trips.MustRegister(m.moves)
	if reg != nil {
		reg.MustRegister(m.ends, m.dial, m.moves, m.moveTime, m.hold, m.headers, m.panics, m.serverPanics, m.handshakes)
	}
	return m
}

// handshook counts a TLS handshake.
func (m *metrics) handshook(side string, err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.handshakes.WithLabelValues(side, result).Inc()
}

// expect makes the series of a backend of which the first one counts: a rate sees nothing of a counter that begins with it. It may be called again.
func (m *metrics) expect(backend string) { m.moves.WithLabelValues(backend, "", "failed") }

// forget deletes the series of a backend that has been removed.
func (m *metrics) forget(backend string) {
	m.ends.DeletePartialMatch(prometheus.Labels{"backend": backend})
	m.dial.DeletePartialMatch(prometheus.Labels{"backend": backend})
	m.moves.DeletePartialMatch(prometheus.Labels{"from": backend})
	m.moves.DeletePartialMatch(prometheus.Labels{"to": backend})
}

// sessionCollector counts the sessions by backend and state, the pinned ones by reason, and the event loops, when it is asked.
type sessionCollector struct{ server *Server }

var (
	sessionsDesc = prometheus.NewDesc("segue_sessions", "Sessions by backend and state.", []string{"backend", "state"}, nil)
	pinnedDesc   = prometheus.NewDesc("segue_sessions_pinned", "Sessions that cannot leave their backend between two statements, by reason.",
		[]string{"reason"}, nil)
	loopsDesc = prometheus.NewDesc("segue_loops", "Event loops that share the sessions, those included that are about to end.", nil, nil)
	busyDesc  = prometheus.NewDesc("segue_loops_busy_seconds_total", "For how long all event loops together have worked.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c sessionCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- sessionsDesc
	ch <- pinnedDesc
	ch <- loopsDesc
	ch <- busyDesc
}

// Collect implements prometheus.Collector.
func (c sessionCollector) Collect(ch chan<- prometheus.Metric) {
	type key struct{ backend, state string }
	counts, pinned := map[key]int{}, map[string]int{}
	for _, b := range c.server.registry.Backends() {
		counts[key{b.Name(), Idle.String()}] = 0
	}
	for _, i := range c.server.Sessions() {
		counts[key{i.Backend, i.State}]++
		if i.Pinned != "" {
			pinned[i.Pinned]++
		}
	}
	for k, n := range counts {
		ch <- prometheus.MustNewConstMetric(sessionsDesc, prometheus.GaugeValue, float64(n), k.backend, k.state)
	}
	ch <- prometheus.MustNewConstMetric(loopsDesc, prometheus.GaugeValue, float64(len(c.server.running())))
	ch <- prometheus.MustNewConstMetric(busyDesc, prometheus.CounterValue, c.server.Busy().Seconds())
	for reason, n := range pinned {
		ch <- prometheus.MustNewConstMetric(pinnedDesc, prometheus.GaugeValue, float64(n), reason)
	}
}
