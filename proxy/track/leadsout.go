package track

import "bytes"

// leadsOut reports whether a body may reach into a schema of which the account does not see all: by a name of several parts of which the first is nothing that
// the body itself names elsewhere, as it does an alias. By what sql_mode a body was written is not asked: it is read by all that may hold, and what cannot be
// read leads out.
func (sys *System) leadsOut(body []byte) bool {
	if bytes.IndexByte(body, '.') < 0 {
		return false
	}
	r := rules{dialect: MySQL, version: sys.Version, doubts: doubtComment | doubtAnsi | doubtBackslash}
	if sys.Dialect == MariaDB {
		r.dialect = MariaDB
	}
	for way := ways(r); ; {
		l := newLexer(body, way.rules)
		if leadsOutAs(&l, sys.Sees) || l.broken || l.cut {
			return true
		}
		if !way.turn(l.met) {
			return way.beyond
		}
	}
}

// leadsOutAs is that for one way.
func leadsOutAs(l *lexer, sees func([]byte) bool) bool {
	var out, alone map[string]struct{} // the names that lead out but for an alias; those that stand somewhere without a point on either side
	add := func(set *map[string]struct{}, name []byte) {
		if *set == nil {
			*set = map[string]struct{}{}
		}
		(*set)[string(asUpper(name))] = struct{}{}
	}
	before, t, next := token{}, l.next(), l.next()
	for ; t.kind != tokEnd; before, t, next = t, next, l.next() {
		if t.kind != tokWord && t.kind != tokName {
			continue
		}
		name := l.unquoted(t)
		switch points := l.other(next, '.') || l.fraction(next); {
		case before.kind == tokSysVar, l.other(before, '.'): // it is no first part
		case points && len(name) == 0:
			return true
		case points && !isOfRow(name) && !sees(name):
			add(&out, name)
		case !points && len(name) <= maxName*4: // a longer one is none
			add(&alone, name)
		}
	}
	for name := range out {
		if _, is := alone[name]; !is {
			return true
		}
	}
	return false
}

// fraction reports whether t may be the point, and the name behind it, of a name of several parts: to a server `d .5f` is one.
func (l *lexer) fraction(t token) bool {
	return t.kind == tokNumber && l.text[t.start] == '.' && t.end < len(l.text) && isNameByte(l.text[t.end])
}

// unquoted is a name without its quotes.
func (l *lexer) unquoted(t token) []byte {
	if t.kind == tokName && t.end-t.start >= 2 {
		return l.text[t.start+1 : t.end-1]
	}
	return l.bytes(t)
}

// isOfRow reports the names by which a trigger knows its row.
func isOfRow(name []byte) bool {
	switch string(asUpper(name)) {
	case "NEW", "OLD":
		return true
	}
	return false
}

// asUpper is a name in upper case, as far as its letters are of ASCII.
func asUpper(name []byte) []byte { return upperCase(make([]byte, len(name)), name) }
