package proxy

import "segue/proxy/wire"

// debt is what a client is still to be told of a backend that has gone: its next statement counts on what was lost with that.
type debt struct {
	reply   *wire.Err
	backend string
	cause   error
}

// forgive enters that the client gives up by itself what was lost: it never hears of it. d may be nil.
func (s *session) forgive(d *debt) {
	if d != nil {
		s.server.ledger.hidden(s, setupClosed, actionMoved, d.backend, d.cause)
	}
}

// settleDebt enters what is still owed to the client when its session has ended. One that has left does without; one that was
// ended has lost its transaction to that end.
func (s *session) settleDebt() {
	d := s.away.debt
	s.away.debt = nil
	if d == nil {
		return
	}
	if s.end == ClientQuit || s.end == ClientGone {
		s.forgive(d)
		return
	}
	s.server.ledger.seenOf(s, lostTransaction, d.backend, d.cause)
}
