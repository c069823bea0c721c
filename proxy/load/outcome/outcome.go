// Package outcome decides what becomes of a load whose node, FE or answer is lost: whether it is tried elsewhere, asked about by its label, sent again, and what its client is told.
// All of it is pure: the edge says what has happened, and is told one thing to do.
//
// What it promises: rows are never loaded twice; Success is answered only when it is so; "nothing was loaded" is said only when it is certain; and it ends.
//
// What it builds on, in the sources of StarRocks and Doris:
//   - A BE begins a load's transaction at the leader before it says 100 (StreamLoadAction::on_header), and commits it there once the whole body has come (handle). What is cut short is rolled back.
//   - Labels that are ABORTED may be used again; PREPARE, PREPARED (PRECOMMITTED in Doris), COMMITTED and VISIBLE ones may not.
//   - PREPARE is not in the leader's journal (DatabaseTransactionMgr, "if prepare txn lost, the following commit will just be failed"): the next leader does not know the label, and refuses the commit.
//   - Finished labels are forgotten oldest first, by age and by number for each database. So the leader's "unknown" means either that nothing was committed, or that it was committed and is forgotten.
//     Another load of that database that had finished before this one began, and is still known, shows that it is not forgotten: [AskWitness].
//
// What no one can know: a load that was committed and whose label was forgotten before it could be asked about (told as unknown); and whose a transaction is where another request takes the very same label
// while it is asked about (the client's own repetition: its rows are the same). Who has no right to ask for a label's state learns of a loss that it is unknown.
package outcome

// Label is whose label a load has.
type Label uint8

// Whose label.
const (
	NoLabel Label = iota // none that can be asked about, and none may be added
	Theirs               // the client's: it is stable
	Ours                 // Segue's: another one can take its place
)

// Sent is how much of a body has been handed to the node's socket in this attempt.
type Sent uint8

// How much.
const (
	Nothing    Sent = iota // no byte of the body; without a body, or with one of length 0: not the head either
	Part                   // some, but not the last byte (by Content-Length), or not the final chunk
	Everything             // the last byte or the final chunk may be there; without a body: the head may be
)

// mostAgain bounds how often a body that was lost on its way is sent again.
const mostAgain = 3

// mostCancels bounds how often the leader is told to cancel what a lost attempt has begun.
const mostCancels = 2

// mostRefused is how often in a row the leader may refuse to tell a label's state, through an election, before it is taken for final.
const mostRefused = 8

// mostOpen is how often in a row a transaction may be found open whose node has answered: it has given up, only a call that is at the leader may still commit.
const mostOpen = 3

// Facts are what is known of one load. The edge sets those with names before each event; the rest is Next's own: hand over what it returned.
type Facts struct {
	Label        Label
	Sent         Sent
	Kept         bool // all that has come of the body is in memory: it can be sent from its beginning
	Begun        bool // in this attempt the node has said 100: the leader knows the label
	Dead         bool // the node of the last attempt is known to be gone: it refuses connections, or the cluster says so
	Prefix       bool // what has come of its body may be committed without the rest: Doris' group commit puts rows into the group as they come (GroupCommitBlockSink)
	Drops        bool // the node may have dropped the label (Doris 4 does, of chunked loads: StreamLoadAction::_can_group_commit): that the leader does not know it says nothing
	Precommitted bool // a Doris load with two_phase_commit: its success is PRECOMMITTED, and rows come into the table only by the client's commit

	open    bool  // a lost attempt may hold the label at the leader
	begun   bool  // … certainly, and it was this load's
	loose   bool  // an attempt under this label was lost before its begin was seen: it may still come
	doubt   bool  // it may have committed, or may still
	rests   bool  // it was sent again since the leader did not know the label: if that was a leader of yesterday, the label will be found in use
	held    bool  // a node's whole answer waits for what the leader says
	again   uint8 // bodies sent again
	cancels uint8
	opens   uint8 // how often in a row the leader has said that the transaction is open
	refused uint8 // how often in a row it has refused to say
	late    bool  // the time for asking is over
}

// Event is what has happened.
type Event uint8

