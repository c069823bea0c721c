package proxy

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"segue/backend"
)

// patienceOf is what the kernel is told of a session's connection to its backend.
type patienceOf struct{ idle, interval, count, user int }

func (s *session) kernelPatience(t *testing.T) (p patienceOf) {
	t.Helper()
	s.within(func() {
		_ = s.back.conn.Control(func(fd uintptr) {
			for option, into := range map[int]*int{
				unix.TCP_KEEPIDLE: &p.idle, unix.TCP_KEEPINTVL: &p.interval, unix.TCP_KEEPCNT: &p.count, unix.TCP_USER_TIMEOUT: &p.user,
			} {
				var err error
				if *into, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, option); err != nil {
					t.Error(err)
				}
			}
		})
	})
	return p
}

// last makes the connections of all sessions such as last.
func (p *proxied) last() {
	p.ask(func(w *worker) {
		for _, s := range w.all {
			s.past.opened -= int64(lastsAfter)
		}
		w.last()
	})
}

// The kernel is patient with connections to backends that are up, and impatient with those to backends that are down, of whoever
// cannot leave.
func TestConnectionsOfASuspectBackend(t *testing.T) {
	p := start(t, Options{}, newPeer(t, echo).spec("a"))
	d := p.connect()
	defer d.Close()
	s, a := p.list()[0], p.registry.Backends()[0]
	relaxed := patienceOf{15, 5, 3, 0}
	p.last()
	if got := s.kernelPatience(t); got != relaxed {
		t.Errorf("up: %+v", got)
	}
	for range 2 {
		p.registry.SetHealth(a, backend.Down, "no answer")
		eventually(t, "the kernel to be impatient", func() bool { return s.kernelPatience(t) == patienceOf{1, 1, 3, 4000} })
		late := p.connect() // comes while it is down: there is no other
		p.last()
		p.registry.SetHealth(a, backend.Up, "")
		eventually(t, "the kernel to be patient again", func() bool { return s.kernelPatience(t) == relaxed })
		for _, s := range p.list() {
			if got := s.kernelPatience(t); got != relaxed {
				t.Errorf("up again: %+v", got)
			}
		}
		d.ask("SELECT 1")
		late.ask("SELECT 1")
		late.Close()
		p.waitSessions(1)
	}
	time.Sleep(10 * time.Millisecond)
	d.ask("SELECT 2")
}
