package bench

import (
	"math/bits"
	"time"
)

// histogramBuckets covers 1 ms to more than four minutes in powers of two.
const histogramBuckets = 20

// Histogram counts durations in buckets that double: bucket i holds those of
// at most 1<<i milliseconds that fit no earlier one; the last holds all the
// rest. The zero value is empty and ready.
type Histogram struct {
	Counts [histogramBuckets]int
	Max    time.Duration
}

// Bound is the longest duration that bucket i holds.
func Bound(i int) time.Duration { return time.Millisecond << i }

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) {
	h.Max = max(h.Max, d)
	ms := uint64(max(0, d-1) / time.Millisecond) // -1: a bound belongs to its own bucket
	h.Counts[min(bits.Len64(ms), histogramBuckets-1)]++
}

// Longer counts the durations beyond bucket i.
func (h *Histogram) Longer(i int) int {
	n := 0
	for _, c := range h.Counts[i+1:] {
		n += c
	}
	return n
}
