package proxy

import (
	"errors"
	"time"

	"segue/proxy/track"
	"segue/proxy/wire"
)

// What may come between a client's statement and its backend: a move, an exchange of Segue's own, an error that the client is owed.

// special reports whether a client's bytes need more than being passed on.
func (s *session) special(b []byte) bool {
	a := &s.away
	st := s.current()
	return st == Moving || st == Holding || a.fresh || a.shift != nil || a.drain != nil || a.debt != nil || a.refused != nil || s.track.OwnOutstanding() || s.doubtful() || s.server.paused.Load() ||
		a.moves > 0 && len(b) > wire.HeaderLen && wire.Command(b[wire.HeaderLen]) == wire.ComChangeUser
}

// lookAfter is how long a session must have been idle for its backend connection to be looked at ahead of a statement: a system
// call more, and nothing against the time that this client takes to think.
const lookAfter = 20 * time.Millisecond

// doubtful reports whether it is worth a look if the backend has closed the connection without the down pump knowing yet.
func (s *session) doubtful() bool {
	if st := s.current(); st != Idle && st != Pinned {
		return false
	}
	now := s.server.elapsed()
	return now < s.server.doubt.Load() || now-s.since.Load() > int64(lookAfter)
}

// beforeStatement does what is to be done before the client's bytes are looked at, and returns how many of them Segue
// has answered itself, and what to send instead of the packet behind those, if anything; hold says that the rest is to be shown again
// with what follows it. It waits while the session moves.
func (s *session) beforeStatement(b []byte) (answered int, instead []byte, hold bool) {
	for s.end == Open {
		rest := b[answered:]
		if len(rest) > 0 && s.away.refused != nil {
			answered += s.refuseMore(rest)
			continue
		}
		if len(rest) == 0 || s.waits() && headless(rest) {
			return answered, nil, len(rest) > 0
		}
		var reply *wire.Err
		if !s.pays(rest) {
			reply = s.awaitTurn(rest)
		}
		if s.end != Open || s.track.Outstanding() > 0 || s.track.MidCommand() || s.track.Opaque() != 0 {
			return answered, nil, false
		}
		look := s.track.Look(rest)
		if s.undecided(rest, look) {
			return answered, nil, true
		}
		if reply == nil {
			reply = s.owed(look)
		}
		switch {
		case reply != nil && look.Whole:
			s.reject(look.Command, look.Seq, reply)
			answered += look.Len
		case reply != nil:
			s.away.refused = &refused{command: look.Command, reply: reply}
		case s.between(): // what was lost has been given up, and it waits like any other
		case s.departs(look):
		default:
			return answered, s.changeUser(look, rest), false
		}
	}
	return answered, nil, false
}

// maxUndecided bounds the commands of which all is waited for. Those that ask for what a statement before has left behind, and a
// ROLLBACK, are short.
const maxUndecided = 4 << 10

// undecided reports whether more of a command must be seen to know if the client is owed an ERR_Packet for it.
func (s *session) undecided(b []byte, look track.Look) bool {
	if !s.away.fresh && s.away.debt == nil || look.Whole {
		return false
	}
	if len(b) < wire.HeaderLen {
		return true
	}
	n, _ := wire.DecodeHeader(b)
	return n > 0 && (len(b) == wire.HeaderLen || wire.HeaderLen+n <= maxUndecided)
}

// refused is a command that does not lie whole in a chunk, and gets an ERR_Packet as soon as its last byte has come.
type refused struct {
	command wire.Command
	frames  wire.Framer
	seq     uint8
	reply   *wire.Err
}

// refuseMore takes bytes of the command that is refused, and returns how many these are.
func (s *session) refuseMore(b []byte) (n int) {
	r := s.away.refused
	for n < len(b) {
		if r.frames.InPayload() {
			n += r.frames.Skip(b[n:])
		} else {
			var p wire.Packet
			k, ok := r.frames.Next(b[n:], &p)
			if n += k; ok {
				r.seq = p.Seq
			}
		}
		if r.frames.AtStart() {
			s.away.refused = nil
			s.reject(r.command, r.seq, r.reply)
			break
		}
	}
	return n
}

// reject drops a command and tells the client why. One that is never answered costs the next its answer if that counts on it: of
// COM_STMT_CLOSE nothing is missed.
func (s *session) reject(c wire.Command, seq uint8, reply *wire.Err) {
	switch {
	case !c.Silent():
		s.answer(seq, reply)
	case c == wire.ComStmtSendLongData:
		s.away.debt = &debt{reply: reply, backend: s.backendName(), cause: errors.New(reply.Message)}
	}
}

