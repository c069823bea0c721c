// Package balance says which sessions should move so that each backend has its fair share of them: when one is up again its sessions come back to
// it, slowly, and later each time if it comes and goes. It has no clock and moves nothing itself.
package balance

import (
	"time"

	"segue/backend"
)

// Options say how sessions come back to a backend that is up again. The zero value of each field means its default.
type Options struct {
	// Rate is how many sessions are moved per second, in the whole server. Negative: none.
	Rate float64
	// Threshold is how far from its fair share a backend must be before sessions move: 0.2 is a fifth above it, or below. Once they
	// do, they move until the fair shares are reached. A difference of one session never counts.
	Threshold float64
	// Settle is how long a backend must have been up before sessions are moved to it. Each time that it went away in the last ten
	// minutes doubles it, up to five minutes. Negative: none.
	Settle time.Duration
}

// The defaults of Options.
const (
	DefaultRate      = 10
	DefaultThreshold = 0.2
	DefaultSettle    = 5 * time.Second
)

func (o Options) rate() float64 {
	if o.Rate == 0 {
		return DefaultRate
	}
	return o.Rate
}

func (o Options) threshold() float64 {
	if o.Threshold <= 0 {
		return DefaultThreshold
	}
	return o.Threshold
}

// Load is what the planner knows of one backend. A session that has been told to move but has not yet counts as one of the backend that it
// goes to; otherwise the next plan would send another one after it.
type Load struct {
	Backend  *backend.Backend
	Weight   float64 // without the slow-start ramp
	Sessions int
	Movable  int // those of Sessions that nothing pins and that can be logged in elsewhere
	UpFor    time.Duration
	Usable   bool // up and ready, and not full
	Gone     bool // down or stopping
	Away     bool // sessions are here only because no backend that is preferred took them: those that do are to have them all
}

// LoadOf is the load of a backend that stands so. That some of its sessions cannot move shows when they are told to.
func LoadOf(b *backend.Backend, st backend.Status, now time.Time) Load {
	return Load{
		Backend: b, Weight: float64(st.Weight), Sessions: st.Sessions, Movable: st.Sessions, UpFor: now.Sub(st.Since),
		Usable: st.Health == backend.Up && st.Admin == backend.Ready && st.Full == "",
		Gone:   st.Health == backend.Down || st.Health == backend.Stopping,
	}
}

// Shift is a number of sessions to be moved from one backend to another.
type Shift struct {
	From, To *backend.Backend
	Sessions int
}
