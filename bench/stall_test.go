package bench

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// In virtual time nothing keeps a process waiting.
func TestMeasureStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		looked, longest := 0, time.Duration(0)
		MeasureStall(ctx, func(d time.Duration) {
			looked++
			longest = max(longest, d)
		})
		if looked < 100 || longest != 0 {
			t.Errorf("looked %d times, stalled for %v", looked, longest)
		}
	})
}
