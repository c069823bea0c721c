package track

import (
	"encoding/binary"
	"strconv"
	"strings"

	"segue/proxy/wire"
)

// Kill is what a KILL or a COM_PROCESS_KILL asks for.
type Kill struct {
	ID    uint64
	Given string // ID, as the client has written it
	Query bool   // it is meant for the statement that runs, not for the connection
	Self  bool   // KILL CONNECTION_ID(): there is no ID

	binary  bool // it is a COM_PROCESS_KILL
	attrs   bool // with a header of query attributes
	at, end int  // where ID stands in the packet
}

// MaxKill bounds the commands that are taken for a KILL.
const MaxKill = 1 << 10

// MayKill reports whether the command at the head of chunk may be a KILL, so that it is worth asking Kill as soon as it is whole. It costs
// next to nothing for others but those that begin with a comment.
func (s *State) MayKill(chunk []byte) bool {
	const textAt = wire.HeaderLen + 1
	if len(chunk) <= textAt {
		return false
	}
	switch wire.Command(chunk[wire.HeaderLen]) {
	case wire.ComProcessKill:
	case wire.ComQuery:
		if c := chunk[textAt]; isWordByte(c) && c|0x20 != 'k' {
			return false
		}
		return s.mayKillText(chunk)
	default:
		return false
	}
	n, _ := wire.DecodeHeader(chunk)
	return n <= MaxKill
}

//go:noinline
func (s *State) mayKillText(chunk []byte) bool {
	n, _ := wire.DecodeHeader(chunk)
	if n > MaxKill {
		return false
	}
	whole := len(chunk) >= wire.HeaderLen+n
	text := chunk[wire.HeaderLen+1 : min(len(chunk), wire.HeaderLen+n)]
	if s.attrs {
		var ok bool
		if text, _, ok = s.withoutAttributes(text); !ok {
			return false
		}
	}
	l := newLexer(text, s.dialect, s.x.Status)
	t := l.next()
	for t.kind == tokSemicolon {
		t = l.next()
	}
	switch {
	case l.is(t, "KILL"):
		return true
	case whole, t.kind != tokEnd && t.end < len(text):
		return false
	}
	return t.kind == tokEnd || t.kind == tokOther || len(l.bytes(t)) < len("KILL") && leads([]byte("KILL"), string(l.bytes(t)))
}

// Kill reads the packet, a whole one, as a KILL of a thread by its id:
//
//	KILL [HARD | SOFT | TIDB] [CONNECTION | QUERY] {id | CONNECTION_ID()} [;]
//
// All else, such as KILL USER, KILL QUERY ID or KILL with a string, is not understood, and no business of Segue's: ok is false.
func (s *State) Kill(packet []byte) (k Kill, ok bool) {
	body := packet[wire.HeaderLen:]
	if wire.Command(body[0]) == wire.ComProcessKill {
		if len(body) != 5 {
			return Kill{}, false
		}
		k.ID, k.binary, k.at, k.end = uint64(binary.LittleEndian.Uint32(body[1:])), true, wire.HeaderLen+1, wire.HeaderLen+5
		k.Given = strconv.FormatUint(k.ID, 10)
		return k, true
	}
	text, _, ok := s.withoutAttributes(body[1:])
	if !ok {
		return Kill{}, false
	}
	l := newLexer(text, s.dialect, s.x.Status)
	if k, ok = killText(&l); !ok || l.broken || l.uncertain {
		return Kill{}, false
	}
	textAt := len(packet) - len(text)
	k.attrs = s.attrs
	k.at, k.end = k.at+textAt, k.end+textAt
	return k, true
}

// killText reads a text of nothing but one KILL.
func killText(l *lexer) (k Kill, ok bool) {
	t := l.next()
	for t.kind == tokSemicolon {
		t = l.next()
	}
	if !l.is(t, "KILL") {
		return k, false
	}
	if t = l.next(); l.is(t, "HARD") || l.is(t, "SOFT") || l.is(t, "TIDB") {
		t = l.next()
	}
	if k.Query = l.is(t, "QUERY"); k.Query || l.is(t, "CONNECTION") {
		t = l.next()
	}
	switch {
	case t.kind == tokNumber:
		k.Given, k.at, k.end = string(l.bytes(t)), t.start, t.end
		id, err := strconv.ParseUint(k.Given, 10, 64)
		if err != nil {
			return k, false
		}
		k.ID = id
	case l.is(t, "CONNECTION_ID") && l.other(l.next(), '(') && l.other(l.next(), ')'):
		k.Self = true
	default:
		return k, false
	}
	for t = l.next(); t.kind == tokSemicolon; t = l.next() {
		continue
	}
	return k, t.kind == tokEnd
}

// With is the packet that k was read from, with another id in it.
func (k Kill) With(packet []byte, id uint32) []byte {
	if k.Self {
		return packet
	}
	payload := append([]byte(nil), packet[wire.HeaderLen:k.at]...)
	if k.binary {
		payload = binary.LittleEndian.AppendUint32(payload, id)
	} else {
		payload = strconv.AppendUint(payload, uint64(id), 10)
	}
	payload = append(payload, packet[k.end:]...)
	_, seq := wire.DecodeHeader(packet)
	out, _ := wire.AppendPacket(nil, seq, payload)
	return out
}

// Plain is the packet, or one With has made, for a connection without CLIENT_QUERY_ATTRIBUTES.
func (k Kill) Plain(packet []byte) []byte {
	if !k.attrs {
		return packet
	}
	const textAt = wire.HeaderLen + 1
	out, _ := wire.AppendPacket(nil, 0, append([]byte{packet[wire.HeaderLen]}, packet[textAt+2:]...))
	return out
}

// Answer is what a server has said to With(…, id), in terms of the id that the client has given.
func (k Kill) Answer(message string, id uint32) string {
	sent := strconv.FormatUint(uint64(id), 10)
	if k.Self || sent == k.Given {
		return message
	}
	for at := 0; ; {
		i := strings.Index(message[at:], sent)
		if i < 0 {
			return message
		}
		start, end := at+i, at+i+len(sent)
		if (start == 0 || !isDigit(message[start-1])) && (end == len(message) || !isDigit(message[end])) {
			return message[:start] + k.Given + message[end:]
		}
		at = start + 1
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// lasting are the status flags that say how a session stands rather than what a statement has come to.
const lasting = wire.StatusInTrans | wire.StatusAutocommit | wire.StatusInTransReadonly | wire.StatusNoBackslashEscapes | wire.StatusAnsiQuotes

// Status gives the status flags for an OK_Packet of Segue's own: those by which the server has said how the session stands.
func (s *State) Status() wire.Status { return s.x.Status & lasting }

// Rights are the statements by which the session has come to rights other than its login's: EXECUTE AS and SET ROLE.
func (s *State) Rights() (list []string) {
	if s.held == nil {
		return nil
	}
	for _, key := range [...]string{"EXECUTE AS", "ROLE"} {
		for i := range s.held.settings {
			if x := &s.held.settings[i]; x.key.Value() == key && x.text != (text{}) {
				list = append(list, x.text.Value())
			}
		}
	}
	return list
}
