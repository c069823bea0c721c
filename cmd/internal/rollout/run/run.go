// Package run takes a rollout through to its end: it asks for facts, has rollout decide, keeps the state, does what has been decided, and asks again.
package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"segue/backend"
	"segue/cmd/internal/rollout"
)

// Segues are told what is to become of a node. Both methods may be called again.
type Segues interface {
	Drain(ctx context.Context, n rollout.Node) error
	// Ready has the node used again, but for the Segues in stood, by address: these are told what an operator had told them.
	Ready(ctx context.Context, n rollout.Node, stood map[string]backend.Admin) error
}

// Runner takes one rollout through. All fields but Tell are needed.
type Runner struct {
	State  *rollout.State
	Facts  func(ctx context.Context, q Question) *rollout.Facts
	Driver rollout.Driver
	Segues Segues
	Image  func(context.Context) error               // writes the metadata as an image
	Backup func(context.Context, rollout.Node) error // saves the metadata; it is given the leader or primary
	Check  func(context.Context, rollout.Node) error // the canary condition
	Save   func(*rollout.State) error                // when it returns nil the state outlives this process
	Tell   func(rollout.Event)                       // each event, once it is kept; and what is waited for, whenever that changes
	Beat   time.Duration                             // how often facts are asked for while something is waited for
}

// Question is what facts are asked for.
type Question struct {
	Avoid string // a node that is not to be asked for the cluster: it leaves
	Whole bool   // also what only a preflight needs
	// Known are nodes that were there when they were last asked for: where a cluster forgets those that are down, they are not forgotten here.
	Known []rollout.Node
}

// ErrInterrupted says that an operator has interrupted the rollout. It stands between two acts, and can be resumed.
var ErrInterrupted = errors.New("interrupted")

// PausedError says why a rollout stands.
type PausedError struct{ rollout.Pause }

// Error implements error.
func (e *PausedError) Error() string {
	if e.Node != "" {
		return fmt.Sprintf("paused at %s (%s): %s", e.Node, e.Phase, e.Why)
	}
	return "paused: " + e.Why
}

// Run goes on until all nodes have gone (nil), the rollout pauses (a [*PausedError]), or ctx ends ([ErrInterrupted]). What has been begun is brought to its end first, unless now ends too.
func (r *Runner) Run(ctx, now context.Context) error {
	r.State.Prepared.Driver = false
	told, held := len(r.State.Events), ""
	for {
		if ctx.Err() != nil {
			r.State.Note(rollout.Event{Time: time.Now(), Node: r.State.Current, Kind: "pause", What: "interrupted by the operator"})
			return errors.Join(ErrInterrupted, r.keep(&told))
		}
		f := r.Facts(ctx, r.question())
		if o, ok := r.Driver.(rollout.Orderer); ok && r.State.Current == "" {
			o.Sort(ctx, f.Nodes)
		}
		if ctx.Err() != nil {
			continue
		}
		a := r.State.Decide(f)
		if a.Do != rollout.DoWait || told != len(r.State.Events) {
			if err := r.keep(&told); err != nil {
				return err
			}
		}
		if a.Do == rollout.DoFinish {
			return nil
		}
		if a.Do == rollout.DoPause {
			return &PausedError{*r.State.Paused}
		}
		if a.Why != held && a.Why != "" {
			kind := "wait"
			if a.Do != rollout.DoWait {
				kind = "begin"
			}
			r.tell(rollout.Event{Time: f.Now, Node: a.Node.Name, Kind: kind, What: a.Why})
		}
		held = a.Why
		if err := r.do(now, f, a); err != nil && now.Err() != nil {
			return errors.Join(ErrInterrupted, fmt.Errorf("%s %s was cut off: %w", a.Do, a.Node.Name, err), r.keep(&told))
		}
		if err := r.keep(&told); err != nil {
			return err
		}
		r.pause(ctx, a)
	}
}

// question is what has to be known next.
func (r *Runner) question() Question {
	s := r.State
	q := Question{Whole: s.Current == "", Avoid: s.Current}
	for i := range s.Nodes {
		q.Known = append(q.Known, s.Nodes[i].Last)
		if p := &s.Nodes[i]; p.Node == s.Current && p.Phase == rollout.Draining {
			q.Whole = true
		}
	}
	return q
}

// do does one act, and tells the state what came of it.
func (r *Runner) do(ctx context.Context, f *rollout.Facts, a rollout.Act) error {
	n := a.Node
	var err error
	o, orders := r.Driver.(rollout.Orderer)
	if kept := r.State.Kept(n.Name); orders && kept != "" {
		o.Recall(n, kept)
	}
	if n.Name != "" && loud(a.Do) {
		r.tell(rollout.Event{Time: time.Now(), Node: n.Name, Kind: "begin", What: string(a.Do)})
	}
	switch a.Do {
	case rollout.DoDrain:
		err = r.Segues.Drain(ctx, n)
	case rollout.DoAdmit:
		err = r.Segues.Ready(ctx, n, a.Stood)
	case rollout.DoStop:
		err = r.Driver.Stop(ctx, n)
	case rollout.DoStart:
		err = r.Driver.Start(ctx, n)
	case rollout.DoChange:
		if r.State.Back {
			err = r.Driver.Rollback(ctx, n)
		} else {
			err = r.Driver.Upgrade(ctx, n)
		}
	case rollout.DoCheck:
		err = r.Check(ctx, n)
	case rollout.DoBackup:
		err = r.Backup(ctx, leader(f))
	case rollout.DoImage:
		err = r.Image(ctx)
	case rollout.DoPrepare:
		if p, ok := r.Driver.(rollout.Preparer); ok {
			err = p.Prepare(ctx, r.State.Back)
		}
	case rollout.DoAsk:
		if orders {
			var kept string
			if kept, err = o.May(ctx, n); err == nil {
				r.State.Keep(n.Name, kept)
			}
		}
	case rollout.DoTurnBack:
		r.State.TurnBack(f)
	case rollout.DoWait, rollout.DoPause, rollout.DoFinish:
		return nil
	}
	if err != nil && ctx.Err() != nil {
		return err // nobody knows what came of it: it is done again
	}
	r.State.Did(a, err, time.Now())
	return nil
}

// loud tells whether an act may take its time.
func loud(d rollout.Do) bool {
	return d == rollout.DoStop || d == rollout.DoStart || d == rollout.DoChange || d == rollout.DoCheck
}

// leader is who has the metadata: the leader, or the primary; the first one where no node is either.
func leader(f *rollout.Facts) rollout.Node {
	for _, n := range f.Nodes {
		if n.Role == rollout.Leader || n.Role == rollout.Primary {
			return n
		}
	}
	if len(f.Nodes) > 0 {
		return f.Nodes[0]
	}
	return rollout.Node{}
}

// keep keeps the state, and tells of what is new in it.
func (r *Runner) keep(told *int) error {
	if err := r.Save(r.State); err != nil {
		return err
	}
	for ; *told < len(r.State.Events); *told++ {
		if e := r.State.Events[*told]; e.Kind != "wait" { // told by itself
			r.tell(e)
		}
	}
	return nil
}

func (r *Runner) tell(e rollout.Event) {
	if r.Tell != nil {
		r.Tell(e)
	}
}

// pause lets a moment pass where something is waited for.
func (r *Runner) pause(ctx context.Context, a rollout.Act) {
	if a.Do == rollout.DoWait && a.Why == "" || a.Do != rollout.DoWait && a.Do != rollout.DoDrain && a.Do != rollout.DoAdmit {
		return
	}
	timer := time.NewTimer(r.Beat)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
