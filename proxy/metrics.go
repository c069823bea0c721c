package proxy

import "github.com/prometheus/client_golang/prometheus"

// metrics are this room's. What changes with every statement is not counted but collected: see sessionCollector.
type metrics struct {
	ends         *prometheus.CounterVec
	clientErrors *prometheus.CounterVec
	hidden       *prometheus.CounterVec
	dial         *prometheus.HistogramVec
	moves        *prometheus.CounterVec
	moveTime     prometheus.Histogram
	hold         *prometheus.HistogramVec
	panics       prometheus.Counter
	serverPanics prometheus.Counter
}

// The values of segue_hidden_failures_total{action}.
const (
	actionRetried  = "retried"  // a set-up went on with another backend
	actionMoved    = "moved"    // a session went on on another backend
	actionReplayed = "replayed" // a statement that only reads was run again there
	actionHeld     = "held"     // a statement waited until a backend could take it
)

// newMetrics registers the metrics with reg, which may be nil.
func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "segue_session_ends_total", Help: "Sessions that have ended, by the backend they were on last and the reason.",
		}, []string{"backend", "end"}),
		clientErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "segue_client_errors_total", Help: "Errors that a client saw because a backend went, or none was to be had.",
		}, []string{"kind"}),
		hidden: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "segue_hidden_failures_total", Help: "Failures of backends that no client saw.",
		}, []string{"kind", "action"}),
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
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "segue_session_panics_total", Help: "Sessions closed because of a bug in Segue.",
		}),
		serverPanics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "segue_task_panics_total", Help: "Rounds of tasks for all sessions that were given up because of a bug in Segue.",
		}),
	}
	for _, kind := range []string{lostConnect, lostStatement, lostTransaction, lostIdle, lostDeadline, lostUnsent, lostHold, lostUnread, lostLimit} {
		m.clientErrors.WithLabelValues(kind)
	}
	for _, kind := range []string{setupRefused, setupTimeout, setupClosed, setupErr, setupMalformed, setupCapabilities, setupLack} {
		m.hidden.WithLabelValues(kind, actionRetried)
	}
	m.hidden.WithLabelValues(kindNoBackend, actionHeld)
	m.hidden.WithLabelValues(kindElection, actionHeld)
	for _, result := range []string{heldSent, heldTimeout, heldFull, heldDryRun, heldGone} {
		m.hold.WithLabelValues(result)
	}
	for _, kind := range []string{setupClosed, kindLeaving} {
		m.hidden.WithLabelValues(kind, actionMoved)
		m.hidden.WithLabelValues(kind, actionReplayed)
	}
	if reg != nil {
		reg.MustRegister(m.ends, m.clientErrors, m.hidden, m.dial, m.moves, m.moveTime, m.hold, m.panics, m.serverPanics)
	}
	return m
}

// forget deletes the series of a backend that has been removed.
func (m *metrics) forget(backend string) {
	m.ends.DeletePartialMatch(prometheus.Labels{"backend": backend})
	m.dial.DeletePartialMatch(prometheus.Labels{"backend": backend})
	m.moves.DeletePartialMatch(prometheus.Labels{"from": backend})
	m.moves.DeletePartialMatch(prometheus.Labels{"to": backend})
}

// sessionCollector counts the sessions by backend and state, and the pinned ones by reason, when it is asked.
type sessionCollector struct{ server *Server }

var (
	sessionsDesc = prometheus.NewDesc("segue_sessions", "Sessions by backend and state.", []string{"backend", "state"}, nil)
	pinnedDesc   = prometheus.NewDesc("segue_sessions_pinned", "Sessions that cannot leave their backend between two statements, by reason.",
		[]string{"reason"}, nil)
)

// Describe implements prometheus.Collector.
func (c sessionCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- sessionsDesc
	ch <- pinnedDesc
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
	for reason, n := range pinned {
		ch <- prometheus.MustNewConstMetric(pinnedDesc, prometheus.GaugeValue, float64(n), reason)
	}
}
