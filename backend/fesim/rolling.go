package fesim

import (
	"context"
	"time"
)

// Event is a step of a rolling restart.
type Event struct {
	FE   *FE
	Step Step
	Code int           // exit code, with Exited
	Took time.Duration // since the step before
}

// Step is what has happened to an FE.
type Step string

// The steps, in their order.
const (
	Leaving Step = "leaving" // GracefulExit was called
	Exited  Step = "exited"
	Started Step = "started"
)

// RollingRestart restarts every FE once, followers first and the leader last: GracefulExit, wait for the exit, stay down for the given time (not scaled),
// Start, wait until there is a leader. It returns early only when ctx ends or an FE cannot be started. progress may be nil.
func (c *Cluster) RollingRestart(ctx context.Context, down time.Duration, progress func(Event)) error {
	if progress == nil {
		progress = func(Event) {}
	}
	left := c.FEs()
	for len(left) > 0 {
		at := 0
		for at < len(left)-1 && left[at] == c.Leader() {
			at++
		}
		f := left[at]
		left = append(left[:at:at], left[at+1:]...)
		if err := c.restart(ctx, f, down, progress); err != nil {
			return err
		}
	}
	return nil
}

// restart restarts one FE.
func (c *Cluster) restart(ctx context.Context, f *FE, down time.Duration, progress func(Event)) error {
	at := time.Now()
	step := func(s Step, code int) {
		now := time.Now()
		progress(Event{FE: f, Step: s, Code: code, Took: now.Sub(at)})
		at = now
	}
	f.GracefulExit()
	step(Leaving, -1)
	select {
	case <-f.Exited():
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	step(Exited, f.ExitCode())
	pause := time.NewTimer(down)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := f.Start(); err != nil {
		return err
	}
	step(Started, -1)
	for {
		leader, changed := c.watch()
		if leader != nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
