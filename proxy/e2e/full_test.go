package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/wire"
	"segue/bench"
)

// pairOfServers starts two servers; extra are lines of the option file of the second.
func pairOfServers(t *testing.T, extra ...string) (specs []backend.Spec, servers []*server) {
	t.Helper()
	servers = append(startServers(t, 1), startServers(t, 1, extra...)...)
	for i, s := range servers {
		specs = append(specs, backend.Spec{Name: fmt.Sprintf("mariadb-%d", i+1), Address: s.address()})
	}
	return specs, servers
}

func (p *segueProgram) client(t *testing.T) *bench.Client {
	t.Helper()
	c, err := bench.NewClient(bench.Account{Address: p.address, User: testUser, Password: testPassword}, time.Minute)
	if err == nil {
		err = c.Connect(context.WithoutCancel(t.Context()))
	}
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(c.Quit)
	return c
}

// letIn is what comes of one login, without Segue in between or by it.
func letIn(ctx context.Context, address, user, password string) error {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.Logger = "tcp", address, user, password, &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	return db.PingContext(ctx)
}

// crowd takes all the connections that a server has left, by one that says nothing, and returns when it says so. leave gives them back.
func crowd(t *testing.T, s *server) (leave func()) {
	t.Helper()
	var all []net.Conn
	leave = func() {
		for _, c := range all {
			_ = c.Close()
		}
	}
	t.Cleanup(leave)
	for range 100 {
		c, err := net.Dial("tcp", s.address())
		if err != nil {
			t.Fatalf("crowd: %v", err)
		}
		all = append(all, c)
		head := make([]byte, 5)
		if _, err := c.Read(head); err != nil {
			t.Fatalf("crowd: %v", err)
		}
		if head[4] == 0xff {
			return leave
		}
	}
	t.Fatal("the server is not full")
	return nil
}

// TestFullServer: a stranger takes all connections of a server. Its sessions stay there and see nothing of it, it is up and said to be full, new clients go
// to the other one; and when there is room, to both.
func TestFullServer(t *testing.T) {
	for name, more := range map[string]string{
		"greeting": "", "login": "health: {user: e2e_other, password: other}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			specs, servers := pairOfServers(t, "max-connections=12", "connect-timeout=60")
			p := startProgram(t, backend.MySQL, specs, more, "balance: {policy: round-robin, rebalance_rate: 0}")
			p.run(t, "maint", "mariadb-1")
			var inside []*bench.Client
			ctx := context.WithoutCancel(t.Context())
			for range 4 {
				c := p.client(t)
				if err := c.Exec(ctx, "SET @kept = 1"); err != nil {
					t.Fatal(err)
				}
				inside = append(inside, c)
			}
			p.run(t, "ready", "mariadb-1")
			leave := crowd(t, servers[1])
			seen := false
			for began := time.Now(); time.Since(began) < 5*time.Second; {
				if err := letIn(ctx, p.address, testUser, testPassword); err != nil {
					t.Errorf("a new client: %v", err)
				}
				for _, c := range inside {
					if err := c.Exec(ctx, "DO @kept"); err != nil {
						t.Errorf("who is inside: %v", err)
					}
				}
				b := p.backends(t)[1]
				if b.Health != "up" || b.Sessions < len(inside) {
					t.Fatalf("%+v", b)
				}
				seen = seen || strings.HasPrefix(b.Cause, "full: 1040 Too many connections")
			}
			if !seen {
				t.Errorf("it is not said to be full: %+v", p.backends(t))
			}
			leave()
			tried := 0
			waitFor(t, "room for the administrator", func() bool {
				return servers[1].status(ctx, "Connection_errors_max_connections", &tried) == nil
			})
			if tried < 3 || tried > 14 { // one a second, and the greetings that probes ask for
				t.Errorf("%d were refused in five seconds", tried)
			}
			waitFor(t, "it to have room", func() bool {
				_ = letIn(ctx, p.address, testUser, testPassword)
				return p.backends(t)[1].Cause == ""
			})
			if log := p.stderr.String(); !strings.Contains(log, "backend is full") || strings.Contains(log, `"to":"down"`) {
				t.Error("the log does not say so")
			}
		})
	}
}

// status reads one of the server's counters.
func (s *server) status(ctx context.Context, name string, value *int) error {
	db, err := s.open("mysql")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return db.QueryRowContext(ctx, "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = ?", name).Scan(value)
}

// TestAllServersFull: who connects is told what the servers say.
func TestAllServersFull(t *testing.T) {
	specs, servers := pairOfServers(t, "max-connections=10", "connect-timeout=60")
	p := startProgram(t, backend.MySQL, specs[1:], "connect: {budget: 2500ms}")
	crowd(t, servers[1])
	err := letIn(t.Context(), p.address, testUser, testPassword)
	if e := new(mysql.MySQLError); !errors.As(err, &e) || e.Number != 1040 || e.Message != "Too many connections" {
		t.Errorf("the client saw %v", err)
	}
}

