package proxy

import (
	"sync"

	"golang.org/x/sys/unix"

	"segue/backend"
	"segue/backend/client"
)

// Looks at what belongs to a loop, taken on that loop.

// within has f look at a session on its loop, or when that has ended.
func (s *session) within(f func()) {
	done := make(chan struct{})
	if !s.post(func() { defer close(done); f() }) {
		<-s.owner.Load().ended
		f()
		return
	}
	select {
	case <-done:
	case <-s.owner.Load().ended:
	}
}

// current is the session's state.
func (s *session) current() (is State) {
	s.within(func() { is = s.state })
	return is
}

// onBackend is the name of its backend.
func (s *session) onBackend() (name string) {
	s.within(func() { name = s.backendName() })
	return name
}

// thread is its id there.
func (s *session) thread() (id uint32) {
	s.within(func() { id = s.past.threads.current() })
	return id
}

// howEnded is how it has ended, or is ending.
func (s *session) howEnded() (end End) {
	s.within(func() { end = s.end })
	return end
}

// giveCredential is what a session has learned.
func (s *session) giveCredential(c *client.Credential) { s.within(func() { s.who.cred = c }) }

// credential is what it has learned; nil: nothing.
func (s *session) credential() (c *client.Credential) {
	s.within(func() { c = s.who.cred })
	return c
}

// offers is what it would log in with elsewhere.
func (s *session) offers() (list []*client.Credential) {
	s.within(func() { list = s.credentials() })
	return list
}

// hasTried reports whether the session has tried to move, in vain.
func (s *session) hasTried() (has bool) {
	s.within(func() { has = s.notice.retry() != 0 })
	return has
}

// hasLost reports whether the session has lost its backend, or has left it.
func (s *session) hasLost() (has bool) {
	s.within(func() {
		d, moving := s.errand.(*departure)
		has = !moving || d.lost
	})
	return has
}

// keeps reports whether the session holds a copy of a statement.
func (s *session) keeps() (does bool) {
	s.within(func() { does = s.stmt.text != nil })
	return does
}

// waiting reports whether a statement waits.
func (s *session) waiting() (does bool) {
	s.within(func() { does = s.stmt.came != 0 })
	return does
}

// leaves reports whether the session is under a drain.
func (s *session) leaves() (does bool) {
	s.within(func() { does = s.notice.intent != nil })
	return does
}

// session is the one whose client saw id in its greeting; nil if there is none.
func (s *Server) session(id uint32) (found *session) {
	s.ask(func(w *worker) {
		if c := w.session(id); c != nil {
			found = c
		}
	})
	return found
}

// list is all sessions.
func (s *Server) list() (all []*session) {
	s.ask(func(w *worker) { all = append(all, w.all...) })
	return all
}

// heldNow is how many statements wait.
func (s *Server) heldNow() (n int) {
	s.ask(func(w *worker) { n += len(w.waiters.list) })
	return n
}

// evident has f told of evidence from now on.
func (p *proxied) evident(f func(b *backend.Backend, cause error)) {
	p.t.Helper()
	eventually(p.t, "a worker", func() bool { return len(p.running()) > 0 })
	p.ask(func(*worker) { p.OnEvidence = f })
}

// leave tells that a backend is leaving, while another stays.
func (p *proxied) leave(name string) {
	p.t.Helper()
	b, ok := p.registry.Lookup(name)
	if !ok {
		p.t.Fatalf("no backend %q", name)
	}
	p.registry.SetHealth(b, backend.Stopping, "/api/health 500")
}

func (p *proxied) ready(name string) {
	p.t.Helper()
	if err := p.registry.SetAdmin(name, backend.Ready); err != nil {
		p.t.Fatal(err)
	}
}

// cutOff is the end of what the only session's backend sends, as Segue sees it.
func (p *proxied) cutOff() {
	p.t.Helper()
	s := p.only()
	s.within(func() {
		_ = s.back.conn.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RD) })
	})
}

// freeze keeps the loops from all that happens until the function that it returns is called: they see that at once then, what came first
// first.
func (p *proxied) freeze() (thaw func()) {
	var all []func()
	for _, w := range p.running() {
		all = append(all, w.freeze())
	}
	thaw = func() {
		for _, f := range all {
			f()
		}
	}
	p.t.Cleanup(thaw)
	return thaw
}

// freeze does so for one loop.
func (w *worker) freeze() (thaw func()) {
	frozen, over := make(chan struct{}), make(chan struct{})
	w.post(func() {
		close(frozen)
		<-over
	})
	<-frozen
	return sync.OnceFunc(func() { close(over) })
}

// draining reports whether all sessions are under a drain.
func (p *proxied) draining() bool {
	for _, c := range p.list() {
		if !c.leaves() {
			return false
		}
	}
	return true
}

// only is the one session.
func (p *proxied) only() *session {
	p.t.Helper()
	p.waitSessions(1)
	s := p.list()[0]
	eventually(p.t, "the command phase", func() bool { return s.current() >= Idle })
	return s
}

// underDrain reports whether the sessions of a backend are.
func (p *proxied) underDrain(name string) (is bool) {
	p.ask(func(w *worker) {
		for _, f := range w.order {
			is = is || f.backend.Name() == name && f.drain != nil
		}
	})
	return is
}

// What a loop reads at a time: see package loop.
const (
	smallRead = 64 << 10
	largeRead = 1 << 20
)
