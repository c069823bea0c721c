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
	if s.track.Quit() {
		s.endLocked(ClientQuit, nil)
	} else if s.end == Open && !s.track.Idle() && errors.Is(err, io.EOF) {
		s.endLocked(ClientGone, err)
		_ = s.back.closeWrite()
		_ = s.back.SetReadDeadline(time.Now().Add(halfCloseGrace))
		return
	}
	s.endLocked(ClientGone, err)
	_ = s.back.closeWrite()
	_ = s.back.SetReadDeadline(time.Now().Add(closeGrace))
}

// clientDeadline is called when the client's read deadline has passed, and reports whether to go on reading.
func (s *session) clientDeadline() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open {
		return false
	}
	_ = s.client.SetReadDeadline(time.Time{})
	if s.drain != nil && s.current() == Idle && !s.client.waiting() {
		s.endLocked(s.drain.end, s.drain.cause)
		s.closeDrainedLocked()
	}
	return true
}

// closeDrained closes a session between two statements.
func (s *session) closeDrained() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeDrainedLocked()
}

func (s *session) closeDrainedLocked() {
	_ = s.client.closeWrite()
	s.back.quit()
	_ = s.client.SetReadDeadline(time.Now().Add(closeGrace))
	_ = s.back.SetReadDeadline(time.Now().Add(closeGrace))
}

// backendDeadline is called when the backend's read deadline has passed, and reports whether to go on reading.
func (s *session) backendDeadline() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open || s.broken {
		return false
	}
	_ = s.back.SetReadDeadline(time.Time{})
	return true
}

// backendClosed follows the end of what the backend sends.
func (s *session) backendClosed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.track.Quit() {
		s.endLocked(ClientQuit, nil)
	}
	if s.end == Open {
		s.endLocked(BackendGone, err)
		s.lost()
		s.server.evidence(s.lease.Backend(), err)
	}
	wait := past
	if s.end == BackendGone || s.end == ClientQuit || s.end == Drained || s.end == Shutdown {
		wait = time.Now().Add(closeGrace) // the client closes its side once it has read the FIN
	}
	_ = s.client.SetReadDeadline(wait)
}

// lost prepares what the client hears of a backend that has gone.
func (s *session) lost() {
	kind := lostIdle
	switch {
	case s.current() == Opaque:
		kind = lostStatement
	case s.track.Outstanding() > 0:
		kind = lostStatement
		if !s.track.Answered() {
			s.last = clientError("backend " + s.backendName() + " closed the connection while the statement ran; its outcome is unknown")
		}
	case s.current() == Pinned:
		kind = lostTransaction
	}
	s.server.clientSaw(s, kind)
}

// unsent counts a statement that came after the session had been ended: it was sent to nobody.
func (s *session) unsent() {
	if s.end == Drained || s.end == Shutdown || s.end == BackendGone {
		s.server.metrics.clientErrors.WithLabelValues(lostUnsent).Inc()
	}
}

// writeFailed is called when the destination of a pump takes no more.
func (s *session) writeFailed(p *pump, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p == &s.up {
		// The backend may have said why, or even have answered: what it has sent is still to be read. From here on
		// what the client sends is dropped.
		s.broken = true
		_ = s.back.SetReadDeadline(time.Now().Add(closeGrace))
		return
	}
	s.endLocked(ClientGone, err)
	s.cutLocked()
	p.done = true
}

// farewell is the last that the client gets: an ERR_Packet in place of an answer that will not come, and the FIN.
func (s *session) farewell() {
	s.mu.Lock()
	last, seq := s.last, s.track.NextSeq()
	fits := s.insist || !s.track.Answered()
	s.mu.Unlock()
	if last != nil && fits {
		packet, _ := wire.AppendPacket(nil, seq, last.Append(nil))
		_ = s.client.SetWriteDeadline(time.Now().Add(closeGrace))
		s.down.write(packet, true)
	}
	_ = s.client.closeWrite()
}

// cut ends a session that must not go on, wherever it stands.
func (s *session) cut(end End, cause error, told string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.back == nil || s.pumping.Load() == 0 {
		s.endLocked(end, cause)
		_ = s.client.SetDeadline(past)
		if s.back != nil {
			_ = s.back.SetDeadline(past)
		}
		return
	}
	if s.end == Open {
		s.endLocked(end, cause)
		if s.track.Outstanding() > 0 && !s.track.Answered() && told != "" {
			s.last = clientError(told)
		}
		if s.track.Outstanding() > 0 || s.current() == Pinned || s.current() == Opaque {
			s.server.clientSaw(s, lostDeadline)
		}
	}
	s.cutLocked()
}
