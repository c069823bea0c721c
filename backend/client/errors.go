package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"segue/backend/secure"
	"segue/backend/wire"
)

// Kind says in what way a server, or what is between, has failed.
type Kind uint8

// The kinds of failures. All but Denied say that another server may do.
const (
	Unreachable  Kind = iota // connection refused, no way there, or nothing left to connect with
	Timeout                  // no connection, greeting or answer in time
	Closed                   // EOF or reset
	ServerError              // an ERR_Packet that speaks of the server, or the moment, and not of the client
	Malformed                // what it said is not the protocol
	Capabilities             // it lacks what the client was promised
	Denied                   // it refuses this client or this credential, or wants what the credential does not have
	Barred                   // it is not asked: it has refused the account a moment ago
	Unsecured                // there is to be TLS, and it offers none, or none that does
	numKinds
)

// String gives the name of the kind, as in the metrics.
func (k Kind) String() string {
	names := [numKinds]string{"refused", "timeout", "closed", "err", "malformed", "capabilities", "denied", "barred", "tls"}
	if k >= numKinds {
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
	return names[k]
}

// Error is a failure of a server. Its text holds no secret, no statement and no address.
type Error struct {
	Kind Kind
	Err  error // an [*wire.Err] where the server has said it, an [*UnprovableError] where the credential does not do
}

// Error implements error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Blameless reports whether the failure says nothing of the server's health.
func (e *Error) Blameless() bool {
	return e.Kind == Capabilities || e.Kind == Denied || e.Kind == Barred
}

// DialError classifies an error of [net.Dialer].
func DialError(err error) *Error {
	kind := Unreachable
	switch {
	case isTimeout(err):
		kind = Timeout
	case errors.Is(err, syscall.ECONNRESET): // accepted, and gone before the dialer could look
		kind = Closed
	}
	return &Error{kind, plain(err)}
}

// IOError classifies an error of reading from, or writing to, a server while something was being done.
func IOError(doing string, err error) *Error {
	kind := Malformed
	switch {
	case isTimeout(err):
		kind = Timeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		kind = Closed
	}
	return &Error{kind, fmt.Errorf("%s: %w", doing, plain(err))}
}

func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) || errors.Is(err, syscall.ETIMEDOUT)
}

// plain puts the usual ends of a connection into an operator's words.
func plain(err error) error {
	switch {
	case isTimeout(err):
		return &plainError{"timed out", err}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &plainError{"connection closed", err}
	case errors.Is(err, syscall.ECONNRESET):
		return &plainError{"connection reset", err}
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno // without the addresses, which the reader knows: "connection refused"
	}
	return err
}

// plainError is an error in an operator's words.
type plainError struct {
	text  string
	cause error
}

func (e *plainError) Error() string { return e.text }
func (e *plainError) Unwrap() error { return e.cause }

// SpeaksOfServer reports whether an ERR_Packet in answer to a login says that the server, or the moment, is wrong, and not the client. The codes are
// those of MySQL's errmsg and StarRocks' ErrorCode.java. That the server, or the account, has too many connections is told by [wire.Err.Refuses].
func SpeaksOfServer(e *wire.Err) bool {
	switch e.Refuses() {
	case wire.ServerFull, wire.AccountFull:
		return true
	default:
	}
	switch e.Code {
	case 1053, // ER_SERVER_SHUTDOWN
		1129,                   // ER_HOST_IS_BLOCKED: by this server
		1158, 1159, 1160, 1161, // ER_NET_*
		1927, // ER_CONNECTION_KILLED (MariaDB)
		3032, // ER_SERVER_OFFLINE_MODE
		3168: // ER_SERVER_ISNT_AVAILABLE
		return true
	}
	return false
}

// InsecureError says that a server offers no TLS where there is to be no connection without it.
type InsecureError struct{ Mode secure.Mode }

// Error implements error.
func (e *InsecureError) Error() string {
	return fmt.Sprintf("TLS: the server offers none, and backend_tls asks for it (mode %s); give the server a certificate (ssl_cert, ssl_key), "+
		"or set backend_tls.mode to preferred or disabled", e.Mode)
}

// HandshakeError classifies what has ended a TLS handshake with a server.
func HandshakeError(err error) *Error {
	if isTimeout(err) {
		return &Error{Timeout, &plainError{"TLS: the handshake timed out", err}}
	}
	return &Error{Unsecured, secure.Explain(err)}
}

// UnprovableError says that a server wants what a credential does not have.
type UnprovableError struct {
	Plugin     string // empty: mysql_old_password
	Credential string
	Whole      bool // it wants the password itself, and nobody has said that it may have it; see [Trust]
}

// Error implements error.
func (e *UnprovableError) Error() string {
	plugin := e.Plugin
	if plugin == "" {
		plugin = wire.PluginOldPassword
	}
	switch {
	case e.Whole && plugin == wire.PluginTiDBSM3Password: // TiDB has no key
		return fmt.Sprintf("log in: the backend wants the password itself (%s); set backend_tls", plugin)
	case e.Whole:
		return fmt.Sprintf("log in: the backend wants the password itself (%s, full authentication); set backend_tls, or name its key by server_public_key_file, "+
			"or set get_server_public_key, which gives the password to whoever answers in the backend's place", plugin)
	}
	remedy := "alter the account to mysql_native_password or caching_sha2_password"
	switch plugin {
	case wire.PluginClearPassword:
		remedy = "Segue gives a password in clear only inside TLS (backend_tls), and to whom the client itself has given it so"
	case wire.PluginOpenIDConnect:
		remedy = "Segue repeats a client's token inside TLS alone (backend_tls)"
	case wire.PluginCachingSHA2Password, wire.PluginSHA256Password, wire.PluginTiDBSM3Password, wire.PluginEd25519, wire.PluginParsec:
		if e.Credential != CredentialPassword.String() {
			remedy = "give the user's password (users: password or password_file) rather than its hash"
		}
	}
	return fmt.Sprintf("log in: the backend wants %.64q, for which the credential (%s) does not do; %s", plugin, e.Credential, remedy)
}
