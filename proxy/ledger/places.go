package ledger

import "maps"

// Place is which backend failed, and how that was hidden or seen.
type Place struct {
	Backend string // empty: none could be had
	Kind    Kind
	Action  Action
}

// Places counts what has failed by backend, since the start or since the backend was forgotten.
func (l *Ledger) Places() map[Place]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.places)
}

// Forget drops the counts of a backend that has been removed. The sums over all backends keep them.
func (l *Ledger) Forget(backend string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.places, func(at Place, _ uint64) bool { return at.Backend == backend })
}
