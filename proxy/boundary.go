package proxy

import (
	"time"

	"segue/backend"
	"segue/proxy/plan"
)

// pauses are plan.Boundary's.
var pauses = plan.Pauses{Recent: drainLinger, Mute: hangEvery, Shut: movePause}

// movePause is how long a session that could not be rebuilt elsewhere does not try again.
const movePause = 500 * time.Millisecond

// tell has a session in its command phase leave or, if d is nil, stay after all. Those that are idle leave within spread.
func (s *session) tell(d *drain, spread time.Duration) {
	if s.end != Open || s.notice.intent == d || !s.commanding() {
		return
	}
	s.notice.intent = d
	if d == nil {
		s.due.clear(alarmLinger)
		s.notice.leaveQueue()
	}
	moving, _ := s.errand.(*departure)
	switch {
	case s.state == Idle && s.toldToLeave():
		s.after(alarmBoundary, s.w.upTo(spread))
	case d != nil && d.end == Shutdown && moving != nil && moving.lost && !s.stmt.again() && s.stmt.came == 0:
		s.endNow(d.end, d.cause, nil) // it has no backend, and nobody waits for it to find one
	default:
		s.stand()
	}
}

// shiftTo tells a session that b has more room, and reports whether it takes the hint: at once or, if it is busy, at its next
// statement boundary.
func (s *session) shiftTo(b *backend.Backend) bool {
	if s.end != Open || s.notice.given() || s.errand != nil || s.state != Idle && s.state != Busy || !s.ties().CanMove() || s.track.Pinned() != "" || s.track.Unjudged() || b.Crowded() || s.w.server.accounts.Barred(b, s.who.user(), s.credentials(), time.Now()) != nil {
		return false
	}
	s.notice.shift = b
	if s.state == Idle && !s.track.Recent() {
		s.after(alarmBoundary, 0)
	}
	return true
}

// toldToLeave reports whether the session is to go to another backend as soon as it can.
func (s *session) toldToLeave() bool {
	return s.notice.wants() && s.ties().CanMove()
}

// stand looks at what a session does that stands where it is, and acts accordingly.
func (s *session) stand() {
	if s.boundary(false, false) != stays {
		s.endNow(s.notice.intent.end, s.notice.intent.cause, nil)
	}
}

// ending is how a session ends at a boundary.
type ending uint8

const (
	stays      ending = iota // it does not
	endsHere                 // with the answer that has just come, or as it stands
	endsAnswer               // in place of that answer
)

// boundary looks at what a session does that may stand between two statements, and begins that. answered: the end of an answer has just come
// from its backend, and is about to be sent on; probe: all of it, and it is a good one to a ping. It says whether the session is to end.
func (s *session) boundary(answered, probe bool) ending {
	if s.errand != nil || s.end != Open || !s.commanding() || !s.notice.given() && s.kills == nil || !s.free() || s.track.Quit() {
		return stays
	}
	f := facts{s}.boundary(answered)
	f.Probe = probe
	action, wait := plan.Boundary(&f, pauses)
	switch action {
	case plan.Stay:
	case plan.Later:
		s.after(alarmBoundary, wait)
	case plan.Leave:
		if answered {
			s.after(alarmBoundary, 0) // once the answer has been sent on
		} else {
			s.leave()
		}
	case plan.Linger:
		if f.Linger > 0 && !s.due.set(alarmLinger) || f.More || f.Midway || f.Lent {
			s.after(alarmLinger, s.linger())
		}
	case plan.End:
		return endsHere
	case plan.Instead:
		return endsAnswer
	case plan.EndKilled:
		s.endKilled()
	}
	return stays
}

// boundary gathers what plan.Boundary goes by.
func (s facts) boundary(answered bool) plan.BoundaryFacts {
	now := s.w.now()
	f := plan.BoundaryFacts{
		Idle: s.state == Idle, Told: s.toldToLeave(), Condemned: s.beingKilled(), Executed: s.kills.late(now) && s.beingKilled() && s.track.AtCommand(), Recent: s.track.Recent(), Midway: s.track.Midway(),
		Answered: answered, Silence: time.Duration(now - s.since), RetryIn: time.Duration(s.notice.retry() - now),
	}
	if s.notice.intent == nil {
		return f
	}
	f.Intent, f.Optional = true, s.notice.intent.optional
	b := s.backend()
	f.Mute = mute(b)
	f.NeedsOld = f.Mute && s.needsOld()
	if !f.Optional && (!f.Idle || !f.Told) {
		f.More, f.Lent = s.client.waits(), s.notice.lent(s.track.Pinged(), s.track.Probed())
		if at := s.due.at(alarmLinger); at != 0 {
			f.Linger = time.Duration(at - now)
		} else {
			f.Linger = s.linger()
		}
	}
	return f
}

// linger is how long the session is still given.
func (s *session) linger() time.Duration {
	return s.notice.linger(s.w, time.Duration(s.w.now()-s.since), s.track.Pinged())
}
