package plan

import "time"

// BoundaryFacts is what there is to know of a session with nothing under way on its backend, where that may be the moment to leave it.
type BoundaryFacts struct {
	Idle      bool // nothing ties it to its backend; otherwise something does that lasts, such as a temporary table, but no transaction
	Told      bool // it is to go to another backend, and can: see Session.toldToLeave
	Intent    bool // its backend, or Segue itself, is leaving
	Optional  bool // … but only sessions that can move are meant
	Condemned bool // a KILL is about to end it
	Executed  bool // a KILL has ended it, and the server is slow to say so
	Mute      bool // its backend is down, and has said nothing since
	NeedsOld  bool // it cannot be rebuilt without asking its backend
	Recent    bool // its client may still ask for what the last statement has left behind
	Midway    bool // its client is in the middle of what its user sees as one statement
	More      bool // its client has sent more already
	Lent      bool // its client has heard that the connection works, and is about to use it
	Probe     bool // the answer that has just come says so: the end can take its place
	Answered  bool // this is the end of an answer: the session can end with that
	Silence   time.Duration
	RetryIn   time.Duration // when it may try again to move; zero or less: now
	Linger    time.Duration // how long an idle session that is to end is given for one more statement; zero or less: no longer
}

// Pauses is how long a session waits before it looks again at whether it can leave.
type Pauses struct {
	Recent time.Duration // until its client will hardly ask any more for what the last statement has left behind
	Mute   time.Duration // for a backend that may speak again
	Shut   time.Duration // for a backend
}

// BoundaryAction is what a session does between two statements.
type BoundaryAction uint8

// What a session may do between two statements.
const (
	Stay      BoundaryAction = iota // it goes on where it is
	Later                           // … and looks again after a while
	Leave                           // it moves
	Linger                          // it is given a little time to send one more statement
	End                             // it ends, with the answer that has just come if there is one
	Instead                         // … in place of that answer
	EndKilled                       // … as its server has ended it
	numBoundaryActions
)

var boundaryActions = [numBoundaryActions]string{"stay", "later", "leave", "linger", "end", "end instead", "end killed"}

// String names the action.
func (a BoundaryAction) String() string { return boundaryActions[a] }

// Boundary decides what a session does that stands between two statements, and for Later after how long it looks again.
func Boundary(f *BoundaryFacts, p Pauses) (BoundaryAction, time.Duration) {
	switch {
	case f.Executed:
		return EndKilled, 0
	case f.Idle && f.Told:
		return leave(f, p)
	case !f.Intent, f.Optional:
		return Stay, 0
	case !f.Answered && f.Linger > 0, f.More, f.Midway, f.Lent && !f.Probe:
		return Linger, 0
	case f.Probe:
		return Instead, 0
	}
	return End, 0
}

// leave decides when a session moves that is to.
func leave(f *BoundaryFacts, p Pauses) (BoundaryAction, time.Duration) {
	wait := f.RetryIn
	if f.Intent && f.Mute && f.NeedsOld {
		wait = max(wait, p.Mute)
	}
	if f.Recent {
		wait = max(wait, p.Recent-f.Silence)
	}
	switch {
	case f.Condemned:
		return Later, p.Shut
	case wait > 0:
		return Later, wait
	}
	return Leave, 0
}
