package fesim_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
)

// run sends a statement and reads its answer of n packets.
func (c *raw) run(statement string, n uint8) {
	c.t.Helper()
	c.query(statement)
	for seq := uint8(1); seq <= n; seq++ {
		c.must(seq)
	}
}

func refused(f *fesim.FE) bool {
	conn, err := net.Dial("tcp", f.MySQLAddress())
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

func TestS18_WithoutOthersItExitsAtOnce(t *testing.T) {
	for n, want := range map[int]int{1: 255, 2: 255, 3: 0} {
		c := startCluster(t, n, fesim.Options{})
		f := c.FEs()[n-1]
		session := login(t, f)
		session.run("SELECT 1", 5)
		var seen500 atomic.Bool
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if code, _ := health(t, f); code == 500 {
					seen500.Store(true)
				}
			}
		}()
		f.GracefulExit()
		f.Wait()
		close(stop)
		<-stopped
		if f.ExitCode() != want || seen500.Load() != (want == 0) {
			t.Errorf("%d FEs: exit code %d, health 500: %v", n, f.ExitCode(), seen500.Load())
		}
		session.wantEnd(false)
	}
}

func TestS18_ThreeWithOneDown(t *testing.T) {
	c := startCluster(t, 3, fesim.Options{})
	c.FEs()[2].Kill()
	c.FEs()[1].GracefulExit()
	c.FEs()[1].Wait()
	if code := c.FEs()[1].ExitCode(); code != 255 {
		t.Errorf("exit code %d, want 255", code)
	}
}

func TestS19_SweepClosesIdleSessionsByFIN(t *testing.T) {
	f := start(t, fesim.Options{MaxExit: time.Hour, Generation: fesim.G3})
	idle, inTxn, unused := login(t, f), login(t, f), login(t, f)
	idle.run("SELECT 1", 5)
	inTxn.run("BEGIN", 1)
	inTxn.run("INSERT INTO fesim.ledger VALUES ('x')", 1)
	time.Sleep(15 * time.Millisecond) // idle for more than a second of the FE
	f.GracefulExit()
	if code, _ := health(t, f); code != 500 {
		t.Errorf("health %d, want 500", code)
	}
	idle.wantEnd(false)
	inTxn.wantEnd(false)
	unused.run("SELECT 1", 5) // a session that has never run a command is not swept
	if n := f.Cluster().Executions("x"); n != 0 {
		t.Errorf("the transaction took effect")
	}
	unused.wantEnd(false)
	f.Wait()
	if f.ExitCode() != 0 {
		t.Errorf("exit code %d", f.ExitCode())
	}
}

func TestS19_BusySessionsAreNeverIdle(t *testing.T) {
	f := start(t, fesim.Options{MaxExit: time.Hour, Idle: 20 * time.Second}) // 200 ms
	c := login(t, f)
	c.run("SELECT 1", 5)
	f.GracefulExit()
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		c.send(0, []byte{14}) // COM_PING counts as a command
		c.must(1)
	}
	c.wantEnd(false)
}

func TestS19_G2LeaderHandsOverFirst(t *testing.T) {
	c := startCluster(t, 3, fesim.Options{Generation: fesim.G2, Election: 10 * time.Second}) // 100 ms
	f := c.FEs()[0]
	idle := login(t, f)
	idle.run("SELECT 1", 5)
	time.Sleep(15 * time.Millisecond)
	f.GracefulExit()
	within(t, "an election", func() bool { return c.Leader() == nil })
	if code, body := get(t, strings.Replace(f.HealthURL(), "health", "bootstrap", 1)); code != 200 || !strings.Contains(body, "not ready") {
		t.Errorf("bootstrap during the election: %d %s", code, body)
	}
	idle.run("SELECT 1", 5) // not swept yet
	idle.wantEnd(false)
	if l := c.Leader(); l != c.FEs()[1] {
		t.Errorf("leader %v after the sweep", l)
	}
	f.Wait()
}

func TestS19_G4SparesTransactions(t *testing.T) {
	f := start(t, fesim.Options{Generation: fesim.G4, AcceptWindow: time.Second, MinExit: 20 * time.Second}) // 10 ms, 200 ms
	idle, inTxn := login(t, f), login(t, f)
	idle.run("SELECT 1", 5)
	inTxn.run("BEGIN", 1)
	time.Sleep(15 * time.Millisecond)
	f.GracefulExit()
	idle.wantEnd(false)
	time.Sleep(30 * time.Millisecond)
	inTxn.run("COMMIT", 1)
	inTxn.wantEnd(false)
}

