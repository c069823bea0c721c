package track

import (
	"bytes"
	"slices"
)

// mostDrawn bounds the sequences that are known to have given a value.
const mostDrawn = 64

// sequence takes the name of one, in upper case, each part but the last ended by a NUL.
func sequence(l *lexer) (name []byte) {
	for {
		switch t := l.next(); t.kind {
		case tokWord, tokName:
			b := l.bytes(t)
			if t.kind == tokName {
				b = unquote(b, false)
			}
			name = append(name, bytes.ToUpper(b)...)
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
