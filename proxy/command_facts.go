package proxy

import (
	"segue/backend"
	"segue/backend/wire"
	"segue/proxy/plan"
	"segue/proxy/track"
)

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
	d.Closed = c.doubtful() && s.back.hungUp()
	d.Told = told && s.track.Recent() && look.Whole
	d.GateIsOpen = d.Told && !s.w.server.gate.IsShut()
	return d
}
