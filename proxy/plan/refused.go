package plan

// RefusedFacts is what there is to know of an answer that is a whole ERR_Packet.
type RefusedFacts struct {
	CanMove    bool
	Leaderless bool // the FE could not forward the statement: there is no leader, so that it has run nowhere
	GoingAway  bool // the server says that it is going, or the statement was cut off by its end
	Killed     bool // … by a KILL of a client's, or the backend is well otherwise
	Elsewhere  bool // another backend takes sessions
	RunAgain   bool // the statement may be run again
	Ping       bool // … and is a COM_PING, of a session that is told to leave a server that refuses these alone while it goes on serving
	Sole       bool // … or at least sent again: it is one statement, has run nowhere, and is known whole
	Unsettled  bool // something happens to the cluster
	Tired      bool // it has been tried for hold.timeout
	DryRun     bool
	Full       bool // as many statements wait as may
}

// RefusedAction is what becomes of such an answer.
type RefusedAction uint8

// What may become of an answer that is an ERR_Packet.
const (
	Pass        RefusedAction = iota // the client gets it
	PassDryRun                       // … and it is counted that its statement would have waited
	PassFull                         // … and that there was no room for it to wait
	AnswerPing                       // the client hears that its connection works: the session is about to move, and serves meanwhile
	SendElse                         // the session moves, and sends it again there
	AwaitLeader                      // it is sent again to the same backend, when there may be a leader
	numRefusedActions
)

var refusedActions = [numRefusedActions]string{"pass", "pass (dry run)", "pass (full)", "answer ping", "send elsewhere", "await leader"}

// String names the action.
func (a RefusedAction) String() string { return refusedActions[a] }

// Refused decides what becomes of an answer that says that the server, and not the statement, is wrong.
func Refused(f *RefusedFacts) RefusedAction {
	switch {
	case !f.CanMove:
		return Pass
	case f.GoingAway && !f.Killed && f.Elsewhere && f.RunAgain && f.Ping:
		return AnswerPing
	case f.GoingAway && !f.Killed && f.Elsewhere && f.RunAgain:
		return SendElse
	case !f.Leaderless, !f.Unsettled, f.Tired:
		return Pass
	case f.DryRun:
		return PassDryRun
	case f.Full:
		return PassFull
	case f.Sole:
		return AwaitLeader
	}
	return Pass
}
