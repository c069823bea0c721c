package proxy

import "fmt"

// State is where a session stands.
//
//	|---------- connection phase ----------|------ command phase --------|
//
//	Accepted → Leasing ⇄ Dialing → Authenticating → Idle ⇄ Busy ⇄ Pinned
//	              ↑____________________|             ⇅      ⇅
//	                                                Moving  Holding  Detached
//
// Opaque follows Idle, Busy or Pinned when the bytes can no longer be read. Closed may follow any state, and nothing
// follows Closed.
type State uint8

// The states of a session.
const (
	Accepted       State = iota // nothing sent, nothing read
	Leasing                     // waiting for a backend, or for a client that Segue has greeted by itself
	Dialing                     // connecting, up to the backend's HandshakeV10
	Authenticating              // between HandshakeV10 and the final OK_Packet
	Idle                        // no command outstanding, and nothing that ties the session to its backend
	Busy                        // a command is outstanding
	Pinned                      // no command outstanding, but in a transaction or the like
	Moving                      // being rebuilt on another backend; the client waits
	Holding                     // no usable backend; the client waits
	Detached                    // on no backend, for having been idle for as long as it may, until its client's next command
	Opaque                      // relayed unread
	Closed
	numStates
)

var stateNames = [numStates]string{
	Accepted: "accepted", Leasing: "leasing", Dialing: "dialing", Authenticating: "authenticating", Idle: "idle", Busy: "busy",
	Pinned: "pinned", Moving: "moving", Holding: "holding", Detached: "detached", Opaque: "opaque", Closed: "closed",
}

// String gives the state as logs, metrics and the admin API name it.
func (s State) String() string {
	if s >= numStates {
		return fmt.Sprintf("state(%d)", uint8(s))
	}
	return stateNames[s]
}

// states is a set of them.
type states uint16

func oneOf(list ...State) (set states) {
	for _, s := range list {
		set |= 1 << s
	}
	return set
}

func (set states) has(s State) bool { return set&(1<<s) != 0 }

// next holds, for each state, those that may follow it.
var next = [numStates]states{
	Accepted:       oneOf(Leasing, Closed),
	Leasing:        oneOf(Dialing, Closed),
	Dialing:        oneOf(Authenticating, Leasing, Closed),
	Authenticating: oneOf(Idle, Pinned, Opaque, Leasing, Closed),                   // Leasing: the backend failed before the client had its OK
	Idle:           oneOf(Busy, Pinned, Moving, Holding, Detached, Opaque, Closed), // Pinned: COM_STMT_SEND_LONG_DATA has no answer
	Busy:           oneOf(Idle, Pinned, Moving, Holding, Opaque, Closed),
	Pinned:         oneOf(Idle, Busy, Moving, Detached, Opaque, Closed), // Moving: the backend has closed, and what pinned the session is lost
	Moving:         oneOf(Idle, Pinned, Holding, Closed),                // Pinned: a transaction that has only been begun goes along
	Holding:        oneOf(Idle, Busy, Moving, Opaque, Closed),           // Opaque: the backend speaks unasked to a session that the operator holds
	Detached:       oneOf(Moving, Closed),
	Opaque:         oneOf(Closed),
	Closed:         0,
}
