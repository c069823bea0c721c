package bench

import (
	"context"
	"time"
)

// MeasureStall finds out until ctx is done how long this machine keeps a
// process waiting that only wants to look at the clock, and notes each time.
func MeasureStall(ctx context.Context, note func(time.Duration)) {
	const beat = 5 * time.Millisecond
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		note(now.Sub(last) - beat)
		last = now
	}
}
