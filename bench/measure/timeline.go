package measure

import (
	"time"

	"segue/bench"
)

const (
	// firstStep is the width of a bucket of a short run.
	firstStep = 250 * time.Millisecond
	// mostBuckets is how many there may be before they are joined in pairs.
	mostBuckets = 1200
)

// bucket is what happened in one step of time.
type bucket struct {
	answers   int
	foundDead int
	errors    [numParts]int
	response  bench.Histogram // of the answers that arrived in it
}

// timeline is a run over time. Its steps double when it grows long, so that a run
// of a day takes no more memory than one of ten minutes. Pure.
type timeline struct {
	step    time.Duration
	buckets []*bucket
}

// at is the bucket of a time.
func (t *timeline) at(at time.Duration) *bucket {
	if t.step == 0 {
		t.step = firstStep
	}
	for int(max(0, at)/t.step) >= mostBuckets {
		t.join()
	}
	i := int(max(0, at) / t.step)
	for len(t.buckets) <= i {
		t.buckets = append(t.buckets, &bucket{})
	}
	return t.buckets[i]
}

// join makes one bucket of two.
func (t *timeline) join() {
	for i, b := range t.buckets {
		if i%2 == 0 {
			t.buckets[i/2] = b
			continue
		}
		into := t.buckets[i/2]
		into.answers += b.answers
		into.foundDead += b.foundDead
		for p := range into.errors {
			into.errors[p] += b.errors[p]
		}
		into.response.Merge(&b.response)
	}
	t.buckets = t.buckets[:(len(t.buckets)+1)/2]
	t.step *= 2
}

// worstMinute is the most errors that any minute had, wherever it began.
func (t *timeline) worstMinute() int {
	width := max(1, int(time.Minute/max(t.step, time.Millisecond)))
	sum, worst := 0, 0
	for i, b := range t.buckets {
		sum += b.failed()
		if i >= width {
			sum -= t.buckets[i-width].failed()
		}
		worst = max(worst, sum)
	}
	return worst
}

func (b *bucket) failed() int {
	n := 0
	for _, e := range b.errors {
		n += e
	}
	return n
}
