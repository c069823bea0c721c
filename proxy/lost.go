package proxy

import (
	"errors"
	"slices"
	"syscall"
	"time"

	"segue/backend"
	"segue/backend/wire"
	"segue/proxy/counts"
	"segue/proxy/ledger"
	"segue/proxy/plan"
)

// What becomes of a session whose backend connection has ended, or whose backend is down without having closed it: it hangs, is cut off, or has
// gone without a word. Or it is only the probing that fails, so that each of these takes from a session no more than it has to:
//
//   - one that is idle moves at once. What only its old backend knows, and a move cannot do without, keeps it there until that speaks;
//   - a statement that only reads, and has not run for long, is run again elsewhere;
//   - all other statements are given up as those of a backend that has closed the connection, once the backend has been down, and
//     its MySQL port silent, for drain.hang_timeout. A slow statement on a backend that lives is never given up.

var errHung = errors.New("backend is down and does not answer")

// lostBy says by what a backend was lost, for an error text.
func lostBy(err error) string {
	if errors.Is(err, errHung) || errors.Is(err, syscall.ETIMEDOUT) || errors.Is(err, syscall.EHOSTUNREACH) {
		return "stopped answering"
	}
	return "closed the connection"
}

// lost follows the loss of the backend, which has closed the connection or is given up.
func (s *session) lost(err error) {
	if s.end == Open && s.track.Denied() { // it is the client's own doing: there is no session that could go on
		s.endNow(Refused, errDenied, nil)
		return
	}
	if d, ok := s.errand.(*departure); ok {
		d.backendLost(err)
		return
	}
	s.judgeElsewhere()
	f := facts{s}.lost()
	action := plan.Lost(&f)
	if !f.Quit && !f.Over && !f.Condemned && !f.TooIdle {
		s.w.server.doubt.Store(s.w.now() + int64(doubtFor))
		s.w.server.evidence(s.backend(), err)
	}
	if e, ok := s.errand.(*election); ok && action.Flees() {
		e.backendLost(err)
		return
	}
	k, kills := s.errand.(*killing)
	if s.errand != nil && (action.Flees() || action >= plan.GoneUnread) {
		s.dropErrand()
	}
	switch action {
	case plan.Finish, plan.FinishQuit:
		if action == plan.FinishQuit {
			s.endAs(ClientQuit, nil)
		}
		if s.back.close(); s.end == ClientGone || s.client.PeerClosed() {
			s.finish()
		} else {
			s.farewell(nil)
		}
	case plan.FinishKilled:
		s.endKilled()
	case plan.Flee, plan.FleeLater, plan.FleeAgain, plan.FleeUnknown, plan.FleeMidAnswer:
		if kills {
			k.outlive()
		}
		if s.state == Closed { // the client had gone, too
			return
		}
		s.flee(action, err)
		s.client.again()
	default:
		s.gone(action, err)
	}
}

// lost gathers what plan.Lost goes by.
func (s facts) lost() plan.LostFacts {
	f := plan.LostFacts{
		Ties: s.ties(), Quit: s.track.Quit(), Over: s.end != Open, Pinned: s.state == Pinned, Outstanding: s.track.Outstanding(),
		Answered: s.track.Answered(), Endable: s.track.Endable(), Waiting: s.awaitsAnswer(), Failed: s.track.Failed(),
		ByToken: s.who.tokenless(s.w.server.options()), TooIdle: s.back.tooIdle, Idle: s.idleFor(), Limit: s.waitTimeout(),
	}
	if f.Outstanding == 1 && f.Rebuildable() && !s.track.Asking() && !s.track.Ran() {
		look, known := s.running()
		f.RunAgain = known && (s.back.tooIdle && look.Sole || s.mayRunAgain(&look))
	}
	return f
}

// flee begins to move from a backend that has gone, and settles what the client is to hear of it.
func (s *session) flee(action plan.LostAction, err error) {
	by, err := lostBy(err), plain(err)
	s.dropErrand() // a KILL on the connection that has gone
	s.notice.leaveQueue()
	d := &departure{lost: true, loss: err}
	switch action {
	case plan.FleeAgain:
		s.abandon(counts.Again)
		s.stmt.takeBack(nil)
		s.stmt.electing = false
	default:
		if !s.stmt.again() { // as behind an election: it has run nowhere
			s.stmt.release(s.w) // nor must it be taken for the next one
			s.stmt.electing = false
		}
	}
	s.judgeElsewhere()
	dropped, more := s.track.Dropped()
	text := "backend " + s.backendName() + " " + by
	if dropped != "" {
		text += ": the session has gone on elsewhere, without its " + dropped
	}
	switch action {
	case plan.FleeMidAnswer, plan.FleeUnknown: // the client gets an ERR_Packet in place of what the backend owed of an answer
		when := " while the statement ran; its outcome is unknown"
		if action == plan.FleeMidAnswer {
			when = " in the middle of the answer"
		}
		d.told, d.warned = true, true
		s.seen(ledger.LostStatement, err)
		packet, _ := wire.AppendPacket(nil, s.track.NextSeq(), clientError(text+when).Append(nil))
		s.abandon(counts.Lost)
		s.stmt.forget(s.w)
		s.client.deliver(packet, false)
	default:
		if dropped != "" {
			s.owed = &owed{due: nextCommand, reply: clientError(text), more: more, backend: s.backendName(), cause: err}
			d.told = true
		}
	}
	if s.state == Closed { // the client had gone, too
		return
	}
	s.back.close()
	if action == plan.FleeLater {
		s.detach(d)
		return
	}
	d.start(s)
}

