package balance

import (
	"time"

	"segue/backend"
)

const (
	// flapMemory is how long it is held against a backend that it went away.
	flapMemory = 10 * time.Minute
	// longestSettle bounds how long a backend has to be up before it gets sessions back.
	longestSettle = 5 * time.Minute
	// atOnce is how close to each other all backends must have gone for Segue's own network to be what has failed.
	atOnce = 2 * time.Second
)

// history is when a backend went away.
type history struct {
	last   time.Time
	recent []time.Time // within flapMemory
	gone   bool        // and has not been seen usable since; of a turn: it was not preferred
}

// flapped notes that a backend went down or is stopping. One that stops and is then down went away once.
func (p *Planner) flapped(b *backend.Backend, now time.Time) {
	if p.past == nil {
		p.past = make(map[*backend.Backend]*history)
	}
	h := p.past[b]
	if h == nil {
		h = &history{}
		p.past[b] = h
	}
	if h.gone {
		return
	}
	h.gone, h.last = true, now
	h.forget(now)
	h.recent = append(h.recent, now)
}

// forget drops what is no longer held against the backend.
func (h *history) forget(now time.Time) {
	for len(h.recent) > 0 && now.Sub(h.recent[0]) >= flapMemory {
		h.recent = h.recent[1:]
	}
}

// seen notes which backends are usable and which have gone, and forgets those that are no more.
func (p *Planner) seen(loads []Load, now time.Time) {
	here := make(map[*backend.Backend]bool, len(loads))
	for _, l := range loads {
		if l.Gone {
			p.flapped(l.Backend, now)
		}
		here[l.Backend] = true
		p.turned(l, now)
		if h := p.past[l.Backend]; h != nil && l.Usable {
			h.gone = false
		}
	}
	for b := range p.past {
		if !here[b] {
			delete(p.past, b)
		}
	}
	for b := range p.turns {
		if !here[b] {
			delete(p.turns, b)
		}
	}
}

// turned notes that a backend has become one that is preferred: a leader that has just been elected, say. Where that changes again and again, sessions do not
// follow each time.
func (p *Planner) turned(l Load, now time.Time) {
	t := p.turns[l.Backend]
	if t == nil {
		if p.turns == nil {
			p.turns = make(map[*backend.Backend]*history)
		}
		t = &history{}
		p.turns[l.Backend] = t
	} else if t.gone && !l.Away {
		t.last = now
		t.forget(now)
		t.recent = append(t.recent, now)
	}
	t.gone = l.Away
}

// settled reports whether a backend has been up for long enough to be trusted with sessions of others.
func (p *Planner) settled(l Load, now time.Time) bool {
	if !l.Usable {
		return false
	}
	up := l.UpFor
	if h := p.past[l.Backend]; h != nil {
		up = min(up, now.Sub(h.last))
	}
	if t := p.turns[l.Backend]; t != nil && !t.last.IsZero() {
		up = min(up, now.Sub(t.last))
	}
	return up >= p.settle(l.Backend, now)
}

// settle is how long that takes for b.
func (p *Planner) settle(b *backend.Backend, now time.Time) time.Duration {
	d := p.Options.Settle
	switch {
	case d == 0:
		d = DefaultSettle
	case d < 0:
		return 0
	}
	times := 0
	if h := p.past[b]; h != nil {
		h.forget(now)
		times += len(h.recent)
	}
	if t := p.turns[b]; t != nil {
		t.forget(now)
		times += max(0, len(t.recent)-1) // once is no flapping
	}
	for range times {
		if d < longestSettle {
			d = min(2*d, longestSettle)
		}
	}
	return d
}

// trouble reports whether all backends there were went away at the same moment and none of them has settled since: what has failed then is
// more likely Segue's own network, and there is nowhere better to be. Those that had been away before do not matter.
func (p *Planner) trouble(loads []Load, now time.Time) bool {
	var last time.Time
	for _, l := range loads {
		if h := p.past[l.Backend]; h != nil && h.last.After(last) {
			last = h.last
		}
	}
	for _, l := range loads {
		h := p.past[l.Backend]
		with := h != nil && last.Sub(h.last) <= atOnce
		if l.Usable && !with || p.settled(l, now) {
			return false
		}
	}
	return !last.IsZero()
}
