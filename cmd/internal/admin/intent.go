package admin

import (
	"maps"
	"time"

	"segue/backend"
	proxy "segue/proxy"
)

// Intent is what operators have said that holds until they say otherwise. It passes to the Segue that takes over, and outlives a restart where
// a file is configured for it.
type Intent struct {
	// Backends are those that are not ready, by their names.
	Backends map[string]backend.Admin `json:"backends,omitempty"`
	// PausedUntil is when a pause ends by itself; nil: there is none.
	PausedUntil *time.Time `json:"paused_until,omitempty"`
	// Nodes are BEs and CNs that are drained for loads, and until when.
	Nodes map[string]time.Time `json:"nodes,omitempty"`
}

// Intent is what operators have said to this Segue.
func (h *Handler) Intent() Intent {
	in := Intent{Backends: map[string]backend.Admin{}}
	maps.Copy(in.Backends, h.Registry.Expected())
	for _, b := range h.Registry.Backends() {
		if a := b.Status().Admin; a != backend.Ready {
			in.Backends[b.Name()] = a
		}
	}
	if p := h.Pauser.Paused(); p != nil {
		in.PausedUntil = &p.Until
	}
	if h.Nodes != nil {
		in.Nodes = h.Nodes.DrainedNodes()
	}
	return in
}

// Restore has in hold in place of what has been said, from before clients are served. It tells the names of the backends that there are not.
func (h *Handler) Restore(in Intent) (unknown []string) {
	for _, b := range h.Registry.Backends() {
		_ = h.Registry.SetAdmin(b.Name(), in.Backends[b.Name()]) // ready, where nothing is said; it has just been there
	}
	known := map[string]bool{}
	for _, b := range h.Registry.Backends() {
		known[b.Name()] = true
	}
	for name := range in.Backends {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	if in.PausedUntil != nil {
		if left := time.Until(*in.PausedUntil); left > 0 {
			h.Pauser.Pause(min(left, proxy.MaxPause))
		}
	}
	if h.Nodes != nil {
		h.Nodes.RestoreDrained(in.Nodes)
	}
	return unknown
}

// Cede has nothing be changed any more but through Serve's private doors, and gives what has been said until then, and the Segues that this one
// has asked, which it asks no longer.
func (h *Handler) Cede() (Intent, []Other) {
	h.changing.Lock()
	defer h.changing.Unlock()
	h.ceded = true
	h.mu.Lock()
	defer h.mu.Unlock()
	others := make([]Other, 0, len(h.others))
	for _, o := range h.others {
		others = append(others, o.Other)
		o.client.Close()
	}
	h.others = nil
	return h.Intent(), others
}

// change runs do, which changes something because an operator wants it, and tells whoever keeps what operators want; false: it may not any more.
func (h *Handler) change(private bool, do func()) bool {
	h.changing.RLock()
	defer h.changing.RUnlock()
	if h.ceded && !private {
		return false
	}
	do()
	if h.Said != nil {
		h.Said()
	}
	return true
}
