package track

import "strings"

// reader tells whether statements only read, and whether they ask for what one before has left behind. What it does not know for
// pure it takes for impure.
type reader struct {
	lexer
	session  *State
	wantsID  bool     // LAST_INSERT_ID() has been forgone, and no statement of this text has set it anew
	changes  bool     // a statement before in this text has set ROW_COUNT()
	wants    leavings // it asks for
	lost     bool     // it asks for LAST_INSERT_ID() that was forgone
	names    bool     // variables by their names: SHOW VARIABLES
	rollback bool
	reads    bool // it is of a kind that reads
	pure     bool // nothing in it does more

	prev  token    // the one before the current one
	first token    // of the statement
	depth int      // of parentheses
	draws [][]byte // sequences that the statement draws a value from: see drawsFirst
}

// statements takes them all, and tells how many there are.
func (r *reader) statements() (n int) {
	for t := r.next(); t.kind != tokEnd; t = r.next() {
		if t.kind == tokSemicolon {
			continue
		}
		n++
		r.statement(t)
	}
	return n
}

// statement takes one statement, first being its first token, and what ends it.
func (r *reader) statement(first token) {
	for r.other(first, '(') {
		first = r.next()
	}
	show := r.is(first, "SHOW")
	r.reads = show || r.readsBy(first)
	r.wantsIf(r.is(first, "GET"), leftWarnings|leftCount)
	r.names = false
	r.rollback = r.is(first, "ROLLBACK")
	if r.is(first, "EXECUTE") {
		r.execute()
	}
	r.prev, r.first, r.depth, r.draws = first, first, 0, nil
	for n := 0; ; n++ {
		t := r.next()
		if t.kind == tokEnd || t.kind == tokSemicolon {
			r.ended(first)
			return
		}
		r.rollback = r.rollback && n == 0 && r.is(t, "WORK")
		switch t.kind {
		case tokWord:
			r.word(t, show)
		case tokName, tokString:
			r.quotedName(t, show)
		case tokAssign:
			r.pure = false
		case tokSysVar:
			r.variable()
		default:
			switch {
			case r.other(t, '('):
				r.depth++
			case r.other(t, ')'):
				r.depth--
			}
		}
		r.prev = t
	}
}

// readsBy reports the statements other than SHOW that read unless something in them does more. TABLE and VALUES are MySQL's; VALUES is MariaDB's too.
func (r *reader) readsBy(first token) bool {
	switch {
	case r.is(first, "SELECT"), r.is(first, "WITH"), r.is(first, "EXPLAIN"), r.is(first, "DESC"), r.is(first, "DESCRIBE"):
		return true
	case r.is(first, "TABLE"):
		return r.dialect == MySQL || r.dialect == TiDB
	case r.is(first, "VALUES"):
		return !r.dialect.fe()
	}
	return false
}

// ended notes what the statement that begins with first leaves behind for those that follow it in the text.
func (r *reader) ended(first token) {
	inserts := r.is(first, "INSERT") || r.is(first, "REPLACE")
	r.wantsID = r.wantsID && !inserts
	r.changes = r.changes || inserts || r.is(first, "UPDATE") || r.is(first, "DELETE")
}

// opens reports whether a parenthesis follows the token t, which has just been taken.
func (r *reader) opens(t token) bool {
	l := r.lexer
	p := l.next()
	return l.other(p, '(') && p.start >= t.end
}

// word takes a word of a statement.
func (r *reader) word(t token, show bool) {
	var buf [24]byte
	w := upperCase(buf[:], r.bytes(t))
	switch string(w) {
	case "WARNINGS", "ERRORS":
		r.wantsIf(show, leftWarnings)
	case "VARIABLES", "SESSION_VARIABLES":
		r.names = r.names || show || len(w) > len("VARIABLES")
		r.lost = r.lost || show && r.wantsID && !r.is(r.prev, "GLOBAL") && r.ends()
	case "PROFILE", "PROFILES":
		r.wantsIf(show, leftCount)
	case "PROFILING", "OPTIMIZER_TRACE": // tables of information_schema
		r.wantsIf(r.other(r.prev, '.'), leftCount)
	case "CURRVAL": // in sql_mode=ORACLE
		r.wantsIf(r.other(r.prev, '.'), leftSequences)
	case "LAST": // Doris: SHOW LAST INSERT
		r.wantsIf(show && r.is(r.prev, "SHOW") && r.dialect == Doris, leftCount)
	case "NULL":
		r.wantsIf(r.is(r.prev, "IS"), leftRow)
	case "VALUE":
		if r.is(r.prev, "PREVIOUS") {
			l := r.lexer
			r.wantsIf(!l.is(l.next(), "FOR") || !r.session.hasDrawn(sequence(&l)), leftSequences)
		}
		r.pure = r.pure && !r.is(r.prev, "NEXT") && !r.is(r.prev, "PREVIOUS")
	case "INTO", "LOCK", "PROCEDURE", "INSERT", "DELETE", "NEXTVAL", "SETVAL", "GET_LOCK", "CALL", "EXECUTE", "OUTFILE", "DUMPFILE", "ANALYZE", "SET":
		r.pure = r.pure && show // SHOW CREATE PROCEDURE
	case "UPDATE", "SHARE":
		r.pure = false
	case "REPLACE":
		r.pure = r.pure && (r.opens(t) || show)
	}
	if r.opens(t) {
		r.asksFor(t)
		r.call(t, string(w))
	}
}

