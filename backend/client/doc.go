// Package client is the client's side of the protocol, for what Segue does on a server in its own name: it logs in (moves, KILL, probes, check)
// and runs commands of its own (rebuilding a session, questions about one).
//
// What decides is a machine without I/O, clock, goroutine or lock: bytes of the server in, bytes for the server out. [Login] logs in with a
// [Credential], [Script] runs commands, [Farewell] ends a handshake that is not to be finished. An event loop drives them by itself; [Conn]
// drives the same ones and blocks.
//
// A [Challenge] is where credentials come from: what a client was asked, what it answered, and what that proves or tells.
package client
