// Package login is the connection phase between a client and the backends that it is brought to: both sides of the handshake as one machine,
// [Handshake], without I/O, clock, goroutine or lock. Its driver leases and dials backends, reads greetings, owns the deadlines, and carries bytes.
//
// A backend greets, and the client is given that greeting, made the cluster's ([Handshake.Greeted]); or the client is greeted by Segue itself
// before there is a backend ([Handshake.GreetFirst]). What the client answers goes to the backend, or proves a password that the operator has
// given; then Segue answers the backends itself, and the client is asked for nothing more. It is a backend that lets the client in, in either case.
// A backend that fails before its final OK_Packet has been forwarded is replaced by another, of which the client sees no more than an
// AuthSwitchRequest. What was learned on the way is the session's credential.
//
// # Driving it
//
// After each call, [Handshake.Waits] says whose turn it is: a backend is to be leased, dialed and Greeted; the next packet of the client or of the
// backend is to be given to FromClient or FromBackend; nothing. Bytes of who is not waited for stay where they are, in a [wire.Inbox]
// or in the kernel: a client may send its first statements behind its login, and what is in the client's Inbox then is the beginning of the command
// phase. While the client is waited for, the time is its own, and not the backends'.
package login
