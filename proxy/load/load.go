package load

import (
	"errors"
	"net/http"
	"time"

	"segue/proxy/ledger"
	"segue/proxy/load/head"
	"segue/proxy/load/outcome"
	"segue/proxy/load/route"
)

// failure is what an FE or a node did that another one, or a question, had to make up for.
type failure struct {
	at    time.Time
	where string
	cause string
}

// mostFailures bounds the failures of one load that are entered into the ledger.
const mostFailures = 16

// blame notes what went wrong, and where.
func (x *exchange) blame(where string, err error) {
	x.cause = where + ": " + cause(err)
	if len(x.failures) < mostFailures {
		x.failures = append(x.failures, failure{time.Now(), where, cause(err)})
	}
}

// load serves a load, or a step of a transaction: it does what is decided until the client has an answer.
func (x *exchange) load() {
	x.takeOff()
	if x.is.OffMode {
		x.fields = x.fields.With("group_commit", "off_mode")
	}
	if x.is.AddLabel {
		x.addLabel()
	}
	if x.is.Kind != route.Load && x.is.Kind != route.TxnLoad && !x.absorb() {
		x.land(endGone)
		return
	}
	if x.torn() {
		return
	}
	next := x.machine()
	for event := outcome.Started; ; {
		if x.gone() || x.trouble != nil {
			x.leave()
			return
		}
		action := next(event)
		if action.Final() {
			x.answer(action, event)
			return
		}
		event = x.do(action)
	}
}

// machine is what decides about the request.
func (x *exchange) machine() func(outcome.Event) outcome.Action {
	if x.isStep() {
		facts := x.stepFacts()
		x.inDoubt = func() bool { return facts.InDoubt() }
		return func(e outcome.Event) (action outcome.Action) {
			facts.Sent, facts.Dead = x.sent(), x.dead
			facts, action = outcome.NextStep(facts, e)
			return action
		}
	}
	facts := outcome.Facts{
		Label: x.whose(), Precommitted: x.is.TwoPhase, Prefix: x.is.Prefix, Drops: x.options.flavor() == route.Doris && x.req.Body.Chunked,
	}
	x.holds = func() bool { return facts.Holds() }
	x.inDoubt = func() bool { return facts.InDoubt() }
	return func(e outcome.Event) (action outcome.Action) {
		facts.Sent, facts.Begun, facts.Dead = x.sent(), x.begun, x.dead
		facts.Kept = x.body.kept != nil || !x.body.begun()
		facts, action = outcome.Next(facts, e)
		return action
	}
}

// sent is how much of the body has been handed to the node.
func (x *exchange) sent() outcome.Sent {
	u := x.node
	switch {
	case u == nil:
		return outcome.Nothing
	case u.whole, !x.noBody() && !x.req.Body.Chunked && u.sent == x.req.Body.Length:
		return outcome.Everything
	case u.sent > 0, x.body.begun() && x.body.kept == nil:
		return outcome.Part
	}
	return outcome.Nothing
}

// do does what is to be done next, and says what came of it.
func (x *exchange) do(action outcome.Action) outcome.Event {
	switch action {
	case outcome.AskFrontend:
		return x.askFrontend()
	case outcome.TryNode:
		return x.tryNode()
	case outcome.Stream:
		return x.stream()
	case outcome.AskLabel:
		return x.askLabel()
	case outcome.AskWitness:
		return x.askWitness()
	case outcome.Cancel:
		return x.cancelLabel()
	case outcome.SendFresh:
		x.again(outcome.SendFresh)
		x.addLabel()
		return x.askFrontend()
	case outcome.SendAgain:
		x.again(outcome.SendAgain)
		return x.askFrontend()
	default: // it is final
		return outcome.OutOfTime
	}
}

// again stands before a new attempt.
func (x *exchange) again(how outcome.Action) {
	if x.sent() != outcome.Nothing {
		x.resent = true
		x.since = time.Time{}
	}
	x.begun, x.dead, x.asks, x.until = false, false, 0, time.Time{}
}

