package demo

import (
	"context"
	"time"

	"segue/backend/fesim"
	"segue/bench"
)

// The plan of a rolling restart in real time. A careful operator's: an FE is
// told to leave only when the load balancer has taken the one before back in.
const (
	restartLead   = 15 * time.Second // before the first FE leaves, and after the last has settled
	restartDown   = 20 * time.Second // between an FE's exit and its next start
	restartSettle = 20 * time.Second // after a start; three health checks of 5 s take up to 15 s
)

// rollingRestart restarts each FE gracefully, the leader last, speed times
// faster than planned, and marks every change. It returns early only when ctx
// is done or an FE cannot be started.
func rollingRestart(ctx context.Context, cluster *fesim.Cluster, speed float64, mark func(string)) error {
	if !bench.Pause(ctx, scaled(restartLead, speed)) {
		return context.Cause(ctx)
	}
	err := cluster.RollingRestart(ctx, scaled(restartDown, speed), func(e fesim.Event) {
		switch e.Step {
		case fesim.Leaving:
			mark(e.FE.Name() + " told to leave")
		case fesim.Exited:
			mark(e.FE.Name() + " gone")
		case fesim.Started:
			mark(e.FE.Name() + " back")
			bench.Pause(ctx, scaled(restartSettle, speed)) // the next one leaves after that
		}
	})
	if err != nil {
		return err
	}
	if !bench.Pause(ctx, scaled(restartLead, speed)) {
		return context.Cause(ctx)
	}
	return nil
}

// scaled is d at the given speed.
func scaled(d time.Duration, speed float64) time.Duration {
	return time.Duration(float64(d) / speed)
}
