package track

import (
	"bytes"
	"strings"

	"segue/backend/wire"
)

// maxRelations bounds the names that Relations gives.
const maxRelations = 500

// Relations gives, in upper case and without quotes, all names in a statement that may be those of views which do more than read: views of MySQL
// and MariaDB may call stored functions. Those of columns and the words of the grammar are among them. known is false if some of them cannot be
// told, or be asked for. The chunk holds the statement whole.
func (s *State) Relations(chunk []byte) (names []string, known bool) {
	if !s.dialect.my() || len(chunk) <= wire.HeaderLen {
		return nil, true
	}
	body := chunk[wire.HeaderLen:]
	switch wire.Command(body[0]) {
	case wire.ComQuery:
		text, _, ok := s.withoutAttributes(body[1:])
		if !ok {
			return nil, false
		}
		return s.names(text)
	case wire.ComStmtExecute:
		st := s.statement(statementID(body))
		if st == nil || st.text == (text{}) {
			return nil, false
		}
		return s.names([]byte(st.text.Value()))
	}
	return nil, true
}

// names gives the names in a text that has any relations, in all ways in which it may be read.
func (s *State) names(text []byte) (names []string, known bool) {
	seen := map[string]bool{}
	from := false
	way := ways(s.rules())
	for {
		l := newLexer(text, way.rules)
		for t := l.next(); t.kind != tokEnd; t = l.next() {
			from = from || l.is(t, "FROM") || l.is(t, "JOIN") || l.is(t, "TABLE")
			b := l.bytes(t)
			switch {
			case t.kind == tokName || t.kind == tokString && b[0] == '"':
				b = unquote(b, false)
			case t.kind != tokWord:
				continue
			}
			name := strings.ToUpper(string(b))
			if !Harmless([]byte(name)) {
				if t.kind != tokString {
					return nil, false
				}
				continue
			}
			if seen[name] {
				continue
			}
			if seen[name] = true; len(seen) > maxRelations {
				return nil, false
			}
			names = append(names, name)
		}
		if !way.turn(l.met) {
			break
		}
	}
	if !from || way.beyond {
		return nil, !from && !way.beyond
	}
	return names, !bytes.ContainsRune(text, 0)
}
