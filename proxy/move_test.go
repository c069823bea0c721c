package proxy

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/fesim"
	"segue/backend/wire"
	"segue/proxy/balance"
)

// fes is a server in front of simulated FEs, with health as the test says it.
type fes struct {
	*proxied
	cluster *fesim.Cluster
}

// movable starts n FEs and a server that knows the password of user app.
func movable(t *testing.T, n int, fo fesim.Options, o Options) *fes {
	t.Helper()
	if fo.Users == nil {
		fo.Users = map[string]string{"app": "secret", "root": ""}
	}
	cluster, err := fesim.NewCluster(n, fo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	if o.Users == nil {
		o.Users = []User{{Name: "app", Password: "secret", HasPassword: true}}
	}
	o = offeringTLS(t, o)
	var specs []backend.Spec
	for _, fe := range cluster.FEs() {
		specs = append(specs, backend.Spec{Name: fe.Name(), Address: fe.MySQLAddress()})
	}
	return &fes{startWith(t, specs, func(r *backend.Registry) *Server { return NewServer(r, o, slog.New(slog.DiscardHandler), nil) }), cluster}
}

// client is one connection of a real driver, with state of its own.
type sqlClient struct {
	*sql.Conn
	t *testing.T
}

func (f *fes) client(params string) *sqlClient {
	f.t.Helper()
	return f.clientAs("app:secret", params)
}

func (f *fes) clientAs(user, params string) *sqlClient {
	f.t.Helper()
	config, err := mysql.ParseDSN(user + "@tcp(" + f.addr + ")/demo" + params)
	if err != nil {
		f.t.Fatal(err)
	}
	config.Logger = &mysql.NopLogger{}
	if f.Server != nil && f.options().TLS.Server != nil {
		config.TLS = &tls.Config{InsecureSkipVerify: true}
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		f.t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	f.t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = conn.Close() })
	return &sqlClient{conn, f.t}
}

func (c *sqlClient) exec(text string) {
	c.t.Helper()
	if err := c.try(text); err != nil {
		c.t.Fatalf("%s: %v", text, err)
	}
}

func (c *sqlClient) try(text string) error {
	_, err := c.ExecContext(context.Background(), text)
	return err
}

// ask returns the values of one row.
func (c *sqlClient) ask(text string, args ...any) string {
	c.t.Helper()
	got, err := c.row(text, args...)
	if err != nil {
		c.t.Fatalf("%s: %v", text, err)
	}
	return got
}

func (c *sqlClient) row(text string, args ...any) (string, error) {
	rows, err := c.QueryContext(context.Background(), text, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(sql.NullString)
	}
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			return "", err
		}
	}
	var got []string
	for _, v := range values {
		got = append(got, v.(*sql.NullString).String)
	}
	return strings.Join(got, " "), rows.Err()
}

// on is the FE that answers.
func (c *sqlClient) on() string { return c.ask("SELECT @@hostname") }

// drain tells that an FE is to be left.
func (f *fes) drain(name string) {
	f.t.Helper()
	if err := f.registry.SetAdmin(name, backend.Drain); err != nil {
		f.t.Fatal(err)
	}
}

// away waits until the only session is idle on another FE than from.
func (f *fes) away(from string) {
	f.t.Helper()
	eventually(f.t, "the session to leave "+from, func() bool {
		s := f.Sessions()
		return len(s) == 1 && s[0].Backend != from && s[0].State == Idle.String()
	})
}

// fe is the FE of that name.
func (f *fes) fe(name string) *fesim.FE {
	for _, fe := range f.cluster.FEs() {
		if fe.Name() == name {
			return fe
		}
	}
	f.t.Fatalf("no FE %q", name)
	return nil
}

