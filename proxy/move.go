package proxy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"segue/backend"
	"segue/proxy/wire"
)

// away is where a session stands with leaving its backend. Its session's mu guards it.
type away struct {
	drain *drain           // the backend, or Segue itself, is leaving
	shift *backend.Backend // has more room
	next  *conn            // of the backend that the session is moving to
	lost  bool             // it is moving because its backend has closed the connection
	at    int64            // when it was; as Server.elapsed
	loss  error            // … as which it showed
	told  bool             // … and the client has been told, or is owed it
	pass  *pass            // its place at the gate
	slot  bool             // it has passed there, and must leave
	stuck bool             // no backend will have it: it stays, and ends with its backend
	after int64            // do not try again before; as Server.elapsed

	again    []byte    // the statement that is to be run again; it lies in the session's kept
	refusal  *wire.Err // what the backend has said to it instead of running it
	replays  uint8     // how often it has been
	electing bool      // it waits, or has waited, for the cluster to have a leader
	sent     int64     // when it was sent for the first time, if it has been
	wait     wait      // of the client's pump with a statement
	seq      uint8     // the sequence id of the statement that the last error of the session is about
	wonders  bool      // it is among the curious
	inquires bool      // it is Moving to ask its own backend something
	asked    int64     // do not ask again before; as Server.elapsed
	token    token     // of TiDB's, kept for when the backend is gone

	fresh   bool     // no statement has run since the move
	warned  bool     // … and the one before it may have left warnings
	debt    *debt    // what the next statement is to be answered: it counts on what was lost
	refused *refused // a statement that is answered so, and of which more is to come

	moves  uint32
	pinned int64 // since when the session is pinned, over all of its statements; 0: it is not
	pinged int64 // when a COM_PING of Segue's own was last sent
}

// course is what the down pump does next.
type course uint8

const (
	stay course = iota // go on reading
	move               // take the session to another backend
	over               // the session ends
)

// turnTo decides what follows a halt of the down pump.
func (s *session) turnTo(h halt) course {
	switch h {
	case leaves:
		return move
	case woken:
		return s.backendDeadline()
	default:
		// The client's pump may be about to find out that a statement cannot be sent, and so has not been.
		for end := time.Now().Add(sendGrace); s.up.active.Load() && time.Now().Before(end); {
			time.Sleep(sendGrace / 20)
		}
		s.awaitVerdict()
		return s.backendClosed(s.down.err)
	}
}

// sendGrace is how long a write to a connection that the peer has closed may take to fail.
const sendGrace = 2 * time.Millisecond

// canMove reports whether Segue can read the session, and log in for its client again: with a credential or, while the old
// backend lives, by a token that TiDB gives it.
func (s *session) canMove() bool {
	s.whoLocked()
	return !s.away.stuck && s.track.Opaque() == 0 && (s.hasCredential() || s.server.options().Flavor == backend.TiDB)
}

// hasCredential reports whether there is something to log in with for the session's client.
func (s *session) hasCredential() bool { return s.cred != nil || len(s.credentials()) > 0 }

// toldToLeave reports whether the session is to go to another backend as soon as it can.
func (s *session) toldToLeave() bool {
	return (s.away.shift != nil || s.away.drain != nil && s.away.drain.end == Drained) && s.canMove()
}

// departLocked begins a move from a backend that still serves. It reports false if this is not the moment; the down pump is then
// woken when it may be. next is set at the client's next statement, when it can no longer ask for what the last one left behind.
func (s *session) departLocked(next bool) bool {
	if s.condemned() {
		s.wakeLocked(movePause)
		return false
	}
	now := s.server.elapsed()
	wait := time.Duration(s.away.after - now)
	if b := s.lease.Backend(); s.away.drain != nil && mute(b) && s.needsOld() {
		wait = max(wait, hangEvery)
	}
	if s.track.Recent() && !next {
		wait = max(wait, drainLinger-time.Duration(now-s.since.Load()))
	}
	if wait > 0 {
		s.wakeLocked(wait)
		return false
	}
	if !s.server.gate.tryEnter() {
		pause := slotPause
		if s.server.gate.isShut() {
			pause = movePause // nobody leaves for some time
		}
		s.wakeLocked(pause/2 + rand.N(pause))
		return false
	}
	s.away.slot, s.away.lost, s.away.warned = true, false, false
	s.enter(Moving)
	return true
}

