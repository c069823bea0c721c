package measure

// Class is how the clients of one group use their connections.
type Class uint8

// The classes.
const (
	Long  Class = iota // keeps one session with state, which every answer verifies
	Short              // connects, asks one question, quits
	Txn                // from a pool: BEGIN, INSERT, a while, INSERT, COMMIT
	Idle               // from a pool that is seldom used: state, verified at each use
	Slow               // from a pool: statements that run for a while
	Write              // from a pool: an INSERT that commits by itself
	Loads              // no session at all: a Stream Load over HTTP, on connections of its own

	numClasses
)

// Classes are all of them, in the order of tables.
func Classes() []Class { return []Class{Long, Short, Txn, Idle, Slow, Write, Loads} }

// String is the class's name in tables.
func (c Class) String() string {
	return [numClasses]string{"long-lived", "short-lived", "transaction", "idle pool", "slow", "writer", "stream load"}[c]
}

// Flag is the class's name on the command line, in files and in JSON.
func (c Class) Flag() string {
	return [numClasses]string{"long", "short", "txn", "idle", "slow", "write", "loads"}[c]
}

// pooled classes check a connection before they use it, as pools do.
func (c Class) pooled() bool { return c != Long && c != Short && c != Loads }

// kept classes keep their connection from one arrival to the next.
func (c Class) kept() bool { return c != Short && c != Loads }

// Doing is what a client was doing when something happened.
type Doing uint8

// What clients do.
const (
	Connecting       Doing = iota // dial, up to the final OK of the connection phase
	SettingUp                     // the first statements of a connection that will be kept
	Checking                      // the liveness of a kept connection, just before its use
	Asking                        // a statement outside a transaction
	Pinging                       // COM_PING
	Beginning                     // BEGIN
	InTransaction                 // a statement in a transaction
	Committing                    // COMMIT
	Writing                       // an INSERT that commits by itself
	ReachingFrontend              // of a load: the connection to the address that the client knows
	AskingFrontend                // of a load: the request there, before the body
	ReachingNode                  // of a load: the connection to the BE that a redirect names
	AskingNode                    // of a load: the request there, before the body
	SendingLoad                   // the body
	AwaitingLoad                  // the answer to all of it

	numDoings
)

// String is what tables say.
func (d Doing) String() string {
	return [numDoings]string{
		"connect", "set up session", "check before use", "statement", "ping", "BEGIN", "in a transaction", "COMMIT", "write",
		"load: connect", "load: before the body", "load: connect to the node", "load: before the body, at the node", "load: body", "load: answer",
	}[d]
}

// Part is which part of an application's work an error belongs to: the colours
// of the errors over time.
type Part uint8

// The parts.
const (
	ConnectPart Part = iota
	StatementPart
	TransactionPart
	WritePart
	StatePart // an answer that was wrong, or showed that the session had lost its state
	LoadPart

	numParts
)

// Parts are all of them, in the order of tables.
func Parts() []Part {
	return []Part{ConnectPart, StatementPart, TransactionPart, WritePart, StatePart, LoadPart}
}

// String is what legends say.
func (p Part) String() string {
	return [numParts]string{"connect", "statement", "transaction", "write", "wrong answer, lost state", "load"}[p]
}

// part is where an error counts.
func (d Doing) part() Part {
	switch d {
	case Connecting, SettingUp:
		return ConnectPart
	case Beginning, InTransaction, Committing:
		return TransactionPart
	case Writing:
		return WritePart
	case ReachingFrontend, AskingFrontend, ReachingNode, AskingNode, SendingLoad, AwaitingLoad:
		return LoadPart
	default:
	}
	return StatementPart
}
