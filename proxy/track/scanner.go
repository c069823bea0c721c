package track

import "bytes"

// scanner reads the text of statements as it passes, in chunks of any size, and tells by their leading words
// which of them open or end a transaction. It knows comments, quoting and the semicolons between
// statements, keeps a few words and allocates nothing. The zero value stands at the start of a text.
//
// Its grammar is that of the servers whose status flags say nothing of transactions, StarRocks and Doris
// (fe-core, StarRocksLex.g4): `--` and `#` begin a comment that runs to the end of the line, backslash escapes
// in '…' and "…", a doubled quote is a quote. The contents of /*! … */ count as code.
type scanner struct {
	mode    lexMode
	prev    byte  // the byte before, where two of them make one token
	comment uint8 // bytes of the /* comment */ so far, 2 for more
	exec    bool  // inside /*! … */
	version bool  // the next word may be the version that stands behind /*!
	nword   uint8
	word    [maxWord]byte
	wordLen uint8 // of word; longer than maxWord for a word too long to matter
	words   [4]keyword
	stmts   uint8 // statements with at least one word so far, 2 for more
	eff     effect
}

type lexMode uint8

const (
	inCode lexMode = iota
	inWord
	inSingle
	inDouble
	inBacktick
	inLine  // -- or # comment
	inBlock // /* comment */
)

// scanWhole is the fast path for a text that lies whole in one chunk: a single statement whose first word is a plain one,
// and cannot matter, is told by that word alone.
func (s *scanner) scanWhole(text []byte) effect {
	if plain(text) {
		return 0
	}
	s.feed(text)
	return s.finish()
}

// plain reports whether text is one statement that begins with a letter other than those of the words that matter.
func plain(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	switch text[0] | 0x20 {
	case 'b', 's', 'c', 'r', 'l', 'e', 'x':
		if !isSelectOrShow(text) {
			return false
		}
	default:
		if c := text[0] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return !holdsSemicolon(text)
}

// isSelectOrShow tells the most common statements that begin with S from START and SET.
func isSelectOrShow(text []byte) bool {
	return len(text) > 2 && text[0]|0x20 == 's' && text[1]|0x20 != 't' && text[2]|0x20 != 't'
}

// feed takes the next bytes of the text.
func (s *scanner) feed(text []byte) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch s.mode {
		case inCode, inWord:
			s.code(c)
		case inSingle:
			i = s.quoted(text, i, '\'')
		case inDouble:
			i = s.quoted(text, i, '"')
		case inBacktick:
			if c == '`' {
				s.mode = inCode
			}
		case inLine:
			if c == '\n' {
				s.mode = inCode
			}
		case inBlock:
			s.block(c)
		}
	}
}

// block takes a byte of a /* comment */. It is executable if it begins with ! or, for MariaDB alone, with M!.
func (s *scanner) block(c byte) {
	at := s.comment
	if s.comment < 2 {
		s.comment++
	}
	switch {
	case c == '!' && (at == 0 || at == 1 && s.prev == 'M'):
		s.mode, s.exec, s.version, s.prev = inCode, true, true, 0
	case c == '/' && s.prev == '*' && at > 0:
		s.mode, s.prev = inCode, 0
	default:
		s.prev = c
	}
}

// quoted skips to the end of a quoted string that i is in and returns the index of the last byte it took. A doubled
// quote ends one string and begins the next, which comes to the same.
func (s *scanner) quoted(text []byte, i int, quote byte) int {
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case s.prev == '\\':
			s.prev = 0
		case c == '\\':
			s.prev = c
		case c == quote:
			s.mode, s.prev = inCode, 0
			return i
		}
	}
	return i
}

// code takes a byte outside quotes and comments.
func (s *scanner) code(c byte) {
	if isWordByte(c) {
		s.mode = inWord
		if s.wordLen < maxWord {
			s.word[s.wordLen] = c &^ 0x20 // upper case for letters; other bytes only make a word that does not matter
			if c < 'A' {
				s.word[s.wordLen] = c
			}
		}
		if s.wordLen <= maxWord {
			s.wordLen++
		}
		s.prev = 0
		return
	}
	s.endWord()
	prev := s.prev
	s.prev = 0
	switch {
	case c == ';':
		s.endStatement()
	case c == '\'':
		s.mode = inSingle
	case c == '"':
		s.mode = inDouble
	case c == '`':
		s.mode = inBacktick
	case c == '#', c == '-' && prev == '-':
		s.mode = inLine
	case c == '*' && prev == '/':
		s.mode, s.prev, s.comment = inBlock, '*', 0
	case c == '/' && prev == '*' && s.exec:
		s.exec = false
	default:
		s.prev = c
	}
}

func isWordByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

// endWord notes the word that has just ended, if there is one.
func (s *scanner) endWord() {
	if s.mode != inWord {
		return
	}
	s.mode = inCode
	if s.version {
		s.version = false
		if s.word[0] >= '0' && s.word[0] <= '9' {
			s.wordLen = 0
			return
		}
	}
	if int(s.nword) < len(s.words) {
		s.words[s.nword] = keywordOf(s.word[:min(s.wordLen, maxWord)], s.wordLen > maxWord)
	} else if s.words[0] == wordCommit { // AND [NO] CHAIN may stand behind WORK
		s.words[3] = keywordOf(s.word[:min(s.wordLen, maxWord)], s.wordLen > maxWord)
	}
	if s.nword < 0xff {
		s.nword++
	}
	s.wordLen = 0
}

// endStatement judges the statement that has just ended by its words.
func (s *scanner) endStatement() {
	if s.nword > 0 {
		if s.stmts < 2 {
			s.stmts++
		}
		if s.stmts == 2 {
			s.eff |= several
		}
		s.eff = s.eff.then(judge(s.words))
	}
	s.nword = 0
	s.words = [4]keyword{}
}

// finish ends the text and returns its effect. The scanner stands at the start of the next text.
func (s *scanner) finish() effect {
	s.endWord()
	s.endStatement()
	eff := s.eff
	*s = scanner{}
	return eff
}

// holdsSemicolon reports whether a semicolon stands anywhere but at the end of text.
func holdsSemicolon(text []byte) bool {
	at := bytes.IndexByte(text, ';')
	return at >= 0 && at < len(text)-1
}
