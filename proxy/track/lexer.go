package track

import "bytes"

// lexer finds the tokens of a text that lies whole in memory, as the server does. It allocates nothing and copies nothing: a token is a part of
// the text. What rules it goes by are certain, or one of the choices there are; see way.
type lexer struct {
	text []byte
	at   int
	rules
	met    doubt  // the doubts that have mattered
	exec   bool   // inside /*! … */
	hinted bool   // there has been a hint
	broken bool   // the text cannot be read
	cut    bool   // it ends amid quotes or a comment
	part   part   // whether a point, or what follows one, is part of a name
	on     []byte // what the execution of the last comment that may be executed depends on
}

// part says what the last token means for a point that follows it, or for digits that follow that: `t.1e5` is a column, `1.1e5` a number.
type part uint8

const (
	noPart    part = iota
	namePart       // it was a name
	pointPart      // it was the point behind a name
)

// token is a part of a text.
type token struct {
	kind       tokenKind
	spaced     bool // something stands between it and the token before
	start, end int
}

type tokenKind uint8

const (
	tokEnd       tokenKind = iota
	tokSemicolon           //
	tokWord                // a keyword or a name without quotes
	tokName                // a name in quotes
	tokString              // '…', or "…" without ANSI_QUOTES
	tokNumber              // as much as any server takes for one
	tokUserVar             // @name, @'name'
	tokSysVar              // @@ alone; the name follows
	tokAssign              // :=
	tokOther               // one byte of something else
)

func newLexer(text []byte, r rules) lexer { return lexer{text: text, rules: r} }

// next finds the next token.
func (l *lexer) next() token {
	from := l.at
	l.space()
	t := token{start: l.at, spaced: l.at > from}
	before := l.part
	if l.part = noPart; t.spaced {
		before = noPart
	}
	if l.at >= len(l.text) {
		l.cut = l.cut || l.exec && l.dialect != TiDB
		t.end = l.at
		return t
	}
	c := l.text[l.at]
	switch {
	case c == '\'', c == '"', c == '`':
		t.kind = l.quoted(c)
	case c == '.' && before == namePart:
		t.kind, l.part = tokOther, pointPart
		l.at++
	case isDigit(c) && before != pointPart, c == '.' && isDigit(l.peek(1)):
		t.kind = l.number()
	case c == '\\' && l.peek(1) == 'N': // NULL, wherever it ends
		t.kind = tokOther
		l.at += 2
	case isWordByte(c):
		t.kind = l.word()
	case c == '@':
		t.kind = l.variable()
	case c == ';':
		t.kind = tokSemicolon
		l.at++
	case c == ':' && l.peek(1) == '=':
		t.kind = tokAssign
		l.at += 2
	default:
		l.broken = l.broken || c == 0
		t.kind = tokOther
		l.at++
	}
	if t.kind == tokWord || t.kind == tokName {
		l.part = namePart
	}
	t.end = l.at
	return t
}

// peek gives the byte n behind the current one, or 0.
func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.text) {
		return l.text[l.at+n]
	}
	return 0
}

