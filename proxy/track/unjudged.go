package track

// What has run before it was known which programs there are, or since some were defined: its words are kept until it is.

// keepWords has words kept until it is known what they mean, under the rights that the session has.
func (s *State) keepWords(take func(*digest)) {
	c := s.Catalog()
	if c == nil {
		return
	}
	if d := s.unjudged; d != nil && d.by != c { // they were others before
		s.ranUnseen(hides | assigns)
		s.unjudged = nil
		return
	}
	if s.unjudged == nil {
		s.unjudged = &digest{runs: true, by: c}
	}
	take(s.unjudged)
	s.unjudged.after = s.catalog.changes.Count()
}

// CatchUp judges what ran before it was known which programs there are, once that is known.
func (s *State) CatchUp() {
	if d := s.unjudged; d != nil {
		if d.by.GivenUp() || s.Catalog() == nil {
			s.unjudged = nil
			return
		}
		if p := d.by.since(d.after); p != nil {
			s.JudgeBy(p)
		}
	}
}

// JudgeBy judges it by what is known of the programs of these servers. If there are none nothing is judged.
func (s *State) JudgeBy(list ...*Programs) {
	d := s.unjudged
	if d == nil || len(list) == 0 {
		return
	}
	s.unjudged = nil
	for _, p := range list {
		s.ranUnseen(p.ofWords(d))
		if d.class&classWrites != 0 {
			s.wroteBlindlyBy(p)
		}
	}
}

// JudgeElsewhere judges it by what is known of other servers that serve the same: homes are the account's catalogs there.
func (s *State) JudgeElsewhere(homes []*Catalog) {
	d := s.unjudged
	if d == nil || d.by != s.Catalog() {
		return
	}
	var list []*Programs
	for _, home := range homes {
		if p := home.under(s.settingsOfRights()).since(d.after); p != nil {
			list = append(list, p)
		}
	}
	s.JudgeBy(list...)
}

// Unjudged reports whether statements have run of which it is not known yet what they may have done unseen.
func (s *State) Unjudged() bool {
	s.CatchUp()
	return s.unjudged != nil
}
