package proxy

import (
	"time"

	"segue/backend"
	"segue/backend/wire"
	"segue/proxy/ledger"
	"segue/proxy/plan"
	"segue/proxy/track"
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
		case s.atCommand() && (isHeadless(b) || s.special(b) || s.track.MayKill(b)):
			var forward bool
			if n, forward = s.command(b); forward {
				if n, forward = s.changeUser(b); forward {
					n = s.send(b[:s.together(b)])
				}
			}
		case s.mustFollow(b):
		default:
			n = s.send(b[:s.together(b)])
		}
		if n == 0 {
			break
		}
		b = b[n:]
	}
	return b
}

// mustFollow reports whether the command at the head of b, which has come while others run, is to be looked at: that makes sense only
// once those have been answered.
func (s *session) mustFollow(b []byte) bool {
	return s.track.Outstanding() > 0 && s.track.AtNextCommand() && (s.stmt.waits() || s.isWary(b) || isHeadless(b) || s.track.MayKill(b) || s.cannotProve(b))
}

// isWary reports whether the command at the head of b is to be looked at by itself, as its client is owed something or may ask for what is lost.
func (s *session) isWary(b []byte) bool {
	return s.owed.is(nextCommand) || s.track.Wary(b)
}

// together is how much of b may be sent in one go: up to the next command that is to be looked at once those before it have been answered.
func (s *session) together(b []byte) int {
	if s.track.AtNextCommand() && isOne(b) {
		return len(b)
	}
	for at := s.track.RestOfCommand(b); at < len(b); {
		if at > 0 && (s.isWary(b[at:]) || isHeadless(b[at:]) || s.track.MayKill(b[at:]) || s.cannotProve(b[at:])) {
			return at
		}
		for n := wire.MaxPayload; n == wire.MaxPayload; at += wire.HeaderLen + n {
			if len(b)-at < wire.HeaderLen {
				return len(b)
			}
			n, _ = wire.DecodeHeader(b[at:])
		}
	}
	return len(b)
}

// special reports whether a command needs more than being passed on.
func (s *session) special(b []byte) bool {
	return s.between() || s.isWary(b) || s.notice.given() || s.stmt.waits() || s.w.paused || s.doubtful() || s.cannotProve(b)
}

// lookAfter is how long a session must have been idle for its backend connection to be looked at ahead of a statement: a system
// call more, and nothing against the time that this client takes to think.
const lookAfter = 20 * time.Millisecond

// doubtFor is how long all connections are looked at twice after a backend has closed one.
const doubtFor = 5 * time.Second

// doubtful reports whether it is worth a look if the backend has closed the connection without an event having told so yet.
func (s *session) doubtful() bool {
	now := s.w.now()
	return now < s.w.server.doubt.Load() || now-s.since > int64(lookAfter)
}

