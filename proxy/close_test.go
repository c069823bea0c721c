package proxy

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// stops checks that Serve returns within d once the server is told to stop and then to stop now.
func (p *proxied) stops(d time.Duration) {
	p.t.Helper()
	p.stop()
	p.Close()
	select {
	case err := <-p.done:
		p.done <- err
	case <-time.After(d):
		p.t.Fatalf("Serve does not return within %s", d)
	}
}

// bugs.md 10 (TiProxy #91): whatever a session waits for in its connection phase, Close ends it.
func TestBug10_CloseEndsTheConnectionPhase(t *testing.T) {
	slow := Options{ConnectBudget: time.Minute, ConnectTimeout: 20 * time.Second}
	for name, c := range map[string]struct {
		script func(c *peerConn)
		state  State
		client func(d *driver)
	}{
		"backend without greeting":   {failures["silence"], Dialing, func(*driver) {}},
		"client without answer":      {echo, Authenticating, func(*driver) {}},
		"backend without verdict":    {failures["hang behind the client's answer"], Authenticating, func(d *driver) { go func() { _ = d.login("pw") }() }},
		"backend that refuses":       {failures["too many connections"], Leasing, func(*driver) {}},
		"client asked to switch":     {native("ABCDEFGHIJKLMNOPQRST", nil), Authenticating, func(d *driver) { d.answerAs("some_plugin") }},
		"statement behind the login": {echo, Idle, func(d *driver) { _ = d.login("pw") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var specs []backend.Spec
			for i := range 3 {
				specs = append(specs, newPeer(t, c.script).spec(fmt.Sprint(i)))
			}
			p := start(t, slow, specs...)
			c.client(p.dial())
			p.waitState(c.state)
			p.stops(3 * closeGrace)
		})
	}
}

func TestCloseTurnsAwayWhoComesLater(t *testing.T) {
	p := start(t, Options{}, newPeer(t, echo).spec("a"))
	p.Close()
	d := p.dial()
	d.waitEOF()
	_ = d.Close()
	p.waitSessions(0)
}

// A session may be cut at a moment when it waits for nothing, and is about to.
func TestCutBeforeASetupWaits(t *testing.T) {
	t.Parallel()
	p := start(t, Options{ConnectTimeout: 20 * time.Second, ConnectBudget: time.Minute}, newPeer(t, failures["silence"]).spec("a"))
	_ = p.registry.SetAdmin("a", backend.Maint)
	p.dial()
	p.waitState(Leasing)
	s := p.list()[0]
	s.within(func() {
		_ = p.registry.SetAdmin("a", backend.Ready)
		time.Sleep(2 * maxPause) // its rest is over by now, and it has not looked yet
		s.cut(Timeout, errDrainTimeout, "")
	})
	p.waitSessions(0)
}

func TestCloseAtAnyMoment(t *testing.T) {
	t.Parallel()
	a, b := newPeer(t, echo), newPeer(t, native("ABCDEFGHIJKLMNOPQRST", nil))
	bad := newPeer(t, failures["EOF behind the client's answer"])
	rounds := 150
	if testing.Short() {
		rounds = 30
	}
	for range rounds {
		p := start(t, Options{}, a.spec("a"), b.spec("b"), bad.spec("bad"))
		var wg sync.WaitGroup
		for range 6 {
			nc, err := net.Dial("tcp", p.addr)
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				defer func() { _ = nc.Close() }()
				d := &driver{TCPConn: nc.(*net.TCPConn), t: t, r: wire.NewReader(nc, 0), caps: peerCaps}
				if d.login("pw") == nil {
					_, _ = io.Copy(io.Discard, nc)
				}
			})
		}
		time.Sleep(rand.N(4 * time.Millisecond))
		p.stops(3 * closeGrace)
		wg.Wait()
	}
}

// A panic ends the session that it happened in, wherever, and nothing else.
func TestPanicEndsOneSession(t *testing.T) {
	for name, strike := range map[string]func(c *session, d *driver, next chan []byte){
		"client's bytes": func(c *session, d *driver, _ chan []byte) {
			c.within(func() { c.state = Leasing }) // whatever follows is impossible
			d.query("x")
		},
		"backend's bytes": func(c *session, d *driver, next chan []byte) {
			d.query("x")
			next <- nil // the backend has it
			c.within(func() { c.state = Leasing })
			next <- peerOK
		},
	} {
		t.Run(name, func(t *testing.T) {
			next := make(chan []byte)
			ended := make(chan error, 1)
			p := start(t, Options{}, newPeer(t, func(c *peerConn) {
				if !c.login() || c.number > 1 {
					c.serveQueries()
					return
				}
				if _, _, err := c.r.Next(); err == nil && <-next == nil {
					c.send(1, <-next)
				}
				_, _, err := c.r.Next()
				ended <- err
			}).spec("a"))
			d := p.connect()
			victim := p.list()[0]
			other := p.connect()
			strike(victim, d, next)
			if got, err := io.ReadAll(d); len(got) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("the client got %x, %v", got, err)
			}
			if name == "client's bytes" {
				close(next)
			}
			select {
			case <-ended:
			case <-time.After(patience):
				t.Fatal("the backend's connection stays open")
			}
			p.waitSessions(1)
			other.ask("SELECT 1")
		})
	}
}
