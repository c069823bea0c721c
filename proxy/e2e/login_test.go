package e2e

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	own "segue/backend/client"
	"segue/backend/wire"
	handshake "segue/proxy/login"
)

// loginTime is how long a login may take.
const loginTime = 10 * time.Second

// ownLogin logs in as a probe or a move does.
func ownLogin(ctx context.Context, t *testing.T, address, user string, cred *own.Credential) (*own.Conn, error) {
	t.Helper()
	c, err := own.Dial(ctx, address)
	if err != nil {
		return nil, err
	}
	t.Cleanup(c.Close)
	g, err := c.Greet(ctx)
	if err != nil {
		return nil, err
	}
	return c, c.Login(ctx, cred, own.OwnResponse(g, user))
}

func nativeOf(password string) *own.Credential {
	return own.Native(wire.NativeSecret([]byte(password)))
}

// TestOwnClientOnMariaDB logs in and runs commands as Segue does for itself, on a real server.
func TestOwnClientOnMariaDB(t *testing.T) {
	s := startServers(t, 1)[0]
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	for _, c := range []struct {
		name, user string
		cred       *own.Credential
		denied     bool
		unprovable bool
	}{
		{"password", testUser, own.Password(testPassword), false, false},
		{"native", testUser, nativeOf(testPassword), false, false},
		{"empty", "e2e_empty", own.Password(""), false, false},
		{"wrong", testUser, own.Password("wrong"), true, false},
		{"ed25519", "e2e_ed25519", own.Password("edwards"), false, false},
		{"ed25519, by what is enough for native", "e2e_ed25519", nativeOf("edwards"), true, true},
		{"nobody", "nobody", own.Password("x"), true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := ownLogin(ctx, t, s.address(), c.user, c.cred)
			var failed *own.Error
			if errors.As(err, &failed) != c.denied || c.denied && failed.Kind != own.Denied || errors.As(err, new(*own.UnprovableError)) != c.unprovable {
				t.Fatalf("%v", err)
			}
			if c.denied {
				return
			}
			table, err := conn.Query(ctx, "SELECT CURRENT_USER(), NULL, '', 1.5e0")
			if err != nil || len(table.Rows) != 1 || !strings.HasPrefix(string(table.Rows[0][0]), c.user+"@") || table.Rows[0][1] != nil || table.Rows[0][2] == nil ||
				table.Columns[3].Type != wire.TypeDouble {
				t.Errorf("%+v, %v", table, err)
			}
			conn.Quit()
		})
	}
	for _, together := range []bool{true, false} {
		t.Run("commands, together "+strconv.FormatBool(together), func(t *testing.T) {
			ownCommands(ctx, t, s.address(), !together)
		})
	}
}

