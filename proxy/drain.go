package proxy

import (
	"context"
	"errors"
	"time"

	"segue/backend"
)

// drain is the intent to end sessions at their next statement boundary. It is the same for all sessions of a backend.
type drain struct {
	end      End
	cause    error
	deadline time.Time // when those still there are cut
	cut      bool      // they have been
}

// drainFor tells a session in its command phase to end. Where it stands idle it gets a little time to send one more
// statement, whose answer then closes the connection; see drainLinger.
func (s *session) drainFor(d *drain) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open || s.drain == d || s.pumping.Load() == 0 {
		return
	}
	s.drain = d
	if s.current() == Idle {
		_ = s.client.SetReadDeadline(time.Now().Add(lingerFor()))
	}
}

// stay takes back drainFor(d): the backend does not leave after all.
func (s *session) stay(d *drain) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == Open && s.drain == d {
		s.drain = nil
		_ = s.client.SetReadDeadline(time.Time{})
	}
}

// hurry makes a set-up with a backend that has turned out to be down fail now rather than at its timeout.
func (s *session) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.back != nil && s.current() == Authenticating {
		_ = s.back.SetReadDeadline(past)
	}
}

// watch follows the registry and lets sessions know what it means for them, until ctx is done.
func (s *Server) watch(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var known names
	for {
		changed := s.registry.Changed()
		if at := s.review(time.Now()); !at.IsZero() {
			timer.Reset(time.Until(at))
		} else {
			timer.Stop()
		}
		s.forgetRemoved(&known)
		select {
		case <-changed:
		case <-s.nudge:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// review looks at each backend that has sessions and begins, ends or enforces their drains. It returns when it wants to look
// again though nothing has changed.
func (s *Server) review(now time.Time) (again time.Time) {
	alternative := s.alternative()
	for _, v := range s.folds() {
		d := s.intent(v.backend, alternative, now)
		switch {
		case d != nil:
			for _, c := range v.sessions {
				c.drainFor(d)
			}
		case v.drain != nil:
			for _, c := range v.sessions {
				c.stay(v.drain)
			}
		}
		if v.backend.Status().Health == backend.Down {
			for _, c := range v.sessions {
				c.hurry()
			}
		}
		again = earlier(again, s.enforce(d, v.sessions, now))
	}
	s.mu.Lock()
	closing := s.closing
	s.mu.Unlock()
	if closing != nil {
		again = earlier(again, s.enforce(closing, s.list(), now))
	}
	return again
}

// alternative reports whether some backend takes new sessions: as long as none does, the least bad one keeps its own.
func (s *Server) alternative() bool {
	for _, b := range s.registry.Backends() {
		if st := b.Status(); st.Health == backend.Up && st.Admin == backend.Ready {
			return true
		}
	}
	return false
}

// view is one backend's sessions at a moment.
type view struct {
	backend  *backend.Backend
	drain    *drain
	sessions []*session
}

func (s *Server) folds() []view {
	s.mu.Lock()
	defer s.mu.Unlock()
	views := make([]view, 0, len(s.byBack))
	for b, f := range s.byBack {
		v := view{backend: b, drain: f.drain, sessions: make([]*session, 0, len(f.sessions))}
		for c := range f.sessions {
			v.sessions = append(v.sessions, c)
		}
		views = append(views, v)
	}
	return views
}

// intent is the drain that b's sessions are to be under, or nil.
func (s *Server) intent(b *backend.Backend, alternative bool, now time.Time) *drain {
	st := b.Status()
	cause, leaving := st.Leaving()
	if st.Health == backend.Stopping && st.Admin == backend.Ready && !st.Removed && !alternative {
		leaving = false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.byBack[b]
	switch {
	case f == nil:
		return nil
	case !leaving:
		f.drain = nil
		if len(f.sessions) == 0 {
			delete(s.byBack, b)
		}
		return nil
	case f.drain == nil:
		f.drain = &drain{end: Drained, cause: errors.New(cause), deadline: now.Add(s.options().drainTimeout())}
		s.log.Info("draining sessions", "backend", b.Name(), "cause", cause, "sessions", len(f.sessions))
	}
	return f.drain
}

// enforce cuts what a drain has left when its time is over. It returns when that will be.
func (s *Server) enforce(d *drain, sessions []*session, now time.Time) time.Time {
	if d == nil || d.cut {
		return time.Time{}
	}
	if now.Before(d.deadline) {
		return d.deadline
	}
	d.cut = true
	for _, c := range sessions {
		c.cut(Timeout, errDrainTimeout, "the statement was cut at the end of drain.timeout, for "+d.cause.Error()+"; its outcome is unknown")
	}
	return time.Time{}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// shutDown drains all sessions: Segue itself is stopping.
func (s *Server) shutDown() {
	d := &drain{end: Shutdown, cause: errors.New("segue is stopping"), deadline: time.Now().Add(s.options().drainTimeout())}
	s.mu.Lock()
	s.closing = d
	s.mu.Unlock()
	for _, c := range s.list() {
		c.drainFor(d)
	}
	s.lookAgain()
}

// lookAgain makes watch review everything though no backend has changed.
func (s *Server) lookAgain() {
	select {
	case s.nudge <- struct{}{}:
	default:
	}
}

// names are the backends that metrics may exist for.
type names map[string]bool

// forgetRemoved deletes the series of backends that are gone and have no session left.
func (s *Server) forgetRemoved(known *names) {
	now := names{}
	for _, b := range s.registry.Backends() {
		now[b.Name()] = true
	}
	s.mu.Lock()
	for b := range s.byBack {
		now[b.Name()] = true
	}
	s.mu.Unlock()
	for name := range *known {
		if !now[name] {
			s.metrics.forget(name)
		}
	}
	*known = now
}
