package proxy

import (
	"context"
	"math"
	"time"
)

// Pause is what the operator sees of a pause.
type Pause struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"` // when it ends by itself
	// Held is how many statements wait.
	Held int `json:"held"`
	// Busy is how many sessions are still at work: with a statement that was sent before, or within a transaction.
	Busy int `json:"busy"`
}

// Pause holds the statements of all sessions, and clients that connect, until Resume is called or d is over: then it ends by itself. What
// has been begun, a transaction included, may end.
func (s *Server) Pause(d time.Duration) {
	s.pausing.Lock()
	now := s.elapsed()
	s.pausedSince.CompareAndSwap(0, max(now, 1))
	s.pausedUntil.Store(now + int64(d))
	before := s.paused.Swap(true)
	s.pausing.Unlock()
	if before {
		return
	}
	s.shutGate()
	s.log.Warn("paused: statements wait", "until", s.at(s.pausedUntil.Load()))
}

// Resume ends a pause, and reports whether there was one.
func (s *Server) Resume() bool { return s.resume(math.MaxInt64) }

// resume ends a pause if that was to end by then.
func (s *Server) resume(by int64) bool {
	s.pausing.Lock()
	if !s.paused.Load() || s.pausedUntil.Load() > by {
		s.pausing.Unlock()
		return false
	}
	s.resumed.Store(s.elapsed())
	s.paused.Store(false)
	since := s.pausedSince.Swap(0)
	s.pausedUntil.Store(0)
	s.pausing.Unlock()
	s.shutGate()
	held := s.holding.list()
	for _, c := range held {
		c.look()
	}
	s.rouse()
	s.log.Warn("resumed", "held", len(held), "took", time.Duration(s.elapsed()-since))
	return true
}

// rouse has those look again who are in awaitResume.
func (s *Server) rouse() {
	s.pausing.Lock()
	defer s.pausing.Unlock()
	close(s.resumes)
	s.resumes = make(chan struct{})
}

// look has the client's pump, if it waits with a statement, look again at why. With mu held it is either before it looks or asleep.
func (s *session) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn.Broadcast()
}

// Paused describes the pause; nil if there is none.
func (s *Server) Paused() *Pause {
	since, until := s.pausedSince.Load(), s.pausedUntil.Load()
	if !s.paused.Load() || since == 0 || until == 0 {
		return nil
	}
	p := &Pause{Since: s.at(since), Until: s.at(until), Held: len(s.holding.list())}
	for _, c := range s.list() {
		switch c.current() {
		case Busy, Pinned:
			p.Busy++
		default:
		}
	}
	return p
}

// awaitResume waits until there is no pause, or the session that waits is over, and returns how long that took.
func (s *Server) awaitResume(ctx context.Context, over func() bool) time.Duration {
	began := time.Now()
	for {
		s.pausing.Lock()
		resumes := s.resumes
		s.pausing.Unlock()
		if !s.paused.Load() || over() {
			return time.Since(began)
		}
		select {
		case <-resumes:
		case <-ctx.Done():
			return time.Since(began)
		}
	}
}
