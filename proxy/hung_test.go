package proxy

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/fesim"
)

// hang makes an FE hang, and its probes find that out.
func (f *fes) hang(name string) *backend.Backend {
	f.t.Helper()
	f.fe(name).SetFault(fesim.Fault{Freeze: true, AcceptSilent: true})
	b, _ := f.registry.Lookup(name)
	f.registry.SetHealth(b, backend.Down, "no answer")
	return b
}

// told reports whether all sessions that are left on a backend know that they are to leave it.
func (f *fes) told(from string) bool {
	all := true
	f.ask(func(w *worker) {
		for _, c := range w.all {
			all = all && (c.backendName() != from || c.notice.intent != nil)
		}
	})
	return all
}

// wantLoss requires the one error of a statement whose outcome nobody knows.
func wantLoss(t *testing.T, err error, text string) {
	t.Helper()
	var e *mysql.MySQLError
	if !errors.As(err, &e) || !strings.Contains(e.Message, text) {
		t.Errorf("the client saw %v, want %q", err, text)
	}
}

// patient never gives up a statement.
func patient() Options { return Options{HangTimeout: time.Hour} }

func TestIdleSessionLeavesAHungBackendAtOnce(t *testing.T) {
	f := movable(t, 3, fesim.Options{}, patient())
	c := f.client("")
	c.exec("SET @a = 'kept'")
	from := c.on()
	f.hang(from)
	if got := c.ask("SELECT @a"); got != "kept" {
		t.Errorf("@a is %q", got)
	}
	if on := c.on(); on == from {
		t.Errorf("still on %s", on)
	}
}

