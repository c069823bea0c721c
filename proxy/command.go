package proxy

import (
	"time"

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
	return c.isWary() || isHeadless(c.b) || c.s.track.MayKill(c.b) || c.cannotProve() || c.isGuarded()
}

// isWary reports whether it is to be looked at by itself as its client is owed something or may ask for what is lost.
func (c command) isWary() bool { return c.s.owed.is(nextCommand) || c.s.track.Wary(c.b) }

// special reports whether it may need more than being passed on.
func (c command) special() bool {
	s := c.s
	return s.between() || s.notice.given() || s.stmt.waits() || s.w.paused || c.doubtful() || c.apart()
}

// together is how many of the bytes may be sent in one go: those up to the next command that is to be looked at once those before it have been answered.
// They may begin within a command.
func (c command) together() int {
	s, b := c.s, c.b
	if s.track.AtNextCommand() && isOne(b) {
		return len(b)
	}
	for at := s.track.RestOfCommand(b); at < len(b); {
		if at > 0 && s.commandAt(b[at:]).apart() {
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

// lookAfter is how long a session must have been idle for its backend connection to be looked at ahead of a statement: a system
// call more, and nothing against the time that this client takes to think.
const lookAfter = 20 * time.Millisecond

// doubtFor is how long all connections are looked at twice after a backend has closed one.
const doubtFor = 5 * time.Second

// doubtful reports whether it is worth a look ahead of it if the backend has closed the connection without an event having told so yet.
func (c command) doubtful() bool {
	now := c.s.w.now()
	return now < c.s.w.server.doubt.Load() || now-c.s.since > int64(lookAfter)
}

// act decides what becomes of the command, and does it. It returns how many bytes Segue has dealt with, and whether the rest is to be sent on.
func (c command) act() (n int, forward bool) {
	var look track.Look
	f := c.facts(&look)
	return c.do(&f)
}

// do is act for what is known of the command.
func (c command) do(f *plan.CommandFacts) (n int, forward bool) {
	s, b := c.s, c.b
	switch plan.Command(f) {
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
			f.Departs = plan.Departing{} // not yet: until then it goes on where it is
			return c.do(f)
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

// cannotProve reports whether it is a COM_CHANGE_USER that is not to pass as it is: the client proves its password to the salt of the backend that
// it was asked by last, which is not the one that the session stands on. An FE does not ask again, and refuses.
func (c command) cannotProve() bool {
	if c.s.past.threads.moves == 0 && !c.s.who.salted || commandOf(c.b) != wire.ComChangeUser {
		return false
	}
	return !c.s.w.server.options().Flavor.IsFE()
}

// changeUser sends a COM_CHANGE_USER in place of the client's where that could not pass as it is: the backend is made to ask with its own
// salt, by the name of a plugin that no account has. It returns how many bytes that was of, 0 if more must be seen, and whether the rest is to be sent on.
func (c command) changeUser() (n int, forward bool) {
	guarded := c.isGuarded()
	if !guarded && !c.cannotProve() {
		return 0, true
	}
	s, b := c.s, c.b
	look := s.track.Look(b)
	if !look.Whole {
		length, _ := wire.DecodeHeader(b)
		if guarded && length > maxChangeUser {
			s.endUnread()
			return len(b), false
		}
		return 0, length > maxChangeUser
	}
	caps := s.who.hello.Response().Capabilities
	var m wire.ChangeUser
	decoded := m.Decode(b[wire.HeaderLen:look.Len], caps) == nil
	switch {
	case guarded && !decoded:
		s.endUnread()
		return len(b), false
	case guarded && s.bars(&m):
		return len(b), false
	case guarded && !c.cannotProve() && !saysWhole(m.AuthPlugin):
		return 0, true
	case !decoded || m.NoCharset || !caps.Has(wire.ClientPluginAuth) || len(m.AuthResponse) == 0:
		return 0, true
	}
	m.AuthResponse, m.AuthPlugin = nil, authSwitchPlugin
	packet, _ := wire.AppendPacket(nil, look.Seq, m.Append(nil, caps))
	s.send(packet)
	return look.Len, false
}

// maxChangeUser bounds the COM_CHANGE_USER that is waited for: connection attributes take 64 KB at most.
const maxChangeUser = 80 << 10
