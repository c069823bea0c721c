package bench

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

const (
	// subBits sets the precision: each doubling is cut into 1<<(subBits-1)
	// equal buckets, so that a bucket is never wider than 1/64 (1.6 %) of what it
	// holds. It is the log-linear layout of HdrHistogram.
	subBits = 7
	// longestCounted is what the last bucket holds together with all beyond.
	longestCounted = 4 * time.Hour
)

// Histogram counts durations from a microsecond to hours with a relative error
// of at most 1.6 %, the longest one exactly. It takes the memory that the
// longest duration needs: 3 KB for 10 ms, 12 KB for hours. The zero value is
// empty and ready. Not safe for concurrent use.
type Histogram struct {
	Max    time.Duration
	counts []uint32 // up to the last bucket that is not empty
	total  int
}

// bucketOf is the bucket that holds d.
func bucketOf(d time.Duration) int {
	us := uint64((max(0, min(d, longestCounted)) + time.Microsecond - 1) / time.Microsecond)
	shift := max(0, bits.Len64(us)-subBits)
	return shift<<(subBits-1) + int(us>>shift)
}

// boundOf is the longest duration, in whole microseconds, that bucket i holds.
func boundOf(i int) time.Duration {
	const half = 1 << (subBits - 1)
	shift := max(0, i/half-1)
	return time.Duration((i-shift*half+1)<<shift-1) * time.Microsecond
}

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) { h.AddN(d, 1) }

// AddN counts a duration n times.
func (h *Histogram) AddN(d time.Duration, n int) {
	if n <= 0 {
		return
	}
	h.Max = max(h.Max, d)
	i := bucketOf(d)
	if i >= len(h.counts) {
		h.counts = slices.Grow(h.counts, i+1-len(h.counts))[:i+1]
	}
	h.counts[i] += uint32(min(n, math.MaxInt32))
	h.total += n
}

// Merge counts all that other has counted.
func (h *Histogram) Merge(other *Histogram) {
	h.Max = max(h.Max, other.Max)
	h.total += other.total
	if grow := len(other.counts) - len(h.counts); grow > 0 {
		h.counts = slices.Grow(h.counts, grow)[:len(other.counts)]
	}
	for i, n := range other.counts {
		h.counts[i] += n
	}
}

// Count is how many durations have been counted.
func (h *Histogram) Count() int { return h.total }

// Quantile is a duration that the share q (0 to 1) of all do not exceed: at
// most 1.6 % above the true one. Zero when nothing has been counted.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(1, int(math.Ceil(q*float64(h.total))))
	seen := 0
	for i, n := range h.counts {
		if seen += int(n); seen >= rank {
			return min(boundOf(i), h.Max)
		}
	}
	return h.Max
}

// Each calls f with every bucket that is not empty, shortest first: the longest
// duration that it holds, and how many it does.
func (h *Histogram) Each(f func(bound time.Duration, n int)) {
	for i, n := range h.counts {
		if n > 0 {
			f(boundOf(i), int(n))
		}
	}
}
