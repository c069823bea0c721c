package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"segue/backend"
	"segue/backend/wire"
	"segue/proxy/ledger"
)

// leaveGate makes room for others, or gives up the place.
func (d *departure) leaveGate() {
	g := d.s.w.server.gate
	if p := d.pass; p != nil {
		d.pass = nil
		g.GiveUp(p)
		d.slot = d.slot || p.Passed()
	}
	if d.slot {
		d.slot = false
		g.Leave()
	}
	if d.swaps {
		d.swaps = false
		d.s.w.server.swaps.Leave()
	}
}

// abort implements errand: the session is over.
func (d *departure) abort() {
	if d.asks != nil {
		d.asks.drop()
		d.asks = nil
	}
	d.end()
}

// end gives back what it holds.
func (d *departure) end() {
	if d.call != nil {
		d.call.hangUp()
		d.call = nil
	}
	if d.lease != nil {
		d.lease.Release() // and no word against the backend: it was cut off
		d.lease = nil
	}
	d.leaveGate()
	if d.isAhead() {
		d.s.due.clear(alarmAhead)
	} else {
		d.s.due.clear(alarmErrand)
	}
}

// finish is the end of a departure, whatever has come of it.
func (d *departure) finish() {
	d.end()
	if d.isAhead() {
		d.s.notice.tries.ahead = nil
	} else {
		d.s.errand = nil
	}
}

// arrive puts the new backend in the place of the old one, which is left at once: an FE that is leaving exits when its last session
// has gone.
func (d *departure) arrive(status wire.Status) {
	s, w := d.s, d.s.w
	old, c, lease := s.back, d.call, d.lease
	w.server.moved(d, old.backend, lease.Backend())
	options := trackOptions(c.said, c.greeting, w.server.options().Flavor)
	options.Database = d.bag.Database
	s.catalogue(&options, lease.Backend())
	warned := d.warned || s.track.Recent()
	s.past.threads.become(c.link.thread)
	s.who.masked = c.cred.As() != ""
	s.track.Moved(options, status, d.replay.ids())
	s.back, d.call, d.lease = c.link, nil, nil // up to here a panic leaves nothing of them behind
	s.back.user, s.back.lease = s, lease
	s.stands()
	d.finish()
	s.track.Miss(warned)
	s.notice.tries = nil
	s.past.threads.moves++
	if i := s.notice.intent; i != nil && i.end == Drained {
		s.notice.intent = nil
	}
	w.detached(s, old.backend)
	old.quit()
	old.release()
	lease.Established()
	w.attached(s, lease.Backend())
	s.follow()
	if len(d.unlike) > 0 {
		d.changed(old.backend)
	}
	if d.views.mayDoMore() {
		s.refuseView(d.loss)
	} else {
		s.sendAgain()
	}
	w.joined(s, lease.Backend())
	s.kills.standsNow()
	s.client.again()
	s.detachBy(d.replay.waitTimeout())
	s.stand() // Segue may have been told to stop meanwhile
}

// stays follows a move that came to nothing while the old backend still serves.
func (d *departure) stays(err error) {
	s := d.s
	waits := !d.isAhead()
	d.finish()
	s.w.server.notMoved(s, err)
	try := s.notice.tried()
	try.retry = s.w.now() + int64(movePause/2+s.w.upTo(movePause))
	if held := new(heldBackError); errors.As(err, &held) {
		try.retry = max(try.retry, s.w.now()+int64(min(time.Until(held.until), mostHeldBack)))
	}
	var ended *endError
	if errors.As(err, &ended) && ended.end == Refused && !errors.As(err, new(*untriedError)) {
		try.stuckBy = s.w.server.options() // it ends like those without a credential
	}
	try.unlike = d.unlike
	if !waits {
		s.notice.leavePlace()
		s.after(alarmBoundary, 0)
		return
	}
	s.follow()
	if s.stmt.again() {
		s.refuseAgain()
	}
	s.kills.standsNow()
	s.client.again()
	if s.state == Idle || s.state == Pinned {
		s.stand()
	}
}

// strand ends a session that has lost its backend and found no other.
func (d *departure) strand(err error) {
	s := d.s
	s.w.server.notMoved(s, err)
	s.endAs(MoveFailed, fmt.Errorf("%s: %s; %w", s.backendName(), lostBy(d.loss), err))
	kind := ledger.LostIdle
	var e *wire.Err
	switch {
	case s.stmt.again():
		kind = ledger.LostStatement
		if e = s.stmt.refusal; e == nil {
			e = clientError("the statement, which only reads, was cut off: " + s.cause.Error())
		}
	case s.awaitsAnswer():
		kind = ledger.LostUnsent
		e = clientError("the statement was not sent: " + s.cause.Error())
	case s.owed.is(nextCommand):
		kind = ledger.LostTransaction
	}
	s.owed = nil // it is paid with the connection
	s.seen(kind, s.cause)
	d.finish()
	s.farewell(e)
}

// moved counts and logs a move.
func (s *Server) moved(d *departure, from, to *backend.Backend) {
	c := d.s
	took := time.Duration(c.w.now() - d.began)
	s.metrics.moves.WithLabelValues(from.Name(), to.Name(), "ok").Inc()
	s.metrics.moveTime.Observe(took.Seconds())
	s.log.Debug("session moved", "session", c.id, "from", from.Name(), "to", to.Name(), "lost", d.lost, "took", took)
	action := ledger.Moved
	if c.stmt.again() {
		action = ledger.Replayed
	}
	cause, leaving := from.Leaving()
	switch {
	case d.told:
	case d.lost:
		c.hidden(ledger.SetupClosed, action, from.Name(), d.loss)
	case c.stmt.refusal != nil:
		c.hidden(ledger.Leaving, action, from.Name(), c.stmt.refusal)
	case leaving:
		c.hidden(ledger.Leaving, action, from.Name(), errors.New(cause))
	}
}

// notMoved counts and logs a move that failed.
func (s *Server) notMoved(c *session, err error) {
	s.metrics.moves.WithLabelValues(c.backendName(), "", "failed").Inc()
	held := errors.As(err, new(*heldBackError)) // the first one that was refused has been told
	level, untold, due := slog.LevelWarn, 0, false
	if !held {
		untold, due = s.complaints.due(time.Now(), c.backendName(), err.Error())
	}
	if !due {
		level = slog.LevelDebug
	}
	about := []any{"session", c.id, "client", c.client.address(), "from", c.backendName(), "cause", err}
	if untold > 0 {
		about = append(about, "untold", untold)
	}
	s.log.Log(context.Background(), level, "session could not be moved", about...)
}
