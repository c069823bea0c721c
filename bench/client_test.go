package bench

import (
	"context"
	"testing"
	"time"

	"segue/backend/fesim"

	"go.uber.org/goleak"
)

func startFE(t *testing.T) *fesim.FE {
	t.Helper()
	fe, err := fesim.New(fesim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fe.Close)
	if err := fe.Start(); err != nil {
		t.Fatal(err)
	}
	return fe
}

func newWorker(t *testing.T, addr string, workload Workload, timeout time.Duration) *worker {
	t.Helper()
	c, err := NewClient(Account{Address: addr, User: "root"}, timeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Drop)
	return &worker{workload: workload, profile: profiles[workload], name: "tester", zone: zone(7), client: c}
}

// turn is one turn of w, and the kinds of what it met.
func turn(w *worker) (met []Kind) {
	w.rec = newRecorder("")
	w.turn(context.Background(), time.Now())
	for k := range numKinds {
		for range w.rec.run.Tally.Count(k) {
			met = append(met, k)
		}
	}
	return met
}

// What a server does to a worker that has no connection yet is found out and
// named, through the real driver.
func TestWorkerNamesWhatItMeets(t *testing.T) {
	tests := []struct {
		name  string
		fault fesim.Fault
		want  Kind
	}{
		{"nothing", fesim.Fault{}, Answered},
		{"refuses", fesim.Fault{Refuse: true}, ConnectRefused},
		{"says nothing", fesim.Fault{AcceptSilent: true}, ConnectTimeout},
		{"too many connections", fesim.Fault{GreetingERR: fesim.TooManyConnections()}, ConnectERR},
		{"closes in place of the greeting", fesim.Fault{EOFBeforeGreeting: true}, ConnectEOF},
		{"closes in the greeting", fesim.Fault{TruncateGreeting: true}, ConnectEOF},
		{"resets at the login", fesim.Fault{ResetAfterAuth: true}, ConnectReset},
		{"closes at the login", fesim.Fault{EOFAfterAuth: true}, ConnectEOF},
		{"hangs at the login", fesim.Fault{HangAfterAuth: true}, ConnectTimeout},
		{"takes the statement and closes", fesim.Fault{CutBefore: true}, StatementCut},
		{"closes in the answer", fesim.Fault{Truncate: true}, StatementCut},
	}
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("all", func(t *testing.T) {
		fe := startFE(t)
		for _, tt := range tests {
			fe.SetFault(tt.fault)
			timeout := DefaultTimeout
			if tt.want == ConnectTimeout {
				timeout = 200 * time.Millisecond
			}
			w := newWorker(t, fe.MySQLAddress(), Short, timeout)
			if met := turn(w); len(met) != 1 || met[0] != tt.want {
				t.Errorf("a server that %s: %v, want %v", tt.name, met, tt.want)
			}
			fe.SetFault(fesim.Fault{})
			w = newWorker(t, fe.MySQLAddress(), Short, DefaultTimeout)
			if met := turn(w); len(met) != 1 || met[0] != Answered {
				t.Errorf("after a server that %s: %v, want a plain answer", tt.name, met)
			}
		}
	})
}

// A kept connection that was closed while idle costs a reconnect, not an error.
func TestWorkerFindsIdleConnectionClosed(t *testing.T) {
	fe := startFE(t)
	w := newWorker(t, fe.MySQLAddress(), Long, DefaultTimeout)
	if met := turn(w); len(met) != 1 || met[0] != Answered {
		t.Fatalf("first turn: %v", met)
	}
	if met := turn(w); len(met) != 1 || met[0] != Answered {
		t.Fatalf("second turn: %v", met)
	}
	if n := fe.Stats().Logins; n != 1 {
		t.Errorf("%d logins: the connection is not kept", n)
	}
	fe.Kill()
	fe.Wait()
	if met := turn(w); len(met) != 2 || met[0] != Reconnected || met[1] != ConnectRefused {
		t.Errorf("with the server gone: %v", met)
	}
	if err := fe.Start(); err != nil {
		t.Fatal(err)
	}
	if met := turn(w); len(met) != 1 || met[0] != Answered {
		t.Errorf("with the server back: %v", met)
	}
}

