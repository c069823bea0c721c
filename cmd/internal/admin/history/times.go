package history

import "slices"

// Times counts how long statements took, since the start: Counts[i] took no longer than Bounds[i] seconds and longer than Bounds[i-1], the last
// one longer than all Bounds. Empty: nothing is known.
type Times struct {
	Bounds []float64
	Counts []uint64
}

// Since are those of now that were not in before. Counters that have begun anew count as they are.
func (now Times) Since(before Times) Times {
	if !slices.Equal(now.Bounds, before.Bounds) || len(now.Counts) != len(before.Counts) {
		return now
	}
	diff := Times{now.Bounds, make([]uint64, len(now.Counts))}
	for i, n := range now.Counts {
		if n < before.Counts[i] {
			return now
		}
		diff.Counts[i] = n - before.Counts[i]
	}
	return diff
}

// Plus are those of both; those of other bounds than the first are left out.
func (now Times) Plus(more Times) Times {
	switch {
	case len(now.Counts) == 0:
		return Times{more.Bounds, slices.Clone(more.Counts)}
	case !slices.Equal(now.Bounds, more.Bounds) || len(now.Counts) != len(more.Counts):
		return now
	}
	sum := Times{now.Bounds, slices.Clone(now.Counts)}
	for i, n := range more.Counts {
		sum.Counts[i] += n
	}
	return sum
}

// Quantile is the time in seconds that a share q of the statements took at most, within a bucket as if they were spread evenly over it; zero: there
// were none. Those beyond all bounds count as the last of them.
func (now Times) Quantile(q float64) float64 {
	if len(now.Counts) != len(now.Bounds)+1 || len(now.Bounds) == 0 {
		return 0
	}
	var all uint64
	for _, n := range now.Counts {
		all += n
	}
	if all == 0 {
		return 0
	}
	rank := q * float64(all)
	var below float64
	for i, bound := range now.Bounds {
		n := float64(now.Counts[i])
		if n > 0 && below+n >= rank {
			lower := 0.0
			if i > 0 {
				lower = now.Bounds[i-1]
			}
			return lower + (bound-lower)*(rank-below)/n
		}
		below += n
	}
	return now.Bounds[len(now.Bounds)-1]
}
