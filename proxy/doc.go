// Package proxy serves clients: each connection is a session, which it brings to a backend, keeps there as long as the
// backend stays, and takes to another one, between two statements, when the backend leaves.
//
// # Life of a session
//
// [Server.Serve] accepts a client and starts a session in state [Accepted]. [State] has the diagram and the table of what may
// follow what; one method, enter, goes from one to the next.
//
// Connection phase. The session leases a backend ([Leasing]), dials it and reads its HandshakeV10 ([Dialing]), gives the client a
// HandshakeV10 made from it, with the capabilities that all backends share and the relay can carry, and relays the
// authentication ([Authenticating]). Whatever goes wrong with the backend before its final OK_Packet has been forwarded
// leads back to Leasing, with another backend: before the client has been greeted it cannot notice; after that the new
// backend is made to send an AuthSwitchRequest with its own salt, which the client answers as it would any server's. Where the
// client's answer proves a password that the operator has given ([Options.Users]), Segue answers the backends itself
// (login.go) and the client is asked for nothing more. It is a backend that lets the client in, in either case. What
// was learned on the way is the session's credential (credential.go). When the connect budget is spent the client gets one ERR_Packet that names what was tried.
//
// Command phase. Two pumps carry the bytes, one for each direction (pump.go), and let package track look at them on their
// way. So the session knows whether it is [Idle], [Busy], or [Pinned] by a transaction, and becomes [Opaque] where the bytes
// can be followed no further.
//
// Drain is an intent, not a state. When a backend is leaving, its sessions are told (drain.go), and each leaves at its next
// statement boundary outside a transaction.
//
// Moving (move.go). A session that Segue can log in for goes to another backend: the pump that reads the backend leases, dials, logs in,
// has package track's Replay run there, and swaps the connections. A statement that comes meanwhile waits in the pump that reads the
// client (turn.go). If nothing comes of it the session stays where it is and tries again. A backend that closes the connection
// without a word is left in the same way; what only it knew, a transaction, costs the client one error, and the
// client stays. What the client could still ask about its last statement (track.State.Recent) delays the move until it has sent
// another, or has been silent for a second. A backend that hangs is left as soon as it is down (hung.go); what runs on it is given up
// later, when it is sure not to live.
//
// Holding (hold.go). Sessions pass a gate (gate.go) on their way to another backend. While no backend could take any it is shut, and those who come
// there hold: idle ones for as long as it takes, a statement up to Options.Hold.Timeout; then it gets an ERR_Packet, and the session
// holds on. The operator can shut it on purpose (pause.go). A statement that an FE could not forward to a leader holds too, on its backend (turned.go).
//
// What only the backend knows of a session would be lost with it. So it is asked for that while the session is idle (inquire.go).
//
// A KILL (kill.go) is taken out of the client's pump, and brought to the backend of the session that it is meant for (thread.go): on the
// session's own connection if that is the one, or else on one that is logged in as the killer for this alone. The victim knows of it before it
// is sent (killed.go), so that it ends with its connection and does not move.
//
// A session that Segue cannot log in for ends instead. The FIN travels in one segment with the last bytes of the answer, so that a
// client sees the end before it can send another statement.
//
// Whatever fails is entered in the ledger (ledger.go): what a client saw of it, or how it was kept from seeing anything.
//
// Both pumps end before the session is finished; the last one out gives back the lease and closes the connections.
//
// # Goroutines
//
// A session has one goroutine in its connection phase and two in its command phase, none while it naps (nap.go), and no timer: control
// reaches a parked pump through a read deadline. Two more serve all sessions: watch follows the registry; tend keeps pinned
// sessions on a leaving FE from being closed as idle, notices when nobody is answered, looks after those that hold, has backends
// asked for what they alone know, brings sessions back into balance, logs what has failed and looks for clients that have vanished
// (gone.go). Serve waits for them all.
package proxy
