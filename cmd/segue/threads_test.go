package main

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestThreadsNext(t *testing.T) {
	for _, test := range []struct {
		name      string
		now, most int
		used      []float64
		want      int
	}{
		{"nothing to do", 1, 8, []float64{0, 0.1}, 1},
		{"a part of one", 1, 8, []float64{0.69, 0.69}, 1},
		{"one used up", 1, 8, []float64{0.71}, 2},
		{"all used up", 1, 8, []float64{1, 2, 4, 8, 8}, 8},
		{"an odd number of cores", 1, 3, []float64{1, 2, 3}, 3},
		{"less to do for a while", 4, 8, slices.Repeat([]float64{0.1}, narrowAfter-1), 4},
		{"less to do for long", 4, 8, slices.Repeat([]float64{0.1}, narrowAfter), 2},
		{"not in a row", 4, 8, append(append(slices.Repeat([]float64{0.1}, narrowAfter-1), 1.5), 0.1), 4},
		{"half would be close", 4, 8, slices.Repeat([]float64{0.81}, 2*narrowAfter), 4},
		{"fewer at the most", 4, 2, []float64{4}, 2},
		{"back to one", 3, 3, slices.Repeat([]float64{0}, 2*narrowAfter), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, th := 0, threads{now: test.now, most: test.most}
			for _, used := range test.used {
				got = th.next(used)
			}
			if got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

// looped counts the loops that it is told to have.
type looped struct {
	set  []int
	busy func() time.Duration
}

func (l *looped) SetLoops(n int)      { l.set = append(l.set, n) }
func (l *looped) Busy() time.Duration { return l.busy() }

func TestFollowThreads(t *testing.T) {
	for name, test := range map[string]struct {
		cores, loops   float64 // that are used, for five seconds
		threads, loopy []int
	}{
		"all for sessions":           {4, 4, []int{0, 1, 2, 4, 2, 1, 4}, []int{2, 4, 2, 1}},
		"one for sessions":           {4, 1, []int{0, 1, 2, 4, 2, 1, 4}, []int{2, 1}},
		"little for sessions":        {4, 0.5, []int{0, 1, 2, 4, 2, 1, 4}, nil},
		"others have the CPU":        {0.6, 1, []int{0, 1, 4}, nil},
		"there is not much to do":    {0.3, 0.2, []int{0, 1, 4}, nil},
		"more threads than for long": {1.5, 1.5, []int{0, 1, 2, 4, 2, 1, 4}, []int{2, 4, 2, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var set []int
				began := time.Now()
				used := func(n float64) time.Duration {
					return time.Duration(n * float64(min(time.Since(began), 5*time.Second)))
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				p := machine{func(n int) int { set = append(set, n); return 4 }, func() time.Duration { return used(test.cores) }}
				l := &looped{busy: func() time.Duration { return used(test.loops) }}
				followThreads(ctx, p, l, slog.New(slog.DiscardHandler))
				if !slices.Equal(set, test.threads) || !slices.Equal(l.set, test.loopy) {
					t.Errorf("got %v, %v, want %v, %v", set, l.set, test.threads, test.loopy)
				}
			})
		})
	}
}

func TestFollowThreadsOnOneCore(t *testing.T) {
	p := machine{func(n int) int {
		if n != 0 {
			t.Errorf("set to %d", n)
		}
		return 1
	}, cpuTime}
	followThreads(t.Context(), p, &looped{busy: cpuTime}, slog.New(slog.DiscardHandler))
}
