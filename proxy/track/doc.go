// Package track follows what passes between a client and its backend, and knows what the session holds there.
//
// [State] is fed the bytes of both directions. It hops from packet header to packet header, keeps a queue of the commands
// that are outstanding, and so knows at every byte whether the session stands between two statements, and whether a
// transaction, a cursor or the like ties it to its backend even there.
//
// What a server says (status flags) counts for more than what the text of a statement says; a server that says nothing, as
// StarRocks does of transactions, leaves only the text, whose leading words a small scanner reads.
//
// It knows as well what the statements leave in the session, and how to rebuild that on another backend ([State.Replay]): a text
// that holds anything is read by a lexer (judge.go), whose verdict takes effect when the answer has passed; STATEMENTS.md is the
// table of them. What only the server knows can be asked for ([State.Unresolved]); what is not understood pins the session
// ([State.Pinned]). Stored functions and triggers are not seen: what they assign or lock counts only where a statement or the server
// says so.
//
// After a move ([State.Moved]) the client goes on with the ids of prepared statements that it knows: they are rewritten on
// their way (rewrite.go).
//
// What cannot be followed is not guessed at: the State turns opaque, and the session is relayed unread from there on.
//
// The package is pure: no clock, no socket, no goroutine.
package track
