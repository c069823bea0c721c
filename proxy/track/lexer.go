package track

import "segue/proxy/wire"

// lexer finds the tokens of a text that lies whole in memory. It allocates nothing and copies nothing: a token is a part of the text.
//
// It follows the server's own rules where those differ: whether `--` needs a space behind it, whether "…" is a string or a name
// (ANSI_QUOTES), whether a backslash escapes (NO_BACKSLASH_ESCAPES).
type lexer struct {
	text        []byte
	at          int
	dialect     Dialect
	ansi        bool // "…" is a name
	noBackslash bool // a backslash is a character like any other
	exec        bool // inside /*! … */
	unsure      bool // inside one that this server may or may not execute
	uncertain   bool // there has been such a one
	broken      bool // the text does not end as a server would want it to, or cannot be read with certainty
}

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
	tokNumber              //
	tokUserVar             // @name, @'name'
	tokSysVar              // @@ alone; the name follows
	tokAssign              // :=
	tokOther               // one byte of something else
)

func newLexer(text []byte, d Dialect, status wire.Status) lexer {
	return lexer{text: text, dialect: d, ansi: status.Has(wire.StatusAnsiQuotes), noBackslash: status.Has(wire.StatusNoBackslashEscapes)}
}

// next finds the next token.
func (l *lexer) next() token {
	from := l.at
	l.space()
	t := token{start: l.at, spaced: l.at > from}
	if l.at >= len(l.text) {
		l.broken = l.broken || l.exec
		t.end = l.at
		return t
	}
	c := l.text[l.at]
	switch {
	case c == '\'', c == '"', c == '`':
		l.broken = l.broken || l.unsure
		t.kind = l.quoted(c)
	case c >= '0' && c <= '9':
		t.kind = tokNumber
		l.number()
	case isWordByte(c):
		t.kind = tokWord
		l.word()
	case c == '@':
		t.kind = l.variable()
	case c == ';':
		l.broken = l.broken || l.unsure
		t.kind = tokSemicolon
		l.at++
	case c == ':' && l.peek(1) == '=':
		t.kind = tokAssign
		l.at += 2
	default:
		t.kind = tokOther
		l.at++
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
		case c == ' ', c >= '\t' && c <= '\r':
			l.at++
		case c == '#', c == '-' && l.peek(1) == '-' && l.dashes():
			l.line()
		case c == '/' && l.peek(1) == '*':
			l.comment()
		case c == '*' && l.exec && l.peek(1) == '/':
			l.exec, l.unsure = false, false
			l.at += 2
		default:
			return
		}
	}
}

// dashes reports whether the two dashes here begin a comment: MySQL wants white space or a control character behind them.
func (l *lexer) dashes() bool {
	return l.dialect == StarRocks || l.at+2 >= len(l.text) || l.text[l.at+2] <= ' '
}

// line skips a comment up to the end of its line.
func (l *lexer) line() {
	for l.at < len(l.text) && l.text[l.at] != '\n' && (l.dialect != StarRocks || l.text[l.at] != '\r') {
		l.at++
	}
}

// alwaysExecuted is the version below which every server of the dialects MySQL and TiDB executes what stands behind /*!. MariaDB
// leaves out 50700 to 50999, and which versions are newer than the server is not known here.
const alwaysExecuted = 50700

// comment skips a comment, or enters it if it is one that the server executes.
func (l *lexer) comment() {
	switch {
	case l.peek(2) == '!':
		l.at += 3
		v, digits := 0, 0
		for ; l.at < len(l.text) && digits < 6 && l.text[l.at] >= '0' && l.text[l.at] <= '9'; digits++ {
			v = 10*v + int(l.text[l.at]-'0')
			l.at++
		}
		l.enter(l.dialect == StarRocks || v >= alwaysExecuted || digits != 0 && digits < 5)
	case (l.peek(2) == 'M' || l.peek(2) == 'T') && l.peek(3) == '!':
		l.at += 4
		for c := l.peek(0); c == '[' || c == ']' || c == ',' || c == '_' || isWordByte(c); c = l.peek(0) { // version, or TiDB's feature
			l.at++
		}
		l.enter(true)
	default:
		for l.at += 2; l.at < len(l.text); l.at++ {
			if l.text[l.at] == '*' && l.peek(1) == '/' {
				l.at += 2
				return
			}
		}
		l.broken = true
	}
}

// enter notes that what follows counts as code up to the comment's end.
func (l *lexer) enter(unsure bool) {
	l.broken = l.broken || l.exec // one within another
	l.exec, l.unsure = true, unsure
	l.uncertain = l.uncertain || unsure
}

// quoted skips a string or name in quotes. A doubled quote is a quote.
func (l *lexer) quoted(quote byte) tokenKind {
	kind := tokString
	if quote == '`' || quote == '"' && l.ansi {
		kind = tokName
	}
	escapes := kind == tokString && !l.noBackslash
	for l.at++; l.at < len(l.text); l.at++ {
		switch c := l.text[l.at]; {
		case c == '\\' && escapes:
			l.at++
		case c == quote && l.peek(1) == quote:
			l.at++
		case c == quote:
			l.at++
			return kind
		}
	}
	l.at = len(l.text)
	l.broken = true
	return kind
}

// number skips a number, or a name that begins with a digit.
func (l *lexer) number() {
	start := l.at
	for ; l.at < len(l.text); l.at++ {
		c := l.text[l.at]
		exponent := (c == '+' || c == '-') && l.text[l.at-1]|0x20 == 'e' && l.text[start]|0x20 != 'x' && (l.at-start < 2 || l.text[start+1]|0x20 != 'x')
		if !isWordByte(c) && c != '.' && !exponent {
			return
		}
	}
}

func (l *lexer) word() {
	start := l.at
	for l.at < len(l.text) && isWordByte(l.text[l.at]) {
		l.at++
	}
	if l.text[start] == '$' && l.text[l.at-1] == '$' && l.at-start > 1 {
		l.broken = true // $$ … $$: a body whose quotes mean nothing
	}
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
		l.broken = l.broken || l.unsure
		l.quoted(c)
		return tokUserVar
	}
	for l.at < len(l.text) && (isWordByte(l.text[l.at]) || l.text[l.at] == '.') {
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

// other reports whether t is the one byte c.
func (l *lexer) other(t token, c byte) bool { return t.kind == tokOther && l.text[t.start] == c }

// equalFold compares with a word in upper case.
func equalFold(b []byte, word string) bool { return len(b) == len(word) && leads(b, word) }
