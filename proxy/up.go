package proxy

import (
	"segue/backend/wire"
	"segue/proxy/counts"
	"segue/proxy/ledger"
	"segue/proxy/plan"
)

// What the client sends.

// consume takes what it can of bytes of the client's, and returns what is to be shown again.
func (s *session) consume(b []byte) (rest []byte) {
	for len(b) > 0 {
		n := 0
		switch {
		case s.end != Open:
			s.unsent(b)
			return nil
		case s.owed.is(commandEnd):
			n = s.refuseMore(b)
		case s.track.AtCommand() && s.commandAt(b).special():
			var forward bool
			if n, forward = s.commandAt(b).act(); forward {
				if n, forward = s.commandAt(b).changeUser(); forward {
					n = s.send(b[:s.commandAt(b).together()])
				}
			}
		case s.commandAt(b).mustFollow():
		default:
			n = s.send(b[:s.commandAt(b).together()])
		}
		if n == 0 {
			break
		}
		b = b[n:]
	}
	return b
}

// send sends on what it can of b, and returns how much of it that was; 0: all of it is to be shown again.
func (s *session) send(b []byte) int {
	first := s.track.AtCommand()
	at := 0
	if first {
		at = closesAhead(b)
		s.back.answered()
	}
	alone := first && isOne(b[at:])
	if alone {
		s.stmt.keep(s.w, b[at:])
	}
	var head [wire.HeaderLen + 5]byte // as the client sent it: a move has given statements other ids
	copy(head[:], b[at:])
	n, insert := s.track.Client(b)
	s.follow()
	if s.state == Opaque && s.mayHide() {
		s.endUnread()
		return len(b)
	}
	whole := first && !s.track.MidCommand() && (s.past.threads.moves == 0 || alone)
	if first && !s.track.MidCommand() {
		s.stmt.attempts, s.stmt.electing = 0, false
	}
	if alone && s.state == Busy {
		s.stmt.phase = running
	} else if first { // what comes behind a statement that runs takes nothing from it
		s.stmt.release(s.w)
	}
	s.client.in += int64(n)
	switch sent, err := s.back.send(b[:n]); {
	case err == nil:
	case whole && sent == 0 && s.resend(err):
		copy(b[at:], head[:])
		return at // another server has nothing that they could close
	default: // what the backend has said, and how it has ended, is about to be read
		return len(b)
	}
	if len(insert) > 0 {
		s.back.write(insert) // what fails shows when the answer is read
	}
	if s.back.conn.Pending() > 0 {
		s.client.Pause() // until the backend has taken it
	}
	if s.notice.given() { // behind a command without an answer
		s.boundary(false, false)
	}
	return n
}

// resend takes back a statement of which not a byte could be written because the backend has closed the connection, and reports
// whether it may be sent to another one.
func (s *session) resend(err error) bool {
	if s.track.Answered() || !s.ties().Rebuildable() {
		return false
	}
	s.abandon(counts.Again)
	s.stmt.release(s.w)
	s.w.server.evidence(s.backend(), err)
	s.flee(plan.Flee, err)
	return true
}

// unsent takes what came after the session had been ended, and is sent to nobody. It counts the commands of which the client
// hears no answer; the COM_QUIT of one that has noticed is none.
func (s *session) unsent(b []byte) {
	if !s.commanding() || s.track.Opaque() != 0 {
		return
	}
	before := s.track.Outstanding()
	s.track.Client(b)
	s.late += int32(s.track.Outstanding() - before)
	if (s.end == Drained || s.end == Shutdown || s.end == BackendGone) && s.track.Outstanding() > before && !s.track.Quit() {
		s.seen(ledger.LostUnsent, s.cause)
	}
}
