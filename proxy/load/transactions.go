package load

import (
	"sync"
	"time"
)

// mostOpen is how many open transactions are remembered.
const mostOpen = 10_000

// transactions are those that have been begun and not been ended yet, by database and label: nothing of them is in flight between two requests, and an upgrade has to wait for them.
type transactions struct {
	mu   sync.Mutex
	open map[[2]string]transaction
	torn map[[2]string]time.Time // those that must not be committed, until then
}

type transaction struct {
	load  Load
	until time.Time // when the cluster gives it up
}

// begun notes a transaction.
func (t *transactions) begun(l Load, lasts time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep()
	delete(t.torn, [2]string{l.Database, l.Label}) // this is another one under the same label
	if t.open == nil {
		t.open = map[[2]string]transaction{}
	}
	if len(t.open) < mostOpen {
		l.State = isOpen
		t.open[[2]string{l.Database, l.Label}] = transaction{l, time.Now().Add(lasts)}
	}
}

// ended forgets one.
func (t *transactions) ended(database, label string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, [2]string{database, label})
	delete(t.torn, [2]string{database, label})
}

// sweep forgets those that the cluster has given up. It needs t.mu.
func (t *transactions) sweep() {
	now := time.Now()
	for key, one := range t.open {
		if one.until.Before(now) {
			delete(t.open, key)
		}
	}
}

func (t *transactions) loads() []Load {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep()
	loads := make([]Load, 0, len(t.open))
	for _, one := range t.open {
		loads = append(loads, one.load)
	}
	return loads
}
