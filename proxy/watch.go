package proxy

import (
	"context"
	"errors"
	"time"

	"segue/backend"
)

// fold holds the sessions of one backend, those still being set up included, and the drain that it is under.
type fold struct {
	sessions map[*session]struct{}
	drain    *drain // written by watch alone
	dials    *gate  // for clients that connect, up to the greeting; see maxDialing
	suspect  bool   // its connections are; written by watch alone
}

// attached notes that a session uses a backend.
func (s *Server) attached(c *session, b *backend.Backend) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.byBack[b]
	if f == nil {
		f = &fold{sessions: map[*session]struct{}{}, dials: newGate(maxDialing)}
		s.byBack[b] = f
	}
	f.sessions[c] = struct{}{}
}

// dials is the gate of those who dial b: the caller is attached to it.
func (s *Server) dials(b *backend.Backend) *gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byBack[b].dials
}

// detached notes that it no longer does.
func (s *Server) detached(c *session, b *backend.Backend) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.byBack[b]
	if f == nil {
		return
	}
	delete(f.sessions, c)
	if len(f.sessions) > 0 {
		return
	}
	delete(s.byBack, b)
	if b.Status().Removed {
		s.lookAgain() // its metrics can go
	}
}

// joined is called when a session on b enters its command phase: b may have begun to leave before.
func (s *Server) joined(b *backend.Backend) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, leaving := b.Leaving(); s.closing != nil || leaving {
		s.lookAgain()
	}
}

// lookAgain makes watch review everything though no backend has changed.
func (s *Server) lookAgain() {
	select {
	case s.nudge <- struct{}{}:
	default:
	}
}

// awaitStop shuts down when ctx is done, unless watching is, as all sessions have ended.
func (s *Server) awaitStop(ctx, watching context.Context) {
	select {
	case <-ctx.Done():
		s.shutDown()
	case <-watching.Done():
	}
}

// shutDown makes watch drain all sessions: Segue itself is stopping.
func (s *Server) shutDown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing != nil {
		return
	}
	s.closing = &drain{end: Shutdown, cause: errors.New("segue is stopping"), deadline: time.Now().Add(s.options().drainTimeout())}
	s.lookAgain()
}

// watchAgain is when watch looks again if a bug has kept it from looking.
const watchAgain = time.Second

// watch follows the registry and lets sessions know what it means for them, until ctx is done.
func (s *Server) watch(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var known names
	for {
		changed := s.registry.Changed()
		at := time.Now().Add(watchAgain) // after a panic
		s.guarded("watch", func() {
			at = s.review(time.Now())
			s.forgetRemoved(&known)
		})
		if !at.IsZero() {
			timer.Reset(time.Until(at))
		} else {
			timer.Stop()
		}
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
	s.shutGate()
	alternative := s.alternative()
	views, closing := s.views(func(*backend.Backend) bool { return true })
	for _, v := range views {
		d := s.intent(v.backend, alternative, now)
		if d != nil && d != v.drain {
			s.log.Info("draining sessions", "backend", v.backend.Name(), "cause", d.cause, "sessions", len(v.sessions))
		}
		to := d
		if closing != nil {
			to = closing // there is no staying on a backend that comes back
		}
		if to != nil || v.drain != nil {
			for _, c := range v.sessions {
				c.drainFor(to, v.backend, spread(len(v.sessions)))
			}
		}
		down := v.backend.Status().Health == backend.Down
		s.suspect(v, down)
		if down && alternative {
			again = earlier(again, s.leaveBehind(v, now))
		}
		again = earlier(again, s.enforce(d, v.sessions, now))
	}
	if closing != nil {
		again = earlier(again, s.enforce(closing, s.list(), now))
	}
	return again
}

// spread is the time over which n idle sessions leave: a StarRocks FE that is leaving closes them within milliseconds, and the
// others must not be overrun.
func spread(n int) time.Duration { return min(time.Duration(n)*time.Millisecond, 400*time.Millisecond) }

// alternative reports whether some backend takes new sessions: as long as none does, the least bad one keeps its own.
func (s *Server) alternative() bool {
	for _, b := range s.registry.Backends() {
		if st := b.Status(); st.Health == backend.Up && st.Admin == backend.Ready {
			return true
		}
	}
	return false
}

// view is a fold at a moment.
type view struct {
	backend  *backend.Backend
	drain    *drain
	sessions []*session
}

// views gives those of the backends that which picks.
func (s *Server) views(which func(*backend.Backend) bool) (views []view, closing *drain) {
	s.mu.Lock()
	defer s.mu.Unlock()
	views = make([]view, 0, len(s.byBack))
	for b, f := range s.byBack {
		if !which(b) {
			continue
		}
		v := view{backend: b, drain: f.drain, sessions: make([]*session, 0, len(f.sessions))}
		for c := range f.sessions {
			v.sessions = append(v.sessions, c)
		}
		views = append(views, v)
	}
	return views, s.closing
}

// intent is the drain that b's sessions are to be under, or nil.
func (s *Server) intent(b *backend.Backend, alternative bool, now time.Time) *drain {
	st := b.Status()
	cause, leaving := st.Leaving()
	if st.Health == backend.Stopping && st.Admin == backend.Ready && !st.Removed && !alternative {
		leaving = false
	}
	down := !leaving && st.Health == backend.Down && alternative
	if down {
		cause = st.Cause
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.byBack[b]
	switch {
	case f == nil:
		return nil
	case !leaving && !down:
		f.drain = nil
	case f.drain == nil, f.drain.optional != down:
		f.drain = &drain{end: Drained, cause: errors.New(cause), deadline: now.Add(s.options().drainTimeout()), optional: down}
	}
	return f.drain
}

// enforce cuts what a drain has left when its time is over, and otherwise returns when that will be. Sessions that are
// still being set up have other backends to go to, unless all is over.
func (s *Server) enforce(d *drain, sessions []*session, now time.Time) time.Time {
	if d == nil || d.optional {
		return time.Time{}
	}
	if now.Before(d.deadline) {
		return d.deadline
	}
	for _, c := range sessions {
		if d.end == Shutdown || c.pumping.Load() > 0 {
			c.cut(Timeout, errDrainTimeout, "the statement was cut at the end of drain.timeout, for "+d.cause.Error()+"; its outcome is unknown")
		}
	}
	return time.Time{}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
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
