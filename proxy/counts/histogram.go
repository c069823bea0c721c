package counts

import (
	"math"
	"time"
)

// The layout is that of Prometheus' native histograms with eight buckets for each doubling (schema 3), so that nothing is lost between the two: a bucket holds what
// is longer than its predecessor's bound, up to its own, 2^(n/8) seconds.
const (
	Schema    = 3
	perOctave = 1 << Schema

	lowest  = -20 // 2^lowest s, a microsecond, is the longest that counts as nothing
	highest = 13  // 2^highest s, two hours, is what the last bucket ends with: it holds what is longer, too

	// FirstIndex is Prometheus' index of the first bucket.
	FirstIndex = lowest*perOctave + 1
	// NumBuckets is how many buckets there are.
	NumBuckets = (highest - lowest) * perOctave
)

// ZeroThreshold is the longest, in seconds, that counts as nothing: what has passed within one turn of a loop.
const ZeroThreshold = 1.0 / (1 << -lowest)

// Bounds are those of the classic buckets, in seconds.
var Bounds = [...]float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

// Histogram counts times. It holds the same observations twice, by bounds that people know and by Prometheus' native buckets, from neither of which the other can be
// told. The zero value is empty and ready.
type Histogram struct {
	Count   uint64
	Sum     time.Duration
	Zero    uint64                  // not longer than ZeroThreshold
	Buckets [NumBuckets]uint64      // native: see [Bound]
	Classic [len(Bounds) + 1]uint64 // by Bounds, not added up; the last holds what is longer
}

// fractions are the bounds of the buckets of one doubling, as they stand in the 52 bits of a number's fraction.
var fractions = func() (f [perOctave + 1]uint64) {
	for i := range perOctave {
		f[i] = fraction(math.Exp2(float64(i) / perOctave))
	}
	f[perOctave] = 1 << 52 // none is larger
	return f
}()

func fraction(x float64) uint64 { return math.Float64bits(x) & (1<<52 - 1) }

// sliceBits cut a doubling into slices of which each has one of the fractions at the most.
const sliceBits = 5

// firstOf says for each slice how many fractions are smaller than all in it: the next one may lie in it.
var firstOf = func() (n [1 << sliceBits]uint8) {
	for slice := range n {
		for _, f := range &fractions {
			if f < uint64(slice)<<(52-sliceBits) {
				n[slice]++
			}
		}
	}
	return n
}()

// classicOf says of each native bucket into which classic one the shortest goes that it holds: the next is the only other that it may be, since none of Bounds lies as
// close to another as a bucket is wide.
var classicOf = func() (c [NumBuckets]uint8) {
	for i := range c {
		for int(c[i]) < len(Bounds) && Bounds[c[i]] <= bound(i-1) {
			c[i]++
		}
	}
	return c
}()

// bound is the longest that bucket i holds, in seconds.
func bound(i int) float64 { return math.Exp2(float64(FirstIndex+i) / perOctave) }

// Bound is the longest that bucket i of Buckets holds.
func Bound(i int) time.Duration { return time.Duration(bound(i) * float64(time.Second)) }

// Observe counts ns nanoseconds.
func (h *Histogram) Observe(ns int64) {
	h.Count++
	h.Sum += time.Duration(ns)
	seconds := float64(ns) / float64(time.Second)
	if seconds <= ZeroThreshold {
		h.Zero++
		h.Classic[0]++
		return
	}
	i := min(indexOf(seconds), NumBuckets-1)
	h.Buckets[i]++
	c := int(classicOf[i])
	for c < len(Bounds) && seconds > Bounds[c] { // once as a rule; in the last bucket more often
		c++
	}
	h.Classic[c]++
}

// indexOf is the bucket that holds a number above ZeroThreshold; it may be beyond the last.
func indexOf(seconds float64) int {
	bits := math.Float64bits(seconds)
	exponent, rest := int(bits>>52)-1023, bits&(1<<52-1) // seconds is (1 + rest/2^52) · 2^exponent
	i := int(firstOf[rest>>(52-sliceBits)])
	if fractions[i] < rest {
		i++
	}
	return exponent*perOctave + i - FirstIndex
}

// Add adds what other has counted.
func (h *Histogram) Add(other *Histogram) {
	h.Count += other.Count
	h.Sum += other.Sum
	h.Zero += other.Zero
	for i, n := range other.Buckets {
		h.Buckets[i] += n
	}
	for i, n := range other.Classic {
		h.Classic[i] += n
	}
}
