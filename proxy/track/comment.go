package track

// Comments, as each dialect knows them: some are code.

// running says whether what stands in a comment runs.
type running uint8

const (
	asComment running = iota
	asCode
	asEither // some of the servers that this may be run it
)

// comment skips a comment, or enters it if it is one that the server executes.
func (l *lexer) comment() {
	if l.dialect == Doris {
		l.nested()
		return
	}
	how, n, nests := l.kind()
	switch how {
	case asEither:
		l.unequal(n)
		if l.met |= doubtComment; !l.runs {
			l.skip(nests)
			return
		}
	case asComment:
		l.skip(nests)
		return
	case asCode:
	}
	l.broken = l.broken || l.exec && l.dialect != TiDB // one within another
	l.exec = true
	l.at += n
}

// unequal takes notice of comments that depend on something else than those before: each may be executed or not for itself.
func (l *lexer) unequal(n int) {
	if l.dialect.fe() { // it is not the version that decides
		return
	}
	on := l.text[l.at : l.at+n]
	if l.on != nil && string(l.on) != string(on) {
		l.broken = true
	}
	l.on = on
}

// kind tells what the comment here is, how long what stands in front of its code is, and whether it may hold another one if it is not executed.
func (l *lexer) kind() (how running, n int, nests bool) {
	switch l.peek(2) {
	case '!':
		return l.versioned(false)
	case 'M':
		switch {
		case l.peek(3) != '!' || !l.dialect.my() || l.dialect == MySQL:
		case l.dialect == MariaDB:
			return l.versioned(true)
		default:
			how, n, nests = l.versioned(true)
			if how == asCode {
				how = asEither
			}
			return how, n, nests
		}
	case 'T':
		if l.peek(3) == '!' && l.dialect == TiDB {
			return l.featured()
		}
	case '+':
		l.hint()
	}
	return asComment, 2, false
}

// featured is for TiDB's /*T!, with the features that a server must know to execute it.
func (l *lexer) featured() (how running, n int, nests bool) {
	if l.peek(4) != '[' {
		return asCode, 4, false
	}
	from := 5
	for n = from; ; n++ {
		switch c := l.peek(n); {
		case c == ',', c == ']':
			if !l.features(l.text[l.at+from : l.at+n]) {
				how = asEither
			}
			if from = n + 1; c == ']' {
				return max(how, asCode), from, false
			}
		case !isWordByte(c):
			return asCode, 4, false
		}
	}
}

// features reports whether the server surely knows one of TiDB's features.
func (l *lexer) features(name []byte) bool {
	since := uint32(0)
	switch string(name) {
	case "auto_rand", "auto_rand_base", "auto_id_cache", "clustered_index", "force_inc":
		return true
	case "placement":
		since = 60000
	case "ttl":
		since = 60500
	case "global_index":
		since = 80000
	case "pre_split":
		since = 80500
	default:
		return false
	}
	return l.version >= since
}

// alwaysExecuted is the version below which every server of MySQL's and MariaDB's that is met today executes what stands behind /*!.
const alwaysExecuted = 50700

// noVersion is one that no server has: dumps name 999999.
const noVersion = 900000

// versioned is for /*! and, if maria is set, /*M!, both with a version or none.
func (l *lexer) versioned(maria bool) (how running, n int, nests bool) {
	n = 3
	if maria {
		n = 4
	}
	v, digits := uint32(0), 0
	for ; digits < 6 && isDigit(l.peek(n+digits)); digits++ {
		if v = 10*v + uint32(l.peek(n+digits)-'0'); digits == 4 && l.dialect == MySQL && isDigit(l.peek(n+5)) {
			if l.version != 0 && v > l.version {
				return asComment, n, true // by five digits as by six
			}
			return asEither, n + 6, true // servers before 8.0.34 or so read five
		}
	}
	switch {
	case l.dialect == StarRocks:
		return asEither, n + digits, false
	case l.dialect == TiDB:
		if digits < 5 {
			digits = 0
		}
		return asCode, n + min(digits, 5), false
	case digits < 5: // these are code
		return asCode, n, true
	}
	return l.runsAt(v, maria), n + digits, true
}

// runsAt tells whether a server executes what is meant for version v and later ones.
func (l *lexer) runsAt(v uint32, maria bool) running {
	ofMySQL := !maria && v >= alwaysExecuted && v < 1e5 // which MariaDB leaves out
	switch {
	case l.dialect == MariaDB && ofMySQL, v >= noVersion:
		return asComment
	case v < alwaysExecuted:
		return asCode
	case l.version == 0:
		return asEither
	case v <= l.version:
		return asCode
	}
	return asComment
}

// hint takes notice of a hint: it may set variables for its statement. MySQL reads it by a lexer of its own, which knows quotes.
func (l *lexer) hint() {
	l.hinted = true
	if !l.dialect.my() || l.dialect == MariaDB && l.version != 0 && l.version < 120000 {
		return
	}
	for n := 3; l.at+n < len(l.text) && (l.peek(n) != '*' || l.peek(n+1) != '/'); n++ {
		if c := l.peek(n); c == '\'' || c == '"' || c == '`' {
			l.broken = l.broken || quotesBeyond(l.text[l.at+n:])
		}
	}
}

// quotesBeyond reports whether what stands in quotes at the head of b goes on beyond the next end of a comment.
func quotesBeyond(b []byte) bool {
	for i := 1; i < len(b) && b[i] != b[0]; i++ {
		if b[i] == '*' && i+1 < len(b) && b[i+1] == '/' {
			return true
		}
	}
	return false
}

// skip skips a comment. One that is meant for other versions may hold another one.
func (l *lexer) skip(nests bool) {
	for l.at += 2; l.at < len(l.text); l.at++ {
		switch c := l.text[l.at]; {
		case c == '*' && l.peek(1) == '/':
			l.at += 2
			return
		case nests && c == '/' && l.peek(1) == '*':
			l.skip(false)
			l.at--
		}
	}
	l.cut = true
}

// nested skips Doris's comment, which holds others.
func (l *lexer) nested() {
	depth := 0
	for ; l.at < len(l.text); l.at++ {
		switch c := l.text[l.at]; {
		case c == '/' && l.peek(1) == '*':
			depth++
			l.at++
		case c == '*' && l.peek(1) == '/':
			l.at++
			if depth--; depth == 0 {
				l.at++
				return
			}
		}
	}
	l.cut = true
}
