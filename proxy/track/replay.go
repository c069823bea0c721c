package track

import "segue/proxy/wire"

// Replay is what rebuilds a session on a backend that it has just been logged in to.
type Replay struct {
	Database   string     // for the login's HandshakeResponse41, "" for none
	Statements []string   // in order, each one whole SQL statement; as few as can be
	Prepared   []Prepared // to be prepared by COM_STMT_PREPARE, in this order
	Wrote      bool       // the session has changed data or metadata since it came to this backend
}

// Prepared is a prepared statement of COM_STMT_PREPARE.
type Prepared struct {
	Text   string
	Params uint16 // as COM_STMT_PREPARE_OK said: a backend that says otherwise has prepared something else
}

// Replay tells what rebuilds the session as it stands. Nothing may be Unresolved, unless Forgo has been called.
func (s *State) Replay() Replay { return Replay{} }

// Unresolved are the SQL expressions whose values only the server knows, such as "@x", "@@session.sql_mode",
// "LAST_INSERT_ID()". A backend that lives can be asked for them all in one SELECT.
func (s *State) Unresolved() []string { return nil }

// Resolved takes the answer: one SQL literal for each of Unresolved, in that order. See Quote.
func (s *State) Resolved([]string) {}

// Forgo gives up what only the server knew and what a client can be refused if it asks (Look.Asks): LAST_INSERT_ID(). It reports
// whether nothing else is Unresolved, so that the session can be rebuilt although its backend can no longer be asked.
func (s *State) Forgo() bool { return true }

// Moved tells that the session stands on another backend: o as for New, status from its last OK_Packet, ids those that it has given to
// Replay().Prepared, in that order. If ids is nil the backend knows the statements by the ids of the one before. What the client
// knows as ids stays. Moved must only be called when Idle.
func (s *State) Moved(o Options, status wire.Status, _ []uint32) { *s = New(o, status) }

// Dropped forgets what could not be taken along because the backend has gone: transaction, cursors, long data, temporary tables,
// locks and the like. It returns the reason of Pinned that was dropped, or "". What is still Pinned then cannot be rebuilt.
func (s *State) Dropped() string { return "" }
