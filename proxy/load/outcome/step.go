package outcome

// Step is a step of a transaction, other than a plain load.
type Step uint8

// The steps.
const (
	Begin   Step = iota
	TxnLoad      // rows into a transaction that has begun
	Prepare
	Commit
	Rollback
	CommitTwoPhase // Doris: commit of what was pre-committed
	AbortTwoPhase  // Doris: abort of it
)

// StepFacts are what is known of one step. The edge sets those with names; the rest is NextStep's own.
//
// Who serves a step (TransactionLoadAction, TransactionWithoutChannelHandler, MultiStatementTransactionHandler in StarRocks; LoadAction in Doris):
//   - The leader is asked first. Begin, load and prepare of a transaction of one table are redirected to its coordinator, a BE that has what was loaded so far in memory alone: nobody else can take them.
//   - Commit and rollback the leader does itself once the transaction is PREPARED or final, so that they may be repeated at the next leader; before that, its coordinator does them.
//   - In transactions of many tables the leader does all but loads. In Doris any BE serves commit and abort.
type StepFacts struct {
	Step  Step
	Asks  bool // the state can be asked: there is a label (Doris' steps may name a transaction by its id alone)
	Multi bool // a transaction of many tables
	Sent  Sent // [Everything] as soon as the head of a request without a body was sent: to the node, or to the FE, for steps that the leader does itself (all but loads)
	Dead  bool // the node it was sent to is known to be gone

	tried   bool // an attempt's answer was lost: it may have been done
	held    bool // a later attempt's failure waits for what the leader says: it may speak of the repetition alone
	cancels uint8
	repeats uint8
	refused uint8
}

// mostRepeats bounds how often a step is tried again whose answer was lost.
const mostRepeats = 5

// NextStep says what is to be done next for a step. Events and actions are those of [Next], and of these:
// [NotFound], [Busy] and [Already] are whole answers of a node or FE; [AnswerDone] is a synthesized success, [AnswerNothing] says that the transaction is aborted,
// and [AnswerUntouched] that nothing was done and it is as it was.
//
// [Cancel] ends the transaction: a rollback, as the client would ask for it, of the coordinator that has what was loaded (it would refuse the label to the next begin otherwise),
// and only where that one cannot be had by the leader's _cancel. It asks for no [SendAgain] and no [AskWitness].
func NextStep(f StepFacts, e Event) (StepFacts, Action) {
	if e != StateRefused && e != StateLost && e != Cancelled {
		f.refused = 0
	}
	if e == StateVisible {
		e = StateCommitted
	}
	switch e {
	case Started, Unreachable, Leaving:
		return f, AskFrontend
	case Redirected:
		return f, TryNode
	case Continue:
		return f, Stream
	case FrontendLost, NodeLost:
		return stepLost(f)
	case NoFrontend, NoNode, OutOfTime:
		return stepEnd(f)
	case StateRefused:
		if f.refused++; f.refused < mostRefused {
			return f, AskLabel
		}
		return stepEnd(f)
	case Busy, NotFound:
		if f.tried { // the lost attempt is still at work, or has done it
			return stepAsk(f)
		}
		return f, Pass
	case Already:
		if f.tried {
			return f, AnswerDone
		}
		return f, Pass
	case ExistsBegun:
		if f.Step == Begin && f.tried {
			return f, AnswerDone
		}
		return f, Pass
	case ExistsRunning, ExistsFinished:
		if f.Step == Begin && f.tried && e == ExistsRunning { // begun by the lost attempt, after the leader was asked about it
			return stepCancel(f)
		}
		return f, Pass
	case Failed:
		return stepFailed(f)
	case Cancelled, StateLost:
		return stepAsk(f)
	case StateUnknown, StateOpen, StatePrepared, StateCommitted, StateAborted:
		return stepState(f, e)
	default:
		return f, Pass // Loaded
	}
}

// InDoubt says whether the step may have been done.
func (f StepFacts) InDoubt() bool { return f.tried }

// stepLost decides after the loss of whoever had the request.
func stepLost(f StepFacts) (StepFacts, Action) {
	if f.Sent == Nothing {
		return f, AskFrontend
	}
	f.tried = true
	switch {
	case f.Step == TxnLoad && !f.Asks:
		return f, AnswerUnknown
	case f.Step == TxnLoad: // some of its rows may be in the transaction, and would be there twice if it were sent again
		return stepCancel(f)
	default:
		return stepAsk(f)
	}
}

// stepFailed decides on a failure. After a lost attempt it may speak of the repetition alone ("is already committing").
func stepFailed(f StepFacts) (StepFacts, Action) {
	if f.tried && f.Asks && (f.Step == Commit || f.Step == CommitTwoPhase || f.Step == Prepare) {
		f.held = true
		return f, AskLabel
	}
	return f, Pass
}

