package proxy

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// onA starts a server whose sessions are on backend a, with an empty backend b beside it.
func onA(t *testing.T, o Options, script func(c *peerConn)) *proxied {
	t.Helper()
	p := start(t, o, newPeer(t, script).spec("a"), newPeer(t, echo).spec("b"))
	if err := p.registry.SetAdmin("b", backend.Maint); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDrainEndsAnIdleSession(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"stopping", "drain", "maint", "removed"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			quit := make(chan bool, 1)
			p := onA(t, Options{}, func(c *peerConn) {
				echo(c)
				quit <- c.quit
			})
			d := p.connect()
			d.ask("SELECT 1")
			p.ready("b")
			switch how {
			case "stopping":
				p.leave("a")
			case "drain":
				_ = p.registry.SetAdmin("a", backend.Drain)
			case "maint":
				_ = p.registry.SetAdmin("a", backend.Maint)
			case "removed":
				b, _ := p.registry.Lookup("b")
				p.registry.Apply([]backend.Spec{b.Status().Spec})
			}
			d.waitEOF()
			_ = d.Close()
			p.waitSessions(0)
			if !<-quit {
				t.Error("the backend has not been told COM_QUIT")
			}
		})
	}
}

// The client that goes on within the linger is sent the end together with its last answer.
func TestDrainSendsTheEndWithTheLastAnswer(t *testing.T) {
	p := onA(t, Options{}, echo)
	d := p.connect()
	d.ask("SELECT 1")
	s := p.only()
	p.ready("b")
	p.leave("a")
	eventually(t, "the drain", p.draining)
	d.ask("SELECT 2")
	if !d.endHasCome() {
		t.Error("the last answer left before its FIN")
	}
	d.waitEOF()
	_ = d.Close()
	p.waitSessions(0)
	if end := s.howEnded(); end != Drained {
		t.Errorf("ended by %v", end)
	}
}

// A backend may begin to leave while a client logs in to it.
func TestDrainReachesASessionThatWasBeingSetUp(t *testing.T) {
	t.Parallel()
	verdict := make(chan struct{})
	p := onA(t, Options{}, func(c *peerConn) {
		c.greet("ABCDEFGHIJKLMNOPQRST")
		if _, err := c.next(1); err == nil {
			<-verdict
			c.send(2, peerOK)
			c.serveQueries()
		}
	})
	logged := make(chan error, 1)
	d := p.dial()
	go func() { logged <- d.login("pw") }()
	p.waitState(Authenticating)
	p.ready("b")
	_ = p.registry.SetAdmin("a", backend.Drain)
	eventually(t, "the drain", func() bool { return p.underDrain("a") })
	close(verdict)
	if err := <-logged; err != nil {
		t.Fatal(err)
	}
	d.waitEOF()
}

// steps is a backend that answers when it is told to.
func steps(next chan []byte) func(c *peerConn) {
	return func(c *peerConn) {
		if !c.login() {
			return
		}
		for {
			payload, _, err := c.r.Next()
			if err != nil || payload[0] == byte(wire.ComQuit) {
				return
			}
			select {
			case answer := <-next:
				if !c.send(1, answer) {
					return
				}
			case <-c.over:
				return
			}
		}
	}
}

func TestDrainLetsAStatementFinish(t *testing.T) {
	t.Parallel()
	next := make(chan []byte)
	p := onA(t, Options{}, steps(next))
	d := p.connect()
	d.query("SELECT SLEEP(3)")
	p.waitState(Busy)
	p.ready("b")
	p.leave("a")
	eventually(t, "the drain", p.draining)
	time.Sleep(drainLinger + 100*time.Millisecond) // longer than an idle session would be kept
	next <- peerOK
	if _, err := d.row(); err != nil {
		t.Fatalf("the running statement: %v", err)
	}
	d.waitEOF()
}

func TestDrainLetsATransactionFinish(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]struct{ open, closed []byte }{
		"flags": {[]byte{0, 0, 0, 3, 0, 0, 0}, peerOK},
		"words": {[]byte{0, 0, 0, 0, 0, 0, 0}, []byte{0, 0, 0, 0, 0, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := make(chan []byte, 1)
			p := onA(t, Options{Flavor: backend.MySQL}, steps(next)) // an FE would get a COM_PING now and then
			d := p.connect()
			run := func(text string, answer []byte) {
				t.Helper()
				next <- answer
				d.query(text)
				if _, err := d.row(); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
			}
			run("BEGIN", ok.open)
			p.waitState(Pinned)
			p.ready("b")
			p.leave("a")
			eventually(t, "the drain", p.draining)
			time.Sleep(drainLinger + 100*time.Millisecond)
			run("INSERT INTO t VALUES (1)", ok.open)
			run("INSERT INTO t VALUES (2)", ok.open)
			run("COMMIT", ok.closed)
			d.waitEOF()
		})
	}
}

func TestDrainDeadlineCutsWithOneClearError(t *testing.T) {
	p := onA(t, Options{DrainTimeout: 100 * time.Millisecond}, steps(make(chan []byte)))
	d := p.connect()
	d.query("SELECT SLEEP(1000)")
	p.waitState(Busy)
	p.ready("b")
	p.leave("a")
	_, err := d.row()
	if e := new(wire.Err); !errors.As(err, &e) || !strings.Contains(e.Message, "drain.timeout") {
		t.Errorf("the client saw %v, want an ERR_Packet that names drain.timeout", err)
	}
	d.waitEOF()
	_ = d.Close()
	p.waitSessions(0)
}

