package plan

import "time"

// LostFacts is what there is to know when a backend connection has ended, or is given up.
type LostFacts struct {
	Ties
	Quit        bool          // the client has said COM_QUIT
	Over        bool          // the session is ending already
	Pinned      bool          // by what is lost now
	Outstanding int           // commands that have not been answered in full
	Answered    bool          // some of the answer to the oldest of them has passed
	Endable     bool          // … and an ERR_Packet may end it here
	RunAgain    bool          // the statement that runs may be run again
	Waiting     bool          // a statement waits to be sent
	Failed      bool          // the last that the server said was an ERR_Packet: it has told the client why
	ByToken     bool          // all that it can be logged in with is a token, which does not last
	TooIdle     bool          // … that the session has been idle for too long
	Idle        time.Duration // for how long it has been so
	Limit       time.Duration // for how long its server lets it (wait_timeout); 0: that is not known
}

// LostAction is what becomes of a session whose backend connection has ended.
type LostAction uint8

// What may become of a session whose backend connection has ended.
const (
	Flee          LostAction = iota // it goes on elsewhere, and its client hears of nothing
	FleeLater                       // … when its client sends its next command: it was idle for as long as it may
	FleeAgain                       // … where the statement that ran is run again
	FleeUnknown                     // … and its client is told that the outcome of its statement is unknown
	FleeMidAnswer                   // … and its client is told in the middle of an answer
	Finish                          // the session, which is ending, has ended
	FinishQuit                      // … as its client has said
	FinishKilled                    // … by a KILL
	GoneUnread                      // it ends: nobody knows what its client has lost
	GoneStatement                   // … in the middle of a statement
	GoneUnsent                      // … with a statement that was not sent
	GoneInDebt                      // … with something that its client counts on
	GoneIdle                        // … while nothing ran
	GoneAnswered                    // … behind an answer that tells why
	numLostActions
)

var lostActions = [numLostActions]string{
	"flee", "flee later", "flee again", "flee, outcome unknown", "flee in mid-answer", "finish", "finish quit", "finish killed",
	"gone unread", "gone with a statement", "gone with an unsent statement", "gone in debt", "gone idle", "gone behind its answer",
}

// String names the action.
func (a LostAction) String() string { return lostActions[a] }

// Flees reports whether the session goes on elsewhere.
func (a LostAction) Flees() bool { return a <= FleeMidAnswer }

// Lost decides what becomes of a session whose backend connection has ended, or is given up.
func Lost(f *LostFacts) LostAction {
	switch {
	case f.Quit:
		return FinishQuit
	case f.Over:
		return Finish
	case f.Condemned:
		return FinishKilled
	case f.Outlives():
		return f.flee()
	}
	return f.gone()
}

// Outlives reports whether the session can go on although its backend connection has ended: nothing of an answer that will not be whole
// has reached the client, or no more than whole rows, and nothing of a statement is still to come.
func (f *LostFacts) Outlives() bool {
	return f.Rebuildable() && (f.Outstanding == 0 || f.Outstanding == 1 && (!f.Answered || f.Endable))
}

func (f *LostFacts) flee() LostAction {
	switch {
	case f.Outstanding > 0 && f.Answered:
		return FleeMidAnswer
	case f.Outstanding > 0 && f.RunAgain:
		return FleeAgain
	case f.Outstanding > 0:
		return FleeUnknown
	}
	if !f.Waiting && !f.ByToken && f.overslept() {
		return FleeLater
	}
	return Flee
}

// overslept reports whether the server has ended the session for having been idle too long. Clocks and networks take their time: nine tenths of the limit are enough.
func (f *LostFacts) overslept() bool {
	return f.TooIdle || f.Limit > 0 && f.Idle >= f.Limit-f.Limit/10
}

func (f *LostFacts) gone() LostAction {
	switch {
	case f.Opaque:
		return GoneUnread
	case f.Outstanding > 0:
		return GoneStatement
	case f.Waiting:
		return GoneUnsent
	case f.Pinned:
		return GoneInDebt
	case f.MidCommand, f.Failed:
		return GoneAnswered
	}
	return GoneIdle
}
