package track

import "bytes"

// use judges USE. Of StarRocks's `USE 'catalog c'`, COM_INIT_DB has the same form without quotes.
func (j *judge) use() {
	name := dotted(j.name())
	if len(name) == 0 || !j.over() {
		j.pin(pinUnparsed)
		return
	}
	j.do(useOp(name, j.dialect))
}

// dotted spells the parts of a name as COM_INIT_DB does.
func dotted(name []byte) []byte { return bytes.ReplaceAll(name, []byte{0}, []byte{'.'}) }

// useOp is what USE or COM_INIT_DB of a name comes to.
func useOp(name []byte, d Dialect) op {
	if !d.fe() {
		return op{kind: opUse, text: handle(name)}
	}
	if rest, ok := cutWord(name, "CATALOG"); ok {
		return op{kind: opCatalog, text: handle(append([]byte("SET CATALOG "), quotedName(rest)...))}
	}
	if rest, ok := cutWord(name, "WAREHOUSE"); ok {
		return op{kind: opSet, setting: wholeStatement, key: handle([]byte("WAREHOUSE")), text: handle(append([]byte("SET WAREHOUSE "), quotedName(rest)...))}
	}
	if bytes.ContainsAny(name, " @") { // Doris: db@cluster
		return op{kind: opPin, pins: pinUnparsed}
	}
	return op{kind: opUse, text: handle(name)}
}

// cutWord cuts a word and the spaces behind it from the front of b.
func cutWord(b []byte, word string) ([]byte, bool) {
	if len(b) <= len(word) || !leads(b, word) || b[len(word)] != ' ' {
		return b, false
	}
	return bytes.TrimSpace(b[len(word):]), true
}

// quotedName puts a name into backticks.
func quotedName(name []byte) []byte {
	out := append(make([]byte, 0, len(name)+2), '`')
	for _, c := range name {
		if out = append(out, c); c == '`' {
			out = append(out, c)
		}
	}
	return append(out, '`')
}

// switchCatalog judges Doris's SWITCH.
func (j *judge) switchCatalog() {
	name := j.name()
	if !j.dialect.fe() || len(name) == 0 || !j.over() {
		j.pin(pinUnknown)
		return
	}
	j.do(op{kind: opCatalog, text: handle(append([]byte("SWITCH "), quotedName(name)...))})
}

// create judges CREATE: temporary tables, and bodies that hold statements.
func (j *judge) create() {
	j.eff |= writes
	if j.word("OR") {
		j.word("REPLACE")
	}
	global := j.word("GLOBAL")
	session := j.word("SESSION")
	switch {
	case j.is(j.t, "BINDING") && j.dialect == TiDB:
		if !global {
			j.pin(pinUnparsed)
		}
	case session:
		j.pin(pinUnknown)
	case j.word("TEMPORARY"):
		if global { // TiDB: its rows live no longer than the transaction
			return
		}
		sequence := j.is(j.t, "SEQUENCE")
		j.advance() // TABLE, SEQUENCE
		if j.word("IF") {
			j.word("NOT")
			j.word("EXISTS")
		}
		j.do(op{kind: opTemporary, text: handle(j.name()), sequence: sequence})
	default:
		j.defines()
	}
}

// defines takes a CREATE or ALTER that may define a procedure or the like, whose body may hold semicolons. What stands behind them
// may as well be further statements of the text: that cannot be told without a grammar of bodies.
func (j *judge) defines() {
	for n := 0; n < 16 && !j.over() && !j.is(j.t, "AS") && !j.is(j.t, "TABLE") && !j.is(j.t, "VIEW"); n++ {
		if j.program(j.t) {
			for !j.over() {
				j.advance()
			}
			if j.t.kind == tokSemicolon && j.ahead().kind != tokEnd {
				j.pin(pinProcedure)
				j.body()
			}
			return
		}
		j.advance()
	}
}

// alter judges ALTER and RENAME: they may give a temporary table another name.
func (j *judge) alter() {
	j.eff |= writes
	if j.is(j.t, "TABLE") || j.is(j.t, "TABLES") || j.is(j.t, "ONLINE") || j.is(j.t, "IGNORE") {
		for ; !j.over(); j.advance() {
			if j.renamesPart() {
				continue
			}
			if j.is(j.t, "RENAME") || j.is(j.t, "TO") {
				j.do(op{kind: opDrop}) // of no name: which one is not known
				return
			}
		}
		return
	}
	if (j.is(j.t, "DATABASE") || j.is(j.t, "SCHEMA")) && j.dialect.my() { // of the current one the session has these anew
		for _, name := range [...]string{"@@session.character_set_database", "@@session.collation_database"} {
			j.do(op{kind: opAsk, key: handle([]byte(name)), setting: ifSet})
		}
	}
	j.defines()
}

