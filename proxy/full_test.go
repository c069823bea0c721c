package proxy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/fesim"
	"segue/backend/wire"
	"segue/proxy/accounts"
	"segue/proxy/balance"
)

// stranger takes a place on an FE, past Segue, until the function that it returns is called.
func stranger(t *testing.T, fe *fesim.FE, user string) (leave func()) {
	t.Helper()
	db, err := sql.Open("mysql", user+"@tcp("+fe.MySQLAddress()+")/demo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return func() { _ = db.Close() }
}

// open is for a client that may not be let in.
func (f *fes) open(user string) *sql.DB {
	f.t.Helper()
	config, err := mysql.ParseDSN(user + "@tcp(" + f.addr + ")/demo")
	if err != nil {
		f.t.Fatal(err)
	}
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		f.t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	f.t.Cleanup(func() { _ = db.Close() })
	return db
}

// visit is where a client comes that does not stay.
func (f *fes) visit() (on string) {
	f.t.Helper()
	before := len(f.Sessions())
	db := f.open("app:secret")
	if err := db.QueryRow("SELECT @@hostname").Scan(&on); err != nil {
		f.t.Error(err)
	}
	_ = db.Close()
	eventually(f.t, "the client to be gone", func() bool { return len(f.Sessions()) == before })
	return on
}

// blameless makes any word against a backend an error.
func (f *fes) blameless() {
	f.evident(func(b *backend.Backend, cause error) { f.t.Errorf("evidence against %s: %v", b.Name(), cause) })
}

func (f *fes) backend(name string) *backend.Backend {
	f.t.Helper()
	b, ok := f.registry.Lookup(name)
	if !ok {
		f.t.Fatalf("no backend %q", name)
	}
	return b
}

// An FE that is full keeps its sessions, is not blamed, and is tried once a second, until there is room. Whether the limit is told before the login or
// behind it is the same.
func TestFullBackendIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]bool{"before the login": true, "behind it": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := movable(t, 2, fesim.Options{MaxConnections: 2, LimitBeforeLogin: early}, Options{})
			f.blameless()
			inside := f.client("")
			on := inside.on()
			full, other := f.fe(on), f.fe(map[string]string{"fe-1": "fe-2", "fe-2": "fe-1"}[on])
			if got := f.client("").on(); got != other.Name() {
				t.Fatalf("the second is on %s", got)
			}
			leave := stranger(t, full, "root")
			accepted := full.Stats().Accepted
			began := time.Now()
			for time.Since(began) < 3*time.Second {
				if got := f.visit(); got != other.Name() {
					t.Errorf("a client came to %s", got)
				}
			}
			if n := full.Stats().Accepted - accepted; n == 0 || n > 4 {
				t.Errorf("%d were tried in three seconds", n)
			}
			if s := f.backend(on).Status(); s.Health != backend.Up || !strings.HasPrefix(s.Full, "full: 1064 Reach cluster-wide connection limit") {
				t.Errorf("%+v", s)
			}
			if got := inside.on(); got != on {
				t.Errorf("who was inside is on %s", got)
			}
			leave()
			eventually(t, "a client on it again", func() bool {
				return f.visit() == on
			})
			if s := f.backend(on).Status(); s.Full != "" {
				t.Errorf("it is still %q", s.Full)
			}
		})
	}
}

// When all are full, who connects waits for a place and, if there is none, is told in a server's own words.
func TestAllFull(t *testing.T) {
	t.Parallel()
	f := movable(t, 2, fesim.Options{MaxConnections: 1}, Options{ConnectBudget: 6 * time.Second})
	f.blameless()
	leave := stranger(t, f.fe("fe-1"), "root")
	stranger(t, f.fe("fe-2"), "root")
	before := f.fe("fe-1").Stats().Accepted
	began := time.Now()
	for range 5 {
		go func() { _ = f.open("app:secret").PingContext(context.Background()) }()
	}
	err := f.open("app:secret").PingContext(t.Context())
	if e := new(mysql.MySQLError); !errors.As(err, &e) || e.Number != 1064 || !strings.HasPrefix(e.Message, "Reach cluster-wide connection limit, qe_max_connection=1") {
		t.Errorf("the client saw %v", err)
	}
	if took := time.Since(began); took < 4*time.Second {
		t.Errorf("it was told after %v", took)
	}
	if n := f.fe("fe-1").Stats().Accepted - before; n > 12 { // six at once find out, then one a second
		t.Errorf("%d were tried", n)
	}
	f.waitSessions(0)
	done := make(chan error, 1)
	go func() { done <- f.open("app:secret").PingContext(context.Background()) }()
	eventually(t, "it to wait", func() bool { return len(f.Sessions()) == 1 })
	leave()
	if err := <-done; err != nil {
		t.Errorf("although there was room in time: %v", err)
	}
}

