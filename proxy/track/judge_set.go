package track

import (
	"bytes"

	"segue/proxy/wire"
)

// set judges SET in all its forms.
func (j *judge) set() {
	next := j.ahead()
	assigns := j.other(next, '=') || next.kind == tokAssign || j.other(next, '.') // a variable of that name
	switch {
	case j.is(j.t, "PASSWORD"):
		j.password()
	case assigns:
		j.items()
	case j.is(j.t, "ROLE"):
		j.statementAs("ROLE")
	case j.is(j.t, "DEFAULT") && j.is(next, "ROLE"):
		j.eff |= writes
	case j.is(j.t, "RESOURCE") && j.is(next, "GROUP"):
		j.resourceGroup()
	case j.is(j.t, "TRANSACTION"):
		if j.dialect != StarRocks { // where it means nothing
			j.pin(pinNextTransaction)
		}
	case (j.is(j.t, "SESSION") || j.is(j.t, "LOCAL")) && j.is(next, "TRANSACTION"):
		j.sessionTransaction()
	case j.is(j.t, "GLOBAL") && j.is(next, "TRANSACTION"), j.is(j.t, "PROPERTY"), j.is(j.t, "CONFIG") && j.dialect == TiDB, j.is(j.t, "BINDING") && j.dialect == TiDB:
		j.eff |= writes
	case j.is(j.t, "STATEMENT") && j.dialect == MySQL:
		j.setStatement()
	case j.is(j.t, "CATALOG") && j.dialect == StarRocks:
		j.toEnd()
		j.do(op{kind: opCatalog, text: handle(join(j.lexer, j.first.start, j.t.start))})
	case j.is(j.t, "WAREHOUSE") && j.dialect == StarRocks:
		j.statementAs("WAREHOUSE")
	default:
		j.items()
	}
}

func (j *judge) toEnd() {
	for !j.over() {
		j.advance()
	}
}

// statementAs notes a statement that is to be replayed as it is, in place of an earlier one of the same kind.
func (j *judge) statementAs(key string) {
	j.toEnd()
	j.do(op{kind: opSet, setting: wholeStatement, key: handle([]byte(key)), text: handle(join(j.lexer, j.first.start, j.t.start))})
}

// password judges SET PASSWORD, which changes an account. In a list with others it is not understood.
func (j *judge) password() {
	j.eff |= writes
	for ; !j.over(); j.advance() {
		if j.other(j.t, ',') {
			j.pin(pinUnparsed)
		}
	}
}

// resourceGroup judges SET RESOURCE GROUP; with FOR it is about other threads.
func (j *judge) resourceGroup() {
	for ; !j.over(); j.advance() {
		if j.is(j.t, "FOR") {
			j.toEnd()
			return
		}
	}
	j.do(op{kind: opSet, setting: wholeStatement, key: handle([]byte("RESOURCE GROUP")), text: handle(join(j.lexer, j.first.start, j.t.start))})
}

// sessionTransaction judges SET SESSION TRANSACTION, whose characteristics each have a life of their own.
func (j *judge) sessionTransaction() {
	j.advance()
	j.advance()
	for !j.over() {
		key := "ISOLATION"
		if j.is(j.t, "READ") {
			key = "ACCESS"
		} else if !j.is(j.t, "ISOLATION") {
			j.pin(pinUnparsed)
			return
		}
		out := []byte("SET SESSION TRANSACTION")
		for ; !j.over() && !j.other(j.t, ','); j.advance() {
			out = append(append(out, ' '), j.bytes(j.t)...)
		}
		if j.dialect != StarRocks {
			j.do(op{kind: opSet, setting: wholeStatement, key: handle([]byte(key)), text: handle(out)})
		}
		if !j.over() {
			j.advance()
		}
	}
}

// setStatement judges MariaDB's SET STATEMENT … FOR: its settings end with the statement behind FOR.
func (j *judge) setStatement() {
	depth := 0
	for ; !j.over(); j.advance() {
		switch {
		case j.other(j.t, '('):
			depth++
		case j.other(j.t, ')'):
			depth--
		case j.t.kind == tokUserVar && j.ahead().kind == tokAssign:
			j.ask(j.t)
		case depth == 0 && j.is(j.t, "FOR"):
			if j.advance(); !j.over() {
				j.first = j.t
				j.statement()
			}
			return
		}
	}
	j.pin(pinUnparsed)
}

