package proxy

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
	"segue/backend/wire"
)

// down has the registry know that backends are gone.
func (p *proxied) down(names ...string) {
	p.t.Helper()
	for _, name := range names {
		b, ok := p.registry.Lookup(name)
		if !ok {
			p.t.Fatalf("no backend %q", name)
		}
		p.registry.SetHealth(b, backend.Down, "killed")
	}
}

func (p *proxied) up(names ...string) {
	for _, name := range names {
		b, _ := p.registry.Lookup(name)
		p.registry.SetHealth(b, backend.Up, "")
	}
}

// refused checks that an ERR_Packet is what comes next.
func (d *driver) toldNo(text string) {
	d.t.Helper()
	got, err := d.row()
	if e := new(wire.Err); !errors.As(err, &e) || !strings.Contains(e.Message, text) {
		d.t.Fatalf("the client got %q, %v, want an ERR_Packet with %q", got, err, text)
	}
}

// stranded is a session whose backend a has gone, with b in maintenance: it is held.
func stranded(t *testing.T, o Options) (p *proxied, d *driver) {
	t.Helper()
	leave := make(chan struct{})
	p = start(t, o, newPeer(t, func(c *peerConn) {
		if c.number == 1 && c.login() {
			<-leave
		}
	}).spec("a"), newPeer(t, echo).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	d = p.connect()
	p.down("a")
	eventually(t, "the gate to shut", p.gate.IsShut)
	close(leave)
	p.waitState(Holding)
	return p, d
}

func short() Options {
	o := known()
	o.Hold.Timeout = 300 * time.Millisecond
	return o
}

// A client that has been refused, and is silent, waits with nothing.
func TestNobodyWaitsWithoutAStatement(t *testing.T) {
	p, d := stranded(t, short())
	d.query("SELECT 1")
	d.toldNo("was not sent")
	time.Sleep(tendEvery / 5)
	if n, units := p.heldNow(), p.waiting.Load(); n != 0 || units != 0 {
		t.Errorf("%d wait, with %d buffers", n, units)
	}
	p.waitState(Holding)
	p.ready("b")
	d.ask("SELECT 2")
}

// reading has a client wait for the answer to SELECT 1 on a, which is down by then, as is b, in maintenance. cut ends the connection.
// Nobody gets in to a again.
func reading(t *testing.T, o Options) (p *proxied, d *driver, cut func()) {
	t.Helper()
	asked, gone := make(chan struct{}), make(chan struct{})
	first := answering(func(*peerConn, []byte) bool {
		close(asked)
		<-gone
		return false
	})
	p = start(t, o, newPeer(t, func(c *peerConn) {
		if c.number == 1 {
			first(c)
		}
	}).spec("a"), newPeer(t, echo).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	d = p.connect()
	d.query("SELECT 1")
	<-asked
	p.down("a")
	eventually(t, "the gate to shut", p.gate.IsShut)
	return p, d, func() { close(gone) }
}

// What is refused behind a statement that waits to be run again is told behind it.
func TestRefusalDoesNotOvertake(t *testing.T) {
	p, d, cut := reading(t, known())
	cut()
	p.waitState(Holding)
	p.waiting.Add(2 * DefaultHoldStatements)
	d.query("SELECT 2")
	eventually(t, "the statement to come", func() bool { return p.waiting.Load() > 2*DefaultHoldStatements })
	time.Sleep(20 * time.Millisecond)
	p.waiting.Add(-2 * DefaultHoldStatements)
	p.ready("b")
	for _, want := range []string{"SELECT 1", "SELECT 2"} {
		if got, err := d.row(); err != nil || string(got) != want {
			t.Fatalf("the client got %q, %v, want the answer to %s", got, err, want)
		}
	}
}

// A statement is not taken back while another one is on its way to the same backend.
func TestStatementIsNotTakenBackInTheMiddleOfTheNext(t *testing.T) {
	asked, going := make(chan struct{}, 2), make(chan struct{})
	p, d := between(t, answering(func(c *peerConn, command []byte) bool {
		if !bytes.HasSuffix(command, []byte("1")) {
			return c.echoed(command[1:])
		}
		asked <- struct{}{}
		<-going
		return c.send(1, (&wire.Err{Code: codeServerShutdown, State: "08S01", Message: "Server shutdown in progress"}).Append(nil))
	}), echo)
	d.query("SELECT 1")
	<-asked
	second := packets(query("SELECT 2"))
	_, _ = d.Write(second[:11])
	s := p.list()[0]
	eventually(t, "the second to have begun", s.midCommand)
	close(going)
	d.toldNo("shutdown in progress")
	_, _ = d.Write(second[11:])
	if got, err := d.row(); err != nil || string(got) != "SELECT 2" {
		t.Errorf("the client got %q, %v", got, err)
	}
}

// The time that a session is held does not count against connect.budget, whenever that begins.
func TestBudgetBeginsBehindTheGate(t *testing.T) {
	o := known()
	o.ConnectBudget = 200 * time.Millisecond
	leave := make(chan struct{})
	p := start(t, o, newPeer(t, func(c *peerConn) {
		if c.login() {
			<-leave
		}
	}).spec("a"), newPeer(t, echo).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	d := p.connect()
	p.ready("b")
	for range maxMoving { // others are at it
		if !p.gate.TryEnter() {
			t.Fatal("no room")
		}
	}
	close(leave)
	p.waitState(Moving)
	eventually(t, "the session to be at the gate", func() bool {
		_, waiting := p.gate.Counts()
		return waiting == 1
	})
	p.down("a", "b")
	eventually(t, "the gate to shut", p.gate.IsShut)
	time.Sleep(2 * o.ConnectBudget)
	for range maxMoving {
		p.gate.Leave()
	}
	p.up("b")
	d.ask("SELECT 1")
}

// A command that gets no answer does not keep those behind it from being told, and gets none.
func TestSilentCommandThatIsHeld(t *testing.T) {
	closing := packets([]byte{byte(wire.ComStmtClose), 9, 0, 0, 0})
	took := time.Hour // the soonest of them: a machine that stands still for a moment does not do it each time
	for _, cut := range []int{0, 2, 4, 7} {
		p, d := stranded(t, short())
		if cut > 0 {
			_, _ = d.Write(closing[:cut])
			time.Sleep(3 * tendEvery)
		}
		_, _ = d.Write(closing[cut:])
		for range 3 {
			_, _ = d.Write(closing)
		}
		began := time.Now()
		d.query("SELECT 1")
		d.toldNo("was not sent")
		took = min(took, time.Since(began))
		p.ready("b")
		d.ask("SELECT 2")
	}
	if took > 6*tendEvery {
		t.Errorf("told after %s", took)
	}
}

// What a backend says of an idle connection that it closes is not for a client that goes on elsewhere.
func TestFarewellOfABackendIsNotTakenForAnAnswer(t *testing.T) {
	p, d := between(t, func(c *peerConn) {
		if c.login() {
			c.sendAndClose(0, (&wire.Err{Code: 1053, State: "08S01", Message: "Server shutdown in progress"}).Append(nil))
		}
	}, echo)
	p.onB()
	d.ask("SELECT 1")
}

// A session that comes to another backend while Segue is told to stop ends like any other.
func TestShutdownDuringAMove(t *testing.T) {
	t.Parallel()
	gate, begun := make(chan struct{}), make(chan struct{})
	p, _ := between(t, echo, func(c *peerConn) {
		close(begun)
		<-gate
		echo(c)
	})
	p.leave("a")
	<-begun
	p.stop()
	eventually(t, "the session to know", func() bool {
		return p.list()[0].toldToStop()
	})
	close(gate)
	select {
	case err := <-p.done:
		p.done <- err
	case <-time.After(5 * time.Second):
		t.Error("Serve does not return")
	}
}

// Clients that wait for the end of a pause do not keep Segue from stopping.
func TestShutdownDuringAPause(t *testing.T) {
	o := known()
	o.DrainTimeout = 200 * time.Millisecond
	p := start(t, o, newPeer(t, echo).spec("a"))
	p.Pause(time.Minute)
	p.dial()
	p.waitSessions(1)
	p.stop()
	select {
	case err := <-p.done:
		p.done <- err
	case <-time.After(5 * time.Second):
		t.Error("Serve does not return")
	}
}

// A statement that the operator holds is told of the end of a backend that cannot be replaced, and the session ends.
func TestPausedSessionThatLosesItsBackend(t *testing.T) {
	gone := make(chan struct{})
	p := start(t, Options{Flavor: backend.MySQL}, newPeer(t, func(c *peerConn) {
		if c.login() {
			<-gone
		}
	}).spec("a"))
	d := p.connect()
	p.Pause(time.Minute)
	d.query("SELECT 1")
	p.waitState(Holding)
	close(gone)
	d.toldNo("was not sent")
	_ = d.Close()
	p.waitSessions(0)
}

// Whoever comes just when a pause ends waits no longer.
func TestResumeForgetsNobody(t *testing.T) {
	p := start(t, known(), newPeer(t, echo).spec("a"))
	d := p.connect()
	for i := range 3000 {
		p.Pause(time.Minute)
		var wg sync.WaitGroup
		wg.Go(func() {
			for end := time.Now().Add(time.Duration(i%100) * time.Microsecond); time.Now().Before(end); {
			}
			p.Resume()
		})
		d.ask("SELECT 1")
		wg.Wait()
	}
}

// A pause that is prolonged when it is about to end has an end.
func TestPauseAlwaysEnds(t *testing.T) {
	p := start(t, known(), newPeer(t, echo).spec("a"))
	for range 2000 {
		p.Pause(time.Minute)
		var wg sync.WaitGroup
		wg.Go(func() { p.Pause(time.Minute) })
		wg.Go(func() { p.Resume() })
		wg.Wait()
		if p.paused.Load() && (p.pausedSince.Load() == 0 || p.pausedUntil.Load() == 0) {
			t.Fatal("paused without an end")
		}
		if shut := p.gate.IsShut(); shut != p.paused.Load() {
			t.Fatalf("paused: %v, shut: %v", p.paused.Load(), shut)
		}
		p.Resume()
	}
}

// A write that waited for a leader and then for any backend at all was not sent, and leaves nothing behind.
func TestElectionThatEndsInNoBackend(t *testing.T) {
	t.Parallel()
	f := movable(t, 3, fesim.Options{Election: time.Minute, LeaderWait: 10 * time.Millisecond}, Options{Hold: Hold{Timeout: 800 * time.Millisecond}})
	leader := f.cluster.Leader()
	f.drain(leader.Name())
	c := f.client("")
	c.exec("SET @a = 'kept'")
	leader.Kill()
	f.down(leader.Name())
	done := later(func() (string, error) { return "", c.try("INSERT INTO fesim.ledger VALUES ('never')") })
	f.waitState(Holding)
	f.fall()
	got := <-done
	if text := refusedWith(t, got.err); strings.Contains(text, "only reads") {
		t.Errorf("the client saw %q", text)
	}
	if f.list()[0].awaitsLeader() {
		t.Error("the election is not over")
	}
	f.rise()
	if got := c.ask("SELECT @a"); got != "kept" {
		t.Errorf("@a is %q", got)
	}
	if n := f.cluster.Executions("never"); n != 0 {
		t.Errorf("it was executed %d times", n)
	}
}

// In a dry run nothing waits, a statement that was cut off included.
func TestReadThatWasCutOffInADryRun(t *testing.T) {
	o := known()
	o.Hold.DryRun = true
	p, d, cut := reading(t, o)
	began := time.Now()
	cut()
	d.toldNo("dry_run")
	if took := time.Since(began); took > DefaultHoldTimeout/4 {
		t.Errorf("told after %s", took)
	}
	p.ready("b")
	d.ask("SELECT 2")
}
