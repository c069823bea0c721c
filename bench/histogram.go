package bench

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// digits is the precision: a bucket is never wider than 1/128 (0.8 %) of what it holds.
	digits = 2
	// longestCounted is what the last bucket holds together with all beyond.
	longestCounted = 4 * time.Hour
)

// Histogram counts durations from a microsecond to hours with a relative error of at most 0.8 %, the longest one exactly. It takes as much memory as there are
// different durations: a run has one for each step of time. The zero value is empty and ready. Not to be copied, and not safe for concurrent use.
type Histogram struct {
	Max    time.Duration
	counts *hdrhistogram.PackedHistogram // in microseconds; nil: nothing has been counted
}

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) {
	h.Max = max(h.Max, d)
	us := (max(0, min(d, longestCounted)) + time.Microsecond - 1) / time.Microsecond
	_ = h.all().RecordValue(int64(us)) // it fails for what is out of bounds
}

func (h *Histogram) all() *hdrhistogram.PackedHistogram {
	if h.counts == nil {
		h.counts = hdrhistogram.NewPacked(1, longestCounted.Microseconds(), digits)
	}
	return h.counts
}

// Merge counts all that other has counted.
func (h *Histogram) Merge(other *Histogram) {
	h.Max = max(h.Max, other.Max)
	if other.counts != nil {
		h.all().Merge(other.counts)
	}
}

// Count is how many durations have been counted.
func (h *Histogram) Count() int {
	if h.counts == nil {
		return 0
	}
	return int(h.counts.TotalCount())
}

// Quantile is a duration that the share q (0 to 1) of all, to the nearest one, do not exceed: at most 0.8 % above the true one. Zero when nothing has been
// counted.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.counts == nil {
		return 0
	}
	return min(time.Duration(h.counts.ValueAtPercentile(100*q))*time.Microsecond, h.Max)
}

// Each calls f with every bucket that is not empty, shortest first: the longest duration that it holds, and how many it does.
func (h *Histogram) Each(f func(bound time.Duration, n int)) {
	if h.counts == nil {
		return
	}
	dense := hdrhistogram.New(1, longestCounted.Microseconds(), digits) // a packed one does not tell how far its buckets reach
	h.counts.MergeInto(dense)
	for _, bar := range dense.Distribution() {
		if bar.Count > 0 {
			f(time.Duration(bar.To)*time.Microsecond, int(bar.Count))
		}
	}
}