// items judges a list of assignments.
func (j *judge) items() {
	global := false // some item before has said GLOBAL, which counts for those behind it on some servers
	for {
		if !j.item(&global) {
			j.pin(pinUnparsed)
			j.toEnd()
			return
		}
		if j.over() {
			return
		}
		if !j.other(j.t, ',') {
			j.pin(pinUnparsed)
			j.toEnd()
			return
		}
		j.advance()
	}
}

// item judges one assignment and reports whether it is understood.
func (j *judge) item(global *bool) bool {
	switch {
	case j.t.kind == tokUserVar:
		return j.userVariable()
	case j.is(j.t, "NAMES"), j.is(j.t, "CHARACTER"), j.is(j.t, "CHARSET"), j.is(j.t, "CHAR"):
		if next := j.ahead(); !j.other(next, '=') {
			return j.characterSet()
		}
	}
	return j.systemVariable(global)
}

func (j *judge) equals() bool {
	if !j.other(j.t, '=') && j.t.kind != tokAssign {
		return false
	}
	j.advance()
	return !j.over()
}

// userVariable judges @x = …
func (j *judge) userVariable() bool {
	key := j.bytes(j.t)
	if j.advance(); !j.equals() {
		return false
	}
	v := j.value(nil)
	if v.literal == isLiteral && (!v.word || v.isNull) {
		j.do(op{kind: opSet, key: handle(key), text: handle(append(append(bytes.Clone(key), '='), v.text...))})
	} else {
		j.do(op{kind: opAsk, key: handle(key)})
	}
	return true
}

// characterSet judges SET NAMES and SET CHARACTER SET.
func (j *judge) characterSet() bool {
	key := "NAMES"
	if !j.word("NAMES") {
		key = "CHARACTER SET"
		if !j.word("CHARSET") {
			j.advance()
			if !j.word("SET") {
				return false
			}
		}
	}
	out := []byte(key)
	n := 0
	for ; !j.over() && !j.other(j.t, ','); j.advance() {
		if n++; j.t.kind != tokWord && j.t.kind != tokString && j.t.kind != tokName {
			return false
		}
		out = append(append(out, ' '), j.bytes(j.t)...)
	}
	if n == 0 {
		return false
	}
	j.do(op{kind: opSet, key: handle([]byte(key)), text: handle(out)})
	j.charset(out)
	return true
}

// charset notes whether texts can be read in the character set that b names.
func (j *judge) charset(b []byte) {
	j.v.modes = true
	if j.dialect == StarRocks { // where it means nothing
		return
	}
	for _, name := range [...]string{"GBK", "BIG5", "SJIS", "CP932", "GB18030"} {
		if holdsWord(b, name) {
			j.pin(pinCharacterSet)
			return
		}
	}
	j.unpin(pinCharacterSet)
}

// holdsWord reports whether word, in upper case, stands anywhere in b.
func holdsWord(b []byte, word string) bool {
	for ; len(b) >= len(word); b = b[1:] {
		if leads(b, word) {
			return true
		}
	}
	return false
}

// scope says whose variable is assigned.
type scope uint8

const (
	ofSession   scope = iota
	unscoped          // @@x: of the session, but for variables of the next transaction
	ofGlobal          // nobody's session
	afterGlobal       // of the session or not, depending on the server
)

// systemVariable judges x = …, SESSION x = …, @@session.x = … and the like.
func (j *judge) systemVariable(global *bool) bool {
	s := ofSession
	if *global {
		s = afterGlobal
	}
	if j.t.kind == tokSysVar {
		s = unscoped
		j.advance()
		if next := j.ahead(); j.other(next, '.') {
			if s = j.scopeWord(); s != unscoped {
				j.advance()
				j.advance()
			}
		}
	} else if next := j.ahead(); next.kind == tokWord || next.kind == tokName || next.kind == tokSysVar {
		if s = j.scopeWord(); s == unscoped {
			return false
		}
		*global = s == ofGlobal
		j.advance()
	}
	name := bytes.ToLower(bytes.ReplaceAll(j.name(), []byte{0}, []byte{'.'}))
	if len(name) == 0 || !j.equals() {
		return false
	}
	v := j.value(name)
	j.assign(s, name, v)
	return true
}

