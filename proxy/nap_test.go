package proxy

import (
	"log/slog"
	"testing"
	"time"

	"segue/backend"
)

// soonAsleep makes a server whose sessions nap as soon as they are idle.
func soonAsleep(o Options) func(*backend.Registry) *Server {
	return func(r *backend.Registry) *Server {
		s := NewServer(r, o, slog.New(slog.DiscardHandler), nil)
		s.napAfter = 10 * time.Millisecond
		return s
	}
}

// napping starts a server with backends a and b and a session on a that naps.
func napping(t *testing.T) (*proxied, *driver) {
	t.Helper()
	p := startWith(t, []backend.Spec{newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b")}, soonAsleep(known()))
	_ = p.registry.SetAdmin("b", backend.Maint)
	d := p.connect()
	d.ask("SELECT 'before'")
	p.ready("b")
	p.asleep()
	return p, d
}

// asleep waits until the only session naps.
func (p *proxied) asleep() {
	p.t.Helper()
	eventually(p.t, "the session to nap", func() bool {
		list := p.list()
		if len(list) != 1 {
			return false
		}
		list[0].mu.Lock()
		defer list[0].mu.Unlock()
		return list[0].nap.asleep
	})
}

func TestNapEndsWithAStatement(t *testing.T) {
	p, d := napping(t)
	for range 3 {
		d.ask("SELECT 'after'")
		p.asleep()
	}
}

func TestNapEndsWithADrain(t *testing.T) {
	p, d := napping(t)
	p.leave("a")
	p.onB()
	p.asleep()
	d.ask("SELECT 'on b'")
}

func TestNapEndsWithTheBackend(t *testing.T) {
	p, d := napping(t)
	_ = p.back().Conn.(interface{ CloseRead() error }).CloseRead() // as if it had closed
	p.onB()
	d.ask("SELECT 'on b'")
}

func TestNapEndsWithTheClient(t *testing.T) {
	p, d := napping(t)
	_ = d.Close()
	p.waitSessions(0)
}

func TestNapEndsWithTheClientsQuit(t *testing.T) {
	p, d := napping(t)
	d.write(0, []byte{1})
	d.waitEOF()
	p.waitSessions(0)
}

func TestNapEndsWithSegue(t *testing.T) {
	p, d := napping(t)
	p.stop()
	d.waitEOF()
	p.waitSessions(0)
}

func TestNapEndsWithACut(t *testing.T) {
	p, d := napping(t)
	p.Close()
	d.waitEOF()
	p.waitSessions(0)
}