func TestDrainIsTakenBack(t *testing.T) {
	t.Parallel()
	p := onA(t, Options{}, echo)
	d := p.connect()
	p.ready("b")
	if err := p.registry.SetAdmin("a", backend.Drain); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the drain", p.draining)
	p.ready("a")
	eventually(t, "the drain's end", func() bool { return !p.draining() })
	time.Sleep(drainLinger + 100*time.Millisecond)
	d.ask("SELECT 1")
	d.ask("SELECT 2")
}

// While all backends are stopping, the least bad one keeps its sessions, until another takes new ones.
func TestLastBackendKeepsItsSessions(t *testing.T) {
	t.Parallel()
	p := start(t, Options{}, newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b"))
	p.leave("b")
	d := p.connect()
	p.leave("a")
	time.Sleep(drainLinger + 100*time.Millisecond)
	d.ask("SELECT 1")
	p.connect().ask("SELECT 2") // and new ones are served
	b, _ := p.registry.Lookup("b")
	p.registry.SetHealth(b, backend.Up, "")
	d.waitEOF()
}

func TestShutdownDrains(t *testing.T) {
	t.Parallel()
	next := make(chan []byte)
	p := start(t, Options{}, newPeer(t, steps(next)).spec("a"))
	idle, busy := p.connect(), p.connect()
	busy.query("SELECT SLEEP(1)")
	p.stop()
	idle.waitEOF()
	next <- peerOK
	if _, err := busy.row(); err != nil {
		t.Errorf("the running statement: %v", err)
	}
	busy.waitEOF()
	_, _ = idle.Close(), busy.Close()
	select {
	case err := <-p.done:
		if err != nil {
			t.Errorf("Serve: %v", err)
		}
		p.done <- err
	case <-time.After(patience):
		t.Error("Serve does not return")
	}
}

// Sessions that have been silent for long are gone at once when Segue stops, though no client closes its connection: pools do not look at
// those that are idle.
func TestShutdownWaitsForNoIdlePool(t *testing.T) {
	took := soonest(func() {
		p := start(t, Options{}, newPeer(t, echo).spec("a"))
		silent := p.connect()
		silent.ask("SELECT 1")
		p.waitState(Idle)
		s := p.only()
		s.within(func() { s.since -= int64(drainLinger) })
		p.stop()
		silent.waitEOF()
		err := <-p.done
		p.done <- err
		if err != nil {
			t.Error(err)
		}
	})
	if took > drainLinger/2 {
		t.Errorf("Serve returns after %s", took)
	}
}

// One that has just spoken is given the time to speak again, and the end travels with the answer.
func TestShutdownAwaitsTheNextStatement(t *testing.T) {
	p := start(t, Options{}, newPeer(t, echo).spec("a"))
	d := p.connect()
	d.ask("SELECT 1")
	p.stop()
	eventually(t, "the shutdown", p.draining)
	time.Sleep(5 * stopLinger)
	d.ask("SELECT 2")
	d.waitEOF()
}

func TestBug10_CloseDoesNotWaitForClients(t *testing.T) {
	p := start(t, Options{}, newPeer(t, steps(make(chan []byte))).spec("a"))
	p.connect()
	busy := p.connect()
	busy.query("SELECT SLEEP(1000)")
	p.stop()
	p.Close()
	select {
	case err := <-p.done:
		p.done <- err
	case <-time.After(patience):
		t.Error("Serve does not return after Close")
	}
}

func TestBackendGoneTellsTheTruth(t *testing.T) {
	t.Run("during a statement", func(t *testing.T) {
		p := start(t, Options{}, newPeer(t, func(c *peerConn) {
			if c.login() {
				_, _, _ = c.r.Next()
			}
		}).spec("a"))
		d := p.connect()
		d.query("INSERT INTO t VALUES (1)")
		_, err := d.row()
		if e := new(wire.Err); !errors.As(err, &e) || !strings.Contains(e.Message, "outcome is unknown") {
			t.Errorf("the client saw %v", err)
		}
		d.waitEOF()
	})
	t.Run("amid an answer", func(t *testing.T) {
		p := start(t, Options{}, newPeer(t, func(c *peerConn) {
			if c.login() {
				_, _, _ = c.r.Next()
				c.send(1, []byte{1}, peerDef)
			}
		}).spec("a"))
		d := p.connect()
		d.query("SELECT 1")
		if _, err := d.row(); !errors.Is(err, io.EOF) {
			t.Errorf("the client saw %v, want the end of the stream and nothing made up", err)
		}
	})
	t.Run("idle", func(t *testing.T) {
		gone := make(chan *backend.Backend, 1)
		release := make(chan struct{})
		p := start(t, Options{}, newPeer(t, func(c *peerConn) {
			if c.login() {
				<-release
			}
		}).spec("a"))
		p.evident(func(b *backend.Backend, _ error) { gone <- b })
		d := p.connect()
		close(release)
		d.waitEOF()
		if b := <-gone; b.Name() != "a" {
			t.Errorf("evidence against %q", b.Name())
		}
	})
}
