package proxy

import (
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
	"segue/backend/wire"
)

// leaderlessFor is an FE cluster whose leader is killed: a new one is elected after a while, and until then an FE that is asked to write gives up
// nearly at once.
func leaderlessFor(t *testing.T, d time.Duration, o Options) (f *fes, c *sqlClient) {
	t.Helper()
	f = movable(t, 3, fesim.Options{Election: d, LeaderWait: 10 * time.Millisecond}, o)
	leader := f.cluster.Leader()
	f.drain(leader.Name())
	c = f.client("")
	leader.Kill()
	for _, b := range f.registry.Backends() {
		if b.Name() == leader.Name() {
			f.registry.SetHealth(b, backend.Down, "connection refused")
		}
	}
	return f, c
}

func TestWriteWaitsForALeader(t *testing.T) {
	t.Parallel()
	f, c := leaderlessFor(t, 700*time.Millisecond, Options{})
	began := time.Now()
	c.exec("INSERT INTO fesim.ledger VALUES ('elected')")
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("it was executed after %s: there was a leader", took)
	}
	if n := f.cluster.Executions("elected"); n != 1 {
		t.Errorf("it was executed %d times", n)
	}
	if s := f.Sessions()[0]; s.State != Idle.String() {
		t.Errorf("the session is %s", s.State)
	}
}

func TestWriteWaitsNoLongerThanHoldTimeout(t *testing.T) {
	f, c := leaderlessFor(t, time.Minute, Options{Hold: Hold{Timeout: 200 * time.Millisecond}})
	c.exec("SET @a = 'kept'")
	if text := refusedWith(t, c.try("INSERT INTO fesim.ledger VALUES ('never')")); !strings.Contains(text, "Connection refused") {
		t.Errorf("the client saw %q, want the FE's own words", text)
	}
	if got := c.ask("SELECT @a"); got != "kept" {
		t.Errorf("@a is %q", got)
	}
	if n := f.cluster.Executions("never"); n != 0 {
		t.Errorf("it was executed %d times", n)
	}
}

func TestLeaderlessErrorPasses(t *testing.T) {
	t.Run("dry run", func(t *testing.T) {
		_, c := leaderlessFor(t, time.Minute, Options{Hold: Hold{DryRun: true}})
		refusedWith(t, c.try("INSERT INTO fesim.ledger VALUES ('dry')"))
	})
	t.Run("several statements", func(t *testing.T) {
		_, c := leaderlessFor(t, time.Minute, Options{})
		refusedWith(t, c.try("SET @a = 1; INSERT INTO fesim.ledger VALUES ('both')"))
	})
}

// The backend is to be left while a statement waits for a leader: that goes on elsewhere, once.
func TestElectionWhileTheBackendLeaves(t *testing.T) {
	t.Parallel()
	f, c := leaderlessFor(t, 1500*time.Millisecond, Options{})
	from := f.fe(f.Sessions()[0].Backend)
	done := later(func() (string, error) { return "", c.try("INSERT INTO fesim.ledger VALUES ('twice?')") })
	f.waitState(Holding)
	f.drain(from.Name())
	if got := <-done; got.err != nil {
		t.Errorf("the client saw %v", got.err)
	}
	if n := f.cluster.Executions("twice?"); n != 1 {
		t.Errorf("it was executed %d times", n)
	}
	f.away(from.Name())
}

func TestLeaderlessText(t *testing.T) {
	for text, want := range map[string]bool{
		"java.net.ConnectException: Connection refused (Connection refused)": true,
		"Cannot open null host.":                                      true,
		"java.net.SocketException: Connection reset":                  false, // it may have been called
		"java.net.SocketTimeoutException: Read timed out":             false,
		"Getting analyzing error. Detail message: Connection refused": false,
		"": false,
	} {
		if got := leaderlessText(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// A statement that is interrupted was so by somebody's KILL, unless its server is going.
func TestInterruptedByTheServersEnd(t *testing.T) {
	for _, c := range []struct {
		code   uint16
		health backend.Health
		write  bool
		hidden bool
	}{
		{codeInterrupted, backend.Up, false, false},
		{codeInterrupted, backend.Stopping, false, true},
		{codeConnectionKilled, backend.Stopping, false, true},
		{codeConnectionKilled, backend.Stopping, true, false},
		{1146, backend.Stopping, false, false}, // ER_NO_SUCH_TABLE
	} {
		asked := make(chan struct{}, 1)
		going := make(chan struct{})
		p := start(t, known(), newPeer(t, answering(func(pc *peerConn, _ []byte) bool {
			asked <- struct{}{}
			<-going
			return pc.send(1, (&wire.Err{Code: c.code, State: "70100", Message: "Query execution was interrupted"}).Append(nil))
		})).spec("a"), newPeer(t, echo).spec("b"))
		_ = p.registry.SetAdmin("b", backend.Maint)
		d := p.connect()
		statement := "SELECT 1"
		if c.write {
			statement = "INSERT INTO t VALUES (1)"
		}
		d.query(statement)
		<-asked
		p.ready("b")
		a, _ := p.registry.Lookup("a")
		p.registry.SetHealth(a, c.health, "")
		close(going)
		got, err := d.row()
		if hidden := err == nil && string(got) == statement; hidden != c.hidden {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}
