package proxy

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"segue/backend"
	"segue/proxy/counts"
)

// What a scrape gets of a histogram is what it would get of Prometheus' own.
func TestHistogramIsScraped(t *testing.T) {
	for _, n := range []int{0, 1, 10, 5000} {
		theirs := prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "x", Help: "Prometheus' own.", Buckets: counts.Bounds[:], NativeHistogramBucketFactor: 1.1, NativeHistogramZeroThreshold: counts.ZeroThreshold,
		}, []string{"backend"}).WithLabelValues("a")
		ours := &histogramMetric{prometheus.MustNewConstMetric(statementTimeDesc, prometheus.UntypedValue, 0, "a"), new(counts.Histogram)}
		random := rand.New(rand.NewPCG(uint64(n), 1))
		for range n {
			ns := int64(math.Exp2(8 + random.Float64()*30))
			ours.h.Observe(ns)
			theirs.Observe(float64(ns) / 1e9)
		}
		var got, want dto.Metric
		if err := ours.Write(&got); err != nil {
			t.Fatal(err)
		}
		if err := theirs.(prometheus.Metric).Write(&want); err != nil {
			t.Fatal(err)
		}
		h := want.GetHistogram()
		if math.Abs(h.GetSampleSum()-got.GetHistogram().GetSampleSum()) > 1e-6 {
			t.Errorf("sum %v, want %v", got.GetHistogram().GetSampleSum(), h.GetSampleSum())
		}
		h.SampleSum, h.CreatedTimestamp = got.GetHistogram().SampleSum, nil
		normalize(h)
		normalize(got.GetHistogram())
		if got.String() != want.String() { // which differs from build to build, and not within one
			t.Errorf("%d observations:\n%v, want\n%v", n, &got, &want)
		}
	}
}

// normalize has spans as long as they can be: Prometheus' own bridges small gaps by empty buckets.
func normalize(h *dto.Histogram) {
	var c counts.Histogram
	at, n := int32(0), int64(0)
	deltas := h.PositiveDelta
	for _, span := range h.PositiveSpan {
		at += span.GetOffset()
		for range span.GetLength() {
			n += deltas[0]
			deltas = deltas[1:]
			c.Buckets[int(at)-counts.FirstIndex] = uint64(n)
			at++
		}
	}
	h.PositiveSpan, h.PositiveDelta = spans(&c)
}

// A scrape gets what has passed, and of a backend that has been removed nothing any more.
func TestTrafficIsScraped(t *testing.T) {
	t.Parallel()
	m := measure(t, Options{}, newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b"))
	_ = m.registry.SetAdmin("b", backend.Maint)
	d := m.connect()
	d.ask("SELECT 1")
	d.ask("SELECT 2")
	m.waitValue("segue_statement_duration_seconds", "a", 2)
	for name, want := range map[string]map[string]float64{
		"segue_statements_total":                 {"a,query,ok": 2, "a,query,error": 0, "a,execute,lost": 0, "b,query,ok": 0},
		"segue_backend_connections_opened_total": {"a": 1, "b": 0},
		"segue_statement_duration_seconds":       {"a": 2, "b": 0},
		"segue_paused":                           {"": 0},
		"segue_statements_held":                  {"": 0},
		"segue_statements_held_limit":            {"": DefaultHoldStatements},
		"segue_statements_memory_bytes":          {"": 0},
		"segue_statements_memory_limit_bytes":    {"": DefaultStatementsMemory},
		"segue_sessions_limit":                   {"": float64(m.MaxSessions())},
	} {
		got := m.series(name)
		for labels, n := range want {
			if v, ok := got[labels]; !ok || v != n {
				t.Errorf("%s{%s} is %v (%v), want %v", name, labels, v, ok, n)
			}
		}
	}
	for _, labels := range []string{"a,in", "a,out"} {
		if m.series("segue_backend_bytes_total")[labels] == 0 {
			t.Errorf("no bytes %s", labels)
		}
	}
	m.Pause(time.Minute)
	if m.series("segue_paused")[""] != 1 {
		t.Error("the pause is not told")
	}
	m.Resume()
	if problems, err := testutil.GatherAndLint(m.metrics); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
	m.registry.Apply(m.specs()[1:])
	_ = d.Close()
	eventually(t, "the series of a to be gone", func() bool {
		for _, name := range []string{"segue_statement_duration_seconds", "segue_backend_connections_opened_total"} {
			if _, there := m.series(name)["a"]; there {
				return false
			}
		}
		_, received := m.series("segue_backend_bytes_total")["a,in"]
		_, statements := m.series("segue_statements_total")["a,query,ok"]
		return !received && !statements
	})
}
