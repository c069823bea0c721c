package proxy

import (
	"context"
	"slices"
	"time"
)

// After a takeover two Segues have sessions of the same clients, and a KILL that one is told may be meant for a session of the other's. It is sent to
// the session's backend by whoever has been told it, with the killer's own rights; the session must know of it beforehand, so that it ends and does not move.

// Victim is a session that a KILL may be meant for, as one Segue tells another.
type Victim struct {
	At      string `json:"at,omitempty"`      // whose it is: where that Segue answers
	ID      uint32 `json:"id"`                // that its client sees
	Visible bool   `json:"visible,omitempty"` // and that has been asked for
	Current bool   `json:"current,omitempty"` // the id is that of its present backend connection
	Backend string `json:"backend"`
	Thread  uint32 `json:"thread"` // its id there
	User    string `json:"user"`
}

// Elsewhere is the Segues that this one has taken over from. All but Others may take a second.
type Elsewhere interface {
	// Others is how many there may be.
	Others() int
	// Victims are the sessions there that a KILL of id may be meant for.
	Victims(ctx context.Context, id uint32) []Victim
	// Aim tells one that a KILL is about to be sent, and returns where it stands; false: nowhere.
	Aim(ctx context.Context, v Victim, query bool) (Victim, bool)
	// Settle tells it what has come of that.
	Settle(ctx context.Context, v Victim, query bool, o Outcome)
}

// farTimeout is how long one question to another Segue may take.
const farTimeout = 2 * time.Second

// askElsewhere completes a search by the sessions of other Segues. It runs in a goroutine of its own.
func (s *Server) askElsewhere(f *finding) {
	ctx, cancel := context.WithTimeout(s.lookups, farTimeout)
	defer cancel()
	others := f.others
	for _, v := range s.Elsewhere.Victims(ctx, f.short) {
		c := candidate{far: &v, current: v.Current, here: f.own != nil && v.Backend == f.own.Name(), same: v.User == f.user}
		switch {
		case !v.Visible:
			others = append(others, c)
		case f.visible == nil && f.ID == uint64(f.short):
			f.visible = &c
		}
	}
	f.s.post(func() { f.found(f.visible, others) })
}

// aimFar tells a session of another Segue's that the KILL is meant for it. It runs in a goroutine of its own.
func (s *Server) aimFar(k *killing, v Victim) {
	ctx, cancel := context.WithTimeout(s.lookups, farTimeout)
	defer cancel()
	at, stands := s.Elsewhere.Aim(ctx, v, k.Query)
	at.At = v.At
	b, known := s.registry.Lookup(at.Backend)
	var t *target
	switch {
	case stands && known:
		t = &target{far: &at, id: at.ID, backend: b, thread: at.Thread, user: at.User}
	case stands: // on a backend that this Segue has not
		s.Elsewhere.Settle(ctx, v, k.Query, RefusedKill)
	}
	k.s.post(func() { k.aimed(t) })
}

// settleFar tells it what has come of that.
func (s *Server) settleFar(v Victim, query bool, o Outcome) {
	s.errands.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.lookups), farTimeout)
		defer cancel()
		s.Elsewhere.Settle(ctx, v, query, o)
	})
}

// Victims are the sessions of this Segue that a KILL of id, which another has been told, may be meant for.
func (s *Server) Victims(id uint32) []Victim {
	list := []Victim{}
	s.ask(func(w *worker) {
		for _, c := range w.all {
			if found, current := c.past.threads.has(id); (found || c.id == id) && c.killable() {
				list = append(list, Victim{ID: c.id, Visible: c.id == id, Current: current, Backend: c.backendName(), Thread: c.past.threads.current(), User: c.track.User()})
			}
		}
	})
	return list
}

// farKill is a KILL that another Segue has been told.
type farKill struct {
	query bool
	told  chan *target // has room for one
}

func (k *farKill) isQuery() bool    { return k.query }
func (*farKill) isBy(*session) bool { return false }
func (k *farKill) tell(t *target)   { k.told <- t }

// Aim tells a session, by the id that its client sees, that another Segue is about to send a KILL for it, and returns where it stands; false:
// nowhere, or not before ctx is done.
func (s *Server) Aim(ctx context.Context, id uint32, query bool) (v Victim, stands bool) {
	k := &farKill{query, make(chan *target, 1)}
	s.ask(func(w *worker) {
		if c := w.session(id); c != nil && c.killable() {
			c.killState().aim(k)
		}
	})
	select {
	case t := <-k.told:
		if t != nil && t.backend != nil {
			return Victim{ID: id, Backend: t.backend.Name(), Thread: t.thread, User: t.user}, true
		}
	case <-ctx.Done():
		s.ask(func(w *worker) {
			if c := w.session(id); c != nil && c.kills != nil {
				c.kills.asking = slices.DeleteFunc(c.kills.asking, func(other killer) bool { return other == killer(k) })
			}
		})
	}
	return v, false
}

// Settle tells it what has come of that.
func (s *Server) Settle(id uint32, query bool, o Outcome) {
	s.ask(func(w *worker) {
		if c := w.session(id); c != nil && c.kills != nil && (query || c.kills.pending > 0) {
			c.kills.settle(query, o)
		}
	})
}
