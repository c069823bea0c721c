package track

import (
	"bytes"

	"segue/backend/wire"
)

// IsBegin reports whether a text is BEGIN or START TRANSACTION without more. Until another statement has followed it nothing has
// been done, and it can be said anew, to another backend, without a difference.
func IsBegin(text []byte) bool {
	text = bytes.TrimRight(text, "; \t\r\n")
	for _, form := range [...]string{"BEGIN", "START TRANSACTION", "BEGIN WORK"} {
		if len(text) == len(form) && leads(text, form) {
			return true
		}
	}
	return false
}

// isBegin is IsBegin for the body of a COM_QUERY of n bytes, as much of it as is there.
func (s *State) isBegin(body []byte, n int) bool {
	if len(body) != n {
		return false
	}
	text := body[1:]
	if s.attrs { // no attribute: parameter_count 0, parameter_set_count 1
		if len(text) < 2 || text[0] != 0 {
			return false
		}
		text = text[2:]
	}
	return IsBegin(text)
}

// began notes whether nothing but BEGIN has been said in the transaction that is open. One that SET TRANSACTION has given characteristics to is
// another than BEGIN alone would begin.
func (s *State) began(e *pending, ok, wasOpen bool) {
	characterized := s.held != nil && s.held.pins&pinNextTransaction != 0
	s.txn.bare = ok && e.begin && !wasOpen && !characterized || s.txn.bare && e.command == wire.ComPing
}
