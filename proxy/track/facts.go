package track

import (
	"encoding/binary"
	"strings"
	"unique"

	"segue/proxy/wire"
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
		s.recent = s.recent || p.Body[1]|p.Body[2] != 0
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
	s.recent = s.recent || affected > 0 || p.Body[at+2]|p.Body[at+3] != 0
	if id != 0 && s.dialect != StarRocks && !s.queue.front().own {
		s.inserted()
	}
	if !s.tracks || !wire.Status(binary.LittleEndian.Uint16(p.Body[at:])).Has(wire.StatusSessionStateChanged) {
		return
	}
	s.sessionState(p)
}

// inserted notes that LAST_INSERT_ID() has changed, maybe: of a row that was given its id the OK_Packet tells that one, and the
// function what it told before.
func (s *State) inserted() {
	if s.insertID = askID; s.held != nil && len(s.held.settings) > 0 {
		s.held.forget(lastInsertID())
	}
}

// sessionState takes an OK_Packet with session state, or begins to if it goes on beyond this chunk.
//
//go:noinline
func (s *State) sessionState(p *wire.Packet) {
	h := s.hold()
	switch {
	case p.Len > maxText:
		h.pins |= pinTooLarge
	case len(p.Body) < p.Len:
		h.okPacket = append(make([]byte, 0, p.Len), p.Body...)
	default:
		s.readState(p.Body)
	}
}

// serverBody takes more bytes of the packet that is passing.
func (s *State) serverBody(b []byte) {
	h := s.held
	if h == nil || h.okPacket == nil {
		return
	}
	if h.okPacket = append(h.okPacket, b...); len(h.okPacket) == cap(h.okPacket) || s.server.AtStart() {
		s.readState(h.okPacket)
		h.okPacket = nil
	}
}

// The types of session state information.
const (
	trackSystemVariables = 0
	trackSchema          = 1
)

// readState notes the session state in an OK_Packet. It counts once the response has passed.
func (s *State) readState(body []byte) {
	var m wire.OK
	h := s.hold()
	if m.Decode(body, s.caps) != nil {
		h.pins |= pinUnparsed
		return
	}
	for b := m.SessionState; len(b) > 0; {
		kind := b[0]
		data, n := wire.LenencString(b[1:])
		if n == 0 {
			h.pins |= pinUnparsed
			return
		}
		b = b[1+n:]
		switch kind {
		case trackSchema:
			name, _ := wire.LenencString(data)
			h.facts = append(h.facts, op{kind: opUse, text: unique.Make(string(name))})
		case trackSystemVariables:
			s.variables(h, data)
		}
	}
}

// variables notes system variables that have changed, as pairs of name and value.
func (s *State) variables(h *held, b []byte) {
	for len(b) > 0 {
		name, n := wire.LenencString(b)
		if n == 0 {
			return
		}
		value, k := wire.LenencString(b[n:])
		if k == 0 {
			return
		}
		b = b[n+k:]
		literal := s.Quote(value)
		switch {
		case len(value) == 0 && strings.HasPrefix(string(name), "character_set_"):
			literal = "NULL"
		case len(value) > 0 && isNumber(value):
			literal = string(value)
		}
		lower := strings.ToLower(string(name))
		h.facts = append(h.facts, op{kind: opSet, key: unique.Make("@@session." + lower), text: unique.Make(lower + "=" + literal)})
	}
}

// applyFacts brings what the session holds in line with what the server has said, behind what the text of the statement
// says. A literal of the text stands: it is the more exact of the two.
func (s *State) applyFacts(v *verdict) {
	h := s.held
	facts := h.facts
	h.facts = nil
	for i := range facts {
		f := &facts[i]
		switch {
		case f.kind == opUse:
			if f.text.Value() == "" {
				s.database, h.late = text{}, text{}
			} else if s.current() != f.text {
				s.use(f.text)
			}
		case isOneShot(strings.TrimPrefix(f.key.Value(), "@@session.")), v != nil && v.sets(f.key):
		default:
			s.setting(h, f)
		}
	}
	s.recheck()
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
