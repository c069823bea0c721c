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
}

// drainFor tells a session in its command phase to end or, if d is nil, that it is to stay after all. Only watch calls it,
// so that what was said last is what counts.
func (s *session) drainFor(d *drain) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open || s.drain == d || s.pumping.Load() == 0 {
		return
	}
	s.drain = d
	s.lingerLocked() // a deadline that was set for a drain taken back passes without effect
}

// lingerLocked gives an idle session that is to end a little time to send one more statement, whose answer then closes
// the connection; see drainLinger. When the time is over, clientDeadline ends it.
func (s *session) lingerLocked() {
	if s.drain != nil && s.current() == Idle {
		_ = s.client.SetReadDeadline(time.Now().Add(lingerFor()))
	}
}

// lingerFor spreads the ends of idle sessions over the second half of drainLinger, so that their clients do not all come
// back at one moment.
func lingerFor() time.Duration { return drainLinger/2 + rand.N(drainLinger/2) }

// hurry makes a set-up with b, which has turned out to be down, fail now rather than at its timeout.
func (s *session) hurry(b *backend.Backend) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pumping.Load() > 0 || s.lease == nil || s.lease.Backend() != b {
		return
	}
	s.hurried = true
	if s.back != nil {
		_ = s.back.SetDeadline(past)
	}
}
