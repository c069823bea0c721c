package track

// judge reads a text that lies whole in memory and tells what its statements leave in the session. It allocates nothing for
// statements that leave nothing. The table Verdicts says in words what it decides.
type judge struct {
	cursor
	first token // of the statement
	n     int   // statements so far
	eff   effect
	prior effect // of the statements before this one
	v     *verdict
	depth int // of texts within texts

	limited    bool // settings of this statement alone stand before it: it may be given no row
	remoded    bool // … and texts within it are read by other rules
	becomes    []op // … and of modes and character sets that change with it
	impossible bool // by these rules the text has no answer but an error
}

// judgeText is the slow path: it tells the verdict on a text and its effect. Where the rules are not certain it reads the text by all that may
// hold; if they come to different verdicts nothing is known for certain.
func judgeText(b []byte, r rules, depth int) (eff effect, v *verdict) {
	first := true
	var last *verdict // of a text that is impossible
	way := ways(r)
	for {
		j := judge{cursor: cursor{lexer: newLexer(b, way.rules)}, depth: depth}
		j.statements()
		switch {
		case j.impossible && (way.open|j.met)&^doubtComment != 0:
			last = j.v
		case first:
			eff, v, first = j.eff, j.v, false
		case j.eff != eff || !same(j.v, v):
			eff |= j.eff
			v = v.unsure(j.v)
		}
		if !way.turn(j.met) {
			break
		}
	}
	if first {
		v = last
	}
	if way.beyond || r.wild && treacherous(b) {
		v = v.unsure(nil)
	}
	return eff, v
}

// treacherous reports whether a character of several bytes may have a backslash or a quote for its second one.
func treacherous(b []byte) bool {
	for i := 1; i < len(b); i++ {
		if b[i-1] >= 0x80 && (b[i] == '\\' || b[i] == '`') {
			return true
		}
	}
	return false
}

// statements judges all statements.
func (j *judge) statements() {
	for j.advance(); j.t.kind != tokEnd; j.advance() {
		for j.other(j.t, '(') {
			j.advance()
		}
		if j.over() {
			continue
		}
		if j.n++; j.n > 1 {
			j.eff |= several
		}
		j.first, j.limited, j.remoded, j.hinted = j.t, false, false, false
		j.prior = j.eff
		j.eff = j.eff.then(judgeWords(j.words()))
		j.statement()
		for !j.over() {
			j.expression()
		}
		if j.t.kind == tokEnd {
			break
		}
		j.turned()
	}
	if j.broken || j.cut {
		j.pin(pinUnparsed)
	}
	j.impossible = (j.impossible || j.cut) && j.n <= 1
}

// turned goes on by the rules that the statement has set, at its semicolon.
func (j *judge) turned() {
	for _, o := range j.becomes {
		switch {
		case o.kind == opSQLMode:
			j.become(o.ansi, o.slash)
		case j.dialect.fe():
		case o.client == unknown:
			j.broken = j.broken || foreign(string(j.text[j.at:]))
		case o.client == on:
			j.doubts &^= doubtGaps
		case j.dialect.my():
			j.doubts |= doubtGaps
		}
	}
	j.becomes = j.becomes[:0]
}

// words are the first ones of the statement, the current one among them.
func (j *judge) words() (w [4]keyword) {
	l := j.lexer
	t := j.t
	var buf [maxWord]byte
	for n, tokens := 0, 0; n < len(w) && tokens < 2*len(w) && t.kind != tokEnd && t.kind != tokSemicolon; tokens++ {
		if t.kind == tokWord {
			if w[n] = keywordOf(upperCase(buf[:], l.bytes(t)), t.end-t.start > maxWord); n == 0 && !w[0].leads() {
				return w
			}
			n++
		}
		t = l.next()
	}
	return w
}

// upperCase puts word into buf, as much of it as fits.
func upperCase(buf, word []byte) []byte {
	n := copy(buf, word)
	for i, c := range buf[:n] {
		if c >= 'a' && c <= 'z' {
			buf[i] = c &^ 0x20
		}
	}
	return buf[:n]
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
	j.diagnosis(w)
	switch string(w) {
	case "SELECT", "SHOW", "DESC", "DESCRIBE", "EXPLAIN", "VALUES", "TABLE", "HELP", "CHECKSUM", "SYNC", "KILL":
	case "TRACE":
		j.trace()
	case "INSERT", "REPLACE":
		j.eff |= writes | inserts
	case "UPDATE", "DELETE", "WITH", "TRUNCATE", "GRANT", "REVOKE", "ANALYZE", "OPTIMIZE",
		"REPAIR", "CHECK", "CACHE", "PURGE", "RESET", "CHANGE", "STOP", "INSTALL", "UNINSTALL", "IMPORT", "SHUTDOWN", "RESTART", "CLONE",
		"DO", "SIGNAL", "RESIGNAL", "EXPORT", "CANCEL", "REFRESH", "RECOVER", "RESTORE", "SUBMIT", "PAUSE", "RESUME", "SUSPEND",
		"ADMIN", "BATCH", "FLASHBACK", "SPLIT", "PLAN", "QUERY", "CALIBRATE", "DISTRIBUTE", "CLEAN", "TRAFFIC":
		j.eff |= writes
	case "COMMIT", "ROLLBACK", "RELEASE", "START":
	case "SAVEPOINT":
		if j.dialect.my() {
			j.do(op{kind: opSavepoint})
		}
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
		j.unlock()
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
	case "COPY", "ADD", "CLEAR", "WARM", "MIGRATE", "BUILD", "DECOMMISSION", "TRANSLATE", "ENABLE", "DISABLE", "REBALANCE":
		if !j.dialect.fe() {
			j.pin(pinUnknown)
		}
	case "UNSET":
		if j.dialect.fe() {
			j.unset()
		} else {
			j.pin(pinUnknown)
		}
	case "IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR", "DECLARE":
		j.compound()
	default:
		j.pin(pinUnknown)
	}
}

