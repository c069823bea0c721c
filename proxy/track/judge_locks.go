package track

import "bytes"

// getLock judges a call of GET_LOCK. Only `SELECT GET_LOCK('name', n) [AS alias]` and the same with DO name their lock for certain.
func (j *judge) getLock(call token) {
	name, known := j.lockCall(call)
	if !known {
		j.pin(pinUserLock)
		return
	}
	j.do(op{kind: opLock, text: handle(name)})
}

// releaseLock judges a call of RELEASE_LOCK or RELEASE_ALL_LOCKS.
func (j *judge) releaseLock(call token) {
	switch {
	case j.is(call, "RELEASE_ALL_LOCKS"):
		if j.sole(call) {
			j.do(op{kind: opReleaseAll})
		}
	case j.is(call, "RELEASE_LOCK"):
		if name, known := j.lockCall(call); known {
			j.do(op{kind: opRelease, text: handle(name)})
		}
	}
}

// sole reports whether a call is all that the statement selects: so it happens once.
func (j *judge) sole(call token) bool {
	l := j.lexer
	l.at = j.first.end
	return (j.is(j.first, "SELECT") || j.is(j.first, "DO")) && l.next().start == call.start && !j.uncertain
}

// lockCall takes the arguments of a call and what follows it up to the statement's end, and tells the lock's name if it
// is a literal and the call happens once.
func (j *judge) lockCall(call token) (name []byte, known bool) {
	known = j.sole(call)
	j.advance() // (
	name = bytes.Clone(j.bytes(j.t))
	if known = known && j.t.kind == tokString; known {
		j.advance()
	}
	depth := 1
	for ; depth > 0 && !j.over(); j.advance() {
		switch {
		case j.t.kind == tokUserVar:
			if known = false; j.ahead().kind == tokAssign {
				j.ask(j.t)
			}
		case j.other(j.t, '('):
			depth++
		case j.other(j.t, ')'):
			depth--
		case depth == 1 && !j.other(j.t, ',') && !j.other(j.t, '-') && j.t.kind != tokNumber:
			known = false
		}
	}
	j.word("AS")
	if j.t.kind == tokWord || j.t.kind == tokName || j.t.kind == tokString {
		known = known && !j.is(j.t, "FROM") && !j.is(j.t, "WHERE") && !j.is(j.t, "INTO")
		j.advance()
	}
	return name, known && j.over()
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
	if j.dialect != MySQL {
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
		j.unpin(pinBackup)
	default:
		j.pin(pinBackup)
	}
}
