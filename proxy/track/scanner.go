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
	strict      bool  // MySQL, TiDB: -- begins a comment only with white space behind it
	doris       bool  // comments nest, R'…' is raw
	unsure      doubt // whether "…" is a name, or a backslash a character, is not known
	ansi        bool  // "…" is a name
	noBackslash bool  // a backslash is a character like any other
	dashes      bool  // two of them stand before this byte, with strict
	variable    bool  // the statement names a variable, takes a lock, or cannot be read with certainty
	mode        lexMode
	prev        byte  // the byte before, or what is left of those before, where several make one token
	comment     uint8 // bytes of the /* comment */ so far, 2 for more
	depth       uint8 // of Doris's comments
	exec        bool  // inside /*! … */
	version     bool  // the next word may be the version that stands behind /*!
	nword       uint8
	word        [maxWord]byte
	wordLen     uint8 // of word, whose end is not kept if it is longer than maxWord
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
	inRaw   // R'…'
	inRaw2  // R"…"
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
			at := i
			i = s.quoted(text, i, '"')
			s.name(text[at:min(i+1, len(text))], '"')
		case inBacktick:
			if c == '`' {
				s.mode = inCode
			}
			s.name(text[i:i+1], '`')
		case inLine:
			s.line(c)
		case inBlock:
			s.block(c)
		case inRaw, inRaw2:
			if c == '\'' && s.mode == inRaw || c == '"' && s.mode == inRaw2 {
				s.mode = inCode
			}
		}
	}
}

// name takes bytes of a name, or of a string that may be one, up to the quote that ends it.
func (s *scanner) name(b []byte, quote byte) {
	for _, c := range b {
		if c != quote {
			s.put(c)
			continue
		}
		s.calls()
		s.wordLen = 0
	}
}

// line takes a byte of a comment that ends with its line.
func (s *scanner) line(c byte) {
	switch {
	case c == '\n' && s.prev == '\\' && s.doris:
	case c == '\n', c == '\r' && !s.strict:
		s.mode, s.prev = inCode, 0
		return
	}
	s.prev = c
}

// block takes a byte of a /* comment */. It is executable if it begins with ! or, for MariaDB and TiDB alone, with M! or T!. Whether it is
// executed depends on the server's version.
func (s *scanner) block(c byte) {
	at := s.comment
	if s.comment < 2 {
		s.comment++
	}
	switch {
	case c == '!' && !s.doris && (at == 0 || at == 1 && (s.prev == 'M' || s.prev == 'T')):
		s.mode, s.exec, s.version, s.variable, s.prev = inCode, true, true, true, 0
	case c == '/' && s.prev == '*' && at > 0:
		if s.prev = 0; s.depth == 0 {
			s.mode = inCode
		} else {
			s.depth--
		}
	case c == '*' && s.prev == '/' && s.doris:
		if s.depth++; s.depth == 0 {
			s.variable = true // deeper than is counted
		}
		s.prev = 0
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
		case c == '\\' && (s.unsure&doubtBackslash != 0 || quote == '"' && s.unsure != 0):
			s.variable, s.prev = true, c
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
	if s.dashes && (c >= 0x7f || c < ' ' && !isSpace(c)) {
		s.variable = true // which of these make a comment depends on the server and the character set
	}
	if isWordByte(c) && (c < 0x80 || !s.gap(c)) {
		s.mode, s.dashes = inWord, false
		if s.put(c); c < 0x80 || s.strict {
			s.prev = 0
			return
		}
		if s.prev = s.ideographic(c); s.prev == ideographicSpace {
			s.prev = 0
			if s.wordLen -= 3; s.wordLen == 0 {
				s.mode = inCode
			}
			s.endWord()
		}
		return
	}
	raw := s.doris && s.mode == inWord && s.wordLen == 1 && s.word[0] == 'R'
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
	case c == '\'' && raw:
		s.mode = inRaw
	case c == '"' && raw:
		s.mode = inRaw2
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

// put adds a byte to the word.
func (s *scanner) put(c byte) {
	if c >= 'A' {
		c &^= 0x20 // upper case for letters; other bytes only make a word that does not matter
	}
	if s.wordLen < maxWord {
		s.word[s.wordLen] = c
	}
	if s.wordLen < 0xff {
		s.wordLen++
	}
}

// gap reports whether c stands between two words, maybe: see lexer.gap.
func (s *scanner) gap(c byte) bool { return s.strict && mayBeSpace(c) }

// ideographic follows the bytes of U+3000, which StarRocks counts as white space: it gives what to keep of them, ideographicSpace
// at their end.
func (s *scanner) ideographic(c byte) byte {
	switch {
	case c == 0xe3:
		return c
	case c == 0x80 && s.prev == 0xe3:
		return c
	case c == 0x80 && s.prev == 0x80 && s.wordLen < 0xff:
		return ideographicSpace
	}
	return 0
}

const ideographicSpace = ' '

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
	if s.wordLen >= minCall {
		s.calls()
	}
	if int(s.nword) < len(s.words) {
		s.words[s.nword] = keywordOf(s.word[:min(s.wordLen, maxWord)], s.wordLen > maxWord)
	}
	if s.nword < 0xff {
		s.nword++
	}
	s.wordLen = 0
}

// minCall is the length of the shortest name that calls looks for: GET_LOCK.
const minCall = 8

// calls notes what a word does that may be the name of a function. Of the longer ones the beginning is enough.
func (s *scanner) calls() {
	switch string(s.word[:min(s.wordLen, maxWord)]) {
	case "GET_LOCK", "SERVICE_GET", "VERSION_TOK":
		s.variable = true
	case "LAST_INSERT":
		s.eff |= asksID
	case "SQL_CALC_FO":
		s.eff |= counts
	}
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

// by makes s read by given rules.
func (s *scanner) by(r rules) {
	s.strict, s.doris, s.ansi, s.noBackslash = !r.dialect.fe(), r.dialect == Doris, r.ansi, r.noBackslash
	s.unsure = r.doubts & (doubtAnsi | doubtBackslash)
}

// finish ends the text and returns its effect. The scanner stands at the start of the next text.
func (s *scanner) finish() effect {
	s.endWord()
	s.endStatement()
	eff := s.eff
	if s.mode == inSingle || s.mode == inDouble || s.mode == inBacktick || s.mode >= inRaw {
		eff |= holds // it has been read wrongly
	}
	*s = scanner{}
	return eff
}

// mayHold reports whether a statement that begins with k may leave something in the session besides a transaction.
func mayHold(k keyword) bool {
	switch k {
	case wordPlain, wordInsert, wordBegin, wordStart, wordCommit, wordRollback, wordLoad:
		return false
	default:
		return true
	}
}