// upper gives the current word in upper case, cut to the room of buf; nothing for what is no word.
func (j *judge) upper(buf []byte) []byte {
	if j.t.kind != tokWord || j.t.end-j.t.start > len(buf) {
		return nil
	}
	return upperCase(buf, j.bytes(j.t))
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
	case tokWord, tokName, tokString:
		j.function()
	default:
		j.advance()
	}
}

// function takes a word, or what stands in quotes and may be the name of a function.
func (j *judge) function() {
	t := j.t
	j.advance()
	switch {
	case j.is(t, "INTO"):
		j.into()
	case j.is(t, "SQL_CALC_FOUND_ROWS"):
		j.eff |= counts
	case !j.other(j.t, '('):
	case j.named(t, "GET_LOCK"):
		j.getLock(t)
	case j.named(t, "RELEASE_LOCK"), j.named(t, "RELEASE_ALL_LOCKS"):
		j.releaseLock(t)
	default:
		j.called(t, j.lexer)
	}
}

// called judges a call that does its work wherever in a statement it stands. behind is the lexer behind its parenthesis.
func (j *judge) called(t token, behind lexer) {
	switch {
	case j.named(t, "LAST_INSERT_ID"):
		if !j.other(behind.next(), ')') {
			j.do(op{kind: opAskInsertID, sure: j.alone(t)})
		}
	case j.named(t, "GET_LOCK"):
		j.pin(pinUserLock)
	case j.named(t, "SERVICE_GET_READ_LOCKS"), j.named(t, "SERVICE_GET_WRITE_LOCKS"),
		j.named(t, "VERSION_TOKENS_LOCK_SHARED"), j.named(t, "VERSION_TOKENS_LOCK_EXCLUSIVE"):
		j.pin(pinServiceLock)
	}
}

// inside judges the current token of an expression that is taken as a whole, and stays there.
func (j *judge) inside() {
	switch t := j.t; t.kind {
	case tokUserVar:
		if j.ahead().kind == tokAssign {
			j.ask(t)
		}
	case tokWord, tokName, tokString:
		if j.is(t, "SQL_CALC_FOUND_ROWS") {
			j.eff |= counts
		}
		behind := j.lexer
		if behind.other(behind.next(), '(') {
			j.called(t, behind)
		}
	default:
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
		if j.inside(); j.t.kind == tokUserVar {
			j.ask(j.t)
		}
	}
}

// ask notes that only the server knows a user variable from here on.
func (j *judge) ask(v token) { j.do(op{kind: opAsk, key: j.userVar(v), midway: true}) }

// userVar is what a user variable is known by: neither case nor quotes make a difference to it.
func (j *judge) userVar(t token) text { return variableKey(j.dialect, j.bytes(t)) }

// compound takes a statement that only a procedure, or MariaDB, has.
func (j *judge) compound() {
	if !j.dialect.my() {
		j.pin(pinUnknown)
		return
	}
	j.pin(pinProcedure)
	j.body()
}

// body takes all the rest of the text: its semicolons end no statement that this session executes now.
func (j *judge) body() {
	j.eff |= several // some may have run when the whole of it fails
	for j.t.kind != tokEnd {
		j.advance()
	}
}

// begin tells BEGIN, which opens a transaction, from BEGIN … END.
func (j *judge) begin() {
	if j.over() || j.is(j.t, "WORK") || !j.dialect.my() {
		return
	}
	if j.eff = j.prior; !j.doesNothing() {
		j.compound()
	}
}

// doesNothing takes BEGIN NULL; END, by which a client of sql_mode=ORACLE finds out whether its server is there.
func (j *judge) doesNothing() bool {
	c := j.cursor
	n := 0
	for ; c.word("NULL") && c.t.kind == tokSemicolon; n++ {
		c.advance()
	}
	if n == 0 || !c.word("END") || !c.over() {
		return false
	}
	j.cursor = c
	return true
}

// name takes a name of one or several parts, without quotes, each ended by a NUL but the last.
func (j *judge) name() (name []byte) {
	for {
		switch j.t.kind {
		case tokWord, tokNumber:
			for ahead := j.ahead(); ahead.kind == tokWord && ahead.start == j.t.end; ahead = j.ahead() { // 1e5a, which is one to some servers
				name = append(name, j.bytes(j.t)...)
				j.advance()
			}
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
