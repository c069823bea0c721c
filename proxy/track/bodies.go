package track

import "bytes"

// words finds the words of a text without regard to quotes and comments.
type words struct {
	text       []byte
	at         int
	start, end int // of the word at hand
	foreign    int // where the name ends that the last letter beyond ASCII is part of
	marks      marks
	buf        [maxName]byte
}

// maxName is the length of the longest name that a server takes.
const maxName = 64

// marks are what else stands in a text.
type marks uint8

const (
	markForeign     marks = 1 << iota // letters beyond ASCII
	markForeignCall                   // … in what may be the name of a function that is called
	markBackslash
)

// next finds the next word.
func (w *words) next() bool {
	i, b := w.at, w.text
	for ; i < len(b) && !isASCIIWord(b[i]); i++ {
		switch c := b[i]; {
		case c >= 0x80 && i >= w.foreign:
			w.foreignAt(i)
		case c == '\\':
			w.marks |= markBackslash
		}
	}
	w.start = i
	for i < len(b) && isASCIIWord(b[i]) {
		i++
	}
	w.at, w.end = i, i
	return w.start < i
}

// foreignAt takes a letter beyond ASCII, the first of a name.
func (w *words) foreignAt(i int) {
	w.marks |= markForeign
	for i < len(w.text) && isNameByte(w.text[i]) {
		i++
	}
	w.foreign = i
	if c := significant(w.text, i); c == '(' || mayComment(c) {
		w.marks |= markForeignCall
	}
}

// upper is the word in upper case, nothing if it is longer than a name.
func (w *words) upper() []byte {
	if w.end-w.start > maxName {
		return nil
	}
	return upperCase(w.buf[:], w.text[w.start:w.end])
}

func isASCIIWord(c byte) bool { return c < 0x80 && isWordByte(c) }

func isNameByte(c byte) bool { return c >= 0x80 || isWordByte(c) }

// significant is the first byte from i on that is neither white space nor the quote of a name, 0 for none.
func significant(b []byte, i int) byte {
	for ; i < len(b); i++ {
		if c := b[i]; !isSpace(c) && c != '`' && c != '"' {
			return c
		}
	}
	return 0
}

// mayComment reports whether a comment may begin with c.
func mayComment(c byte) bool { return c == '/' || c == '-' || c == '#' }

// class tells what words say of a statement.
type class uint8

const (
	classWrites   class = 1 << iota // it may write to a table that has triggers
	classPrepares                   // it prepares a text
	classOpens                      // it may open a table, a view, or run a program
	classCalls                      // it may call a procedure: in a block of sql_mode ORACLE that needs no CALL
)

func classOf(w []byte) class {
	if len(w) > 5 && isDigit(w[0]) {
		return classOfWord(w) | classOfWord(w[5:]) | classOfWord(w[6:])
	}
	return classOfWord(w)
}

func classOfWord(w []byte) class {
	if len(w) < 2 || len(w) > 9 {
		return 0
	}
	switch string(w) {
	case "INSERT", "REPLACE", "UPDATE", "DELETE", "LOAD":
		return classWrites | classOpens
	case "PREPARE", "EXECUTE", "IMMEDIATE":
		return classPrepares | classOpens
	case "CALL":
		return classOpens | classCalls
	case "BEGIN":
		return classCalls
	case "FROM", "JOIN", "INTO", "TABLE", "HANDLER":
		return classOpens
	}
	return 0
}

// risky reports whether a text may run a program: it opens a table, or calls what is not known to be built in.
func (s *State) risky(text []byte) bool {
	w := words{text: text}
	for w.next() {
		u := w.upper()
		if u == nil || classOf(u)&classOpens != 0 {
			return true
		}
		if c := significant(text, w.end); (c == '(' || c == '/') && !isClause(string(u)) && !isPure(string(u), s.dialect, s.version) && !isBuiltIn(string(u)) {
			return true
		}
	}
	return w.marks&markForeignCall != 0
}

// isBuiltIn reports functions that are MySQL's and MariaDB's own, and not pure.
func isBuiltIn(w string) bool {
	switch w {
	case "SLEEP", "RAND", "UUID", "UUID_SHORT", "LAST_INSERT_ID", "FOUND_ROWS", "ROW_COUNT", "GET_LOCK", "RELEASE_LOCK", "RELEASE_ALL_LOCKS", "IS_FREE_LOCK", "IS_USED_LOCK", "BENCHMARK":
		return true
	}
	return false
}

// before is the last significant byte in front of i, 0 for none.
func before(b []byte, i int) byte {
	for i--; i >= 0; i-- {
		if c := b[i]; !isSpace(c) && c != '`' && c != '"' {
			return c
		}
	}
	return 0
}