func TestIdleSessionMovesWithItsState(t *testing.T) {
	f := movable(t, 3, fesim.Options{}, Options{})
	c := f.client("")
	c.exec("USE app")
	c.exec("SET @n = 7, @s = 'it''s', time_zone = '+03:00'")
	stmt, err := c.PrepareContext(context.Background(), "SELECT ?, @n")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	const state = "SELECT DATABASE(), @n, @s, @@time_zone, CURRENT_USER()"
	want := c.ask(state)
	for i := range 4 { // there and back again
		from := c.on()
		f.drain(from)
		f.away(from)
		if got := c.on(); got == from {
			t.Fatalf("the session is still on %s", got)
		}
		if got := c.ask(state); got != want {
			t.Errorf("after move %d the session holds %q, want %q", i+1, got, want)
		}
		var a, b string
		if err := stmt.QueryRow("x").Scan(&a, &b); err != nil || a != "x" || b != "7" {
			t.Errorf("after move %d the prepared statement gives %q, %q, %v", i+1, a, b, err)
		}
		f.ready(from)
	}
	if s := f.Sessions()[0]; s.Moves != 4 {
		t.Errorf("%d moves are counted, want 4", s.Moves)
	}
}

func TestRunningStatementFinishesThenMoves(t *testing.T) {
	f := movable(t, 2, fesim.Options{}, Options{})
	c := f.client("")
	from := c.on()
	done := make(chan error, 1)
	go func() {
		_, err := c.row("SELECT SLEEP(0.3)")
		done <- err
	}()
	f.waitState(Busy)
	f.drain(from)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	f.away(from)
	if got := c.on(); got == from {
		t.Errorf("the session is still on %s", got)
	}
}

func TestBusyTransactionsMoveBetweenCommitAndBegin(t *testing.T) {
	t.Run("short", func(t *testing.T) { transactionsMove(t, 0) })
	t.Run("long", func(t *testing.T) { transactionsMove(t, readyPatience+50*time.Millisecond) })
}

// transactionsMove has a client run one transaction behind the other, without a pause, until it has moved. It is logged in elsewhere while one of them runs,
// mostly the second, or, where each takes for longer than what has been logged in ahead waits, behind it.
func transactionsMove(t *testing.T, takes time.Duration) {
	t.Helper()
	f := movable(t, 2, fesim.Options{}, Options{})
	c := f.client("")
	c.exec("BEGIN")
	c.exec("INSERT INTO fesim.ledger VALUES ('a')")
	from := f.Sessions()[0].Backend
	f.drain(from)
	eventually(t, "the drain", f.draining)
	if s := f.Sessions()[0]; s.Pinned != "transaction" || s.PinnedSince.IsZero() {
		t.Errorf("the session is pinned by %q since %s", s.Pinned, s.PinnedSince)
	}
	c.exec("INSERT INTO fesim.ledger VALUES ('b')")
	if on := f.Sessions()[0].Backend; on != from {
		t.Errorf("the session left in the middle of its transaction")
	}
	c.exec("COMMIT")
	ids := []string{"a", "b"}
	for until := time.Now().Add(patience); f.Sessions()[0].Backend == from; {
		if time.Now().After(until) {
			t.Fatalf("the session is still on %s behind %d transactions", from, len(ids)-1)
		}
		id := fmt.Sprintf("c%d", len(ids))
		ids = append(ids, id)
		c.exec("BEGIN")
		c.exec("INSERT INTO fesim.ledger VALUES ('" + id + "')")
		time.Sleep(takes)
		c.exec("COMMIT")
	}
	for _, id := range ids {
		if n := f.cluster.Executions(id); n != 1 {
			t.Errorf("%s was inserted %d times", id, n)
		}
	}
}

// What an FE does milliseconds after SIGUSR1: idle sessions get a FIN without a word, before any probe can have seen a 500.
func TestIdleSessionOutlivesItsBackend(t *testing.T) {
	for _, how := range []string{"sweep", "kill"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			f := movable(t, 3, fesim.Options{Idle: time.Millisecond}, Options{})
			c := f.client("")
			c.exec("SET @a = 'kept'")
			from := f.Sessions()[0].Backend
			time.Sleep(5 * time.Millisecond) // until the FE calls it idle
			if how == "sweep" {
				f.fe(from).GracefulExit()
			} else {
				f.fe(from).Kill()
			}
			f.away(from)
			if got := c.ask("SELECT @a"); got != "kept" {
				t.Errorf("@a is %q", got)
			}
		})
	}
}

