package bench

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

// Kind says how one thing that a client did ended. The list is closed: tables,
// reports and tests go through all of it.
type Kind uint8

// The kinds. Connecting lasts up to the final OK of the connection phase.
const (
	// Answered is a statement that got its own, complete answer.
	Answered Kind = iota

	// The errors, in the order of tables.

	ConnectRefused // the address refused the connection
	ConnectReset   // reset before the final OK of the connection phase
	ConnectEOF     // closed before the final OK of the connection phase
	ConnectTimeout // no final OK in time
	ConnectERR     // an ERR packet in place of the greeting or of the final OK

	StatementUnsent  // connection found lost before a byte of the statement was sent
	StatementCut     // connection lost between the statement and the end of its answer
	StatementTimeout // no complete answer in time
	StatementERR     // an ERR packet in place of the answer

	WrongAnswer // a complete answer, but not to this statement
	Other       // anything else, such as packets out of order

	numKinds
)

var kindNames = [numKinds]string{
	Answered:         "answered",
	ConnectRefused:   "connect refused",
	ConnectReset:     "connect reset",
	ConnectEOF:       "connect closed before login (EOF)",
	ConnectTimeout:   "connect timed out",
	ConnectERR:       "connect answered with ERR",
	StatementUnsent:  "statement not sent, connection lost",
	StatementCut:     "statement cut",
	StatementTimeout: "statement timed out",
	StatementERR:     "statement answered with ERR",
	WrongAnswer:      "wrong answer",
	Other:            "other",
}

// String is the kind's name in tables.
func (k Kind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return "unknown kind"
}

// Phase is what a client was doing when something happened.
type Phase uint8

// The phases.
const (
	Connecting Phase = iota // dial, up to the final OK of the connection phase
	Asking                  // a statement, up to the end of its answer
)

var (
	// errWrongAnswer marks a complete answer that belongs to another statement or
	// another session.
	errWrongAnswer = errors.New("wrong answer")
	// errLostState marks one that belongs to the statement, but shows that the
	// session is not as its client made it.
	errLostState = fmt.Errorf("%w (state of the session)", errWrongAnswer)
)

// LostState reports whether a wrong answer was one to the right statement in a
// session that has lost what its client had put into it.
func LostState(err error) bool { return errors.Is(err, errLostState) }

// Classify names the kind of what happened: err is what the client got in the
// given phase (nil: success). Network causes must be in err's tree; the driver
// drops them, [Client] puts them back.
func Classify(phase Phase, err error) Kind {
	var packet *mysql.MySQLError
	switch {
	case err == nil:
		return Answered
	case errors.Is(err, errWrongAnswer):
		return WrongAnswer
	case errors.As(err, &packet):
		return either(phase, ConnectERR, StatementERR)
	case isTimeout(err):
		return either(phase, ConnectTimeout, StatementTimeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return either(phase, ConnectRefused, Other)
	case phase == Asking && errors.Is(err, driver.ErrBadConn): // the driver's word for: nothing has been sent
		return StatementUnsent
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return either(phase, ConnectReset, StatementCut)
	case isEOF(err):
		return either(phase, ConnectEOF, StatementCut)
	}
	return Other
}

func either(phase Phase, connecting, asking Kind) Kind {
	if phase == Connecting {
		return connecting
	}
	return asking
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// isEOF reports a connection that ended too early. ErrInvalidConn and
// ErrBadConn are all the driver says when it kept no cause.
func isEOF(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn)
}
