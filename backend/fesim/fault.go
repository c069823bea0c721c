package fesim

import (
	"time"

	"segue/backend/wire"
)

// Fault is what goes wrong at an FE until the next SetFault; the zero value is none. Several may be set at once; of those that concern the
// connection phase the earliest wins.
type Fault struct {
	// The connection phase, in the order in which they strike.
	Refuse            bool          // the MySQL port does not listen
	AcceptSilent      bool          // connections are accepted, then nothing is said
	GreetingDelay     time.Duration // before the greeting; not scaled
	GreetingERR       *wire.Err     // in place of the greeting, then FIN
	EOFBeforeGreeting bool
	TruncateGreeting  bool // FIN in the middle of the greeting
	EOFAfterGreeting  bool
	ResetAfterAuth    bool // RST once the HandshakeResponse41 is there
	EOFAfterAuth      bool // FIN once the HandshakeResponse41 is there
	HangAfterAuth     bool
	LoginERR          *wire.Err // in place of the OK, then FIN
	EOFAfterSwitch    bool      // FIN once the AuthSwitchRequest has been sent

	// The command phase.
	Freeze      bool          // no command is answered any more, /api/health neither: the host has stopped, its TCP has not
	CutBefore   bool          // FIN when a statement has arrived, which is not executed
	CutAfter    bool          // FIN when a statement has been executed, in place of its answer
	Truncate    bool          // FIN in the middle of the answer to a statement
	SlowResult  time.Duration // before each packet of an answer; not scaled
	CloseRace   time.Duration // the sweep takes this long from finding a session idle to closing it: a statement may arrive; not scaled
	NotReady    bool          // /api/bootstrap says FAILED, "not ready"
	HealthCode  int           // status of /api/health, such as 401, in place of the true one
	HealthFlap  bool          // every second answer of /api/health is a 500
	HealthDelay time.Duration // before each answer of the HTTP port; not scaled
	HealthHang  bool          // /api/health is not answered
}

// TooManyConnections is what MySQL and MariaDB say in place of the greeting when max_connections is reached.
func TooManyConnections() *wire.Err {
	return &wire.Err{Code: 1040, State: "08004", Message: "Too many connections"}
}

// ConnectionLimit is what a StarRocks FE that has open sessions, and may have no more than limit, says in place of the OK of a login.
func ConnectionLimit(limit, open int, node string) *wire.Err {
	return fail("Reach cluster-wide connection limit, qe_max_connection=%d, connectionMap.size=%d, node=%s", limit, open, node)
}

// UserConnectionLimit is what it says to a user who may have no more than limit.
func UserConnectionLimit(user string, limit int) *wire.Err {
	return fail("Reach user-level(qualifiedUser: %s) connection limit, currentUserMaxConn=%d", user, limit)
}

// SetFault makes f the FE's fault from now on. It takes effect for connections, statements and HTTP requests that begin after it.
func (f *FE) SetFault(fault Fault) {
	f.mu.Lock()
	f.fault = fault
	close(f.faultChanged)
	f.faultChanged = make(chan struct{})
	l := f.life
	f.mu.Unlock()
	if l != nil {
		l.refuse(fault.Refuse)
	}
}

func (f *FE) faults() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fault
}

// thaw waits until the FE is not frozen; false if done is closed first.
func (f *FE) thaw(done <-chan struct{}) bool {
	for {
		f.mu.Lock()
		frozen, changed := f.fault.Freeze, f.faultChanged
		f.mu.Unlock()
		if !frozen {
			return true
		}
		select {
		case <-changed:
		case <-done:
			return false
		}
	}
}
