package proxy

import (
	"runtime/debug"
	"time"
)

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

// doze tells the pumps of a session that has been idle for long to end, and reports whether it has. One that lasts gets its keepalive.
func (s *session) doze(now int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pumping.Load() > 0 && time.Since(s.opened) > napEvery {
		s.client.last()
		s.back.last()
	}
	s.overlooked(now)
	if !s.server.sleepers.open() || s.nap.dozing || s.current() != Idle || now-s.since.Load() < int64(s.server.napAfter) || !s.drowsy() {
		return false
	}
	s.nap.dozing = true
	_ = s.client.SetReadDeadline(past)
	_ = s.back.SetReadDeadline(past)
	return true
}

// overlooked finds a client that has closed in the moment in which it sent something, which is not announced (see pump). It matters only while
// its statement takes long: an answer to a client that has gone fails, and an idle session looks again when it naps.
func (s *session) overlooked(now int64) {
	if s.end == Open && s.pumping.Load() > 0 && s.current() != Idle && now-s.since.Load() > int64(min(napEvery, s.server.napAfter)) && s.client.hungUp() {
		_ = s.client.SetReadDeadline(past)
	}
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
	s.yield(now)
	elapsed := s.elapsed()
	for _, c := range s.list() {
		if c.doze(elapsed) {
			s.freed++
		}
	}
}

const (
	// yieldAfter is how many sessions must have gone to sleep for their memory to be worth giving back: some 4 MB.
	yieldAfter = 500
	// yieldEvery is how often that is done at most: it takes a collection of garbage, some milliseconds of a core with 10,000 sessions.
	yieldEvery = 10 * time.Second
)

// yield gives the memory of the pumps that have ended back to the system. By itself the runtime would at its next collection, which a proxy
// whose statements allocate nothing may not have for minutes, and slowly then.
func (s *Server) yield(now time.Time) {
	if s.freed < yieldAfter || now.Before(s.yieldAgain) {
		return
	}
	s.freed, s.yieldAgain = 0, now.Add(yieldEvery)
	debug.FreeOSMemory()
}
