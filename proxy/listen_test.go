package proxy

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"segue/backend"
)

// keepsAlive reports whether the kernel looks after a session's connections.
func (s *session) keepsAlive() (client, back bool) {
	on := func(fd uintptr) bool {
		is, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE)
		interval, intervalErr := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPINTVL)
		return err == nil && intervalErr == nil && is != 0 && interval == int(keepAlive.Interval/time.Second)
	}
	s.within(func() {
		_ = s.client.Control(func(fd uintptr) { client = on(fd) })
		_ = s.back.conn.Control(func(fd uintptr) { back = on(fd) })
	})
	return client, back
}

// grow makes sessions old enough to be taken for such as last.
func (p *proxied) grow() {
	p.ask(func(w *worker) {
		for _, s := range w.all {
			s.past.opened -= int64(lastsAfter)
		}
		w.last()
	})
}

// A connection that lasts has keepalive in the end, whoever accepted it and to whom it was dialled.
func TestConnectionsThatLastHaveKeepalive(t *testing.T) {
	p := start(t, known(), newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	d := p.connect()
	d.ask("SELECT 1")
	c := p.only()
	if client, back := c.keepsAlive(); client != inherits || back {
		t.Errorf("at first: client %v, backend %v", client, back)
	}
	p.grow()
	if client, back := c.keepsAlive(); !client || !back {
		t.Errorf("later: client %v, backend %v", client, back)
	}
	p.ready("b")
	p.leave("a")
	p.onB()
	p.grow()
	if _, back := c.keepsAlive(); !back {
		t.Error("the connection of a session that has moved does not last")
	}
}

// A connection that has inherited nothing gets its keepalive, too.
func TestConnectionOfAnotherListener(t *testing.T) {
	for name, ln := range map[string]func(net.Listener) net.Listener{
		"any":       func(ln net.Listener) net.Listener { return ln },
		"accepting": Accepting,
	} {
		t.Run(name, func(t *testing.T) {
			s, plain := echoing(t)
			p := serve(t, s, ln(plain))
			p.connect().ask("SELECT 1")
			c := p.only()
			if client, _ := c.keepsAlive(); client {
				t.Error("it has keepalive already")
			}
			p.grow()
			if client, _ := c.keepsAlive(); !client {
				t.Error("it has not got keepalive")
			}
		})
	}
}

// serve runs a server until the test ends.
func serve(t *testing.T, s *Server, ln net.Listener) *proxied {
	t.Helper()
	p := &proxied{Server: s, t: t, registry: s.registry, addr: ln.Addr().String(), stop: func() {}, done: make(chan error, 1)}
	go func() { p.done <- s.Serve(t.Context(), ln) }()
	t.Cleanup(p.shut)
	return p
}
