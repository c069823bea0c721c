package e2e

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"segue/bench"
)

// outcome is what a client knows of its statement by what has come in place of, or as, an answer.
type outcome uint8

const (
	answered  outcome = iota // its own, complete answer
	notRun                   // an ERR_Packet by which it has not been executed
	uncertain                // an ERR_Packet that leaves open whether it has
	halved                   // an ERR_Packet behind the beginning of its answer, whose rows the client has had
	cutOff                   // no ERR_Packet: the connection is lost, or nothing has come in time
	misled                   // an answer that is not its own, or packets out of order

	numOutcomes
)

// Errors by which a server leaves open whether it has executed a statement, or has committed. By any other of a server's own the statement
// has had no effect.
const (
	codeServerShutdown   = 1053 // ER_SERVER_SHUTDOWN: some give it in the middle of a statement
	codeUnknownError     = 1105 // ER_UNKNOWN_ERROR
	codeInterrupted      = 1317 // ER_QUERY_INTERRUPTED
	codeConnectionKilled = 1927 // ER_CONNECTION_KILLED (MariaDB)
	codeUndetermined     = 8501 // TiDB's ErrResultUndetermined
)

// outcomeOf takes Segue by its word: where it does not say that the outcome is unknown, it claims that nothing was executed.
func outcomeOf(err error) outcome {
	packet, refused := errors.AsType[*mysql.MySQLError](err)
	switch {
	case err == nil:
		return answered
	case refused && bySegue(packet):
		switch {
		case strings.Contains(packet.Message, "in the middle of the answer"):
			return halved
		case strings.Contains(packet.Message, "unknown"):
			return uncertain
		}
		return notRun
	case refused:
		switch packet.Number {
		case codeServerShutdown, codeUnknownError, codeInterrupted, codeConnectionKilled, codeUndetermined:
			return uncertain
		}
		return notRun
	}
	switch bench.Classify(bench.Asking, err) {
	case bench.StatementCut, bench.StatementTimeout:
		return cutOff
	default:
		return misled
	}
}

// bySegue reports whether an ERR_Packet is of Segue's own making.
func bySegue(e *mysql.MySQLError) bool { return strings.HasPrefix(e.Message, "segue: ") }

// conceded reports whether an error is one that Segue may give to a write, or inside a transaction, whose backend has been killed: one of its
// own, that says what has become of the statement or of the transaction. Everything else could have been hidden.
func conceded(err error) bool {
	packet, refused := errors.AsType[*mysql.MySQLError](err)
	return refused && bySegue(packet) && packet.Number == codeServerShutdown &&
		(strings.Contains(packet.Message, "its outcome is unknown") || strings.Contains(packet.Message, "without its transaction"))
}

func TestOutcome(t *testing.T) {
	segue := func(text string) error {
		return fmt.Errorf("COMMIT: %w", &mysql.MySQLError{Number: 1053, Message: "segue: backend fe-1 closed the connection" + text})
	}
	server := func(code uint16) error { return &mysql.MySQLError{Number: code, Message: "Some words"} }
	for _, tt := range []struct {
		name     string
		err      error
		want     outcome
		conceded bool
	}{
		{"an answer", nil, answered, false},
		{"a write that was cut off", segue(" while the statement ran; its outcome is unknown"), uncertain, true},
		{"a transaction that is gone", segue(": the session has gone on elsewhere, without its transaction"), notRun, true},
		{"an answer of which some rows have passed", segue(" in the middle of the answer"), halved, false},
		{"not sent", segue(": the statement was not sent"), notRun, false},
		{"a deadlock", server(1213), notRun, false},
		{"a server that leaves", server(1053), uncertain, false},
		{"a killed query", server(1317), uncertain, false},
		{"cut off", fmt.Errorf("%w: %w", mysql.ErrInvalidConn, io.EOF), cutOff, false},
		{"no answer in time", timeoutError{}, cutOff, false},
		{"out of order", mysql.ErrPktSync, misled, false},
	} {
		if got := outcomeOf(tt.err); got != tt.want {
			t.Errorf("%s: outcome %d, want %d", tt.name, got, tt.want)
		}
		if got := conceded(tt.err); got != tt.conceded {
			t.Errorf("%s: conceded %v, want %v", tt.name, got, tt.conceded)
		}
	}
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "i/o timeout" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }
