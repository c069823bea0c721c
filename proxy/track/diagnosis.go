package track

// diagnosis notes a statement that asks for what the one before has left behind, and leaves it there to be asked for again: SHOW WARNINGS, SHOW COUNT(*) ERRORS,
// GET DIAGNOSTICS, SELECT @@warning_count. w is its first word, behind which the judge stands.
func (j *judge) diagnosis(w []byte) {
	switch string(w) {
	case "SHOW":
		if !j.is(j.t, "WARNINGS") && !j.is(j.t, "ERRORS") && !j.is(j.t, "COUNT") {
			return
		}
	case "SELECT":
		l := j.lexer
		t := l.next()
		if j.t.kind != tokSysVar {
			return
		}
		for l.is(t, "SESSION") || l.is(t, "LOCAL") || l.other(t, '.') {
			t = l.next()
		}
		if !l.named(t, "WARNING_COUNT") && !l.named(t, "ERROR_COUNT") {
			return
		}
	case "GET":
	default:
		return
	}
	j.eff |= diagnoses
}
