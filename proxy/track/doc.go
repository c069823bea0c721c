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
// table of them. A text is read by the rules of its server, and by all that may hold where they are not known (rules.go). What only the server knows can be asked for ([State.Unresolved]); what is not understood pins the session
// ([State.Pinned]). What stored functions, triggers and views do no text tells. MySQL and MariaDB are a second witness: they say what has become
// of a session (facts.go), to Segue alone where the client has not asked (witness.go), and can be asked for what they have not said (unforeseen.go). Locks that a
// stored function takes are not seen.
//
// After a move ([State.Moved]) the client goes on with the ids of prepared statements that it knows: they are rewritten on
// their way (rewrite.go).
//
// What cannot be followed is not guessed at: the State turns opaque, and the session is relayed unread from there on.
//
// The package is pure: no clock, no socket, no goroutine.
package track
