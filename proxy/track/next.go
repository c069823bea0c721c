package track

import "segue/backend/wire"

// next says what a client is likely to do behind the good answer to a command.
type next uint8

const (
	nextUnknown  next = iota
	nextOwn           // to send the statement that the command belongs to
	nextUse           // to lend the connection to somebody, as one that works
	nextMaybeUse      // to do so, unless the command was somebody's statement
)

// Midway reports whether the session stands between a COM_STMT_PREPARE and the COM_STMT_EXECUTE that a client sends right
// behind it, or the like: idle, but about to use what only this backend knows, in the middle of what its user sees as one statement.
func (s *State) Midway() bool { return s.next == nextOwn }

// Pinged reports whether the last that the client has heard is that its connection works: a good answer to what pools ask for nothing
// else, before they lend a connection.
func (s *State) Pinged() bool { return s.next == nextUse }

// Probed is Pinged for a statement that pools ask in place of a COM_PING, and people too: SELECT 1.
func (s *State) Probed() bool { return s.next == nextMaybeUse }

// nextOf is for a command without its text.
func nextOf(c wire.Command) next {
	switch c {
	case wire.ComStmtPrepare, wire.ComSetOption:
		return nextOwn
	case wire.ComPing, wire.ComResetConnection, wire.ComChangeUser, wire.ComStatistics:
		return nextUse
	default:
		return nextUnknown
	}
}

// nextOfText is for the text of a COM_QUERY.
func (s *State) nextOfText(text []byte) next {
	switch {
	case isPrelude(text):
		return nextOwn
	case len(text) > maxProbe, asks(text, "SELECT "), asks(text, "DO "), len(text) > 0 && isWordByte(text[0]) && !leads(text, "SELECT ") && !leads(text, "DO "):
		return nextUnknown
	}
	return s.probes(text)
}

// asks reports, for the sake of speed, whether text begins with word and then a name: it asks for something.
func asks(text []byte, word string) bool {
	return leads(text, word) && len(text) > len(word) && isWordByte(text[len(word)]) && !isDigit(text[len(word)])
}

// isPrelude reports whether a text begins as what drivers send ahead of the statement that they are about: SET, SELECT @@…. A
// StarRocks FE that is leaving closes no session behind those either (SqlUtils.isPreQuerySQL).
func isPrelude(text []byte) bool {
	return leads(text, "SET ") || leads(text, "SELECT @@")
}

// maxProbe is how long what pools ask may be, with a comment.
const maxProbe = 64

// probes reports a text that asks for nothing: SELECT 1, SELECT 'x' FROM DUAL, DO 1, or no statement at all, which a StarRocks FE answers
// by OK.
//
//go:noinline
func (s *State) probes(text []byte) next {
	l := newLexer(text, s.rules())
	t := l.next()
	n := nextUse
	if l.is(t, "SELECT") || l.is(t, "DO") {
		n = nextMaybeUse
		if t = l.next(); t.kind != tokString && string(l.bytes(t)) != "1" {
			return nextUnknown
		}
		if t = l.next(); l.is(t, "FROM") && l.is(l.next(), "DUAL") {
			t = l.next()
		}
	}
	for t.kind == tokSemicolon {
		t = l.next()
	}
	if t.kind != tokEnd || l.broken || l.cut || l.met != 0 {
		return nextUnknown
	}
	return n
}