func TestLostTransactionIsOneError(t *testing.T) {
	t.Parallel()
	f := movable(t, 3, fesim.Options{}, Options{})
	for _, next := range []string{"COMMIT", "INSERT INTO fesim.ledger VALUES ('late')", "ROLLBACK"} {
		t.Run(next, func(t *testing.T) {
			c := f.client("")
			defer c.Close()
			c.exec("SET @a = 'kept'")
			c.exec("BEGIN")
			c.exec("INSERT INTO fesim.ledger VALUES ('lost')")
			fe := f.fe(c.on())
			fe.Kill()
			err := c.try(next)
			var e *mysql.MySQLError
			switch {
			case next == "ROLLBACK":
				if err != nil {
					t.Errorf("the client saw %v", err)
				}
			case !errors.As(err, &e) || !strings.Contains(e.Message, "without its transaction"):
				t.Errorf("the client saw %v, want an error that says the transaction is lost", err)
			}
			if got := c.ask("SELECT @a"); got != "kept" {
				t.Errorf("@a is %q", got)
			}
			if err := fe.Start(); err != nil {
				t.Fatal(err)
			}
		})
	}
	for _, id := range []string{"lost", "late"} {
		if n := f.cluster.Executions(id); n != 0 {
			t.Errorf("%s was executed %d times", id, n)
		}
	}
}

func TestLostStatementIsOneErrorAndTheClientStays(t *testing.T) {
	f := movable(t, 3, fesim.Options{}, Options{})
	c := f.client("")
	c.exec("SET @a = 'kept'")
	fe := f.fe(c.on())
	failed := make(chan error, 1)
	go func() { failed <- c.try("INSERT INTO fesim.ledger VALUES ('x', SLEEP(5))") }()
	f.waitState(Busy)
	fe.Kill()
	var e *mysql.MySQLError
	if err := <-failed; !errors.As(err, &e) || !strings.Contains(e.Message, "its outcome is unknown") {
		t.Errorf("the client saw %v", err)
	}
	if got := c.ask("SELECT @a"); got != "kept" {
		t.Errorf("@a is %q", got)
	}
}

// A session that nobody will have stays where it is, and works.
func TestMoveThatFailsLeavesTheSessionWhereItIs(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fesim.Fault{
		"refuse": {Refuse: true}, "silent": {AcceptSilent: true}, "error": {GreetingERR: fesim.TooManyConnections()}, "hang": {HangAfterAuth: true},
		"cut while it is rebuilt": {CutBefore: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := movable(t, 2, fesim.Options{}, Options{ConnectTimeout: 100 * time.Millisecond})
			c := f.client("")
			c.exec("SET @a = 'kept'")
			from := c.on()
			for _, fe := range f.cluster.FEs() {
				if fe.Name() != from {
					fe.SetFault(fault)
				}
			}
			f.drain(from)
			eventually(t, "an attempt", func() bool {
				return f.list()[0].hasTried()
			})
			for range 3 {
				if got := c.ask("SELECT @a"); got != "kept" {
					t.Errorf("@a is %q", got)
				}
			}
			if got := c.on(); got != from {
				t.Errorf("the session is on %s", got)
			}
			for _, fe := range f.cluster.FEs() {
				fe.SetFault(fesim.Fault{})
			}
			f.away(from)
			if got := c.ask("SELECT @a"); got != "kept" {
				t.Errorf("@a is %q", got)
			}
		})
	}
}

// The credential that is wrong by now moves nobody; the session ends between two statements as it would without one.
func TestMoveWithAWrongPassword(t *testing.T) {
	t.Parallel()
	f := movable(t, 2, fesim.Options{Users: map[string]string{"app": "secret"}}, Options{})
	c := f.client("")
	o := *f.options()
	o.Users = []User{{Name: "app", Password: "other", HasPassword: true}}
	f.SetOptions(o)
	c.exec("SET @a = 1")
	s := f.list()[0]
	s.giveCredential(client.Password("other"))
	f.drain(f.Sessions()[0].Backend)
	f.waitSessions(0)
}

