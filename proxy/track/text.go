package track

import (
	"unique"

	"segue/backend/wire"
)

// reading says how the text of the command that is arriving is read.
type reading uint8

const (
	notRead    reading = iota
	collecting         // it comes in several chunks, which are kept until all of it has come
	scanning           // it is too long for that: a scanner reads it as it passes
	binding            // the head of a COM_STMT_EXECUTE is kept, up to the types of its parameters
)

// scan reads the text of a command, or begins to if it goes on beyond this chunk. Whether it is read whole or by the scanner
// depends on its length alone.
func (s *State) scan(p *wire.Packet, text []byte) {
	switch {
	case p.Len > maxText:
		s.text.by(s.rules())
		s.text.feed(text)
		if s.reading = scanning; !s.client.InPayload() && p.Len < wire.MaxPayload {
			s.textPassed()
		}
	case s.client.InPayload():
		s.collect(text, p.Len)
		s.reading = collecting
	default:
		s.commandText(text)
	}
}

// collect begins to keep a text. It is kept out of its caller: see statementIDs.
//
//go:noinline
func (s *State) collect(text []byte, n int) {
	s.collected = append(make([]byte, 0, n), text...)
}

// body takes more bytes of the command that is arriving.
func (s *State) body(b []byte) {
	switch s.reading {
	case scanning:
		s.text.feed(b)
	case collecting, binding:
		if n := min(len(b), cap(s.collected)-len(s.collected)); n > 0 {
			s.collected = append(s.collected, b[:n]...)
		}
		if s.reading == binding && len(s.collected) == cap(s.collected) {
			s.bound()
		}
	case notRead:
	}
}

// packetPassed notes the effect of a statement's text once all of it has passed.
func (s *State) packetPassed() {
	if s.reading != notRead && s.client.AtStart() {
		s.textPassed()
	}
}

// textPassed takes the text of the newest command now that it is complete.
func (s *State) textPassed() {
	switch s.reading {
	case scanning:
		s.longText(s.text.finish() | writes)
	case collecting:
		text := s.collected
		s.collected = nil
		s.commandText(text)
	case binding:
		s.bound()
	case notRead:
	}
	s.reading = notRead
}

// longText notes what is known of a text that was too long to be kept.
func (s *State) longText(e effect) {
	if s.queue.n == 0 {
		return
	}
	newest := s.queue.back()
	v := &verdict{}
	if e&asksID != 0 {
		v.ops = append(v.ops, op{kind: opAskInsertID})
	}
	if e&holds != 0 {
		v.ops = append(v.ops, op{kind: opPin, pins: pinTooLarge})
	}
	e &^= holds | asksID
	switch newest.command {
	case wire.ComStmtPrepare:
		s.prepared |= e & loads
		newest.verdict = &verdict{prepare: &prepared{effect: e & (writes | counts | inserts | diagnoses), verdict: v, epoch: s.epoch(), database: s.current()}}
	case wire.ComQuery:
		newest.effect |= e | s.runsUnknown()
		if len(v.ops) > 0 {
			newest.verdict = v
		}
	default:
		newest.verdict = &verdict{ops: []op{{kind: opPin, pins: pinTooLarge}}}
	}
}

// commandText takes the text of the newest command. It may have been answered already.
func (s *State) commandText(text []byte) {
	if s.queue.n == 0 {
		return
	}
	newest := s.queue.back()
	switch newest.command {
	case wire.ComQuery:
		text, e, ok := s.withoutAttributes(text)
		newest.effect |= e
		if ok {
			newest.next = s.nextOfText(text)
			e, newest.verdict = s.read(text)
			newest.effect |= e | s.renewing(text)
			if !newest.verdict.calls() { // what that has done nobody knows, and its client is told as much
				newest.effect |= s.runs(text)
			}
			newest.verdict = s.drawing(newest.verdict, text)
		} else {
			newest.verdict = &verdict{ops: []op{{kind: opPin, pins: pinUnparsed}}}
		}
	case wire.ComStmtPrepare:
		s.prepareText(newest, text)
	case wire.ComInitDB:
		newest.verdict = &verdict{ops: []op{useOp(text, s.dialect)}}
	case wire.ComDropDB:
		newest.verdict = &verdict{ops: []op{{kind: opDropDatabase, text: handle(text)}}}
	case wire.ComChangeUser:
		s.changeUserText(newest, text)
	}
}

