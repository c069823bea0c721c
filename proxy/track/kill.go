package track

import (
	"encoding/binary"
	"strconv"
	"strings"

	"segue/backend/wire"
)

// Kill is what a KILL or a COM_PROCESS_KILL asks for.
type Kill struct {
	ID    uint64
	Given string // ID, as the client has written it
	Query bool   // it is meant for the statement that runs, not for the connection
	Self  bool   // KILL CONNECTION_ID(): there is no ID
	More  bool   // other statements follow it in its text

	binary  bool // it is a COM_PROCESS_KILL
	attrs   bool // with a header of query attributes
	at, end int  // where ID stands in the packet
}

// KillForm says what can be done about a command that may kill.
type KillForm uint8

// The forms.
const (
	NoKill      KillForm = iota // it kills nobody, or what has the same name on all servers
	OneKill                     // a Kill tells whom
	UserKill                    // all sessions of a user, on one server
	ForeignKill                 // whom it kills cannot be told, or not be said in terms of another server: it might hit anybody
)

// MaxKill bounds the commands that are waited for because they may be a KILL.
const MaxKill = 4 << 10

// MayKill reports whether the command at the head of chunk, of which one byte at least has come, may be a KILL, so that it is worth asking Kill as soon as
// it is whole. It costs next to nothing for others but those that begin with a comment.
func (s *State) MayKill(chunk []byte) bool {
	const textAt = wire.HeaderLen + 1
	if len(chunk) < textAt {
		return false
	}
	n, _ := wire.DecodeHeader(chunk)
	if n == 0 { // what follows is another packet
		return false
	}
	switch wire.Command(chunk[wire.HeaderLen]) {
	case wire.ComProcessKill:
		return n <= MaxKill
	case wire.ComQuery, wire.ComStmtPrepare:
		if text := chunk[textAt:min(len(chunk), wire.HeaderLen+n)]; !s.attrs && harmlessBeginning(text) && !holdsSemicolon(text) {
			return false
		}
		return s.mayKillText(chunk)
	}
	return false
}

// harmlessBeginning reports the first letters of the common statements, none of which kills: SELECT, SHOW, INSERT, UPDATE, DELETE, REPLACE, WITH, COMMIT.
func harmlessBeginning(text []byte) bool {
	if len(text) < 4 {
		return false
	}
	b := text[1] | 0x20
	switch text[0] | 0x20 {
	case 's': // not SET STATEMENT
		return b == 'h' || b == 'e' && text[2]|0x20 == 'l'
	case 'i': // not IF
		return b == 'n'
	case 'u':
		return b == 'p'
	case 'd': // not DECLARE
		return b == 'e' && text[2]|0x20 == 'l'
	case 'r': // not REPEAT
		return b == 'e' && text[2]|0x20 == 'p' && text[3]|0x20 == 'l'
	case 'w':
		return b == 'i'
	case 'c':
		return b == 'o'
	}
	return false
}

//go:noinline
func (s *State) mayKillText(chunk []byte) bool {
	n, _ := wire.DecodeHeader(chunk)
	if len(chunk) >= wire.HeaderLen+n && n < wire.MaxPayload {
		_, form := s.Kill(chunk[:wire.HeaderLen+n])
		return form != NoKill
	}
	text := chunk[wire.HeaderLen+1:]
	if wire.Command(chunk[wire.HeaderLen]) == wire.ComQuery {
		var ok bool
		if text, _, ok = s.withoutAttributes(text); !ok {
			return n <= MaxKill
		}
	}
	l := newLexer(text, s.rules())
	t := l.next()
	for t.kind == tokSemicolon || l.other(t, '(') {
		t = l.next()
	}
	switch {
	case l.is(t, "KILL"):
		return true
	case n > MaxKill:
		return false
	case t.kind == tokEnd, t.kind == tokOther, l.met != 0, l.exec && t.end == len(text): // the rest decides
		return true
	}
	word := l.bytes(t)
	for _, w := range [...]string{"KILL", "PREPARE", "EXECUTE", "CALL", "SET", "BEGIN"} {
		if len(word) == len(w) && l.is(t, w) || t.end == len(text) && len(word) < len(w) && leads([]byte(w), string(word)) {
			return true
		}
	}
	return holdsSemicolon(text)
}

