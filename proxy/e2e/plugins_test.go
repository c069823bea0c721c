package e2e

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"segue/backend"
	own "segue/backend/client"
	"segue/backend/secure"
	"segue/backend/secure/securetest"
	"segue/backend/wire"
)

// plugged is a server with an account of each of its authentication plugins, whose password is "correct horse".
type plugged struct {
	name     string
	flavor   backend.Flavor
	spec     backend.Spec
	address  string
	socket   string
	shows    shown
	showAnew func(t *testing.T)
	accounts []account
}

// account is one, and what is needed to log in.
type account struct {
	user    string
	wants   secure.Mode // Required: TLS
	shows   bool        // … and a client certificate
	whole   bool        // where nobody can read along, the whole password: in the clear it is not given away
	byToken bool        // not by its password
}

const pluggedPassword = "correct horse"

// pluggedServers starts MariaDB's releases and TiDB.
func pluggedServers(t *testing.T, a *authority) []*plugged {
	t.Helper()
	var all []*plugged
	for name, r := range map[string]release{"MariaDB 10.11": debians, "MariaDB 11.4": nextRelease(t)} {
		all = append(all, startPlugged(t, a, name, r))
	}
	return append(all, startPluggedTiDBs(t, a, 1)...)
}

func pluggedLeaf() securetest.Leaf { return securetest.Leaf{Names: []string{"127.0.0.1", "localhost"}} }

// startPlugged starts one of MariaDB's.
func startPlugged(t *testing.T, a *authority, name string, r release) *plugged {
	t.Helper()
	files := a.files(t, pluggedLeaf())
	s := startRelease(t, r, "127.0.0.1", append([]string{"skip-name-resolve"}, files.mariadb()...)...)
	if err := s.exec(t.Context(), mariadbAccounts); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, s.log())
	}
	return &plugged{name, backend.MySQL, backend.Spec{Name: "mariadb", Address: s.address()}, s.address(), s.socket, files, s.showAnew, []account{
		{user: "nat"}, {user: "ed"}, {user: "none"}, {user: "tls", wants: secure.Required}, {user: "cert", wants: secure.Required, shows: true},
	}}
}

// startPluggedTiDBs starts some of TiDB's.
func startPluggedTiDBs(t *testing.T, a *authority, n int) (all []*plugged) {
	t.Helper()
	files, certs := a.files(t, pluggedLeaf()), writeSigningCerts(t)
	var servers []*tidbServer
	for range n {
		servers = append(servers, newTiDB(t, certs, 0, files.tidb()...))
	}
	for _, s := range servers {
		if err := s.waitReady(t.Context()); err != nil {
			t.Fatalf("wait for tidb-server: %v\n%s", err, tail(s.log(), 20))
		}
		s.exec(t, tidbAccounts...)
		all = append(all, &plugged{"TiDB", backend.TiDB, backend.Spec{Name: "tidb", Address: s.address(), HealthURL: s.healthURL()}, s.address(), s.dir + "/s", files, s.showAnew, []account{
			{user: "nat"},
			{user: "sha2", whole: true},
			{user: "sm3", whole: true},
			{user: "none"},
			{user: "tls", wants: secure.Required},
			{user: "cert", wants: secure.Required, shows: true},
			{user: "nat", byToken: true},
			{user: "sm3", whole: true, byToken: true},
		}})
	}
	return all
}

const mariadbAccounts = `CREATE USER nat IDENTIFIED VIA mysql_native_password USING PASSWORD('correct horse');
CREATE USER ed IDENTIFIED VIA ed25519 USING PASSWORD('correct horse');
CREATE USER none IDENTIFIED BY '';
CREATE USER tls IDENTIFIED BY 'correct horse' REQUIRE SSL;
CREATE USER cert IDENTIFIED VIA ed25519 USING PASSWORD('correct horse') REQUIRE X509`

