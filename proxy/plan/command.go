package plan

// CommandFacts is what there is to know when a client's command stands at the head of what it has sent, and none before it is outstanding.
type CommandFacts struct {
	// Of the command.
	Headless  bool // too little of it has come to know which one it is
	Undecided bool // more of it must be seen to know whether it asks for what was lost
	Quit      bool // COM_QUIT
	Silent    bool // no server answers it: COM_STMT_CLOSE, COM_STMT_SEND_LONG_DATA
	Data      bool // … the latter
	Ping      bool // COM_PING
	GivesUp   bool // it does without what was lost: COM_RESET_CONNECTION, COM_CHANGE_USER; ROLLBACK, where that was a transaction
	Forgone   bool // it asks for a LAST_INSERT_ID() that was lost with its backend
	Probes    bool // by it a client finds out whether the connection is worth keeping
	Asks      bool // for what the statement before it has left behind
	Missing   bool // … which a move has lost
	Kill      bool // it may be a KILL

	// Of the session.
	Between bool // it stands on no backend, or Segue asks its backend something: it cannot send
	Paused  bool // the operator holds it
	Again   bool // the statement before this one is to be run again first
	Debt    bool // the client is owed an error that this command counts on
	Ends    bool // it is to end at this boundary: its backend leaves, and it cannot move. Nothing else has been sent
	Departs Departing
}

// Departing is why a session leaves its backend ahead of a command.
type Departing struct {
	Hung       bool // the backend has been silent for so long that it is given up
	Down       bool // it is down, and the session is told to leave it
	Answers    bool // … but may still be asked for what only it knows, or need not be
	Closed     bool // it has closed the connection
	Told       bool // the session is told to leave, and has only waited for this command
	Rested     bool // it may try now: the last try was not a moment ago
	Outlives   bool // it can be rebuilt without a word of its backend
	GateIsOpen bool // it may begin to move now
}

// CommandAction is what becomes of a command.
type CommandAction uint8

// What may become of a command.
const (
	Forward       CommandAction = iota // it is sent on
	NeedMore                           // it is looked at again with what follows it
	Pay                                // it is answered with what the client is owed
	Drop                               // it is of no use to the command behind it, which will be answered with what the client is owed
	Forgive                            // what the client is owed is dropped; the command is decided anew
	Wait                               // it waits until the session stands on a backend that takes statements
	RefuseMoved                        // it asks for what a move has lost: it is answered by an error
	RefuseForgone                      // it asks for an id that was lost with a backend: likewise
	BringKill                          // it is a KILL, and is brought to its victim
	EndInstead                         // the session ends in place of its answer
	EndQuit                            // the session ends: its client has, and nobody need be told
	LeaveFirst                         // the session moves, and then sends it
	FleeHung                           // … from a backend that has been given up
	FleeClosed                         // … that has closed the connection
	numCommandActions
)

var commandActions = [numCommandActions]string{
	"forward", "need more", "pay", "drop", "forgive", "wait", "refuse moved", "refuse forgone", "bring kill", "end instead", "end quit", "leave first", "flee hung", "flee closed",
}

// String names the action.
func (a CommandAction) String() string { return commandActions[a] }

// Command decides what becomes of a client's command.
func Command(f *CommandFacts) CommandAction {
	counts := !f.Silent && !f.Ping && !f.Quit // commands whose answer is a statement's
	switch {
	case f.Headless:
		return NeedMore
	case f.Quit && f.Between:
		return EndQuit
	case f.Quit:
		return Forward
	case f.Undecided:
		return NeedMore
	case f.Debt && counts && !f.Again && !f.GivesUp:
		return Pay
	case f.Debt && f.Data && !f.Again: // on the server it would be added to what is sent ahead of the next execution
		return Drop
	case f.Between, f.Paused:
		return Wait
	case f.Debt && counts && !f.Again: // and not before: it may yet be refused, and its client go on as if it had not been said
		return Forgive
	case counts && !f.GivesUp && f.Forgone:
		return RefuseForgone
	case counts && !f.GivesUp && f.Missing:
		return RefuseMoved
	case f.Probes && f.Ends:
		return EndInstead
	}
	if a := f.Departs.ahead(f); a != Forward {
		return a
	}
	if f.Kill {
		return BringKill
	}
	return Forward
}

// ahead decides whether the session leaves its backend before it sends the command.
func (d *Departing) ahead(f *CommandFacts) CommandAction {
	switch {
	case d.Hung && d.Outlives:
		return FleeHung
	case d.Closed && d.Outlives:
		return FleeClosed
	case d.Down && d.Answers && d.Rested:
		return LeaveFirst
	case d.Told && d.Rested && d.GateIsOpen && !f.Asks && !f.Silent:
		return LeaveFirst
	}
	return Forward
}
