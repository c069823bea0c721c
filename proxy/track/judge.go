package track

import "segue/proxy/wire"

// judge reads a text that lies whole in memory and tells what its statements leave in the session. It allocates nothing for
// statements that leave nothing. The table Verdicts says in words what it decides.
type judge struct {
	lexer
	t      token // the current one
	first  token // of the statement
	status wire.Status
	eff    effect
	v      *verdict
	depth  int // of texts within texts
}

// judgeText is the slow path: it tells the verdict on a text and, as far as the first words of its statements do not tell
// it (see scanner), its effect.
func judgeText(b []byte, d Dialect, status wire.Status, depth int) (effect, *verdict) {
	j := judge{lexer: newLexer(b, d, status), status: status, depth: depth}
	for j.advance(); j.t.kind != tokEnd; j.advance() {
		for j.other(j.t, '(') {
			j.advance()
		}
		if j.over() {
			continue
		}
		j.first = j.t
		j.statement()
		for !j.over() {
			j.expression()
		}
		if j.t.kind == tokEnd {
			break
		}
	}
	if j.broken || j.uncertain && j.v != nil {
		j.pin(pinUnparsed)
	}
	return j.eff, j.v
}

func (j *judge) advance() { j.t = j.next() }

// over reports whether the statement ends here.
func (j *judge) over() bool { return j.t.kind == tokEnd || j.t.kind == tokSemicolon }

// word takes the current token if it is this word, in upper case.
func (j *judge) word(w string) bool {
	if !j.is(j.t, w) {
		return false
	}
	j.advance()
	return true
}

// ahead is the token behind the current one.
func (j *judge) ahead() token {
	l := j.lexer
	return l.next()
}

func (j *judge) do(o op) {
	if j.v == nil {
		j.v = &verdict{}
	}
	j.v.ops = append(j.v.ops, o)
}

func (j *judge) pin(p pins)   { j.do(op{kind: opPin, pins: p}) }
func (j *judge) unpin(p pins) { j.do(op{kind: opUnpin, pins: p}) }

// statement judges by the first word. Those that no case names are unknown.
func (j *judge) statement() {
	var buf [16]byte
	w := j.upper(buf[:])
	j.advance()
	switch string(w) {
	case "SELECT", "SHOW", "DESC", "DESCRIBE", "EXPLAIN", "VALUES", "TABLE", "HELP", "CHECKSUM", "TRACE", "SYNC", "KILL":
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "TRUNCATE", "GRANT", "REVOKE", "ANALYZE", "OPTIMIZE",
		"REPAIR", "CHECK", "CACHE", "PURGE", "RESET", "CHANGE", "STOP", "INSTALL", "UNINSTALL", "IMPORT", "SHUTDOWN", "RESTART", "CLONE",
		"DO", "SIGNAL", "RESIGNAL", "EXPORT", "CANCEL", "REFRESH", "RECOVER", "RESTORE", "SUBMIT", "PAUSE", "RESUME", "SUSPEND",
		"ADMIN", "BATCH", "FLASHBACK", "SPLIT", "PLAN", "QUERY", "CALIBRATE", "DISTRIBUTE", "CLEAN":
		j.eff |= writes
	case "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "START":
	case "LOAD", "GET":
		j.eff |= writes
		j.askAll()
	case "SET":
		j.set()
	case "USE":
		j.use()
	case "SWITCH":
		j.switchCatalog()
	case "BEGIN":
		j.begin()
	case "CREATE":
		j.create()
	case "ALTER", "RENAME":
		j.alter()
	case "DROP":
		j.drop()
	case "PREPARE":
		j.prepare()
	case "EXECUTE":
		j.execute()
	case "DEALLOCATE":
		j.deallocate()
	default:
		j.connection(string(w))
	}
}

// connection judges the statements that lock, and those that are compound or unknown.
func (j *judge) connection(w string) {
	j.eff |= writes
	switch w {
	case "LOCK":
		j.lock()
	case "UNLOCK":
		if j.word("INSTANCE") {
			j.unpin(pinLockInstance)
		} else {
			j.unpin(pinLockTables | pinFlushTables)
		}
	case "FLUSH":
		j.flush()
	case "HANDLER":
		j.handler()
	case "XA":
		j.xa()
	case "BACKUP":
		j.backup()
	case "CALL":
		j.pin(pinProcedure)
		j.body()
	case "IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR", "DECLARE":
		j.compound()
	default:
		j.pin(pinUnknown)
	}
}

