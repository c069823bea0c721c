package proxy

import "time"

// A session that has been idle for a while naps: both pumps end, and one goroutine watches the sockets of all that nap (see sleepers). It
// then costs its struct and its sockets. Whoever has something to do with it rouses it first, which starts the pumps anew.

const (
	// napAfter is how long a session must have been idle. What a nap costs, some system calls and two goroutines, is little against it.
	napAfter = 5 * time.Second
	// napEvery is how often sessions are looked at for that.
	napEvery = 2 * time.Second
)

// nap is how far a session is on its way to sleep. Its session's mu guards it.
type nap struct {
	dozing bool   // the pumps have been told to end
	up     bool   // this one has
	down   bool   // and this one
	asleep bool   // both have, and the sockets are watched
	id     uint64 // by which sleepers knows it
}

// doze tells the pumps of a session that has been idle for long to end. One that lasts gets its keepalive.
func (s *session) doze(now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pumping.Load() > 0 && time.Since(s.opened) > napEvery {
		s.client.last()
		s.back.last()
	}
	if !s.server.sleepers.open() || s.nap.dozing || s.current() != Idle || now-s.since.Load() < int64(s.server.napAfter) || !s.drowsy() {
		return
	}
	s.nap.dozing = true
	_ = s.client.SetReadDeadline(past)
	_ = s.back.SetReadDeadline(past)
}

// drowsy reports whether nothing is under way, and nothing is meant to be.
func (s *session) drowsy() bool {
	a := &s.away
	return s.end == Open && s.pumping.Load() >= 2 && s.current() == Idle && s.track.Outstanding() == 0 && !s.track.OwnOutstanding() &&
		!s.track.MidCommand() && a.drain == nil && a.shift == nil && a.wait.since == 0 && a.refused == nil && s.kill == nil
}

// nods reports whether a pump, which has been woken, is to end because the session naps.
func (s *session) nods(p *pump, gone *bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.nap.dozing {
		return false
	}
	if !s.drowsy() || p.rest != nil {
		s.rouse()
		return false
	}
	s.pumping.Add(1) // the pump ends, but is still counted: it will go on
	if *gone = true; !s.nap.up || !s.nap.down {
		return true
	}
	_ = s.client.SetReadDeadline(time.Time{})
	_ = s.back.SetReadDeadline(time.Time{})
	if !s.server.sleepers.add(s) {
		s.rouse()
		return true
	}
	s.nap.asleep = true
	return true
}

// rouse makes sure that both pumps run, or are about to. It needs s.mu.
func (s *session) rouse() {
	if !s.nap.dozing {
		return
	}
	was := s.nap
	s.nap = nap{}
	if was.asleep {
		s.server.sleepers.remove(s, was.id)
	}
	if was.up {
		go s.pumpUp()
	}
	if was.down {
		go s.pumpDown()
	}
}

// stir is called when something has come for a session that naps.
func (s *session) stir() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rouse()
}

// doze sends sessions to sleep that have been idle for long.
func (s *Server) doze(now time.Time) {
	if now.Before(s.dozeAgain) {
		return
	}
	s.dozeAgain = now.Add(min(napEvery, s.napAfter))
	elapsed := s.elapsed()
	for _, c := range s.list() {
		c.doze(elapsed)
	}
}
