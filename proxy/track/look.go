package track

import "segue/proxy/wire"

// Look is what the client's next command asks for.
type Look struct {
	Len     int // bytes of the packet in the chunk, header included, if Whole
	Seq     uint8
	Whole   bool // the packet lies whole in the chunk, and does not continue: what follows is known
	Command wire.Command
	// Asks: for what a statement before has left behind and a move loses: SHOW WARNINGS, FOUND_ROWS(), ROW_COUNT(), GET DIAGNOSTICS,
	// @@warning_count, LASTVAL(), LAST_QUERY_ID(); LAST_INSERT_ID() if it was forgone.
	Asks     bool
	Rollback bool // nothing but ROLLBACK: after a transaction has been lost it does what it says
	ReadOnly bool // provably reads only, so that it may be run again
}

// Look tells what the bytes at the head of chunk ask for, without taking them. Only while Idle.
func (s *State) Look(chunk []byte) Look {
	if len(chunk) < wire.HeaderLen+1 {
		return Look{}
	}
	n, seq := wire.DecodeHeader(chunk)
	if n == 0 {
		return Look{}
	}
	return Look{Len: wire.HeaderLen + n, Seq: seq, Command: wire.Command(chunk[wire.HeaderLen]), Whole: n < wire.MaxPayload && wire.HeaderLen+n <= len(chunk)}
}