// A statement that comes when the session knows that its backend is down is not sent there, even if it has not left yet.
func TestStatementIsNotSentToABackendThatIsDown(t *testing.T) {
	f := movable(t, 3, fesim.Options{}, patient())
	var clients []*sqlClient
	for range 200 { // they leave over 200 ms
		clients = append(clients, f.client(""))
	}
	from := clients[0].on()
	f.hang(from)
	eventually(t, "the sessions to be told", func() bool { return f.told(from) })
	failed := make(chan error, len(clients))
	for _, c := range clients {
		go func() { failed <- c.try("INSERT INTO fesim.ledger VALUES ('x')") }()
	}
	for range clients {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

func TestYoungReadOnAHungBackendIsRunAgainAtOnce(t *testing.T) {
	for name, run := range map[string]func(c *sqlClient) (string, error){
		"text":     func(c *sqlClient) (string, error) { return c.row("SELECT @a") },
		"prepared": func(c *sqlClient) (string, error) { return c.row("SELECT @a, ?", 1) },
		"ping":     func(c *sqlClient) (string, error) { return "kept", c.PingContext(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			f := movable(t, 3, fesim.Options{}, patient())
			c := f.client("")
			c.exec("SET @a = 'kept'")
			from := c.on()
			f.fe(from).SetFault(fesim.Fault{Freeze: true, AcceptSilent: true})
			failed := make(chan error, 1)
			go func() {
				got, err := run(c)
				if err == nil && !strings.HasPrefix(got, "kept") {
					err = errors.New("got " + got)
				}
				failed <- err
			}()
			f.waitState(Busy)
			f.hang(from)
			if err := <-failed; err != nil {
				t.Error(err)
			}
			if on := c.on(); on == from {
				t.Errorf("still on %s", on)
			}
		})
	}
}

// A write is given up when its backend has been down and silent for as long as the operator says, and the client goes on.
func TestWriteOnAHungBackendIsOneError(t *testing.T) {
	f := movable(t, 3, fesim.Options{}, Options{HangTimeout: 400 * time.Millisecond})
	c := f.client("")
	c.exec("SET @a = 'kept'")
	from := c.on()
	f.fe(from).SetFault(fesim.Fault{Freeze: true, AcceptSilent: true})
	failed := make(chan error, 1)
	go func() { failed <- c.try("INSERT INTO fesim.ledger VALUES ('x')") }()
	f.waitState(Busy)
	began := time.Now()
	f.hang(from)
	wantLoss(t, <-failed, "stopped answering while the statement ran; its outcome is unknown")
	if took := time.Since(began); took < 400*time.Millisecond || took > 5*time.Second {
		t.Errorf("given up after %v", took)
	}
	if got := c.ask("SELECT @a"); got != "kept" {
		t.Errorf("@a is %q", got)
	}
	f.fe(from).SetFault(fesim.Fault{})
	time.Sleep(50 * time.Millisecond)
	if n := f.cluster.Executions("x"); n > 1 {
		t.Errorf("the INSERT took effect %d times", n)
	}
}

// What fails may be the probing: as long as the MySQL port speaks to those who come, what runs goes on.
func TestSlowStatementOnALivingBackendIsNotGivenUp(t *testing.T) {
	for name, health := range map[string]backend.Health{"up": backend.Up, "down by its health URL": backend.Down} {
		t.Run(name, func(t *testing.T) {
			f := movable(t, 3, fesim.Options{}, Options{HangTimeout: 500 * time.Millisecond})
			c := f.client("")
			from := c.on()
			b, _ := f.registry.Lookup(from)
			failed := make(chan error, 1)
			go func() { failed <- c.try("INSERT INTO fesim.ledger VALUES ('x', SLEEP(1.5))") }()
			f.waitState(Busy)
			f.registry.SetHealth(b, health, "/api/health no answer")
			for {
				select {
				case err := <-failed:
					if err != nil {
						t.Error(err)
					}
					return
				case <-time.After(10 * time.Millisecond):
					b.Spoke() // as the prober would find
				}
			}
		})
	}
}

func TestTransactionOnAHungBackendIsOneError(t *testing.T) {
	f := movable(t, 3, fesim.Options{}, Options{HangTimeout: 100 * time.Millisecond})
	c := f.client("")
	c.exec("SET @a = 'kept'")
	from := c.on()
	c.exec("BEGIN")
	c.exec("INSERT INTO fesim.ledger VALUES ('x')")
	b := f.hang(from)
	eventually(t, "the time to be over", func() bool { return hung(b.Status(), b.LastSpoke(), 100*time.Millisecond, time.Now()) })
	wantLoss(t, c.try("INSERT INTO fesim.ledger VALUES ('y')"), "stopped answering: the session has gone on elsewhere, without its transaction")
	if n, units := f.heldNow(), f.waiting.Load(); n != 0 || units != 0 {
		t.Errorf("%d statements wait, with %d buffers, though the only one has been answered", n, units)
	}
	if got := c.ask("SELECT @a"); got != "kept" {
		t.Errorf("@a is %q", got)
	}
	if n := f.cluster.Executions("x") + f.cluster.Executions("y"); n != 0 {
		t.Errorf("%d rows of the transaction", n)
	}
}

// A statement that waits for a COM_PING of Segue's own does not wait for ever.
func TestStatementBehindAPingThatIsNotAnswered(t *testing.T) {
	t.Parallel()
	f := movable(t, 3, fesim.Options{}, Options{HangTimeout: 100 * time.Millisecond})
	c := f.client("")
	from := c.on()
	c.exec("BEGIN")
	c.exec("INSERT INTO fesim.ledger VALUES ('x')")
	b, _ := f.registry.Lookup(from)
	f.fe(from).SetFault(fesim.Fault{Freeze: true, AcceptSilent: true})
	f.registry.SetHealth(b, backend.Stopping, "/api/health 500")
	eventually(t, "a ping", func() bool {
		return f.list()[0].isAsked()
	})
	failed := make(chan error, 1)
	go func() { failed <- c.try("COMMIT") }()
	f.registry.SetHealth(b, backend.Down, "no answer")
	wantLoss(t, <-failed, "without its transaction")
}

// What only the old backend knows keeps a session there until that speaks, or is given up.
func TestSessionThatNeedsItsHungBackendWaitsForIt(t *testing.T) {
	f := movable(t, 3, fesim.Options{}, patient())
	c := f.client("")
	c.exec("SET @a = UUID()")
	from, want := c.on(), c.ask("SELECT @a")
	b := f.hang(from)
	time.Sleep(2 * hangEvery)
	if s := f.Sessions()[0]; s.Backend != from || s.State != Idle.String() {
		t.Fatalf("the session is %s on %s", s.State, s.Backend)
	}
	f.fe(from).SetFault(fesim.Fault{})
	b.Spoke()
	f.away(from)
	if got := c.ask("SELECT @a"); got != want {
		t.Errorf("@a is %q, was %q", got, want)
	}
}

// Nothing is given up for want of another backend.
func TestHungBackendIsKeptWhereThereIsNoOther(t *testing.T) {
	f := movable(t, 1, fesim.Options{}, Options{HangTimeout: 50 * time.Millisecond})
	c := f.client("")
	from := c.on()
	f.fe(from).SetFault(fesim.Fault{Freeze: true})
	failed := make(chan error, 1)
	go func() { failed <- c.try("INSERT INTO fesim.ledger VALUES ('x')") }()
	f.waitState(Busy)
	f.hang(from)
	time.Sleep(3 * hangEvery)
	f.fe(from).SetFault(fesim.Fault{})
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

func TestHungTakesTheLastWord(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, c := range []struct {
		name   string
		health backend.Health
		since  time.Time
		spoke  time.Time
		want   bool
	}{
		{"up", backend.Up, ago(time.Hour), ago(time.Hour), false},
		{"stopping", backend.Stopping, ago(time.Hour), ago(time.Hour), false},
		{"just down", backend.Down, ago(time.Second), ago(time.Minute), false},
		{"down and silent", backend.Down, ago(3 * time.Second), ago(4 * time.Second), true},
		{"down and never heard", backend.Down, ago(3 * time.Second), time.Time{}, true},
		{"down, but it speaks", backend.Down, ago(time.Hour), ago(time.Second), false},
		{"it has stopped speaking", backend.Down, ago(time.Hour), ago(3 * time.Second), true},
	} {
		if got := hung(backend.Status{Health: c.health, Since: c.since}, c.spoke, 3*time.Second, now); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A client's connection that the network swallows is given up as soon as the backend is known to be down.
func TestHurryGivesUpADialThatGetsNoAnswer(t *testing.T) {
	full := fullListener(t)
	p := start(t, Options{ConnectBudget: time.Minute, ConnectTimeout: 20 * time.Second}, backend.Spec{Name: "hung", Address: full},
		newPeer(t, native("ABCDEFGHIJKLMNOPQRST", nil)).spec("good"))
	_ = p.registry.SetAdmin("good", backend.Drain)
	logged := make(chan error, 1)
	d := p.dial()
	go func() { logged <- d.login("pw") }()
	p.waitState(Dialing)
	p.ready("good")
	hung, _ := p.registry.Lookup("hung")
	p.registry.SetHealth(hung, backend.Down, "no answer")
	select {
	case err := <-logged:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("the dialing goes on")
	}
}

// fullListener gives an address that answers no SYN: the queue of its listener is full.
func fullListener(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "listener")
	t.Cleanup(func() { f.Close() })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: sa.(*syscall.SockaddrInet4).Port}).String()
	for {
		c, err := net.DialTimeout("tcp", address, 300*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { c.Close() })
	}
}
