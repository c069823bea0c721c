package experiment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	"segue/bench"
)

// Stage is where an experiment is played: it owns its processes. Not safe for
// concurrent use.
type Stage struct {
	Env []string // KEY=VALUE for commands, beside this program's own

	e       *Experiment
	lives   map[string]*process
	reapers sync.WaitGroup
}

// NewStage makes a stage on which nothing runs. Whoever opens it stops it.
func NewStage(e *Experiment, env []string) *Stage {
	return &Stage{Env: env, e: e, lives: map[string]*process{}}
}

// Open starts the processes, each when the one before is ready.
func (s *Stage) Open(ctx context.Context) error {
	for _, p := range s.e.Processes {
		if err := s.start(ctx, p, DefaultTimeout); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends the processes, the latest first, and returns when all have ended.
func (s *Stage) Stop() {
	for _, p := range slices.Backward(s.e.Processes) {
		if life := s.lives[p.Name]; life != nil {
			life.end()
		}
	}
	s.reapers.Wait()
}

// Play does the steps. The first that fails ends it.
func (s *Stage) Play(ctx context.Context, mark func(text string)) error {
	for i, step := range s.e.Steps {
		if step.Mark != "" {
			mark(step.Mark)
		}
		if err := s.do(ctx, step); err != nil {
			if ctx.Err() != nil {
				return nil // the run was ended from outside: no fault of the step
			}
			return fmt.Errorf("step %d (line %d): %w", i+1, step.Line, err)
		}
	}
	return nil
}

// do does one step.
func (s *Stage) do(ctx context.Context, step Step) error {
	switch step.Do {
	case OnlyMark:
		return nil
	case Sleep:
		if !bench.Pause(ctx, step.Sleep) {
			return ctx.Err()
		}
		return nil
	case Run:
		within, cancel := context.WithTimeout(ctx, step.Timeout)
		defer cancel()
		return named("run `"+step.Command+"`", step.Timeout, s.command(within, step.Command))
	case Wait:
		return s.await(ctx, step.Wait, step.Timeout)
	case Start:
		for _, p := range s.e.Processes {
			if p.Name == step.Process {
				return s.start(ctx, p, step.Timeout)
			}
		}
	case Signal:
		life := s.lives[step.Process]
		if life == nil || !life.running() {
			return fmt.Errorf("signal %s: %w", step.Process, errGone)
		}
		return named("signal "+step.Process, 0, syscall.Kill(life.cmd.Process.Pid, Signals()[step.Signal]))
	}
	return fmt.Errorf("there is no process %q", step.Process)
}

// start starts a process and waits until it is ready.
func (s *Stage) start(ctx context.Context, p Process, timeout time.Duration) error {
	if life := s.lives[p.Name]; life != nil && life.running() {
		return fmt.Errorf("start %s: it is running", p.Name)
	}
	life, err := s.begin(p)
	if err != nil {
		return err
	}
	s.lives[p.Name] = life
	if p.Ready.zero() {
		return nil
	}
	watched, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.reapers.Go(func() { // ends with the process, or with the waiting
		select {
		case <-life.exited:
			cancel(fmt.Errorf("it has exited%s", quoted(life.said)))
		case <-watched.Done():
		}
	})
	if err := s.await(watched, p.Ready, timeout); err != nil {
		if gone := context.Cause(watched); gone != nil && ctx.Err() == nil {
			err = gone
		}
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	return nil
}

// named says what failed.
func named(what string, timeout time.Duration, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded) && timeout > 0:
		return fmt.Errorf("%s: not done within %v", what, timeout)
	}
	return fmt.Errorf("%s: %w", what, err)
}
