package counts_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"segue/backend/wire"
	"segue/proxy/counts"
)

// What Prometheus' own histogram makes of the same observations is what ours does.
func TestHistogramIsPrometheus(t *testing.T) {
	theirs := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "x", Help: "Prometheus' own.", Buckets: counts.Bounds[:], NativeHistogramBucketFactor: 1.1, NativeHistogramZeroThreshold: counts.ZeroThreshold,
	})
	var ours counts.Histogram
	random := rand.New(rand.NewPCG(1, 2))
	times := []int64{1, 500, 953, 954, 955, 1000, int64(2 * time.Hour)}
	for _, b := range counts.Bounds {
		ns := int64(math.Round(b * 1e9))
		times = append(times, ns-1, ns, ns+1)
	}
	for n := -20; n < 13; n++ { // at the bounds of doublings, which a float64 holds exactly as of 2^-9 s
		ns := int64(math.Exp2(float64(n)) * 1e9)
		times = append(times, ns-1, ns, ns+1)
	}
	for i := range counts.NumBuckets {
		ns := int64(counts.Bound(i))
		times = append(times, ns, ns+1)
	}
	for range 20000 {
		times = append(times, int64(math.Exp2(random.Float64()*42)))
	}
	for _, ns := range times {
		if ns < 1 || ns > int64(8192*time.Second) {
			continue
		}
		ours.Observe(ns)
		theirs.Observe(float64(ns) / 1e9)
	}
	var m dto.Metric
	if err := theirs.Write(&m); err != nil {
		t.Fatal(err)
	}
	h := m.GetHistogram()
	if h.GetSchema() != counts.Schema || h.GetZeroThreshold() != counts.ZeroThreshold {
		t.Fatalf("schema %d, zero threshold %v", h.GetSchema(), h.GetZeroThreshold())
	}
	if ours.Count != h.GetSampleCount() || math.Abs(ours.Sum.Seconds()/h.GetSampleSum()-1) > 1e-9 || ours.Zero != h.GetZeroCount() {
		t.Errorf("%d, %v, %d; want %d, %v, %d", ours.Count, ours.Sum, ours.Zero, h.GetSampleCount(), h.GetSampleSum(), h.GetZeroCount())
	}
	want := map[int]uint64{}
	at, n := 0, int64(0)
	deltas := h.GetPositiveDelta()
	for _, span := range h.GetPositiveSpan() {
		at += int(span.GetOffset())
		for range span.GetLength() {
			if n += deltas[0]; n > 0 {
				want[at] = uint64(n)
			}
			deltas = deltas[1:]
			at++
		}
	}
	for i, n := range ours.Buckets {
		if n != want[counts.FirstIndex+i] {
			t.Errorf("bucket %d (to %v): %d, want %d", i, counts.Bound(i), n, want[counts.FirstIndex+i])
		}
		delete(want, counts.FirstIndex+i)
	}
	if len(want) > 0 {
		t.Errorf("not in ours: %v", want)
	}
	sum := uint64(0)
	for i, b := range h.GetBucket() {
		if sum += ours.Classic[i]; sum != b.GetCumulativeCount() {
			t.Errorf("up to %v s: %d, want %d", b.GetUpperBound(), sum, b.GetCumulativeCount())
		}
	}
}

func TestHistogramHoldsWhatIsLonger(t *testing.T) {
	var h counts.Histogram
	h.Observe(int64(24 * time.Hour))
	if h.Buckets[counts.NumBuckets-1] != 1 || h.Classic[len(counts.Bounds)] != 1 {
		t.Error("a day is not in the last buckets")
	}
}

func TestHistogramAdd(t *testing.T) {
	var h counts.Histogram
	h.Observe(1e6)
	h.Observe(10)
	before := h
	h.Observe(1e9)
	h.Observe(10)
	var want counts.Histogram
	want.Observe(1e9)
	want.Observe(10)
	before.Add(&want)
	if before != h {
		t.Error("what has been added is not what has been counted")
	}
}

func TestBackendAdd(t *testing.T) {
	var a, b counts.Backend
	a.Answered(wire.ComQuery, true, 1e6)
	a.Unanswered(wire.ComStmtExecute, counts.Lost)
	a.Unanswered(wire.ComQuit, counts.Lost) // which is no statement
	a.Answered(wire.ComQuit, true, 1)
	a.In, a.Out, a.Connections = 1, 2, 3
	b.Answered(wire.ComQuery, false, 1e6)
	b.Answered(wire.ComPing, true, 1e6)
	b.In, b.Out, b.Connections = 10, 20, 30
	a.Add(&b)
	if a.In != 11 || a.Out != 22 || a.Connections != 33 || a.Response.Count != 3 {
		t.Errorf("%+v", a)
	}
	if a.Statements.Total() != 4 || a.Statements.Total(counts.OK) != 2 || a.Statements.Total(counts.Error, counts.Lost) != 2 {
		t.Errorf("%v", a.Statements)
	}
	if a.Statements[counts.Execute][counts.Lost] != 1 || a.Statements[counts.Query][counts.Error] != 1 || a.Statements[counts.Ping][counts.OK] != 1 {
		t.Errorf("%v", a.Statements)
	}
}

func BenchmarkAnswered(b *testing.B) {
	var c counts.Backend
	random := rand.New(rand.NewPCG(1, 2))
	var times [1 << 12]int64
	for i := range times {
		times[i] = int64(math.Exp2(15 + random.Float64()*10))
	}
	i := 0
	for b.Loop() {
		c.Answered(wire.ComQuery, true, times[i%len(times)])
		i++
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	var c counts.Backend
	if n := testing.AllocsPerRun(100, func() { c.Answered(wire.ComQuery, true, 12345) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