// wantsAway reports whether the session, which is idle, is to leave now or soon.
func (s *session) wantsAway() bool {
	return s.current() == Idle && s.toldToLeave() && !s.track.Quit()
}

// free reports whether the session may end: nothing is under way on its backend.
func (s *session) free() bool {
	st := s.current()
	return st == Idle || st == Pinned && s.track.Lasting()
}

const (
	slotPause = 20 * time.Millisecond  // until a session that found no slot tries again
	movePause = 500 * time.Millisecond // … that could not be rebuilt elsewhere
)

// wakeLocked has the down pump look again in a while.
func (s *session) wakeLocked(d time.Duration) {
	s.rouse()
	_ = s.back.SetReadDeadline(time.Now().Add(max(d, 0)))
}

// outlives reports whether the session can go on although its backend has closed the connection: nothing of an answer that will
// not be whole has reached the client, or no more than whole rows, and nothing of a statement is still to come.
func (s *session) outlives() bool {
	return s.rebuildable() && (s.track.Outstanding() == 0 || s.track.Outstanding() == 1 && (!s.track.Answered() || s.track.Endable()))
}

// goesOn reports whether the session may go on although its backend has closed the connection behind an answer.
func (s *session) goesOn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rebuildable()
}

// rebuildable reports whether the session can be rebuilt without a word of its old backend, where the client has ended its commands.
func (s *session) rebuildable() bool {
	return s.hasCredential() && s.canMove() && !s.track.MidCommand() && !s.condemned()
}

// departLost begins a move from a backend that has closed the connection, and settles what the client is to hear of it.
func (s *session) departLost(err error) {
	by, err := lostBy(err), plain(err)
	s.loseKill()
	if s.away.again = s.runAgain(); s.away.again == nil {
		s.kept.release(&s.server.buffers) // nor must it be taken for the next one
	}
	s.away.electing = false // the statement was sent after all
	running := s.track.Outstanding() > 0
	dropped := s.track.Dropped()
	text := "backend " + s.backendName() + " " + by
	if dropped != "" {
		text += ": the session has gone on elsewhere, without its " + dropped
	}
	switch {
	case running && s.track.Answered():
		s.last, s.insist = clientError(text+" in the middle of the answer"), true
		s.server.ledger.seen(s, lostStatement, err)
	case running:
		s.last = clientError(text + " while the statement ran; its outcome is unknown")
		s.server.ledger.seen(s, lostStatement, err)
	case dropped != "":
		s.away.debt = &debt{reply: clientError(text), backend: s.backendName(), cause: err}
	}
	s.away.lost, s.away.at, s.away.warned = true, s.server.elapsed(), running
	s.away.loss, s.away.told = err, running || dropped != ""
	if s.current() != Moving {
		s.enter(Moving)
	}
}

// relocate takes the session, which is in state Moving, to another backend, or leaves it where it is if that still serves.
func (s *session) relocate() {
	began := time.Now()
	s.answerLost()
	if s.awaitLeader() || s.inquired() {
		return
	}
	a, err := s.rebuild()
	s.arrive(a, err, began)
}

