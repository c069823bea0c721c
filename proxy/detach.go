package proxy

import (
	"strconv"
	"time"

	"segue/backend/client"
	"segue/backend/wire"
)

// A server ends a session that has been idle for too long (wait_timeout), so that connections that nobody uses any more, pools leak them, go away. Segue
// keeps the client, whose user may yet want it, and goes on for it with its next command; until then no backend has a connection of it.
//
// Where a server has not said that this is why it has closed the connection, the time tells. Should it have gone just then for another reason, a session that is
// not on it has lost nothing. A move, or a question of Segue's own, has the server count anew: so Segue counts from the client's last word, and leaves
// the server itself when the time has come.

// detached is the errand of a session that stands on no backend until its client's next command.
type detached struct {
	s  *session
	to *departure // how it will go on
}

// detach leaves the session on no backend; its connection is closed.
func (s *session) detach(d *departure) {
	w := s.w
	s.errand = &detached{s, d}
	s.notice.leaveQueue()
	s.notice.intent, s.notice.shift = nil, nil
	s.due.clear(alarmLinger)
	s.due.clear(alarmBoundary)
	s.enter(Detached)
	w.detached(s, s.backend())
	s.back.release()
	s.kills.standsNow()
	if w.closing != nil {
		s.endNow(w.closing.end, w.closing.cause, nil)
	}
}

// ring goes on.
func (d *detached) ring() {
	d.abort()
	d.s.errand = nil
	d.to.rested = true
	d.to.start(d.s)
	d.s.client.again()
}

// abort implements errand.
func (d *detached) abort() { d.s.due.clear(alarmErrand) }

// endDetached ends those that stand on no backend, as Segue stops.
func (w *worker) endDetached(d *drain) {
	for _, s := range append([]*session(nil), w.all...) {
		if s.state == Detached {
			s.endNow(d.end, d.cause, nil)
		}
	}
}

// useUnseen notes that Segue is about to use the session's backend itself, or another one, while the client says nothing.
func (s *session) useUnseen() {
	if s.unused == 0 && s.state == Idle {
		s.unused = max(s.since, 1)
	}
}

// idleFor is for how long the client has said nothing.
func (s *session) idleFor() time.Duration {
	since := s.since
	if s.unused != 0 {
		since = s.unused
	}
	return time.Duration(s.w.now() - since)
}

// waitTimeout is for how long the session's server lets it be idle, as far as is known.
func (s *session) waitTimeout() time.Duration {
	if limit := s.track.WaitTimeout(); limit > 0 {
		return limit
	}
	return time.Duration(s.limit) * time.Second
}

// detachBy has the session leave its backend once its client has said nothing for so long; 0: that is left to the server.
func (s *session) detachBy(limit time.Duration) {
	if limit > 0 {
		s.limit = uint32(limit / time.Second)
	}
	if s.due.clear(alarmUnused); limit > 0 && s.unused != 0 {
		s.by(alarmUnused, s.unused+int64(limit))
	}
}

// detachUnused does so, unless the client has spoken since, or the session could not be rebuilt: then its server, which has counted anew, may end it.
func (s *session) detachUnused() {
	if s.end != Open || s.unused == 0 || s.state != Idle || s.errand != nil || s.client.waits() || !s.hasCredential() || s.who.tokenless(s.w.server.options()) || len(s.track.Unresolved()) > 0 || s.track.Unjudged() || s.track.Suspect() || s.track.Fired() {
		return
	}
	s.back.quit()
	s.detach(&departure{lost: true, loss: errTooIdle})
}

// askWaitTimeout has the session's limit be asked for, behind what rebuilds it.
func (r *replay) askWaitTimeout(ext uint32) {
	r.limit = &client.Table{Ext: ext}
	ask := select1(r.limit, "SELECT @@wait_timeout LIMIT 1")
	ask.Lenient = true
	last := len(r.turns) - 1
	if r.bag.states == "" {
		last-- // the one that is not only a check
	}
	turn := r.turns[last]
	r.turns[last] = func(status wire.Status) ([]client.Command, error) {
		list, err := turn(status)
		return append(list, ask), err
	}
}

// waitTimeout is the answer, 0 if there is none.
func (r *replay) waitTimeout() time.Duration {
	if r.limit == nil || len(r.limit.Rows) != 1 || len(r.limit.Rows[0]) != 1 {
		return 0
	}
	n, err := strconv.ParseUint(string(r.limit.Rows[0][0]), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
