package proxy

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/fesim"
	"segue/backend/wire"
)

// fall kills all FEs, and has the registry know.
func (f *fes) fall() {
	f.t.Helper()
	for _, fe := range f.cluster.FEs() {
		fe.Kill()
	}
	for _, b := range f.registry.Backends() {
		f.registry.SetHealth(b, backend.Down, "connection refused")
	}
	eventually(f.t, "the gate to shut", f.gate.IsShut)
}

// rise starts them again.
func (f *fes) rise() {
	f.t.Helper()
	if err := f.cluster.Start(); err != nil {
		f.t.Fatal(err)
	}
	for _, b := range f.registry.Backends() {
		f.registry.SetHealth(b, backend.Up, "")
	}
}

// held waits until so many statements wait.
func (f *fes) held(n int) {
	f.t.Helper()
	eventually(f.t, "statements to be held", func() bool { return f.heldNow() == n })
}

// later runs a statement of which the answer is to come.
func later(f func() (string, error)) <-chan result {
	c := make(chan result, 1)
	go func() {
		text, err := f()
		c <- result{text, err}
	}()
	return c
}

type result struct {
	text string
	err  error
}

// refusedWith is the text of the error that a client saw; "" for none.
func refusedWith(t *testing.T, err error) string {
	t.Helper()
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		t.Fatalf("the client saw %v, want an ERR_Packet", err)
	}
	return e.Message
}

func TestStatementIsHeldUntilABackendIsBack(t *testing.T) {
	f := movable(t, 3, fesim.Options{}, Options{})
	c, idle := f.client(""), f.client("")
	c.exec("SET @a = 'kept'")
	idle.exec("SET @a = 'idle'")
	f.fall()
	answer := later(func() (string, error) { return c.row("SELECT @a") })
	arrived := f.arrives()
	f.held(1)
	f.rise()
	if got := <-answer; got.err != nil || got.text != "kept" {
		t.Errorf("@a is %q, %v", got.text, got.err)
	}
	if got := idle.ask("SELECT @a"); got != "idle" {
		t.Errorf("@a is %q", got)
	}
	if got := <-arrived; got.err != nil {
		t.Errorf("a client that came meanwhile saw %v", got.err)
	}
}

// arrives connects a client, which may have to wait for that.
func (f *fes) arrives() <-chan result {
	return later(func() (string, error) {
		conn, err := f.sql("app", "secret")
		if err == nil {
			_ = conn.Close()
		}
		return "", err
	})
}

func TestHoldTimeoutIsOneErrorAndTheClientStays(t *testing.T) {
	f := movable(t, 2, fesim.Options{}, Options{Hold: Hold{Timeout: 300 * time.Millisecond}})
	c := f.client("")
	c.exec("SET @a = 'kept'")
	f.fall()
	f.waitState(Holding)
	for _, statement := range []string{"INSERT INTO fesim.ledger VALUES ('held')", "SELECT '" + strings.Repeat("x", 3*smallRead) + "'"} {
		err := c.try(statement)
		if text := refusedWith(t, err); !strings.Contains(text, "was not sent") || !strings.Contains(text, "hold.timeout 300ms") || !strings.Contains(text, "connection refused") {
			t.Errorf("the client saw %q", text)
		}
	}
	f.rise()
	if got := c.ask("SELECT @a"); got != "kept" {
		t.Errorf("@a is %q", got)
	}
	if n := f.cluster.Executions("held"); n != 0 {
		t.Errorf("what was refused was executed %d times", n)
	}
}

func TestHoldIsBounded(t *testing.T) {
	f := movable(t, 2, fesim.Options{}, Options{Hold: Hold{Statements: 1}})
	first, second := f.client(""), f.client("")
	f.fall()
	answer := later(func() (string, error) { return first.row("SELECT 1") })
	f.held(1)
	if text := refusedWith(t, second.try("SELECT 2")); !strings.Contains(text, "hold.statements") {
		t.Errorf("the client saw %q", text)
	}
	f.rise()
	if got := <-answer; got.err != nil {
		t.Errorf("the first saw %v", got.err)
	}
	if got := second.ask("SELECT 2"); got != "2" {
		t.Errorf("the second got %q", got)
	}
}

func TestHoldDryRun(t *testing.T) {
	f := movable(t, 2, fesim.Options{}, Options{Hold: Hold{DryRun: true}})
	c := f.client("")
	f.fall()
	f.waitState(Holding)
	if text := refusedWith(t, c.try("SELECT 1")); !strings.Contains(text, "dry_run") {
		t.Errorf("the client saw %q", text)
	}
	f.rise()
	if got := c.ask("SELECT 1"); got != "1" {
		t.Errorf("got %q", got)
	}
}

// A statement that only reads and was cut off waits for a backend like any other.
func TestReadThatWasCutOffIsHeld(t *testing.T) {
	for _, back := range []bool{true, false} {
		o := known()
		o.Hold.Timeout = 400 * time.Millisecond
		p, d, cut := reading(t, o)
		cut()
		p.waitState(Holding)
		if back {
			p.ready("b")
		}
		got, err := d.row()
		if !back {
			if e := new(wire.Err); !errors.As(err, &e) || !strings.Contains(e.Message, "only reads") {
				t.Errorf("the client got %q, %v", got, err)
			}
			p.ready("b")
		} else if err != nil || string(got) != "SELECT 1" {
			t.Errorf("the client got %q, %v", got, err)
		}
		d.ask("SELECT 2")
	}
}

