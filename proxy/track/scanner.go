package track

// scanner reads the text of statements as it passes, in chunks of any size, and tells by their leading words
// which of them open or end a transaction. It knows comments, quoting and the semicolons between
// statements, keeps a few words and allocates nothing. The zero value stands at the start of a text.
//
// Its grammar is by default that of the servers whose status flags say nothing of transactions, StarRocks and Doris
// (fe-core, StarRocksLex.g4): `--` and `#` begin a comment that runs to the end of the line, backslash escapes
// in '…' and "…", a doubled quote is a quote. The contents of /*! … */ count as code.
//
// Of a text that is too long to be kept it is all there is: holds tells whether the text could leave something in the session.
type scanner struct {
	strict      bool // MySQL, TiDB: -- begins a comment only with white space behind it
	ansi        bool // "…" is a name
	noBackslash bool // a backslash is a character like any other
	dashes      bool // two of them stand before this byte, with strict
	variable    bool // the statement names a variable, or takes a lock
	mode        lexMode
	prev        byte  // the byte before, where two of them make one token
	comment     uint8 // bytes of the /* comment */ so far, 2 for more
	exec        bool  // inside /*! … */
	version     bool  // the next word may be the version that stands behind /*!
	nword       uint8
	word        [maxWord]byte
	wordLen     uint8 // of word; longer than maxWord for a word too long to matter
	words       [4]keyword
	stmts       uint8 // statements with at least one word so far, 2 for more
	eff         effect
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
		case c == '\\' && !s.noBackslash && (quote == '\'' || !s.ansi):
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
		s.mode, s.dashes = inWord, false
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
	if s.strict && s.dashes {
		s.dashes = false
		if c <= ' ' {
			s.mode = inLine
			if c == '\n' {
				s.mode = inCode
			}
			return
		}
	}
	switch {
	case c == '@':
		s.variable = true
	case c == ';':
		s.endStatement()
	case c == '\'':
		s.mode = inSingle
	case c == '"':
		s.mode = inDouble
	case c == '`':
		s.mode = inBacktick
	case c == '-' && prev == '-' && s.strict:
		s.dashes, s.prev = true, c
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
	if s.wordLen == 8 && string(s.word[:8]) == "GET_LOCK" {
		s.variable = true
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
		s.eff = s.eff.then(judgeWords(s.words))
		if s.variable || mayHold(s.words[0]) {
			s.eff |= holds
		}
	}
	s.nword, s.variable = 0, false
	s.words = [4]keyword{}
}

// finish ends the text and returns its effect. The scanner stands at the start of the next text.
func (s *scanner) finish() effect {
	s.endWord()
	s.endStatement()
	eff := s.eff
	if s.mode == inSingle || s.mode == inDouble || s.mode == inBacktick {
		eff |= holds // it has been read wrongly
	}
	*s = scanner{strict: s.strict, ansi: s.ansi, noBackslash: s.noBackslash}
	return eff
}

// mayHold reports whether a statement that begins with k may leave something in the session besides a transaction.
func mayHold(k keyword) bool {
	switch k {
	case wordPlain, wordBegin, wordStart, wordCommit, wordRollback, wordLoad:
		return false
	default:
		return true
	}
}
