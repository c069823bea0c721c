package load

import (
	"sync"
	"time"
)

// avoidTime is for how long who has refused, or was lost, is asked last; hintTime for how long an FE is believed to lead that another one named.
const (
	avoidTime = 5 * time.Second
	hintTime  = 30 * time.Second
)

// avoided are the FEs, BEs and CNs that have just refused or been lost, by address: Segue knows that before the FEs do.
type avoided struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (a *avoided) add(address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	for other, until := range a.until {
		if until.Before(now) {
			delete(a.until, other)
		}
	}
	if a.until == nil {
		a.until = map[string]time.Time{}
	}
	a.until[address] = now.Add(avoidTime)
}

func (a *avoided) has(address string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Before(a.until[address])
}

func (a *avoided) remove(address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.until, address)
}

// hint is which FE leads, by what another one has said.
type hint struct {
	mu      sync.Mutex
	address string
	until   time.Time
}

func (h *hint) set(address string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.address, h.until = address, time.Now().Add(hintTime)
}

// get is "" where nobody has said it lately.
func (h *hint) get() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Now().After(h.until) {
		return ""
	}
	return h.address
}

// clear forgets that one leads.
func (h *hint) clear(address string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.address == address {
		h.address = ""
	}
}
