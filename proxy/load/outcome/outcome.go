// Package outcome decides what becomes of a load whose node, FE or answer is lost: whether it is tried elsewhere, asked about by its label, sent again, and what its client is told.
// All of it is pure: the edge says what has happened, and is told one thing to do.
//
// What it promises: rows are never loaded twice; Success is answered only when it is so; "nothing was loaded" is said only when it is certain; and it ends.
package outcome

// Label is whose label a load has.
type Label uint8

// Whose label.
const (
	NoLabel Label = iota // none, and none may be added: what is lost cannot be asked about
	Theirs               // the client's: it is stable
	Ours                 // Segue's: another one can take its place
)

// Sent is how much of a body has been handed to the node's socket in this attempt.
type Sent uint8

// How much.
const (
	Nothing    Sent = iota // neither a byte of the body, nor the head of a request without one
	Part                   // some, but not the last byte (by Content-Length), or not the final chunk
	Everything             // the last byte or the final chunk may be there. A body of length 0: as soon as the head is sent
)

// Facts are what is known of one load. The edge sets the first block before each event; the rest is Next's own: hand over what it returned.
type Facts struct {
	Label        Label
	Sent         Sent
	Kept         bool // all that has come of the body is in memory: it can be sent from its beginning
	Begun        bool // in this attempt the node has said 100, or its head of an answer has come
	Precommitted bool // a Doris load with two_phase_commit: PRECOMMITTED is its success

	resolving bool // the label is being asked
	open      bool // an earlier attempt under this label may still be open at the leader; it cannot commit
	doubt     bool // an attempt under this label may have committed
}

// Event is what has happened.
type Event uint8

// The events.
const (
	Started           Event = iota
	Redirected              // an FE has named a BE or CN
	FrontendLost            // an FE could not be reached, or was lost before its answer, or refused since it leaves or is not ready
	NoFrontend              // the hold is over: no FE to ask
	Unreachable             // no connection to the node
	Leaving                 // the node refuses new loads since it is about to go; none of the body was taken
	Continue                // the node has said 100, or need not be asked
	NodeLost                // the node's connection broke, or stood still for too long, before its answer was whole
	NoNode                  // the budget is over: no node takes it
	Loaded                  // the node's answer is whole: success, or Publish Timeout (committed, not yet visible)
	Failed                  // … a failure that came without doubt
	Doubtful                // … a failure of which the node does not know whether it committed
	ExistsFinished          // … the label exists, and its load is finished
	ExistsRunning           // … the label exists, and its load is running
	StateUnknown            // the leader does not know the label
	StateOpen               // PREPARE
	StatePrecommitted       // PREPARED, PRECOMMITTED
	StateCommitted          // COMMITTED, VISIBLE
	StateAborted            // ABORTED
	StateLost               // the leader could not be asked this time
	OutOfTime               // asking has taken as long as it may
)

// Action is what is to be done next.
type Action uint8

// The actions.
const (
	AskFrontend   Action = iota // ask an FE (another one than has just failed, the leader where needed) which node takes it; then Redirected, FrontendLost or NoFrontend
	TryNode                     // connect to the node and send the head; then Unreachable, Leaving, Continue, NodeLost or an answer
	Stream                      // say 100 to the client if it waits for it, and send the body; then NodeLost or an answer
	AskLabel                    // ask the leader for the label's state, after a pause if it was asked before; then a State…
	SendAgain                   // as AskFrontend, under the same label, with the body from memory (Sent: Nothing, Begun: false)
	SendFresh                   // the same under a fresh label of Segue's
	Pass                        // give the client the node's answer, or the FE's
	AnswerLoaded                // answer that it is loaded: resolved by label
	AnswerNothing               // answer that nothing was loaded, and that the same request may be sent again
	AnswerUnknown               // answer that the outcome is not known, and how to find it
)

// Next says what is to be done.
func Next(f Facts, e Event) (Facts, Action) { return f, Pass }

// Answer is what a node or FE said about a load, in JSON.
type Answer struct {
	Code              int // of HTTP
	TxnID             int64
	Status            string
	Label             string
	Message           string
	ExistingJobStatus string
	ErrorURL          string
	JSON              bool // it could be read
}

// ReadAnswer reads an answer's body.
func ReadAnswer(code int, body []byte) Answer { return Answer{} }

// Event says what an answer to a load means for it: Loaded, Failed, Doubtful, Leaving, ExistsFinished, ExistsRunning.
func (a Answer) Event() Event { return Failed }

// ReadState says which event a leader's answer about a label is: a State… one.
func ReadState(code int, body []byte) Event { return StateLost }

// Reply is what the client is told: an HTTP status and a body in JSON.
type Reply struct {
	Code int
	Body []byte
}

// Told is what a reply speaks of.
type Told struct {
	Doris    bool
	Database string
	Label    string
	Cause    string // one clause: "node 10.0.0.7:8040 was lost after 3 of 9 MB"
}

// Say words an action: AnswerLoaded, AnswerNothing, AnswerUnknown.
func Say(a Action, t Told) Reply { return Reply{} }
