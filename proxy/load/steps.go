package load

import (
	"context"
	"fmt"
	"time"

	"segue/proxy/load/head"
	"segue/proxy/load/outcome"
	"segue/proxy/load/route"
)

// isStep tells whether the request is a step of a transaction, which [outcome.NextStep] decides on.
func (x *exchange) isStep() bool { return x.is.Kind != route.Load }

// stepOf is what the decider calls a step.
func stepOf(is route.Request) outcome.Step {
	switch is.Kind {
	case route.TxnLoad:
		return outcome.TxnLoad
	case route.Prepare:
		return outcome.Prepare
	case route.Commit:
		return outcome.Commit
	case route.Rollback:
		return outcome.Rollback
	case route.TwoPhase:
		if is.Abort {
			return outcome.AbortTwoPhase
		}
		return outcome.CommitTwoPhase
	default:
		return outcome.Begin
	}
}

// stepFacts are what is known of a step.
func (x *exchange) stepFacts() outcome.StepFacts {
	return outcome.StepFacts{Step: stepOf(x.is), Asks: x.is.Resolves, Multi: x.is.Multi, Sent: x.sent(), Dead: x.dead}
}

// event is what an answer means: a node's, or, for what FEs do themselves, an FE's.
func (x *exchange) event(said outcome.Answer) outcome.Event {
	if x.isStep() {
		return said.StepEvent(x.stepFacts())
	}
	return said.Event(x.sent())
}

// torn is a transaction into which some rows of a load have come, and not the others: it must not be committed. A commit is refused here, and everything else passed on.
func (x *exchange) torn() bool {
	if x.is.Kind != route.Commit && x.is.Kind != route.Prepare || !x.server.open.isTorn(x.is.Database, x.label) {
		return false
	}
	x.cause = "a load of this transaction was cut off, and some of its rows may be in it: roll it back, and begin it anew"
	reply := outcome.Say(outcome.AnswerNothing, outcome.Told{Database: x.is.Database, Label: x.label, Cause: x.cause, Step: true})
	x.client.write(reply.Code, "", head.Fields{}.With("Content-Type", "application/json"), reply.Body)
	x.land(endFailed)
	return true
}

// tear notes that a load of a transaction was cut off, if it was.
func (x *exchange) tear() bool {
	if x.is.Kind != route.TxnLoad || x.sent() != outcome.Part {
		return false
	}
	x.server.open.tear(x.is.Database, x.label, x.timeout())
	return true
}

// rollBack has the leader abort a transaction of which a load was cut off by its client: what came of it would be committed with the rest.
func (x *exchange) rollBack() {
	if x.label == "" || x.is.Database == "" {
		return
	}
	ctx, cancel := context.WithTimeout(x.server.base, askTime)
	defer cancel()
	x.ctx = ctx
	x.abort()
}

// tear notes that a transaction must not be committed.
func (t *transactions) tear(database, label string, lasts time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for key, until := range t.torn {
		if until.Before(now) {
			delete(t.torn, key)
		}
	}
	if t.torn == nil {
		t.torn = map[[2]string]time.Time{}
	}
	if len(t.torn) < mostOpen {
		t.torn[[2]string{database, label}] = now.Add(max(lasts, answerTime))
	}
}

func (t *transactions) isTorn(database, label string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Now().Before(t.torn[[2]string{database, label}])
}

// what says how much of a body was lost, for the client.
func (x *exchange) what() string {
	if x.sent() == outcome.Part {
		return fmt.Sprintf("%s, after %d bytes of the body", x.cause, x.node.sent)
	}
	return x.cause
}
