package proxy

import (
	"errors"
	"strings"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/ledger"
)

var (
	errPanic         = errors.New("bug in segue: the session panicked")
	errUnaskedInfile = errors.New("follow response: LOCAL INFILE request that the client's statements do not explain")
	errDrainTimeout  = errors.New("drain deadline passed")
	errOutOfTurn     = errors.New("the backend speaks out of turn")
	errClosed        = errors.New("connection closed")
	errUnasked       = errors.New("connection closed: the backend says too much that nobody has asked for")
	errTooIdle       = errors.New("the session had been idle for its wait_timeout")
	errCrowd         = errors.New("too many sessions look for a place at this moment")
	errLeaderless    = errors.New("the cluster had no leader")
	errDenied        = errors.New("COM_CHANGE_USER was refused")
	errPaused        = errors.New("segue is paused by its operator")
	errKilled        = errors.New("a client has said KILL")
	errStopped       = errors.New("segue was told to stop now")
)

// The codes and SQLSTATE of Segue's own ERR_Packets. SQLSTATE class 08 makes drivers treat the connection as lost.
const (
	codeServerShutdown      = 1053 // ER_SERVER_SHUTDOWN
	codeUnknown             = 1105 // ER_UNKNOWN_ERROR
	codePrevented           = 1290 // ER_OPTION_PREVENTS_STATEMENT: read_only, among others
	codeReadOnlyMode        = 1836 // ER_READ_ONLY_MODE
	codeParse               = 1064 // ER_PARSE_ERROR, and an FE's code for all that has none
	codeUnsupportedPrepared = 1295 // ER_UNSUPPORTED_PS
	codeInterrupted         = 1317 // ER_QUERY_INTERRUPTED
	codeConnectionKilled    = 1927 // ER_CONNECTION_KILLED (MariaDB)
	codeServerUnavailable   = 3168 // ER_SERVER_ISNT_AVAILABLE
	codeHandshake           = 1043 // ER_HANDSHAKE_ERROR
	codeTooManyConnections  = 1040 // ER_CON_COUNT_ERROR
	stateConnection         = "08S01"
	maxErrorText            = 511 // MYSQL_ERRMSG_SIZE less its NUL
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

// errMoved answers a statement that asks for what a move has lost.
func errMoved() *wire.Err {
	return errPacket(codeUnknown, "the session has moved to another backend, or Segue has asked the backend for its state, since the statement that this one asks about")
}

// errForgone answers a statement that asks for an id that was lost with its backend.
func errForgone() *wire.Err {
	return errPacket(codeUnknown, "LAST_INSERT_ID() was lost with the backend that knew it; the next row that is given an id sets it anew")
}

// clipped is a text that fits into an ERR_Packet of Segue's own.
func clipped(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxErrorText-len("segue: "))], "")
}

// endError is an error that ends a session's search for a backend.
type endError struct {
	end End
	err error
}

func (e *endError) Error() string { return e.end.String() + ": " + e.err.Error() }
func (e *endError) Unwrap() error { return e.err }

// lackError is an error of dialing that is Segue's own, in words that say what to do.
type lackError struct {
	text  string
	cause error
}

func (e *lackError) Error() string { return e.text }
func (e *lackError) Unwrap() error { return e.cause }

// dialFailed classifies an error of dialing a backend.
func dialFailed(err error) *client.Error {
	e := client.DialError(err)
	if lack := backend.Lack(err); lack != "" {
		e.Err = &lackError{lack, e.Err}
	}
	return e
}

// setupKind is under what a failed set-up is entered in the ledger.
func setupKind(err error) ledger.Kind {
	if backend.Lack(err) != "" {
		return ledger.SetupLack
	}
	if said := new(client.Error); errors.As(err, &said) {
		return ledger.Kind(said.Kind.String())
	}
	return ledger.SetupMalformed
}

// plain puts the usual ends of a connection into an operator's words.
func plain(err error) error {
	if said, ok := errors.AsType[*client.Error](client.IOError("", err)); ok {
		return errors.Unwrap(said.Err)
	}
	return err
}