// renamesPart takes RENAME COLUMN, INDEX or KEY a TO, and CONVERT TO, up to its last word, and reports whether that stood there: the table keeps its name.
func (j *judge) renamesPart() bool {
	next := j.ahead()
	if j.is(j.t, "CONVERT") && j.is(next, "TO") {
		j.advance()
		return true
	}
	if !j.is(j.t, "RENAME") || !j.is(next, "COLUMN") && !j.is(next, "INDEX") && !j.is(next, "KEY") {
		return false
	}
	j.advance()
	j.advance()
	j.ifExists()
	j.name()
	return j.is(j.t, "TO")
}

// drop judges DROP.
func (j *judge) drop() {
	j.eff |= writes
	j.word("TEMPORARY")
	switch {
	case j.word("TABLE"), j.word("TABLES"):
		j.drops(false)
	case j.word("SEQUENCE"), j.word("SEQUENCES"):
		j.drops(true)
	case j.word("DATABASE"), j.word("SCHEMA"):
		j.ifExists()
		j.do(op{kind: opDropDatabase, text: handle(dotted(j.name()))})
	case j.word("PREPARE"):
		j.do(op{kind: opDeallocate, key: handle(bytes.ToLower(j.name()))})
	case j.dialect == TiDB && (j.word("SESSION") || j.is(j.t, "BINDING")):
		j.pin(pinUnparsed)
	}
}

// drops takes the names behind DROP TABLE, or DROP SEQUENCE, which leaves a temporary table of the name where it is.
func (j *judge) drops(sequence bool) {
	for j.ifExists(); ; j.advance() {
		name := j.name()
		if len(name) == 0 {
			return
		}
		if j.do(op{kind: opDrop, text: handle(name), sequence: sequence}); !j.other(j.t, ',') {
			return
		}
	}
}

func (j *judge) ifExists() {
	if j.word("IF") {
		j.word("EXISTS")
	}
}

// prepare judges PREPARE … FROM. Its text takes effect when it is executed.
func (j *judge) prepare() {
	name := bytes.ToLower(j.name())
	from := j.word("FROM")
	literal := j.t
	if literal.kind == tokString {
		j.advance()
	}
	j.impossible = j.impossible || from && literal.kind == tokName && j.text[literal.start] == '"' // a text is no name
	if j.limited && len(name) > 0 {                                                                // it is read by rules that end with it
		j.do(op{kind: opPrepare, key: handle(name)})
		return
	}
	if from && literal.kind == tokUserVar && j.ahead().kind != tokOther && j.depth == 0 && (j.v == nil || !j.v.modes) {
		if j.advance(); j.over() && len(name) > 0 {
			j.do(op{kind: opPrepare, key: handle(name), text: handle(append(join(j.lexer, j.first.start, literal.start), ' ')), from: j.userVar(literal)})
			return
		}
	}
	if from && j.dialect.fe() && (j.is(literal, "SELECT") || j.is(literal, "WITH")) && j.depth == 0 && len(name) > 0 {
		for ; !j.over(); j.advance() {
			j.inside()
		}
		j.do(op{kind: opPrepare, key: handle(name), text: handle(join(j.lexer, j.first.start, j.t.start))})
		return
	}
	if !from || literal.kind != tokString || !j.over() || j.depth > 0 {
		if len(name) > 0 { // what was prepared under this name is gone all the same
			j.do(op{kind: opPrepare, key: handle(name)})
			return
		}
		j.pin(pinPrepareText)
		return
	}
	o := op{kind: opPrepare, key: handle(name), text: handle(join(j.lexer, j.first.start, literal.end))}
	o.inner = preparedVerdict(unquote(j.bytes(literal), !j.noBackslash), j.inner(), j.depth+1)
	j.do(o)
}

// preparedVerdict is what a statement prepared as text leaves when it is executed.
func preparedVerdict(inner []byte, r rules, depth int) *verdict {
	e, v := judgeText(inner, r, depth)
	if e&inserts != 0 && holdsWord(inner, "RETURNING") {
		if v == nil {
			v = &verdict{}
		}
		v.ops = append(v.ops, op{kind: opAskInsertID})
	}
	return v
}

