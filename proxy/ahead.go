package proxy

import (
	"time"

	"segue/proxy/gate"
)

// A session that is told to leave a backend which still serves logs in on another one ahead, while its client's statements go on where they are. These wait
// only for what is left: the old backend is asked for the session's state, and that is rebuilt on the new one. As many are logged in so as the gate lets through;
// the last step a few at a time take (maxSwapping), as a server then gives each the more of its time, and the others' clients wait for nothing meanwhile.

// readyPatience is how long a connection that has been logged in ahead waits for the session to stand between two statements.
const readyPatience = 250 * time.Millisecond

// leave begins to move from a backend that still serves. Where others move it takes its place in their queue; it goes on meanwhile, as it does while it
// is logged in ahead, and leave reports false. It reports true as well where the old one is asked first what is to be known of the session.
func (s *session) leave() bool {
	if s.unjudged() {
		return s.judgeFirst()
	}
	if s.followJudged() {
		return false
	}
	n := &s.notice
	if d := n.ahead(); d != nil && !d.fits() {
		n.leaveQueue()
	}
	if n.ahead() == nil {
		if !s.admit(s.w.server.gate, gate.Unhurried) {
			return false
		}
		d := &departure{slot: true}
		if n.intent == nil {
			d.to = n.shift
		}
		d.prepare(s)
	}
	d := n.ahead()
	if d == nil || d.step != ready {
		return false
	}
	if !s.admit(s.w.server.swaps, d.came) {
		d.stood = true
		return false
	}
	n.tries.ahead, d.swaps = nil, true
	s.due.clear(alarmAhead)
	d.start(s)
	return true
}

// admit reports whether it is the session's turn at g. If not, it has a place in the queue, as of since.
func (s *session) admit(g *gate.Gate, since int64) bool {
	try := s.notice.tried()
	if try.place != nil && try.queue != g { // it was for another step
		s.notice.leavePlace()
	}
	if try.place == nil {
		try.queue = g
		try.place = g.Enter(since, func() { s.post(s.admitted) })
	}
	if !try.place.Passed() {
		return false
	}
	try.place = nil
	return true
}

// admitted is called when it is the session's turn to move. If it is busy it will ask for another one.
func (s *session) admitted() {
	p := s.notice.place()
	if p == nil || !p.Passed() {
		return
	}
	if s.state == Idle && s.errand == nil && s.end == Open && s.toldToLeave() && !s.track.Quit() {
		s.stand()
	}
	if s.notice.place() == p { // it has not gone
		s.notice.leavePlace()
	}
}

// isAhead reports whether the session's statements go on meanwhile.
func (d *departure) isAhead() bool { return d.s.notice.ahead() == d }

// prepare logs in on another backend, if there is something to log in with before the old one has been asked.
func (d *departure) prepare(s *session) {
	now := s.w.now()
	d.s, d.deadline, d.said, s.notice.tried().ahead = s, now+int64(moveTimeout), s.who.hello, d
	d.search.tried = append(d.search.tried, s.backend())
	if s.notice.tries.restive || len(d.credentials()) == 0 || mute(s.backend()) {
		d.awaitTurn()
		return
	}
	d.step = ahead
	d.visit()
}

// getReady waits for the moment to go, now that the session has been logged in ahead.
func (d *departure) getReady() {
	s := d.s
	d.lease.Established() // others need not wait to see if the backend takes anybody
	d.awaitTurn()
	if s.state == Idle && s.errand == nil {
		s.stand()
	}
}

// awaitTurn waits for the moment to go. Who has waited for longer comes first.
func (d *departure) awaitTurn() {
	now := d.s.w.now()
	d.step, d.came, d.deadline = ready, now, now+int64(moveTimeout)
	d.s.after(alarmAhead, readyPatience)
}

// ringAhead is called when a login ahead has taken too long, or the session has not stood between two statements for too long.
func (d *departure) ringAhead() {
	s := d.s
	switch {
	case d.step == ahead:
		d.call.ring()
	case (d.stood || s.notice.place() != nil) && s.w.now() < d.deadline: // it was not its turn yet
		d.stood = false
		s.by(alarmAhead, min(d.deadline, s.w.now()+int64(readyPatience)))
	default:
		s.notice.tries.restive = s.notice.given()
		s.notice.leaveQueue()
		s.after(alarmBoundary, 0) // an idle one begins anew
	}
}

// fits reports whether what has been logged in ahead is still what is wanted.
func (d *departure) fits() bool {
	n := &d.s.notice
	return d.said == d.s.who.hello && (d.lease == nil || takes(d.lease.Backend())) && (d.to == nil || n.intent != nil || d.to == n.shift)
}

// useLogin rebuilds the session on the connection that has been logged in ahead.
func (d *departure) useLogin() {
	d.step, d.call.alarm, d.call.until = visiting, alarmErrand, d.deadline
	d.s.by(alarmErrand, d.deadline)
	d.bag.late = true // it has been logged in without a database
	d.loggedIn(d.call)
}
