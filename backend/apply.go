package backend

import "time"

// Change says what an [Registry.Apply] did, by the backends' names. A backend whose address changed is another one: its
// name stands in Added and in Removed.
type Change struct {
	Added   []string // new
	Removed []string // no longer configured; their sessions are to end at a statement boundary
	Updated []string // same backend, another weight, health URL or TLS, or it is known of it what was not
}

// Empty reports whether nothing changed.
func (c Change) Empty() bool { return len(c.Added)+len(c.Removed)+len(c.Updated) == 0 }

// Apply makes the backends those of specs, in this order. Backends whose name and address stay the same keep their
// health, their sessions and their identity. A removed backend takes no more sessions; it lives on through the leases
// that hold it. A backend that has only moved to another address is new, but what the operator said about its name still
// holds; and so does it for one that had been found, and is found again. One that has only another name is new, but is
// as healthy as it was, and what the operator said of it holds. Of two specs with one name the first counts.
func (r *Registry) Apply(specs []Spec) Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := make(map[string]*Backend)
	for _, b := range r.Backends() {
		old[b.name] = b
	}
	var c Change
	now := time.Now()
	next := make([]*Backend, 0, len(specs))
	kept := make(map[string]*Backend)
	renamed := make(map[string]bool)
	for _, spec := range specs {
		if kept[spec.Name] != nil {
			continue
		}
		formerly := old[spec.Formerly]
		spec.Formerly = ""
		b := r.applySpecLocked(&c, old[spec.Name], spec.normal(), now)
		if old[spec.Name] == nil && formerly != nil && formerly.address == b.address {
			r.renameLocked(b, formerly)
			renamed[formerly.name] = true
		}
		kept[spec.Name] = b
		next = append(next, b)
	}
	for _, b := range r.Backends() {
		if kept[b.name] != b {
			s := *b.status.Load()
			s.Removed, s.Since = true, now
			b.status.Store(&s)
			c.Removed = append(c.Removed, b.name)
			if s.Source != "" && kept[b.name] == nil && !renamed[b.name] { // it may be found again
				r.expectLocked(b.name, s.Admin)
			}
		}
	}
	r.backends.Store(&next)
	if !c.Empty() {
		r.notifyLocked()
	}
	return c
}

// renameLocked has a new backend, b, begin as the one that it was by another name.
func (r *Registry) renameLocked(b, was *Backend) {
	s, old := *b.status.Load(), was.status.Load()
	if s.Admin == Ready {
		s.Admin = old.Admin
	}
	s.probed, s.Since = old.probed, old.Since
	weighed := s.weigh()
	s.Health, s.Cause = weighed.health, weighed.cause
	b.status.Store(&s)
	b.facts.Store(was.facts.Load())
	b.lastSpoke.Store(was.lastSpoke.Load())
	b.upSince = was.upSince
}

// applySpecLocked gives the backend for spec: old, if it is the same one, or a new one. old may be nil.
func (r *Registry) applySpecLocked(c *Change, old *Backend, spec Spec, now time.Time) *Backend {
	if old == nil || old.address != spec.Address {
		admin := r.words[spec.Name]
		delete(r.words, spec.Name)
		if old != nil {
			admin = old.status.Load().Admin
		}
		c.Added = append(c.Added, spec.Name)
		return newBackend(spec, admin, now)
	}
	s := *old.status.Load()
	if s.TLS.Equal(spec.TLS) { // the old one remembers TLS sessions
		spec.TLS = s.TLS
	}
	if s.Spec != spec {
		s.Spec = spec
		r.storeLocked(old, &s)
		c.Updated = append(c.Updated, spec.Name)
	}
	return old
}
