package proxy

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"segue/proxy/counts"
)

// trafficCollector tells what has passed, when it is asked.
type trafficCollector struct{ server *Server }

var (
	clientBytesDesc = prometheus.NewDesc("segue_client_bytes_total",
		"Bytes received from clients (in) and sent to them (out), of the MySQL protocol: before TLS and compression.", []string{"direction"}, nil)
	backendBytesDesc = prometheus.NewDesc("segue_backend_bytes_total",
		"Bytes received from the backend (in) and sent to it (out), of the MySQL protocol: before TLS and compression.", []string{"backend", "direction"}, nil)
	connectionsDesc = prometheus.NewDesc("segue_backend_connections_opened_total",
		"Connections that were opened to the backend, for sessions, moves and KILL; not those of probes.", []string{"backend"}, nil)
	statementsDesc = prometheus.NewDesc("segue_statements_total",
		"Statements that were sent to the backend, by their command and what came of them.", []string{"backend", "kind", "outcome"}, nil)
	statementTimeDesc = prometheus.NewDesc("segue_statement_duration_seconds",
		"Time from the moment a statement was sent to the backend, or the one in front of it was answered, to the end of its answer.", []string{"backend"}, nil)
)

// Describe implements prometheus.Collector.
func (trafficCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{clientBytesDesc, backendBytesDesc, connectionsDesc, statementsDesc, statementTimeDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. All outcomes are there from the start, so that the first of one is seen to be one.
func (c trafficCollector) Collect(ch chan<- prometheus.Metric) {
	count := func(desc *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), labels...)
	}
	t := c.server.Traffic()
	count(clientBytesDesc, t.Clients.In, "in")
	count(clientBytesDesc, t.Clients.Out, "out")
	for name, b := range t.Backends {
		count(backendBytesDesc, b.In, name, "in")
		count(backendBytesDesc, b.Out, name, "out")
		count(connectionsDesc, b.Connections, name)
		for k := range b.Statements {
			for o, n := range b.Statements[k] {
				count(statementsDesc, n, name, counts.Kind(k).String(), counts.Outcome(o).String())
			}
		}
		ch <- &histogramMetric{prometheus.MustNewConstMetric(statementTimeDesc, prometheus.UntypedValue, 0, name), &b.Response}
	}
}

// histogramMetric is a histogram with classic and native buckets.
type histogramMetric struct {
	prometheus.Metric // without a value
	h                 *counts.Histogram
}

// Write implements prometheus.Metric.
func (m *histogramMetric) Write(to *dto.Metric) error {
	if err := m.Metric.Write(to); err != nil { // the labels
		return err
	}
	to.Untyped = nil
	to.Histogram = &dto.Histogram{
		SampleCount: new(m.h.Count), SampleSum: new(m.h.Sum.Seconds()),
		Schema: new(int32(counts.Schema)), ZeroThreshold: new(counts.ZeroThreshold), ZeroCount: new(m.h.Zero),
	}
	sum := uint64(0)
	for i, bound := range counts.Bounds {
		sum += m.h.Classic[i]
		to.Histogram.Bucket = append(to.Histogram.Bucket, &dto.Bucket{UpperBound: new(bound), CumulativeCount: new(sum)})
	}
	to.Histogram.PositiveSpan, to.Histogram.PositiveDelta = spans(m.h)
	return nil
}

// spans are the native buckets that are not empty: each as the difference to the one before it, and where they lie. There is one span at least, by which Prometheus
// tells that there are native buckets.
func spans(h *counts.Histogram) (list []*dto.BucketSpan, deltas []int64) {
	next, before := 0, int64(0) // the index behind the last span, and its last bucket
	for i, n := range &h.Buckets {
		if n == 0 {
			continue
		}
		at := counts.FirstIndex + i
		if len(list) == 0 || at != next {
			list = append(list, &dto.BucketSpan{Offset: new(int32(at - next)), Length: new(uint32(0))})
		}
		*list[len(list)-1].Length++
		deltas = append(deltas, int64(n)-before)
		next, before = at+1, int64(n)
	}
	if len(list) == 0 {
		list = []*dto.BucketSpan{{Offset: new(int32(0)), Length: new(uint32(0))}}
	}
	return list, deltas
}

// limitsCollector tells what holds clients back, when it is asked: a pause, and limits with what is used of them.
type limitsCollector struct{ server *Server }

var (
	pausedDesc   = prometheus.NewDesc("segue_paused", "1 while the operator has paused: all statements wait.", nil, nil)
	mostSessions = prometheus.NewDesc("segue_sessions_limit", "How many sessions there may be: limits.sessions, or fewer where the file descriptors are not enough.", nil, nil)
	heldDesc     = prometheus.NewDesc("segue_statements_held", "Statements that wait for a usable backend, or for the operator to resume, as hold.statements counts them.", nil, nil)
	mostHeld     = prometheus.NewDesc("segue_statements_held_limit", "How many may wait: hold.statements.", nil, nil)
	memoryDesc   = prometheus.NewDesc("segue_statements_memory_bytes", "What sessions keep of the texts of their statements and settings, so that they can be rebuilt elsewhere.", nil, nil)
	mostMemory   = prometheus.NewDesc("segue_statements_memory_limit_bytes", "How much they may keep: limits.statements_memory.", nil, nil)
)

// Describe implements prometheus.Collector.
func (limitsCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{pausedDesc, mostSessions, heldDesc, mostHeld, memoryDesc, mostMemory} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c limitsCollector) Collect(ch chan<- prometheus.Metric) {
	s, o := c.server, c.server.options()
	gauge := func(desc *prometheus.Desc, n int64) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n))
	}
	paused := int64(0)
	if s.paused.Load() {
		paused = 1
	}
	gauge(pausedDesc, paused)
	gauge(mostSessions, int64(s.MaxSessions()))
	gauge(heldDesc, s.waiting.Load())
	gauge(mostHeld, o.Hold.statements())
	gauge(memoryDesc, s.memory.Used())
	gauge(mostMemory, orDefault(o.StatementsMemory, DefaultStatementsMemory))
}
