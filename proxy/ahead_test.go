package proxy

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// slowly is echo whose logins take until the channel is closed. What has begun is told.
func slowly(begun chan<- struct{}, until <-chan struct{}) func(c *peerConn) {
	return func(c *peerConn) {
		begun <- struct{}{}
		select {
		case <-until:
			echo(c)
		case <-c.over:
		}
	}
}

// free requires that nobody has passed a gate, and that a backend has so many sessions.
func (p *proxied) free(name string, sessions int) {
	p.t.Helper()
	b, _ := p.registry.Lookup(name)
	eventually(p.t, "the gates to be free", func() bool {
		inside, waiting := p.gate.Counts()
		swapping, swaps := p.swaps.Counts()
		return inside == 0 && waiting == 0 && swapping == 0 && swaps == 0 && b.Sessions() == sessions
	})
}

// A session's statements go on while it is logged in elsewhere, and it goes there between two of them.
func TestStatementsGoOnDuringALoginAhead(t *testing.T) {
	begun, until := make(chan struct{}, 8), make(chan struct{})
	p, d := between(t, echo, slowly(begun, until))
	p.leave("a")
	<-begun
	for range 5 {
		d.ask("SELECT 1")
	}
	if s := p.list()[0]; s.onBackend() != "a" || s.current() != Idle {
		t.Errorf("the session is %s on %s", s.current(), s.onBackend())
	}
	close(until)
	p.onB()
	d.ask("SELECT 2")
	p.free("b", 1)
}

// What has been logged in ahead is given up when it is of no use any more, and nothing is left of it.
func TestLoginAheadIsGivenUp(t *testing.T) {
	for name, happens := range map[string]func(p *proxied, d *driver){
		"the drain is taken back": func(p *proxied, d *driver) {
			a, _ := p.registry.Lookup("a")
			p.registry.SetHealth(a, backend.Up, "")
			eventually(p.t, "the session to know", func() bool { return !p.draining() })
			d.ask("SELECT 1")
		},
		"the client quits":       func(_ *proxied, d *driver) { d.write(0, []byte{byte(wire.ComQuit)}) },
		"the client goes":        func(_ *proxied, d *driver) { _ = d.Close() },
		"the other one is to go": func(p *proxied, _ *driver) { _ = p.registry.SetAdmin("b", backend.Maint) },
	} {
		t.Run(name, func(t *testing.T) {
			begun, until := make(chan struct{}, 8), make(chan struct{})
			p, d := between(t, echo, slowly(begun, until))
			p.leave("a")
			<-begun
			happens(p, d)
			close(until)
			p.free("b", 0)
		})
	}
}

// A backend that refuses a login ahead costs the session nothing: it stays, and its statements do not wait.
func TestLoginAheadThatFails(t *testing.T) {
	tried := make(chan struct{}, 64)
	p, d := between(t, echo, func(c *peerConn) {
		tried <- struct{}{}
		c.greet("12345678901234567890")
	})
	p.leave("a")
	<-tried
	d.ask("SELECT 1")
	if s := p.list()[0]; s.onBackend() != "a" {
		t.Errorf("the session is on %s", s.onBackend())
	}
	p.free("b", 0)
}

// A connection that ends before it is used is noticed, and the session goes on elsewhere when that can be had.
func TestLoginAheadThatIsLost(t *testing.T) {
	lost := make(chan struct{})
	lose := sync.OnceFunc(func() { close(lost) })
	p, d := between(t, answering(func(c *peerConn, command []byte) bool {
		select { // the statement runs until the connection has gone
		case <-lost:
		case <-c.over:
		}
		return c.echoed(command[1:])
	}), func(c *peerConn) {
		if c.login() {
			_ = c.Close()
			lose()
		}
	})
	d.query("SELECT 1")
	s := p.list()[0]
	eventually(t, "the statement to run", func() bool { return s.current() == Busy })
	p.leave("a")
	eventually(t, "the session to know", p.draining)
	s.within(func() { s.leave() }) // as one whose turn has come
	if got, err := d.row(); err != nil || !bytes.Equal(got, []byte("SELECT 1")) {
		t.Fatalf("%q, %v", got, err)
	}
	p.free("b", 0)
	if s.onBackend() != "a" {
		t.Errorf("the session is on %s", s.onBackend())
	}
}

// crowdSwaps has others take all the places of those who take the last step, until the returned function is called.
func (p *proxied) crowdSwaps() (leave func()) {
	for range maxSwapping {
		p.swaps.TryEnter()
	}
	return func() {
		for range maxSwapping {
			p.swaps.Leave()
		}
	}
}

// awaitSwap waits until a session is logged in ahead and waits for its turn to take the last step.
func (p *proxied) awaitSwap() {
	p.t.Helper()
	eventually(p.t, "a session to wait for the last step", func() bool {
		_, waiting := p.swaps.Counts()
		return waiting == 1
	})
}

// A place among those who take the last step is none among those who may log in, whatever has become of the order meanwhile.
func TestPlaceForTheLastStep(t *testing.T) {
	p, _ := between(t, echo, echo)
	leave := p.crowdSwaps()
	a, _ := p.registry.Lookup("a")
	for range 3 {
		p.leave("a")
		p.awaitSwap()
		p.registry.SetHealth(a, backend.Up, "")
		eventually(t, "the session to know", func() bool { return !p.draining() })
	}
	p.leave("a")
	p.awaitSwap()
	leave()
	p.onB()
	p.free("b", 1)
}

// An idle session whose turn is long in coming does not give up: there may be nobody to remind it.
func TestIdleSessionWaitsForTheLastStep(t *testing.T) {
	p, _ := between(t, echo, echo)
	leave := p.crowdSwaps()
	p.leave("a")
	p.awaitSwap()
	s := p.list()[0]
	s.within(func() { // as when it has waited for too long
		d := s.notice.ahead()
		d.deadline = 0
		d.ringAhead()
	})
	leave()
	p.onB()
	p.free("b", 1)
}

// Somebody whom the session has become meanwhile is not logged in as who it was.
func TestUserChangesDuringALoginAhead(t *testing.T) {
	p, d := between(t, echo, func(c *peerConn) { c.greet("12345678901234567890") })
	p.leave("a")
	s := p.list()[0]
	s.within(func() {
		ahead := &departure{slot: p.gate.TryEnter(), step: ahead, s: s, deadline: s.w.now() + int64(moveTimeout)}
		s.notice.leaveQueue()
		s.notice.tried().ahead = ahead
		ahead.visit() // it was nobody when it began
		if s.notice.ahead() != nil || ahead.call != nil {
			t.Error("it is logged in")
		}
	})
	d.ask("SELECT 1")
	p.free("b", 0)
}

// A session that is logged in where there is more room, however long that takes, goes there.
func TestBalanceWaitsForALoginAhead(t *testing.T) {
	begun, until := make(chan struct{}, 8), make(chan struct{})
	p, d := between(t, echo, slowly(begun, until))
	s, b := p.list()[0], p.registry.Backends()[1]
	s.within(func() {
		s.shiftTo(b)
		s.w.told = append(s.w.told, s)
	})
	<-begun
	for range 3 {
		p.balance(time.Now())
	}
	d.ask("SELECT 1")
	close(until)
	p.onB()
	p.free("b", 1)
}
