package admin

import (
	"context"
	"time"

	"segue/cmd/internal/admin/history"
	proxy "segue/proxy"
	"segue/proxy/ledger"
)

// Tallies are what is had without asking each session; proxy.Server has them.
type Tallies interface {
	Count() int
	FailurePlaces() map[ledger.Place]uint64
	Trips() map[proxy.Trip]uint64
}

// Traffic is what a backend has answered since the start.
type Traffic struct {
	Statements uint64
	Errors     uint64 // of Statements, those whose answer was an error
	Times      history.Times
}

// recordEvery is how often Record takes a look.
const recordEvery = time.Second

// Record fills History until ctx is done: once a second, and whenever a backend has changed. It begins with what a Segue knows that this one has taken
// over from.
func (h *Handler) Record(ctx context.Context) {
	h.inherit(ctx)
	ticker := time.NewTicker(recordEvery)
	defer ticker.Stop()
	for {
		changed := h.Registry.Changed() // before the look, so that nothing is missed
		h.History.States(time.Now(), h.readings(nil))
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case now := <-ticker.C:
			others := h.lookAtOthers(ctx)
			look := h.look()
			look.Others = others
			h.History.Observe(now, look)
		}
	}
}

// look is how all is now.
func (h *Handler) look() history.Look {
	look := history.Look{Failures: map[history.Failing]uint64{}, Moves: map[history.Moving]uint64{}}
	var traffic map[string]Traffic
	if h.Traffic != nil {
		traffic = h.Traffic()
	}
	look.Backends = h.readings(traffic)
	if h.Tallies == nil {
		return look
	}
	look.Sessions = h.Tallies.Count()
	for at, n := range h.Tallies.FailurePlaces() {
		look.Failures[history.Failing{Backend: at.Backend, Kind: string(at.Kind), Action: string(at.Action)}] = n
	}
	for trip, n := range h.Tallies.Trips() {
		look.Moves[history.Moving(trip)] = n
	}
	return look
}

// readings are the backends as they are now.
func (h *Handler) readings(traffic map[string]Traffic) []history.Reading {
	var list []history.Reading
	for _, b := range h.Registry.Backends() {
		s, t := describe(b), traffic[b.Name()]
		list = append(list, history.Reading{
			Name: s.Name, Address: s.Address, State: stateOf(s), Sessions: s.Sessions, Statements: t.Statements, Errors: t.Errors, Times: t.Times,
		})
	}
	return list
}

func stateOf(b Backend) history.State {
	return history.State{Health: b.Health.String(), Admin: b.Admin.String(), Cause: b.Cause}
}
