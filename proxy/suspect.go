package proxy

import (
	"net"
	"time"

	"segue/backend"
)

// A backend that is down is suspect: the connections that sessions still have to it may lead nowhere, which nobody would tell for a long time. So
// the kernel is told to find out within seconds, until it is up again. One that has vanished then ends with ETIMEDOUT, as if the backend
// had closed it. A process that hangs is not found by that: its kernel answers for it.

// suspectKeepAlive takes the place of keepAlive.
var suspectKeepAlive = net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 3}

// suspectTimeout is how long what has been sent may go without an ACK. It is not set on others: it counts for a peer
// that acknowledges everything, and has no room for it, too.
const suspectTimeout = 4 * time.Second

// suspect is called when the backend of a fold with these sessions has been looked at.
func (s *Server) suspect(v view, is bool) {
	s.mu.Lock()
	f := s.byBack[v.backend]
	was := f != nil && f.suspect
	if f != nil {
		f.suspect = is
	}
	s.mu.Unlock()
	if !is && !was {
		return
	}
	for _, c := range v.sessions { // if it is, also those that have come since
		c.suspectBackend(v.backend, is)
	}
}

// suspectBackend tightens the session's connection to b, or relaxes it.
func (s *session) suspectBackend(b *backend.Backend, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.back == nil || s.lease == nil || s.lease.Backend() != b || s.back.tight == is {
		return
	}
	s.back.tight, s.back.lasting = is, true
	s.back.tighten(is)
}