// trace judges TiDB's TRACE, which executes what it traces.
func (j *judge) trace() {
	for !j.over() && (j.is(j.t, "PLAN") || j.is(j.t, "TARGET") || j.is(j.t, "FORMAT") || j.other(j.t, '=') || j.t.kind == tokString) {
		j.advance()
	}
	if !j.over() {
		j.first, j.limited = j.t, true
		j.statement()
	}
}

// unset judges Doris's UNSET VARIABLE.
func (j *judge) unset() {
	global := j.word("GLOBAL")
	if !global {
		j.word("SESSION")
	}
	if !j.word("VARIABLE") {
		j.pin(pinUnknown)
		return
	}
	all := j.is(j.t, "ALL")
	name := append([]byte("@@session."), bytes.ToLower(j.name())...)
	switch {
	case !j.over():
		j.pin(pinUnparsed)
	case all && !global:
		j.do(op{kind: opForget})
	case !all && !global:
		j.do(op{kind: opForget, key: handle(name)})
	case !all:
		j.do(op{kind: opAsk, key: handle(name), setting: ifSet})
	default:
		j.pin(pinUnparsed)
	}
}

// inner are the rules for a text within the statement.
func (j *judge) inner() rules {
	r := j.rules
	if j.remoded {
		r.doubts |= doubtAnsi | doubtBackslash
	}
	return r
}

func (j *judge) deallocate() {
	if !j.word("PREPARE") {
		j.pin(pinUnknown)
		return
	}
	j.do(op{kind: opDeallocate, key: handle(bytes.ToLower(j.name()))})
}

// execute judges EXECUTE of a statement that was prepared as text, EXECUTE IMMEDIATE and StarRocks's EXECUTE AS.
func (j *judge) execute() {
	j.eff |= writes
	switch {
	case j.is(j.t, "AS") && j.dialect.fe():
		for !j.over() {
			j.advance()
		}
		j.do(op{kind: opForgetRoles})
		j.do(op{kind: opSet, setting: wholeStatement, key: handle([]byte("EXECUTE AS")), text: handle(join(j.lexer, j.first.start, j.t.start))})
	case j.is(j.t, "IMMEDIATE") && j.depth == 0:
		l := j.lexer
		said, next, ok := l.spelled(l.next())
		if !ok || next.kind != tokEnd && next.kind != tokSemicolon && !l.is(next, "USING") {
			j.pin(pinUnparsed)
			return
		}
		j.lexer, j.t = l, next
		e, v := judgeText(said, j.inner(), j.depth+1)
		j.eff |= e
		if v != nil {
			for _, o := range v.naming(text{}).ops { // the values of parameters are not looked for in USING
				if !j.limited || !o.lifts() || o.sure {
					j.do(o)
				}
			}
			if v.modes && j.v != nil {
				j.v.modes = true
			}
		}
	case j.is(j.t, "IMMEDIATE"):
		j.pin(pinUnparsed)
	default:
		j.do(op{kind: opExecute, key: handle(bytes.ToLower(j.name())), sure: !j.limited})
	}
}

// spelled is the text that strings spell from the token t on: one, several side by side, or CONCAT of some. next is the token behind them.
func (l *lexer) spelled(t token) (said []byte, next token, ok bool) {
	concat := l.is(t, "CONCAT")
	if concat {
		if !l.other(l.next(), '(') {
			return nil, t, false
		}
		t = l.next()
	}
	n := 0
	for ; t.kind == tokString; n++ {
		said = append(said, unquote(l.bytes(t), !l.noBackslash)...)
		if t = l.next(); concat && l.other(t, ',') {
			if t = l.next(); t.kind != tokString {
				return nil, t, false
			}
		}
	}
	if n == 0 || n > 1 && foreign(string(said)) {
		return nil, t, false
	}
	if concat {
		if !l.other(t, ')') {
			return nil, t, false
		}
		t = l.next()
	}
	return said, t, true
}

// join gives the text between two tokens without comments, and with what is executed of the others.
func join(l lexer, start, end int) []byte {
	l.at, l.broken, l.exec = start, false, false
	var out []byte
	for l.at < end {
		t := l.next()
		if t.kind == tokEnd || t.start >= end {
			break
		}
		if t.spaced && len(out) > 0 {
			out = append(out, ' ')
		}
		out = append(out, l.bytes(t)...)
	}
	return out
}