// send sends on what it can of b, and returns how much of it that was; 0: all of it is to be shown again.
func (s *session) send(b []byte) int {
	first := s.atCommand()
	at := 0
	if first {
		at = closesAhead(b)
	}
	alone := first && isOne(b[at:])
	if alone {
		s.stmt.keep(s.w, b[at:])
	}
	var head [wire.HeaderLen + 5]byte // as the client sent it: a move has given statements other ids
	copy(head[:], b[at:])
	n, insert := s.track.Client(b)
	s.follow()
	whole := first && !s.track.MidCommand() && (s.past.moves == 0 || alone)
	if first && !s.track.MidCommand() {
		s.stmt.attempts, s.stmt.electing = 0, false
	}
	if alone && s.state == Busy {
		s.stmt.phase = running
	} else if first { // what comes behind a statement that runs takes nothing from it
		s.stmt.release(s.w)
	}
	s.client.in += int64(n)
	switch sent, err := s.back.conn.Write(b[:n]); {
	case err == nil:
	case whole && sent == 0 && s.resend(err):
		copy(b[at:], head[:])
		return at // another server has nothing that they could close
	default: // what the backend has said, and how it has ended, is about to be read
		return len(b)
	}
	if len(insert) > 0 {
		_, _ = s.back.conn.Write(insert) // what fails shows when the answer is read
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
	s.track.Abandon()
	s.stmt.release(s.w)
	s.w.server.evidence(s.backend(), err)
	s.flee(plan.Flee, err)
	return true
}

// command decides what becomes of the command at the head of b, and does it. It returns how much of b Segue has dealt with, and whether the
// rest is to be sent on.
func (s *session) command(b []byte) (n int, forward bool) {
	var look track.Look
	f := s.commandFacts(b, &look)
	action := plan.Command(&f)
	switch action {
	case plan.Forward:
		s.endWait(nil)
		return 0, true
	case plan.NeedMore:
		if !f.Between && !f.Paused { // it has waited for something else than the rest of it
			s.endWait(nil)
		}
		return 0, false
	case plan.Wait:
		return s.wait(b)
	case plan.Pay:
		reply := s.owed.reply
		s.settle(ledger.Seen) // nothing runs: the session is as fresh as before
		return s.refuse(b, look.Command, reply), false
	case plan.Drop:
		s.owed.more = true // an execution behind a ROLLBACK counts on it as well
		return s.refuse(b, look.Command, s.owed.reply), false
	case plan.Forgive:
		s.settle(ledger.Moved)
		return s.command(b)
	case plan.RefuseMoved:
		return s.refuse(b, look.Command, errMoved()), false
	case plan.RefuseForgone:
		return s.refuse(b, look.Command, errForgone()), false
	case plan.BringKill:
		return new(killing).bring(s, b)
	case plan.EndInstead:
		s.endNow(s.notice.intent.end, s.notice.intent.cause, nil)
		return len(b), false
	case plan.EndQuit:
		s.endWait(nil)
		s.endAs(ClientQuit, nil)
		s.finish()
		return len(b), false
	case plan.LeaveFirst:
		if f.Departs.Down { // it is not sent there
			(&departure{}).start(s)
		} else if !s.leave() {
			return 0, true
		}
		return s.wait(b)
	case plan.FleeHung:
		s.flee(plan.Flee, errHung)
		return s.wait(b)
	case plan.FleeClosed:
		s.flee(plan.Flee, errClosed)
		return s.wait(b)
	}
	return 0, true
}

// maxUndecided bounds the commands of which all is waited for. Those that ask for what a statement before has left behind, and a
// ROLLBACK, are short.
const maxUndecided = 4 << 10

// commandFacts gathers what plan.Command goes by.
func (s *session) commandFacts(b []byte, look *track.Look) plan.CommandFacts {
	f := plan.CommandFacts{Headless: isHeadless(b), Between: s.between(), Paused: s.held(), Again: s.stmt.again()}
	if f.Headless {
		return f
	}
	c := commandOf(b)
	*look = s.track.Look(b)
	look.Command = c
	f.Debt = s.owed.is(nextCommand)
	f.Quit, f.Silent, f.Data, f.Ping = c == wire.ComQuit, c.Silent(), c == wire.ComStmtSendLongData, c == wire.ComPing
	f.Forgone, f.Probes = look.Lost, look.Ping
	f.GivesUp = s.givesUp(c, look)
	f.Asks, f.Missing = look.Asks, look.Missing
	if n, _ := wire.DecodeHeader(b); !look.Whole && s.isWary(b) {
		f.Undecided = wire.HeaderLen+n <= maxUndecided
	}
	if f.Between || f.Paused {
		return f
	}
	f.Kill = s.track.MayKill(b)
	f.Ends = f.Probes && len(b) == look.Len && s.declines(c)
	f.Departs = s.departing(look)
	return f
}

// givesUp reports whether a command does away with what was lost, as it would with what was there. An FE resets variables alone, not those of the user.
func (s *session) givesUp(c wire.Command, look *track.Look) bool {
	switch c {
	case wire.ComChangeUser:
		return true
	case wire.ComResetConnection:
		return !s.w.server.options().Flavor.IsFE() || !s.owed.counts()
	default:
		return look.Rollback && !s.owed.counts()
	}
}

// declines reports whether the session is to end rather than to answer a command by which its client finds out whether the connection is worth
// keeping: a pool then takes another one, and nobody sees an error. Behind a good answer it would lend this one to a statement. Where the
// command ends what Segue cannot rebuild, the session may yet move.
func (s *session) declines(c wire.Command) bool {
	switch d := s.notice.intent; {
	case !s.notice.ends(), !s.free(), s.state == Idle && s.toldToLeave():
		return false
	case c != wire.ComPing && d.end == Drained && s.ties().CanMove():
		return false
	}
	waits, _ := s.client.Peek()
	return !waits
}

// departing gathers why the session may have to leave its backend ahead of a command.
func (s *session) departing(look *track.Look) (d plan.Departing) {
	d.Outlives = s.ties().Rebuildable()
	d.Rested = s.w.now() >= s.notice.retry()
	told := s.state == Idle && s.toldToLeave() && !s.beingKilled()
	if b := s.backend(); s.notice.intent != nil && b.Status().Health == backend.Down {
		d.Hung = s.w.server.hung(b)
		d.Down = told
		d.Answers = !s.needsOld() || !mute(b)
	}
	d.Closed = s.doubtful() && s.back.hungUp()
	d.Told = told && s.track.Recent() && look.Whole
	d.GateIsOpen = d.Told && !s.w.server.gate.IsShut()
	return d
}

// unsent takes what came after the session had been ended, and is sent to nobody. It counts the commands of which the client
// hears no answer; the COM_QUIT of one that has noticed is none.
func (s *session) unsent(b []byte) {
	if !s.commanding() || s.track.Opaque() != 0 {
		return
	}
	before := s.track.Outstanding()
	s.track.Client(b)
	if (s.end == Drained || s.end == Shutdown || s.end == BackendGone) && s.track.Outstanding() > before && !s.track.Quit() {
		s.seen(ledger.LostUnsent, s.cause)
	}
}

// cannotProve reports whether b begins with a COM_CHANGE_USER that is not to pass as it is: the client proves its password to the salt of the backend that
// it was asked by last, which is not the one that the session stands on. An FE does not ask again, and refuses.
func (s *session) cannotProve(b []byte) bool {
	if s.past.moves == 0 && !s.who.salted || commandOf(b) != wire.ComChangeUser {
		return false
	}
	return !s.w.server.options().Flavor.IsFE()
}

// changeUser sends a COM_CHANGE_USER in place of the client's at the head of b where that could not pass as it is: the backend is made to ask with its own
// salt, by the name of a plugin that no account has. It returns how much of b that was, 0 if more must be seen, and whether the rest is to be sent on.
func (s *session) changeUser(b []byte) (n int, forward bool) {
	if !s.cannotProve(b) {
		return 0, true
	}
	look := s.track.Look(b)
	if !look.Whole {
		length, _ := wire.DecodeHeader(b)
		return 0, length > maxChangeUser
	}
	caps := s.who.hello.Response().Capabilities
	var m wire.ChangeUser
	if m.Decode(b[wire.HeaderLen:look.Len], caps) != nil || m.NoCharset || !caps.Has(wire.ClientPluginAuth) || len(m.AuthResponse) == 0 {
		return 0, true
	}
	m.AuthResponse, m.AuthPlugin = nil, authSwitchPlugin
	packet, _ := wire.AppendPacket(nil, look.Seq, m.Append(nil, caps))
	s.send(packet)
	return look.Len, false
}

// maxChangeUser bounds the COM_CHANGE_USER that is waited for: connection attributes take 64 KB at most.
const maxChangeUser = 80 << 10