// upper gives the current word in upper case, cut to the room of buf; nothing for what is no word.
func (j *judge) upper(buf []byte) []byte {
	if j.t.kind != tokWord {
		return nil
	}
	n := copy(buf, j.bytes(j.t))
	for i, c := range buf[:n] {
		if c >= 'a' && c <= 'z' {
			buf[i] = c &^ 0x20
		}
	}
	if n < j.t.end-j.t.start {
		return nil
	}
	return buf[:n]
}

// expression takes one token of whatever stands in a statement, and what follows it if the two leave something: an assignment,
// INTO @x, a lock.
func (j *judge) expression() {
	switch j.t.kind {
	case tokUserVar:
		v := j.t
		if j.advance(); j.t.kind == tokAssign {
			j.ask(v)
		}
	case tokWord:
		j.function()
	default:
		j.advance()
	}
}

// function takes a word.
func (j *judge) function() {
	t := j.t
	j.advance()
	switch j.text[t.start] | 0x20 {
	case 'i':
		if j.is(t, "INTO") {
			j.into()
		}
	case 'l':
		if j.is(t, "LAST_INSERT_ID") && j.other(j.t, '(') && !j.other(j.ahead(), ')') {
			j.do(op{kind: opAskInsertID})
		}
	case 'g':
		if j.is(t, "GET_LOCK") && j.other(j.t, '(') {
			j.getLock(t)
		}
	case 'r':
		if j.other(j.t, '(') {
			j.releaseLock(t)
		}
	case 's', 'v':
		switch {
		case j.is(t, "SQL_CALC_FOUND_ROWS"):
			j.eff |= counts
		case j.other(j.t, '(') && (j.is(t, "SERVICE_GET_READ_LOCKS") || j.is(t, "SERVICE_GET_WRITE_LOCKS") ||
			j.is(t, "VERSION_TOKENS_LOCK_SHARED") || j.is(t, "VERSION_TOKENS_LOCK_EXCLUSIVE")):
			j.pin(pinUserLock)
		}
	}
}

// into takes the user variables behind INTO.
func (j *judge) into() {
	for j.t.kind == tokUserVar {
		j.ask(j.t)
		if j.advance(); !j.other(j.t, ',') {
			return
		}
		j.advance()
	}
}

// askAll takes the rest of a statement that may assign every user variable that it names.
func (j *judge) askAll() {
	for ; !j.over(); j.advance() {
		if j.t.kind == tokUserVar {
			j.ask(j.t)
		}
	}
}

// ask notes that only the server knows a user variable from here on.
func (j *judge) ask(v token) { j.do(op{kind: opAsk, key: handle(j.bytes(v))}) }

// compound takes a statement that only a procedure, or MariaDB, has.
func (j *judge) compound() {
	if j.dialect != MySQL {
		j.pin(pinUnknown)
		return
	}
	j.pin(pinProcedure)
	j.body()
}

// body takes all the rest of the text: its semicolons end no statement that this session executes now.
func (j *judge) body() {
	for j.t.kind != tokEnd {
		j.advance()
	}
}

// begin tells BEGIN, which opens a transaction, from BEGIN … END.
func (j *judge) begin() {
	if j.over() || j.is(j.t, "WORK") || j.dialect != MySQL {
		return
	}
	j.compound()
}

// name takes a name of one or several parts, without quotes, each ended by a NUL but the last.
func (j *judge) name() (name []byte) {
	for {
		switch j.t.kind {
		case tokWord, tokNumber:
			name = append(name, j.bytes(j.t)...)
		case tokName, tokString:
			b := j.bytes(j.t)
			name = append(name, unquote(b, b[0] == '\'' && !j.noBackslash)...)
		default:
			return name
		}
		if j.advance(); !j.other(j.t, '.') {
			return name
		}
		j.advance()
		name = append(name, 0)
	}
}

// unquote gives what stands between the quotes of a whole string or name.
func unquote(b []byte, escapes bool) []byte {
	if len(b) < 2 {
		return nil
	}
	quote, in := b[0], b[1:len(b)-1]
	out := make([]byte, 0, len(in))
	for i := 0; i < len(in); i++ {
		c := in[i]
		switch {
		case c == quote:
			i++
		case c == '\\' && escapes && i+1 < len(in):
			i++
			c = in[i]
			switch c {
			case 'n':
				c = '\n'
			case 't':
				c = '\t'
			case 'r':
				c = '\r'
			case '0':
				c = 0
			case 'b':
				c = '\b'
			case 'Z':
				c = 0x1a
			case '%', '_':
				out = append(out, '\\')
			}
		}
		out = append(out, c)
	}
	return out
}