// gone ends a session whose backend has gone.
func (s *session) gone(action plan.LostAction, err error) {
	by := lostBy(err)
	s.endAs(BackendGone, plain(err))
	var e *wire.Err
	kind := ledger.LostIdle
	switch action {
	case plan.GoneUnread:
		kind = ledger.LostUnread
	case plan.GoneStatement:
		kind = ledger.LostStatement
		if !s.track.Answered() {
			e = clientError("backend " + s.backendName() + " " + by + " while the statement ran; its outcome is unknown")
		}
	case plan.GoneUnsent:
		kind = ledger.LostUnsent
		e = clientError("the statement was not sent: backend " + s.backendName() + " " + by + ", and Segue cannot log in for this user")
	case plan.GoneInDebt:
		kind = ledger.LostTransaction
	default:
	}
	if action != plan.GoneAnswered {
		s.seen(kind, s.cause)
	}
	s.farewell(e)
}

// ties gathers what keeps the session where it is.
func (s *session) ties() plan.Ties {
	o := s.w.server.options()
	s.who.become(s.track.User())
	return plan.Ties{
		Commanding: s.commanding(), Credential: s.hasCredential(), Tokens: o.Flavor == backend.TiDB, Stuck: s.notice.stuck(o),
		Opaque: s.track.Opaque() != 0, Denied: s.track.Denied(), MidCommand: s.track.MidCommand(), Condemned: s.beingKilled(),
	}
}

// needsOld reports whether the session cannot be rebuilt without asking its backend.
func (s *session) needsOld() bool {
	return !s.hasCredential() || s.track.Asking() || s.unjudged() || slices.ContainsFunc(s.track.Unresolved(), func(x string) bool { return x != "LAST_INSERT_ID()" })
}

// elsewhere reports whether another backend than from takes sessions.
func (s *Server) elsewhere(from *backend.Backend) bool {
	return slices.ContainsFunc(s.registry.Backends(), func(b *backend.Backend) bool { return b != from && takes(b) })
}

// takes reports whether a session that has a backend may come to b.
func takes(b *backend.Backend) bool {
	st := b.Status()
	return st.Health == backend.Up && st.Admin == backend.Ready && !st.Removed
}

// mute reports whether a backend is down and has said nothing since.
func mute(b *backend.Backend) bool {
	st := b.Status()
	return st.Health == backend.Down && !b.LastSpoke().After(st.Since)
}

// hung reports whether a backend that stands so and has spoken last at that moment is given up, after so long.
func hung(st backend.Status, spoke time.Time, after time.Duration, now time.Time) bool {
	last := st.Since
	if spoke.After(last) {
		last = spoke
	}
	return st.Health == backend.Down && now.Sub(last) >= after
}

// hung reports whether a backend is given up, there being another one.
func (s *Server) hung(b *backend.Backend) bool {
	return s.elsewhere(b) && hung(b.Status(), b.LastSpoke(), s.options().hangTimeout(), time.Now())
}

// hangEvery is how often the sessions that are left on a backend that is down are looked at.
const hangEvery = 250 * time.Millisecond

// forsaken reports whether the answer that the client waits for is to be given up.
func (s *session) forsaken() bool {
	b, o := s.backend(), s.w.server.options()
	awaits := s.state != Opaque && (s.track.Outstanding() > 0 || s.track.OwnOutstanding() && s.stmt.waits())
	if !awaits || b.Status().Health != backend.Down {
		return false
	}
	if s.w.server.hung(b) {
		return true
	}
	young := s.w.now()-s.since < int64(o.hangTimeout())
	if !young || !mute(b) || !s.w.server.elsewhere(b) || !s.ties().Rebuildable() || s.needsOld() {
		return false
	}
	look, known := s.running()
	return known && (look.ReadOnly || harmless(look.Command) || s.track.Settles(s.stmt.text)) && s.stmt.mayRetry(&s.w.server.options().Replay, s.w.now(), s.since)
}

// hurry makes what waits for b, which has turned out to be down, fail now rather than at its timeout, or be given up.
func (s *session) hurry(b *backend.Backend) {
	c, connects := s.errand.(*connecting)
	switch {
	case connects:
		c.hurry(b)
		return
	case s.end != Open, !s.commanding(), s.backend() != b:
		return
	}
	switch e := s.errand.(type) {
	case nil:
		if s.forsaken() {
			s.lost(errHung)
		} else if s.state == Idle {
			s.stand()
		}
	case *inquiry:
		if s.stmt.waits() && s.w.server.hung(b) {
			e.spoil(errHung)
		}
	case *departure:
		e.hurry()
	}
}