func TestManySessionsMoveUnderLoad(t *testing.T) {
	f := movable(t, 3, fesim.Options{}, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range 24 {
		c := f.client("")
		c.exec(fmt.Sprintf("SET @w = %d", i))
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				got, err := c.row("SELECT @w, ?", n)
				if want := fmt.Sprintf("%d %d", i, n); err != nil || got != want {
					t.Errorf("worker %d: %q, %v, want %q", i, got, err, want)
					return
				}
			}
		})
	}
	for range 3 {
		for _, fe := range f.cluster.FEs() {
			f.drain(fe.Name())
			eventually(t, "all sessions to leave", func() bool {
				for _, s := range f.Sessions() {
					if s.Backend == fe.Name() {
						return false
					}
				}
				return true
			})
			f.ready(fe.Name())
		}
	}
	cancel()
	wg.Wait()
}

// A pinned session whose client thinks is kept from the sweep of an FE that is leaving.
func TestTransactionIsKeptAliveOnALeavingFE(t *testing.T) { // not beside others: an FE closes what has been idle for a second, whatever the machine has to do
	f := movable(t, 3, fesim.Options{}, Options{})
	c := f.client("")
	c.exec("BEGIN")
	c.exec("INSERT INTO fesim.ledger VALUES ('slow')")
	from := f.Sessions()[0].Backend
	f.fe(from).GracefulExit()
	f.leave(from)
	time.Sleep(2500 * time.Millisecond) // two sweeps
	c.exec("COMMIT")
	if n := f.cluster.Executions("slow"); n != 1 {
		t.Errorf("the transaction took effect %d times", n)
	}
	f.away(from)
}

// A client that leaves, or a server that is told to stop, ends a move.
func TestMoveThatIsNotWantedAnyMore(t *testing.T) {
	for _, how := range []string{"client", "close"} {
		t.Run(how, func(t *testing.T) {
			f := movable(t, 2, fesim.Options{}, Options{ConnectTimeout: 20 * time.Second})
			c := f.client("")
			from := f.fe(c.on())
			for _, fe := range f.cluster.FEs() {
				if fe != from {
					fe.SetFault(fesim.Fault{AcceptSilent: true})
				}
			}
			from.Kill()
			f.waitState(Moving)
			if how == "client" {
				_ = c.Raw(func(any) error { return errors.New("to close it") })
				_ = c.Close()
				f.stop()
				f.Close()
			} else {
				f.Close()
			}
			f.waitSessions(0)
		})
	}
}

// count is how many sessions each backend has.
func (f *fes) count() map[string]int {
	n := map[string]int{}
	for _, s := range f.Sessions() {
		n[s.Backend]++
	}
	return n
}

func TestSessionsComeBackToABackendThatIsUpAgain(t *testing.T) {
	t.Parallel()
	f := movable(t, 3, fesim.Options{}, Options{Balance: balance.Options{Rate: 1000, Settle: -1}})
	var clients []*sqlClient
	for i := range 30 {
		c := f.client("")
		c.exec(fmt.Sprintf("SET @w = %d", i))
		clients = append(clients, c)
	}
	f.drain("fe-1")
	eventually(t, "fe-1 to be empty", func() bool { return f.count()["fe-1"] == 0 })
	f.ready("fe-1")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%v\n%+v", f.count(), f.Sessions())
		}
	})
	eventually(t, "fe-1 to have its share", func() bool { n := f.count()["fe-1"]; return n >= 8 && n <= 12 }) // what is within balance.threshold is in balance
	for i, c := range clients {
		if got := c.ask("SELECT @w"); got != fmt.Sprint(i) {
			t.Errorf("@w is %q, want %d", got, i)
		}
	}
	moves := func() (n int) {
		for _, s := range f.Sessions() {
			n += s.Moves
		}
		return n
	}
	eventually(t, "nobody to move any more", func() bool {
		before := moves()
		time.Sleep(3 * tendEvery)
		return moves() == before
	})
	if n := f.count()["fe-1"]; n < 8 || n > 12 {
		t.Errorf("fe-1 has %d sessions in the end", n)
	}
}

