package track

import (
	"bytes"
	"slices"
)

// mostDrawn bounds the sequences that are known to have given a value.
const mostDrawn = 64

// sequence takes the name of one, each part but the last ended by a NUL. Servers differ in whether they tell case: names that do are two here.
func sequence(l *lexer) (name []byte) {
	for {
		switch t := l.next(); t.kind {
		case tokWord, tokName:
			b := l.bytes(t)
			if t.kind == tokName {
				b = unquote(b, false)
			}
			name = append(name, b...)
		default:
			return nil
		}
		ahead := *l
		if !ahead.other(ahead.next(), '.') {
			return name
		}
		*l = ahead
		name = append(name, 0)
	}
}

// drawing is v with the sequences that text draws a value from, as long as it matters which these are.
func (s *State) drawing(v *verdict, text []byte) *verdict {
	if s.missing&leftSequences == 0 || !holdsWord(text, "NEXT") {
		return v
	}
	out := &verdict{}
	if v != nil {
		*out = *v
		out.ops = slices.Clone(v.ops)
	}
	l := newLexer(text, s.rules())
	for t := l.next(); t.kind != tokEnd; t = l.next() {
		ahead := l
		switch {
		case l.is(t, "NEXTVAL") && ahead.other(ahead.next(), '('):
		case l.is(t, "NEXT") && ahead.is(ahead.next(), "VALUE") && ahead.is(ahead.next(), "FOR"):
		default:
			continue
		}
		if name := sequence(&ahead); name != nil {
			out.ops = append(out.ops, op{kind: opSequence, text: s.qualified(handle(name))})
		}
	}
	if l.met != 0 || l.broken || l.cut || len(out.ops) == 0 {
		return v
	}
	return out
}

// drew notes that a sequence has given a value on this backend.
func (h *held) drew(name text) {
	if len(h.drawn) < mostDrawn && !slices.Contains(h.drawn, name) {
		h.drawn = append(h.drawn, name)
	}
}

// hasDrawn reports whether the sequence is known to have done so.
func (s *State) hasDrawn(name []byte) bool {
	return name != nil && s.held != nil && slices.Contains(s.held.drawn, s.qualified(handle(name)))
}

// drawsFirst reports whether the sequence gives a value in the statement at hand before what is asked of it: SELECT NEXTVAL(s), LASTVAL(s), of no table.
func (r *reader) drawsFirst(name []byte) bool {
	return r.isItem() && slices.ContainsFunc(r.draws, func(drawn []byte) bool { return bytes.Equal(drawn, name) })
}

// drawing notes a NEXTVAL that is all of an item of such a SELECT. l is the lexer behind its parenthesis.
func (r *reader) drawing(l lexer) {
	name := sequence(&l)
	if name == nil || !r.isItem() || !l.other(l.next(), ')') {
		return
	}
	if t := l.next(); l.other(t, ',') || l.is(t, "AS") {
		r.draws = append(r.draws, name)
	}
}

// isItem reports whether the call that has just been taken begins an item of a SELECT that is of no table, and so has one row.
func (r *reader) isItem() bool {
	if r.depth != 0 || !r.is(r.first, "SELECT") || r.prev.start != r.first.start && !r.other(r.prev, ',') {
		return false
	}
	l := r.lexer
	for t := l.next(); t.kind != tokEnd && t.kind != tokSemicolon; t = l.next() {
		for _, w := range [...]string{"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT"} {
			if l.is(t, w) {
				return false
			}
		}
	}
	return true
}
