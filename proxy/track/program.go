package track

// definition is how much of a text, from its beginning on, defines a stored program: what stands in its body runs at another time. 0: it defines none. A body
// that is not told from the statements behind it counts as some of these.
func definition(l *lexer) (end int) {
	t := l.next()
	if !l.is(t, "CREATE") && !l.is(t, "ALTER") {
		return 0
	}
	program, depth := false, 0
	for {
		switch t = l.next(); {
		case program && (t.kind == tokEnd || t.kind == tokSemicolon && depth <= 0):
			return t.start
		case l.program(t):
			program = true
		case !program && (t.kind == tokEnd || t.kind == tokSemicolon || l.other(t, '(') || l.is(t, "TABLE") || l.is(t, "VIEW") || l.is(t, "SELECT")):
			return 0
		case l.is(t, "BEGIN"), l.is(t, "CASE"):
			depth++
		case l.is(t, "END"):
			depth += l.closes()
		}
	}
}

// closes is what END does to the depth of blocks: those that begin with BEGIN and CASE are counted, and END IF is none of theirs.
func (l *lexer) closes() int {
	ahead := *l
	switch t := ahead.next(); {
	case l.is(t, "IF"), l.is(t, "LOOP"), l.is(t, "WHILE"), l.is(t, "REPEAT"), l.is(t, "FOR"):
		return 0
	case l.is(t, "CASE"):
		*l = ahead
	}
	return -1
}

// program reports whether t says that a CREATE or ALTER is about a stored program.
func (l *lexer) program(t token) bool {
	return l.is(t, "PROCEDURE") || l.is(t, "FUNCTION") || l.is(t, "TRIGGER") || l.is(t, "EVENT") || l.is(t, "PACKAGE")
}
