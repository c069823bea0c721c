package track

import "slices"

// What the programs that a statement names may have done unseen: its words tell, before it runs.

// programs are those that are known; judge: there is something to be looked for.
func (s *State) programs() (p *Programs, judge bool) {
	c := s.Catalog()
	if c == nil {
		return nil, false
	}
	s.CatchUp()
	p = c.Programs()
	return p, p == nil || !p.clean()
}

// runs tells what a text may do unseen. While nothing is known its words are kept.
func (s *State) runs(text []byte) effect {
	p, judge := s.programs()
	switch {
	case s.catalog != nil && !s.catalog.GivenUp() && s.deciding(): // by which rights it runs is not known
		if s.risky(text) {
			return hides | assigns
		}
		return 0
	case !judge:
		return 0
	case p != nil:
		return p.of(text)
	case s.risky(text):
		s.keepWords(func(d *digest) { d.take(text) })
	}
	return 0
}

// runsUnknown is runs for a text that is not there.
func (s *State) runsUnknown() effect {
	switch p, judge := s.programs(); {
	case !judge:
		return 0
	case p != nil:
		return hides | assigns
	}
	s.keepWords(func(d *digest) { d.full, d.class = true, d.class|classWrites|classCalls })
	return 0
}

// runsPrepared is runs for a statement of COM_STMT_PREPARE.
func (s *State) runsPrepared(st *prepared) effect {
	if s.catalog != nil && st.defines {
		s.defines = true
		s.catalog.changes.n.Add(1)
	}
	switch p, judge := s.programs(); {
	case s.catalog == nil:
		return 0
	case st.text == (text{}):
		return s.runsUnknown()
	case p == nil || s.deciding():
		return s.runs([]byte(st.text.Value()))
	case !judge:
		return 0
	case st.judgedBy != p:
		st.judgedBy, st.does = p, p.of([]byte(st.text.Value()))
	}
	return st.does
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
					e |= s.runs([]byte(x.text.Value()))
					if s.catalog != nil && mayDefine([]byte(x.text.Value())) {
						s.catalog.changes.n.Add(1)
					}
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

// Ran reports whether some of these have come to their end.
func (s *State) Ran() bool { return s.Unjudged() && !s.unjudged.runs }

// MayRead reports whether the session may be asked for the programs of its server: it opens no transaction by that, or one that can be ended again.
func (s *State) MayRead() bool {
	return s.dialect.my() && s.Pinned() == "" && !s.txn.open() && !s.txn.bare && s.Catalog() != nil
}

// Autocommits reports whether a question opens no transaction.
func (s *State) Autocommits() bool { return s.txn.autocommit }

// Suspect reports whether a program may have assigned user variables that have not been [State.Listed] since.
func (s *State) Suspect() bool { return s.suspect }

// wroteBlindly notes that a statement may have written to a table.
func (s *State) wroteBlindly() {
	if c := s.Catalog(); c != nil {
		s.wroteBlindlyBy(c.Programs())
	}
}

func (s *State) wroteBlindlyBy(p *Programs) {
	s.fired = s.fired || p != nil && p.blind && s.dialect == MariaDB
}

// Fired reports whether a trigger may have run of which the account sees nothing. See [State.Executed].
func (s *State) Fired() bool { return s.fired }

// Executed takes how many triggers the session has executed, by its server's count; known: it has told. What they have done it does not tell.
func (s *State) Executed(triggers uint64, known bool) {
	if c := s.Catalog(); s.fired && known && c != nil {
		if triggers > 0 {
			s.ranUnseen(hides | assigns)
			c.fires.Store(true)
		} else if c.spared.Load() < enoughSpared {
			c.spared.Add(1)
		}
	}
	s.fired = s.fired && !known
}

// mayHaveFired is that where the session can be asked no more, and the account is not known to run no triggers.
func (s *State) mayHaveFired() bool { return s.fired && !s.Catalog().firesNone() }

// ranUnseen notes what a statement may have done.
func (s *State) ranUnseen(e effect) {
	if e&hides != 0 {
		s.hold().pins |= pinUnseen
	}
	s.suspect = s.suspect || e&assigns != 0
}
