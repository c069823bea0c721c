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
	alarmHold                  // the statement that waits
	alarmClose                 // whether both sides have closed
	alarmUnused                // whether it has been idle for as long as it may
	numAlarms
)

// alarms are the moments at which a session looks at something, as Server.elapsed; 0: it does not.
type alarms [numAlarms]int64

func (a *alarms) set(which alarm) bool { return a[which] != 0 }
func (a *alarms) clear(which alarm)    { a[which] = 0 }

// first is the earliest of them, 0 if there is none.
func (a *alarms) first() (at int64) {
	for _, t := range a {
		if t != 0 && (at == 0 || t < at) {
			at = t
		}
	}
	return at
}

// after has the session look at something in a while, and not before.
func (s *session) after(which alarm, d time.Duration) { s.by(which, s.w.now()+max(int64(d), 0)) }

// by has the session look at something at a moment.
func (s *session) by(which alarm, at int64) {
	s.due[which] = max(at, 1)
	s.arm()
}

// arm sets the session's timer for the earliest of its alarms. One that has been put off rings in vain.
func (s *session) arm() {
	if at := s.due.first(); at != 0 && (!s.timer.Armed() || s.timer.Due() > at) {
		s.w.loop.Arm(&s.timer, s, at)
	}
}

// Expired implements loop.TimerOwner: it looks at what is due.
func (s *session) Expired(*loop.Timer) {
	now := s.w.now()
	for which := range numAlarms {
		if at := s.due[which]; at == 0 || at > now || s.state == Closed {
			continue
		}
		s.due[which] = 0
		switch which {
		case alarmBoundary:
			s.stand()
		case alarmLinger:
			s.lingered()
		case alarmErrand:
			if s.errand != nil {
				s.errand.ring()
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
		s.arm()
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
