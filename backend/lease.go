package backend

import "time"

// Lease is one session's slot on a backend. Its methods may be called by anyone, in any order and any number of times.
type Lease struct {
	// Static after construction.
	registry *Registry
	backend  *Backend
	level    int // of the backend's back-off when the lease was given

	// Guarded by registry.mu.
	settled  bool // how the set-up ended has been said
	released bool
}

// Backend is the backend that was leased.
func (l *Lease) Backend() *Backend { return l.backend }

// Established says that the set-up reached the backend's final OK. It ends the backend's back-off.
func (l *Lease) Established() {
	l.registry.mu.Lock()
	defer l.registry.mu.Unlock()
	if l.settled || l.released {
		return
	}
	l.settled = true
	l.backend.Roomy()
	l.backend.logins.Add(1)
	l.backend.backoff.established()
}

// Failed says that the backend did not let the session be set up, and releases the lease. The backend is left alone for
// a while. Where the client is to blame (it went away, its password is wrong), call Release instead. After Established,
// Failed only releases. cause is what a [NoneError] will say of the backend; it may be nil.
func (l *Lease) Failed(cause error) {
	l.registry.mu.Lock()
	defer l.registry.mu.Unlock()
	if l.released {
		return
	}
	now := time.Now()
	if !l.settled {
		l.settled = true
		l.backend.backoff.failed(l.level, now)
		if cause != nil {
			text := cause.Error()
			l.backend.failure.Store(&text)
		}
	}
	l.releaseLocked(now)
}

// Full says that the backend has no room for the session, and releases the lease. It is no failure: see [Full]. It reports whether that is new.
func (l *Lease) Full(f Full) (fresh bool) {
	defer l.Release()
	return l.backend.Fill(f)
}

// Release gives the slot back.
func (l *Lease) Release() {
	l.registry.mu.Lock()
	defer l.registry.mu.Unlock()
	if !l.released {
		l.releaseLocked(time.Now())
	}
}

func (l *Lease) releaseLocked(now time.Time) {
	l.released = true
	l.backend.sessions.Add(-1)
	l.backend.lastLeased.Store(now.UnixNano())
	l.backend.backoff.tried(l)
}
