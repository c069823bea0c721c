package proxy

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"segue/backend"
)

// A backend that is killed takes with it what only it knew. So it is asked for that ahead of time, while its session is idle: for the values of
// variables that the text of statements does not tell and, where there is no other credential, for a session token of TiDB's.

const (
	// tokenAge is when a token is replaced by a new one. TiDB takes it for a minute.
	tokenAge = 35 * time.Second
	// tokenGood is for how long it is worth a try.
	tokenGood = 58 * time.Second
	// inquiries is how many sessions at most are asked for in one turn of tend: what is asked costs a TiDB server some milliseconds.
	inquiries = 16
)

// curious are the sessions of which a backend is to be asked something.
type curious struct {
	mu       sync.Mutex
	sessions map[*session]struct{}
}

func (c *curious) add(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions == nil {
		c.sessions = map[*session]struct{}{}
	}
	c.sessions[s] = struct{}{}
}

func (c *curious) remove(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, s)
}

func (c *curious) list() []*session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.sessions))
}

// token is a credential that a TiDB server has made out, and when.
type token struct {
	cred *credential
	at   int64 // as Server.elapsed
}

// tokenless reports whether the session can be rebuilt by a token alone.
func (s *session) tokenless() bool {
	o := s.server.options()
	if o.Flavor != backend.TiDB || s.cred != nil {
		return false
	}
	u := o.user(s.user)
	return u == nil || !u.HasPassword
}

// wonder has the session's backend be asked, soon, for what it alone knows.
func (s *session) wonder() {
	if !s.away.wonders && (s.track.Asking() || s.tokenless()) {
		s.away.wonders = true
		s.server.curious.add(s)
	}
}

// inquire begins to ask the backends of sessions that are idle.
func (s *Server) inquire() {
	left := inquiries
	now := s.elapsed()
	for _, c := range s.curious.list() {
		if left == 0 {
			return
		}
		if c.beginInquiry(now) {
			left--
		}
	}
}

// beginInquiry has the down pump ask, if this is the moment.
func (s *session) beginInquiry(now int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	stale := s.tokenless() && (s.away.token.cred == nil || now-s.away.token.at >= int64(tokenAge))
	switch {
	case s.end != Open || !stale && !s.track.Asking():
		if s.end != Open || !s.tokenless() {
			s.away.wonders = false
			s.server.curious.remove(s)
		}
		return false
	case s.lease.Backend().Status().Health == backend.Down, s.current() != Idle || s.track.Recent() || s.away.stuck || now < s.away.asked: // what was Recent our question would wipe out
		return false
	}
	s.away.inquires, s.away.asked = true, now+int64(askAgain)
	s.enter(Moving)
	s.wakeLocked(0)
	return true
}

const (
	// inquiryTimeout is how long the answer may take. A statement that comes waits behind the question, as it would for the backend; when the
	// time is over the connection is of no use any more.
	inquiryTimeout = 5 * time.Second

	askAgain  = 5 * time.Second  // how long a question that was not answered is not repeated
	askSeldom = 10 * time.Minute // … that a server cannot answer as it is configured
)

// inquired asks, if that is what the session is Moving for. It reports false if the session is to move after all: its backend has gone.
func (s *session) inquired() bool {
	s.mu.Lock()
	asks := s.away.inquires
	s.away.inquires = false
	open, tokenless := s.track.Unresolved(), s.tokenless()
	s.mu.Unlock()
	if !asks {
		return false
	}
	var fresh *credential
	s.deadline(s.back, time.Now().Add(inquiryTimeout))
	err := s.question(func(r *replayer, ext uint32) (err error) {
		if len(open) > 0 {
			err = s.askValues(r, open, ext)
		}
		if err == nil && tokenless {
			bag := &luggage{}
			if err = s.askTiDB(r, bag, ext); err == nil {
				fresh = bag.creds[0]
			}
		}
		return err
	})
	if errors.As(err, new(*spoiledError)) {
		return !s.spoil(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.turn.Broadcast()
	if fresh != nil {
		s.away.token = token{fresh, s.server.elapsed()}
	}
	if errors.As(err, new(*endError)) { // it has no tokens to give
		s.away.asked += int64(askSeldom)
	}
	if s.end != Open {
		return true
	}
	s.follow()
	if s.lingerLocked(); s.wantsAway() { // it has been told to leave meanwhile
		s.wakeLocked(0)
	}
	return true
}
