package proxy

import (
	"time"

	"segue/proxy/loop"
)

// alarm says what a session is to look at when a moment has come.
type alarm uint8

const (
	alarmBoundary alarm = iota // whether to leave its backend
	alarmLinger                // … or to end
	alarmErrand                // what its errand waits for
	alarmAhead                 // … and its login elsewhere, while its statements go on
	alarmHold                  // the statement that waits
	alarmClose                 // whether both sides have closed
	alarmUnused                // whether it has been idle for as long as it may
	numAlarms
)

// alarms are the moments at which a session is to look at something, and the timer that tells of them. A session has them only while there are any:
// nearly all that are idle have none.
type alarms struct {
	s     *session
	times [numAlarms]int64 // as Server.elapsed; 0: it does not
	timer loop.Timer
}

// at is when the session is to look at something; 0: it is not. a may be nil.
func (a *alarms) at(which alarm) int64 {
	if a == nil {
		return 0
	}
	return a.times[which]
}

func (a *alarms) set(which alarm) bool { return a.at(which) != 0 }

// clear has the session not look at something. a may be nil.
func (a *alarms) clear(which alarm) {
	if !a.set(which) {
		return
	}
	if a.times[which] = 0; a.first() == 0 {
		a.drop()
	}
}

// drop gives all of them up. a may be nil.
func (a *alarms) drop() {
	if a == nil {
		return
	}
	w := a.s.w
	w.loop.Stop(&a.timer)
	a.s.due = nil
	*a = alarms{}
	if len(w.alarms) < spareAlarms {
		w.alarms = append(w.alarms, a)
	}
}

// spareAlarms is how many a worker keeps for later.
const spareAlarms = 128

// takeAlarms lends the memory of some.
func (w *worker) takeAlarms(s *session) *alarms {
	if last := len(w.alarms) - 1; last >= 0 {
		a := w.alarms[last]
		w.alarms[last], w.alarms = nil, w.alarms[:last]
		a.s = s
		return a
	}
	return &alarms{s: s}
}

// first is the earliest of them, 0 if there is none. a may be nil.
func (a *alarms) first() (at int64) {
	if a == nil {
		return 0
	}
	for _, t := range a.times {
		if t != 0 && (at == 0 || t < at) {
			at = t
		}
	}
	return at
}

// arm sets the timer for the earliest. One that has been put off rings in vain. a may be nil.
func (a *alarms) arm() {
	if at := a.first(); at != 0 && (!a.timer.Armed() || a.timer.Due() > at) {
		a.s.w.loop.Arm(&a.timer, a.s, at)
	}
}

// disarm stops the timer, for the session to pass to another worker. a may be nil.
func (a *alarms) disarm() {
	if a != nil {
		a.s.w.loop.Stop(&a.timer)
	}
}

// after has the session look at something in a while, and not before.
func (s *session) after(which alarm, d time.Duration) { s.by(which, s.w.now()+max(int64(d), 0)) }

// by has the session look at something at a moment.
func (s *session) by(which alarm, at int64) {
	if s.due == nil {
		s.due = s.w.takeAlarms(s)
	}
	s.due.times[which] = max(at, 1)
	s.due.arm()
}

// Expired implements loop.TimerOwner: it looks at what is due.
func (s *session) Expired(*loop.Timer) {
	now := s.w.now()
	for which := range numAlarms {
		if at := s.due.at(which); at == 0 || at > now || s.state == Closed {
			continue
		}
		s.due.clear(which)
		switch which {
		case alarmBoundary:
			s.stand()
		case alarmLinger:
			s.lingered()
		case alarmErrand:
			if s.errand != nil {
				s.errand.ring()
			}
		case alarmAhead:
			if d := s.notice.ahead(); d != nil {
				d.ringAhead()
			}
		case alarmHold:
			s.tire()
		case alarmClose:
			s.closed()
		case alarmUnused:
			s.detachUnused()
		case numAlarms:
		}
	}
	if s.state != Closed {
		s.due.arm()
		s.tryTransfer() // it may be another's from here on
	}
}

// lingered ends a session that has not used the time it was given, unless something has come in the meantime.
func (s *session) lingered() {
	if s.end != Open || s.errand != nil || !s.notice.ends() || !s.free() {
		return
	}
	if s.toldToLeave() { // after all: what it can be logged in with has changed
		s.stand()
		return
	}
	if s.client.waits() {
		s.after(alarmLinger, s.linger())
		return
	}
	s.endNow(s.notice.intent.end, s.notice.intent.cause, nil)
}