// The events.
const (
	Started        Event = iota
	Redirected           // an FE has named a BE or CN
	FrontendLost         // an FE could not be reached, or was lost before its answer, or refuses since it leaves or is not ready
	NoFrontend           // the hold is over: there is no FE to ask
	Unreachable          // no connection to the node, or it was lost before the head could be sent
	Leaving              // the node refuses new loads since it is about to go, or could not reach the leader to begin; none of the body was taken
	Continue             // the node has said 100
	NodeLost             // the node's connection broke, or stood still for too long, before its answer was whole
	NoNode               // the budget is over: no node takes it
	Loaded               // the node's answer is whole: success, or Publish Timeout (committed, not yet visible)
	Failed               // … a failure, and nothing was committed
	Doubtful             // … a failure of which the node does not know whether it was committed
	ExistsFinished       // … the label exists, and its load is finished
	ExistsRunning        // … the label exists, and its load is running
	ExistsBegun          // … a transaction of many tables has this label, and nothing has been loaded into it
	StateUnknown         // the leader does not know the label
	StateOpen            // PREPARE
	StatePrepared        // PREPARED; PRECOMMITTED in Doris
	StateCommitted       // COMMITTED
	StateVisible         // VISIBLE: what a witness has to be, for one that is only committed may end behind what it is to witness
	StateAborted         // ABORTED
	StateLost            // the leader could not be asked this time
	StateRefused         // it answers, but does not say: no right to ask, or a failure of its own
	Cancelled            // the leader was told to cancel, whatever it answered
	WitnessKnown         // the label of another load of this database, which was answered with success before this attempt was begun, is VISIBLE
	WitnessUnknown       // … is not, or there is none, or it could not be asked
	NotFound             // a step's answer: there is no such transaction
	Busy                 // … another request of this transaction is at work
	Already              // … it was done before
	OutOfTime            // asking has taken as long as it may. It may come again: each time it leads nearer to an answer
	events_              // how many there are
)

// Action is what is to be done next.
type Action uint8

// The actions.
const (
	AskFrontend     Action = iota // ask an FE (another one than has just failed, the leader where needed) which node takes it; then Redirected, FrontendLost or NoFrontend, or Pass its answer
	TryNode                       // connect to the node and send the head; then Unreachable, Leaving, Continue, NodeLost, NoNode or an answer
	Stream                        // say 100 to the client if it waits for it, and send the body; then NodeLost or an answer
	AskLabel                      // ask the leader for the label's state (after a pause, if it was asked just before); then a State…, or OutOfTime
	AskWitness                    // ask the leader for a witness's state; then Witness…, or OutOfTime
	Cancel                        // tell the leader to cancel the label's transaction; then Cancelled
	SendAgain                     // as AskFrontend, under the same label, from the body's beginning; first Sent: Nothing, Begun: false, Dead: false
	SendFresh                     // the same under a fresh label of Segue's
	Pass                          // give the client the answer of the node, or of the FE
	AnswerDone                    // tell the client that the step of a transaction is done: resolved by its label
	AnswerLoaded                  // tell the client that it is loaded: resolved by its label
	AnswerExists                  // tell it that the label exists, and its load is finished
	AnswerNothing                 // tell it that nothing was loaded, and that the same request may be sent again
	AnswerUntouched               // tell it that the step of a transaction was not done, and that the transaction is as it was
	AnswerUnknown                 // tell it that the outcome is not known, and how to find it
)

// Final says whether the action ends the load.
func (a Action) Final() bool { return a >= Pass }

// Next says what is to be done.
func Next(f Facts, e Event) (Facts, Action) {
	if e != StateRefused && e != StateLost && e != Cancelled {
		f.refused = 0
	}
	if e == StateVisible {
		e = StateCommitted
	}
	switch e {
	case Started, FrontendLost, Unreachable:
		return f, AskFrontend
	case Redirected:
		return f, TryNode
	case NoFrontend, NoNode:
		if f.doubt || f.rests {
			return f, AnswerUnknown
		}
		return f, AnswerNothing
	case Leaving:
		f.open, f.loose = true, true // it may be the begin's answer that it lost
		return f, AskFrontend
	case Continue:
		f.Begun = true
		return f, Stream
	case NodeLost:
		return lost(f)
	case Loaded, Failed, ExistsBegun:
		return f, Pass
	case ExistsFinished:
		return finished(f)
	case Doubtful:
		return doubtful(f)
	case ExistsRunning:
		return running(f)
	case StateCommitted:
		if f.doubt || f.Label == Ours {
			return f, AnswerLoaded
		}
		return f, AnswerExists // another request under the client's label: this one has committed nothing
	case StateAborted:
		return aborted(f)
	case StateUnknown:
		return forgotten(f)
	case StatePrepared:
		if f.Precommitted { // it stays so: its client, who alone could commit it, does not know its number
			return f, AnswerNothing
		}
		return open(f)
	case StateOpen:
		return open(f)
	case WitnessKnown:
		f.rests = true
		return again(f, SendAgain)
	case Cancelled, StateLost:
		return f, AskLabel
	case WitnessUnknown:
		return f, AnswerUnknown
	case StateRefused:
		if f.refused++; f.refused < mostRefused {
			return f, AskLabel
		}
		f.refused = 0
		return outOfTime(f)
	case OutOfTime:
		return outOfTime(f)
	default:
		return f, AnswerUnknown
	}
}

// InDoubt says whether the load may have been committed, or may still be. It is worth asking about for as long as the client waits; otherwise all that is at stake is its label.
func (f Facts) InDoubt() bool { return f.doubt }

// Holds says whether what was lost may hold the load's label still.
func (f Facts) Holds() bool { return f.open || f.loose }

