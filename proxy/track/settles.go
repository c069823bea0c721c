package track

import "segue/backend/wire"

// Settles reports whether the command in chunk, which lies there whole, is one statement that does nothing but set something of its session to what its text
// says, or prepare: SET of literals, USE, PREPARE, DEALLOCATE PREPARE. What it has done ends with the connection, so that it can be said again on another.
func (s *State) Settles(chunk []byte) bool {
	if len(chunk) <= wire.HeaderLen || wire.Command(chunk[wire.HeaderLen]) != wire.ComQuery {
		return false
	}
	text, _, ok := s.withoutAttributes(chunk[wire.HeaderLen+1:])
	if !ok {
		return false
	}
	e, v := s.read(text)
	if e&(several|writes) != 0 || v == nil || len(v.ops) == 0 || !s.settling(text) {
		return false
	}
	for i := range v.ops {
		if !v.ops[i].settles() {
			return false
		}
	}
	return true
}

// settling reports whether a text begins with the words of such a statement.
func (s *State) settling(text []byte) bool {
	l := newLexer(text, s.rules())
	t := l.next()
	if l.is(t, "SET") {
		return !l.is(l.next(), "STATEMENT")
	}
	return l.is(t, "USE") || l.is(t, "PREPARE") || l.is(t, "DEALLOCATE")
}

func (o *op) settles() bool {
	switch o.kind {
	case opSet:
		return o.setting == assignment || o.setting == relativeAssignment || o.setting == wholeStatement
	case opSQLMode, opCharset, opUse, opPrepare, opDeallocate, opForgetRoles:
		return true
	default:
		return false
	}
}