// A statement that runs when its server dies is cut, and the worker's wait does
// not hold the time that the statement asked to sleep.
func TestSlowWorker(t *testing.T) {
	fe := startFE(t)
	w := newWorker(t, fe.MySQLAddress(), Slow, DefaultTimeout)
	began := time.Now()
	met, took := turn(w), time.Since(began)
	if wait := w.rec.run.Tally.Waits.Max; len(met) != 1 || met[0] != Answered || wait > took-w.profile.sleep.min {
		t.Fatalf("%v, wait %v in %v", met, wait, took)
	}
	executed := fe.Stats().Statements
	done := make(chan []Kind)
	go func() { done <- turn(w) }()
	for fe.Stats().Statements == executed { // until it runs
		time.Sleep(time.Millisecond)
	}
	fe.Kill()
	if met := <-done; len(met) != 1 || met[0] != StatementCut {
		t.Errorf("killed under a statement: %v", met)
	}
}

func TestClientFindsWrongAnswers(t *testing.T) {
	fe := startFE(t)
	c := newWorker(t, fe.MySQLAddress(), Short, DefaultTimeout).client
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, query string
		want        []string
		kind        Kind
	}{
		{"its own", "SELECT 'a', 'b'", []string{"a", "b"}, Answered},
		{"its own and more", "SELECT 'a', 1", []string{"a"}, Answered},
		{"another token", "SELECT 'b'", []string{"a"}, WrongAnswer},
		{"another session", "SELECT 'a', 'c'", []string{"a", "b"}, WrongAnswer},
		{"too few columns", "SELECT 'a'", []string{"a", "b"}, WrongAnswer},
		{"many rows", "SELECT * FROM fesim.rows(3, 1)", []string{"1"}, WrongAnswer},
		{"no rows", "SELECT * FROM fesim.rows(0, 1)", []string{"1"}, WrongAnswer},
		{"an error", "SELECT nothing FROM nowhere", []string{"a"}, StatementERR},
	}
	for _, tt := range tests {
		if got := Classify(Asking, c.Ask(t.Context(), tt.query, tt.want...)); got != tt.kind {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.kind)
		}
	}
}

func TestClientWaitsNoLongerThanItsTimeout(t *testing.T) {
	c := newWorker(t, startFE(t).MySQLAddress(), Short, 200*time.Millisecond).client
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := Classify(Asking, c.Ask(t.Context(), "SELECT SLEEP(60)")); got != StatementTimeout {
		t.Errorf("%v, want %v", got, StatementTimeout)
	}
}

// A prepared statement's answer is judged as any other's, and its database is the one asked for at login.
func TestClientPrepares(t *testing.T) {
	c, err := NewClient(Account{Address: startFE(t).MySQLAddress(), User: "root", Database: "demo"}, DefaultTimeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Drop)
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	s, err := c.Prepare(t.Context(), "SELECT ?, DATABASE()")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		want []string
		kind Kind
	}{
		{[]string{"token", "demo"}, Answered},
		{[]string{"other"}, WrongAnswer},
		{[]string{"token", "test"}, WrongAnswer},
	} {
		if got := Classify(Asking, s.Ask(t.Context(), []string{"token"}, tt.want...)); got != tt.kind {
			t.Errorf("want %q: %v, want %v", tt.want, got, tt.kind)
		}
	}
	if _, err := c.Prepare(t.Context(), "INSERT"); Classify(Asking, err) != StatementERR {
		t.Errorf("preparing nonsense: %v", err)
	}
}

func TestZonesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for id := range 1439 {
		seen[zone(id)] = true
	}
	if len(seen) != 1439 || !seen["-11:59"] || !seen["+00:00"] || !seen["+11:59"] {
		t.Errorf("%d zones", len(seen))
	}
}
