package bench

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// lost is what a client gets: the driver's word and the network's.
func lost(cause error) error { return fmt.Errorf("%w: %w", mysql.ErrInvalidConn, cause) }

func TestClassify(t *testing.T) {
	op := func(name string, err error) error {
		return &net.OpError{Op: name, Net: "tcp", Err: os.NewSyscallError(name, err)}
	}
	tests := []struct {
		name  string
		phase Phase
		err   error
		want  Kind
	}{
		{"an answer", Asking, nil, Answered},
		{"refused", Connecting, op("dial", syscall.ECONNREFUSED), ConnectRefused},
		{"reset at the greeting", Connecting, lost(op("read", syscall.ECONNRESET)), ConnectReset},
		{"login written into a closed connection", Connecting, lost(op("write", syscall.EPIPE)), ConnectReset},
		{"EOF at the greeting", Connecting, lost(io.EOF), ConnectEOF},
		{"lost while connecting, no cause kept", Connecting, mysql.ErrInvalidConn, ConnectEOF},
		{"no greeting in time", Connecting, lost(os.ErrDeadlineExceeded), ConnectTimeout},
		{"dial in time", Connecting, op("dial", context.DeadlineExceeded), ConnectTimeout},
		{"ERR in place of the greeting", Connecting, &mysql.MySQLError{Number: 1040}, ConnectERR},
		{"cut by FIN", Asking, lost(io.EOF), StatementCut},
		{"cut in the middle of a packet", Asking, lost(io.ErrUnexpectedEOF), StatementCut},
		{"cut by RST", Asking, lost(op("read", syscall.ECONNRESET)), StatementCut},
		{"could not even be written", Asking, fmt.Errorf("%w: %w", driver.ErrBadConn, op("write", syscall.EPIPE)), StatementUnsent},
		{"closed before it was written", Asking, driver.ErrBadConn, StatementUnsent},
		{"a session without its state", Asking, fmt.Errorf("%w: column 2", errLostState), WrongAnswer},
		{"no answer in time", Asking, lost(os.ErrDeadlineExceeded), StatementTimeout},
		{"ERR in place of the answer", Asking, &mysql.MySQLError{Number: 1064}, StatementERR},
		{"somebody else's answer", Asking, fmt.Errorf("%w: column 1", errWrongAnswer), WrongAnswer},
		{"somebody else's answer, then cut", Asking, errors.Join(io.EOF, errWrongAnswer), WrongAnswer},
		{"packets out of order", Asking, mysql.ErrPktSync, Other},
		{"packets out of order while connecting", Connecting, mysql.ErrPktSync, Other},
	}
	for _, tt := range tests {
		if got := Classify(tt.phase, tt.err); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestKindsAreNamed(t *testing.T) {
	seen := map[string]bool{}
	for k := range numKinds {
		if k.String() == "" || seen[k.String()] {
			t.Errorf("kind %d has no name of its own: %q", k, k)
		}
		seen[k.String()] = true
	}
}
