package backend

import "time"

// Lease chooses a backend for a new session and takes a slot on it. It never waits. Backends for which avoid says true
// are passed over; avoid may be nil. It is called with the registry's lock held, so it may ask the backend's own methods
// but nothing else of the registry. The error is a *[NoneError].
//
// The candidates stand in tiers, and the first tier that has any wins:
//
//  1. up
//  2. up, in back-off after a failed set-up
//  3. unknown or stopping: the least bad one still serves rather than nobody; those in back-off last
//  4. down: what is broken may be the probing (fail open); those in back-off last
//
// Inside each of these those come first that [Options.Prefer] asks for.
//
// Backends that are drained, in maintenance or removed are in none: the operator's word is law. Nor are those that are full, but for one trial a
// second: see [Full].
func (r *Registry) Lease(avoid func(*Backend) bool) (*Lease, error) { return r.lease(avoid, false) }

// LeaseRested is Lease for those who can wait: it also passes over backends in back-off, but for the one lease that tries
// such a backend again when its delay is over. A thousand sessions that look for a place so ask a server that refuses once.
func (r *Registry) LeaseRested(avoid func(*Backend) bool) (*Lease, error) {
	return r.lease(avoid, true)
}

func (r *Registry) lease(avoid func(*Backend) bool, rested bool) (*Lease, error) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	backends := r.Backends()
	r.candidates = r.candidates[:0]
	best, span := numTiers*ranks(r.prefer), ranks(r.prefer)
	for _, b := range backends {
		s := b.status.Load()
		blocked := b.backoff.blocked(now)
		tier, ok := tierOf(s, blocked)
		tier = tier*span + rankOf(r.prefer, &s.Spec, r.zone)
		if !ok || tier > best || b.Crowded() || rested && blocked || avoid != nil && avoid(b) {
			continue
		}
		if tier < best {
			best, r.candidates = tier, r.candidates[:0]
		}
		weight := float64(s.Weight) * r.shareLocked(b, now)
		r.candidates = append(r.candidates, Candidate{b, b.Sessions(), weight})
	}
	if len(r.candidates) == 0 {
		return nil, newNoneError(backends)
	}
	b := r.candidates[r.policy.Choose(r.candidates)].Backend
	clear(r.candidates) // a removed backend must not live on in the scratch
	return r.takeLocked(b, now), nil
}

// shareLocked is the share of its weight that the backend has now.
func (r *Registry) shareLocked(b *Backend, now time.Time) float64 {
	if b.upSince.IsZero() {
		return 1
	}
	return slowStartShare(now.Sub(b.upSince), r.slowStart)
}

func (r *Registry) takeLocked(b *Backend, now time.Time) *Lease {
	l := &Lease{registry: r, backend: b}
	l.level = b.backoff.take(l, now)
	b.Try()
	b.sessions.Add(1)
	b.lastLeased.Store(now.UnixNano())
	select {
	case b.taken <- struct{}{}:
	default: // nobody has received yet
	}
	return l
}
