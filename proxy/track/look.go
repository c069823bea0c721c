package track

import "segue/proxy/wire"

// Look is what the client's next command asks for.
type Look struct {
	Len     int // bytes of the packet in the chunk, header included, if Whole
	Seq     uint8
	Whole   bool // the packet lies whole in the chunk, and does not continue: what follows is known
	Command wire.Command
	// Asks: for what a statement before has left behind and a move loses: SHOW WARNINGS, FOUND_ROWS(), ROW_COUNT(), GET DIAGNOSTICS,
	// @@warning_count, LASTVAL(), LAST_QUERY_ID(); LAST_INSERT_ID() if it was forgone.
	Asks     bool
	Warnings bool // … and for warnings alone: where there were none, there is nothing to lose
	Rollback bool // nothing but ROLLBACK: after a transaction has been lost it does what it says
	Sole     bool // one statement, read to its end, and nothing else
	ReadOnly bool // provably reads only, so that it may be run again
}

// Look tells what the bytes at the head of chunk ask for, without taking them. Only while Idle.
func (s *State) Look(chunk []byte) (l Look) {
	if len(chunk) <= wire.HeaderLen {
		return Look{}
	}
	n, seq := wire.DecodeHeader(chunk)
	if n == 0 {
		return Look{}
	}
	l.Seq, l.Command = seq, wire.Command(chunk[wire.HeaderLen])
	if n == wire.MaxPayload || wire.HeaderLen+n > len(chunk) {
		return l
	}
	l.Whole, l.Len = true, wire.HeaderLen+n
	body := chunk[wire.HeaderLen:l.Len]
	switch l.Command {
	case wire.ComQuery:
		if text, _, ok := s.withoutAttributes(body[1:]); ok {
			s.lookAt(&l, text)
		}
	case wire.ComStmtExecute:
		if st := s.statement(statementID(body)); st != nil && st.text != (text{}) && len(body) > 5 && body[5]&^countFollows == 0 {
			s.lookAt(&l, []byte(st.text.Value()))
		}
	case wire.ComPing, wire.ComStatistics, wire.ComFieldList, wire.ComStmtPrepare, wire.ComProcessInfo:
		l.ReadOnly = true
	}
	return l
}

// lookAt looks at a text.
func (s *State) lookAt(l *Look, text []byte) {
	r := reader{lexer: newLexer(text, s.dialect, s.x.Status), lostID: s.insertID == lostID, pure: true}
	statements := 0
	for t := r.next(); t.kind != tokEnd; t = r.next() {
		if t.kind == tokSemicolon {
			continue
		}
		statements++
		r.statement(t)
	}
	sole := statements == 1 && !r.broken && !r.uncertain
	l.Asks, l.Warnings, l.Sole = r.asks || r.warnings, r.warnings && !r.asks, sole
	l.Rollback = sole && r.rollback
	l.ReadOnly = sole && r.reads && r.pure && !l.Asks
}

// reader tells whether statements only read, and whether they ask for what one before has left behind. What it does not know for
// pure it takes for impure.
type reader struct {
	lexer
	lostID   bool // LAST_INSERT_ID() has been forgone
	asks     bool
	warnings bool // asks for warnings
	rollback bool
	reads    bool // it is of a kind that reads
	pure     bool // nothing in it does more
}

// statement takes one statement, first being its first token, and what ends it.
func (r *reader) statement(first token) {
	for r.other(first, '(') {
		first = r.next()
	}
	show := r.is(first, "SHOW")
	explain := r.is(first, "EXPLAIN") || r.is(first, "DESC") || r.is(first, "DESCRIBE")
	r.reads = show || explain || r.is(first, "SELECT") || r.is(first, "WITH")
	r.asks = r.asks || r.is(first, "GET")
	r.rollback = r.is(first, "ROLLBACK")
	prev := first
	for n := 0; ; n++ {
		t := r.next()
		if t.kind == tokEnd || t.kind == tokSemicolon {
			return
		}
		r.rollback = r.rollback && n == 0 && r.is(t, "WORK")
		switch t.kind {
		case tokWord:
			r.word(t, prev, show)
		case tokName:
			r.pure = r.pure && !r.opens(t)
		case tokAssign:
			r.pure = false
		case tokSysVar:
			r.variable()
		default:
		}
		prev = t
	}
}

// opens reports whether a parenthesis follows the token t, which has just been taken.
func (r *reader) opens(t token) bool {
	l := r.lexer
	p := l.next()
	return l.other(p, '(') && p.start >= t.end
}

// word takes a word of a statement.
func (r *reader) word(t, prev token, show bool) {
	var buf [24]byte
	n := copy(buf[:], r.bytes(t))
	for i, c := range buf[:n] {
		if c >= 'a' && c <= 'z' {
			buf[i] = c &^ 0x20
		}
	}
	w := buf[:n]
	switch string(w) {
	case "WARNINGS", "ERRORS":
		r.warnings = r.warnings || show
	case "PROFILE", "PROFILES":
		r.asks = r.asks || show
	case "FOUND_ROWS", "ROW_COUNT", "LASTVAL", "LAST_QUERY_ID":
		r.asks = r.asks || r.opens(t)
	case "LAST_INSERT_ID":
		r.asks = r.asks || r.lostID && r.opens(t)
	case "VALUE":
		r.asks = r.asks || r.is(prev, "PREVIOUS")
		r.pure = r.pure && !r.is(prev, "NEXT") && !r.is(prev, "PREVIOUS")
	case "INTO", "LOCK", "PROCEDURE", "INSERT", "DELETE", "NEXTVAL", "SETVAL", "GET_LOCK", "CALL", "EXECUTE", "OUTFILE", "DUMPFILE", "ANALYZE", "SET":
		r.pure = r.pure && show // SHOW CREATE PROCEDURE
	case "UPDATE", "SHARE":
		r.pure = false
	case "REPLACE":
		r.pure = r.pure && (r.opens(t) || show)
	}
	if !r.opens(t) {
		return
	}
	l := r.lexer
	adjacent := !l.next().spaced
	switch {
	case isClause(string(w)):
	case r.other(prev, '.'), !isPure(string(w)): // of some database, or unknown: may do anything
		r.pure = false
	case !adjacent: // without IGNORE_SPACE that may be a stored function
		r.pure = false
	}
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
	case l.is(t, "WARNING_COUNT"), l.is(t, "ERROR_COUNT"):
		r.warnings = true
	case l.is(t, "LAST_INSERT_ID"), l.is(t, "IDENTITY"):
		r.asks = r.asks || r.lostID
	}
}