// quotedName takes what stands in quotes. It may be the name of a function, or a question for what was left behind.
func (r *reader) quotedName(t token, show bool) {
	if r.opens(t) {
		r.pure = r.pure && r.lists(t)
		r.asksFor(t)
	}
	switch {
	case r.other(r.prev, '.'):
		r.wantsIf(r.named(t, "PROFILING") || r.named(t, "OPTIMIZER_TRACE"), leftCount)
		r.wantsIf(r.named(t, "CURRVAL"), leftSequences)
		r.names = r.names || r.named(t, "SESSION_VARIABLES")
		r.pure = r.pure && !r.named(t, "NEXTVAL")
	case r.names && t.kind == tokString:
		r.variablesLike(bare(r.bytes(t)))
	case show && t.kind == tokString:
		r.wantsIf(holdsWord(r.bytes(t), "LAST_QUERY"), leftCount)
	}
}

// call takes the word t, w in upper case, that a parenthesis follows.
func (r *reader) call(t token, w string) {
	l := r.lexer
	opening := l.next()
	switch {
	case r.prev.kind == tokNumber && r.prev.end == t.start: // what looks like a word may be part of a name
		r.pure = false
	case isClause(w), w == "AGAINST" && r.other(r.prev, ')'), r.dialect.fe() && w == "TABLE", r.lists(t):
	case r.other(r.prev, '.'), !isPure(w, r.dialect, r.version): // of some database, or unknown: may do anything
		r.pure = false
	case opening.spaced: // without IGNORE_SPACE that may be a stored function
		r.pure = false
	}
}

// lists reports whether the name t, which a parenthesis follows, is that of a table whose columns stand there: behind AS, or behind a
// derived table, or in front of AS (, as a common table expression's do.
func (r *reader) lists(t token) bool {
	if r.is(r.prev, "AS") || r.other(r.prev, ')') {
		return true
	}
	if !r.is(r.prev, "WITH") && !r.is(r.prev, "RECURSIVE") && !r.other(r.prev, ',') || !r.is(r.first, "WITH") {
		return false
	}
	l := r.lexer
	l.next() // (
	for c := l.next(); !l.other(c, ')'); c = l.next() {
		if c.kind != tokWord && c.kind != tokName && !l.other(c, ',') {
			return false
		}
	}
	return l.is(l.next(), "AS") && l.other(l.next(), '(')
}

// variable takes the name of a system variable.
func (r *reader) variable() {
	l := r.lexer
	t := l.next()
	for l.is(t, "SESSION") || l.is(t, "LOCAL") || l.is(t, "GLOBAL") {
		if t = l.next(); l.other(t, '.') {
			t = l.next()
		}
	}
	switch {
	case l.named(t, "WARNING_COUNT"), l.named(t, "ERROR_COUNT"):
		r.wants |= leftWarnings
	case l.named(t, "LAST_GTID"):
		r.wants |= leftGTID
	case l.named(t, "LAST_INSERT_ID"), l.named(t, "IDENTITY"):
		r.pure = false // what it was made from is not looked for here
		r.lost = r.lost || r.wantsID
	default:
		for _, name := range [...]string{
			"INSERT_ID", "LAST_PLAN_FROM_CACHE", "LAST_PLAN_FROM_BINDING", "LAST_SQL_USE_ALLOC", "TIDB_LAST_TXN_INFO", "TIDB_LAST_QUERY_INFO", "TIDB_LAST_DDL_INFO",
			"TIDB_LAST_PLAN_REPLAYER_TOKEN", "TIDB_CURRENT_TS", "STATEMENT_ID", "LAST_QUERY_ID",
		} {
			r.wantsIf(l.named(t, name), leftCount)
		}
	}
}