// answerLost sends the ERR_Packet in place of the answer that the lost backend owed.
func (s *session) answerLost() {
	packet := s.lastWords()
	if packet == nil {
		return
	}
	if err := s.down.write(s.client, packet, false); err != nil {
		s.writeFailed(&s.down, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.insist = nil, false
	s.track.Abandon()
}

// giveSlot leaves the gate to others.
func (s *session) giveSlot() {
	if s.away.slot {
		s.away.slot = false
		s.server.gate.leave()
	}
}

// arrive ends a move, on the new backend if there is one.
func (s *session) arrive(a *arrival, err error, began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.lease.Backend()
	s.away.next = nil
	s.giveSlot()
	defer s.turn.Broadcast()
	taken := false
	defer func() {
		if a != nil && !taken {
			a.abandon()
		}
	}()
	switch {
	case s.end != Open: // cut, or its client has left
	case a != nil:
		s.server.moved(s, from, a.lease.Backend(), began)
		taken = true
		s.swap(a)
		s.away.lost, s.away.loss, s.away.told = false, nil, false
		s.follow()
		s.sendAgain()
		s.lingerLocked()
	case !s.away.lost:
		s.notMoved(from, err)
		s.follow()
		if s.away.refusal != nil {
			s.refuseAgain()
		}
		s.lingerLocked() // Segue may be stopping
	default:
		s.strand(from, err)
	}
}

// swap puts the new backend in the place of the old one, which is left at once: an FE that is leaving exits when its last session
// has gone.
func (s *session) swap(a *arrival) {
	old, lease := s.back, s.lease
	lost := s.away.lost
	defer func() { // in a panic too: nobody else knows of them any more
		if !lost {
			old.quit()
		}
		_ = old.Close()
		lease.Release()
	}()
	s.back, s.lease, s.hurried = a.conn, a.lease, false
	_ = s.back.SetDeadline(time.Time{})
	s.back.reader = nil
	s.down.src, s.down.rest, s.down.done, s.down.err = a.conn, nil, false, nil
	s.away.warned = s.away.warned || s.track.Recent()
	s.threads.become(a.thread)
	s.masked = a.masked
	s.track.Moved(a.options, a.status, a.ids)
	s.away.fresh, s.away.shift = true, nil
	s.away.moves++
	if d := s.away.drain; d != nil && d.end == Drained {
		s.away.drain = nil
	}
	_ = s.client.SetReadDeadline(time.Time{})
	a.lease.Established()
	s.server.attached(s, a.lease.Backend())
	s.server.detached(s, lease.Backend())
	s.server.joined(a.lease.Backend())
}

// notMoved follows a move that came to nothing while the old backend still serves.
func (s *session) notMoved(from *backend.Backend, err error) {
	s.server.notMoved(s, from, err)
	s.away.shift = nil
	s.away.after = s.server.elapsed() + int64(movePause/2+rand.N(movePause))
	var ended *endError
	if errors.As(err, &ended) && ended.end == Refused {
		s.away.stuck = true // it ends like those without a credential
	}
	if s.away.drain == nil {
		return
	}
	if s.canMove() {
		s.wakeLocked(time.Duration(s.away.after - s.server.elapsed()))
		return
	}
	_ = s.client.SetReadDeadline(time.Now().Add(s.lingerFor()))
}

// strand ends a session that has lost its backend and found no other.
func (s *session) strand(from *backend.Backend, err error) {
	s.server.notMoved(s, from, err)
	s.endLocked(MoveFailed, fmt.Errorf("%s: %s; %w", from.Name(), lostBy(s.away.loss), err))
	kind := lostIdle
	switch {
	case s.away.again != nil:
		s.away.seq = s.away.again[wire.HeaderLen-1]
		s.last, s.insist = clientError("the statement, which only reads, was cut off: "+s.cause.Error()), true
		if s.away.refusal != nil {
			s.last = s.away.refusal
		}
		kind = lostStatement
	case s.away.wait.since != 0:
		s.away.seq = s.away.wait.seq
		s.last, s.insist = clientError("the statement was not sent: "+s.cause.Error()), true
		kind = lostUnsent
	case s.away.debt != nil:
		kind = lostTransaction
	}
	s.away.debt = nil // it is paid with the connection
	s.server.ledger.seen(s, kind, s.cause)
}

// moved counts and logs a move.
func (s *Server) moved(c *session, from, to *backend.Backend, began time.Time) {
	took := time.Since(began)
	s.metrics.moves.WithLabelValues(from.Name(), to.Name(), "ok").Inc()
	s.metrics.moveTime.Observe(took.Seconds())
	s.log.Debug("session moved", "session", c.id, "from", from.Name(), "to", to.Name(), "lost", c.away.lost, "took", took)
	action := actionMoved
	if c.away.again != nil {
		action = actionReplayed
	}
	cause, leaving := from.Leaving()
	switch {
	case c.away.told:
	case c.away.lost:
		s.ledger.hidden(c, setupClosed, action, from.Name(), c.away.loss)
	case c.away.refusal != nil:
		s.ledger.hidden(c, kindLeaving, action, from.Name(), c.away.refusal)
	case leaving:
		s.ledger.hidden(c, kindLeaving, action, from.Name(), errors.New(cause))
	}
}

// notMoved counts and logs a move that failed.
func (s *Server) notMoved(c *session, from *backend.Backend, err error) {
	s.metrics.moves.WithLabelValues(from.Name(), "", "failed").Inc()
	s.log.Warn("session could not be moved", "session", c.id, "client", addr(c.client), "from", from.Name(), "cause", err)
}
