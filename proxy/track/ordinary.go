package track

import "bytes"

// ordinary is the fast path: it reports whether text is one statement of the common kinds, and holds nothing that could leave
// something in the session, wherever in it that might stand: no variable, no second statement, no function of locks or of
// LAST_INSERT_ID. Strings and comments are searched as well: what is found there costs only the slow path.
func ordinary(text []byte) (effect, bool) {
	e, ok := commonKind(text)
	if !ok || holdsSemicolon(text) || bytes.IndexByte(text, '@') >= 0 || holdsStateful(text) || diagnostic(text) {
		return 0, false
	}
	return e, true
}

// diagnostic reports whether text may be a SHOW WARNINGS or the like.
func diagnostic(text []byte) bool {
	return leads(text, "SHOW") && (holdsWord(text, "WARNINGS") || holdsWord(text, "ERRORS") || holdsWord(text, "COUNT"))
}

// commonKind tells the kind of the statement that text begins with, if it is a common one.
func commonKind(text []byte) (effect, bool) {
	if len(text) < 5 {
		return 0, false
	}
	var word string
	var e effect
	switch text[0] | 0x20 {
	case 's':
		if word = "SELECT"; text[1]|0x20 == 'h' {
			word = "SHOW"
		}
	case 'i':
		word, e = "INSERT", writes|inserts
	case 'u':
		word, e = "UPDATE", writes
	case 'd':
		word, e = "DELETE", writes
	case 'r':
		word, e = "REPLACE", writes|inserts
	default:
		return 0, false
	}
	return e, leads(text, word) && len(text) > len(word) && !isWordByte(text[len(word)])
}

// holdsSemicolon reports whether a semicolon stands anywhere but at the end of text.
func holdsSemicolon(text []byte) bool {
	at := bytes.IndexByte(text, ';')
	return at >= 0 && at < len(text)-1
}

// holdsStateful reports whether text may hold GET_LOCK and its kin, LAST_INSERT_ID, or SQL_CALC_FOUND_ROWS.
func holdsStateful(text []byte) bool {
	for {
		at := bytes.IndexByte(text, '_')
		if at < 0 {
			return false
		}
		text = text[at+1:]
		if len(text) > 3 {
			switch text[0] | 0x20 {
			case 'l', 'c', 'i':
				if leads(text, "LOCK") || leads(text, "CALC") || leads(text, "INSE") {
					return true
				}
			}
		}
	}
}