// bodyDoes tells what a program may do unseen, but for what other programs that it names do. Of functions and triggers servers themselves take back LAST_INSERT_ID() and
// sql_mode (THD::restore_sub_statement_state, sp_head::execute).
func bodyDoes(x *Program, variables map[string]bool) (u unseen) {
	b := x.Body
	u = assignsIn(x)
	var last string // the word before
	setting := false
	w := words{text: b}
	for w.next() {
		word := string(w.upper())
		ahead := significant(b, w.end)
		if c := before(b, w.start); c == '=' || c == ';' || c == '(' || c == ',' {
			setting = false
		}
		plain := len(word) > 6 && isDigit(word[0])
		switch {
		case holdsByItself(word), plain && (holdsByItself(word[5:]) || holdsByItself(word[6:])):
			u |= readHides
		case word == "PREPARE", word == "EXECUTE", word == "IMMEDIATE": // what it runs then is not known
			u |= readHides | readAssigns
		case x.Kind == View && word == "LAST_INSERT_ID" && !emptyCall(b, w.end):
			u |= readHides
		case x.Kind == View:
		case word == "SET":
			setting = true
			if variables == nil {
				u |= readHides
			}
		case setting && ahead != '=' && ahead != ':' && (word == "ROLE" || word == "TRANSACTION" || word == "RESOURCE"):
			u |= readHides
		case variables[string(bytes.ToLower([]byte(word)))] && setsAt(b, &w, last):
			u |= readHides
		}
		last = word
	}
	return u
}

// holdsByItself reports the words of what holds state.
func holdsByItself(w string) bool {
	switch w {
	case "GET_LOCK", "TEMPORARY", "SERVICE_GET_READ_LOCKS", "SERVICE_GET_WRITE_LOCKS", "VERSION_TOKENS_LOCK_SHARED", "VERSION_TOKENS_LOCK_EXCLUSIVE", "XA":
		return true
	}
	return false
}

// emptyCall reports whether what stands at i is ().
func emptyCall(b []byte, i int) bool {
	rest := bytes.TrimLeft(b[i:], " \t\r\n`")
	if len(rest) == 0 || rest[0] != '(' {
		return true
	}
	rest = bytes.TrimLeft(rest[1:], " \t\r\n")
	return len(rest) > 0 && rest[0] == ')'
}

// setsAt reports whether the word at hand, a variable's name, may be set there: it is not that of a column, nor of a user's variable, and an assignment may follow.
// In sql_mode ORACLE no SET stands before it.
func setsAt(b []byte, w *words, last string) bool {
	switch before(b, w.start) {
	case '.':
		if last != "SESSION" && last != "LOCAL" && last != "GLOBAL" {
			return false
		}
	case '@':
		if at := bytes.LastIndexByte(b[:w.start], '@'); at == 0 || b[at-1] != '@' {
			return false
		}
	}
	c := significant(b, w.end)
	return c == '=' || c == ':' || mayComment(c)
}

// assignsIn tells whether a program may assign user variables.
func assignsIn(x *Program) unseen {
	if x.Kind == View {
		return 0
	}
	b := x.Body
	names, calls, into := false, false, false
	for i := 0; i < len(b); i++ {
		if b[i] != '@' {
			continue
		}
		if i++; i < len(b) && b[i] == '@' {
			continue
		}
		names = true
		if i >= len(b) || b[i] == '\'' || b[i] == '"' || b[i] == '`' {
			return readAssigns
		}
		for i < len(b) && (isWordByte(b[i]) || b[i] == '.') {
			i++
		}
		if c := significant(b, i); c == '=' || c == ':' || mayComment(c) {
			return readAssigns
		}
		i--
	}
	if !names {
		return 0
	}
	w := words{text: b}
	for w.next() {
		switch string(w.upper()) {
		case "CALL", "LOAD":
			calls = true
		case "INTO":
			into = into || intoVariable(b[w.end:])
		}
	}
	if calls || into {
		return readAssigns
	}
	return 0
}

// What is looked at behind an INTO is bounded, as a body may be one INTO after the other.
const (
	mostInto     = 64              // names
	longestNamed = 3*4*maxName + 8 // bytes of one of three parts, with its quotes
)

// intoVariable reports whether a list of names begins b in which one may be a user variable's.
func intoVariable(b []byte) bool {
	for range mostInto {
		b = bytes.TrimLeft(b, " \t\r\n")
		if len(b) == 0 {
			return false
		}
		if b[0] == '@' || mayComment(b[0]) {
			return true
		}
		n := 0
		for n < len(b) && n <= longestNamed && (isWordByte(b[n]) || b[n] == '`' || b[n] == '.') {
			n++
		}
		if n > longestNamed {
			return true
		}
		b = bytes.TrimLeft(b[n:], " \t\r\n")
		if n == 0 || len(b) == 0 || b[0] != ',' {
			return len(b) > 0 && mayComment(b[0])
		}
		b = b[1:]
	}
	return true
}
