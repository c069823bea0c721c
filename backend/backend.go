package backend

import (
	"sync/atomic"
	"time"

	"segue/backend/dial"
	"segue/backend/secure"
)

// Backend is one server, from the [Registry.Apply] that brought it to the one that removed it. It stays the same
// *Backend as long as its name and address stay the same, whatever else changes. All methods may be called by anyone at
// any time, none of them blocks, and none allocates but Learn, Spoke, Fill and Status of one that is full.
type Backend struct {
	// Static after construction.
	name    string
	address string

	// Read by anyone. status is replaced as a whole, with Registry.mu held; its Sessions and Full are not filled in.
	status atomic.Pointer[Status]
	// Read by anyone, written with Registry.mu held.
	sessions   atomic.Int64
	lastLeased atomic.Int64 // Unix nanoseconds; 0: never
	logins     atomic.Uint64
	failure    atomic.Pointer[string] // how the last failed set-up failed; nil: none did
	// Read and written by anyone.
	facts     atomic.Pointer[Facts]
	lastSpoke atomic.Pointer[time.Time]
	taken     chan struct{} // holds one
	room      room
	reached   dial.Memory

	// Guarded by Registry.mu.
	backoff backoff
	upSince time.Time // start of the slow-start ramp; zero: there is none
}

func newBackend(spec Spec, admin Admin, now time.Time) *Backend {
	b := &Backend{name: spec.Name, address: spec.Address, taken: make(chan struct{}, 1)}
	const cause = "not probed yet"
	b.status.Store(&Status{Spec: spec, Admin: admin, Cause: cause, Since: now, probed: healthAndCause{Unknown, cause}})
	return b
}

// Name is the name that the configuration gives it.
func (b *Backend) Name() string { return b.name }

// Address is its MySQL address, "host:port" or "unix:PATH".
func (b *Backend) Address() string { return b.address }

// TLS is how connections to it are secured; nil: they are not.
func (b *Backend) TLS() *secure.Policy { return b.status.Load().TLS }

// Status gives a consistent copy of what is known about the backend now.
func (b *Backend) Status() Status {
	s := *b.status.Load()
	s.Sessions = b.Sessions()
	if f, full := b.Full(); full {
		s.Full = f.String()
	}
	return s
}

// Leaving is Status().Leaving() without the copy, for callers that ask at every statement.
func (b *Backend) Leaving() (cause string, leaving bool) { return b.status.Load().leaving() }

// Reached is by which of its name's addresses it could be reached last.
func (b *Backend) Reached() *dial.Memory { return &b.reached }

// Sessions is the number of leases held now, those of sessions that are still being set up included.
func (b *Backend) Sessions() int { return int(b.sessions.Load()) }

// LastLeased is when a lease was last taken or given back; zero: never.
func (b *Backend) LastLeased() time.Time {
	ns := b.lastLeased.Load()
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

// Taken receives when a lease has been taken since it last did. It has room for one; who receives is the one that probes.
func (b *Backend) Taken() <-chan struct{} { return b.taken }

// Logins counts the set-ups that reached the backend's final OK ([Lease.Established]). MySQL and MariaDB forget the
// unfinished handshakes of a host when it logs in, so health watches this number.
func (b *Backend) Logins() uint64 { return b.logins.Load() }

// Spoke notes that the backend's MySQL port has said something to a new connection, be it an ERR packet.
func (b *Backend) Spoke() {
	now := time.Now()
	b.lastSpoke.Store(&now)
}

// LastSpoke is when its MySQL port last did; zero: never.
func (b *Backend) LastSpoke() time.Time {
	if at := b.lastSpoke.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// Learn keeps what a greeting of the backend said.
func (b *Backend) Learn(f Facts) {
	if b.Facts() != f {
		fresh := f
		b.facts.Store(&fresh)
	}
}

// Facts gives what the last greeting said. Facts.Known is false before the first one.
func (b *Backend) Facts() Facts {
	if f := b.facts.Load(); f != nil {
		return *f
	}
	return Facts{}
}

// Status is one consistent view of a backend.
type Status struct {
	Spec
	Health Health `json:"health"`
	Admin  Admin  `json:"admin"`
	// Cause says in a few words why Health is what it is, or what is wrong with how it is probed. Empty: nothing to say.
	Cause string `json:"cause"`
	// Full says what the backend has said if it has no room for one more connection; empty: it has. See [Full].
	Full string `json:"full,omitempty"`
	// Since is when Health or Admin last changed.
	Since time.Time `json:"since"`
	// Removed: the configuration no longer knows the backend; it lives on through its leases.
	Removed bool `json:"removed,omitempty"`
	// Sessions is the number of leases held.
	Sessions int `json:"sessions"`

	probed healthAndCause // what probing says: Health and Cause but for Spec.Leaving
}

type healthAndCause struct {
	health Health
	cause  string
}

// weigh puts together what probing says and what discovery says: one that is up and about to go is stopping.
func (s *Status) weigh() healthAndCause {
	if s.Spec.Leaving != "" && s.probed.health == Up {
		return healthAndCause{Stopping, s.Spec.Leaving}
	}
	return s.probed
}

// Leaving says whether the backend's sessions are to end at a statement boundary, and why. A backend that is down is not
// leaving: whoever still has a working connection to it keeps it.
func (s Status) Leaving() (cause string, leaving bool) { return s.leaving() }

func (s *Status) leaving() (cause string, leaving bool) {
	switch {
	case s.Removed:
		if s.Source != "" {
			return "no longer found by discovery", true
		}
		return "removed from the configuration", true
	case s.Admin != Ready:
		return s.Admin.String() + " by operator", true
	case s.Health == Stopping:
		return s.Cause, true
	}
	return "", false
}
