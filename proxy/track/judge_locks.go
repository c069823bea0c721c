package track

// getLock judges a call of GET_LOCK. Only `SELECT GET_LOCK('name', n) [AS alias]` and the same with DO name their lock for certain.
func (j *judge) getLock(call token) {
	switch name, certain := j.lockCall(call); {
	case certain && name.kind == tokString:
		j.do(op{kind: opLock, text: lockName(j.bytes(name))})
	case certain && j.other(name, '?'):
		j.do(op{kind: opLock, param: true})
	default:
		j.impossible = j.impossible || certain && name.kind == tokName && j.text[name.start] == '"' // there is no column
		j.pin(pinUserLock)
	}
}

// releaseLock judges a call of RELEASE_LOCK or RELEASE_ALL_LOCKS, which counts only where it surely runs: not in a condition, nor for
// rows that there may be none of, as with LIMIT 0, in the words of which nothing stands behind it.
func (j *judge) releaseLock(call token) {
	switch arg, certain := j.lockCall(call); {
	case !certain:
	case arg.kind == tokName:
		j.impossible = j.impossible || j.text[arg.start] == '"'
	case j.named(call, "RELEASE_ALL_LOCKS"):
		if j.other(arg, ')') {
			j.do(op{kind: opReleaseAll, sure: j.is(j.first, "DO")})
		}
	case j.other(arg, '?'):
		j.do(op{kind: opRelease, param: true, sure: j.is(j.first, "DO")})
	case arg.kind == tokString && steady(j.bytes(arg)):
		j.do(op{kind: opRelease, text: lockName(j.bytes(arg)), sure: j.is(j.first, "DO")})
	}
}

// lockName is what a lock is known by that a literal names: a string that reads the same under all rules may stand in either quotes.
func lockName(literal []byte) text {
	if !steady(literal) {
		return handle(literal)
	}
	return handle(append(append([]byte{'\''}, unquote(literal, false)...), '\''))
}

// steady reports whether a literal means the same under every mode and character set.
func steady(literal []byte) bool {
	for _, c := range literal {
		if c == '\\' || c >= 0x80 {
			return false
		}
	}
	return true
}

// sole reports whether a call is the first that the statement selects.
func (j *judge) sole(call token) bool {
	l := j.lexer
	l.at, l.part = j.first.end, noPart
	return (j.is(j.first, "DO") || j.is(j.first, "SELECT") && !j.limited) && l.next().start == call.start && !j.hinted
}

// alone reports whether a call is all of the statement: so it happens once, and for certain. The lexer stays where it is.
func (j *judge) alone(call token) bool {
	if !j.sole(call) {
		return false
	}
	ahead := *j
	ahead.v = nil
	ahead.at = call.end
	ahead.advance()
	_, certain := ahead.lockCall(call)
	return certain
}

// lockCall takes the arguments of a call, the current token being its parenthesis, and what follows it up to the statement's end, and tells
// the first of them, or the parenthesis behind them. certain is whether all arguments are literals, and the call is all of the statement.
func (j *judge) lockCall(call token) (arg token, certain bool) {
	certain = j.sole(call)
	j.advance() // (
	if arg = j.t; arg.kind == tokString || arg.kind == tokName {
		j.inside()
		j.advance()
	}
	depth := 1
	for ; depth > 0 && !j.over(); j.advance() {
		j.inside()
		switch {
		case j.other(j.t, '('):
			certain = false
			depth++
		case j.other(j.t, ')'):
			depth--
		case !j.other(j.t, ',') && !j.other(j.t, '-') && !j.other(j.t, '?') && j.t.kind != tokNumber:
			certain = false
		}
	}
	certain = certain && depth == 0
	if j.is(j.t, "AS") {
		j.advance()
	}
	if j.t.kind == tokWord && !j.is(j.t, "FROM") && !j.is(j.t, "WHERE") && !j.is(j.t, "INTO") || j.t.kind == tokName || j.t.kind == tokString {
		j.advance() // an alias
	}
	return arg, certain && j.over()
}

// unlock judges UNLOCK, of which each kind lifts one kind of lock alone.
func (j *judge) unlock() {
	switch {
	case j.word("TABLES"), j.word("TABLE"):
		j.unpin(pinLockTables | pinFlushTables)
	case j.word("INSTANCE"):
		j.unpin(pinLockInstance)
	case j.word("STATS"):
	default:
		j.pin(pinUnknown)
	}
}

func (j *judge) lock() {
	switch {
	case j.word("INSTANCE"):
		j.pin(pinLockInstance)
	case j.word("TABLE"), j.word("TABLES"):
		j.pin(pinLockTables)
	case j.word("STATS"):
	default:
		j.pin(pinUnknown)
	}
}

// flush judges FLUSH TABLES … WITH READ LOCK and FOR EXPORT.
func (j *judge) flush() {
	for ; !j.over(); j.advance() {
		if j.is(j.t, "LOCK") || j.is(j.t, "EXPORT") {
			j.pin(pinFlushTables)
		}
		if j.is(j.t, "STATUS") && j.dialect.my() { // as who is about to see what the next statements count
			j.pin(pinDiagnostics)
		}
	}
}

func (j *judge) handler() {
	name := handle(j.name())
	switch {
	case j.word("OPEN"):
		j.word("AS")
		if alias := j.name(); len(alias) > 0 {
			name = handle(alias)
		}
		j.do(op{kind: opHandler, text: name})
	case j.word("CLOSE"):
		j.do(op{kind: opHandlerClose, text: name})
	}
}

func (j *judge) xa() {
	switch {
	case j.word("START"), j.word("BEGIN"):
		j.pin(pinXA)
	case j.word("COMMIT"), j.word("ROLLBACK"):
		j.unpin(pinXA)
	}
}

// backup judges MariaDB's BACKUP STAGE and BACKUP LOCK; other dialects' BACKUP is a job of the cluster.
func (j *judge) backup() {
	if !j.dialect.my() {
		return
	}
	switch {
	case j.word("STAGE"):
		if j.is(j.t, "END") {
			j.unpin(pinBackup)
		} else {
			j.pin(pinBackup)
		}
	case j.word("UNLOCK"):
		j.unpin(pinBackupLock)
	case j.word("LOCK"):
		j.pin(pinBackupLock)
	default:
		j.pin(pinUnknown)
	}
}
