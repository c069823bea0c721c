package proxy

import (
	"context"
	"time"

	"segue/backend"
)

// tendEvery is how often tend looks at the sessions.
const tendEvery = 250 * time.Millisecond

// pingAfter is how long a pinned session on a leaving FE may be silent before Segue says COM_PING for it: well within the
// second after which the FE would close it, and its transaction with it.
const pingAfter = 400 * time.Millisecond

// tend keeps pinned sessions alive, notices silence, looks after those that hold, and keeps the backends in balance and the log up to date, until
// ctx is done.
func (s *Server) tend(ctx context.Context) {
	var b balancer
	var searched time.Time
	ticker := time.NewTicker(tendEvery)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			s.guarded("keep alive", s.keepAlive)
			s.guarded("tell silence", s.tellSilence)
			s.guarded("hold", s.hold)
			s.guarded("inquire", s.inquire)
			s.guarded("doze", func() { s.doze(now) })
			s.guarded("balance", func() { b.balance(s, now) })
			s.guarded("tell", func() { s.ledger.tell(now, false) })
			if now.Sub(searched) >= searchEvery {
				searched = now
				s.guarded("search", func() { s.search(goneAfter) })
			}
		case <-ctx.Done():
			return
		}
	}
}

// keepAlive speaks for pinned sessions that wait for their clients on a StarRocks FE that is leaving: it closes whatever
// has been idle for a second, open transactions included, and counts COM_PING as a command (ConnectContext.isIdleLastFor).
func (s *Server) keepAlive() {
	if s.options().Flavor != backend.StarRocks {
		return
	}
	views, _ := s.views(func(b *backend.Backend) bool { return b.Status().Health == backend.Stopping })
	now := s.elapsed()
	for _, v := range views {
		for _, c := range v.sessions {
			c.ping(now, pingAfter)
		}
	}
}

// balancer carries out what a rebalancer plans.
type balancer struct {
	plans rebalancer
	told  []*session // to move by the last plan
}

// balance moves some sessions, if there is reason to.
func (b *balancer) balance(s *Server, now time.Time) {
	for _, c := range b.told {
		c.stayAfterAll() // it counts as one of the backend that it is on
	}
	clear(b.told)
	b.told = b.told[:0]
	b.plans.options = s.options().Rebalance
	for _, shift := range b.plans.plan(s.loads(&b.plans, now), now) {
		views, _ := s.views(func(on *backend.Backend) bool { return on == shift.from })
		for _, v := range views {
			for _, c := range v.sessions {
				if shift.n > 0 && c.shiftTo(shift.to) {
					shift.n--
					b.told = append(b.told, c)
				}
			}
		}
	}
}

// loads is what there is to be balanced. That some sessions cannot move shows when they are told to.
func (s *Server) loads(r *rebalancer, now time.Time) []load {
	backends := s.registry.Backends()
	loads := make([]load, 0, len(backends))
	for _, b := range backends {
		st := b.Status()
		if st.Health == backend.Down || st.Health == backend.Stopping {
			r.flapped(b, now)
		}
		loads = append(loads, load{
			backend: b, weight: float64(st.Weight), sessions: st.Sessions, movable: st.Sessions, upFor: now.Sub(st.Since),
			usable: st.Health == backend.Up && st.Admin == backend.Ready,
		})
	}
	return loads
}
