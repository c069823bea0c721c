package proxy

import (
	"slices"
	"time"

	"segue/backend"
	"segue/proxy/track"
	"segue/proxy/wire"
)

// ReplayLimits say which statements are run again, of those that provably only read, when their backend goes before it has begun to
// answer. The zero value of each field means its default.
type ReplayLimits struct {
	// Attempts is how often one is. Negative: never.
	Attempts int
	// Timeout is for how long one may have been at work, in all, to be run again: what is heavy is not begun anew for ever. Negative: never.
	Timeout time.Duration
}

// The defaults of ReplayLimits.
const (
	DefaultReplayAttempts = 2
	DefaultReplayTimeout  = time.Minute
)

// allow reports whether a statement that has been run again so often, and was first sent so long ago, may be once more.
func (l ReplayLimits) allow(replays uint8, took time.Duration) bool {
	if l.Attempts == 0 {
		l.Attempts = DefaultReplayAttempts
	}
	if l.Timeout == 0 {
		l.Timeout = DefaultReplayTimeout
	}
	return int(replays) < l.Attempts && took < l.Timeout
}

// runAgain takes back the statement that the lost backend has not begun to answer if it provably only reads, or is a ROLLBACK outside a
// transaction, so that running it twice makes no difference; nil if there is none.
func (s *session) runAgain() []byte {
	if !s.server.options().Replay.allow(s.away.replays, s.atWork()) {
		return nil
	}
	return s.takeBack(func(look track.Look, b []byte) bool {
		return look.ReadOnly || look.Rollback || harmless(look.Command) || begins(look, b)
	})
}

// takeBack takes back the statement that runs, of whose answer nothing has passed, if it may be sent anew; nil if not.
func (s *session) takeBack(may func(look track.Look, b []byte) bool) []byte {
	if s.track.Outstanding() != 1 || s.track.MidCommand() || s.track.Answered() || s.track.Pinned() != "" || s.interrupted() {
		return nil
	}
	s.kept.await(&s.up.active)
	b := s.kept.statement()
	if b == nil {
		return nil
	}
	s.head.restore(b)
	s.track.Abandon()
	if look := s.track.Look(b); look.Whole && look.Len == len(b) && may(look, b) {
		return b
	}
	s.track.Client(b) // it was sent, and its outcome is unknown
	return nil
}

// atWork is for how long the statement that runs has been, those times included when it was run before.
func (s *session) atWork() time.Duration {
	if s.away.replays == 0 && !s.away.electing {
		s.away.sent = s.since.Load() // when the session became Busy with it
	}
	return time.Duration(s.server.elapsed() - s.away.sent)
}

// giveUpAgain tells the client of a statement that was to be run again and has waited for a backend for long enough.
func (s *session) giveUpAgain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away.again == nil || s.end != Open {
		return
	}
	defer s.turn.Broadcast()
	cause := s.server.registry.Unusable()
	if s.away.refusal != nil { // the backend has not run it, and has told why
		s.server.ledger.seen(s, lostHold, cause)
		s.refuseAgain()
		return
	}
	within := " within hold.timeout"
	if s.server.options().Hold.DryRun {
		within = ", and hold.dry_run is set"
	}
	s.answer(s.away.again[wire.HeaderLen-1], clientError("the statement, which only reads, was cut off, and no backend could take it"+within+": "+cause.Error()))
	s.away.again = nil
	s.kept.release(&s.server.buffers)
	s.server.ledger.seen(s, lostStatement, cause)
	s.away.told = true
}

// begins reports whether a statement does no more than begin a transaction, which ended with the connection.
func begins(look track.Look, b []byte) bool {
	return look.Command == wire.ComQuery && track.IsBegin(b[wire.HeaderLen+1:])
}

// elsewhere reports whether another backend takes sessions.
func (s *session) elsewhere() bool {
	return slices.ContainsFunc(s.server.registry.Backends(), func(b *backend.Backend) bool { return b != s.lease.Backend() && takes(b) })
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
	s.away.again, s.away.refusal, s.away.fresh = nil, nil, false
	if !s.away.electing {
		s.away.replays++
	}
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
