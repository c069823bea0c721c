package proxy

import (
	"fmt"
	"time"
)

// End says why a session ended. It is the same word in the log field `end`, the metric label `end` and the
// documentation.
type End uint8

// The reasons for which sessions end.
const (
	Open        End = iota // it has not ended
	ClientQuit             // the client said COM_QUIT
	ClientGone             // the client closed or lost its connection without a word
	BackendGone            // the backend closed or lost the connection
	Refused                // the backend refused the login, and the client was told in the backend's words
	NoBackend              // no backend could be had within the connect budget
	MoveFailed             // the backend had gone, and the session could not be rebuilt on another
	Drained                // the backend is leaving: ended between two statements
	Killed                 // a KILL of a client's ended it
	Timeout                // cut at the drain deadline, or the client was too slow in the connection phase
	Protocol               // something that the protocol does not allow, or a bug of ours
	Shutdown               // Segue itself is stopping
	numEnds
)

var endNames = [numEnds]string{
	Open: "open", ClientQuit: "client_quit", ClientGone: "client_gone", BackendGone: "backend_gone", Refused: "refused",
	NoBackend: "no_backend", MoveFailed: "move_failed", Drained: "drained", Killed: "killed", Timeout: "timeout", Protocol: "protocol", Shutdown: "shutdown",
}

// String gives the reason as logs and metrics name it.
func (e End) String() string {
	if e >= numEnds {
		return fmt.Sprintf("end(%d)", uint8(e))
	}
	return endNames[e]
}

// grace is how long the two sides get to close after it.
func (e End) grace() time.Duration {
	if e == Shutdown {
		return stopGrace
	}
	return closeGrace
}
