package bench

import (
	"context"
	"time"
)

// busyStall is how long a stall of the machine must be for errors of a run to
// be doubtful: many times the think time of a client. What takes microseconds
// on real servers, such as an FE's closing a session right after an answer,
// then takes so long that the client's next statement gets in between.
const busyStall = 100 * time.Millisecond

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
