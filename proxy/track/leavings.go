package track

import (
	"strings"

	"segue/backend/wire"
)

// leavings are kinds of what statements leave behind in a session until others do so. None of it moves.
type leavings uint8

const (
	leftCount     leavings = 1 << iota // ROW_COUNT(), and what else any statement sets anew
	leftFound                          // FOUND_ROWS()
	leftWarnings                       // SHOW WARNINGS, @@error_count
	leftSequences                      // LASTVAL()
	leftGTID                           // @@last_gtid
	leftRow                            // WHERE id IS NULL under sql_auto_is_null: the row that was given an id last
)

// Miss notes that what the last statements have left behind is on another connection. warned: it is not certain that the last one has left no warnings.
func (s *State) Miss(warned bool) {
	s.missing |= leftCount | leftFound
	if warned || s.warned {
		s.missing |= leftWarnings
	}
	if s.dialect.my() {
		s.missing |= leftSequences
		if s.insertID != noID || s.held != nil && s.held.has(lastInsertID()) {
			s.missing |= leftRow
		}
	}
}

// Asked notes that Segue has asked the backend something: of what the last statement has left behind not all is there any more. Warnings are not where the
// question has opened a table, or was refused.
func (s *State) Asked() {
	s.missing |= leftCount | leftFound
	if s.warned {
		s.missing |= leftWarnings
	}
}

// AskedTables is Asked for questions that open tables: no warning is left, or others are.
func (s *State) AskedTables() { s.missing |= leftCount | leftFound | leftWarnings }

// Wary reports whether the command at the head of chunk is to be looked at before it is sent: it may ask for what is on another connection.
func (s *State) Wary(chunk []byte) bool {
	switch {
	case s.missing&leftCount != 0, s.Forgone():
		return true
	case s.missing == 0:
		return false
	}
	return s.mayAsk(chunk)
}

// renew notes what an exchange has left behind anew.
func (s *State) renew(e *pending, ok bool) {
	switch {
	case !ok || s.warning: // with the first of a statement those before go (THD::raise_condition)
		s.warned = true
		s.missing &^= leftWarnings
	case e.effect&opens != 0:
		s.warned = false
	}
	if s.missing == 0 {
		return
	}
	switch e.command {
	case wire.ComQuery, wire.ComStmtExecute, wire.ComStmtBulkExecute:
		s.missing &^= leftCount
		if ok && e.effect&selects != 0 {
			s.missing &^= leftFound
		}
		if ok && e.effect&opens != 0 {
			s.missing &^= leftWarnings
		}
		if s.wrote && !s.txn.open() {
			s.missing &^= leftGTID
		}
	case wire.ComResetConnection, wire.ComChangeUser:
		if ok {
			s.missing, s.warned = 0, false
		}
	default:
	}
}

// renewing tells what a statement leaves behind anew if it succeeds, as long as that matters.
func (s *State) renewing(text []byte) effect {
	if s.missing == 0 && !s.warned {
		return 0
	}
	return s.renewedBy(text)
}

// renewedBy goes by all ways in which the text may be read.
//
//go:noinline
func (s *State) renewedBy(text []byte) effect {
	e := selects | opens
	for way := ways(s.rules()); ; {
		l := newLexer(text, way.rules)
		e &= renewedAs(&l)
		if !way.turn(l.met) {
			if way.beyond {
				return 0
			}
			return e
		}
	}
}

// renewedAs is renewedBy for one way. Servers keep the warnings before a statement that opens no table.
func renewedAs(l *lexer) (e effect) {
	t := l.next()
	for l.other(t, '(') {
		t = l.next()
	}
	switch {
	case l.is(t, "SELECT"):
		e = selects
	case l.is(t, "INSERT"), l.is(t, "REPLACE"), l.is(t, "UPDATE"), l.is(t, "DELETE"):
		e = opens
	case l.is(t, "SHOW"):
		if t = l.next(); l.is(t, "TABLES") || l.is(t, "VARIABLES") || l.is(t, "STATUS") { // which read tables
			e = selects | opens
		}
	default:
		return 0
	}
	for depth := 0; t.kind != tokEnd; t = l.next() {
		switch {
		case t.kind == tokSemicolon && l.next().kind != tokEnd:
			return 0
		case l.other(t, '('):
			depth++
		case l.other(t, ')'):
			depth--
		case depth <= 0 && l.is(t, "FROM"):
			if ahead := *l; !ahead.is(ahead.next(), "DUAL") {
				e |= opens
			}
		}
	}
	if l.broken || l.cut {
		return 0
	}
	return e
}

// autoIsNull reports whether `id IS NULL` may mean the row that was given an id last. No server that Segue knows has it on by default.
func (s *State) autoIsNull() bool {
	if s.held != nil {
		for i := range s.held.settings {
			if x := &s.held.settings[i]; x.key.Value() == "@@session.sql_auto_is_null" {
				_, value, _ := strings.Cut(x.text.Value(), "=")
				return !equalFold(bare([]byte(value)), "OFF") && value != "0" && !strings.EqualFold(value, "FALSE")
			}
		}
	}
	return false
}

// mayAsk reports whether a command may ask for what was left behind, as far as a quick look tells.
func (s *State) mayAsk(chunk []byte) bool {
	if len(chunk) <= wire.HeaderLen {
		return false
	}
	n, _ := wire.DecodeHeader(chunk)
	if n == 0 {
		return false
	}
	body := chunk[wire.HeaderLen:min(len(chunk), wire.HeaderLen+n)]
	switch wire.Command(body[0]) {
	case wire.ComQuery:
		return len(body) < n && n <= maxMayAsk || s.holdsQuestion(body)
	case wire.ComStmtExecute:
		p := s.statement(statementID(body))
		return p != nil && p.text != (text{}) && s.holdsQuestion([]byte(p.text.Value()))
	default:
		return false
	}
}

// maxMayAsk bounds the texts that are waited for in order to be looked at.
const maxMayAsk = 4 << 10

// questions are parts of what asks for what was left behind.
var questions = [...]string{"FOUND_ROWS", "WARNING", "ERROR", "LASTVAL", "LAST_GTID", "CURRVAL", "PREVIOUS", "DIAGNOSTICS", "EXECUTE", "VARIABLES"}

func (s *State) holdsQuestion(text []byte) bool {
	if s.missing&leftRow != 0 && s.autoIsNull() {
		return true
	}
	for i, c := range text {
		switch c | 0x20 {
		case 'f', 'w', 'e', 'l', 'c', 'p', 'd', 'v':
			for _, q := range questions {
				if leads(text[i:], q) {
					return true
				}
			}
		}
	}
	return false
}