// A backend that had less time than it may take, because its client could wait no longer, has not failed.
func TestCutShortIsNoEvidence(t *testing.T) {
	f := movable(t, 1, fesim.Options{}, Options{ConnectBudget: 4 * time.Second})
	f.fe("fe-1").SetFault(fesim.Fault{HangAfterAuth: true})
	blamed := make(chan error, 100)
	f.evident(func(_ *backend.Backend, cause error) { blamed <- cause })
	if err := f.open("app:secret").PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), "authentication: timed out") {
		t.Errorf("the client saw %v", err)
	}
	f.waitSessions(0)
	if n := len(blamed); n != 1 { // the first had half the budget, which is all that a login may take; the second had less
		t.Errorf("it was blamed %d times", n)
	}
}

// MySQL says it in place of the greeting, or in place of the OK_Packet.
func TestAllFullMySQL(t *testing.T) {
	for name, fault := range map[string]fesim.Fault{
		"greeting": {GreetingERR: fesim.TooManyConnections()}, "login": {LoginERR: fesim.TooManyConnections()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := movable(t, 2, fesim.Options{}, Options{ConnectBudget: 3 * time.Second})
			f.blameless()
			for _, fe := range f.cluster.FEs() {
				fe.SetFault(fault)
			}
			err := f.open("app:secret").PingContext(t.Context())
			if e := new(mysql.MySQLError); !errors.As(err, &e) || e.Number != 1040 || e.Message != "Too many connections" {
				t.Errorf("the client saw %v", err)
			}
		})
	}
}

// With one backend that is full, and one that fails, there is more to be said than that.
func TestFullIsNotAllThereIsToSay(t *testing.T) {
	f := movable(t, 2, fesim.Options{}, Options{ConnectBudget: 3 * time.Second})
	f.fe("fe-1").SetFault(fesim.Fault{GreetingERR: fesim.TooManyConnections()})
	f.fe("fe-2").SetFault(fesim.Fault{EOFBeforeGreeting: true})
	err := f.open("app:secret").PingContext(t.Context())
	if err == nil || !strings.Contains(err.Error(), "segue: no usable backend within") || !strings.Contains(err.Error(), "Too many connections") {
		t.Errorf("the client saw %v", err)
	}
}

// A limit of one user is no other's, and no backend's.
func TestFullAccount(t *testing.T) {
	f := movable(t, 2, fesim.Options{MaxUserConnections: 1}, Options{ConnectBudget: 6 * time.Second})
	f.blameless()
	f.client("")
	second := f.open("app:secret")
	if err := second.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	err := f.open("app:secret").PingContext(t.Context())
	if e := new(mysql.MySQLError); !errors.As(err, &e) || e.Number != 1064 || !strings.HasPrefix(e.Message, "Reach user-level(qualifiedUser: app) connection limit") {
		t.Errorf("the client saw %v", err)
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("it was told after %v", took)
	}
	on := map[string]bool{}
	for range 2 {
		c := f.clientAs("root", "")
		on[c.on()] = true
	}
	if len(on) != 2 {
		t.Errorf("another user is let in on %v alone", on)
	}
	for _, b := range f.registry.Backends() {
		if s := b.Status(); s.Full != "" {
			t.Errorf("%s is %s", b.Name(), s.Full)
		}
	}
	if l := f.Accounts(); len(l) != 2 || l[0].User != "app" || !strings.Contains(l[0].Cause, "Reach user-level") {
		t.Errorf("%+v", l)
	}
	done := make(chan error, 1)
	go func() { done <- f.open("app:secret").PingContext(context.Background()) }()
	eventually(t, "it to wait", func() bool { return len(f.Sessions()) == 5 })
	_ = second.Close()
	if err := <-done; err != nil {
		t.Errorf("although there was room in time: %v", err)
	}
}

