package sql

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/go-mysql-org/go-mysql/mysql"

	"segue/backend/wire"
)

// Error is what a server has answered with an ERR packet.
type Error struct {
	Code    uint16
	State   string // SQLSTATE, five characters; empty in place of a greeting
	Message string // as the server has it; Error makes it fit to be shown
}

// Error implements error.
func (e *Error) Error() string {
	message := wire.Shown(e.Message, wire.MaxShown)
	if e.State == "" {
		return fmt.Sprintf("ERROR %d: %s", e.Code, message)
	}
	return fmt.Sprintf("ERROR %d (%s): %s", e.Code, wire.Shown(e.State, 5), message)
}

// The errors of a server that is not to be spoken to further.
var (
	// ErrClearPassword: the server wants the password in clear, and the connection is neither TLS nor a Unix socket.
	ErrClearPassword = errors.New("the server asks for the password in clear, and the connection is not secured: set backend_tls.mode to required or more")
	// ErrUntrustedKey: the password would be encrypted with a public key that anybody may have shown.
	ErrUntrustedKey = errors.New("the server wants the password encrypted with a key that it shows in clear: set backend_tls.mode to required or more")
	// ErrNoTLS: TLS was asked for, and the server does not offer it.
	ErrNoTLS = errors.New("the server offers no TLS, and backend_tls insists on it")
	// ErrTooLong: an answer has more bytes or columns than a server has reason to send.
	ErrTooLong = errors.New("the server's answer is longer than any should be")
	// ErrBroken: the server has said what the protocol does not know.
	ErrBroken = errors.New("the server does not keep to the protocol")
)

// explain puts what the client says into this package's errors. What ended ctx comes first: it is why the connection was cut off.
func explain(ctx context.Context, doing string, err, held error) error {
	if err == nil {
		return nil
	}
	var said *mysql.MyError
	var greeted *wire.Err
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	case isTimeout(err), isTimeout(held): // the clock of the connection may be ahead of the context's
		return fmt.Errorf("%s: %w", doing, context.DeadlineExceeded)
	case held != nil: // the client wraps what it was told by text alone
		return fmt.Errorf("%s: %w", doing, held)
	case errors.As(err, &said):
		return fmt.Errorf("%s: %w", doing, &Error{Code: said.Code, State: said.State, Message: said.Message})
	case errors.As(err, &greeted):
		return fmt.Errorf("%s: %w", doing, &Error{Code: greeted.Code, State: greeted.State, Message: greeted.Message})
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// caught makes an error of a panic: the client trusts lengths that servers name.
func caught(doing string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: %w (%.200s)", doing, ErrBroken, fmt.Sprint(p))
	}
}