// ownCommands rebuilds something like a session, and looks at it; with EOF_Packets and without.
func ownCommands(ctx context.Context, t *testing.T, address string, oneByOne bool) {
	t.Helper()
	for _, more := range []wire.Capability{0, wire.ClientDeprecateEOF | wire.ClientSessionTrack | wire.ClientMultiResults | wire.ClientPSMultiResults} {
		c, err := own.Dial(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		g, err := c.Greet(ctx)
		if err != nil {
			t.Fatal(err)
		}
		hello := own.OwnResponse(g, testUser)
		hello.Capabilities |= more & g.Capabilities
		hello.Database = "mysql"
		if err := c.Login(ctx, own.Password(testPassword), hello); err != nil {
			t.Fatal(err)
		}
		statements := make([]own.Prepared, 50)
		table := &own.Table{Ext: hello.ExtCapabilities() & g.ExtCapabilities}
		commands := []own.Command{own.Query("SET @a = 'x'"), {Command: wire.ComInitDB, Text: "information_schema"}}
		for i := range statements {
			commands = append(commands, own.Command{Command: wire.ComStmtPrepare, Text: "SELECT ?, " + strconv.Itoa(i), Take: statements[i].Take})
		}
		commands = append(commands, own.Command{Command: wire.ComQuery, Text: "SYNC", Lenient: true},
			own.Command{Command: wire.ComQuery, Text: "SELECT @a, DATABASE()", Take: table.Take}, own.Query("BEGIN"))
		if err := c.Run(ctx, oneByOne, commands...); err != nil {
			t.Fatal(err)
		}
		for i := range statements {
			if statements[i].NumParams != 1 || statements[i].NumColumns != 2 || i > 0 && statements[i].StatementID <= statements[i-1].StatementID {
				t.Fatalf("statement %d: %+v", i, statements[i])
			}
		}
		if len(table.Rows) != 1 || string(table.Rows[0][0]) != "x" || string(table.Rows[0][1]) != "information_schema" {
			t.Errorf("%q", table.Rows)
		}
		var refused *own.Refusal
		if err := c.Run(ctx, true, own.Query("SELECT 1"), own.Query("SELECT nonsense")); !errors.As(err, &refused) || refused.Index != 1 || refused.Said.Code != 1054 {
			t.Errorf("%v", err)
		}
		if _, err := c.Query(ctx, "SELECT * FROM information_schema.columns LIMIT 500"); err != nil {
			t.Errorf("behind a refusal: %v", err)
		}
		c.Quit()
	}
}

// TestMoveOwnClientTiDB does so on a server that has caching_sha2_password and session tokens.
func TestMoveOwnClientTiDB(t *testing.T) {
	s := newTiDB(t, writeSigningCerts(t), 0)
	if err := s.waitReady(t.Context()); err != nil {
		t.Fatalf("wait for tidb-server: %v\n%s", err, tail(s.log(), 20))
	}
	if err := s.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := openDB(s.address(), "root", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), "CREATE USER sha2@'%' IDENTIFIED WITH caching_sha2_password BY 'secret'"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	if _, err := ownLogin(ctx, t, s.address(), "sha2", nativeOf("secret")); !errors.As(err, new(*own.UnprovableError)) {
		t.Errorf("by a hash: %v", err)
	}
	// Without TLS it has no key to give, and takes the request for one for the password.
	var failed *own.Error
	if _, err := ownLogin(ctx, t, s.address(), "sha2", own.Password("secret")); !errors.As(err, &failed) || failed.Kind != own.Denied {
		t.Errorf("by a password: %v", err)
	}
	ownCommands(ctx, t, s.address(), true)
	conn, err := ownLogin(ctx, t, s.address(), testUser, own.Password(testPassword))
	if err != nil {
		t.Fatal(err)
	}
	states, err := conn.Query(ctx, "SHOW SESSION_STATES")
	if err != nil {
		t.Fatal(err)
	}
	if len(states.Rows) != 1 || len(states.Rows[0]) != 2 || len(states.Rows[0][1]) == 0 {
		t.Fatalf("%+v", states)
	}
	token := states.Rows[0][1]
	if _, err := ownLogin(ctx, t, s.address(), testUser, own.Token(token)); err != nil {
		t.Errorf("by a token: %v", err)
	}
	for name, greets := range map[string]bool{"the backend's greeting": false, "Segue's greeting": true} {
		r := startLoginRelay(t, nil, greets, s.address(), s.address())
		// What a client makes of that it makes of it behind a relay, too.
		direct := (&loginRelay{address: s.address()}).connect(t, "sha2", "secret")
		if err := r.connect(t, "sha2", "secret"); direct == nil || err == nil || err.Error() != direct.Error() {
			t.Errorf("%s, caching_sha2_password: %v, directly %v", name, err, direct)
		}
		if err := r.connect(t, testUser, testPassword); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// loginRelay brings clients to backends by proxy/login, blocking; the first of its backends always dies.
type loginRelay struct {
	address string
	users   handshake.Users
	greets  bool // before there is a backend
	dies    string
	lives   string
	failed  atomic.Int32
}

func startLoginRelay(t *testing.T, users handshake.Users, greets bool, dies, lives string) *loginRelay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	r := &loginRelay{address: ln.Addr().String(), users: users, greets: greets, dies: dies, lives: lives}
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go r.serve(nc)
		}
	}()
	return r
}

// side is a connection and what has come on it.
type side struct {
	net.Conn
	in  wire.Inbox
	buf []byte
}

func newSide(nc net.Conn) *side {
	_ = nc.SetDeadline(time.Now().Add(loginTime))
	return &side{nc, wire.NewInbox(own.MaxHandshake), make([]byte, 100)}
}

func (s *side) next() (payload []byte, seq uint8, err error) {
	for {
		payload, seq, ok, err := s.in.Next()
		if ok || err != nil {
			return payload, seq, err
		}
		s.in.Keep()
		n, err := s.Read(s.buf)
		if n == 0 {
			return nil, 0, err
		}
		s.in.Feed(s.buf[:n])
	}
}

