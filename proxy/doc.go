// Package proxy serves clients: each connection is a session, which it brings to a backend, keeps there as long as the
// backend stays, and takes to another one, between two statements, when the backend leaves.
//
// # One owner
//
// A session belongs to one worker (worker.go): an event loop (package loop) and the sessions that it owns. Nothing else touches it, so that it has no
// lock. Who wants something of it from elsewhere, the operator, the registry, another session's KILL, posts a message to its loop. Nothing that
// runs on a loop waits: whoever must wait leaves a callback, an alarm (alarms.go) or a place in a queue, and returns.
//
// There are as many workers as the server is told to have ([Server.SetLoops], workers.go). A new session goes to the one that has the fewest; later on sessions that
// have much to do leave a worker that is busy (evenout.go). They are transferred between two statements, with their connections and all that they are (transfer.go); a message finds
// its session by owner, and follows it. Whoever looks at the sessions of all workers suspends transfers meanwhile (transfers.go).
//
// # Life of a session
//
// [Server.Serve] accepts a client and starts a session in state [Accepted]. [State] has the diagram and the table of what may
// follow what; one method, enter, goes from one to the next. Beside its state a session is three values: the errand that it is about (accept.go),
// the statement that waits, runs, or is to be run again (statement.go), and what its client is still owed (owed.go). It stands between its client's
// side (front.go) and a connection to a backend (link.go), knows who its client is (identity.go), and has been given notice, or not, that it is to
// leave (notice.go).
//
// What comes next is decided by package plan from plain facts; the session gathers these and does what it is told: for a command of the client's
// (up.go), at a boundary between two statements (boundary.go), when the backend has gone (lost.go), when it refuses a statement (down.go), and for a
// statement that waits (hold.go).
//
// Connection phase (connect.go, connect_end.go). The session leases a backend ([Leasing]), dials it and reads its HandshakeV10 ([Dialing]), and has package login bring
// client and backend together ([Authenticating]). Whatever goes wrong with the backend before its final OK_Packet has been forwarded
// leads back to Leasing, with another backend, unseen by the client. It is a backend that lets the client in, in any case. What
// was learned on the way is the session's credential (identity.go). When the connect budget is spent the client gets one ERR_Packet that names what
// was tried. Clients that are greeted and say nothing keep few
// connections of a backend from others (crowd.go). A backend that is full is not blamed, and tried once a second (full.go); an account that a backend has refused, or that has too many
// connections there, is not tried there for a while by any session (package accounts).
//
// Command phase. Bytes of either side are shown to package track on their way, which knows where statements and answers end and what the session
// holds. So it is known whether the session is [Idle], [Busy], or [Pinned] by a transaction; it becomes [Opaque] where the bytes can be followed no further.
//
// Drain is an intent, not a state. When a backend is leaving, its sessions are told (boundary.go), and each leaves at its next
// statement boundary outside a transaction.
//
// Moving (departure.go and its parts). A session that Segue can log in for goes to another backend: its departure waits at a gate, leases, dials and logs in
// (call.go), asks the old backend for what only that knows (question.go, rebuild.go), rebuilds the session on the new one, and swaps the connections. While the
// old backend serves, the session's statements go on up to its login (ahead.go); a statement that comes behind that waits. Where the old one has gone all wait. If nothing comes of it the session stays where it is and tries again. A backend that closes the connection
// without a word is left in the same way (lost.go); what only it knew, a transaction, costs the client one error, and the
// client stays. A backend that hangs is left as soon as it is down; what runs on it is given up later, when it is sure not to live.
//
// Holding (hold.go). While no backend could take any, the gate is shut, and those who come there hold: idle ones for as long as it takes, a statement up to
// Options.Hold.Timeout; then it gets an ERR_Packet, and the session holds on. The operator can shut it on purpose (pause.go). A statement that an FE
// could not forward to a leader holds too, on its backend (election.go).
//
// A session that has been idle for as long as its server allows is [Detached]: it stands on no backend until its client's next command (detach.go).
//
// What only the backend knows of a session would be lost with it. So it is asked for that while the session is idle (inquiry.go).
//
// A KILL (kill.go) is brought to the backend of the session that it is meant for: on the session's own connection if that is the one, or else on one
// that is logged in as the killer for this alone. The session may be one of a Segue that has been taken over from (elsewhere.go). The victim knows of it before it is sent (kills.go), so that it ends with its connection and does
// not move.
//
// A session that Segue cannot log in for ends instead (closing.go). The FIN travels in one segment with the last bytes of the answer, so that a
// client sees the end before it can send another statement.
//
// Whatever fails is entered in the ledger: what a client saw of it, or how it was kept from seeing anything.
//
// # Goroutines
//
// Each worker has one, its loop's. Two more serve them all: watch follows the registry, and has the workers review what a change means for their
// sessions; tend ends pauses, brings sessions back into balance and writes the log. Names of backends are looked up by a goroutine for each look-up.
// Serve waits for them all.
package proxy
