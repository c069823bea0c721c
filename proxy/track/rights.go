package track

import "slices"

// Catalog is that of the session, nil if its server has no programs that matter, or does not tell of them. It may be another one at any time.
func (s *State) Catalog() *Catalog {
	c := s.catalog
	if c == nil || c.GivenUp() {
		return nil
	}
	if s.held != nil {
		c = c.under(s.settingsOfRights())
	}
	if c.GivenUp() {
		return nil
	}
	return c
}

// settingsOfRights are those on which it depends what the session sees of programs, and what its server tells.
func (s *State) settingsOfRights() (list string) {
	h := s.held
	if h == nil {
		return ""
	}
	for i := range h.settings {
		if x := &h.settings[i]; decidesRights(x.key.Value()) {
			list += x.key.Value() + "\x00"
			if x.text != (text{}) {
				list += x.text.Value()
			}
			list += "\x00"
		}
	}
	return list
}

func decidesRights(key string) bool {
	return key == "ROLE" || key == "@@session.session_track_system_variables"
}

// decides reports whether a statement may change these.
func (v *verdict) decides() bool {
	return v != nil && slices.ContainsFunc(v.ops, func(o op) bool { return o.key != (text{}) && decidesRights(o.key.Value()) })
}

// deciding reports whether what is on its way may.
func (s *State) deciding() bool {
	if s.traffic == nil {
		return false
	}
	for i := range s.queue.n {
		if s.queue.at(i).verdict.decides() {
			return true
		}
	}
	return false
}
