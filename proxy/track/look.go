package track

import "segue/backend/wire"

// Look is what the client's next command asks for.
type Look struct {
	Len     int // bytes of the packet in the chunk, header included, if Whole
	Seq     uint8
	Whole   bool // the packet lies whole in the chunk, and does not continue: what follows is known
	Command wire.Command
	// Asks: for what a statement before has left behind and a move loses: SHOW WARNINGS, FOUND_ROWS(), ROW_COUNT(), GET DIAGNOSTICS,
	// @@warning_count, LASTVAL(), LAST_QUERY_ID(); LAST_INSERT_ID() if it was forgone.
	Asks     bool
	Lost     bool // … and for LAST_INSERT_ID() that was forgone, however many statements ago: see Forgone
	Missing  bool // … and for something that is on another connection: see Miss
	Rollback bool // nothing but ROLLBACK: after a transaction has been lost it does what it says
	Sole     bool // one statement, read to its end, and nothing else
	ReadOnly bool // provably reads only, so that it may be run again
	Ping     bool // asks for nothing but if the connection works: see Pinged
}

// Look tells what the bytes at the head of chunk ask for, without taking them. Only while Idle.
func (s *State) Look(chunk []byte) (l Look) {
	if len(chunk) <= wire.HeaderLen {
		return Look{}
	}
	n, seq := wire.DecodeHeader(chunk)
	if n == 0 {
		return Look{}
	}
	l.Seq, l.Command = seq, wire.Command(chunk[wire.HeaderLen])
	if n == wire.MaxPayload || wire.HeaderLen+n > len(chunk) {
		if s.Forgone() && l.Command == wire.ComQuery {
			s.lookAtHead(&l, chunk[wire.HeaderLen+1:])
		}
		return l
	}
	l.Whole, l.Len = true, wire.HeaderLen+n
	body := chunk[wire.HeaderLen:l.Len]
	l.Ping = nextOf(l.Command) == nextUse
	switch l.Command {
	case wire.ComQuery:
		if text, _, ok := s.withoutAttributes(body[1:]); ok {
			s.lookAt(&l, text)
			l.Ping = s.nextOfText(text) == nextUse
		}
	case wire.ComStmtExecute:
		if st := s.statement(statementID(body)); st != nil && st.text != (text{}) && len(body) > 5 {
			s.lookAt(&l, []byte(st.text.Value()))
			if body[5]&^countFollows != 0 || s.hasLongData() { // a cursor, or it does something else without the data
				l.ReadOnly, l.Rollback, l.Sole = false, false, false
			}
		}
	case wire.ComPing, wire.ComStatistics, wire.ComFieldList, wire.ComStmtPrepare, wire.ComProcessInfo:
		l.ReadOnly = true
	}
	return l
}

// hasLongData reports whether parameter data have been sent ahead, for the execution that runs or for one that is to come.
func (s *State) hasLongData() bool {
	return len(s.longData) > 0 || s.unanswered() > 0 && s.queue.front().long
}

// lookAtHead looks at the beginning of a text that is longer.
func (s *State) lookAtHead(l *Look, head []byte) {
	if text, _, ok := s.withoutAttributes(head); ok {
		s.lookAt(l, text)
		*l = Look{Seq: l.Seq, Command: l.Command, Asks: l.Lost, Lost: l.Lost}
	}
}

// lookAt looks at a text, in all ways in which it may be read.
func (s *State) lookAt(l *Look, text []byte) {
	l.Sole, l.Rollback, l.ReadOnly = true, true, true
	wants := leavings(0)
	base := s.rules()
	way := ways(base)
	for {
		program := newLexer(text, way.rules)
		body := definition(&program)
		r := reader{lexer: newLexer(text[body:], way.rules), session: s, wantsID: s.Forgone(), pure: true}
		sole := r.statements() == 1 && !r.broken && !r.cut && body == 0
		wants |= r.wants
		l.Lost = l.Lost || r.lost
		l.Sole = l.Sole && sole
		l.Rollback = l.Rollback && sole && r.rollback
		l.ReadOnly = l.ReadOnly && sole && r.reads && r.pure
		if !way.turn(r.met | program.met) {
			break
		}
	}
	if way.beyond || base.wild && foreign(string(text)) {
		l.Sole, l.Rollback, l.ReadOnly = false, false, false
	}
	if !s.autoIsNull() {
		wants &^= leftRow
	}
	l.Asks = wants != 0 || l.Lost
	l.Missing = wants&s.missing != 0
	l.ReadOnly = l.ReadOnly && !l.Asks
}
