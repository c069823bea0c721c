package proxy

import (
	"errors"
	"io"

	"segue/backend/wire"
	"segue/proxy/ledger"
)

// How the two sides of a session come to an end.

// clientEnded follows the end of what the client sends. A client that has only closed its sending side still gets its
// answer; one that is gone, which looks the same, does not keep its backend session for longer than halfCloseGrace.
func (s *session) clientEnded(err error) {
	if !s.commanding() {
		s.endAs(ClientGone, err)
		s.finish()
		return
	}
	grace := closeGrace
	told := s.end == Open && s.track.Quit() && s.errand == nil // the backend has been told, and closes by itself
	half := false
	switch {
	case s.track.Quit():
		s.endAs(ClientQuit, nil)
	case s.end == Open && !s.track.Idle() && errors.Is(err, io.EOF):
		grace, half = halfCloseGrace, true
	}
	s.endAs(ClientGone, err)
	if s.errand != nil || s.back == nil || s.back.closed || !told && !half {
		s.finish() // there is nobody to move for
		return
	}
	if !told {
		_ = s.back.conn.Finish(nil)
	}
	s.after(alarmClose, grace)
}

// farewell is the last that the client gets, e in place of the answer that it waits for if that is not nil, and the FIN. The client closes its
// side once it has read that.
func (s *session) farewell(e *wire.Err) {
	s.endWait(nil)
	if e != nil {
		seq := s.stmt.answerSeq()
		if s.track.Outstanding() > 0 {
			seq = s.track.NextSeq()
		}
		last, _ := wire.AppendPacket(nil, seq, e.Append(nil))
		s.client.deliver(last, true)
	} else {
		_ = s.client.Finish(nil)
	}
	if s.state == Closed {
		return
	}
	if s.back != nil {
		s.back.quit()
	}
	s.client.Resume()
	s.after(alarmClose, s.end.grace())
}

// endNow ends a session where it stands. e, if not nil, is told the client in place of the answer that it waits for.
func (s *session) endNow(end End, cause error, e *wire.Err) {
	if s.state == Closed {
		return
	}
	s.endAs(end, cause)
	s.dropErrand()
	s.farewell(e)
}

// cut ends a session that must not go on, wherever it stands. told is what the client hears in place of an answer.
func (s *session) cut(end End, cause error, told string) {
	if s.severe || s.state == Closed {
		return
	}
	s.severe = true
	if !s.commanding() {
		if c, ok := s.errand.(*connecting); ok {
			c.end(end, cause) // and no word against the backend: it was cut off
			return
		}
		s.endAs(end, cause)
		s.finish()
		return
	}
	open := s.end == Open && !s.track.Quit()
	waits := s.stmt.again() || s.awaitsAnswer()
	outstanding := open && (s.track.Outstanding() > 0 || waits)
	s.endAs(end, cause)
	if outstanding || open && (s.state == Pinned || s.state == Opaque) {
		s.seen(ledger.LostDeadline, s.cause)
	}
	s.dropErrand()
	var e *wire.Err
	switch {
	case !open, !outstanding, s.track.Outstanding() > 0 && s.track.Answered() && !s.track.Endable():
	case s.stmt.again() && s.stmt.refusal != nil: // it has not run
		e = s.stmt.refusal
	case s.stmt.again(), s.track.Outstanding() > 0:
		e = clientError(told)
	default:
		e = clientError("the statement was not sent: " + s.cause.Error())
	}
	s.farewell(e)
}

// closed is called when both sides have had the time to close.
func (s *session) closed() {
	s.endAs(ClientGone, errClosed) // see front.HungUp
	gone := s.end == ClientGone || s.end == ClientQuit
	if s.client.Pending() > 0 && !s.severe && !gone { // it may take its time to read what is there
		s.after(alarmClose, s.end.grace())
		return
	}
	s.severe = s.severe || s.end == ClientGone // it has had halfCloseGrace
	s.finish()
}

// finish gives back all that the session held. It runs once.
func (s *session) finish() {
	if s.state == Closed {
		return
	}
	if s.end == Open {
		s.endAs(Protocol, errClosed)
	}
	s.dropErrand()
	s.endWait(nil)
	s.notice.leaveQueue()
	if s.end == ClientQuit || s.end == ClientGone {
		s.settle(ledger.Moved) // one that has left does without
	} else {
		s.settle(ledger.Seen)
	}
	s.kills.standsNow()
	s.stmt.release(s.w)
	s.countRest()
	s.track.Release()
	s.client.rest = nil
	s.enter(Closed)
	s.due.drop()
	if s.client.Pending() > 0 && !s.severe { // it may have closed its sending side alone
		s.client.CloseAfterFlush(halfCloseGrace)
	} else {
		s.client.Close()
	}
	if s.back != nil {
		s.back.close()
		s.back.release()
	}
	s.w.left(s)
}
