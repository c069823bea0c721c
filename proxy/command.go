package proxy

import (
	"segue/backend"
	"segue/backend/wire"
	"segue/proxy/ledger"
	"segue/proxy/plan"
	"segue/proxy/track"
)

// command is the one at the head of bytes of the client's, as much of it as has come.
type command struct {
	s *session
	b []byte // with what is behind it
}

// commandAt is the command at the head of b.
func (s *session) commandAt(b []byte) command { return command{s, b} }

// mustFollow reports whether the command, which has come while others run, is to be looked at: that makes sense only
// once those have been answered.
func (c command) mustFollow() bool {
	return c.s.track.Outstanding() > 0 && c.s.track.AtNextCommand() && (c.s.stmt.waits() || c.apart())
}

// apart reports whether it may be one that is to be looked at by itself, and not behind others.
func (c command) apart() bool {
	return c.isWary() || isHeadless(c.b) || c.s.track.MayKill(c.b) || c.cannotProve()
}

// isWary reports whether it is to be looked at by itself as its client is owed something or may ask for what is lost.
func (c command) isWary() bool { return c.s.owed.is(nextCommand) || c.s.track.Wary(c.b) }

// special reports whether it may need more than being passed on.
func (c command) special() bool {
	s := c.s
	return s.between() || s.notice.given() || s.stmt.waits() || s.w.paused || s.doubtful() || c.apart()
}

// act decides what becomes of the command, and does it. It returns how many bytes Segue has dealt with, and whether the rest is to be sent on.
func (c command) act() (n int, forward bool) {
	s, b := c.s, c.b
	var look track.Look
	f := c.facts(&look)
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
		return c.wait()
	case plan.Pay:
		reply := s.owed.reply
		s.settle(ledger.Seen) // nothing runs: the session is as fresh as before
		return c.refuse(reply), false
	case plan.Drop:
		s.owed.more = true // an execution behind a ROLLBACK counts on it as well
		return c.refuse(s.owed.reply), false
	case plan.Forgive:
		s.settle(ledger.Moved)
		return c.act()
	case plan.RefuseMoved:
		return c.refuse(errMoved()), false
	case plan.RefuseForgone:
		return c.refuse(errForgone()), false
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
		return c.wait()
	case plan.FleeHung:
		s.flee(plan.Flee, errHung)
		return c.wait()
	case plan.FleeClosed:
		s.flee(plan.Flee, errClosed)
		return c.wait()
	}
	return 0, true
}

// maxUndecided bounds the commands of which all is waited for. Those that ask for what a statement before has left behind, and a
// ROLLBACK, are short.
const maxUndecided = 4 << 10

// facts gathers what plan.Command goes by.
func (c command) facts(look *track.Look) plan.CommandFacts {
	s, b := c.s, c.b
	f := plan.CommandFacts{Headless: isHeadless(b), Between: s.between(), Paused: s.held(), Again: s.stmt.again()}
	if f.Headless {
		return f
	}
	is := commandOf(b)
	*look = s.track.Look(b)
	look.Command = is
	f.Debt = s.owed.is(nextCommand)
	f.Quit, f.Silent, f.Data, f.Ping = is == wire.ComQuit, is.Silent(), is == wire.ComStmtSendLongData, is == wire.ComPing
	f.Forgone, f.Probes = look.Lost, look.Ping
	f.GivesUp = c.givesUp(look)
	f.Asks, f.Missing = look.Asks, look.Missing
	if n, _ := wire.DecodeHeader(b); !look.Whole && c.isWary() {
		f.Undecided = wire.HeaderLen+n <= maxUndecided
	}
	if f.Between || f.Paused {
		return f
	}
	f.Kill = s.track.MayKill(b)
	f.Ends = f.Probes && len(b) == look.Len && c.declines(is)
	f.Departs = c.departing(look)
	return f
}

// givesUp reports whether a command does away with what was lost, as it would with what was there. An FE resets variables alone, not those of the user.
func (c command) givesUp(look *track.Look) bool {
	s := c.s
	switch look.Command {
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
func (c command) declines(is wire.Command) bool {
	s := c.s
	switch d := s.notice.intent; {
	case !s.notice.ends(), !s.free(), s.state == Idle && s.toldToLeave():
		return false
	case is != wire.ComPing && d.end == Drained && s.ties().CanMove():
		return false
	}
	waits, _ := s.client.Peek()
	return !waits
}

// departing gathers why the session may have to leave its backend ahead of a command.
func (c command) departing(look *track.Look) (d plan.Departing) {
	s := c.s
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

// cannotProve reports whether it is a COM_CHANGE_USER that is not to pass as it is: the client proves its password to the salt of the backend that
// it was asked by last, which is not the one that the session stands on. An FE does not ask again, and refuses.
func (c command) cannotProve() bool {
	if c.s.past.moves == 0 && !c.s.who.salted || commandOf(c.b) != wire.ComChangeUser {
		return false
	}
	return !c.s.w.server.options().Flavor.IsFE()
}

// changeUser sends a COM_CHANGE_USER in place of the client's where that could not pass as it is: the backend is made to ask with its own
// salt, by the name of a plugin that no account has. It returns how many bytes that was of, 0 if more must be seen, and whether the rest is to be sent on.
func (c command) changeUser() (n int, forward bool) {
	if !c.cannotProve() {
		return 0, true
	}
	s, b := c.s, c.b
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
