package proxy

import (
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// kills is what KILLs have in store for a session. A session that is killed has its backend connection closed by the server; it must
// not be taken to another backend then, as one is whose backend has gone, nor its statement be run again there.
type kills struct {
	s       *session
	pending int      // KILLs of the connection that have no answer yet
	killed  int64    // when a server said that it had killed the connection, as Server.elapsed; 0: none has
	query   int64    // the statement that a KILL QUERY is meant for: session.since of it
	asking  []killer // those that wait until the session stands on a backend
}

// killer is a KILL that is to be told where its victim stands.
type killer interface {
	isQuery() bool
	isBy(s *session) bool
	tell(t *target) // nil: nowhere. On the victim's loop
}

// open reports whether something may come of them yet; k may be nil.
func (k *kills) open() bool { return k != nil && (k.pending > 0 || k.killed != 0 || len(k.asking) > 0) }

// Outcome is what has come of a KILL.
type Outcome uint8

// The outcomes.
const (
	LostKill    Outcome = iota // it has not been answered
	RefusedKill                // it has been answered by an ERR_Packet, or not sent
	DoneKill
)

// killGrace is how long a server may take to close a connection that it says it has killed. What happens later is something else,
// unless the session has done nothing since.
const killGrace = 10 * time.Second

// killState is where KILLs are noted that are meant for the session.
func (s *session) killState() *kills {
	if s.kills == nil {
		s.kills = &kills{s: s}
	}
	return s.kills
}

// sent notes a KILL that is about to be sent.
func (k *kills) sent(query bool) {
	if !query {
		k.pending++
		return
	}
	if k.query = 0; k.s.state == Busy {
		k.query = k.s.since
	}
}

// settle notes what has come of a KILL.
func (k *kills) settle(query bool, o Outcome) {
	s := k.s
	if s.state == Closed {
		return
	}
	if query {
		if o == RefusedKill {
			k.query = 0
		}
		return
	}
	if k.pending--; o == DoneKill {
		k.killed = max(s.w.now(), 1)
		s.after(alarmBoundary, closeGrace) // see late
	}
	if v, ok := s.errand.(*killWait); ok && k.pending == 0 {
		v.ring()
	}
}

// killWait is a session's wait, once its backend has closed the connection, until it is known if that was a KILL: the other session's
// OK_Packet may come later than this one's FIN.
type killWait struct {
	s   *session
	err error
}

func (v *killWait) abort() { v.s.due.clear(alarmErrand) }

// ring goes by what is known now.
func (v *killWait) ring() {
	v.abort()
	v.s.errand = nil
	v.s.lost(v.err)
}

// begin begins that wait, if there is reason to.
func (v *killWait) begin() bool {
	s := v.s
	if k, ok := s.errand.(*killing); ok && k.sent && k.victim == s { // it has killed itself, and has no answer to expect
		k.settle(DoneKill)
		s.errand = nil
	}
	if s.kills == nil || s.kills.pending == 0 || s.errand != nil || s.end != Open {
		return false
	}
	s.errand = v
	s.after(alarmErrand, killGrace)
	return true
}

// ends reports whether a KILL is what the backend has closed the connection for, or will in a moment. Without an answer in time it is. since is
// when the session has entered its state, and failed that the last it has been answered is an ERR_Packet.
func (k *kills) ends(now, since int64, failed bool) bool {
	if k == nil {
		return false
	}
	return k.pending > 0 || k.killed != 0 && (since <= k.killed || now-k.killed < int64(killGrace) || failed)
}

// interruptedGrace is how soon behind an answer that a statement was interrupted (MySQL, TiDB) the end of the connection belongs to it: to a KILL. Behind a
// KILL QUERY the connection lives on.
const interruptedGrace = time.Second

// heardKilled notes what a server that is well says of the connection: that it is killed, by the operator or by a client that is not Segue's, or that its
// statement was interrupted.
func (s *session) heardKilled(code uint16) {
	switch {
	case s.errand != nil, s.backend().Status().Health != backend.Up:
	case code == codeConnectionKilled:
		s.killState().killed = max(s.w.now(), 1)
		s.after(alarmBoundary, closeGrace) // see late
	case code == codeInterrupted:
		s.back.interrupted = max(s.w.now(), 1)
	}
}

// late reports whether a server that has killed the connection is slow to close it: TiDB closes an idle one no sooner than at its next command, and
// says nothing then.
func (k *kills) late(now int64) bool {
	return k != nil && k.pending == 0 && k.killed != 0 && now-k.killed >= int64(closeGrace)
}

// interrupts reports whether a KILL QUERY has been sent for the statement that runs since then: it must not be run again.
func (k *kills) interrupts(since int64) bool { return k != nil && k.query != 0 && k.query == since }

// beingKilled reports whether a KILL is about to end the session.
func (s *session) beingKilled() bool {
	now, failed := s.w.now(), s.track.Failed()
	return s.kills.ends(now, s.since, failed) || failed && s.track.Outstanding() == 0 && s.back != nil && s.back.interruptedAt(now)
}

// endKilled ends the session as its server has.
func (s *session) endKilled() {
	var e *wire.Err
	if s.track.Outstanding() > 0 && !s.track.Answered() {
		e = &wire.Err{Code: codeInterrupted, State: stateConnection, Message: "segue: the session was killed while the statement ran; its outcome is unknown"}
	}
	s.endNow(Killed, errKilled, e)
}

// standsNow lets KILLs go on that have waited until the session stands on a backend, or has ended. k may be nil.
func (k *kills) standsNow() {
	if k == nil {
		return
	}
	asking := k.asking
	k.asking = nil
	for _, killing := range asking {
		k.aim(killing)
	}
}

// aim tells the session that a KILL is meant for it, as soon as it stands on a backend.
func (k *kills) aim(by killer) {
	s := k.s
	switch {
	case s.end != Open || s.state == Closed:
		by.tell(nil)
	case !by.isBy(s) && (s.state == Moving || s.state == Holding || s.state == Detached) && s.errand != nil:
		k.asking = append(k.asking, by)
		if s.state == Detached { // a server is to say whether the killer may
			s.after(alarmErrand, 0)
		}
	default:
		by.tell(&target{victim: s, id: s.id, backend: s.backend(), thread: s.past.threads.current(), user: s.track.User()})
		if !by.isBy(s) {
			k.sent(by.isQuery())
		}
	}
}
