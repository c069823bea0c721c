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

func TestFollowThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var set []int
		began := time.Now()
		used := func() time.Duration { return min(4*time.Since(began), 20*time.Second) } // four cores, for five seconds
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		followThreads(ctx, func(n int) int { set = append(set, n); return 4 }, used, slog.New(slog.DiscardHandler))
		if want := []int{0, 1, 2, 4, 2, 1, 4}; !slices.Equal(set, want) {
			t.Errorf("got %v, want %v", set, want)
		}
	})
}

func TestFollowThreadsOnOneCore(t *testing.T) {
	followThreads(t.Context(), func(n int) int {
		if n != 0 {
			t.Errorf("set to %d", n)
		}
		return 1
	}, cpuTime, slog.New(slog.DiscardHandler))
}
