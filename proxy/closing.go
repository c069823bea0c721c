package proxy

import (
	"errors"
	"io"
	"time"

	"segue/proxy/wire"
)

// How the two sides of a session in its command phase come to an end. Each of these runs in one of the two pumps.

// clientClosed follows the end of what the client sends. A client that has only closed its sending side still gets its
// answer; one that is gone, which looks the same, does not keep its backend session for longer than halfCloseGrace.
func (s *session) clientClosed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rouse()
	grace := closeGrace
	closes := s.end == Open && s.track.Quit() && s.current() != Moving && s.current() != Holding // the backend has been told, and does by itself
	switch {
	case s.track.Quit():
		s.endLocked(ClientQuit, nil)
	case s.end == Open && !s.track.Idle() && errors.Is(err, io.EOF):
		grace = halfCloseGrace
	}
	s.endLocked(ClientGone, err)
	if !closes {
		_ = s.back.closeWrite()
	}
	_ = s.back.SetReadDeadline(time.Now().Add(grace))
	s.interrupt()                                                 // there is nobody to move for
	_ = s.client.SetWriteDeadline(time.Now().Add(halfCloseGrace)) // it may take some time to read what is there
}

// clientDeadline is called when the client's read deadline has passed, and reports whether to go on reading.
func (s *session) clientDeadline() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open {
		return false
	}
	_ = s.client.SetReadDeadline(time.Time{})
	if s.away.drain == nil || s.away.drain.optional || !s.free() || s.wantsAway() {
		return true
	}
	if s.down.active.Load() || s.client.waiting() {
		s.lingerLocked()
		return true
	}
	s.endLocked(s.away.drain.end, s.away.drain.cause)
	s.closeDrainedLocked()
	return true
}

// closeDrained closes a session between two statements.
func (s *session) closeDrained() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeDrainedLocked()
}

func (s *session) closeDrainedLocked() {
	s.rouse()
	_ = s.client.closeWrite()
	s.back.quit()
	_ = s.client.SetReadDeadline(time.Now().Add(s.grace()))
	_ = s.back.SetReadDeadline(time.Now().Add(s.grace()))
}

// grace is how long the two ends get to close their sides.
func (s *session) grace() time.Duration {
	if s.end == Shutdown {
		return stopGrace
	}
	return closeGrace
}

// backendDeadline is called when the backend's read deadline has passed.
func (s *session) backendDeadline() course {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open {
		return s.finishLocked(s.down.err)
	}
	_ = s.back.SetReadDeadline(time.Time{})
	if s.executed() {
		s.endKilled()
		return s.finishLocked(nil)
	}
	if s.current() == Moving || s.wantsAway() && s.departLocked(false) {
		return move
	}
	if s.forsaken() {
		return s.backendLost(errHung)
	}
	return stay
}

// saysFarewell reports whether what the backend has said unasked is why it is about to close the connection (ERR 1927, 4031), and is nothing
// to a client that goes on elsewhere: it would take it for the answer to its next statement.
func (s *session) saysFarewell() bool {
	return s.track.Opaque() == 0 && (s.current() == Moving || s.current() == Holding || s.rebuildable())
}

// backendClosed follows the end of what the backend sends.
func (s *session) backendClosed(err error) course {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rouse()
	return s.backendLost(err)
}

// backendLost follows the loss of the backend, which has closed the connection or is given up.
func (s *session) backendLost(err error) course {
	if s.track.Quit() {
		s.endLocked(ClientQuit, nil)
	}
	if s.end != Open {
		return s.finishLocked(err)
	}
	if s.condemned() {
		s.endKilled()
		return s.finishLocked(err)
	}
	s.server.doubt.Store(s.server.elapsed() + int64(doubtFor))
	s.server.evidence(s.lease.Backend(), err)
	switch {
	case s.current() == Moving:
		return move
	case s.outlives():
		s.departLost(err)
		return move
	}
	s.endLocked(BackendGone, plain(err))
	s.lost(lostBy(err))
	return s.finishLocked(err)
}

// finishLocked lets the client's pump end.
func (s *session) finishLocked(err error) course {
	s.endLocked(BackendGone, err)
	wait := time.Now().Add(s.grace()) // the client closes its side once it has read the FIN
	if s.end == ClientGone {
		wait = past
	}
	_ = s.client.SetReadDeadline(wait)
	s.turn.Broadcast() // it may wait with a statement
	return over
}

