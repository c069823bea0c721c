package track

// definesPrograms notes that a text may create, alter or drop a program: what is known of them is out of date, now and when it has run.
func (s *State) definesPrograms(text []byte) {
	if s.catalog != nil && len(text) >= len("DROP VIEW v") && mayDefine(text) && s.definesAny(text) {
		s.defines = true
		s.catalog.changes.n.Add(1)
	}
}

// defined notes that it has run.
func (s *State) defined() {
	s.defines = false
	s.catalog.changes.n.Add(1)
}

// mayDefine reports whether the words of that stand anywhere in a text.
func mayDefine(text []byte) bool {
	verb, noun := false, false
	w := words{text: text}
	for w.next() && (!verb || !noun) {
		u := w.upper()
		if len(u) > 5 && isDigit(u[0]) { // the version behind /*!
			verb, noun = verb || isDefining(u[5:]) || isDefining(u[6:]), noun || isProgram(u[5:]) || isProgram(u[6:])
		}
		verb, noun = verb || isDefining(u), noun || isProgram(u) || string(u) == "RENAME"
	}
	return verb && noun
}

func isDefining(w []byte) bool {
	switch string(w) {
	case "CREATE", "ALTER", "DROP", "RENAME":
		return true
	}
	return false
}

func isProgram(w []byte) bool {
	switch string(w) {
	case "FUNCTION", "PROCEDURE", "TRIGGER", "VIEW", "PACKAGE":
		return true
	}
	return false
}

// definesAny reports whether some statement of a text defines a program, in any of the ways in which it may be read.
func (s *State) definesAny(text []byte) bool {
	for way := ways(s.rules()); ; {
		l := newLexer(text, way.rules)
		if definesAs(&l) || l.broken || l.cut {
			return true
		}
		if !way.turn(l.met) {
			return way.beyond
		}
	}
}

// definesAs is that for one way.
func definesAs(l *lexer) bool {
	for {
		t := l.next()
		if definesStatement(l, &t) {
			return true
		}
		for t.kind != tokSemicolon && t.kind != tokEnd {
			t = l.next()
		}
		if t.kind == tokEnd {
			return false
		}
	}
}

// definesStatement is that for the statement that begins with t, which is the token at hand then. What is executed of a string, or stands in a block, may be
// anything of what the text holds.
func definesStatement(l *lexer, t *token) bool {
	if t.kind != tokWord {
		return false
	}
	switch first := string(asUpper(l.text[t.start:t.end])); first {
	case "PREPARE", "EXECUTE", "RENAME", "IF", "LOOP", "WHILE", "REPEAT", "FOR", "CASE", "DECLARE":
		return true
	case "BEGIN", "SET":
		*t = l.next()
		return l.is(*t, "NOT") || l.is(*t, "STATEMENT") || first == "BEGIN" && t.kind == tokWord && !l.is(*t, "WORK")
	case "CREATE", "ALTER", "DROP":
		*t = l.next()
		return l.namesProgram(t, first == "ALTER")
	}
	return false
}

// namesProgram reports whether what follows CREATE and the like is a program, or a table with triggers that gets another name. Such a word stands before the
// first parenthesis with something in it.
func (l *lexer) namesProgram(t *token, alters bool) bool {
	for head := true; t.kind != tokSemicolon && t.kind != tokEnd; *t = l.next() {
		switch {
		case l.other(*t, '('):
			if *t = l.next(); !l.other(*t, ')') {
				head = false
			}
			if t.kind == tokSemicolon || t.kind == tokEnd {
				return false
			}
		case t.kind != tokWord:
		case head && isProgram(asUpper(l.text[t.start:t.end])), alters && l.is(*t, "RENAME"):
			return true
		case l.is(*t, "AS"), l.is(*t, "TABLE"):
			head = false
		}
		if !head && !alters {
			return false
		}
	}
	return false
}