func (r *loginRelay) serve(nc net.Conn) {
	c, out := newSide(nc), new(handshake.Output)
	defer c.Close()
	h := handshake.New(7, r.users)
	if r.greets {
		var random [wire.SaltLen]byte
		_, _ = rand.Read(random[:])
		h.GreetFirst(out, &wire.HandshakeV10{
			ServerVersion: "8.0.33", AuthData: handshake.Salt(random), AuthPlugin: wire.PluginNativePassword, Charset: 33,
			Capabilities: wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientPluginAuth | wire.ClientConnectWithDB | wire.ClientTransactions |
				wire.ClientMultiResults | wire.ClientLongPassword | wire.ClientPluginAuthLenencClientData,
		})
	}
	var b *side
	kill := true
	for outcome := handshake.Continues; ; {
		_, _ = c.Write(out.Client)
		if b != nil {
			_, _ = b.Write(out.Backend)
		}
		out.Client, out.Backend = out.Client[:0], out.Backend[:0]
		switch outcome {
		case handshake.LoggedIn:
			go func() { _, _ = io.Copy(b, c); _ = b.Close() }()
			_, _ = io.Copy(c, b)
			return
		case handshake.ClientEnded:
			return
		default:
		}
		var payload []byte
		var seq uint8
		var err error
		switch h.Waits() {
		case handshake.ForLease:
			address := r.lives
			if kill {
				address = r.dies
			}
			nc, err := net.Dial("tcp", address)
			if err != nil {
				return
			}
			defer nc.Close()
			b = newSide(nc)
			g := new(wire.HandshakeV10)
			if payload, _, err = b.next(); err != nil || g.Decode(payload) != nil {
				return
			}
			outcome = h.Greeted(out, g, own.Via{}, ^wire.Capability(0), 0)
		case handshake.ForClient:
			if payload, seq, err = c.next(); err != nil {
				return
			}
			outcome = h.FromClient(out, payload, seq)
		case handshake.ForBackend:
			if payload, seq, err = b.next(); err != nil {
				return
			}
			if kill {
				kill = false
				_ = b.Close()
				b = nil
				r.failed.Add(1)
				outcome = h.Fail(own.IOError("authentication", io.EOF))
				continue
			}
			outcome = h.FromBackend(out, payload, seq)
		default:
			return
		}
	}
}

// connect is a client of go-sql-driver, which answers one AuthSwitchRequest and no more.
func (r *loginRelay) connect(t *testing.T, user, password string) error {
	t.Helper()
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr, config.Timeout, config.ReadTimeout = user, password, "tcp", r.address, loginTime, loginTime
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	var got string
	err = db.QueryRowContext(t.Context(), "SELECT CURRENT_USER()").Scan(&got)
	if err == nil && !strings.HasPrefix(got, user+"@") {
		t.Errorf("logged in as %s", got)
	}
	return err
}

// accounts is what the operator has said of one user.
type accounts map[string]*own.Account

func (a accounts) Account(user string) *own.Account { return a[user] }

func (accounts) Impersonate(string) *own.Credential { return nil }

func (accounts) Policy() handshake.Policy { return handshake.Policy{} }

// TestLoginRelay brings real clients to real servers by the machine of proxy/login, the first of which dies before its OK; by the backend's greeting
// and by Segue's own.
func TestLoginRelay(t *testing.T) {
	servers := startServers(t, 2)
	for _, greets := range []bool{false, true} {
		for name, users := range map[string]handshake.Users{
			"nothing known": nil, "password": accounts{testUser: {Password: testPassword, HasPassword: true}},
			"stale password": accounts{testUser: {Password: "older", HasPassword: true}},
		} {
			t.Run(name+", greets "+strconv.FormatBool(greets), func(t *testing.T) {
				r := startLoginRelay(t, users, greets, servers[0].address(), servers[1].address())
				for _, account := range []struct{ user, password, refusal string }{
					{testUser, testPassword, ""},
					{"e2e_empty", "", ""},
					{testUser, "wrong", "1045"},
				} {
					err := r.connect(t, account.user, account.password)
					if refused := new(mysql.MySQLError); account.refusal == "" && err != nil || account.refusal != "" && (!errors.As(err, &refused) || strconv.Itoa(int(refused.Number)) != account.refusal) {
						t.Errorf("%s with %q: %v", account.user, account.password, err)
					}
				}
				if r.failed.Load() == 0 {
					t.Error("no backend has died")
				}
			})
		}
	}
}
