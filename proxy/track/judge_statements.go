package track

import "bytes"

// use judges USE. Of StarRocks's `USE 'catalog c'`, COM_INIT_DB has the same form without quotes.
func (j *judge) use() {
	name := bytes.ReplaceAll(j.name(), []byte{0}, []byte{'.'})
	if len(name) == 0 || !j.over() {
		j.pin(pinUnparsed)
		return
	}
	j.do(useOp(name, j.dialect))
}

// useOp is what USE or COM_INIT_DB of a name comes to.
func useOp(name []byte, d Dialect) op {
	if d != StarRocks {
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
	if j.dialect != StarRocks || len(name) == 0 || !j.over() {
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
		j.advance() // TABLE, SEQUENCE
		if j.word("IF") {
			j.word("NOT")
			j.word("EXISTS")
		}
		j.do(op{kind: opTemporary, text: handle(j.name())})
	default:
		j.program()
	}
}

// program takes a CREATE or ALTER that may define a procedure or the like, whose body may hold semicolons. What stands behind them
// may as well be further statements of the text: that cannot be told without a grammar of bodies.
func (j *judge) program() {
	for n := 0; n < 16 && !j.over() && !j.is(j.t, "AS") && !j.is(j.t, "TABLE") && !j.is(j.t, "VIEW"); n++ {
		if j.is(j.t, "PROCEDURE") || j.is(j.t, "FUNCTION") || j.is(j.t, "TRIGGER") || j.is(j.t, "EVENT") || j.is(j.t, "PACKAGE") {
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
			if j.is(j.t, "RENAME") || j.is(j.t, "TO") {
				j.do(op{kind: opDrop}) // of no name: which one is not known
				return
			}
		}
		return
	}
	j.program()
}

// drop judges DROP.
func (j *judge) drop() {
	j.eff |= writes
	j.word("TEMPORARY")
	switch {
	case j.word("TABLE"), j.word("TABLES"), j.word("SEQUENCE"):
		j.ifExists()
		for {
			name := j.name()
			if len(name) == 0 {
				return
			}
			j.do(op{kind: opDrop, text: handle(name)})
			if !j.other(j.t, ',') {
				return
			}
			j.advance()
		}
	case j.word("DATABASE"), j.word("SCHEMA"):
		j.ifExists()
		j.do(op{kind: opDropDatabase, text: handle(j.name())})
	case j.word("PREPARE"):
		j.do(op{kind: opDeallocate, key: handle(bytes.ToLower(j.name()))})
	case j.dialect == TiDB && (j.word("SESSION") || j.is(j.t, "BINDING")):
		j.pin(pinUnparsed)
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
	j.advance()
	if !from || literal.kind != tokString || !j.over() || j.depth > 0 {
		if len(name) > 0 { // what was prepared under this name is gone all the same
			j.do(op{kind: opPrepare, key: handle(name)})
			return
		}
		j.pin(pinPrepareText)
		return
	}
	o := op{kind: opPrepare, key: handle(name), text: handle(join(j.lexer, j.first.start, literal.end))}
	_, o.inner = judgeText(unquote(j.bytes(literal), !j.noBackslash), j.dialect, j.status, j.depth+1)
	j.do(o)
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
	case j.is(j.t, "AS") && j.dialect == StarRocks:
		for !j.over() {
			j.advance()
		}
		j.do(op{kind: opForgetRoles})
		j.do(op{kind: opSet, setting: wholeStatement, key: handle([]byte("EXECUTE AS")), text: handle(join(j.lexer, j.first.start, j.t.start))})
	case j.is(j.t, "IMMEDIATE") && j.ahead().kind == tokString && j.depth == 0:
		j.advance()
		literal := j.t
		if j.advance(); !j.over() && !j.is(j.t, "USING") {
			j.pin(pinUnparsed)
			return
		}
		e, v := judgeText(unquote(j.bytes(literal), !j.noBackslash), j.dialect, j.status, j.depth+1)
		j.eff |= e
		if v != nil {
			for _, o := range v.ops {
				j.do(o)
			}
			j.v.modes = j.v.modes || v.modes
		}
	case j.is(j.t, "IMMEDIATE"):
		j.pin(pinUnparsed)
	default:
		j.do(op{kind: opExecute, key: handle(bytes.ToLower(j.name()))})
	}
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
