package simulate

import (
	"syscall"
	"time"

	"segue/backend"
)

// Hosts that go without a word: what is sent there is lost, and nothing comes from there.

// vanish has a server's host go, and come back some time later.
func (w *World) vanish(d dice, until int64) {
	s := w.servers[d.IntN(len(w.servers))]
	t := min(d.span(15*time.Second)+int64(100*time.Millisecond), max(until-w.now, 1))
	w.note("operator", "%s vanishes for %s", s.name, time.Duration(t))
	s.vanish()
	w.after(d.span(2*time.Second), func() { w.health(s, backend.Down, "no answer") })
	w.after(t, func() { w.revive(s, d) })
}

func (s *server) vanish() {
	s.running, s.leaving, s.lost = false, false, true
	for _, b := range append([]*backConn(nil), s.conns...) {
		b.note("is gone, without a word")
		b.x.vanish(s)
		b.die()
	}
}

// waits is what becomes of somebody who connects to a host that does not answer.
func (s *server) waits(done func(x *wire, err error)) {
	s.w.after(int64(20*time.Second), func() { done(nil, syscall.ETIMEDOUT) })
}

// vanish is how a connection ends with its host. While that is away nobody answers.
func (x *wire) vanish(host interface{ away() bool }) {
	x.farClosed, x.host, x.out.there, x.in.flying = true, host, nil, nil
	x.w.after(keepAlive, func() {
		if host.away() {
			x.fails(syscall.ETIMEDOUT)
		} else {
			x.resetNear()
		}
	})
}

// again sends again what nobody has received, until somebody is there who knows nothing of the connection.
func (x *wire) again(n int) {
	x.w.after(int64(200*time.Millisecond), func() {
		switch {
		case x.nearClosed:
		case x.host.away():
			x.again(n)
		default:
			x.resetNear()
		}
	})
}

func (s *server) away() bool { return s.lost }

// forever is a host that does not come back.
type forever struct{}

func (forever) away() bool { return true }

// keepAlive is how long the kernel takes to find out that nobody is there.
const keepAlive = int64(20 * time.Second)

// disappear has a client's host go. Nobody but the kernel can tell.
func (c *client) disappear() {
	c.end()
	c.x.vanish(forever{})
}
