// Package counts counts what passes between clients, Segue and backends: bytes, statements by kind and outcome, response times. What is counted belongs to one
// event loop, which counts without a lock; whoever wants to know asks each loop for a copy, and adds them up. Pure: it has no clock.
package counts

import (
	"slices"

	"segue/backend/wire"
)

// Kind is what a statement is by its command: no text is read for it. It is a value of segue_statements_total{kind}.
type Kind uint8

// The kinds of statements. Commands without an answer (COM_QUIT, COM_STMT_CLOSE, COM_STMT_SEND_LONG_DATA) are none.
const (
	Query   Kind = iota // COM_QUERY
	Prepare             // COM_STMT_PREPARE
	Execute             // COM_STMT_EXECUTE, COM_STMT_BULK_EXECUTE
	Fetch               // COM_STMT_FETCH
	Ping                // COM_PING
	Session             // COM_INIT_DB, COM_CHANGE_USER, COM_RESET_CONNECTION, COM_SET_OPTION
	Other
	NumKinds
)

var kindNames = [NumKinds]string{
	Query: "query", Prepare: "prepare", Execute: "execute", Fetch: "fetch", Ping: "ping", Session: "session", Other: "other",
}

// String gives the kind as metrics name it.
func (k Kind) String() string { return kindNames[k] }

// KindOf is the kind of a command.
func KindOf(c wire.Command) Kind {
	switch c {
	case wire.ComQuery:
		return Query
	case wire.ComStmtPrepare:
		return Prepare
	case wire.ComStmtExecute, wire.ComStmtBulkExecute:
		return Execute
	case wire.ComStmtFetch:
		return Fetch
	case wire.ComPing:
		return Ping
	case wire.ComInitDB, wire.ComChangeUser, wire.ComResetConnection, wire.ComSetOption:
		return Session
	default:
		return Other
	}
}

// Outcome is what came of a statement that was sent to a backend. It is a value of segue_statements_total{outcome}.
type Outcome uint8

// The outcomes of statements.
const (
	OK       Outcome = iota // the backend has answered it
	Error                   // … by an ERR_Packet, which is the client's own affair as a rule
	Again                   // it was taken back, and the client waits: it is sent once more, and counts anew
	Lost                    // the backend went, or the statement was cut, before its answer had ended: the client has been told
	Deserted                // the client went first
	NumOutcomes
)

var outcomeNames = [NumOutcomes]string{OK: "ok", Error: "error", Again: "again", Lost: "lost", Deserted: "deserted"}

// String gives the outcome as metrics name it.
func (o Outcome) String() string { return outcomeNames[o] }

// Bytes are those of connections as Segue reads and writes them: in the MySQL protocol, plain where these are encrypted or compressed.
type Bytes struct {
	In  uint64 // that Segue has received
	Out uint64 // … and sent
}

// Add adds other's.
func (b *Bytes) Add(other Bytes) {
	b.In += other.In
	b.Out += other.Out
}

// Statements counts them.
type Statements [NumKinds][NumOutcomes]uint64

// Total is how many of all kinds had one of the outcomes; without any: how many there were.
func (s *Statements) Total(outcomes ...Outcome) (n uint64) {
	for k := range s {
		for o, m := range s[k] {
			if len(outcomes) == 0 || slices.Contains(outcomes, Outcome(o)) {
				n += m
			}
		}
	}
	return n
}

// Backend is what has passed one backend since Segue's start. The zero value is empty and ready.
type Backend struct {
	Bytes
	Connections uint64 // that have been opened to it: of sessions, and Segue's own for moves and KILL; not of probes
	Statements  Statements
	Response    Histogram // of statements that it has answered, OK or Error: see Answered
}

// Answered counts a statement whose answer has ended, ns nanoseconds after the first of it was sent to the backend or, where others were in front of it, after the
// answer to the last of them.
func (b *Backend) Answered(c wire.Command, ok bool, ns int64) {
	if c == wire.ComQuit {
		return // a StarRocks FE answers even that
	}
	o := OK
	if !ok {
		o = Error
	}
	b.Statements[KindOf(c)][o]++
	b.Response.Observe(ns)
}

// Unanswered counts a statement whose answer will not end.
func (b *Backend) Unanswered(c wire.Command, o Outcome) {
	if c != wire.ComQuit {
		b.Statements[KindOf(c)][o]++
	}
}

// Add adds what other has counted.
func (b *Backend) Add(other *Backend) {
	b.Bytes.Add(other.Bytes)
	b.Connections += other.Connections
	for k := range b.Statements {
		for o := range b.Statements[k] {
			b.Statements[k][o] += other.Statements[k][o]
		}
	}
	b.Response.Add(&other.Response)
}
