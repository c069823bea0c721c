package fesim

import (
	"strings"
)

// kind is the kind of a token.
type kind uint8

const (
	end      kind = iota // the end of the text
	word                 // identifier or keyword
	quoted               // `identifier`
	literal              // 'string' or "string", without quotes and escapes
	numeral              // 12, 1.5, 1e3
	symbol               // operator or punctuation
	userVar              // @name, without the @
	sysVar               // @@, as in @@session.name
	question             // ?
)

// token is a token with its place in the text.
type token struct {
	kind     kind
	text     string
	from, to int
}

const twoByteSymbols = "<= >= <> != := || &&"

// scan splits text into tokens; the last one is of kind end. Comments, those with hints and versions too, are dropped.
func scan(text string) ([]token, error) {
	var tokens []token
	for at := 0; ; {
		at = skipBlank(text, at)
		if at == len(text) {
			return append(tokens, token{kind: end, from: at, to: at}), nil
		}
		t, ok := scanOne(text, at)
		if !ok {
			return nil, syntaxError(text, at)
		}
		tokens = append(tokens, t)
		at = t.to
	}
}

// skipBlank skips white space and comments.
func skipBlank(text string, at int) int {
	for at < len(text) {
		rest := text[at:]
		switch {
		case strings.ContainsRune(" \t\r\n\x00", rune(rest[0])):
			at++
		case rest[0] == '#', strings.HasPrefix(rest, "-- "), strings.HasPrefix(rest, "--\n"), rest == "--":
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				return len(text)
			}
			at += n + 1
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return len(text)
			}
			at += n + 4
		default:
			return at
		}
	}
	return at
}

func scanOne(text string, at int) (token, bool) {
	c := text[at]
	switch {
	case c == '\'' || c == '"':
		s, to, ok := scanQuoted(text, at, true)
		return token{literal, s, at, to}, ok
	case c == '`':
		s, to, ok := scanQuoted(text, at, false)
		return token{quoted, s, at, to}, ok
	case c == '?':
		return token{question, "?", at, at + 1}, true
	case strings.HasPrefix(text[at:], "@@"):
		return token{sysVar, "@@", at, at + 2}, true
	case c == '@':
		return scanUserVar(text, at)
	case isDigit(c) || c == '.' && at+1 < len(text) && isDigit(text[at+1]):
		to := scanNumber(text, at)
		return token{numeral, text[at:to], at, to}, true
	case isWord(c):
		to := at
		for to < len(text) && isWord(text[to]) {
			to++
		}
		return token{word, text[at:to], at, to}, true
	case at+1 < len(text) && strings.Contains(twoByteSymbols, text[at:at+2]) && text[at+1] != ' ':
		return token{symbol, text[at : at+2], at, at + 2}, true
	case strings.IndexByte("()+-*/%=<>,.;!{}:|&^~[]", c) >= 0:
		return token{symbol, text[at : at+1], at, at + 1}, true
	}
	return token{}, false
}

// scanQuoted reads a quoted string: the quote is doubled in it, or stands behind a backslash.
func scanQuoted(text string, at int, escapes bool) (s string, to int, ok bool) {
	quote := text[at]
	var b strings.Builder
	for i := at + 1; i < len(text); i++ {
		c := text[i]
		switch {
		case c == quote && i+1 < len(text) && text[i+1] == quote:
			b.WriteByte(quote)
			i++
		case c == quote:
			return b.String(), i + 1, true
		case escapes && c == '\\' && i+1 < len(text):
			i++
			b.WriteString(unescape(text[i]))
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, false
}

func unescape(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'r':
		return "\r"
	case '0':
		return "\x00"
	case 'b':
		return "\b"
	case 'Z':
		return "\x1a"
	case '%', '_':
		return "\\" + string(c)
	}
	return string(c)
}

// scanUserVar reads @name, @'name' or @`name`.
func scanUserVar(text string, at int) (token, bool) {
	to := at + 1
	if to < len(text) && strings.IndexByte("'\"`", text[to]) >= 0 {
		s, end, ok := scanQuoted(text, to, true)
		return token{userVar, strings.ToLower(s), at, end}, ok
	}
	for to < len(text) && (isWord(text[to]) || text[to] == '.') {
		to++
	}
	return token{userVar, strings.ToLower(text[at+1 : to]), at, to}, to > at+1
}

func scanNumber(text string, at int) int {
	to := at
	for to < len(text) && (isDigit(text[to]) || text[to] == '.') {
		to++
	}
	if to < len(text) && (text[to] == 'e' || text[to] == 'E') {
		exp := to + 1
		if exp < len(text) && (text[exp] == '+' || text[exp] == '-') {
			exp++
		}
		if exp < len(text) && isDigit(text[exp]) {
			for to = exp; to < len(text) && isDigit(text[to]); to++ {
			}
		}
	}
	return to
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '$' || c >= 0x80
}