func TestS20_RunningStatementFinishes(t *testing.T) {
	for _, tt := range []struct {
		immediate bool
		statement string
		packets   uint8
		closed    bool // right after the answer
	}{
		{true, "SELECT SLEEP(0.05)", 5, true},
		{true, "SELECT 1 FROM fesim.rows(2, 10, 50)", 6, true},
		{true, "SELECT nonsense", 1, true},
		{true, "SET @a = SLEEP(0.05)", 1, true},
		{true, "SELECT @@autocommit, SLEEP(0.05)", 6, false},
		{true, "SELECT CONNECTION_ID(), SLEEP(0.05)", 6, false},
		{true, "SET query_timeout = 60 + SLEEP(0.05)", 1, false},
		{true, "SET NAMES utf8", 1, false},
		{false, "SELECT SLEEP(0.05)", 5, false},
	} {
		t.Run(fmt.Sprint(tt.immediate, " ", tt.statement), func(t *testing.T) {
			t.Parallel()
			f := start(t, fesim.Options{CloseAfterStmt: tt.immediate, Sweep: time.Hour, MaxExit: 2 * time.Hour})
			c := login(t, f)
			if strings.Contains(tt.statement, "SLEEP") || strings.Contains(tt.statement, "rows") {
				c.query(tt.statement)
				within(t, "the statement runs", func() bool { return f.Stats().Statements == 1 })
				f.GracefulExit()
			} else {
				f.GracefulExit()
				c.query(tt.statement)
			}
			for seq := uint8(1); seq <= tt.packets; seq++ {
				c.must(seq)
			}
			if tt.closed {
				c.wantEnd(false)
				return
			}
			c.send(0, []byte{14})
			c.must(1)
		})
	}
}

func TestS21_NewConnectionsWhileLeaving(t *testing.T) {
	for _, g := range []fesim.Generation{fesim.G2, fesim.G3, fesim.G4} {
		f := start(t, fesim.Options{Generation: g, MaxExit: time.Hour})
		f.GracefulExit()
		if g == fesim.G4 {
			within(t, "G4 refuses", func() bool { return refused(f) })
			continue
		}
		login(t, f).run("SELECT 1", 5)
	}
}

func TestS22_ExitsWhenEmptyButNotBeforeMin(t *testing.T) {
	f := start(t, fesim.Options{})
	began := time.Now()
	f.GracefulExit()
	f.Wait()
	if took := time.Since(began); f.ExitCode() != 0 || took < 150*time.Millisecond || took > 590*time.Millisecond {
		t.Errorf("exit code %d after %v, want 0 after 150 ms", f.ExitCode(), took)
	}
	if !refused(f) {
		t.Error("the port still accepts")
	}
	if code, _ := health(t, f); code != 0 {
		t.Errorf("health %d after the exit", code)
	}
}

func TestS22_MaxExitCutsRunningStatements(t *testing.T) {
	f := start(t, fesim.Options{})
	busy, idle := login(t, f), login(t, f)
	busy.query("SELECT SLEEP(60)")
	within(t, "the statement runs", func() bool { return f.Stats().Statements == 1 })
	began := time.Now()
	f.GracefulExit()
	b, err := io.ReadAll(busy.in)
	if len(b) == 0 || len(b) > 5 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read %x, %v: want the beginning of a packet, then RST", b, err)
	}
	idle.wantEnd(true) // never used, so not swept; the process dies with it
	f.Wait()
	if took := time.Since(began); f.ExitCode() != 255 || took < 590*time.Millisecond {
		t.Errorf("exit code %d after %v, want 255 after 600 ms", f.ExitCode(), took)
	}
	if f.Stats().Cut != 1 {
		t.Errorf("%d statements cut, want 1", f.Stats().Cut)
	}
}

func TestS23_CloseRace(t *testing.T) {
	seen := make(map[string]bool)
	for seed := uint64(0); len(seen) < 3; seed++ {
		if seed == 50 {
			t.Fatalf("50 seeds gave only %v", seen)
		}
		f := start(t, fesim.Options{Seed: seed, MaxExit: time.Hour})
		f.SetFault(fesim.Fault{CloseRace: 5 * time.Second})
		c := login(t, f)
		c.run("SELECT 1", 5)
		time.Sleep(12 * time.Millisecond)
		f.GracefulExit()
		within(t, "the sweep has decided", func() bool { return f.Stats().Swept == 1 })
		c.query("INSERT INTO fesim.ledger VALUES ('x')")
		b, err := io.ReadAll(c.in)
		if len(b) > 0 {
			t.Errorf("answer %x", b)
		}
		seen[fmt.Sprint("executed ", f.Cluster().Executions("x"), ", reset ", errors.Is(err, syscall.ECONNRESET))] = true
		if f.Stats().Raced != 1 {
			t.Errorf("%d races counted", f.Stats().Raced)
		}
		f.Close()
	}
	for _, outcome := range []string{"executed 1, reset false", "executed 0, reset false", "executed 0, reset true"} {
		if !seen[outcome] {
			t.Errorf("never: %s; seen %v", outcome, seen)
		}
	}
}

