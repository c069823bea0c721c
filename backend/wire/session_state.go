package wire

import "encoding/binary"

// What a server says with CLIENT_SESSION_TRACK: the flag SERVER_SESSION_STATE_CHANGED and, in OK_Packets that have it, what has changed. Without the
// flag an OK_Packet is the same with that capability and without.

// Tells is whether a packet has status flags, and where.
type Tells uint8

// What has status flags.
const (
	TellsNothing Tells = iota
	TellsOK            // an OK_Packet, by shape
	TellsEOF           // an EOF_Packet
)

// Tells tells it of the next packet, of n bytes, the first of which is known.
func (x *Exchange) Tells(n int, first byte) Tells {
	switch {
	case n == 0:
	case first == headerOK && x.AtOK():
		return TellsOK
	case first != headerEOF:
	case x.InRows():
		if x.endsRows(Packet{Len: n}) {
			return x.rowsEnd()
		}
	case x.phase == phaseSingle, x.phase == phaseFields:
		if n >= minOK {
			return TellsOK
		}
		return TellsEOF
	case x.phase == phaseColumnsEOF, x.phase == phaseParamsEOF, x.phase == phasePrepEOF:
		return TellsEOF
	}
	return TellsNothing
}

// rowsEnd is what ends rows.
func (x *Exchange) rowsEnd() Tells {
	if x.caps&ClientDeprecateEOF != 0 {
		return TellsOK
	}
	return TellsEOF
}

// WithoutSessionState makes an OK_Packet of a connection with CLIENT_SESSION_TRACK what it would have been without, in place: what it says of the session
// is at its end. It returns how long it is then. A packet that is malformed stays as it is.
func WithoutSessionState(payload []byte) int {
	flags, end, _ := changedState(payload)
	if flags == 0 {
		return len(payload)
	}
	payload[flags+1] &^= byte(StatusSessionStateChanged >> 8)
	return end
}

// SessionState is the list of session_state_changes in an OK_Packet with CLIENT_SESSION_TRACK, where it is, and nil if there is none. ok is false if the packet
// is malformed.
func SessionState(payload []byte) (state []byte, ok bool) {
	flags, _, state := changedState(payload)
	return state, flags != 0
}

// changedState finds the flags of an OK_Packet that have SERVER_SESSION_STATE_CHANGED, 0 if there are none, where it would end without its session state, and that.
func changedState(payload []byte) (flags, end int, state []byte) {
	at := 1
	for range 2 { // affected rows, last insert id
		if at >= len(payload) {
			return 0, 0, nil
		}
		_, size := LenencInt(payload[at:])
		if size == 0 {
			return 0, 0, nil
		}
		at += size
	}
	const fixed = 4 // flags, warnings
	if len(payload) < at+fixed || payload[at+1]&byte(StatusSessionStateChanged>>8) == 0 {
		return 0, 0, nil
	}
	end = at + fixed
	rest := payload[end:]
	if len(rest) == 0 {
		return at, end, nil
	}
	info, n := LenencString(rest)
	state, told := LenencString(rest[n:])
	if n == 0 || told == 0 && n < len(rest) {
		return 0, 0, nil
	}
	if len(info) > 0 { // an empty one is left out where nothing follows it
		end += n
	}
	return at, end, state
}

// EOFWithoutSessionState takes the flag out of an EOF_Packet, and reports whether it had it.
func EOFWithoutSessionState(payload []byte) bool {
	if len(payload) < 5 || !Status(binary.LittleEndian.Uint16(payload[3:])).Has(StatusSessionStateChanged) {
		return false
	}
	payload[4] &^= byte(StatusSessionStateChanged >> 8)
	return true
}
