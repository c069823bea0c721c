package track

import "slices"

// What the programs that a statement names may have done unseen.

// Witnesses of it: Programs, before it runs.

// programs are those that are known; judge: there is something to be looked for.
func (s *State) programs() (p *Programs, judge bool) {
	if s.catalog == nil {
		return nil, false
	}
	p = s.catalog.Programs()
	if p != nil && s.unjudged != nil {
		s.catchUp(p)
	}
	return p, p == nil || !p.clean()
}

// runs tells what a text may do unseen. While nothing is known its words are kept.
func (s *State) runs(text []byte) effect {
	p, judge := s.programs()
	switch {
	case !judge:
		return 0
	case (p == nil || p.all) && !s.risky(text):
		return 0
	case p == nil:
		s.keepWords().take(text)
		return 0
	}
	return p.of(text)
}

// runsUnknown is runs for a text that is not there.
func (s *State) runsUnknown() effect {
	p, judge := s.programs()
	switch {
	case !judge:
		return 0
	case p == nil:
		s.keepWords().full = true
		return 0
	}
	return hides | assigns
}

// runsPrepared is runs for a statement of COM_STMT_PREPARE.
func (s *State) runsPrepared(t text) effect {
	if s.catalog == nil {
		return 0
	}
	if t == (text{}) {
		return s.runsUnknown()
	}
	if _, judge := s.programs(); !judge {
		return 0
	}
	return s.runs([]byte(t.Value()))
}

// runsTexts is runs for the statements of PREPARE that a verdict executes, once they are known.
func (s *State) runsTexts(v *verdict) (e effect) {
	if v == nil || s.held == nil {
		return 0
	}
	for i := range v.ops {
		if o := &v.ops[i]; o.kind == opExecute {
			for k := range s.held.texts {
				if x := &s.held.texts[k]; x.name == o.key && x.text != (text{}) {
					e |= s.runsPrepared(x.text)
				}
			}
		}
	}
	return e
}

// calls reports whether a verdict is that of CALL or the like.
func (v *verdict) calls() bool {
	return v != nil && slices.ContainsFunc(v.ops, func(o op) bool { return o.kind == opPin && o.pins&pinProcedure != 0 })
}

func (s *State) keepWords() *digest {
	if s.unjudged == nil {
		s.unjudged = &digest{runs: true}
	}
	return s.unjudged
}

// catchUp judges what ran before it was known which programs there are.
func (s *State) catchUp(p *Programs) {
	d := s.unjudged
	s.unjudged = nil
	s.ranUnseen(p.ofWords(d))
	if d.class&classWrites != 0 {
		s.wroteBlindly(p)
	}
}

// CatchUp does so once that is known.
func (s *State) CatchUp() {
	if s.unjudged != nil {
		s.programs()
	}
}

// Unjudged reports whether statements have run of which it is not known yet what they may have done unseen.
func (s *State) Unjudged() bool { return s.unjudged != nil }

// Suspect reports whether a program may have assigned user variables that have not been [State.Listed] since.
func (s *State) Suspect() bool { return s.suspect }

// wroteBlindly notes that a statement may have written to a table.
func (s *State) wroteBlindly(p *Programs) {
	s.fired = s.fired || p != nil && p.blind && s.dialect == MariaDB
}

// Fired reports whether a trigger may have run of which the account sees nothing. See [State.Executed].
func (s *State) Fired() bool { return s.fired }

// Executed takes how many triggers the session has executed, by its server's count; known: it has told. What they have done it does not tell.
func (s *State) Executed(triggers uint64, known bool) {
	if s.fired && known && triggers > 0 {
		s.ranUnseen(hides | assigns)
	}
	s.fired = s.fired && !known
}

// ranUnseen notes what a statement may have done.
func (s *State) ranUnseen(e effect) {
	if e&hides != 0 {
		s.hold().pins |= pinUnseen
	}
	s.suspect = s.suspect || e&assigns != 0
}

// definesPrograms notes that a text may create, alter or drop a program: what is known of them is out of date, now and when it has run.
func (s *State) definesPrograms(text []byte) {
	if s.catalog != nil && len(text) >= len("DROP VIEW v") && definesProgram(text) {
		s.defines = true
		s.catalog.changes.n.Add(1)
	}
}

// defined notes that it has run.
func (s *State) defined() {
	s.defines = false
	s.catalog.changes.n.Add(1)
}
