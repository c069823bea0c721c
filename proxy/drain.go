package proxy

import (
	"math/rand/v2"
	"time"

	"segue/backend"
)

// drain is the intent to end sessions at their next statement boundary. It is the same for all sessions of a backend or,
// when Segue itself is stopping, for all there are. Once made it does not change.
type drain struct {
	end      End
	cause    error
	deadline time.Time // when those still there are cut
	// optional: only sessions that can move are meant. The backend looks down, which what they have open of it may outlive.
	optional bool
}

// drainFor tells a session of b's in its command phase to leave or, if d is nil, that it is to stay after all. Only watch calls
// it, so that what was said last is what counts.
func (s *session) drainFor(d *drain, b *backend.Backend, spread time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open || s.away.drain == d || s.pumping.Load() == 0 || s.lease.Backend() != b {
		return
	}
	s.away.drain = d
	if s.wantsAway() {
		s.wakeLocked(rand.N(spread + 1))
		return
	}
	s.lingerLocked() // a deadline that was set for a drain taken back passes without effect
}

// shiftTo tells a session that b has more room, and reports whether it takes the hint: at once or, if it is busy, at its next
// statement boundary.
func (s *session) shiftTo(b *backend.Backend) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.current()
	if s.end != Open || s.away.drain != nil || st != Idle && st != Busy || s.pumping.Load() == 0 || !s.canMove() || s.track.Pinned() != "" {
		return false
	}
	s.away.shift = b
	if st == Idle && !s.track.Recent() {
		s.wakeLocked(0)
	}
	return true
}

// stayAfterAll takes back what shiftTo has said, if the session has not moved yet.
func (s *session) stayAfterAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current() != Moving {
		s.away.shift = nil
	}
}

// lingerLocked gives an idle session that is to end a little time to send one more statement, whose answer then closes
// the connection; see drainLinger. When the time is over, clientDeadline ends it.
func (s *session) lingerLocked() {
	if s.away.drain != nil && !s.away.drain.optional && s.free() && !s.wantsAway() {
		s.rouse()
		_ = s.client.SetReadDeadline(time.Now().Add(s.lingerFor()))
	}
}

// lingerFor is how long an idle session is still given. Where a backend leaves, that is spread over the second half of drainLinger, so that
// their clients do not all come back at one moment. Where Segue stops, nothing more can be done for clients than to be gone soon: how
// long a session has been silent already counts.
func (s *session) lingerFor() time.Duration {
	if s.away.drain.end != Shutdown {
		return drainLinger/2 + rand.N(drainLinger/2)
	}
	silent := time.Duration(s.server.elapsed() - s.since.Load())
	return max(stopLinger, drainLinger-silent)
}

// hurry makes what waits for b, which has turned out to be down, fail now rather than at its timeout: a set-up, or a question about a session's
// state that it can do without.
func (s *session) hurry(b *backend.Backend) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.lease == nil || s.lease.Backend() != b:
		return
	case s.pumping.Load() > 0:
		if s.current() == Moving && !s.needsOld() && mute(b) {
			_ = s.back.SetReadDeadline(past)
		}
		return
	}
	s.hurried = true
	if s.undial != nil {
		s.undial()
	}
	if s.back != nil {
		_ = s.back.SetDeadline(past)
	}
}
