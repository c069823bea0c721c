package admin

import (
	"time"

	"segue/backend"
	"segue/proxy"
)

// Status is Segue as a whole.
type Status struct {
	Version  string         `json:"version"`
	Flavor   backend.Flavor `json:"flavor"`
	Listen   string         `json:"listen"` // the address bound
	Started  time.Time      `json:"started"`
	State    State          `json:"state"`
	Ready    bool           `json:"ready"` // as /readyz
	Backends Tally          `json:"backends"`
	Sessions int            `json:"sessions"`
	Paused   *proxy.Pause   `json:"paused,omitempty"` // statements are held on purpose
	// MaxSessions is how many there may be: limits.sessions, or what file descriptors are enough for.
	MaxSessions int `json:"max_sessions"`
	// Failures are the counts of /api/v1/failures.
	Failures []proxy.FailureCount `json:"failures"`
	Config   Reload               `json:"config"`
}

// State is what Segue is doing.
type State string

// The states of Status.
const (
	Serving  State = "serving"
	Draining State = "draining" // takes no more clients; ends when its sessions have
)

// Tally counts backends.
type Tally struct {
	Total  int `json:"total"`
	Usable int `json:"usable"` // up and ready
}

// Reload is where the configuration came from and how its last load went.
type Reload struct {
	Path       string    `json:"path"`       // empty: flags and variables only
	Successful bool      `json:"successful"` // of the last load; if false, the configuration before it is in force
	Loaded     time.Time `json:"loaded"`     // of the configuration in force
	Problems   []string  `json:"problems"`   // of the last load
}

// Backend is one backend as the registry sees it.
type Backend struct {
	Name     string         `json:"name"`
	Address  string         `json:"address"`
	Health   backend.Health `json:"health"`
	Admin    backend.Admin  `json:"admin"`
	Sessions int            `json:"sessions"`
	Weight   int            `json:"weight"`
	Cause    string         `json:"cause"`
	Since    time.Time      `json:"since"` // of Health and Admin
}

// Usable tells whether the backend takes new sessions.
func (b Backend) Usable() bool { return b.Health == backend.Up && b.Admin == backend.Ready }

// Event is one change. A stream begins with every backend as it is, so that a
// reader needs nothing else; then each change of a backend's health or admin
// state, its coming and its going is one event. Changes that follow each other
// closely may arrive as one: what counts is the last state.
type Event struct {
	Backend
	Removed bool `json:"removed,omitempty"` // it has left the configuration; the last event of that name
}

func describe(b *backend.Backend) Backend {
	s := b.Status()
	return Backend{
		Name: s.Name, Address: s.Address, Health: s.Health, Admin: s.Admin,
		Sessions: s.Sessions, Weight: max(s.Weight, 1), Cause: s.Cause, Since: s.Since,
	}
}
