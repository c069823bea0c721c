package proxy

import (
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

// MaxPause is how long a pause may last at most. Nobody's clients wait for longer, and an end that nobody lives to see is no end.
const MaxPause = 24 * time.Hour

// Pause holds the statements of all sessions, and clients that connect, until Resume is called or d, MaxPause at most, is over: then it ends by
// itself. What has been begun, a transaction included, may end.
func (s *Server) Pause(d time.Duration) {
	s.pausing.Lock()
	now := s.elapsed()
	s.pausedSince.CompareAndSwap(0, max(now, 1))
	s.pausedUntil.Store(now + int64(min(d, MaxPause)))
	before := s.paused.Swap(true)
	s.pausing.Unlock()
	if before {
		return
	}
	s.shutGate()
	s.ask(func(w *worker) { w.paused = s.paused.Load() }) // it may have ended meanwhile
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
	held := 0
	s.ask(func(w *worker) {
		held += len(w.waiters.list)
		w.resume()
	})
	s.log.Warn("resumed", "held", held, "took", time.Duration(s.elapsed()-since))
	return true
}

// Paused describes the pause; nil if there is none.
func (s *Server) Paused() *Pause {
	since, until := s.pausedSince.Load(), s.pausedUntil.Load()
	if !s.paused.Load() || since == 0 || until == 0 {
		return nil
	}
	p := &Pause{Since: s.at(since), Until: s.at(until)}
	s.ask(func(w *worker) {
		p.Held += len(w.waiters.list)
		for _, c := range w.all {
			if c.state == Busy || c.state == Pinned {
				p.Busy++
			}
		}
	})
	return p
}