// scopeWord tells the scope that the current word names, unscoped if it is none.
func (j *judge) scopeWord() scope {
	switch {
	case j.is(j.t, "SESSION"), j.is(j.t, "LOCAL"):
		return ofSession
	case j.is(j.t, "GLOBAL"), j.is(j.t, "PERSIST"), j.is(j.t, "PERSIST_ONLY"):
		return ofGlobal
	}
	return unscoped
}

// assign notes the assignment of a system variable.
func (j *judge) assign(s scope, name []byte, v value) {
	key := append([]byte("@@session."), name...)
	switch {
	case s == ofGlobal:
		j.eff |= writes
		if j.dialect == StarRocks { // where the session's own value changes as well
			j.do(op{kind: opAsk, key: handle(key), setting: ifSet})
		}
		return
	case s == unscoped && j.dialect != StarRocks && isTransactionVariable(string(name)):
		j.pin(pinNextTransaction)
		return
	case isOneShot(string(name)) && j.dialect != StarRocks:
		j.pin(pinOneShot)
		return
	case string(name) == "identity":
		name, key = []byte("last_insert_id"), []byte("@@session.last_insert_id")
	case string(name) == "catalog" && j.dialect == StarRocks:
		j.do(op{kind: opCatalog, text: handle(append([]byte("SET catalog="), v.text...))})
		if v.literal != isLiteral {
			j.pin(pinUnparsed)
		}
		return
	}
	switch {
	case s == afterGlobal || v.literal == computed:
		j.do(op{kind: opAsk, key: handle(key)})
	default:
		kind := assignment
		if v.literal == relative {
			kind = relativeAssignment
		}
		text := append(append(bytes.Clone(name), '='), v.text...)
		j.do(op{kind: opSet, key: handle(key), text: handle(text), setting: kind})
	}
	j.lexing(string(name), v)
}

// lexing notes the variables that change how texts are read.
func (j *judge) lexing(name string, v value) {
	switch name {
	case "character_set_client", "character_set_connection", "collation_connection":
		j.charset(v.text)
	case "sql_mode":
		j.v.modes = true
		var p pins
		for _, mode := range [...]string{"ANSI", "ORACLE", "MSSQL", "DB2", "MAXDB", "POSTGRESQL"} {
			if holdsWord(v.text, mode) {
				p = pinSQLMode
			}
		}
		o := op{kind: opSQLMode, pins: p}
		if holdsWord(v.text, "NO_BACKSLASH") {
			o.backslash = true
		}
		if v.userVar {
			j.pin(pinSQLMode)
			return
		}
		j.do(o)
	}
}

func isTransactionVariable(name string) bool {
	switch name {
	case "transaction_isolation", "tx_isolation", "transaction_read_only", "tx_read_only":
		return true
	}
	return false
}

// isOneShot reports variables that the next statement uses up, or that make sense for it alone.
func isOneShot(name string) bool {
	switch name {
	case "insert_id", "rand_seed1", "rand_seed2", "gtid_next", "gtid_seq_no", "gtid_domain_id", "pseudo_thread_id", "pseudo_slave_mode",
		"original_commit_timestamp", "immediate_server_version", "original_server_version", "tidb_snapshot", "tidb_read_staleness", "tx_read_ts":
		return true
	}
	return false
}

// value is the right side of an assignment.
type value struct {
	text    []byte // without comments
	literal literalness
	word    bool // it is a bare word or a name in quotes
	isNull  bool // … NULL, TRUE or FALSE
	userVar bool // a user variable stands in it
}

type literalness uint8

const (
	computed literalness = iota
	isLiteral
	relative // made from the variable's own value, or from global ones: repeating it in a fresh session gives the same
)