// isClause reports the words that stand before a parenthesis without being functions.
func isClause(w string) bool {
	switch w {
	case "IN", "AND", "OR", "NOT", "XOR", "EXISTS", "ANY", "SOME", "ALL", "OVER", "AS", "ON", "USING", "FROM", "JOIN", "WHERE", "SELECT", "UNION", "EXCEPT",
		"INTERSECT", "MINUS", "DISTINCT", "BETWEEN", "LIKE", "THEN", "ELSE", "WHEN", "CASE", "BY", "HAVING", "LIMIT", "OFFSET", "IS", "DIV", "MOD", "INTERVAL", "PARTITION",
		"DECIMAL", "CHAR", "VARCHAR", "BINARY", "WITHIN", "GROUP", "FILTER", "REGEXP", "RLIKE", "LATERAL", "ROW", "SETS", "VALUES":
		return true
	}
	return false
}

// isPure reports the built-in functions that are known to change nothing and to hold nobody up. Servers look for these before they
// look for stored functions of the same name.
func isPure(w string) bool {
	switch w {
	case "COUNT", "SUM", "MIN", "MAX", "AVG", "STD", "STDDEV", "VARIANCE", "GROUP_CONCAT", "BIT_AND", "BIT_OR", "BIT_XOR", "JSON_ARRAYAGG", "JSON_OBJECTAGG",
		"ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE", "LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE", "CUME_DIST", "PERCENT_RANK",
		"IF", "IFNULL", "NULLIF", "COALESCE", "GREATEST", "LEAST", "ISNULL", "CAST", "CONVERT", "ABS", "CEIL", "CEILING", "FLOOR", "ROUND", "TRUNCATE", "SIGN", "SQRT",
		"POW", "POWER", "EXP", "LN", "LOG", "LOG2", "LOG10", "PI", "SIN", "COS", "TAN", "ASIN", "ACOS", "ATAN", "ATAN2", "DEGREES", "RADIANS", "CRC32", "MOD",
		"CONCAT", "CONCAT_WS", "LENGTH", "CHAR_LENGTH", "CHARACTER_LENGTH", "OCTET_LENGTH", "UPPER", "LOWER", "UCASE", "LCASE", "TRIM", "LTRIM", "RTRIM", "LPAD", "RPAD",
		"LEFT", "RIGHT", "SUBSTR", "SUBSTRING", "SUBSTRING_INDEX", "MID", "INSTR", "LOCATE", "POSITION", "REPLACE", "REVERSE", "REPEAT", "SPACE", "FIELD", "FIND_IN_SET",
		"ELT", "HEX", "UNHEX", "ASCII", "ORD", "MD5", "SHA", "SHA1", "SHA2", "FORMAT", "STRCMP", "TO_BASE64", "FROM_BASE64", "INET_ATON", "INET_NTOA", "BIN", "OCT", "CONV",
		"NOW", "CURDATE", "CURTIME", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "UTC_DATE", "UTC_TIME", "UTC_TIMESTAMP", "SYSDATE",
		"DATE", "TIME", "YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "DAYOFMONTH", "DAYOFWEEK", "DAYOFYEAR", "WEEKDAY", "WEEKOFYEAR", "DAYNAME",
		"MONTHNAME", "LAST_DAY", "DATE_ADD", "DATE_SUB", "ADDDATE", "SUBDATE", "DATEDIFF", "TIMEDIFF", "TIMESTAMPDIFF", "TIMESTAMPADD", "DATE_FORMAT", "STR_TO_DATE",
		"TIME_FORMAT", "FROM_UNIXTIME", "UNIX_TIMESTAMP", "TO_DAYS", "FROM_DAYS", "DATE_TRUNC", "EXTRACT", "TIMESTAMP", "MAKEDATE",
		"DATABASE", "SCHEMA", "USER", "CURRENT_USER", "SESSION_USER", "VERSION", "CONNECTION_ID", "CHARSET", "COLLATION", "CURRENT_ROLE", "CATALOG",
		"JSON_EXTRACT", "JSON_UNQUOTE", "JSON_CONTAINS", "JSON_LENGTH", "JSON_OBJECT", "JSON_ARRAY", "JSON_KEYS", "JSON_VALID", "JSON_TYPE", "JSON_VALUE",
		"APPROX_COUNT_DISTINCT", "NDV", "BITMAP_UNION", "BITMAP_COUNT", "BITMAP_UNION_COUNT", "HLL_UNION_AGG", "PERCENTILE_APPROX", "ARRAY_AGG", "ANY_VALUE", "GROUPING":
		return true
	}
	return false
}
