package track

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unique"

	"segue/backend/wire"
)

// said takes from a packet what the server says of the session besides the status flags: warnings, LAST_INSERT_ID, and
// with CLIENT_SESSION_TRACK what has changed.
func (s *State) said(p *wire.Packet, step wire.Step, atOK, rows bool) {
	if len(p.Body) < 5 {
		return
	}
	ends := rows && p.Body[0] == 0xfe && step != wire.Lost && (step == wire.Done || !s.x.InRows())
	switch {
	case atOK && p.Body[0] == 0, ends && s.caps.Has(wire.ClientDeprecateEOF):
		s.saidOK(p)
	case ends:
		s.warning = s.warning || p.Body[1]|p.Body[2] != 0
		s.recent = s.recent || s.warning
	}
	if p.Body[0] == 0xfe && p.Len < minOK {
		s.hint(p.Body)
	}
	if e := s.queue.front(); ends && e.effect&inserts != 0 && s.insertID == noID && !s.dialect.fe() && !e.own { // INSERT … RETURNING
		s.inserted()
	}
}

// saidOK takes an OK_Packet.
func (s *State) saidOK(p *wire.Packet) {
	affected, a := wire.LenencInt(p.Body[1:])
	if a == 0 || 1+a >= len(p.Body) {
		return
	}
	id, b := wire.LenencInt(p.Body[1+a:])
	at := 1 + a + b
	if b == 0 || at+4 > len(p.Body) {
		return
	}
	s.warning = s.warning || p.Body[at+2]|p.Body[at+3] != 0
	s.recent = s.recent || affected > 0 || s.warning
	if id != 0 && !s.dialect.fe() && !s.queue.front().own {
		if s.inserted(); s.held != nil {
			s.held.gave(id)
		}
	}
	if !s.tracks || !wire.Status(binary.LittleEndian.Uint16(p.Body[at:])).Has(wire.StatusSessionStateChanged) {
		return
	}
	s.sessionState(p)
}

// inserted notes that LAST_INSERT_ID() has changed, maybe: of a row that was given its id the OK_Packet tells that one, and the
// function what it told before.
func (s *State) inserted() {
	s.missing &^= leftRow
	if s.insertID = askID; s.held != nil && len(s.held.settings) > 0 {
		s.held.forget(lastInsertID())
	}
}

// sessionState takes an OK_Packet with session state, or begins to if it goes on beyond this chunk.
//
//go:noinline
func (s *State) sessionState(p *wire.Packet) {
	s.hinted = false // it has said it now
	switch {
	case p.Len > maxText:
		s.hold().pins |= pinTooLarge
	case len(p.Body) < p.Len:
		s.okPacket = append(make([]byte, 0, p.Len), p.Body...)
	default:
		s.heardState(p.Body)
	}
}

// heardState takes the session state in an OK_Packet that answers the oldest command.
func (s *State) heardState(body []byte) {
	var v *verdict
	if s.queue.n > 0 {
		v = s.queue.front().believed()
	}
	if s.readState(body, v) {
		s.changed(v)
	}
}

// serverBody takes more bytes of the packet that is passing.
func (s *State) serverBody(b []byte) {
	if s.okPacket == nil {
		return
	}
	if s.okPacket = append(s.okPacket, b...); len(s.okPacket) == cap(s.okPacket) || s.server.AtStart() {
		s.heardState(s.okPacket)
		s.okPacket = nil
	}
}

// The types of session state information.
const (
	trackSystemVariables = 0
	trackSchema          = 1
	trackStateChange     = 2
)

// minOK is the length of the shortest OK_Packet.
const minOK = 7

// readState notes the session state in an OK_Packet, as far as v, the verdict on its statement, does not say the same. It counts once the response has
// passed. It reports whether something has changed that it does not tell by itself.
func (s *State) readState(body []byte, v *verdict) (changed bool) {
	b, ok := wire.SessionState(body)
	if !ok {
		s.hold().pins |= pinUnparsed
		return false
	}
	for len(b) > 0 {
		kind := b[0]
		data, n := wire.LenencString(b[1:])
		if n == 0 {
			s.hold().pins |= pinUnparsed
			return changed
		}
		b = b[1+n:]
		switch kind {
		case trackSchema:
			if name, _ := wire.LenencString(data); !v.names(name) {
				s.fact(op{kind: opUse, text: unique.Make(string(name))})
			}
		case trackSystemVariables:
			s.variables(data, v)
		case trackStateChange:
			changed = changed || len(data) == 2 && data[1] == '1'
		}
	}
	return changed
}

