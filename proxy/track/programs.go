package track

import "strings"

// What stored functions, procedures, triggers and views do to a session shows in no text of its client's. So their own texts are read, once for
// each server and account: a statement that names one which may hold state that no witness sees ties its session to its backend.
// Names are looked for wherever they may stand, in strings and comments as well, so that it makes no difference by what rules a text is read: what
// is found there in vain costs a move, and never an answer.

// Program is a stored function, procedure, package, trigger or view of a server.
type Program struct {
	Kind   ProgramKind
	Schema []byte
	Name   []byte // of a trigger: of the table that it is on
	Body   []byte // nil: the account may not read it, or it is too long
}

// ProgramKind tells what a Program is.
type ProgramKind uint8

// The kinds of programs.
const (
	Routine   ProgramKind = iota // a function
	Procedure                    // it runs where a text has CALL
	Package                      // its variables live as long as the session
	Trigger
	View
)

// System is what else must be known to read the body of a program.
type System struct {
	Dialect Dialect // MySQL or MariaDB
	Version uint32  // as in Options
	// Variables are the session's system variables, in lower case, of which the server does not tell by itself that they have changed. nil: they are not known.
	Variables map[string]bool
	// Sees reports whether the account sees all programs and all tables of a schema. What a body calls there is known then.
	Sees func(schema []byte) bool
	// Blind: there may be triggers on tables that the account writes to of which it sees nothing. MariaDB counts what triggers a session has executed.
	Blind bool
	// Calm: no session of the server has executed a trigger for long.
	Calm bool
}

// unseen is what a program may do without the witness telling.
type unseen uint8

const (
	readHides    unseen = 1 << iota // to name it is to hold state, maybe: a lock, a temporary table, a system variable
	readAssigns                     // … to assign user variables
	writeHides                      // to write to it …
	writeAssigns                    //
	callHides                       // to call it …
	callAssigns                     //
)

// effect is what that comes to in a text of such words.
func (u unseen) effect(c class) (e effect) {
	if u&readHides != 0 || c&classWrites != 0 && u&writeHides != 0 || c&classCalls != 0 && u&callHides != 0 {
		e |= hides
	}
	if u&readAssigns != 0 || c&classWrites != 0 && u&writeAssigns != 0 || c&classCalls != 0 && u&callAssigns != 0 {
		e |= assigns
	}
	return e
}

// Programs are those of one server that may do what no witness sees, as far as one account can tell. They do not change.
type Programs struct {
	names   map[string]unseen // by the last word of their names, in upper case
	lengths uint64            // a bit for each length that a name has, the lowest for 1
	foreign unseen            // of those whose names have other letters than ASCII's
	calls   unseen            // of all routines: their names are compared without accents
	blind   bool              // there may be triggers beside
	calm    bool              // … and none has been executed for long
	asOf    int64             // Changes when they were asked for
}

// NewPrograms reads the bodies of all programs that an account sees.
func NewPrograms(list []Program, sys System) *Programs {
	r := NewProgramReader(sys)
	for i := range list {
		r.Add(&list[i])
	}
	return r.Programs()
}

// lastWord is the last part of a name that words finds, in upper case.
func lastWord(name []byte) (last string) {
	w := words{text: name}
	for w.next() {
		last = string(w.upper())
	}
	return last
}

// clean reports whether none of them does anything unseen.
func (p *Programs) clean() bool { return len(p.names) == 0 && p.foreign == 0 }

// of tells what the statements of a text may do unseen: hides, assigns.
func (p *Programs) of(text []byte) effect {
	if p.clean() {
		return 0
	}
	d := p.digest(text)
	return p.found(&d).effect(d.may())
}

// digest looks the words of a text up.
func (p *Programs) digest(text []byte) (d digest) {
	w := words{text: text}
	for w.next() {
		u := w.upper()
		d.found |= p.word(u)
		d.class |= classOf(u)
	}
	d.marks = w.marks
	return d
}

// word looks one word up. Digits in front of it may be the version behind /*!.
func (p *Programs) word(w []byte) (u unseen) {
	if u = p.named(w); len(w) > 5 && isDigit(w[0]) {
		if u |= p.named(w[5:]); len(w) > 6 {
			u |= p.named(w[6:])
		}
	}
	return u
}

func (p *Programs) named(w []byte) unseen {
	if len(w) == 0 || p.lengths>>(len(w)-1)&1 == 0 {
		return 0
	}
	return p.names[string(w)]
}

// digest is what matters of the words of texts.
type digest struct {
	found unseen
	class class
	marks marks
	names map[string]struct{} // those that are kept because it is not known yet what they mean
	full  bool                // … and there were more
	runs  bool                // no statement has ended since the first of them was sent
	by    *Catalog            // that is to tell
	after int64               // Changes when the last of them was kept, or has run: what was read before that does not tell
}

// spelled reports whether names and words may be spelled by escapes, in the text of a statement that is prepared.
func (d *digest) spelled() bool { return d.class&classPrepares != 0 && d.marks&markBackslash != 0 }

// may is what the texts may do.
func (d *digest) may() class {
	if d.spelled() {
		return d.class | classWrites | classCalls
	}
	return d.class
}

// found is what has been found, and what else may be meant.
func (p *Programs) found(d *digest) unseen {
	u := d.found
	if d.marks&markForeign != 0 {
		u |= p.foreign
	}
	if d.marks&markForeignCall != 0 {
		u |= p.calls
	}
	if d.full || d.spelled() {
		u |= p.foreign
		for _, x := range p.names {
			u |= x
		}
	}
	return u
}

// mostUnjudged bounds the names that are kept until it is known what they mean.
const mostUnjudged = 200

// take adds the words of a text.
func (d *digest) take(text []byte) {
	w := words{text: text}
	for w.next() {
		u := w.upper()
		d.class |= classOf(u)
		if _, has := d.names[string(u)]; has || d.full {
			continue
		}
		if d.full = len(d.names) >= mostUnjudged; d.full {
			d.names = nil
			continue
		}
		if d.names == nil {
			d.names = map[string]struct{}{}
		}
		d.names[string(u)] = struct{}{}
	}
	d.marks |= w.marks
}

// ofWords is of for the words of several texts.
func (p *Programs) ofWords(d *digest) effect {
	if p.clean() {
		return 0
	}
	for name := range d.names {
		d.found |= p.word([]byte(name))
	}
	return p.found(d).effect(d.may())
}

// SystemVariables are those of System: all names of a session's variables but for those that the server tells of when they change, as its
// session_track_system_variables says, and sql_mode, which a program has of its own.
func SystemVariables(all []string, tracked string) map[string]bool {
	left := map[string]bool{}
	for _, name := range all {
		left[strings.ToLower(name)] = true
	}
	for name := range strings.SplitSeq(tracked, ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name == "*" {
			return map[string]bool{}
		}
		delete(left, name)
	}
	delete(left, "sql_mode")
	return left
}