// prepareText takes the text of a COM_STMT_PREPARE. Its words take effect when it is executed, and servers that prepare more than
// SELECT set flags, so that of what they do to a transaction nothing is kept.
//
//go:noinline
func (s *State) prepareText(newest *pending, text []byte) {
	before := s.defines
	s.defines = false
	e, v := s.read(text)
	defines := s.defines
	s.defines = before
	s.prepared |= e & loads
	newest.verdict = &verdict{prepare: &prepared{effect: e & (writes | counts | inserts | diagnoses), verdict: v, epoch: s.epoch(), database: s.current(), text: handle(text), defines: defines}}
}

// changeUserText takes a COM_CHANGE_USER but for its first byte.
func (s *State) changeUserText(newest *pending, text []byte) {
	newest.verdict = &verdict{user: &wire.ChangeUser{}}
	if newest.verdict.user.Decode(append([]byte{byte(wire.ComChangeUser)}, text...), s.caps) != nil {
		newest.verdict.user = nil
	}
}

// read tells the effect of a text and the verdict on it.
func (s *State) read(text []byte) (effect, *verdict) {
	if e, ok := ordinary(text); ok {
		return e, nil
	}
	return s.readSlowly(text)
}

//go:noinline
func (s *State) readSlowly(text []byte) (effect, *verdict) {
	s.definesPrograms(text)
	return judgeText(text, s.rules(), 0)
}

func (s *State) epoch() uint32 {
	if s.held == nil {
		return 0
	}
	return s.held.epoch
}

// withoutAttributes gives the text of a COM_QUERY without what stands before it with CLIENT_QUERY_ATTRIBUTES. ok is false if there are
// attributes: their binary block precedes the text, and is not read.
func (s *State) withoutAttributes(text []byte) (rest []byte, e effect, ok bool) {
	if !s.attrs {
		return text, 0, true
	}
	if len(text) < 2 || text[0] != 0 { // parameter_count 0, parameter_set_count 1
		return nil, loads, false
	}
	return text[2:], 0, true
}

// command notes of commands without text what they do to the session, when they have succeeded.
func (s *State) commandDone(e *pending) {
	switch e.command {
	case wire.ComChangeUser:
		s.cursors, s.longData, s.prepared = nil, nil, 0
		s.txn.reset()
		if e.verdict == nil || e.verdict.user == nil {
			s.holdInstead(pinUser)
			return
		}
		s.newIdentity(*e.verdict.user)
	case wire.ComResetConnection:
		s.cursors, s.longData = nil, nil
		s.resetConnection()
	case wire.ComSetOption:
		s.option(uint16(e.statement))
	case wire.ComCreateDB, wire.ComDropDB, wire.ComRefresh:
		s.wrote = true
	}
}

// resetConnection forgets what COM_RESET_CONNECTION does away with: on StarRocks session variables alone, the catalog among
// them (ConnectContext.resetSessionVariable); elsewhere all but the database.
func (s *State) resetConnection() {
	if !s.dialect.fe() {
		s.prepared, s.insertID = 0, noID
		s.begun()
		if h := s.held; h != nil {
			if h.late != (text{}) {
				s.database = h.late
			}
			keep := h.pins & (pinUser | pinOption)
			if h.has(unique.Make(useKey)) { // the database was named in a character set that is no longer the session's
				keep |= pinUnparsed
			}
			s.holdInstead(keep)
		}
		return
	}
	s.begun()
	if s.held == nil && s.namedCatalog() != "" {
		s.hold()
	}
	h := s.held
	if h == nil {
		return
	}
	kept := h.settings[:0]
	for _, x := range h.settings {
		if k := x.key.Value(); k == "ROLE" || k == "EXECUTE AS" || len(k) > 1 && k[0] == '@' && k[1] != '@' {
			kept = append(kept, x)
		} else {
			h.grow(-x.size())
		}
	}
	clear(h.settings[len(kept):])
	h.settings = kept
	if h.catalog != (text{}) || s.namedCatalog() != "" { // what the current database is now depends on the version
		h.pins |= pinUnparsed
	}
	h.pins &^= pinCharacterSet
	h.epoch++
	s.recheck()
}

// option notes a COM_SET_OPTION that has succeeded: 0 turns multi-statements on, 1 off.
func (s *State) option(o uint16) {
	if on := o == 0; on != s.multi || o > 1 {
		s.hold().pins |= pinOption
	} else if s.held != nil {
		s.held.pins &^= pinOption
	}
}
