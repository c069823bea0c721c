package track

import (
	"strings"
	"sync/atomic"
)

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
	Routine ProgramKind = iota
	Package             // its variables live as long as the session
	Trigger
	View
)

// System is what else must be known to read the body of a program.
type System struct {
	// Variables are the session's system variables, in lower case, of which the server does not tell by itself that they have changed. nil: they are not known.
	Variables map[string]bool
	// Sees reports whether the account sees all programs and all tables of a schema. What a body calls there is known then.
	Sees func(schema []byte) bool
	// Blind: there may be triggers on tables that the account writes to of which it sees nothing. MariaDB counts what triggers a session has executed.
	Blind bool
}

// unseen is what a program may do without the witness telling.
type unseen uint8

const (
	readHides    unseen = 1 << iota // to name it is to hold state, maybe: a lock, a temporary table, a system variable
	readAssigns                     // … to assign user variables
	writeHides                      // to write to it …
	writeAssigns                    //
)

func (u unseen) effect(writes bool) (e effect) {
	if u&readHides != 0 || writes && u&writeHides != 0 {
		e |= hides
	}
	if u&readAssigns != 0 || writes && u&writeAssigns != 0 {
		e |= assigns
	}
	return e
}

// Programs are those of one server that may do what no witness sees, as far as one account can tell. They do not change.
type Programs struct {
	names   map[string]unseen // by the last word of their names, in upper case
	foreign unseen            // of those whose names have other letters than ASCII's
	calls   unseen            // of all routines: their names are compared without accents
	blind   bool              // there may be triggers beside
	all     bool              // nothing is known: any name may be that of one
	asOf    int64             // Changes when they were asked for
}

// UnknownPrograms are those of a server that does not tell: what calls a function that is not built in, or opens a table, may do anything.
func UnknownPrograms() *Programs { return &Programs{all: true} }

// NewPrograms reads the bodies of all programs that an account sees.
func NewPrograms(list []Program, sys System) *Programs {
	p := &Programs{names: map[string]unseen{}, blind: sys.Blind}
	open := make([]*Program, 0, len(list))
	for i := range list {
		x := &list[i]
		u := readHides | readAssigns
		if x.Body != nil && x.Kind != Package && (sys.Sees(x.Schema) && !leadsOut(x.Body, sys.Sees)) {
			u = readBody(x, sys.Variables)
		}
		if p.note(x, u); u != readHides|readAssigns {
			open = append(open, x)
		}
	}
	for more := !p.clean(); more; { // until no body names another that does
		more = false
		for _, x := range open {
			if p.note(x, p.inBody(x)) {
				more = true
			}
		}
	}
	return p
}

// inBody is what a program does by those that its body names. To write to a view is to write to its tables.
func (p *Programs) inBody(x *Program) (u unseen) {
	d := p.digest(x.Body)
	if x.Kind == View {
		return p.found(&d)
	}
	e := p.found(&d).effect(d.class&classWrites != 0)
	if e&hides != 0 {
		u |= readHides
	}
	if e&assigns != 0 {
		u |= readAssigns
	}
	return u
}

// note adds what one does. It reports whether that is news.
func (p *Programs) note(x *Program, u unseen) bool {
	if u == 0 {
		return false
	}
	switch x.Kind {
	case Trigger: // it runs when its table is written to
		u = u&readHides*(writeHides/readHides) | u&readAssigns*(writeAssigns/readAssigns)
	case Routine, Package:
		p.calls |= u
	case View:
	}
	key := lastWord(x.Name)
	if key == "" || foreign(string(x.Name)) {
		before := p.foreign
		p.foreign |= u
		return p.foreign != before
	}
	before := p.names[key]
	p.names[key] = before | u
	return before|u != before
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
func (p *Programs) clean() bool { return !p.all && len(p.names) == 0 && p.foreign == 0 }

// of tells what the statements of a text may do unseen: hides, assigns.
func (p *Programs) of(text []byte) effect {
	if p.clean() {
		return 0
	}
	d := p.digest(text)
	return p.found(&d).effect(d.class&classWrites != 0)
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
	u = p.names[string(w)]
	if len(w) > 5 && isDigit(w[0]) {
		if u |= p.names[string(w[5:])]; len(w) > 6 {
			u |= p.names[string(w[6:])]
		}
	}
	return u
}

// digest is what matters of the words of texts.
type digest struct {
	found unseen
	class class
	marks marks
	names map[string]struct{} // those that are kept because it is not known yet what they mean
	full  bool                // … and there were more
	runs  bool                // no statement has ended since the first of them was sent
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
	if d.full || d.class&classPrepares != 0 && d.marks&markBackslash != 0 { // a name may be spelled by escapes
		u |= p.foreign
		for _, x := range p.names {
			u |= x
		}
	}
	if p.all {
		u |= readHides | readAssigns
	}
	return u
}

// Catalog is where sessions of one account on one server find its Programs, once these are known.
type Catalog struct {
	programs atomic.Pointer[Programs]
	changes  *Changes
}

// NewCatalog returns one in which nothing is known.
func NewCatalog(c *Changes) *Catalog { return &Catalog{changes: c} }

// Put makes p what is known, having been asked for when [Changes.Count] was n.
func (c *Catalog) Put(p *Programs, n int64) {
	q := *p
	q.asOf = n
	c.programs.Store(&q)
}

// Programs are those that are known, nil if they are not, or have changed since.
func (c *Catalog) Programs() *Programs {
	p := c.programs.Load()
	if p == nil || p.asOf != c.changes.n.Load() {
		return nil
	}
	return p
}

// Changes counts the statements of sessions, on all servers, that define programs.
type Changes struct{ n atomic.Int64 }

// Count is how many there have been.
func (c *Changes) Count() int64 { return c.n.Load() }

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
	return p.found(d).effect(d.class&classWrites != 0)
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
