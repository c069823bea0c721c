package proxy

import (
	"segue/proxy/ledger"
)

// election is a statement's wait for the cluster to have a leader: it is sent again to the same backend, from time to time.
type election struct {
	s *session
}

// start begins to wait. The statement has been taken back.
func (e *election) start(s *session) {
	e.s = s
	s.stmt.electing = true
	took := s.stmt.atWork(s.w.now(), s.since)
	s.w.server.waiting.Add(1)
	s.errand = e
	s.enter(Moving)
	s.enter(Holding)
	pause := min(max(took, minPause), maxPause)
	s.after(alarmErrand, s.w.jitter(pause))
	s.client.listen()
}

// ring sends the statement again, or gives up.
func (e *election) ring() {
	s := e.s
	e.abort()
	s.errand = nil
	s.enter(Moving)
	hold := s.w.server.options().Hold.timeout()
	switch {
	case s.stmt.atWork(s.w.now(), s.since) >= hold:
		s.w.server.metrics.hold.WithLabelValues(heldTimeout).Observe(s.stmt.atWork(s.w.now(), s.since).Seconds())
		s.seen(ledger.LostHold, s.stmt.refusal)
		s.follow()
		s.refuseAgain()
		s.stand()
	case s.back.hungUp() && s.hasCredential():
		e.flee(errClosed)
	case s.toldToLeave() && s.w.server.elsewhere(s.backend()):
		(&departure{refused: true}).start(s)
	default:
		s.follow()
		s.sendAgain()
	}
	s.client.again()
}

// backendLost takes the statement, which has run nowhere, to another backend.
func (e *election) backendLost(err error) {
	s := e.s
	e.abort()
	s.enter(Moving)
	e.flee(plain(err))
	s.client.again()
}

func (e *election) flee(loss error) {
	e.s.back.close()
	(&departure{lost: true, loss: loss}).start(e.s)
}

// abort implements errand.
func (e *election) abort() {
	e.s.due.clear(alarmErrand)
	e.s.w.server.waiting.Add(-1)
}

// refuseAgain gives the client what the backend has said to a statement that is not sent again after all.
func (s *session) refuseAgain() {
	seq, e := s.stmt.answerSeq()-1, s.stmt.refusal
	s.stmt.forget(s.w)
	s.client.reply(seq, e)
}

// sendAgain sends the statement that was taken back.
func (s *session) sendAgain() {
	if !s.stmt.again() {
		return
	}
	s.stmt.refusal = nil
	if !s.stmt.electing {
		s.stmt.attempts++
	}
	s.stmt.phase = running
	s.back.answered()
	b := s.w.scratch(s.stmt.text) // ids in it are rewritten, and it may be needed again
	for len(b) > 0 {
		n, insert := s.track.Client(b)
		s.back.write(b[:n])
		s.back.write(insert) // what fails shows when the answer is read
		if b = b[n:]; len(insert) == 0 {
			break
		}
	}
	s.follow()
}
