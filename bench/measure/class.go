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

	numClasses
)

// Classes are all of them, in the order of tables.
func Classes() []Class { return []Class{Long, Short, Txn, Idle, Slow, Write} }

// String is the class's name in tables.
func (c Class) String() string {
	return [numClasses]string{"long-lived", "short-lived", "transaction", "idle pool", "slow", "writer"}[c]
}

// Flag is the class's name on the command line, in files and in JSON.
func (c Class) Flag() string {
	return [numClasses]string{"long", "short", "txn", "idle", "slow", "write"}[c]
}

// pooled classes check a connection before they use it, as pools do.
func (c Class) pooled() bool { return c != Long && c != Short }

// kept classes keep their connection from one arrival to the next.
func (c Class) kept() bool { return c != Short }

// Doing is what a client was doing when something happened.
type Doing uint8

// What clients do.
const (
	Connecting    Doing = iota // dial, up to the final OK of the connection phase
	SettingUp                  // the first statements of a connection that will be kept
	Checking                   // the liveness of a kept connection, just before its use
	Asking                     // a statement outside a transaction
	Pinging                    // COM_PING
	Beginning                  // BEGIN
	InTransaction              // a statement in a transaction
	Committing                 // COMMIT
	Writing                    // an INSERT that commits by itself

	numDoings
)

// String is what tables say.
func (d Doing) String() string {
	return [numDoings]string{
		"connect", "set up session", "check before use", "statement", "ping", "BEGIN", "in a transaction", "COMMIT", "write",
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

	numParts
)

// Parts are all of them, in the order of tables.
func Parts() []Part {
	return []Part{ConnectPart, StatementPart, TransactionPart, WritePart, StatePart}
}

// String is what legends say.
func (p Part) String() string {
	return [numParts]string{"connect", "statement", "transaction", "write", "wrong answer, lost state"}[p]
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
	default:
	}
	return StatementPart
}