// space skips white space and comments.
func (l *lexer) space() {
	for l.at < len(l.text) {
		switch c := l.text[l.at]; {
		case isSpace(c):
			l.at++
		case c >= 0x80 && l.gap() > 0:
			l.at += l.gap()
		case (c == 0x85 || c == 0xa0) && l.dialect == TiDB: // where a token begins, whatever character they are part of
			l.at++
		case c == '#', c == '-' && l.peek(1) == '-' && l.dashes():
			l.line()
		case c == '/' && l.peek(1) == '*':
			l.comment()
		case c == '*' && l.exec && l.peek(1) == '/':
			l.exec = false
			l.at += 2
		default:
			return
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// gap is the length of the white space beyond ASCII that begins here: 0xA0 is that to MySQL where character_set_client is latin1 or one of a
// dozen others, 0xFF with cp852 and cp866, and U+3000 to some versions of StarRocks. In UTF-8 there is none.
func (l *lexer) gap() int {
	n := 0
	switch c := l.text[l.at]; {
	case l.dialect == StarRocks:
		if c == 0xe3 && l.peek(1) == 0x80 && l.peek(2) == 0x80 {
			n = 3
		}
	case l.dialect.my() && mayBeSpace(c):
		n = 1
	}
	if n == 0 || l.doubts&doubtGaps == 0 {
		return 0
	}
	if l.met |= doubtGaps; l.gaps {
		return n
	}
	return 0
}

// mayBeSpace reports the bytes from 0x80 on that some character set of MySQL's counts as white space, of those that pin no session.
func mayBeSpace(c byte) bool { return c == 0xa0 || c == 0xff }

// dashes reports whether the two dashes here begin a comment: MySQL wants white space or a control character behind them, TiDB white space.
// Which bytes from 0x80 on are such depends on the character set; in UTF-8 none is.
func (l *lexer) dashes() bool {
	if l.dialect.fe() || l.at+2 >= len(l.text) || isSpace(l.text[l.at+2]) {
		return true
	}
	c := l.text[l.at+2]
	if l.dialect == TiDB {
		return c == 0x85 || c == 0xa0
	}
	l.broken = l.broken || c >= 0x80 && l.doubts&doubtGaps != 0
	return c < ' ' || c == 0x7f
}

// line skips a comment up to the end of its line, which in Doris's goes on behind a backslash.
func (l *lexer) line() {
	for ; l.at < len(l.text); l.at++ {
		switch c := l.text[l.at]; {
		case c == '\\' && l.peek(1) == '\n' && l.dialect == Doris:
			l.at++
		case c == '\n', c == '\r' && l.dialect.fe():
			return
		case c == 0 && l.dialect.my(): // it ends there, and what follows is an error
			l.broken = true
		}
	}
}

// quoted skips a string or name in quotes. A doubled quote is a quote.
func (l *lexer) quoted(quote byte) tokenKind {
	kind := tokString
	if quote == '"' && l.doubts&(doubtAnsi|doubtAnsiLater) != 0 {
		l.met |= l.doubts & (doubtAnsi | doubtAnsiLater)
	}
	if quote == '`' || quote == '"' && l.ansi {
		kind = tokName
	}
	escapes := (kind == tokString || quote == '"' && l.dialect == TiDB) && !l.noBackslash
	slashes := kind == tokString && l.doubts&(doubtBackslash|doubtBackslashLater) != 0
	for l.at++; l.at < len(l.text); l.at++ {
		switch c := l.text[l.at]; {
		case c == '\\' && (escapes || slashes):
			if slashes {
				l.met |= l.doubts & (doubtBackslash | doubtBackslashLater)
			}
			if escapes {
				l.at++
			}
		case c == quote && l.peek(1) == quote:
			l.at++
		case c == quote:
			l.at++
			return kind
		case c == 0 && kind == tokName && l.dialect.my(): // where MySQL has the name end
			l.broken = true
		}
	}
	l.at = len(l.text)
	l.cut = true
	return kind
}

// raw skips Doris's R'…', in which there is neither a backslash nor a doubled quote.
func (l *lexer) raw() tokenKind {
	quote := l.text[l.at]
	for l.at++; l.at < len(l.text); l.at++ {
		if l.text[l.at] == quote {
			l.at++
			return tokString
		}
	}
	l.cut = true
	return tokString
}

// number skips a number, which ends where its grammar ends, whatever stands behind it: `1.5INTO` is a number and a word. Digits that run into
// letters are a name.
func (l *lexer) number() tokenKind {
	if l.text[l.at] == '0' && l.based() {
		return tokNumber
	}
	l.digits()
	point := l.peek(0) == '.'
	if point {
		l.at++
		l.digits()
	}
	if l.peek(0)|0x20 == 'e' {
		n := 1
		if c := l.peek(1); c == '+' || c == '-' {
			n = 2
		}
		if isDigit(l.peek(n)) {
			start := l.at
			l.at += n
			l.digits()
			if !l.dialect.fe() || n == 2 || point || !isWordByte(l.peek(0)) {
				return tokNumber
			}
			l.at = start // the longest token there is
		}
	}
	if !point && isWordByte(l.peek(0)) && (l.peek(0) < 0x80 || l.gap() == 0) {
		l.word()
		return tokWord
	}
	return tokNumber
}

// based skips 0x… or 0b…, and reports whether it is one. To MySQL it is a name if letters follow, or if its own is upper case.
func (l *lexer) based() bool {
	base := l.peek(1)
	if l.dialect == TiDB && base == 'X' {
		base = 'x'
	}
	n := l.at + 2
	for ; n < len(l.text); n++ {
		c := l.text[n]
		if bit, hex := base == 'b' && (c == '0' || c == '1'), base == 'x' && (isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f'); !bit && !hex {
			break
		}
	}
	if l.dialect.fe() || n == l.at+2 { // the FEs know no such number: it is a name
		return false
	}
	if n < len(l.text) && (isDigit(l.text[n]) || l.dialect.my() && isWordByte(l.text[n]) && !l.gapAt(n)) {
		return false
	}
	l.at = n
	return true
}

func (l *lexer) gapAt(n int) bool {
	ahead := *l
	ahead.at = n
	is := ahead.gap() > 0
	l.met |= ahead.met
	return is
}

func (l *lexer) digits() {
	for isDigit(l.peek(0)) {
		l.at++
	}
}

// word skips a keyword or a name, or the string whose first letter it is.
func (l *lexer) word() tokenKind {
	start := l.at
	for l.at < len(l.text) && isWordByte(l.text[l.at]) && (l.text[l.at] < 0x80 || l.gap() == 0) {
		l.at++
	}
	switch c := l.text[start]; {
	case c == '$' && l.dialect != MariaDB && l.dialect != TiDB && l.dialect != Doris:
		if bytes.IndexByte(l.text[start+1:l.at], '$') >= 0 {
			l.broken = true // $$ … $$ or $x$ … $x$: a body whose quotes mean nothing
		}
	case c|0x20 == 'r' && l.at == start+1 && l.dialect == Doris && (l.peek(0) == '\'' || l.peek(0) == '"'):
		return l.raw()
	}
	return tokWord
}

// variable skips @name or the @@ of a system variable.
func (l *lexer) variable() tokenKind {
	l.at++
	if l.at >= len(l.text) {
		return tokOther
	}
	switch c := l.text[l.at]; c {
	case '@':
		l.at++
		return tokSysVar
	case '\'', '"', '`':
		l.quoted(c)
		return tokUserVar
	}
	for l.at < len(l.text) && (isWordByte(l.text[l.at]) && (l.text[l.at] < 0x80 || l.gap() == 0) || l.text[l.at] == '.') {
		l.at++
	}
	return tokUserVar
}

// bytes are those of a token.
func (l *lexer) bytes(t token) []byte { return l.text[t.start:t.end] }

// is reports whether t is the keyword or name word, given in upper case.
func (l *lexer) is(t token, word string) bool {
	return t.kind == tokWord && equalFold(l.text[t.start:t.end], word)
}

// named reports whether t is the name, given in upper case, with or without quotes. What stands in double quotes may be a name: whether it is
// depends on a mode that not every server tells.
func (l *lexer) named(t token, name string) bool {
	switch {
	case t.kind == tokWord:
		return l.is(t, name)
	case t.kind == tokName, t.kind == tokString && l.text[t.start] == '"':
		return t.end-t.start == len(name)+2 && leads(l.text[t.start+1:t.end], name)
	default:
		return false
	}
}

// other reports whether t is the one byte c.
func (l *lexer) other(t token, c byte) bool { return t.kind == tokOther && l.text[t.start] == c }

// equalFold compares with a word in upper case.
func equalFold(b []byte, word string) bool { return len(b) == len(word) && leads(b, word) }
