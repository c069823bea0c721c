package load

import (
	"cmp"
	"slices"
	"time"
)

// Legacy is what another Server has to know that serves the same clients from now on: nothing of it is in flight, and it would end with this process.
type Legacy struct {
	LastID uint64            `json:"last_id"`        // of a load
	Open   []OpenTransaction `json:"open,omitempty"` // begun, and not ended yet
	Torn   []TornTransaction `json:"torn,omitempty"` // must not be committed: some of the rows of a load that was lost may be in it
}

// OpenTransaction is one that has been begun.
type OpenTransaction struct {
	Load  Load      `json:"load"`
	Until time.Time `json:"until"` // then the cluster gives it up
}

// TornTransaction is one that must not be committed.
type TornTransaction struct {
	Database string    `json:"database"`
	Label    string    `json:"label"`
	Until    time.Time `json:"until"`
}

// mostLeft bounds each of the lists: what one Segue tells another is bounded.
const mostLeft = 1000

// Legacy is this server's, which has the transactions no longer: another one does. Of more than it can tell the youngest are told.
func (s *Server) Legacy() Legacy {
	l := Legacy{LastID: s.ids.Load()}
	t := &s.open
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep()
	for _, one := range t.open {
		l.Open = append(l.Open, OpenTransaction{one.load, one.until})
	}
	for key, until := range t.torn {
		l.Torn = append(l.Torn, TornTransaction{key[0], key[1], until})
	}
	clear(t.open)
	slices.SortFunc(l.Open, func(a, b OpenTransaction) int { return cmp.Compare(b.Load.ID, a.Load.ID) })
	slices.SortFunc(l.Torn, func(a, b TornTransaction) int { return b.Until.Compare(a.Until) })
	l.Open, l.Torn = l.Open[:min(len(l.Open), mostLeft)], l.Torn[:min(len(l.Torn), mostLeft)]
	return l
}

// Inherit has the server go on with another one's. It is called before Serve.
func (s *Server) Inherit(l Legacy) {
	for last := s.ids.Load(); last < l.LastID && !s.ids.CompareAndSwap(last, l.LastID); last = s.ids.Load() {
	}
	t := &s.open
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = map[[2]string]transaction{}
	}
	if t.torn == nil {
		t.torn = map[[2]string]time.Time{}
	}
	for _, one := range l.Open {
		t.open[[2]string{one.Load.Database, one.Load.Label}] = transaction{one.Load, one.Until}
	}
	for _, one := range l.Torn {
		t.torn[[2]string{one.Database, one.Label}] = one.Until
	}
}