// TestRefusedLoginsLockNobody: a password is changed on a server before Segue's file has the new one. Sessions that are to move there do not lock the account,
// which the server does after five refused logins, and move when the file has it.
func TestRefusedLoginsLockNobody(t *testing.T) {
	const changed = "changed"
	specs, servers := pairOfServers(t, "max-password-errors=5")
	p := startProgram(t, backend.MySQL, specs, "balance: {rebalance_rate: 100, rebalance_settle: 10ms}")
	p.run(t, "maint", "mariadb-2")
	ctx := context.WithoutCancel(t.Context())
	var clients []*bench.Client
	for range 10 {
		clients = append(clients, p.client(t))
	}
	if err := servers[1].exec(ctx, "ALTER USER e2e@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('"+changed+"')"); err != nil {
		t.Fatal(err)
	}
	p.run(t, "ready", "mariadb-2")
	for began := time.Now(); time.Since(began) < 6*time.Second; time.Sleep(100 * time.Millisecond) {
		for _, c := range clients {
			if err := c.Exec(ctx, "DO 1"); err != nil {
				t.Errorf("a client: %v", err)
			}
		}
	}
	if text := string(p.get(t, "/api/v1/status")); !strings.Contains(text, `"accounts"`) || !strings.Contains(text, "Access denied") {
		t.Errorf("the status does not tell: %s", text)
	}
	if err := letIn(ctx, servers[1].address(), testUser, changed); err != nil {
		t.Errorf("the account, with the new password: %v", err)
	}
	p.reload(t, backend.MySQL, specs, "balance: {rebalance_rate: 100, rebalance_settle: 10ms}", fmt.Sprintf("users:\n  - {name: %s, password: %q}", testUser, changed))
	waitFor(t, "sessions on the second server", func() bool { return p.backends(t)[1].Sessions >= 4 })
	for _, c := range clients {
		if err := c.Exec(ctx, "DO 1"); err != nil {
			t.Errorf("a client: %v", err)
		}
	}
}

// TestSilentStrangers: connections of which nobody says who they are leave a server its own for those who do, whichever program they use, and however their account
// proves itself.
func TestSilentStrangers(t *testing.T) {
	for name, hello := range map[string][]byte{"silent": nil, "silent when asked again": halfLogin()} {
		t.Run(name, func(t *testing.T) { amongStrangers(t, hello) })
	}
}

// halfLogin is a client's first word whose server asks it for another plugin.
func halfLogin() []byte {
	hello := wire.HandshakeResponse41{
		Capabilities: wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientPluginAuth, Username: testUser, AuthPlugin: "unheard_of", AuthResponse: []byte("x"),
	}
	b, _ := wire.AppendPacket(nil, 1, hello.Append(nil))
	return b
}

// amongStrangers lets clients in beside strangers that say no more than that.
func amongStrangers(t *testing.T, hello []byte) {
	t.Helper()
	s := startServers(t, 1, "max-connections=60", "max-connect-errors=100000")[0]
	p := startProgram(t, backend.MySQL, []backend.Spec{{Name: "server", Address: s.address()}}, "users: []")
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	var greeted atomic.Int32
	for range 80 {
		all.Go(func() { stayAway(ctx, p.address, hello, &greeted) })
	}
	waitFor(t, "all to be greeted", func() bool { return greeted.Load() >= 80 })
	for _, c := range clients() {
		c := c.build(t)
		if out, err := c.run(t, p.address, "", "connect", "3"); err != nil || out != "connect\t3\n" {
			t.Errorf("%s: %q, %v", c.name, out, err)
		}
	}
	for _, a := range []struct{ user, password, want string }{
		{testUser, testPassword, testUser + "@%"}, {testUser, "wrong", "1045"}, {"e2e_empty", "", "e2e_empty@%"}, {"e2e_ed25519", "edwards", "e2e_ed25519@%"}, {"e2e_ed25519", "wrong", "1045"},
	} {
		got := login(t, p.address, a.user, a.password, "")
		if got == mysql.ErrMalformPkt.Error() { // see TestSetupRetryAccounts
			got = login(t, p.address, a.user, a.password, "")
		}
		if got != a.want {
			t.Errorf("%s: %s, want %s", a.user, got, a.want)
		}
	}
	if err := letIn(ctx, s.address(), testUser, testPassword); err != nil {
		t.Errorf("beside Segue: %v", err)
	}
	connected := 0
	if err := s.status(ctx, "Threads_connected", &connected); err != nil || connected > 32+6 {
		t.Errorf("%d connections are taken: %v", connected, err)
	}
}

// stayAway connects, is greeted, and says this and nothing more, again and again.
func stayAway(ctx context.Context, address string, hello []byte, greeted *atomic.Int32) {
	for ctx.Err() == nil {
		c, err := net.Dial("tcp", address)
		if err != nil {
			continue
		}
		end := context.AfterFunc(ctx, func() { _ = c.Close() })
		head := make([]byte, 5)
		if _, err := io.ReadFull(c, head); err == nil && head[4] == 10 {
			greeted.Add(1)
			_, _ = c.Write(hello)
		}
		_, _ = io.Copy(io.Discard, c)
		end()
		_ = c.Close()
	}
}