// The statement of a client that has left is not sent.
func TestHeldStatementOfAClientThatLeft(t *testing.T) {
	f := movable(t, 2, fesim.Options{}, Options{})
	d := f.dial()
	d.user = "app"
	if err := d.login("secret"); err != nil {
		t.Fatal(err)
	}
	f.fall()
	d.query("INSERT INTO fesim.ledger VALUES ('left')")
	f.held(1)
	_ = d.Close()
	f.waitSessions(0)
	f.rise()
	if n := f.cluster.Executions("left"); n != 0 {
		t.Errorf("it was executed %d times", n)
	}
}

// A lost transaction is one error at once; nobody waits for a backend to hear of it.
func TestLostTransactionIsToldWithoutABackend(t *testing.T) {
	t.Parallel()
	f := movable(t, 2, fesim.Options{}, Options{})
	c := f.client("")
	c.exec("SET @a = 'kept'")
	c.exec("BEGIN")
	c.exec("INSERT INTO fesim.ledger VALUES ('lost')")
	f.fall()
	f.waitState(Holding)
	if text := refusedWith(t, c.try("COMMIT")); !strings.Contains(text, "without its transaction") {
		t.Errorf("the client saw %q", text)
	}
	answer := later(func() (string, error) { return c.row("SELECT @a") })
	f.held(1)
	f.rise()
	if got := <-answer; got.text != "kept" || got.err != nil {
		t.Errorf("@a is %q, %v", got.text, got.err)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	f := movable(t, 2, fesim.Options{}, Options{})
	idle, busy := f.client(""), f.client("")
	busy.exec("BEGIN")
	f.Pause(time.Minute)
	answer := later(func() (string, error) { return idle.row("SELECT 1") })
	f.held(1)
	connected := f.arrives()
	if p := f.Paused(); p == nil || p.Held != 1 || p.Busy != 1 {
		t.Errorf("paused: %+v, want one held and one busy", p)
	}
	busy.exec("INSERT INTO fesim.ledger VALUES ('within')") // what has been begun may end
	busy.exec("COMMIT")
	committed := later(func() (string, error) { return busy.row("SELECT 2") })
	f.held(2)
	f.fall() // the maintenance
	f.rise()
	select {
	case got := <-answer:
		t.Fatalf("an answer during the pause: %v", got)
	case <-connected:
		t.Fatal("a client was connected during the pause")
	case <-time.After(3 * tendEvery):
	}
	if !f.Resume() || f.Resume() || f.Paused() != nil {
		t.Error("resumed twice, or not at all")
	}
	if got := <-answer; got.text != "1" || got.err != nil {
		t.Errorf("got %v", got)
	}
	if got := <-committed; got.text != "2" || got.err != nil {
		t.Errorf("got %v", got)
	}
	if got := <-connected; got.err != nil {
		t.Errorf("the client that came meanwhile saw %v", got.err)
	}
}

func TestPauseEndsByItself(t *testing.T) {
	f := movable(t, 1, fesim.Options{}, Options{})
	c := f.client("")
	f.Pause(100 * time.Millisecond)
	if got := c.ask("SELECT 1"); got != "1" {
		t.Errorf("got %q", got)
	}
	if f.Paused() != nil {
		t.Error("still paused")
	}
}

// Whoever is held can leave, and is cut when Segue stops.
func TestHeldAtShutdown(t *testing.T) {
	f := movable(t, 2, fesim.Options{}, Options{})
	d := f.dial()
	d.user = "app"
	if err := d.login("secret"); err != nil {
		t.Fatal(err)
	}
	f.Pause(time.Minute)
	d.query("SELECT 1")
	f.held(1)
	f.Close()
	payload, err := d.next(1)
	if err != nil || !wire.IsErr(payload) {
		t.Errorf("the client got %q, %v", payload, err)
	}
	d.waitEOF()
}

// What only the backend knows of an idle session is asked for ahead of its end.
func TestValueThatOnlyTheBackendKnowsOutlivesIt(t *testing.T) {
	f := movable(t, 2, fesim.Options{}, Options{})
	c := f.client("")
	c.exec("SET @a = CONNECTION_ID()")
	want := c.ask("SELECT @a")
	s := f.list()[0]
	eventually(t, "the value to be known", func() bool {
		return s.knowsAll() && s.current() == Idle
	})
	from := f.Sessions()[0].Backend
	f.fe(from).Kill()
	if got := c.ask("SELECT @a"); got != want {
		t.Errorf("@a is %q, want %q", got, want)
	}
}

// A pause whose end cannot be reckoned with was none: it was over before it began.
func TestLongestPause(t *testing.T) {
	f := movable(t, 1, fesim.Options{}, Options{})
	for _, d := range []time.Duration{math.MaxInt64, MaxPause + 1, MaxPause} {
		f.Pause(d)
		p := f.Paused()
		if p == nil {
			t.Fatalf("not paused for %s", d)
		}
		if left := time.Until(p.Until); left > MaxPause || left < MaxPause-time.Minute {
			t.Errorf("paused for %s by %s", left, d)
		}
		f.hold()
		if !f.Resume() {
			t.Errorf("the pause of %s has ended by itself", d)
		}
	}
}