var tidbAccounts = []string{
	"CREATE USER nat IDENTIFIED WITH mysql_native_password BY 'correct horse'",
	"CREATE USER sha2 IDENTIFIED WITH caching_sha2_password BY 'correct horse'",
	"CREATE USER sm3 IDENTIFIED WITH tidb_sm3_password BY 'correct horse'",
	"CREATE USER none IDENTIFIED BY ''",
	"CREATE USER tls IDENTIFIED BY 'correct horse' REQUIRE SSL",
	"CREATE USER cert IDENTIFIED WITH caching_sha2_password BY 'correct horse' REQUIRE X509",
}

const pluginPatience = 20 * time.Second

// logIn logs in on a server as Segue does, and asks who it is and whether the connection is TLS.
func (s *plugged) logIn(t *testing.T, network string, p *secure.Policy, user string, cred *own.Credential) (who string, inside bool, c *own.Conn, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), pluginPatience)
	defer cancel()
	address := s.address
	if network == "unix" {
		address = s.socket
	}
	nc, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		t.Fatalf("%s: dial: %v", s.name, err)
	}
	c = own.New(nc)
	t.Cleanup(c.Close)
	g, err := c.Greet(ctx)
	if err != nil {
		return "", false, c, err
	}
	c.Secure(p, s.address)
	if err := c.Login(ctx, cred, own.OwnResponse(g, user)); err != nil {
		return "", false, c, err
	}
	table, err := c.Query(ctx, "SHOW STATUS LIKE 'Ssl_cipher'")
	if err != nil {
		return "", false, c, err
	}
	inside = len(table.Rows) == 1 && len(table.Rows[0][1]) > 0
	if table, err = c.Query(ctx, "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)"); err != nil {
		return "", inside, c, err
	}
	return string(table.Rows[0][0]), inside, c, nil
}

// token has the server hand out a session token for who has logged in.
func (s *plugged) token(t *testing.T, p *secure.Policy, user string) *own.Credential {
	t.Helper()
	_, _, c, err := s.logIn(t, "tcp", p, user, own.Password(pluggedPassword))
	if err != nil {
		t.Fatalf("%s: log in for a token: %v", s.name, err)
	}
	defer c.Quit()
	ctx, cancel := context.WithTimeout(t.Context(), pluginPatience)
	defer cancel()
	table, err := c.Query(ctx, "SHOW SESSION_STATES")
	if err != nil || len(table.Rows) != 1 {
		t.Fatalf("%s: no token: %v", s.name, err)
	}
	return own.Token(table.Rows[0][1])
}

// Segue logs in by every plugin, on every server, in every mode, by TCP and by a UNIX socket.
func TestMovePlugins(t *testing.T) {
	a := newAuthority(t)
	mine := a.between.Issue(t, securetest.Leaf{CommonName: "segue"})
	tried := 0
	for _, s := range pluggedServers(t, a) {
		required := a.policy(t, secure.Required, securetest.Pair{})
		for _, mode := range []secure.Mode{secure.Disabled, secure.Preferred, secure.Required, secure.VerifyCA, secure.VerifyIdentity} {
			plain, showing := a.policy(t, mode, securetest.Pair{}), a.policy(t, mode, mine)
			for _, network := range []string{"tcp", "unix"} {
				inside := mode.Insists() || mode.Wants() && network == "tcp"
				for _, acc := range s.accounts {
					tried++
					cred := own.Password(pluggedPassword)
					if acc.user == "none" {
						cred = own.Password("")
					}
					if acc.byToken {
						cred = s.token(t, required, acc.user)
					}
					p := plain
					if acc.shows {
						p = showing
					}
					can := inside || acc.wants == secure.Disabled && (network == "unix" || !acc.whole || acc.byToken)
					for range 2 { // the second takes up the TLS session
						who, got, c, err := s.logIn(t, network, p, acc.user, cred)
						if (err == nil) != can || can && (who != acc.user || got != inside || (c.Transport() == own.TLS) != inside) {
							t.Errorf("%s, %v by %s, %+v: %q, TLS: %v, %v", s.name, mode, network, acc, who, got, err)
						}
						if e := new(own.Error); err != nil && (!errors.As(err, &e) || e.Kind != own.Denied) {
							t.Errorf("%s, %v by %s, %+v: %v", s.name, mode, network, acc, err)
						}
						c.Quit()
					}
					if !can || acc.byToken {
						continue
					}
					if _, _, _, err := s.logIn(t, network, p, acc.user, own.Password("wrong")); !isDenied(err) {
						t.Errorf("%s, %v by %s, %+v, wrong password: %v", s.name, mode, network, acc, err)
					}
					if !acc.shows {
						continue
					}
					if _, _, _, err := s.logIn(t, network, plain, acc.user, cred); !isDenied(err) {
						t.Errorf("%s, %v by %s, %+v, no certificate: %v", s.name, mode, network, acc, err)
					}
				}
			}
		}
	}
	if want := 5 * 2 * (5 + 5 + 8); tried != want {
		t.Errorf("%d cells of %d", tried, want)
	}
}