// asksFor notes a call of a function that asks for what a statement before has left behind. Its parenthesis is the next token.
func (r *reader) asksFor(t token) {
	switch {
	case r.named(t, "ROW_COUNT"):
		r.wantsIf(!r.changes, leftCount)
	case r.named(t, "LAST_QUERY_ID"):
		r.wants |= leftCount
	case r.named(t, "FOUND_ROWS"):
		r.wants |= leftFound
	case r.named(t, "NEXTVAL"):
		l := r.lexer
		l.next()
		r.drawing(l)
	case r.named(t, "LASTVAL"):
		l := r.lexer
		l.next()
		name := sequence(&l)
		r.wantsIf(!r.session.hasDrawn(name) && !r.drawsFirst(name), leftSequences)
	case r.named(t, "LAST_INSERT_ID"):
		l := r.lexer
		l.next()
		r.lost = r.lost || r.wantsID && l.other(l.next(), ')')
	}
}

// execute notes what an EXECUTE may ask for, by the text that it executes: the names need only stand there.
func (r *reader) execute() {
	l := r.lexer
	name := l.next()
	b := l.text[name.start:]
	if !l.is(name, "IMMEDIATE") {
		b = []byte(r.session.preparedText(strings.ToLower(strings.Trim(string(l.bytes(name)), "`"))))
	} else if said, _, ok := l.spelled(l.next()); ok {
		b = said
	}
	for w, left := range executed {
		r.wantsIf(holdsWord(b, w), left)
	}
	r.lost = r.lost || r.wantsID && (holdsWord(b, "LAST_INSERT_ID") || holdsWord(b, "IDENTITY"))
}

// executed are words by which a text that is executed may ask for what was left behind.
var executed = map[string]leavings{
	"ROW_COUNT": leftCount, "FOUND_ROWS": leftFound, "LASTVAL": leftSequences, "LAST_QUERY_ID": leftCount, "WARNING_COUNT": leftWarnings, "ERROR_COUNT": leftWarnings, "LAST_GTID": leftGTID,
	"IS NULL": leftRow,
}

func (r *reader) wantsIf(is bool, left leavings) {
	if is {
		r.wants |= left
	}
}

// ends reports whether the statement ends here.
func (r *reader) ends() bool {
	l := r.lexer
	t := l.next()
	return t.kind == tokEnd || t.kind == tokSemicolon
}

// variablesLike takes a pattern of names of variables.
func (r *reader) variablesLike(pattern []byte) {
	r.lost = r.lost || r.wantsID && (like(pattern, "LAST_INSERT_ID") || like(pattern, "IDENTITY"))
	r.wantsIf(like(pattern, "WARNING_COUNT") || like(pattern, "ERROR_COUNT"), leftWarnings)
	r.wantsIf(like(pattern, "INSERT_ID"), leftCount)
	r.wantsIf(like(pattern, "LAST_GTID"), leftGTID)
}

// like reports whether name, in upper case, is LIKE pattern. A pattern in which a backslash stands may be.
func like(pattern []byte, name string) bool {
	for i, c := range pattern {
		switch {
		case c == '\\':
			return true
		case c == '%':
			for k := range len(name) + 1 {
				if like(pattern[i+1:], name[k:]) {
					return true
				}
			}
			return false
		case name == "", c != '_' && c&^0x20 != name[0]&^0x20:
			return false
		}
		name = name[1:]
	}
	return name == ""
}

// isClause reports the words that stand before a parenthesis without being functions.
func isClause(w string) bool {
	switch w {
	case "IN", "AND", "OR", "NOT", "XOR", "EXISTS", "ANY", "SOME", "ALL", "OVER", "AS", "ON", "USING", "FROM", "JOIN", "WHERE", "SELECT", "UNION", "EXCEPT",
		"INTERSECT", "MINUS", "DISTINCT", "BETWEEN", "LIKE", "THEN", "ELSE", "WHEN", "CASE", "BY", "HAVING", "LIMIT", "OFFSET", "IS", "DIV", "MOD", "INTERVAL", "PARTITION",
		"DECIMAL", "CHAR", "VARCHAR", "BINARY", "WITHIN", "GROUP", "FILTER", "REGEXP", "RLIKE", "LATERAL", "ROW", "SETS", "VALUES", "INDEX", "KEY", "MATCH", "APPLY":
		return true
	}
	return false
}
