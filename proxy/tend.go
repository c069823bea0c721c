package proxy

import (
	"context"
	"errors"
	"time"

	"segue/proxy/balance"
)

// tend keeps the backends in balance and the log up to date, ends pauses, and lets some through a gate that is shut, until ctx is done.
func (s *Server) tend(ctx context.Context) {
	var r rounds
	ticker := time.NewTicker(tendEvery)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			r.round(s, now)
		case <-ctx.Done():
			return
		}
	}
}

// rounds is what is remembered from one look at it all to the next.
type rounds struct {
	crowded   fulls
	forgotten time.Time // when accounts were forgotten last
	evening   evening
}

// round is one look at it all.
func (r *rounds) round(s *Server, now time.Time) {
	s.guarded("hold", s.hold)
	s.guarded("balance", func() { s.balance(now) })
	s.guarded("even out", func() { r.evening.look(s, now) })
	s.guarded("tell silence", s.tellSilence)
	s.guarded("tell full", func() { s.tellFull(&r.crowded) })
	s.guarded("tell", func() { s.ledger.Tell(now, false) })
	if now.Sub(r.forgotten) >= searchEvery {
		r.forgotten = now
		s.guarded("forget accounts", func() { s.accounts.Forget(now) })
	}
}

// hold ends a pause whose time is over, and lets somebody see whether it is the probing that is broken.
func (s *Server) hold() {
	now := s.elapsed()
	if until := s.pausedUntil.Load(); until != 0 && now >= until && s.resume(now) {
		s.log.Warn("resumed by itself: the pause had lasted for as long as it was meant to at most")
	}
	s.shutGate() // a backend that was full may be tried again
	if !s.paused.Load() {
		s.gate.Try()
	}
}

// balance moves some sessions, if there is reason to.
func (s *Server) balance(now time.Time) {
	s.ask(func(w *worker) {
		kept := w.told[:0]
		for _, c := range w.told {
			switch {
			case c.owner.Load() != w: // it has crossed since, and was not to leave any more
			case c.notice.shift != nil && c.notice.ahead() != nil: // it is about to
				kept = append(kept, c)
			default:
				c.notice.shift = nil // it counts as one of the backend that it is on
			}
		}
		clear(w.told[len(kept):])
		w.told = kept
	})
	s.plans.Options = s.options().Balance
	for _, shift := range s.plans.Plan(s.loads(now), now) {
		s.ask(func(w *worker) {
			f := w.folds[shift.From]
			if f == nil {
				return
			}
			for _, c := range f.sessions {
				if shift.Sessions > 0 && c.shiftTo(shift.To) {
					shift.Sessions--
					w.told = append(w.told, c)
				}
			}
		})
	}
}

// loads is what there is to be balanced. That some sessions cannot move shows when they are told to.
func (s *Server) loads(now time.Time) []balance.Load {
	backends := s.registry.Backends()
	loads := make([]balance.Load, 0, len(backends))
	for _, b := range backends {
		l := balance.LoadOf(b, b.Status(), now)
		l.Away = s.registry.Away(b)
		loads = append(loads, l)
	}
	return loads
}

// silentAfter is how long a client must have waited for a backend to be worth a doubt.
const silentAfter = int64(tendEvery) * 4 / 5

var errSilence = errors.New("clients wait, and nobody is answered")

// tellSilence tells of the backends without a health URL for which clients wait and which have answered nobody meanwhile: a hang shows
// nowhere else.
func (s *Server) tellSilence() {
	for _, b := range s.registry.Backends() {
		if s.OnSilence == nil || b.Status().HealthURL != "" || b.Sessions() == 0 {
			continue
		}
		answers, waits := false, false
		s.ask(func(w *worker) {
			if f := w.folds[b]; f != nil && !answers {
				answer, wait := f.silence(w.now())
				answers, waits = answer, waits || wait
			}
		})
		if waits && !answers {
			s.OnSilence(b, errSilence)
		}
	}
}

// silence reports whether somebody has just been answered, and whether somebody waits. It goes by the sessions' states alone, which cost nothing to read.
func (f *fold) silence(now int64) (answers, waits bool) {
	for _, s := range f.sessions {
		age := now - s.since
		switch s.state {
		case Dialing, Busy:
			waits = waits || age >= silentAfter
		case Idle, Pinned, Authenticating:
			if age < silentAfter {
				return true, waits
			}
		default:
		}
	}
	return false, waits
}