// headless reports whether too little of a command has come to know which one it is: nobody waits with that.
func headless(b []byte) bool {
	if len(b) < wire.HeaderLen {
		return true
	}
	n, _ := wire.DecodeHeader(b)
	return n > 0 && len(b) == wire.HeaderLen
}

func isQuit(b []byte) bool {
	return len(b) > wire.HeaderLen && wire.Command(b[wire.HeaderLen]) == wire.ComQuit
}

// pays reports whether the client's next command is answered with what is owed, wherever the session stands.
func (s *session) pays(b []byte) bool {
	if s.away.debt == nil || s.away.again != nil || !s.between() || len(b) <= wire.HeaderLen || s.track.Outstanding() > 0 {
		return false
	}
	c := wire.Command(b[wire.HeaderLen])
	return !c.Silent() && c != wire.ComPing && c != wire.ComQuit
}

// owed is the ERR_Packet that the next command gets in place of an answer; nil if it may be sent on.
func (s *session) owed(look track.Look) *wire.Err {
	if look.Command.Silent() || look.Command == wire.ComPing || look.Command == wire.ComQuit {
		return nil
	}
	fresh, debt := s.away.fresh, s.away.debt
	s.away.fresh, s.away.debt = false, nil
	switch {
	case look.Rollback, look.Command == wire.ComResetConnection, look.Command == wire.ComChangeUser:
		s.forgive(debt) // what was lost is given up
		return nil
	case debt != nil:
		s.server.ledger.seenOf(s, lostTransaction, debt.backend, debt.cause)
		return debt.reply
	case fresh && look.Asks && (s.away.warned || !look.Warnings):
		return errPacket(codeUnknown, "the session has moved to another backend since the statement that this one asks about")
	}
	return nil
}

// answer gives the client a packet in place of its backend's answer. Nothing is outstanding, so that the down pump does not write.
func (s *session) answer(seq uint8, e *wire.Err) {
	packet, _ := wire.AppendPacket(nil, seq+1, e.Append(nil))
	_ = s.client.SetWriteDeadline(time.Now().Add(closeGrace))
	_, _ = s.client.Write(packet)
	_ = s.client.SetWriteDeadline(time.Time{})
}

// departs begins a move ahead of a command, where there is reason to.
func (s *session) departs(look track.Look) bool {
	switch {
	case look.Command == wire.ComQuit:
	case s.away.drain != nil && s.deserts():
		return true
	case s.doubtful() && s.back.hungUp() && s.outlives():
		s.departLost(errClosed)
		_ = s.back.SetReadDeadline(past) // the down pump takes it from here
		return true
	case s.wantsAway() && s.track.Recent() && look.Len > 0 && !look.Asks && !look.Command.Silent() && s.departLocked(true):
		_ = s.back.SetReadDeadline(past)
		return true
	}
	return false
}

// resend takes back a statement of which not a byte could be written because the backend has closed the connection, and reports
// whether it may be sent to another one. If the session has left that backend meanwhile, the statement has been settled with it.
func (s *session) resend(to *conn, b []byte, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != Open || s.back != to || s.between() || s.track.Answered() || !s.rebuildable() {
		return false
	}
	s.track.Abandon()
	s.server.evidence(s.lease.Backend(), err)
	s.head.restore(b)
	s.departLost(err)
	_ = s.back.SetReadDeadline(past) // the down pump takes it from here
	return true
}

// ping keeps a pinned session from being idle in the eyes of a backend that closes idle ones. See Server.tend.
func (s *session) ping(now int64, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := max(s.since.Load(), s.away.pinged)
	if s.end != Open || s.current() != Pinned || s.track.Outstanding() > 0 || s.track.OwnOutstanding() || now-last < int64(after) {
		return
	}
	s.away.pinged = now
	s.track.Own(wire.ComPing)
	_ = s.back.SetWriteDeadline(time.Now().Add(closeGrace))
	_, _ = s.back.Write(comPing)
	_ = s.back.SetWriteDeadline(time.Time{})
}

var comPing = []byte{1, 0, 0, 0, byte(wire.ComPing)}

// ownAnswered lets the client's statements go on once an exchange of Segue's own is over.
func (s *session) ownAnswered() {
	if !s.track.OwnOutstanding() {
		s.turn.Broadcast()
	}
}

// doubtFor is how long all connections are looked at twice after a backend has closed one.
const doubtFor = 5 * time.Second
