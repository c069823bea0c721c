package track

// ProgramReader makes Programs of what a server tells of its programs, one by one: what one body costs is spent when it comes, and does not depend on how many there are.
type ProgramReader struct {
	sys     System
	does    map[string]unseen // by name
	foreign unseen
	calls   unseen
	words   map[string]*standing
	bodies  []*unsettled
	more    []change
}

// standing is in which bodies a word stands.
type standing struct {
	in []*unsettled
}

// unsettled is a body of which it is not settled what it does.
type unsettled struct {
	kind  ProgramKind
	name  string // its last word; "": it has letters beyond ASCII
	found digest
}

// change is what a name does that it was not known to do.
type change struct {
	name string
	does unseen
}

// NewProgramReader returns one that has read nothing.
func NewProgramReader(sys System) *ProgramReader {
	return &ProgramReader{sys: sys, does: map[string]unseen{}, words: map[string]*standing{}}
}

// Add reads one program, of which nothing is kept.
func (r *ProgramReader) Add(x *Program) {
	name := lastWord(x.Name)
	if foreign(string(x.Name)) {
		name = ""
	}
	u := readHides | readAssigns
	if x.Body != nil && x.Kind != Package && r.sys.Sees(x.Schema) && !r.sys.leadsOut(x.Body) {
		u = bodyDoes(x, r.sys.Variables)
	}
	if r.note(x.Kind, name, u); u != readHides|readAssigns {
		r.take(&unsettled{kind: x.Kind, name: name}, x.Body)
	}
}

// take notes which words stand in a body.
func (r *ProgramReader) take(b *unsettled, body []byte) {
	r.bodies = append(r.bodies, b)
	w := words{text: body}
	for w.next() {
		u := w.upper()
		b.found.class |= classOf(u)
		r.stands(u, b)
		if len(u) > 5 && isDigit(u[0]) {
			r.stands(u[5:], b)
			r.stands(u[6:], b)
		}
	}
	b.found.marks = w.marks
}

func (r *ProgramReader) stands(word []byte, b *unsettled) {
	if len(word) == 0 {
		return
	}
	s := r.words[string(word)]
	if s == nil {
		s = &standing{}
		r.words[string(word)] = s
	}
	if n := len(s.in); n == 0 || s.in[n-1] != b {
		s.in = append(s.in, b)
	}
}

// note adds what a program does.
func (r *ProgramReader) note(kind ProgramKind, name string, u unseen) {
	switch kind {
	case Trigger: // it runs when its table is written to
		u = u&readHides*(writeHides/readHides) | u&readAssigns*(writeAssigns/readAssigns)
	case Procedure:
		u = u&readHides*(callHides/readHides) | u&readAssigns*(callAssigns/readAssigns)
		r.calls |= u
	case Routine, Package:
		r.calls |= u
	case View:
	}
	switch {
	case u == 0:
	case name == "":
		r.foreign |= u
	case r.does[name]|u != r.does[name]:
		r.does[name] |= u
		r.more = append(r.more, change{name, u})
	}
}

// Programs are all that have been read, with what they do by others that they name.
func (r *ProgramReader) Programs() *Programs {
	for {
		for len(r.more) > 0 {
			last := len(r.more) - 1
			c := r.more[last]
			r.more = r.more[:last]
			if s := r.words[c.name]; s != nil {
				for _, b := range s.in {
					r.finds(b, c.does)
				}
			}
		}
		others, calls := r.foreign, r.calls
		for _, b := range r.bodies {
			if b.found.marks&markForeign != 0 {
				r.finds(b, others)
			}
			if b.found.marks&markForeignCall != 0 {
				r.finds(b, calls)
			}
		}
		if len(r.more) == 0 && r.foreign == others && r.calls == calls {
			break
		}
	}
	p := &Programs{names: r.does, foreign: r.foreign, calls: r.calls, blind: r.sys.Blind, calm: r.sys.Calm}
	for name := range p.names {
		p.lengths |= 1 << (len(name) - 1)
	}
	return p
}

// finds adds what a body does by what it names. To write to a view is to write to its tables.
func (r *ProgramReader) finds(b *unsettled, u unseen) {
	if b.found.found|u == b.found.found {
		return
	}
	b.found.found |= u
	if b.kind == View {
		r.note(b.kind, b.name, b.found.found)
		return
	}
	e := b.found.found.effect(b.found.class | classCalls) // in sql_mode ORACLE a body calls without CALL
	u = 0
	if e&hides != 0 {
		u |= readHides
	}
	if e&assigns != 0 {
		u |= readAssigns
	}
	r.note(b.kind, b.name, u)
}