func isDenied(err error) bool {
	said := new(wire.Err)
	return errors.As(err, &said) && said.Code == 1045
}

// A nonce of ed25519's may end in a NUL, of which clients have taken leave: one login in 256.
func TestMovePluginsEd25519Nonces(t *testing.T) {
	s := startServer(t, "127.0.0.1", "skip-name-resolve")
	if err := s.exec(t.Context(), mariadbAccounts); err != nil {
		t.Fatal(err)
	}
	at := &plugged{name: "MariaDB", address: s.address(), socket: s.socket}
	for i := range 1500 {
		_, _, c, err := at.logIn(t, "unix", nil, "ed", own.Password(pluggedPassword))
		if err != nil {
			t.Fatalf("login %d: %v", i, err)
		}
		c.Quit()
	}
}

// What each mode makes of the certificates that a server may show, and what is said of them.
func TestMovePluginsCertificates(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	for _, s := range pluggedServers(t, a) {
		for _, c := range []struct {
			name string
			by   *authority
			leaf securetest.Leaf
			upTo secure.Mode // that takes it
		}{
			{"right", a, securetest.Leaf{Names: []string{"127.0.0.1"}}, secure.VerifyIdentity},
			{"RSA", a, securetest.Leaf{Names: []string{"127.0.0.1"}, RSA: true}, secure.VerifyIdentity},
			{"wrong name", a, securetest.Leaf{Names: []string{"db.example"}}, secure.VerifyCA},
			{"without what is between", a, securetest.Leaf{Names: []string{"127.0.0.1"}, Alone: true}, secure.Required},
			{"expired", a, securetest.Leaf{Names: []string{"127.0.0.1"}, Expired: true}, secure.Required},
			{"stranger", stranger, securetest.Leaf{Names: []string{"127.0.0.1"}}, secure.Required},
			{"right again", a, securetest.Leaf{Names: []string{"127.0.0.1"}}, secure.VerifyIdentity},
		} {
			s.shows.write(t, a.root.PEM(), c.by.between.Issue(t, c.leaf))
			s.showAnew(t)
			for _, mode := range []secure.Mode{secure.Preferred, secure.Required, secure.VerifyCA, secure.VerifyIdentity} {
				_, inside, conn, err := s.logIn(t, "tcp", a.policy(t, mode, securetest.Pair{}), "nat", own.Password(pluggedPassword))
				var bad *secure.CertificateError
				if mode <= c.upTo && (err != nil || !inside) || mode > c.upTo && !errors.As(err, &bad) {
					t.Errorf("%s, %s, %v: TLS: %v, %v", s.name, c.name, mode, inside, err)
				}
				conn.Quit()
			}
		}
	}
}