// variables notes system variables that have changed, as pairs of name and value.
func (s *State) variables(b []byte, v *verdict) {
	for len(b) > 0 {
		name, n := wire.LenencString(b)
		if n == 0 {
			return
		}
		value, k := wire.LenencString(b[n:])
		if k == 0 {
			return
		}
		if b = b[n+k:]; v.tells(name) {
			continue
		}
		literal := Literal("utf8mb4", value) // servers tell of themselves in their own character set, which is UTF-8
		switch {
		case len(value) == 0 && strings.HasPrefix(string(name), "character_set_"):
			literal = "NULL"
		case len(value) > 0 && isNumber(value):
			literal = string(value)
		case Harmless(value):
			literal = "'" + string(value) + "'"
		}
		lower := strings.ToLower(string(name))
		switch {
		case lower == "character_set_client" && !safeCharset(value):
			s.fact(op{kind: opPin, pins: pinCharacterSet})
		case lower == "character_set_client":
			s.fact(op{kind: opCharset, client: clientOf(value)})
		case lower == "sql_mode":
			o := op{kind: opSQLMode, key: unique.Make(keySQLMode)}
			o.ansi, o.slash = modesOf(s.dialect, value)
			s.fact(o)
		}
		s.fact(op{kind: opSet, key: unique.Make("@@session." + lower), text: unique.Make(lower + "=" + literal), setting: known})
		if lower == "character_set_connection" { // which sets the collation to the default of it
			s.fact(op{kind: opAsk, key: unique.Make("@@session.collation_connection")})
		}
	}
}

func (s *State) fact(o op) { s.facts = append(s.facts, o) }

// names reports whether a verdict is just that the database of this name becomes the current one.
func (v *verdict) names(database []byte) bool {
	return v != nil && len(v.ops) == 1 && v.ops[0].kind == opUse && v.ops[0].text.Value() == string(database)
}

// tells reports whether a verdict has the literal that the variable name becomes: nothing that the server says of it is news then.
func (v *verdict) tells(name []byte) bool {
	const session = "@@session."
	charset := bytes.HasPrefix(name, []byte("character_set_")) || bytes.HasPrefix(name, []byte("collation_"))
	return v != nil && !bytes.EqualFold(name, []byte("sql_mode")) && slices.ContainsFunc(v.ops, func(o op) bool {
		if o.kind != opSet {
			return false
		}
		key := o.key.Value()
		return charset && (key == "NAMES" || key == "CHARACTER SET" || key == session+"collation_connection" && bytes.EqualFold(name, []byte("character_set_connection"))) ||
			(!charset || bytes.EqualFold(name, []byte("character_set_connection"))) && len(key) == len(session)+len(name) && strings.EqualFold(key[len(session):], string(name))
	})
}

// believed is the verdict on a text of which the literals are what its variables are set to, nil where a statement behind may have set them to something else.
func (e *pending) believed() *verdict {
	if v := e.verdict; e.effect&several == 0 || v.speaks() {
		return v
	}
	return nil
}

// speaks reports whether a verdict is that of SET NAMES, which tells a collation as well.
func (v *verdict) speaks() bool {
	return v != nil && slices.ContainsFunc(v.ops, func(o op) bool { return o.kind == opSet && o.key.Value() == "NAMES" })
}

// applyFacts brings what the session holds in line with what the server has said, behind what the text of the statement
// says. A literal of the text stands: it is the more exact of the two.
func (s *State) applyFacts(v *verdict) {
	h := s.hold()
	facts, restored := s.facts, s.restored
	s.facts, s.restored = nil, nil
	for i := range facts {
		f := &facts[i]
		switch {
		case f.key != (text{}) && slices.Contains(restored, f.key): // for the statement alone
		case f.kind == opPin:
			h.pins |= f.pins
		case f.kind == opUse && foreign(f.text.Value()): // in the server's character set, where a statement's own name was in the client's
			if s.current() != f.text && !v.uses() {
				h.pins |= pinUnparsed
			}
		case f.kind == opUse:
			if f.text.Value() == "" {
				s.database, h.late = text{}, text{}
				h.forget(unique.Make(useKey))
				s.byDatabase()
			} else if s.current() != f.text {
				s.use(f.text)
			}
		case f.kind == opSQLMode:
			s.sqlMode(h, f)
		case f.kind == opCharset:
			s.charsetIs(h, f)
		case isOneShot(strings.TrimPrefix(f.key.Value(), "@@session.")), v != nil && v.sets(f.key):
		case f.kind == opAsk, f.key.Value() == "@@session.timestamp": // a time may go on from there: that shows when it is asked for
			h.set(setting{key: f.key})
		default:
			s.setting(h, f)
		}
	}
	s.recheck()
}

// uses reports whether a verdict says of itself which database becomes the current one.
func (v *verdict) uses() bool {
	return v != nil && slices.ContainsFunc(v.ops, func(o op) bool { return o.kind == opUse })
}

// sets reports whether a verdict says of itself what becomes of the variable key.
func (v *verdict) sets(key text) bool {
	for i := range v.ops {
		o := &v.ops[i]
		if o.kind != opSet {
			continue
		}
		k := o.key.Value()
		if o.key == key || (k == "NAMES" || k == "CHARACTER SET") &&
			(strings.HasPrefix(key.Value(), "@@session.character_set_") || strings.HasPrefix(key.Value(), "@@session.collation_")) {
			return true
		}
	}
	return false
}