// value takes the tokens up to the comma behind the assignment. name is that of the system variable assigned, if it is one.
func (j *judge) value(name []byte) (v value) {
	depth, n := 0, 0
	var shape [3]token
	own, pure, inVariable := false, true, false
	for ; !j.over(); j.advance() {
		t := j.t
		if depth == 0 && j.other(t, ',') {
			break
		}
		switch {
		case j.other(t, '('):
			depth++
		case j.other(t, ')'):
			depth--
		}
		if n < len(shape) {
			shape[n] = t
		}
		if n > 0 && t.spaced {
			v.text = append(v.text, ' ')
		}
		v.text = append(v.text, j.bytes(t)...)
		n++
		inVariable = t.kind == tokSysVar || inVariable && (t.kind == tokWord || j.other(t, '.'))
		switch t.kind {
		case tokUserVar:
			v.userVar = true
			if j.ahead().kind == tokAssign { // assigned within the expression
				j.ask(t)
			}
			pure = false
		case tokSysVar:
			own = true
			pure = pure && j.ownVariable(name)
		case tokWord:
			pure = pure && (inVariable || pureOnStrings(j.bytes(t)))
		case tokAssign, tokName:
			pure = false
		default:
		}
	}
	if own && pure && name != nil {
		v.literal = relative
		return v
	}
	if n <= 2 {
		j.literal(&v, shape[:n])
	}
	return v
}

// ownVariable reports whether the @@ at hand begins the variable that is assigned, or a global one.
func (j *judge) ownVariable(name []byte) bool {
	l := j.lexer
	t := l.next()
	if l.is(t, "GLOBAL") {
		return true
	}
	if l.is(t, "SESSION") || l.is(t, "LOCAL") {
		l.next()
		t = l.next()
	}
	return bytes.EqualFold(l.bytes(t), name)
}

// pureOnStrings reports whether a word is a function that makes the same of the same, wherever it runs.
func pureOnStrings(word []byte) bool {
	for _, w := range [...]string{"CONCAT", "CONCAT_WS", "REPLACE", "TRIM", "IFNULL", "COALESCE", "NULLIF", "UPPER", "LOWER"} {
		if equalFold(word, w) {
			return true
		}
	}
	return false
}

// literal tells whether the tokens of a value are a literal.
func (j *judge) literal(v *value, shape []token) {
	if len(shape) == 0 {
		return
	}
	last := shape[len(shape)-1]
	if len(shape) == 2 {
		switch first := shape[0]; {
		case last.kind == tokNumber && !last.spaced && (j.other(first, '-') || j.other(first, '+')):
		case last.kind == tokString && !last.spaced && (j.is(first, "X") || j.is(first, "B") || j.is(first, "N")):
			v.literal = isLiteral
			return
		default:
			return
		}
	}
	switch last.kind {
	case tokString:
		v.literal = isLiteral
	case tokNumber:
		if isNumber(j.bytes(last)) {
			v.literal = isLiteral
		}
	case tokWord:
		v.word = true
		v.isNull = j.is(last, "NULL") || j.is(last, "TRUE") || j.is(last, "FALSE")
		if !isFunctionWord(j.bytes(last)) {
			v.literal = isLiteral
		}
	case tokName:
		v.word, v.literal = true, isLiteral
	default:
	}
}

// isNumber tells a number from a name that begins with a digit.
func isNumber(b []byte) bool {
	if b[0] < '0' || b[0] > '9' || bytes.Count(b, []byte{'.'}) > 1 {
		return false
	}
	hex := len(b) > 2 && b[0] == '0' && b[1] == 'x'
	bits := len(b) > 2 && b[0] == '0' && b[1] == 'b'
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9', c == '.':
		case (hex || bits) && i == 1:
		case hex && (c|0x20 >= 'a' && c|0x20 <= 'f'):
		case !hex && !bits && c|0x20 == 'e' && i > 0 && i < len(b)-1:
		case !hex && !bits && (c == '+' || c == '-') && i > 0 && b[i-1]|0x20 == 'e':
		default:
			return false
		}
	}
	return true
}

// isFunctionWord reports the functions that are called without parentheses.
func isFunctionWord(word []byte) bool {
	for _, w := range [...]string{
		"CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_USER", "CURRENT_ROLE", "LOCALTIME", "LOCALTIMESTAMP",
		"UTC_DATE", "UTC_TIME", "UTC_TIMESTAMP", "SYSDATE", "USER",
	} {
		if equalFold(word, w) {
			return true
		}
	}
	return false
}

// sqlMode tells the pin that a session needs after its sql_mode has been set: none if the server's flags say what the
// mode does to texts.
func (o *op) sqlMode(status wire.Status) pins {
	if o.pins != 0 && !status.Has(wire.StatusAnsiQuotes) || o.backslash && !status.Has(wire.StatusNoBackslashEscapes) {
		return pinSQLMode
	}
	return 0
}
