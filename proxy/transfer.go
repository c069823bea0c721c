package proxy

import (
	"errors"
	"time"

	"segue/backend"
	"segue/proxy/ledger"
	"segue/proxy/loop"
)

// A session is transferred from its worker to another between two statements, when nothing of it is under way: its two connections and what it looks at when are
// the new worker's then, and so is all that it is. Its client and its backend notice nothing.
//
// Only its owner touches a session. Messages find the owner by session.owner: one that comes to a worker that the session has left follows it, and one that
// comes ahead of the session ends the transfer.

// transfer is a session's way to another worker; nil as long as it has made none.
type transfer struct {
	to    *worker // it is to go to, as soon as nothing is under way; nil: it stays
	ended int64   // when it came to its worker; as Server.elapsed

	open         bool
	client, back loop.Socket // of it meanwhile
}

// message is for a session.
type message struct {
	session *session
	run     func()
}

// post has f run on the loop of the session's worker. It may be called by anyone. It reports false if that has ended: f does not run then.
func (s *session) post(f func()) bool {
	w := s.owner.Load()
	for !w.loop.Post(message{s, f}) {
		now := s.owner.Load()
		if now == w {
			return false
		}
		w = now // it has been transferred, and its worker has ended
	}
	return true
}

// Deliver implements loop.Message.
func (m message) Deliver(l *loop.Loop) {
	if m.session.owner.Load().loop != l {
		m.session.post(m.run)
		return
	}
	m.session.finishTransfer()
	m.run()
}

// Crashed implements loop.Crasher.
func (m message) Crashed(cause any, stack []byte) { m.session.Crashed(cause, stack) }

// transferTo has the session transferred to another worker at its next opportunity; nil: it stays after all.
func (s *session) transferTo(to *worker) {
	if s.transfer == nil {
		if to == nil {
			return
		}
		s.transfer = &transfer{}
	}
	s.transfer.to = to
	s.tryTransfer()
}

// transferDue reports whether the session is to be transferred.
func (s *session) transferDue() bool { return s.transfer != nil && s.transfer.to != nil }

// scheduleTransfer is called when a statement has been answered: the session is transferred at the end of this turn, in which nothing else can come of it, if it is to.
func (s *session) scheduleTransfer() {
	if !s.due.set(alarmBoundary) { // otherwise it has something to look at first
		s.after(alarmBoundary, 0)
	}
}

// mayTransfer reports whether nothing of the session is under way: all that there is of it is in itself.
func (s *session) mayTransfer() bool {
	switch {
	case s.state != Idle && s.state != Pinned, s.end != Open, s.errand != nil, s.client.reading:
		return false
	case s.notice.given(), s.notice.place() != nil, s.notice.ahead() != nil, s.kills.open(): // it is about to leave its backend, or to end
		return false
	case s.stmt.came != 0, s.stmt.text != nil, s.stmt.phase == again, s.owed.is(commandEnd), len(s.client.rest) > 0:
		return false
	case s.track.Outstanding() > 0, s.track.OwnOutstanding(), s.track.MidCommand(), s.track.MidAnswer():
		return false
	}
	l := s.back
	return l != nil && !l.closed && l.user == linkUser(s) && !l.tight && atRest(&l.conn) && atRest(&s.client.Conn)
}

// atRest reports whether a connection waits for what comes next, and has nothing to send.
func atRest(c *loop.Conn) bool { return c.Open() && !c.Paused() && c.Pending() == 0 && !c.PeerClosed() }

// tryTransfer transfers the session to the worker that it is to go to, if it may.
func (s *session) tryTransfer() {
	w, v := s.w, s.transfer
	if v == nil || v.to == nil || w.closing != nil || !s.mayTransfer() {
		return
	}
	to := v.to
	if to == w || !to.expect() {
		v.to = nil
		return
	}
	if !w.server.transfers.start(s) {
		to.loop.Release()
		return
	}
	v.to, v.open = nil, true
	v.client, _ = s.client.Detach() // what fails shows when it is adopted
	v.back, _ = s.back.conn.Detach()
	s.due.disarm()
	w.detached(s, s.back.backend)
	w.remove(s)
	s.w = to
	s.owner.Store(to) // from here on it is the other's
	s.post(func() {})
}

// expect counts somebody who is about to come. It reports false if the worker takes nobody any more.
func (w *worker) expect() bool {
	if w.loop.Assign(); w.loop.Retiring() || w.spare.Load() {
		w.loop.Release()
		return false
	}
	return true
}

// finishTransfer is the end of a transfer, if there is one.
func (s *session) finishTransfer() {
	v := s.transfer
	if v == nil || !v.open {
		return
	}
	w, b := s.w, s.back.backend
	defer w.server.transfers.ended(s)
	v.open, v.ended = false, w.now()
	w.add(s)
	w.loop.Release() // it is no longer expected, but there
	w.attached(s, b)
	s.back.counts = w.countsOf(b)
	err := errors.Join(s.client.Adopt(w.loop, v.client, &s.client), s.back.conn.Adopt(w.loop, v.back, s.back))
	v.client, v.back = loop.Socket{}, loop.Socket{}
	switch {
	case err != nil: // the system has no memory for it
		s.seen(ledger.LostIdle, err)
		s.endAs(Protocol, err)
		s.finish()
		return
	case w.server.halted.Load(): // its worker may not have known yet
		s.cut(Shutdown, errStopped, "")
		return
	}
	s.due.arm()
	if s.curious {
		w.curious = append(w.curious, s)
	}
	w.joined(s, b)
	if b.Status().Health == backend.Down { // what that means for it may be a thing for the worker from which it comes, and new to this one
		w.server.lookAgain()
	}
}

// transferAgain is how long a session stays at least with a worker that it has come to, unless that ends.
const transferAgain = 10 * time.Second

// mayTransferAgain reports whether it has been there for so long.
func (s *session) mayTransferAgain() bool {
	return s.transfer == nil || s.w.now()-s.transfer.ended >= int64(transferAgain)
}
