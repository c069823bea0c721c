package proxy

import (
	"maps"
	"sync"

	"segue/backend"
	"segue/backend/wire"
	"segue/proxy/counts"
)

// Traffic is what has passed since the start.
type Traffic struct {
	Clients  counts.Bytes               // of clients' connections
	Backends map[string]*counts.Backend // by name: those that are configured, and those that have been and are still used
}

// newTraffic is one in which there is nothing.
func newTraffic() Traffic { return Traffic{Backends: map[string]*counts.Backend{}} }

// of is what has passed one backend.
func (t *Traffic) of(backend string) *counts.Backend {
	c := t.Backends[backend]
	if c == nil {
		c = new(counts.Backend)
		t.Backends[backend] = c
	}
	return c
}

// add adds what a worker has counted. It runs on the worker's loop, or behind its end.
func (t *Traffic) add(w *worker) {
	t.Clients.Add(w.clients)
	for b, c := range w.counts {
		t.of(b.Name()).Add(c)
	}
}

// Workers count for themselves, on their loops, and are asked for what they have counted: nothing of it costs a statement more than the adding.

// traffic is whom to ask, and what those have counted who are no more.
type traffic struct {
	asking sync.Mutex // one at a time asks; it is held while workers are waited for

	mu      sync.Mutex // guards what follows
	workers []*worker  // all whose counts are not in past
	past    Traffic
}

// enrol has a worker's counts counted.
func (t *traffic) enrol(w *worker) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.workers = append(t.workers, w)
}

// Traffic is what has passed since the start, as of now. It must not be called from a loop.
func (s *Server) Traffic() Traffic {
	t := &s.traffic
	t.asking.Lock()
	defer t.asking.Unlock()
	sum := newTraffic()
	for _, b := range s.registry.Backends() {
		sum.of(b.Name())
	}
	t.mu.Lock()
	sum.Clients.Add(t.past.Clients)
	for name, c := range t.past.Backends {
		sum.of(name).Add(c)
	}
	workers := append([]*worker(nil), t.workers...)
	t.mu.Unlock()
	for _, w := range workers {
		if w.onLoop(func() { sum.add(w) }) {
			continue
		}
		gone := newTraffic()
		gone.add(w)
		t.bury(w, &gone)
		sum.Clients.Add(gone.Clients)
		for name, c := range gone.Backends {
			sum.of(name).Add(c)
		}
	}
	return sum
}

// bury keeps what a worker has counted that is no more.
func (t *traffic) bury(w *worker, counted *Traffic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, other := range t.workers {
		if other == w {
			t.workers = append(t.workers[:i:i], t.workers[i+1:]...)
			break
		}
	}
	if t.past.Backends == nil {
		t.past = newTraffic()
	}
	t.past.Clients.Add(counted.Clients)
	for name, c := range counted.Backends {
		t.past.of(name).Add(c)
	}
}

// forgetTraffic forgets a backend that has been removed, and that no session uses.
func (s *Server) forgetTraffic(backend string) {
	t := &s.traffic
	t.asking.Lock()
	defer t.asking.Unlock()
	t.mu.Lock()
	delete(t.past.Backends, backend)
	workers := append([]*worker(nil), t.workers...)
	t.mu.Unlock()
	for _, w := range workers {
		forget := func() { w.forgetCounts(backend) }
		if !w.onLoop(forget) {
			forget()
		}
	}
}

// onLoop runs f on the worker's loop, and returns when it has run. It reports false if the loop has ended, and f did not run. It must not be called from a loop.
func (w *worker) onLoop(f func()) bool {
	if w.stepped {
		f()
		return true
	}
	done := make(chan struct{})
	if !w.post(func() { defer close(done); f() }) {
		<-w.ended
		return false
	}
	select {
	case <-done:
		return true
	case <-w.ended:
	}
	select {
	case <-done: // before it ended
		return true
	default:
		return false
	}
}

// countsOf are those of a backend.
func (w *worker) countsOf(b *backend.Backend) *counts.Backend {
	c := w.counts[b]
	if c == nil {
		c = new(counts.Backend)
		w.counts[b] = c
	}
	return c
}

func (w *worker) forgetCounts(name string) {
	maps.DeleteFunc(w.counts, func(b *backend.Backend, _ *counts.Backend) bool { return b.Name() == name })
}

// newLink makes a connection to b that is to be dialed.
func (w *worker) newLink(s *session, b *backend.Backend, lease *backend.Lease, user linkUser) *link {
	return &link{session: s, backend: b, lease: lease, user: user, counts: w.countsOf(b)}
}

// Answered implements track.Listener. A statement's time began when the first of it was sent to its backend or, where others were in front of it, when the last
// of these had been answered. Times are those of the loop's turns: what happens in one turn happens at its beginning.
func (s *session) Answered(c wire.Command, ok bool) {
	now := s.w.now()
	s.back.counts.Answered(c, ok, now-max(s.since, s.turned))
	s.turned = now
}

// abandon gives up what is outstanding, of which o has come.
func (s *session) abandon(o counts.Outcome) {
	s.countOutstanding(o)
	s.track.Abandon()
}

// countRest counts what is outstanding when the session ends.
func (s *session) countRest() {
	o := counts.Lost
	if s.end == ClientGone || s.end == ClientQuit {
		o = counts.Deserted
	}
	s.countOutstanding(o)
}

// countOutstanding counts the statements that are outstanding, and will not be answered. Those that came behind the session's end no backend was sent.
func (s *session) countOutstanding(o counts.Outcome) {
	sent := s.track.Outstanding() - int(s.late)
	if s.back == nil || sent <= 0 {
		return
	}
	s.track.EachOutstanding(func(c wire.Command) {
		if sent > 0 {
			s.back.counts.Unanswered(c, o)
			sent--
		}
	})
}
