package head

import (
	"bytes"
	"fmt"
	"net/http"
)

// MaxSize is the longest head that is read, in bytes.
const MaxSize = 64 << 10

// Error is why a message is refused, and the status by which its sender is told.
type Error struct {
	Status int // of HTTP
	Text   string
}

// Error implements error.
func (e *Error) Error() string { return e.Text }

// bad is the error of a message that is none.
func bad(text string, about ...any) *Error {
	return &Error{http.StatusBadRequest, fmt.Sprintf(text, about...)}
}

var (
	errLineEnd = bad("a line of the head ends otherwise than by CR and LF (RFC 9112, section 2.2)")
	errNul     = bad("the head has a NUL in it")
	errLong    = &Error{http.StatusRequestHeaderFieldsTooLarge, fmt.Sprintf("the head is longer than %d bytes", MaxSize)}
)

// Skip is how many bytes of empty lines b begins with that stand before a request: one such line is forgiven (RFC 9112, section 2.2).
func Skip(b []byte) int {
	if bytes.HasPrefix(b, []byte("\r\n")) {
		return 2
	}
	return 0
}

// End tells how long the head is that b begins with, its empty line included; 0: more of it must be seen, which is bounded by [MaxSize]. What cannot become a head is
// refused as soon as it is seen. Of b the first seen bytes have been looked at before.
func End(b []byte, seen int) (n int, err error) {
	for at := max(0, seen-3); at < min(len(b), MaxSize); at++ {
		switch b[at] {
		case 0:
			return 0, errNul
		case '\r':
			if at+1 < len(b) && b[at+1] != '\n' {
				return 0, errLineEnd
			}
		case '\n':
			if at == 0 || b[at-1] != '\r' {
				return 0, errLineEnd
			}
			if at >= 3 && b[at-2] == '\n' {
				return at + 1, nil
			}
		}
	}
	if len(b) >= MaxSize {
		return 0, errLong
	}
	return 0, nil
}