func TestS24_KillAndTerminate(t *testing.T) {
	for _, tt := range []struct {
		end   func(*fesim.FE)
		code  int
		reset bool // of idle sessions
	}{{(*fesim.FE).Kill, 137, true}, {(*fesim.FE).Terminate, 143, false}} {
		f := start(t, fesim.Options{})
		idle, busy := login(t, f), login(t, f)
		idle.run("SELECT 1", 5)
		busy.query("SELECT SLEEP(60)")
		within(t, "the statement runs", func() bool { return f.Stats().Statements == 2 })
		keepAlive, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(f.HealthURL(), "http://"), "/api/health"))
		if err != nil {
			t.Fatal(err)
		}
		defer keepAlive.Close()
		if code, _ := health(t, f); code != 200 {
			t.Errorf("health %d", code)
		}
		tt.end(f)
		busy.wantEnd(true)
		idle.wantEnd(tt.reset)
		if _, err := io.ReadAll(keepAlive); errors.Is(err, syscall.ECONNRESET) != tt.reset {
			t.Errorf("HTTP connection: %v", err)
		}
		f.Wait()
		if f.ExitCode() != tt.code || f.Stats().Cut != 1 || f.Stats().Open != 0 {
			t.Errorf("exit code %d, want %d; %+v", f.ExitCode(), tt.code, f.Stats())
		}
		if !refused(f) {
			t.Error("the port accepts")
		}
		mysql, health := f.MySQLAddress(), f.HealthURL()
		if err := f.Start(); err != nil {
			t.Fatal(err)
		}
		if f.MySQLAddress() != mysql || f.HealthURL() != health || f.ExitCode() != -1 {
			t.Errorf("after the restart: %s %s %d", f.MySQLAddress(), f.HealthURL(), f.ExitCode())
		}
		login(t, f).run("SELECT 1", 5)
	}
}

func TestS28_Doris(t *testing.T) {
	f := start(t, fesim.Options{Flavor: backend.Doris})
	idle, busy := login(t, f), login(t, f)
	idle.run("SELECT 1", 5)
	if _, body := health(t, f); !strings.Contains(body, `"code":0`) || !strings.Contains(body, `"success"`) {
		t.Errorf("health %s", body)
	}
	busy.query("SELECT SLEEP(0.2)")
	within(t, "the statement runs", func() bool { return f.Stats().Statements == 2 })
	f.Terminate()
	if code, body := health(t, f); code != 200 || !strings.Contains(body, "Server is not ready") {
		t.Errorf("leaving: health %d %s", code, body)
	}
	time.Sleep(50 * time.Millisecond)
	idle.run("SELECT 1", 5) // not swept
	login(t, f).run("SELECT 1", 5)
	for seq := uint8(1); seq <= 5; seq++ {
		busy.must(seq)
	}
	busy.wantEnd(false)
	f.Wait()
	if f.ExitCode() != 0 {
		t.Errorf("exit code %d", f.ExitCode())
	}
}

func TestS28_TiDB(t *testing.T) {
	f := start(t, fesim.Options{Flavor: backend.TiDB, GracefulWait: 10 * time.Second, MaxExit: time.Hour}) // 100 ms
	idle, used, inTxn := login(t, f), login(t, f), login(t, f)
	for _, c := range []*raw{idle, used} {
		c.run("SELECT 1", 5)
	}
	inTxn.run("BEGIN", 1)
	f.Terminate()
	if code, body := health(t, f); code != 500 || body != "" || !strings.HasSuffix(f.HealthURL(), "/status") {
		t.Errorf("%s: %d %q", f.HealthURL(), code, body)
	}
	login(t, f).run("SELECT 1", 5) // accepted during the wait
	used.send(0, []byte{14})
	if e := used.must(1); e[0] != 0xff {
		t.Errorf("COM_PING: %x, want ERR 1053", e)
	}
	within(t, "the port refuses", func() bool { return refused(f) })
	used.query("SELECT 1") // closed at its next command, without an answer
	used.wantEnd(false)
	inTxn.run("SELECT 1", 5)
	inTxn.run("COMMIT", 1)
	inTxn.wantEnd(false)
	idle.wantEnd(false) // stays to the end
	f.Wait()
	if f.ExitCode() != 0 {
		t.Errorf("exit code %d", f.ExitCode())
	}
}

func TestClientThatVanishesEndsItsStatement(t *testing.T) {
	f := start(t, fesim.Options{})
	c := login(t, f)
	c.query("SELECT SLEEP(60)")
	within(t, "the statement runs", func() bool { return f.Stats().Statements == 1 })
	c.conn.Close()
	within(t, "the session has ended", func() bool { return f.Stats().Open == 0 })
}
