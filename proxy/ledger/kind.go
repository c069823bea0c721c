package ledger

// Kind is what has failed, a value of segue_client_errors_total{kind} and segue_hidden_failures_total{kind}.
type Kind string

// The kinds of errors that clients see because a backend went, or none was to be had.
const (
	LostConnect     Kind = "connect"     // no backend within the budget
	LostStatement   Kind = "statement"   // the backend went while a statement ran
	LostTransaction Kind = "transaction" // … while a transaction or the like was open
	LostIdle        Kind = "idle"        // … while the session was idle
	LostDeadline    Kind = "deadline"    // cut at the drain deadline
	LostUnsent      Kind = "unsent"      // sent after Segue had closed the session
	LostHold        Kind = "hold"        // not sent: no usable backend within hold.timeout, or too many waited
	LostLimit       Kind = "limit"       // turned away: there are as many sessions as there may be
	LostUnread      Kind = "unread"      // the backend closed a session that was relayed unread: what that meant to the client cannot be told
)

// LostLoad is the kind of loads over HTTP, and of steps of their transactions, that failed because an FE, BE or CN went, or none was to be had: seen by their client, or hidden.
const LostLoad Kind = "load"

// The kinds of failures of a connection set-up.
const (
	SetupRefused      Kind = "refused"      // connection refused or unreachable
	SetupTimeout      Kind = "timeout"      // no connection, greeting or answer in time
	SetupClosed       Kind = "closed"       // EOF or reset before the final OK; or of a connection that was in use
	SetupErr          Kind = "err"          // an ERR_Packet that says nothing about the client
	SetupMalformed    Kind = "malformed"    // not a greeting
	SetupCapabilities Kind = "capabilities" // it lacks what the client was promised
	SetupLack         Kind = "lack"         // Segue itself has no descriptor, port or memory for a connection
	SetupReplay       Kind = "replay"       // it refuses what rebuilds the session; never entered
)

// The kinds of failures that have no other form than a hidden one.
const (
	Leaving   Kind = "leaving"    // the session had moved before the backend was gone
	NoBackend Kind = "no_backend" // a statement waited until there was a usable backend
	Election  Kind = "election"   // … until the cluster had a leader
)

// Action is by what a failure was hidden, a value of segue_hidden_failures_total{action}.
type Action string

// The actions.
const (
	Seen     Action = ""         // none: the client saw it
	Retried  Action = "retried"  // a set-up went on with another backend
	Moved    Action = "moved"    // a session went on on another backend
	Replayed Action = "replayed" // a statement that only reads was run again there
	Held     Action = "held"     // a statement waited until a backend could take it
	Resolved Action = "resolved" // what had become of a load was asked by its label, and told
	Resent   Action = "resent"   // a load was sent again, from what was kept of its body
)

// entry is under what a failure is counted.
type entry struct {
	kind   Kind
	action Action
}

// entries are all that there can be.
func entries() (all []entry) {
	for action, kinds := range map[Action][]Kind{
		Seen:     {LostConnect, LostStatement, LostTransaction, LostIdle, LostDeadline, LostUnsent, LostHold, LostLimit, LostUnread, LostLoad},
		Retried:  {SetupRefused, SetupTimeout, SetupClosed, SetupErr, SetupMalformed, SetupCapabilities, SetupLack, LostLoad},
		Moved:    {SetupClosed, Leaving},
		Replayed: {SetupClosed, Leaving},
		Held:     {NoBackend, Election},
		Resolved: {LostLoad},
		Resent:   {LostLoad},
	} {
		for _, kind := range kinds {
			all = append(all, entry{kind, action})
		}
	}
	return all
}
