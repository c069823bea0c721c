package health

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// netVerdict is the verdict on a backend of which a connection could not be had: none, where it is Segue that has no means to ask.
func netVerdict(err error, took time.Duration) (Verdict, string) {
	if lack := backend.Lack(err); lack != "" {
		return Misconfigured, lack
	}
	return Failed, netCause(err, took)
}

// netCause says in a word or two what a network error means. took is how long the attempt lasted.
func netCause(err error, took time.Duration) string {
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, fs.ErrNotExist):
		return "refused: no such socket"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return "no answer in " + took.Round(time.Millisecond).String()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed the connection"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "unreachable"
	case errors.As(err, &dns):
		return short("lookup " + dns.Name + ": " + dns.Err)
	}
	return short(innermost(err).Error())
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// innermost drops what each layer has put around an error: the caller's text names the place already.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// maxCause is the longest text of a server that is repeated in a cause, in bytes.
const maxCause = 120

// short makes a text from outside fit for a cause: one line, printable, not long.
func short(text string) string { return wire.Shown(text, maxCause) }
