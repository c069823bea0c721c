package track

import (
	"bytes"
	"strconv"
	"strings"
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
		if !j.dialect.fe() { // where it means nothing
			j.pin(pinNextTransaction)
		}
	case (j.is(j.t, "SESSION") || j.is(j.t, "LOCAL")) && j.is(next, "TRANSACTION"):
		j.sessionTransaction()
	case j.is(j.t, "GLOBAL") && j.is(next, "TRANSACTION"), j.is(j.t, "PROPERTY"), j.is(j.t, "CONFIG") && j.dialect == TiDB, j.is(j.t, "BINDING") && j.dialect == TiDB:
		j.eff |= writes
	case j.is(j.t, "STATEMENT") && j.dialect.my():
		j.setStatement()
	case j.is(j.t, "CATALOG") && j.dialect.fe():
		j.toEnd()
		j.do(op{kind: opCatalog, text: handle(join(j.lexer, j.first.start, j.t.start))})
	case j.is(j.t, "WAREHOUSE") && j.dialect.fe(), j.is(j.t, "SESSION") && j.is(next, "WAREHOUSE") && j.dialect.fe() && !j.assignsBehind():
		j.statementAs("WAREHOUSE")
	default:
		j.items()
	}
}

// assignsBehind reports whether the token behind the next one is an equals sign.
func (j *judge) assignsBehind() bool {
	l := j.lexer
	l.next()
	return l.other(l.next(), '=')
}

