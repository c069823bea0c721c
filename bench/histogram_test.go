package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Every duration is in a bucket whose bounds are as near as is stated.
func TestHistogramPrecision(t *testing.T) {
	last := -1
	for _, d := range []time.Duration{
		0, 1, time.Microsecond, time.Microsecond + 1, 127 * time.Microsecond, 128 * time.Microsecond, 129 * time.Microsecond, 255 * time.Microsecond,
		256 * time.Microsecond, 999 * time.Microsecond, 1234 * time.Microsecond, 80 * time.Millisecond, time.Second, time.Minute, time.Hour, longestCounted,
	} {
		i := bucketOf(d)
		if i < last {
			t.Errorf("%v is in bucket %d, before that of a shorter one", d, i)
		}
		last = i
		if bound := boundOf(i); bound < d || float64(bound-d) > float64(d)/64+float64(time.Microsecond) {
			t.Errorf("%v is in bucket %d, up to %v", d, i, bound)
		}
		if i > 0 && boundOf(i-1) >= d {
			t.Errorf("%v would fit the bucket below %d, up to %v", d, i, boundOf(i-1))
		}
	}
	for i := range bucketOf(longestCounted) {
		if got := bucketOf(boundOf(i)); got != i {
			t.Fatalf("bound %v of bucket %d is in bucket %d", boundOf(i), i, got)
		}
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
		if got < want || float64(got-want) > float64(want)/64+float64(time.Microsecond) {
			t.Errorf("quantile %v is %v, want %v and at most 1.6 %% more", q, got, want)
		}
	}
	if h.Quantile(1) != all[len(all)-1] {
		t.Errorf("the longest is %v, want %v exactly", h.Quantile(1), all[len(all)-1])
	}
}

// Merging, and counting anew what Each gives, lose nothing.
func TestHistogramMerge(t *testing.T) {
	var a, b, whole, again Histogram
	for i := range 2000 {
		d := time.Duration(i*i) * time.Microsecond
		whole.Add(d)
		if i%3 == 0 {
			a.Add(d)
		} else {
			b.Add(d)
		}
	}
	a.Merge(&b)
	whole.Each(again.AddN)
	again.Max = whole.Max // it alone is exact
	for name, h := range map[string]*Histogram{"merged": &a, "counted anew": &again} {
		if h.Count() != whole.Count() || h.Max != whole.Max || !slices.Equal(h.counts, whole.counts) {
			t.Errorf("%s: %d durations up to %v, want %d up to %v", name, h.Count(), h.Max, whole.Count(), whole.Max)
		}
	}
}

func BenchmarkHistogramAdd(b *testing.B) {
	var h Histogram
	for b.Loop() {
		h.Add(1234 * time.Microsecond)
	}
}