// leave ends a load whose client has gone, or has sent what is no body.
func (x *exchange) leave() {
	x.client.close = true
	if x.tear() {
		x.rollBack()
	}
	x.endNode()
	var bad *head.Error
	switch {
	case errors.As(x.trouble, &bad):
		x.refuse(bad.Status, bad.Text)
		x.land(endRefused)
	case errors.Is(x.trouble, errStalled):
		x.refuse(http.StatusRequestTimeout, x.stalled())
		x.land(endFailed)
	default:
		x.land(endGone)
	}
	x.enter(ledger.Retried, len(x.failures) > 0) // that it waited for them may be why it went
}

// stalled is what a client is told whose body stood still.
func (x *exchange) stalled() string {
	const why = "the body stood still for longer than load.progress"
	switch {
	case x.sent() == outcome.Nothing:
		return "nothing was loaded: " + why
	case x.is.Kind == route.TxnLoad:
		return why + "; some of its rows may be in the transaction: roll it back"
	case x.is.Merged:
		return why + "; some of its rows may have been loaded"
	}
	return "nothing was loaded: " + why
}

// answer tells the client what came of its load.
func (x *exchange) answer(action outcome.Action, event outcome.Event) {
	x.tear()
	end, seen, how := endFailed, false, ledger.Retried
	if x.resent {
		how = ledger.Resent
	}
	switch {
	case action == outcome.Pass && x.reply != nil:
		if event == outcome.Loaded {
			end = endSuccess
			x.loaded()
		}
		seen = event != outcome.Loaded && len(x.failures) > 0 || event == outcome.Leaving || event == outcome.Doubtful || x.reply.Status >= http.StatusInternalServerError
	case action == outcome.AnswerLoaded, action == outcome.AnswerDone:
		end, how = endSuccess, ledger.Resolved
		x.settled()
	case action == outcome.AnswerExists:
		how, seen = ledger.Resolved, true
	case action == outcome.AnswerUnknown:
		end, seen = endUnknown, true
	default:
		seen = true
	}
	x.enter(how, seen)
	x.land(end)
	if action == outcome.Pass && x.reply != nil {
		x.passReply()
		return
	}
	reply := outcome.Say(action, outcome.Told{
		Database: x.is.Database, Label: x.label, Cause: shown(x.what()), Step: x.isStep() && x.is.Kind != route.TwoPhase, Rows: x.is.Kind == route.TxnLoad,
		Open: x.holds != nil && x.holds(),
	})
	x.early()
	x.client.write(reply.Code, "", head.Fields{}.With("Content-Type", "application/json"), reply.Body)
}

// early has the client's connection end with an answer that comes before its body has ended.
func (x *exchange) early() {
	if !x.body.done() || x.body.broken || x.req.Expect && !x.said {
		x.client.close = true
	}
}

// enter enters what failed into the ledger: as hidden, and the last one as seen, where the client saw it.
func (x *exchange) enter(how ledger.Action, seen bool) {
	user := userOf(x.req.Fields)
	for n, f := range x.failures {
		i := ledger.Incident{
			Time: f.at, Session: uint32(x.flight.is.ID), Client: x.client.address, User: user, Backend: f.where, Kind: ledger.LostLoad, Action: how, Cause: f.cause,
		}
		if n < len(x.failures)-1 {
			i.Action = ledger.Retried
		} else if seen {
			i.Action = ledger.Seen
		}
		x.server.ledger.Enter(i)
	}
	if seen && len(x.failures) == 0 {
		x.server.ledger.Enter(ledger.Incident{
			Time: time.Now(), Session: uint32(x.flight.is.ID), Client: x.client.address, User: user, Kind: ledger.LostLoad, Cause: x.cause,
		})
	}
}

// loaded notes what is known from now on, since a load, or a step of a transaction, has succeeded.
func (x *exchange) loaded() {
	said := outcome.ReadAnswer(x.reply.Status, x.reply.body)
	switch x.is.Kind {
	case route.Load:
		if said.Status == "Success" && x.is.Resolves && !x.is.TwoPhase {
			x.server.witnesses.set(x.is.Database, x.label)
		}
	default:
		x.settled()
	}
}

// settled notes that a step of a transaction has been done.
func (x *exchange) settled() {
	switch x.is.Kind {
	case route.Begin:
		x.server.open.begun(x.flight.load(), x.timeout())
	case route.Commit, route.Rollback:
		x.server.open.ended(x.is.Database, x.label)
	default:
	}
}