// Kill reads the packet, a whole one, as a KILL of a thread by its id:
//
//	KILL [HARD | SOFT | TIDB] [CONNECTION | QUERY] {id | 'id' | CONNECTION_ID()} [; …]
//	CALL mysql.{rds_kill | rds_kill_query | az_kill | az_kill_query}(id)
//
// Any other way to kill, and one that is prepared, is a ForeignKill: the id would be taken for that of a stranger.
func (s *State) Kill(packet []byte) (k Kill, form KillForm) {
	body := packet[wire.HeaderLen:]
	switch wire.Command(body[0]) {
	case wire.ComProcessKill:
		if len(body) != 5 {
			return Kill{}, NoKill // and an error
		}
		k.ID, k.binary, k.at, k.end = uint64(binary.LittleEndian.Uint32(body[1:])), true, wire.HeaderLen+1, wire.HeaderLen+5
		k.Given = strconv.FormatUint(k.ID, 10)
		return k, OneKill
	case wire.ComStmtPrepare:
		if _, form = s.kills(body[1:]); form != NoKill {
			form = ForeignKill
		}
		return Kill{}, form
	}
	text, _, ok := s.withoutAttributes(body[1:])
	if !ok {
		return Kill{}, s.killsBehindAttributes(body[1:])
	}
	if k, form = s.kills(text); form != OneKill {
		return Kill{}, form
	}
	textAt := len(packet) - len(text)
	k.attrs = s.attrs
	k.at, k.end = k.at+textAt, k.end+textAt
	return k, form
}

// killsBehindAttributes is for a COM_QUERY whose text stands behind query attributes, which are not read.
func (s *State) killsBehindAttributes(b []byte) KillForm {
	for ; len(b) > len("KILL"); b = b[1:] {
		if !leads(b, "KILL") {
			continue
		}
		r := killReader{cursor: cursor{lexer: newLexer(b, s.rules())}, session: s}
		if r.statements(); r.form == OneKill {
			return ForeignKill
		}
	}
	return NoKill
}

// kills tells what a text kills, in all ways in which it may be read.
func (s *State) kills(text []byte) (k Kill, form KillForm) {
	if !holdsWord(text, "KILL") && !s.mayHide(text) {
		return Kill{}, NoKill
	}
	first := true
	way := ways(s.rules())
	for {
		r := killReader{cursor: cursor{lexer: newLexer(text, way.rules)}, session: s}
		r.statements()
		switch {
		case first:
			k, form, first = r.kill, r.form, false
		case r.form != form || r.kill != k:
			form = ForeignKill
		}
		if !way.turn(r.met) {
			break
		}
	}
	if way.beyond && form != NoKill {
		form = ForeignKill
	}
	return k, form
}

// mayHide reports whether a text may run another one that stands in a user variable.
func (s *State) mayHide(text []byte) bool {
	return s.held != nil && len(s.held.settings) > 0 && (holdsWord(text, "PREPARE") || holdsWord(text, "IMMEDIATE"))
}

// With is the packet that k was read from, with another id in it.
func (k Kill) With(packet []byte, id uint32) []byte {
	if k.Self {
		return packet
	}
	payload := append([]byte(nil), packet[wire.HeaderLen:k.at]...)
	if k.binary {
		payload = binary.LittleEndian.AppendUint32(payload, id)
	} else { // in quotes it may stand next to a word
		if isWordByte(packet[k.at-1]) {
			payload = append(payload, ' ')
		}
		payload = strconv.AppendUint(payload, uint64(id), 10)
		if k.end < len(packet) && isWordByte(packet[k.end]) {
			payload = append(payload, ' ')
		}
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
