package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Every duration is in a bucket whose bound is as near as is stated.
func TestHistogramPrecision(t *testing.T) {
	last := time.Duration(-1)
	for _, d := range []time.Duration{
		0, 1, time.Microsecond, time.Microsecond + 1, 127 * time.Microsecond, 128 * time.Microsecond, 129 * time.Microsecond, 255 * time.Microsecond,
		256 * time.Microsecond, 999 * time.Microsecond, 1234 * time.Microsecond, 80 * time.Millisecond, time.Second, time.Minute, time.Hour, longestCounted,
	} {
		var h Histogram
		h.Add(d)
		h.Each(func(bound time.Duration, n int) {
			if n != 1 || bound < d || float64(bound-d) > float64(d)/128+float64(time.Microsecond) {
				t.Errorf("%v is one of %d in the bucket up to %v", d, n, bound)
			}
			if bound < last {
				t.Errorf("%v is in the bucket up to %v, before that of a shorter one", d, bound)
			}
			last = bound
		})
		if h.Count() != 1 || h.Quantile(0.5) != d {
			t.Errorf("%v: %d are counted, the median is %v", d, h.Count(), h.Quantile(0.5))
		}
	}
}

// What is out of bounds is counted, and its length kept.
func TestHistogramHoldsEverything(t *testing.T) {
	var h Histogram
	h.Add(-time.Second)
	h.Add(100 * time.Hour)
	if h.Count() != 2 || h.Max != 100*time.Hour || h.Quantile(0.5) != 0 || h.Quantile(1) < longestCounted {
		t.Errorf("%d are counted, up to %v; the median is %v, the longest %v", h.Count(), h.Max, h.Quantile(0.5), h.Quantile(1))
	}
}

func TestHistogramQuantiles(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.Count() != 0 {
		t.Error("an empty histogram has counted something")
	}
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(5*time.Millisecond))
		h.Add(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[max(0, int(q*10_000)-1)]
		got := h.Quantile(q)
		if got < want || float64(got-want) > float64(want)/128+float64(time.Microsecond) {
			t.Errorf("quantile %v is %v, want %v and at most 0.8 %% more", q, got, want)
		}
	}
	if h.Quantile(1) != all[len(all)-1] {
		t.Errorf("the longest is %v, want %v exactly", h.Quantile(1), all[len(all)-1])
	}
}

// Merging loses nothing, also where one of the two is empty.
func TestHistogramMerge(t *testing.T) {
	var a, b, whole, none Histogram
	for i := range 2000 {
		d := time.Duration(i*i) * time.Microsecond
		whole.Add(d)
		if i%3 == 0 {
			a.Add(d)
		} else {
			b.Add(d)
		}
	}
	a.Merge(&none)
	none.Merge(&b)
	a.Merge(&none)
	buckets := func(h *Histogram) (all []int) {
		h.Each(func(bound time.Duration, n int) { all = append(all, int(bound), n) })
		return all
	}
	if a.Count() != whole.Count() || a.Max != whole.Max || !slices.Equal(buckets(&a), buckets(&whole)) {
		t.Errorf("%d durations up to %v, want %d up to %v", a.Count(), a.Max, whole.Count(), whole.Max)
	}
}

func BenchmarkHistogramAdd(b *testing.B) {
	var h Histogram
	for b.Loop() {
		h.Add(1234 * time.Microsecond)
	}
}