// stepAsk asks for the transaction's state, or tries again where it cannot be asked: Doris' commit and abort tell of themselves that they were done before.
func stepAsk(f StepFacts) (StepFacts, Action) {
	if !f.Asks {
		return stepRepeat(f)
	}
	return f, AskLabel
}

// stepRepeat tries again.
func stepRepeat(f StepFacts) (StepFacts, Action) {
	if f.repeats >= mostRepeats {
		return stepEnd(f)
	}
	f.repeats++
	f.Sent, f.Dead, f.held = Nothing, false, false
	return f, AskFrontend
}

// stepCancel ends the transaction.
func stepCancel(f StepFacts) (StepFacts, Action) {
	if f.cancels >= mostCancels {
		return stepAsk(f)
	}
	f.cancels++
	return f, Cancel
}

// stepEnd answers when the time is over.
func stepEnd(f StepFacts) (StepFacts, Action) {
	if f.tried {
		return f, AnswerUnknown
	}
	return f, AnswerUntouched
}

// stepState decides on what the leader says of the transaction.
func stepState(f StepFacts, e Event) (StepFacts, Action) {
	switch f.Step {
	case Begin:
		return beginState(f, e)
	case TxnLoad:
		return txnLoadState(f, e)
	case Prepare:
		return prepareState(f, e)
	case Commit, CommitTwoPhase:
		return commitState(f, e)
	default:
		return rollbackState(f, e)
	}
}

func beginState(f StepFacts, e Event) (StepFacts, Action) {
	switch e {
	case StateOpen: // by the lost attempt, or by an older request of the client's whose rows are in it: a begin is to be without any
		return stepCancel(f)
	case StateUnknown, StateAborted:
		return stepRepeat(f)
	default:
		return f, AnswerExists
	}
}

func txnLoadState(f StepFacts, e Event) (StepFacts, Action) {
	switch {
	case e == StateAborted:
		return f, AnswerNothing
	case e == StateUnknown && !f.Multi: // the next leader does not know it, and refuses its commit
		return f, AnswerNothing
	case e == StateOpen && f.cancels < mostCancels:
		return stepCancel(f)
	default: // the client has prepared or committed without having awaited its load's answer; or, of many tables, the label is not known before the commit
		return f, AnswerUnknown
	}
}

func prepareState(f StepFacts, e Event) (StepFacts, Action) {
	switch {
	case e == StatePrepared, e == StateCommitted:
		return f, AnswerDone
	case e == StateAborted && f.held:
		return f, Pass
	case e == StateAborted:
		return f, AnswerNothing
	case e == StateOpen && f.Dead: // what was loaded is lost with the node
		return stepCancel(f)
	case e == StateOpen:
		return stepRepeat(f)
	default:
		return f, AnswerUnknown
	}
}

func commitState(f StepFacts, e Event) (StepFacts, Action) {
	switch {
	case e == StateCommitted:
		return f, AnswerDone
	case e == StateAborted && f.held:
		return f, Pass
	case e == StateAborted:
		return f, AnswerNothing
	case e == StateOpen && f.Dead && !f.Multi:
		return stepCancel(f)
	case e == StateUnknown && f.Multi && !f.held: // of many tables, the label is not known before the commit
		return stepRepeat(f)
	case e == StateUnknown: // committed and forgotten, or never prepared
		return f, AnswerUnknown
	default:
		return stepRepeat(f)
	}
}

func rollbackState(f StepFacts, e Event) (StepFacts, Action) {
	switch {
	case e == StateAborted:
		return f, AnswerDone
	case e == StateOpen && f.Dead:
		return stepCancel(f)
	case e == StateUnknown:
		return f, AnswerUnknown
	default: // the FE says itself that what is committed cannot be rolled back
		return stepRepeat(f)
	}
}

// StepEvent says what a node's or FE's whole answer to a step means for it: [Loaded] (done), [Failed], [Leaving], [ExistsFinished], [ExistsRunning], [NotFound], [Busy] or [Already].
func (a Answer) StepEvent(f StepFacts) Event {
	switch {
	case a.OK(), a.published():
		return Loaded
	case a.exists():
		return a.Event(Nothing) // one of Exists…
	case a.statusIs("TXN_IN_PROCESSING"):
		return Busy
	case f.Step == CommitTwoPhase && a.has("is already committed", "is already visible"), f.Step == AbortTwoPhase && a.has("is already aborted"):
		return Already
	case a.statusIs("TXN_NOT_EXISTS"), a.has("no transaction found", "transaction not found", "has no backend", "can't find the transaction"):
		return NotFound
	case a.passing() && (f.Step == TxnLoad && f.Sent != Nothing || f.Step != TxnLoad):
		return NodeLost // it may have been done: BEs do these by calls to the leader
	case a.passing():
		return Leaving
	default:
		return Failed
	}
}
