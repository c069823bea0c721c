package proxy

import (
	"time"

	"segue/proxy/wire"
)

// maxReplays is how often a statement is run again.
const maxReplays = 2

// runAgain takes back the statement that the lost backend has not begun to answer if it provably only reads, so that running it twice
// makes no difference; nil if there is none.
func (s *session) runAgain() []byte {
	b := s.kept.statement()
	if b == nil || s.track.Outstanding() != 1 || s.track.Answered() || s.track.Pinned() != "" || s.away.replays >= maxReplays {
		return nil
	}
	s.head.restore(b)
	s.track.Abandon()
	if look := s.track.Look(b); look.Whole && look.Len == len(b) && (look.ReadOnly || harmless(look.Command)) {
		return b
	}
	s.track.Client(b) // it was sent, and its outcome is unknown
	return nil
}

// harmless reports whether a command other than a statement does the same when it is run twice, and to this session alone.
func harmless(c wire.Command) bool {
	switch c {
	case wire.ComPing, wire.ComInitDB, wire.ComStmtPrepare, wire.ComFieldList, wire.ComResetConnection:
		return true
	default:
		return false
	}
}

// sendAgain sends it to the backend that the session has moved to.
func (s *session) sendAgain() {
	b := s.away.again
	if b == nil {
		return
	}
	s.away.again, s.away.fresh = nil, false
	s.away.replays++
	s.server.metrics.hidden.WithLabelValues(setupClosed, actionReplayed).Inc()
	_ = s.back.SetWriteDeadline(time.Now().Add(closeGrace)) // a new socket has room for it
	for len(b) > 0 {
		n, insert := s.track.Client(b)
		_, _ = s.back.Write(b[:n])
		_, _ = s.back.Write(insert) // what fails shows when the answer is read
		if b = b[n:]; len(insert) == 0 {
			break
		}
	}
	_ = s.back.SetWriteDeadline(time.Time{})
	s.follow()
}