// lost decides after a node's loss.
func lost(f Facts) (Facts, Action) {
	f.open, f.begun, f.held, f.opens, f.loose = true, f.Begun, false, 0, f.loose || !f.Begun
	switch {
	case f.Prefix && f.Sent != Nothing:
		return f, AnswerUnknown
	case f.Sent != Everything:
		return uncommitted(f)
	case f.Precommitted:
		return precommitted(f)
	case f.Label == NoLabel:
		return f, AnswerUnknown
	default:
		f.doubt = true
		return f, AskLabel
	}
}

// uncommitted goes on after an attempt that cannot commit, since the end of its body was never sent.
func uncommitted(f Facts) (Facts, Action) {
	switch {
	case f.Label == Ours && f.rests:
		return again(f, SendAgain) // under the same label: what an earlier attempt of it has come to is found out by trying
	case f.Label == Ours:
		return again(f, SendFresh)
	case f.Label == NoLabel, !f.begun:
		return again(f, SendAgain) // an attempt that was not begun seldom holds the label
	default:
		return f, AskLabel // the label is wanted again, by Segue or by the client: a node that lives rolls back by itself
	}
}

// finished decides on "Label Already Exists" of a load that is finished: whose was it?
func finished(f Facts) (Facts, Action) {
	if f.Label == Ours || f.rests {
		return f, AnswerLoaded
	}
	return f, Pass
}

// precommitted goes on after the loss of a load in two phases. Rows that nobody knows to commit never come into the table.
func precommitted(f Facts) (Facts, Action) {
	switch {
	case f.Label == Theirs && f.repeatable():
		return f, AskLabel
	case f.Label == Theirs:
		return f, AnswerNothing
	default:
		return again(f, SendFresh)
	}
}

// doubtful decides on a node's answer that says it does not know.
func doubtful(f Facts) (Facts, Action) {
	if f.Label == NoLabel || f.Precommitted {
		return f, Pass
	}
	f.Begun, f.begun, f.open, f.doubt, f.held = true, true, true, true, true
	return f, AskLabel
}

// running decides on "Label Already Exists" of a load that is running: whose is it?
func running(f Facts) (Facts, Action) {
	switch {
	case f.rests: // by the attempt that the leader did not know
		f.doubt, f.begun, f.Begun, f.held = true, true, true, true
		return f, AskLabel
	case !f.open:
		return f, Pass
	case f.Label == Ours:
		return again(f, SendFresh)
	default:
		f.held = true
		return f, AskLabel
	}
}

// aborted goes on when the leader says that the label's transaction is aborted.
func aborted(f Facts) (Facts, Action) {
	switch {
	case f.doubt && !f.begun: // the state may be an older request's, and the lost attempt begin only now
		return f, AskLabel
	case f.doubt && f.held && (f.again > 0 || !f.repeatable()): // the node's own words say why
		return f, Pass
	case f.doubt && f.loose: // it may be that of a begin that came late, once this one was committed and forgotten
		return f, AskWitness
	}
	f.open = false
	return again(f, SendAgain)
}

// forgotten goes on when the leader does not know the label.
func forgotten(f Facts) (Facts, Action) {
	switch {
	case !f.doubt:
		return again(f, SendAgain)
	case !f.begun: // it may begin only now
		return f, AskLabel
	case f.Drops:
		return f, AnswerUnknown
	default:
		return f, AskWitness
	}
}

// open goes on when the label's transaction is neither committed nor aborted.
func open(f Facts) (Facts, Action) {
	if f.held {
		f.opens = min(f.opens+1, mostOpen)
	}
	switch {
	case f.begun && (!f.doubt || f.Dead || f.late || f.held && f.opens == mostOpen):
		return cancel(f)
	default:
		return f, AskLabel
	}
}

// cancel has the leader end what this load began: it can then not commit any more, or has committed already.
func cancel(f Facts) (Facts, Action) {
	if f.cancels >= mostCancels {
		return f, AskLabel
	}
	f.cancels++
	return f, Cancel
}

// outOfTime ends the asking. What this load began is cancelled first, since that makes the outcome certain.
func outOfTime(f Facts) (Facts, Action) {
	if !f.late && f.begun && f.doubt {
		f.late = true
		return cancel(f)
	}
	switch {
	case f.doubt:
		return f, AnswerUnknown
	case f.held:
		return f, Pass
	default:
		return f, AnswerNothing
	}
}

// repeatable says whether the body can be sent from its beginning.
func (f Facts) repeatable() bool { return (f.Sent == Nothing || f.Kept) && f.again < mostAgain }

// again sends the load once more, now that it is certain that nothing was committed, or says so.
func again(f Facts, how Action) (Facts, Action) {
	if !f.repeatable() {
		return f, AnswerNothing
	}
	if f.Sent != Nothing {
		f.again++
	}
	f.Sent, f.Begun, f.Dead = Nothing, false, false
	f.doubt, f.held, f.late, f.cancels, f.opens, f.refused = false, false, false, 0, 0, 0
	f.begun = false
	if how == SendFresh {
		f.open, f.loose = false, false
	}
	return f, how
}