// lost prepares what the client hears of a backend that has gone.
func (s *session) lost(by string) {
	kind := lostIdle
	switch {
	case s.current() == Opaque:
		kind = lostUnread
	case s.track.Outstanding() > 0:
		kind = lostStatement
		if !s.track.Answered() {
			s.last = clientError("backend " + s.backendName() + " " + by + " while the statement ran; its outcome is unknown")
		}
	case s.away.wait.since != 0:
		kind = lostUnsent
		s.away.seq = s.away.wait.seq
		s.last, s.insist = clientError("the statement was not sent: backend "+s.backendName()+" "+by+", and Segue cannot log in for this user"), true
	case s.current() == Pinned:
		kind = lostTransaction
	case s.current() == Busy, s.track.Failed():
		return // it has told the client why, as with a packet that is too large, before or after all of that has come
	}
	s.server.ledger.seen(s, kind, s.cause)
}

// unsent takes what came after the session had been ended, and is sent to nobody. It counts the commands of which the client
// hears no answer; the COM_QUIT of one that has noticed is none.
func (s *session) unsent(b []byte) {
	before := s.track.Outstanding()
	s.track.Client(b)
	if (s.end == Drained || s.end == Shutdown || s.end == BackendGone) && s.track.Outstanding() > before && !s.track.Quit() && !s.insist {
		s.server.ledger.seen(s, lostUnsent, s.cause)
	}
}

// writeFailed is called when the destination of a pump takes no more.
func (s *session) writeFailed(p *pump, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p == &s.up {
		_ = s.back.SetReadDeadline(past) // the other pump reads what the backend has said, and then how it ended
		return
	}
	s.endLocked(ClientGone, err)
	s.severLocked()
	p.done = true
}

// farewell is the last that the client gets: an ERR_Packet in place of an answer that will not come, and the FIN.
func (s *session) farewell() {
	if packet := s.lastWords(); packet != nil {
		_ = s.client.SetWriteDeadline(time.Now().Add(closeGrace))
		_ = s.down.write(s.client, packet, true)
	}
	if s.pumping.Load() > 1 { // finish comes next, and closes
		_ = s.client.closeWrite()
	}
}

// lastWords is the ERR_Packet that the client gets, or nil.
func (s *session) lastWords() (packet []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil && (s.insist || !s.track.Answered()) {
		seq := s.track.NextSeq()
		if s.end == MoveFailed || s.track.Outstanding() == 0 {
			seq = s.away.seq + 1 // that of a statement that was not sent
		}
		packet, _ = wire.AppendPacket(nil, seq, s.last.Append(nil))
	}
	return packet
}

// cut ends a session that must not go on, wherever it stands. told is what the client hears in place of an answer.
func (s *session) cut(end End, cause error, told string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.severed {
		return
	}
	s.severed = true
	running := s.pumping.Load() > 0
	open := s.end == Open && running && !s.track.Quit()
	outstanding := open && s.track.Outstanding() > 0
	s.endLocked(end, cause)
	if !running {
		s.server.rouse()
	}
	if outstanding && !s.track.Answered() {
		s.last = clientError(told)
	}
	if st := s.current(); open && (st == Moving || st == Holding) && s.untold(told) {
		outstanding = true
	}
	if outstanding || s.down.active.Load() || open && (s.current() == Pinned || s.current() == Opaque) {
		s.server.ledger.seen(s, lostDeadline, s.cause)
	}
	s.severLocked()
}

// untold prepares what the client hears of a statement that the end of a move is the end of; it reports whether there is one.
func (s *session) untold(told string) bool {
	switch {
	case s.away.again != nil:
		s.away.seq = s.away.again[wire.HeaderLen-1]
		if s.last = clientError(told); s.away.refusal != nil { // it has not run
			s.last = s.away.refusal
		}
	case s.away.wait.since != 0:
		s.away.seq = s.away.wait.seq
		s.last = clientError("the statement was not sent: " + s.cause.Error())
	default:
		return false
	}
	s.insist = true
	return true
}

// severLocked makes both pumps, or the connection phase, stop where they are. The client may take a little time to read what
// has been written, and to close.
func (s *session) severLocked() {
	s.rouse()
	until := time.Now().Add(closeGrace)
	_ = s.client.SetWriteDeadline(until)
	if s.pumping.Load() == 0 {
		until = past
	}
	_ = s.client.SetReadDeadline(until)
	if s.back != nil {
		_ = s.back.SetDeadline(past)
	}
	s.interrupt()
	if s.kill != nil && s.kill.conn != nil {
		_ = s.kill.conn.SetDeadline(past)
	}
	s.turn.Broadcast()
}