func TestNobodyComesBackWhereItIsOff(t *testing.T) {
	t.Parallel()
	f := movable(t, 2, fesim.Options{}, Options{Balance: balance.Options{Rate: -1, Settle: -1}})
	for range 4 {
		f.client("")
	}
	f.drain("fe-1")
	eventually(t, "fe-1 to be empty", func() bool { return f.count()["fe-1"] == 0 })
	f.ready("fe-1")
	time.Sleep(3 * tendEvery)
	if n := f.count()["fe-1"]; n != 0 {
		t.Errorf("%d sessions came back", n)
	}
}

// When every backend goes at the same moment, as when Segue's own network fails, sessions wait and go on.
func TestAllBackendsGoneAndBack(t *testing.T) {
	t.Parallel()
	f := movable(t, 3, fesim.Options{}, Options{})
	var clients []*sqlClient
	for i := range 6 {
		c := f.client("")
		c.exec(fmt.Sprintf("SET @w = %d", i))
		clients = append(clients, c)
	}
	for _, fe := range f.cluster.FEs() {
		fe.Kill()
	}
	for _, fe := range f.cluster.FEs() {
		fe.Wait()
	}
	answers := make(chan error, len(clients))
	for i, c := range clients {
		go func() {
			got, err := c.row("SELECT @w")
			if err == nil && got != fmt.Sprint(i) {
				err = fmt.Errorf("@w is %q, want %d", got, i)
			}
			answers <- err
		}()
	}
	time.Sleep(300 * time.Millisecond)
	if err := f.cluster.Start(); err != nil {
		t.Fatal(err)
	}
	for range clients {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

// A statement that only reads is run again, as is a ROLLBACK outside a transaction, by which a client answers the loss of one; nobody knows
// whether it ran before.
func TestReadIsRunAgain(t *testing.T) {
	f := movable(t, 3, fesim.Options{}, Options{})
	c := f.client("")
	c.exec("SET @a = 'kept'")
	for name, run := range map[string]func() (string, error){
		"text":     func() (string, error) { return c.row("SELECT @a") },
		"prepared": func() (string, error) { return c.row("SELECT ?, @a", 1) },
		"rollback": func() (string, error) {
			if err := c.try("ROLLBACK"); err != nil {
				return "", err
			}
			return c.row("SELECT @a")
		},
	} {
		fe := f.fe(c.on())
		fe.SetFault(fesim.Fault{CutBefore: true})
		got, err := run()
		if err != nil || !strings.HasSuffix(got, "kept") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if on := c.on(); on == fe.Name() {
			t.Errorf("%s: still on %s", name, on)
		}
		fe.SetFault(fesim.Fault{})
	}
}

// A service account lets sessions move of whom nothing else is known.
func TestServiceAccount(t *testing.T) {
	f := movable(t, 2, fesim.Options{
		Users: map[string]string{"bob": "builder", "svc": "super", "root": ""}, Impersonators: []string{"svc"},
	}, Options{Users: []User{{Name: "svc", Password: "super", HasPassword: true, Service: true}}})
	c := f.clientAs("bob:builder", "")
	c.exec("SET @a = 'kept'")
	const state = "SELECT @a, DATABASE(), CURRENT_USER()"
	want := c.ask(state)
	from := c.on()
	f.drain(from)
	f.away(from)
	if got := c.ask(state); got != want {
		t.Errorf("the session holds %q, want %q", got, want)
	}
}

// A backend that looks down while its connections live is left by those who can. Who cannot stays.
func TestSessionsLeaveABackendThatLooksDown(t *testing.T) {
	f := movable(t, 2, fesim.Options{Users: map[string]string{"app": "secret", "bob": "builder"}}, Options{})
	c := f.client("")
	c.exec("SET @a = 'kept'")
	from := c.on()
	for _, b := range f.registry.Backends() {
		if b.Name() != from {
			_ = f.registry.SetAdmin(b.Name(), backend.Drain)
		}
	}
	stays := f.clientAs("bob:builder", "")
	stays.exec("SET @a = 'stays'")
	for _, b := range f.registry.Backends() {
		_ = f.registry.SetAdmin(b.Name(), backend.Ready)
		if b.Name() == from {
			f.registry.SetHealth(b, backend.Down, "refused")
		}
	}
	eventually(t, "one session to leave", func() bool { return f.count()[from] == 1 })
	if got := c.ask("SELECT @a"); got != "kept" {
		t.Errorf("@a is %q", got)
	}
	time.Sleep(2 * drainLinger)
	if got := stays.ask("SELECT @a"); got != "stays" || stays.on() != from {
		t.Errorf("@a of who cannot move is %q, on %s", got, stays.on())
	}
}

// A transaction in which nothing has been said but BEGIN is begun anew.
func TestTransactionThatHasOnlyBegunIsNotLost(t *testing.T) {
	t.Parallel()
	f := movable(t, 3, fesim.Options{}, Options{})
	c := f.client("")
	c.exec("BEGIN")
	from := f.Sessions()[0].Backend
	f.fe(from).Kill()
	c.exec("INSERT INTO fesim.ledger VALUES ('begun')")
	if s := f.Sessions()[0]; s.Backend == from || s.Pinned != "transaction" {
		t.Errorf("the session is on %s, pinned by %q", s.Backend, s.Pinned)
	}
	if n := f.cluster.Executions("begun"); n != 0 {
		t.Errorf("the INSERT took effect %d times before COMMIT", n)
	}
	c.exec("COMMIT")
	if n := f.cluster.Executions("begun"); n != 1 {
		t.Errorf("the INSERT took effect %d times", n)
	}
}

// A server that says that it shuts down, as TiDB does to COM_PING while it goes on serving, is left at once, and the client hears nothing of it.
func TestShutdownErrorIsHidden(t *testing.T) {
	for name, others := range map[string]bool{"another backend": true, "none": false} {
		t.Run(name, func(t *testing.T) {
			going := func(c *peerConn) {
				if !c.login() {
					return
				}
				for {
					if _, _, err := c.r.Next(); err != nil {
						return
					}
					c.send(1, (&wire.Err{Code: codeServerShutdown, State: "08S01", Message: "Server shutdown in progress"}).Append(nil))
				}
			}
			p := start(t, Options{Flavor: backend.MySQL}, newPeer(t, going).spec("a"), newPeer(t, echo).spec("b"))
			_ = p.registry.SetAdmin("b", backend.Maint)
			d := p.dial()
			if err := d.login(""); err != nil {
				t.Fatal(err)
			}
			if others {
				p.ready("b")
			}
			for i, command := range [][]byte{{byte(wire.ComPing)}, append([]byte{byte(wire.ComQuery)}, "SELECT 1"...)} {
				d.write(0, command)
				_, err := d.row()
				if e := new(wire.Err); others && err != nil || !others && (!errors.As(err, &e) || e.Code != codeServerShutdown) {
					t.Errorf("command %d: %v", i, err)
				}
			}
		})
	}
}

// What the old backend answers too late is not the client's.
func TestLateAnswerToSegueDoesNotReachTheClient(t *testing.T) {
	t.Parallel()
	slow := func(c *peerConn) {
		if !c.login() {
			return
		}
		for {
			payload, _, err := c.r.Next()
			if err != nil || payload[0] == byte(wire.ComQuit) {
				return
			}
			if strings.Contains(string(payload), " @x LIMIT ") { // Segue asks for the value
				time.Sleep(moveTimeout + 100*time.Millisecond)
			}
			if string(payload[1:]) == "SELECT 7" { // the value was asked for ahead of the move
				c.echoed(payload[1:])
				continue
			}
			c.send(1, peerOK)
		}
	}
	p := start(t, Options{Flavor: backend.MySQL}, newPeer(t, slow).spec("a"), newPeer(t, echo).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	d := p.dial()
	if err := d.login(""); err != nil {
		t.Fatal(err)
	}
	d.query("SET @x = UUID()")
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
	p.ready("b")
	_ = p.registry.SetAdmin("a", backend.Drain)
	p.waitState(Moving)
	d.query("SELECT 7")
	got, err := d.row()
	if err == nil && string(got) != "SELECT 7" || err != nil && !strings.Contains(err.Error(), "without its values of @x") {
		t.Errorf("%q, %v", got, err)
	}
}
