package track

import (
	"bytes"
	"strconv"
)

// killReader tells what the statements of a text kill.
type killReader struct {
	cursor
	session   *State
	kill      Kill
	form      KillForm
	inProgram bool // behind a CREATE PROCEDURE or the like: a statement may be part of its body
}

// statements takes them all.
func (r *killReader) statements() {
	r.advance()
	for n := 0; ; n++ {
		for r.t.kind == tokSemicolon || r.other(r.t, '(') {
			r.advance()
		}
		if r.t.kind == tokEnd {
			break
		}
		r.kill.More = n > 0
		form := r.statement(n == 0)
		for !r.over() {
			r.advance()
		}
		r.form = max(r.form, form)
	}
	if r.form == OneKill && (r.broken || r.cut) {
		r.form = ForeignKill
	}
}

// statement takes the beginning of one. One whose id can be put into other terms is the first of its text.
func (r *killReader) statement(first bool) (form KillForm) {
	switch {
	case r.word("KILL"):
		if form = r.killed(); first || form == NoKill {
			return form
		}
		if r.inProgram && !r.last() {
			return NoKill
		}
		return ForeignKill
	case r.word("PREPARE"):
		for !r.over() && !r.word("FROM") {
			r.advance()
		}
		return r.hidden()
	case r.word("EXECUTE"):
		if r.word("IMMEDIATE") {
			return r.hidden()
		}
	case !r.dialect.my():
	case r.word("CALL"):
		return r.called(first)
	case r.is(r.t, "SET"), r.is(r.t, "BEGIN"), r.is(r.t, "IF"), r.is(r.t, "CASE"), r.is(r.t, "LOOP"), r.is(r.t, "WHILE"), r.is(r.t, "REPEAT"), r.is(r.t, "FOR"), r.is(r.t, "DECLARE"):
		return r.within()
	case r.is(r.t, "CREATE"), r.is(r.t, "ALTER"):
		r.defines()
	}
	return NoKill
}

// killed takes what stands behind KILL.
func (r *killReader) killed() KillForm {
	if r.is(r.t, "HARD") || r.is(r.t, "SOFT") || r.is(r.t, "TIDB") {
		r.advance()
	}
	r.kill.Query = r.is(r.t, "QUERY")
	if r.kill.Query || r.is(r.t, "CONNECTION") {
		r.advance()
	}
	if r.is(r.t, "USER") {
		return UserKill
	}
	if r.dialect.fe() && (r.t.kind == tokString || r.is(r.t, "ANALYZE")) { // the id of a query or a job, which no two servers give away
		return NoKill
	}
	if !r.id() {
		return ForeignKill
	}
	if !r.over() {
		return ForeignKill
	}
	return OneKill
}

// id takes what names a thread.
func (r *killReader) id() bool {
	k, t := &r.kill, r.t
	switch {
	case t.kind == tokNumber, t.kind == tokString:
		r.advance()
		k.Given, k.at, k.end = string(bare(r.bytes(t))), t.start, t.end
		id, err := strconv.ParseUint(k.Given, 10, 64)
		k.ID = id
		return err == nil
	case r.word("CONNECTION_ID") && r.other(r.t, '('):
		r.advance()
		k.Self = r.other(r.t, ')')
		r.advance()
		return k.Self
	}
	return false
}

// last reports whether the statement is the last one of the text.
func (r *killReader) last() bool {
	for !r.over() {
		r.advance()
	}
	l := r.lexer
	t := r.t
	for t.kind == tokSemicolon {
		t = l.next()
	}
	return t.kind == tokEnd
}

// called takes what stands behind CALL: the procedures by which clouds have their users kill.
func (r *killReader) called(first bool) KillForm {
	var name []byte
	for r.t.kind == tokWord || r.t.kind == tokName || r.other(r.t, '.') {
		name = append(name, bare(r.bytes(r.t))...)
		r.advance()
	}
	name = bytes.ToLower(name)
	switch string(name) {
	case "mysql.rds_kill", "mysql.az_kill", "rds_kill", "az_kill":
	case "mysql.rds_kill_query", "mysql.az_kill_query", "rds_kill_query", "az_kill_query":
		r.kill.Query = true
	case "mysql.rds_kill_query_id": // of a query's id, which is its server's own
		return ForeignKill
	default:
		return NoKill
	}
	if !r.other(r.t, '(') || !first {
		return ForeignKill
	}
	if r.advance(); !r.id() || r.kill.Self || !r.other(r.t, ')') {
		return ForeignKill
	}
	if r.advance(); !r.over() {
		return ForeignKill
	}
	return OneKill
}

// hidden takes the text that a PREPARE or an EXECUTE IMMEDIATE names.
func (r *killReader) hidden() KillForm {
	t := r.t
	if r.advance(); r.over() || r.is(r.t, "USING") {
		switch {
		case t.kind == tokString:
			return r.inText(unquote(r.bytes(t), !r.noBackslash))
		case t.kind == tokUserVar && r.session.held != nil:
			if literal := r.session.held.literal(variableKey(r.dialect, r.bytes(t))); literal != nil {
				return r.inText(unquote(literal, !r.noBackslash))
			}
			return NoKill // what is not known
		}
	}
	if t.kind == tokString && holdsWord(r.bytes(t), "KILL") || r.is(t, "KILL") {
		return ForeignKill
	}
	for ; !r.over(); r.advance() { // an expression
		if r.t.kind == tokString && holdsWord(r.bytes(r.t), "KILL") {
			return ForeignKill
		}
	}
	return NoKill
}

// inText tells what a text within the text kills.
func (r *killReader) inText(b []byte) KillForm {
	if _, form := r.session.kills(b); form == NoKill {
		return NoKill
	}
	return ForeignKill
}

// within looks for a KILL anywhere in a compound statement, or behind SET STATEMENT.
func (r *killReader) within() KillForm {
	set := r.is(r.t, "SET")
	before := r.t
	if r.advance(); before.kind == tokWord && (set && !r.is(r.t, "STATEMENT") || r.is(before, "BEGIN") && (r.over() || r.is(r.t, "WORK"))) {
		return NoKill
	}
	for ; r.t.kind != tokEnd && (!set || r.t.kind != tokSemicolon); r.advance() {
		if r.is(r.t, "KILL") {
			return ForeignKill
		}
	}
	return NoKill
}

// defines takes a CREATE or ALTER, whose body is not executed now.
func (r *killReader) defines() {
	defines := false
	for ; !r.over(); r.advance() {
		defines = defines || r.program(r.t)
		r.inProgram = r.inProgram || defines && (r.is(r.t, "BEGIN") || r.is(r.t, "IF") || r.is(r.t, "LOOP") || r.is(r.t, "WHILE") || r.is(r.t, "REPEAT") || r.is(r.t, "CASE"))
	}
}
