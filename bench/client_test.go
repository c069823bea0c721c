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

func newClient(t *testing.T, addr string, timeout time.Duration) *Client {
	t.Helper()
	c, err := NewClient(Account{Address: addr, User: "root"}, timeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Drop)
	return c
}

// visit connects, asks and quits, and names what came of it.
func visit(t *testing.T, addr string, timeout time.Duration) Kind {
	t.Helper()
	c := newClient(t, addr, timeout)
	if err := c.Connect(t.Context()); err != nil {
		return Classify(Connecting, err)
	}
	defer c.Quit()
	return Classify(Asking, c.Ask(t.Context(), "SELECT 'a'", "a"))
}

// What a server does to a client that has no connection yet is found out and
// named, through the real driver.
func TestClientNamesWhatItMeets(t *testing.T) {
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
			if got := visit(t, fe.MySQLAddress(), timeout); got != tt.want {
				t.Errorf("a server that %s: %v, want %v", tt.name, got, tt.want)
			}
			fe.SetFault(fesim.Fault{})
			if got := visit(t, fe.MySQLAddress(), DefaultTimeout); got != Answered {
				t.Errorf("after a server that %s: %v, want a plain answer", tt.name, got)
			}
		}
	})
}

// A kept connection that was closed while idle is found so before it is used.
func TestClientFindsIdleConnectionClosed(t *testing.T) {
	fe := startFE(t)
	c := newClient(t, fe.MySQLAddress(), DefaultTimeout)
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Check(t.Context()); err != nil {
		t.Errorf("alive: %v", err)
	}
	fe.Kill()
	if err := c.Check(t.Context()); err == nil {
		t.Error("a dead connection passes the check")
	}
}

// A statement that runs when its server dies is cut.
func TestClientIsCut(t *testing.T) {
	fe := startFE(t)
	c := newClient(t, fe.MySQLAddress(), DefaultTimeout)
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	executed := fe.Stats().Statements
	done := make(chan error)
	go func() { done <- c.Ask(context.Background(), "SELECT SLEEP(60)") }()
	for fe.Stats().Statements == executed { // until it runs
		time.Sleep(time.Millisecond)
	}
	fe.Kill()
	if got := Classify(Asking, <-done); got != StatementCut {
		t.Errorf("killed under a statement: %v", got)
	}
}

func TestClientFindsWrongAnswers(t *testing.T) {
	fe := startFE(t)
	c := newClient(t, fe.MySQLAddress(), DefaultTimeout)
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
	c := newClient(t, startFE(t).MySQLAddress(), 200*time.Millisecond)
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