// A session whose backend leaves stays there while the others are full, and goes when there is room. So does one that has lost its backend: it holds, and
// its statement with it.
func TestMoveWaitsForRoom(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"drain", "kill"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			f := movable(t, 2, fesim.Options{MaxConnections: 1}, Options{ConnectBudget: 6 * time.Second})
			c := f.client("")
			c.exec("SET @a = 7")
			from := c.on()
			full := f.fe(map[string]string{"fe-1": "fe-2", "fe-2": "fe-1"}[from])
			leave := stranger(t, full, "root")
			before := full.Stats().Accepted
			if how == "drain" {
				f.drain(from)
			} else {
				f.fe(from).Kill()
				f.registry.SetHealth(f.backend(from), backend.Down, "refused")
			}
			eventually(t, "an attempt", func() bool { _, is := f.backend(full.Name()).Full(); return is })
			done := make(chan string, 1)
			ask := func() {
				got, err := c.row("SELECT @a, @@hostname")
				if err != nil {
					got = err.Error()
				}
				done <- got
			}
			if how == "drain" {
				ask()
				if got := <-done; got != "7 "+from {
					t.Errorf("while the other one is full: %s", got)
				}
			} else {
				go ask()
			}
			time.Sleep(2500 * time.Millisecond)
			if n := full.Stats().Accepted - before; n > 5 {
				t.Errorf("%d were tried", n)
			}
			leave()
			if how == "drain" {
				f.away(from)
				ask()
			}
			if got := <-done; got != "7 "+full.Name() {
				t.Errorf("behind the move: %s", got)
			}
		})
	}
}

// Nobody is sent to a backend that is full to bring it into balance, and it gives nobody away.
func TestFullIsOutOfBalance(t *testing.T) {
	t.Parallel()
	f := movable(t, 2, fesim.Options{MaxConnections: 4}, Options{Balance: balance.Options{Rate: 1000, Settle: -1}})
	_ = f.registry.SetAdmin("fe-2", backend.Maint)
	for range 4 {
		f.client("")
	}
	for range 4 {
		stranger(t, f.fe("fe-2"), "root")
	}
	before := f.fe("fe-2").Stats().Accepted
	f.ready("fe-2")
	time.Sleep(3 * time.Second)
	if n := f.fe("fe-2").Stats().Accepted - before; n == 0 || n > 6 {
		t.Errorf("%d were tried in three seconds", n)
	}
	for _, s := range f.Sessions() {
		if s.Backend != "fe-1" || s.Moves != 0 {
			t.Errorf("%+v", s)
		}
	}
}

// What is not tried is no failure of a backend's.
func TestBarredIsNoFailure(t *testing.T) {
	var a accounts.Accounts
	b := new(backend.Backend)
	a.Free(b, "u").End(time.Now(), nil, &wire.Err{Code: 1203})
	_, _, err := a.Enter(b, "u", nil, time.Now(), func() {})
	e := &client.Error{Kind: client.Barred, Err: err}
	if _, is := refusal(e); err == nil || !e.Blameless() || is != wire.RefusalOther || errors.As(error(e), new(*wire.Err)) {
		t.Error("what the server has said before is taken for what it says now")
	}
}

// A KILL that finds its victim's backend full is told so, and the backend is not doubted.
func TestKillOnAFullBackend(t *testing.T) {
	f := movable(t, 2, fesim.Options{MaxConnections: 1}, Options{})
	f.blameless()
	f.client("")
	victim := f.list()[0]
	killer := f.client("")
	err := killer.try(fmt.Sprint("KILL ", victim.id))
	if err == nil || !strings.Contains(err.Error(), "could not be sent there") || !strings.Contains(err.Error(), "Reach cluster-wide connection limit") {
		t.Errorf("the killer saw %v", err)
	}
	if got := killer.ask("SELECT 7"); got != "7" || victim.howEnded() != Open {
		t.Errorf("behind that: %s, %s", got, victim.howEnded())
	}
}
