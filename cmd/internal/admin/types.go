package admin

import (
	"cmp"
	"strings"
	"time"

	"segue/backend"
	"segue/backend/wire"
	"segue/cmd/internal/admin/history"
	proxy "segue/proxy"
	"segue/proxy/accounts"
	"segue/proxy/ledger"
	"segue/proxy/load"
)

// Status is Segue as a whole.
type Status struct {
	Version  string         `json:"version"`
	Flavor   backend.Flavor `json:"flavor"`
	Listen   string         `json:"listen"` // the address bound
	Started  time.Time      `json:"started"`
	State    State          `json:"state"`
	Summary  Summary        `json:"summary"` // how clients are
	Ready    bool           `json:"ready"`   // as /readyz
	Backends Tally          `json:"backends"`
	Sessions int            `json:"sessions"`
	// LoadListen are the addresses bound for loads over HTTP; empty: there are none. Loads is how many are in flight.
	LoadListen string       `json:"load_listen,omitempty"`
	Loads      int          `json:"loads"`
	Paused     *proxy.Pause `json:"paused,omitempty"` // statements are held on purpose
	// Others are Segues that this one has taken over from, and that have sessions left. Theirs are in Sessions, Loads, Paused and Failures.
	Others []Process `json:"others,omitempty"`
	// MaxSessions is how many there may be: limits.sessions, or what file descriptors are enough for.
	MaxSessions int `json:"max_sessions"`
	// Failures are the counts of /api/v1/failures.
	Failures []ledger.Count `json:"failures"`
	// Accounts are those that some backend does not let in at the moment.
	Accounts []accounts.Account `json:"accounts,omitempty"`
	// Discovery is what its sources have told last; none, where none is configured.
	Discovery []Discovery `json:"discovery,omitempty"`
	Config    Reload      `json:"config"`
	// DrainTimeout is drain.timeout, in seconds.
	DrainTimeout float64 `json:"drain_timeout_seconds"`
	// Changes are the latest that operators have made, the latest first.
	Changes []Change `json:"changes"`
}

// Discovery is what a source of backends has told last.
type Discovery struct {
	Source string     `json:"source"`          // what is asked, in words
	Kind   string     `json:"kind"`            // dns, file, kubernetes, sql
	Found  int        `json:"found"`           // nodes in the last answer that was taken
	Taken  *time.Time `json:"taken,omitempty"` // when that was; nil: none was yet
	Error  string     `json:"error,omitempty"` // why the last answer was not taken; empty: it was, or there was none yet
}

// State is what Segue is doing.
type State string

// The states of Status.
const (
	Serving  State = "serving"
	Stopping State = "stopping" // goes on taking clients for a while, and drains then
	Draining State = "draining" // takes no more clients; ends when its sessions have
)

// Session is one session, of this Segue or of one that it has taken over from.
type Session struct {
	proxy.SessionInfo
	Process int32 `json:"process,omitempty"` // that has it, if it is another's
}

// Load is one load over HTTP in flight, of this Segue or of one that it has taken over from.
type Load struct {
	load.Load
	Process int32 `json:"process,omitempty"` // that has it, if it is another's
}

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
	Restart    []string  `json:"restart"`    // keys whose new values wait for a restart
}

// whole is r with lists in place of none.
func (r Reload) whole() Reload {
	if r.Problems == nil {
		r.Problems = []string{}
	}
	if r.Restart == nil {
		r.Restart = []string{}
	}
	return r
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
	Full     bool           `json:"full,omitempty"` // it has no room: it keeps its sessions and gets no new one; Cause says so
	Since    time.Time      `json:"since"`          // of Health and Admin
	// Version is what its cluster says of it, or else what its greeting has called itself; empty: nothing has greeted yet.
	Version string `json:"version,omitempty"`
	// Role is what its cluster says of it, Zone where it stands; empty: nothing is known of that.
	Role string `json:"role,omitempty"`
	Zone string `json:"zone,omitempty"`
	// Source is what has found it: kinds of discovery's sources, with commas; empty: the configuration names it.
	Source string `json:"source,omitempty"`
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

// Tick is what a second has brought, for who asks for events with ?ticks=true. The first of a stream tells of the second before.
type Tick struct {
	history.Tick
	Summary Summary      `json:"summary"`
	Paused  *proxy.Pause `json:"paused,omitempty"`
	Changes []Change     `json:"changes"` // that operators have made since the tick before
}

func describe(b *backend.Backend) Backend {
	s := b.Status()
	cause := s.Cause
	if s.Full != "" {
		cause = strings.TrimSuffix(s.Full+"; "+cause, "; ")
	}
	return Backend{
		Name: s.Name, Address: s.Address, Health: s.Health, Admin: s.Admin,
		Sessions: s.Sessions, Weight: max(s.Weight, 1), Cause: cause, Full: s.Full != "", Since: s.Since,
		Version: wire.Shown(cmp.Or(s.Version, b.Facts().ServerVersion), wire.MaxShown), Role: s.Role.String(), Zone: s.Zone, Source: s.Source,
	}
}
