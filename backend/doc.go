// Package backend knows which servers exist, what the operator wants of them, what probing says about them, and which of
// them gets the next session.
//
// A [Registry] holds one [Backend] for each configured server. Two axes, kept apart, say whether a backend takes new
// sessions:
//
//   - [Health] is what probing says: unknown, up, stopping, down. Package health writes it.
//   - [Admin] is what the operator says: ready, drain, maint. The admin API writes it.
//
// A session asks for a [Lease]. The lease counts against its backend from the moment it is given, so sessions that are
// still being set up count too. How the set-up went comes back through the lease: [Lease.Established], [Lease.Failed] or [Lease.Full],
// and at last [Lease.Release].
//
//	Lease → Established → Release      a session that lived
//	Lease → Failed                     a backend that refused: it is left alone for a while (back-off)
//	Lease → Full                       a backend that has no room: it gets no new session, and keeps those that it has
//	Lease → Release                    a client that went away during the set-up: nobody's fault
//
// Which backend is chosen: the backends are sorted into tiers (see [Registry.Lease]) and a [Policy] chooses inside the
// best tier that has any. Nothing here waits, dials or starts a goroutine. The decisions (tiers, policies, back-off, slow
// start) are pure functions; the registry alone reads the clock and holds the lock.
package backend
