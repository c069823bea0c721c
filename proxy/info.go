package proxy

import (
	"time"

	"segue/backend/wire"
)

// SessionInfo describes a session as the admin API shows it.
type SessionInfo struct {
	ID      uint32 `json:"id"`
	Client  string `json:"client"` // address; of a UNIX socket "unix", and the process and the user that have connected
	User    string `json:"user"`
	Backend string `json:"backend"`
	State   string `json:"state"`
	Pinned  string `json:"pinned"` // why it cannot leave its backend between two statements, or empty
	// PinnedSince is when that began, if it is more than for the statement that runs; otherwise zero.
	PinnedSince time.Time `json:"pinned_since,omitzero"`
	Differs     []string  `json:"differs,omitempty"` // what was not as it had been when the session was rebuilt elsewhere: it stays where it is
	Since       time.Time `json:"since"`             // in this state
	Moves       int       `json:"moves"`             // how often it has passed to another backend
	Opened      time.Time `json:"opened"`
	// What the connections of its client and to its backend go over: tcp, tls or unix; empty where there is none, or it has yet to log in.
	ClientOver  string `json:"client_over,omitempty"`
	BackendOver string `json:"backend_over,omitempty"`
}

// infoOf describes a session as it is now.
func infoOf(s *session) SessionInfo {
	server := s.w.server
	i := SessionInfo{
		ID: s.id, Client: s.client.described(), User: wire.Shown(s.who.user(), wire.MaxShown), Backend: s.backendName(), State: s.state.String(),
		Since: server.at(s.since), Moves: int(s.past.threads.moves), Opened: server.at(s.past.opened),
	}
	if s.commanding() {
		i.ClientOver = s.who.over.String()
		if s.back != nil && s.state != Detached {
			i.BackendOver = s.back.over.String()
		}
	}
	for _, name := range s.notice.unlike() {
		i.Differs = append(i.Differs, wire.Shown(name, wire.MaxShown))
	}
	switch s.state {
	case Detached:
		i.Backend = ""
	case Idle, Busy, Pinned:
		if i.Pinned = s.track.Pinned(); i.Pinned == "" && !s.hasCredential() {
			i.Pinned, i.PinnedSince = PinNoCredential, i.Opened
			if at, expires := s.who.cred.Expires(); expires {
				i.Pinned, i.PinnedSince = PinExpired, at
			}
		} else if s.past.pinned != 0 {
			i.PinnedSince = server.at(s.past.pinned)
		}
	default:
	}
	return i
}

// The reasons of a session that Segue could not log in again, the second that the token of its client has expired. All others are package track's.
const (
	PinNoCredential = "no-credential"
	PinExpired      = "token-expired"
)
