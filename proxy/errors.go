package proxy

import (
	"errors"

	"segue/proxy/wire"
)

var (
	errNotASocket    = errors.New("take connection: not a socket")
	errPanic         = errors.New("bug in segue: the session panicked")
	errUnaskedInfile = errors.New("follow response: LOCAL INFILE request that the client's statements do not explain")
	errTLS           = errors.New("read HandshakeResponse41: the client asks for TLS, which this listener does not offer")
	errDrainTimeout  = errors.New("drain deadline passed")
	errClosed        = errors.New("connection closed")
	errCrowd         = errors.New("too many sessions look for a place at this moment")
	errLeaderless    = errors.New("the cluster had no leader")
	errPaused        = errors.New("segue is paused by its operator")
	errKilled        = errors.New("a client has said KILL")
	errStopped       = errors.New("segue was told to stop now")
)

// The codes and SQLSTATE of Segue's own ERR_Packets. SQLSTATE class 08 makes drivers treat the connection as lost.
const (
	codeServerShutdown     = 1053 // ER_SERVER_SHUTDOWN
	codeUnknown            = 1105 // ER_UNKNOWN_ERROR
	codeParse              = 1064 // ER_PARSE_ERROR, and an FE's code for all that has none
	codeInterrupted        = 1317 // ER_QUERY_INTERRUPTED
	codeConnectionKilled   = 1927 // ER_CONNECTION_KILLED (MariaDB)
	codeServerUnavailable  = 3168 // ER_SERVER_ISNT_AVAILABLE
	codeHandshake          = 1043 // ER_HANDSHAKE_ERROR
	codeTooManyConnections = 1040 // ER_CON_COUNT_ERROR
	stateConnection        = "08S01"
	maxErrorText           = 511 // MYSQL_ERRMSG_SIZE less its NUL
)

// clientError is an ERR_Packet by which Segue tells a client of the loss of its backend.
func clientError(text string) *wire.Err { return errPacket(codeServerShutdown, text) }

func errPacket(code uint16, text string) *wire.Err {
	text = "segue: " + text
	if len(text) > maxErrorText {
		text = text[:maxErrorText]
	}
	return &wire.Err{Code: code, State: stateConnection, Message: text}
}

// The kinds of errors that clients see because a backend went, values of segue_client_errors_total{kind}.
const (
	lostConnect     = "connect"     // no backend within the budget
	lostStatement   = "statement"   // the backend went while a statement ran
	lostTransaction = "transaction" // … while a transaction or the like was open
	lostIdle        = "idle"        // … while the session was idle
	lostDeadline    = "deadline"    // cut at the drain deadline
	lostUnsent      = "unsent"      // sent after Segue had closed the session
	lostHold        = "hold"        // not sent: no usable backend within hold.timeout, or too many waited
	lostLimit       = "limit"       // turned away: there are as many sessions as there may be
	lostUnread      = "unread"      // the backend closed a session that was relayed unread: what that meant to the client cannot be told
)

// The kinds of failures of a connection set-up, values of segue_hidden_failures_total{kind}.
const (
	setupRefused      = "refused"      // connection refused or unreachable
	setupTimeout      = "timeout"      // no connection, greeting or answer in time
	setupClosed       = "closed"       // EOF or reset before the final OK
	setupErr          = "err"          // an ERR_Packet that says nothing about the client
	setupMalformed    = "malformed"    // not a greeting
	setupCapabilities = "capabilities" // it lacks what the client was promised
	setupLack         = "lack"         // Segue itself has no descriptor, port or memory for a connection
	setupReplay       = "replay"       // it refuses what rebuilds the session; of no metric
)

// kindLeaving is the kind of a failure that no client saw because its session had moved before the backend was gone.
const kindLeaving = "leaving"

// kindNoBackend is the kind of a failure that no client saw because its statement waited until there was a usable backend.
const kindNoBackend = "no_backend"

// kindElection is the kind of a failure that no client saw because its statement waited until the cluster had a leader.
const kindElection = "election"

// setupError is a failure of a backend while a client connects: nothing of it has reached the client, and another
// backend may be tried.
type setupError struct {
	kind string
	err  error
}

func (e *setupError) Error() string { return e.err.Error() }
func (e *setupError) Unwrap() error { return e.err }

// Answers to a login by which a server says that it, or the moment, is wrong, not the client. MySQL's errmsg and
// StarRocks' ErrorCode.java; the texts of the FE's connection limits carry code 1064.
var passingCodes = map[uint16]bool{
	1040: true,                                     // ER_CON_COUNT_ERROR
	1053: true,                                     // ER_SERVER_SHUTDOWN
	1129: true,                                     // ER_HOST_IS_BLOCKED: by this backend
	1158: true, 1159: true, 1160: true, 1161: true, // ER_NET_*
	1203: true, // ER_TOO_MANY_USER_CONNECTIONS: on this backend
	1226: true, // ER_USER_LIMIT_REACHED: on this backend
	1927: true, // ER_CONNECTION_KILLED (MariaDB)
	3032: true, // ER_SERVER_OFFLINE_MODE
	3168: true, // ER_SERVER_ISNT_AVAILABLE
}