// assignsNext reports whether the next token assigns.
func (j *judge) assignsNext() bool {
	next := j.ahead()
	return j.other(next, '=') || next.kind == tokAssign
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
		if !j.dialect.fe() {
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
		j.inside()
		if depth == 0 && (j.t.kind == tokWord || j.t.kind == tokName) && j.assignsNext() {
			j.do(op{kind: opRestores, key: handle(bytes.ToLower(append([]byte("@@session."), bare(j.bytes(j.t))...)))})
		}
		switch {
		case j.other(j.t, '('):
			depth++
		case j.other(j.t, ')'):
			depth--
		case j.named(j.t, "SQL_MODE"), j.named(j.t, "CHARACTER_SET_CLIENT"):
			j.remoded = true
		case depth == 0 && j.is(j.t, "FOR"):
			if j.advance(); !j.over() {
				j.first, j.limited = j.t, true
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
	first := 0
	if j.v != nil {
		first = len(j.v.ops)
	}
	defer func() { j.parsedBefore(first) }()
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

// parsedBefore has values asked for that stand in one SET behind a change of the rules: all of it was parsed by the rules before. first is
// the SET's first operation.
func (j *judge) parsedBefore(first int) {
	changed := false
	for i := first; j.v != nil && i < len(j.v.ops); i++ {
		o := &j.v.ops[i]
		x := setting{key: o.key, text: o.text, kind: o.setting}
		switch {
		case o.kind != opSet && o.kind != opAsk:
		case isLexing(o.key.Value()):
			changed = true
		case changed && o.kind == opAsk:
			o.copies = notCopied // of what was there before
		case changed && o.kind == opSet && x.ruled(j.dialect):
			*o = op{kind: opAsk, key: o.key}
		}
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
	name := respelled(j.bytes(j.t))
	key := j.userVar(j.t)
	if j.advance(); !j.equals() {
		return false
	}
	v := j.value(nil)
	switch {
	case v.literal == isLiteral && (!v.word || v.isNull):
		j.do(op{kind: opSet, key: key, text: handle(append(append(bytes.Clone(name), '='), v.text...))})
	default:
		j.impossible = j.impossible || v.word && v.text[0] == '"' // there is no such column
		j.do(op{kind: opAsk, key: key, copies: copyOf(v.text)})
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
	var name []byte
	for ; !j.over() && !j.other(j.t, ','); j.advance() {
		if n == 0 {
			name = j.bytes(j.t)
		}
		if n++; j.t.kind != tokWord && j.t.kind != tokString && j.t.kind != tokName {
			return false
		}
		out = append(append(out, ' '), j.bytes(j.t)...)
	}
	if n == 0 {
		return false
	}
	if equalFold(name, "DEFAULT") {
		switch {
		case j.dialect.my(): // what a global variable names
			for _, asked := range [...]string{keyClient, "@@session.character_set_results", "@@session.collation_connection"} {
				j.do(op{kind: opAsk, key: handle([]byte(asked))})
			}
			j.charset(value{text: name})
			return true
		case j.dialect == TiDB: // mysql.DefaultCharset
			name = []byte("utf8mb4")
		}
	}
	j.do(op{kind: opSet, key: handle([]byte(key)), text: handle(out)})
	j.charset(value{text: name})
	return true
}

// charset notes which character set becomes the client's, in which texts are read.
func (j *judge) charset(v value) {
	o := op{kind: opCharset, client: clientOf(v.text), from: v.from}
	j.do(o)
	j.v.modes = true
	j.becomes = append(j.becomes, o)
}

// clientOf tells what is known of a character set by its name, which may stand in quotes: that it is a unicode one, another one in which each byte
// of a quote or a backslash is one, or nothing.
func clientOf(name []byte) knowledge {
	switch {
	case !safeCharset(name):
		return unknown
	case leads(bare(name), "UTF8"), equalFold(bare(name), "ASCII"), equalFold(bare(name), "BINARY"):
		return on
	default:
		return off
	}
}

// bare is b without the quotes that it may stand in.
func bare(b []byte) []byte {
	if len(b) >= 2 && (b[0] == '\'' || b[0] == '"' || b[0] == '`') {
		return b[1 : len(b)-1]
	}
	return b
}

// safeCharset reports whether b, which may stand in quotes, names a character set in which each byte of a quote or a backslash is one. Of
// a number, a variable or DEFAULT that is not known.
func safeCharset(b []byte) bool {
	b = bare(b)
	for _, name := range [...]string{
		"UTF8MB4", "UTF8", "UTF8MB3", "LATIN1", "ASCII", "BINARY", "LATIN2", "LATIN5", "LATIN7", "CP1250", "CP1251", "CP1256", "CP1257", "CP850", "CP852", "CP866",
		"KOI8R", "KOI8U", "GREEK", "HEBREW", "TIS620", "ARMSCII8", "GEOSTD8", "DEC8", "HP8", "KEYBCS2", "MACCE", "MACROMAN", "UJIS", "EUCJPMS", "EUCKR", "GB2312",
	} {
		if equalFold(b, name) {
			return true
		}
	}
	return false
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
		if j.dialect.fe() { // where the session's own value changes as well
			j.do(op{kind: opAsk, key: handle(key), setting: ifSet})
		}
		return
	case s == unscoped && !j.dialect.fe() && isTransactionVariable(string(name)):
		j.pin(pinNextTransaction)
		return
	case isOneShot(string(name)) && !j.dialect.fe():
		o := op{kind: opOneShot, key: handle(name), sure: v.literal == isLiteral && s != afterGlobal && isOver(string(name), string(bare(v.text)))}
		if v.literal == isLiteral {
			o.text = handle(v.text)
		}
		j.do(o)
		return
	case string(name) == "identity":
		name, key = []byte("last_insert_id"), []byte("@@session.last_insert_id")
	case string(name) == "catalog" && j.dialect.fe():
		j.do(op{kind: opCatalog, text: handle(append([]byte("SET catalog="), v.text...))})
		if v.literal != isLiteral {
			j.pin(pinUnparsed)
		}
		return
	}
	switch {
	case s == afterGlobal || v.literal == computed || v.literal == relative && isFleeting(string(name)),
		string(key) == keyClient && equalFold(v.text, "DEFAULT") && j.dialect.my():
		j.do(op{kind: opAsk, key: handle(key)})
	default:
		kind := assignment
		if v.literal == relative || switches(string(name), v.text) {
			kind = relativeAssignment
		}
		text := append(append(bytes.Clone(name), '='), v.text...)
		j.do(op{kind: opSet, key: handle(key), text: handle(text), setting: kind})
	}
	if s == afterGlobal {
		v.literal, v.from = computed, text{}
	}
	j.lexing(string(name), v)
	if j.dialect.my() && diagnosing(string(name), v) {
		j.pin(pinDiagnostics)
	}
}

// diagnosing reports whether an assignment has the server keep what it learns of the statements that follow, for this session to be asked for. That stays when
// it is switched off.
func diagnosing(name string, v value) bool {
	literal := bare(v.text)
	switch {
	case name != "profiling" && name != "optimizer_trace", equalFold(literal, "DEFAULT"):
		return false
	case v.literal != isLiteral:
		return true
	case name == "optimizer_trace" && !isDigit(literal[0]):
		return holdsWord(literal, "ENABLED=ON") || holdsWord(literal, "DEFAULT")
	}
	return string(literal) != "0" && !equalFold(literal, "OFF") && !equalFold(literal, "FALSE")
}

// lexing notes the variables that change how texts are read.
func (j *judge) lexing(name string, v value) {
	switch name {
	case "character_set_client":
		j.charset(v)
	case "character_set_connection", "collation_connection":
		j.v.modes = true
		for _, unsafe := range [...]string{"GBK", "BIG5", "SJIS", "CP932", "GB18030"} {
			if !j.dialect.fe() && holdsWord(v.text, unsafe) {
				j.pin(pinCharacterSet)
			}
		}
	case "sql_mode":
		j.v.modes = true
		o := op{kind: opSQLMode, from: v.from}
		if v.literal == isLiteral {
			o.ansi, o.slash = modesOf(j.dialect, v.text)
		}
		j.do(o)
		j.becomes = append(j.becomes, o)
	}
}

// modesOf tells what a literal makes of the modes that texts are read by, when sql_mode is set to it.
func modesOf(d Dialect, literal []byte) (ansi, slash knowledge) {
	switch n, err := strconv.ParseUint(string(literal), 10, 64); {
	case err == nil && d.my():
		const ansiQuotes, combined, noBackslash = 1 << 2, 0x1f<<8 | 1<<18, 1 << 20
		return ofBool(n&(ansiQuotes|combined) != 0), ofBool(n&noBackslash != 0)
	case err == nil, bytes.IndexByte(literal, '\\') >= 0:
		return unknown, unknown
	}
	ansi, slash = off, off
	for mode := range bytes.SplitSeq(bytes.ToUpper(bare(literal)), []byte{','}) {
		switch string(bytes.TrimSpace(mode)) {
		case "ANSI_QUOTES", "ANSI", "ORACLE", "MSSQL", "DB2", "MAXDB", "POSTGRESQL":
			ansi = on
		case "NO_BACKSLASH_ESCAPES":
			slash = on
		case "DEFAULT":
			return unknown, unknown
		default:
			if foreign(string(mode)) {
				return unknown, unknown
			}
		}
	}
	return ansi, slash
}

func ofBool(is bool) knowledge {
	if is {
		return on
	}
	return off
}

// copyOf tells the variable that an expression is nothing but.
func copyOf(expression []byte) copied {
	rest, ok := bytes.CutPrefix(expression, []byte("@@"))
	if !ok {
		return notCopied
	}
	for _, scope := range [...]string{"SESSION.", "LOCAL."} {
		if leads(rest, scope) {
			rest = rest[len(scope):]
			break
		}
	}
	switch {
	case equalFold(rest, "SQL_MODE"):
		return copiedMode
	case equalFold(rest, "CHARACTER_SET_CLIENT"):
		return copiedClient
	}
	return notCopied
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
	case keyInsertID, "rand_seed1", "rand_seed2", "gtid_next", "gtid_seq_no", "original_commit_timestamp", "immediate_server_version", "original_server_version", "tidb_snapshot", "tidb_read_staleness", "tx_read_ts",
		"tx_isolation_one_shot":
		return true
	}
	return false
}

const keyInsertID = "insert_id"

// isOver reports whether such a variable is as in a new session once it has been set to value.
func isOver(name, value string) bool {
	byDefault := strings.EqualFold(value, "DEFAULT")
	switch name {
	case "gtid_next":
		return byDefault || strings.EqualFold(value, "AUTOMATIC")
	case "tidb_snapshot", "tx_read_ts":
		return value == ""
	case "tidb_read_staleness":
		return value == "" || value == "0"
	case keyInsertID, "gtid_seq_no":
		return byDefault || value == "0"
	}
	return false
}

// isFleeting reports variables of which a fresh session has another value: what is made from it is another one there.
func isFleeting(name string) bool { return name == "timestamp" || name == "last_insert_id" }

// value is the right side of an assignment.
type value struct {
	text    []byte // without comments
	literal literalness
	word    bool // it is a bare word or a name in quotes
	isNull  bool // … NULL, TRUE or FALSE
	userVar bool // a user variable stands in it
	from    text // … and nothing else
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
		j.inside()
		inVariable = t.kind == tokSysVar || inVariable && (t.kind == tokWord || j.other(t, '.'))
		switch t.kind {
		case tokUserVar:
			v.userVar = true
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
	if n == 1 && v.userVar {
		v.from = j.userVar(shape[0])
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
