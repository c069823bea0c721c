package proxy

import (
	"sync"
	"time"

	"segue/proxy/wire"
)

// doom is what KILLs have in store for a session. A session that is killed has its backend connection closed by the server; it must
// not be taken to another backend then, as one is whose backend has gone, nor its statement be run again there.
type doom struct {
	mu      sync.Mutex    // held alone, or as the last
	pending int           // KILLs of the connection that have no answer yet
	settled chan struct{} // closed when these have been answered; nil while there are none
	killed  int64         // when a server said that it had killed the connection, as Server.elapsed; 0: none has
	query   int64         // the statement that a KILL QUERY is meant for: session.since of it
}

// outcome is what has come of a KILL.
type outcome uint8

const (
	lostKill    outcome = iota // it has not been answered
	refusedKill                // it has been answered by an ERR_Packet, or not sent
	doneKill
)

// killGrace is how long a server may take to close a connection that it says it has killed. What happens later is something else,
// unless the session has done nothing since.
const killGrace = 10 * time.Second

// doomed is the session's doom, made where it has none.
func (s *session) doomed() *doom {
	s.doom.CompareAndSwap(nil, &doom{})
	return s.doom.Load()
}

// sentence notes a KILL that is about to be sent. Its session's mu is held, and the session is not Moving.
func (s *session) sentence(query bool) {
	d := s.doomed()
	d.mu.Lock()
	defer d.mu.Unlock()
	if query {
		if d.query = 0; s.current() == Busy {
			d.query = s.since.Load()
		}
		return
	}
	if d.pending++; d.settled == nil {
		d.settled = make(chan struct{})
	}
}

// settle notes what has come of a KILL. The session's mu need not be held.
func (s *session) settle(query bool, o outcome) {
	d := s.doomed()
	d.mu.Lock()
	defer d.mu.Unlock()
	if query {
		if o == refusedKill {
			d.query = 0
		}
		return
	}
	if o == doneKill {
		d.killed = s.server.elapsed()
	}
	if d.pending--; d.pending == 0 {
		close(d.settled)
		d.settled = nil
	}
}

// awaitVerdict waits, once the backend has closed the connection, until it is known if that was a KILL: the other session's OK_Packet may
// come later than this one's FIN.
func (s *session) awaitVerdict() {
	d := s.doom.Load()
	if d == nil {
		return
	}
	s.killedItself()
	d.mu.Lock()
	settled := d.settled
	d.mu.Unlock()
	if settled == nil {
		return
	}
	t := time.NewTimer(killGrace)
	defer t.Stop()
	select {
	case <-settled:
	case <-t.C:
	case <-s.server.halted.Done():
	}
}

// killedItself settles a KILL of the session's own connection by which it is gone without an answer.
func (s *session) killedItself() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.kill; k != nil && k.sent && k.victim == s {
		k.settle(doneKill)
		s.kill = nil
	}
}

// condemned reports whether a KILL is what the backend has closed the connection for, or will in a moment. Without an answer in time it is.
func (s *session) condemned() bool {
	d := s.doom.Load()
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pending > 0 || d.killed != 0 && (s.since.Load() <= d.killed || s.server.elapsed()-d.killed < int64(killGrace) || s.track.Failed())
}

// executed reports whether the session has been killed, and is idle: TiDB closes an idle connection no sooner than at its next command, and
// says nothing then.
func (s *session) executed() bool {
	d := s.doom.Load()
	if d == nil || s.current() == Moving || s.track.Outstanding() > 0 || s.track.MidCommand() {
		return false
	}
	d.mu.Lock()
	killed := d.pending == 0 && d.killed != 0
	d.mu.Unlock()
	return killed && s.condemned()
}

// interrupted reports whether a KILL QUERY has been sent for the statement that runs: it must not be run again.
func (s *session) interrupted() bool {
	d := s.doom.Load()
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.query != 0 && d.query == s.since.Load()
}

// endKilled ends the session as its server has.
func (s *session) endKilled() {
	if s.track.Outstanding() > 0 && !s.track.Answered() {
		s.last = &wire.Err{Code: codeInterrupted, State: stateConnection, Message: "segue: the session was killed while the statement ran; its outcome is unknown"}
	}
	s.endLocked(Killed, errKilled)
}
