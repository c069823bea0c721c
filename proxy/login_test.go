package proxy

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	driversql "database/sql/driver"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	gomysqlclient "github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"
	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/fesim"
	"segue/backend/wire"
)

// sql opens one connection by go-sql-driver, which answers no more than one AuthSwitchRequest.
func (p *proxied) sql(user, password string, set ...mysql.Option) (*sql.Conn, error) {
	p.t.Helper()
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.Timeout, c.ReadTimeout = user, password, "tcp", p.addr, patience, patience
	if err := c.Apply(set...); err != nil {
		p.t.Fatal(err)
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		p.t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	conn, err := db.Conn(p.t.Context())
	p.t.Cleanup(func() {
		if conn != nil {
			_ = conn.Close()
		}
		_ = db.Close()
	})
	return conn, err
}

func inClear(c *mysql.Config) error {
	c.AllowCleartextPasswords = true
	return nil
}

func fe(t *testing.T, o fesim.Options) *fesim.FE {
	t.Helper()
	f, err := fesim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func specOf(f *fesim.FE) backend.Spec { return backend.Spec{Name: f.Name(), Address: f.MySQLAddress()} }

// logInAgain logs in on a server as a move would, and runs a statement there.
func logInAgain(t *testing.T, address string, s *session, cred *client.Credential, statement string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Dial(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Greet(ctx); err != nil {
		t.Fatal(err)
	}
	var hello *wire.HandshakeResponse41
	s.within(func() { hello = s.who.hello.Response() })
	hello.Database = "demo"
	if err := c.Login(ctx, cred, hello); err != nil {
		return "", err
	}
	if becomes := cred.Becomes(); becomes != "" {
		if err := c.Run(ctx, true, client.Query(becomes)); err != nil {
			return "", err
		}
	}
	table, err := c.Query(ctx, statement)
	if err != nil {
		return "", err
	}
	return string(table.Rows[0][0]), nil
}

// The salts of two backends.
const (
	firstSalt  = "ABCDEFGHIJKLMNOPQRST"
	secondSalt = "abcdefghijklmnopqrst"
)

func byPassword(password string) User { return User{Name: "u", Password: password, HasPassword: true} }

func byHash(password string) User { return User{Name: "u", Hash: doubleSHA1(password), HasHash: true} }

// doubleSHA1 is what a server keeps of a password for mysql_native_password.
func doubleSHA1(password string) [20]byte {
	once := wire.NativeSecret([]byte(password))
	return sha1.Sum(once[:])
}

// What a session can be logged in again with on another FE, for each kind of account and of configuration.
func TestSessionsGetCredentials(t *testing.T) {
	users := map[string]string{"app": "secret", "none": "", "svc": "s"}
	o := fesim.Options{Users: users, LDAPUsers: map[string]string{"ldap": "directory"}, Impersonators: []string{"svc"}}
	first, second := fe(t, o), fe(t, o)
	service := User{Name: "svc", Password: "s", HasPassword: true, Service: true}
	for _, c := range []struct {
		name           string
		users          []User
		user, password string
		want           string
		native         bool // the password itself is not kept
	}{
		{"password", []User{{Name: "app", Password: "secret", HasPassword: true}}, "app", "secret", "native", true},
		{"hash", []User{{Name: "app", Hash: doubleSHA1("secret"), HasHash: true}}, "app", "secret", "native", true},
		{"stale password", []User{{Name: "app", Password: "older", HasPassword: true}}, "app", "secret", "none", false},
		{"stale hash", []User{{Name: "app", Hash: doubleSHA1("older"), HasHash: true}}, "app", "secret", "none", false},
		{"nothing", nil, "app", "secret", "none", false},
		{"no password", nil, "none", "", "empty", false},
		{"no password, configured", []User{{Name: "none", HasPassword: true}}, "none", "", "empty", false},
		{"LDAP", nil, "ldap", "directory", "password", false},
		{"LDAP, configured", []User{{Name: "ldap", Password: "directory", HasPassword: true}}, "ldap", "directory", "password", false},
		{"LDAP, configured by a hash that is none", []User{{Name: "ldap", Hash: doubleSHA1("directory"), HasHash: true}}, "ldap", "directory", "password", false},
		{"LDAP, stale", []User{{Name: "ldap", Password: "older", HasPassword: true}}, "ldap", "directory", "password", false},
		{"service", []User{service}, "app", "secret", "service", false},
		{"service, and a password that is stale", []User{service, {Name: "app", Password: "older", HasPassword: true}}, "app", "secret", "service", false},
		{"service for itself", []User{service}, "svc", "s", "native", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, Options{Users: c.users}, specOf(first))
			conn, err := p.sql(c.user, c.password, inClear)
			if err != nil {
				t.Fatal(err)
			}
			s := p.only()
			cred := s.credential()
			if cred.String() != c.want || c.native && cred.Kind() != client.CredentialNative {
				t.Fatalf("%s, want %s", cred, c.want)
			}
			if cred == nil {
				return
			}
			var own string
			const whoami = "SELECT CONCAT(CURRENT_USER(), ' in ', DATABASE())"
			if err := conn.QueryRowContext(t.Context(), "SELECT CURRENT_USER()").Scan(&own); err != nil {
				t.Fatal(err)
			}
			got, err := logInAgain(t, second.MySQLAddress(), s, cred, whoami)
			if err != nil || got != own+" in demo" {
				t.Errorf("logged in again as %q, %v, want %s", got, err, own)
			}
		})
	}
}

// It is a backend that decides who gets in, whatever is configured.
func TestBackendsDecideAlone(t *testing.T) {
	f := fe(t, fesim.Options{Users: map[string]string{"app": "new", "none": ""}})
	for _, c := range []struct {
		name, user, password string
		configured           User
		in                   bool
	}{
		{"both stale", "app", "old", User{Name: "app", Password: "old", HasPassword: true}, false},
		{"client stale", "app", "old", User{Name: "app", Password: "new", HasPassword: true}, false},
		{"configuration stale", "app", "new", User{Name: "app", Password: "old", HasPassword: true}, true},
		{"client without one", "app", "", User{Name: "app", Password: "new", HasPassword: true}, false},
		{"configuration without one", "app", "", User{Name: "app", HasPassword: true}, false},
		{"no account", "ghost", "new", User{Name: "ghost", Password: "new", HasPassword: true}, false},
		{"another's password", "app", "svc", User{Name: "svc", Password: "svc", HasPassword: true, Service: true}, false},
		{"hash, client stale", "app", "old", User{Name: "app", Hash: doubleSHA1("new"), HasHash: true}, false},
		{"the hash itself", "app", string(bytes.Repeat([]byte{1}, 20)), User{Name: "app", Hash: doubleSHA1("new"), HasHash: true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, Options{Users: []User{c.configured}}, specOf(f))
			_, err := p.sql(c.user, c.password)
			refused := new(mysql.MySQLError)
			if c.in != (err == nil) || err != nil && (!errors.As(err, &refused) || refused.Number != 1045) {
				t.Errorf("got %v, let in: %v", err, c.in)
			}
		})
	}
}

// A client that has answered one AuthSwitchRequest and accepts no other (go-sql-driver) is brought to another backend all the
// same when the first one dies.
func TestRetryAsksTheClientForNothing(t *testing.T) {
	for name, user := range map[string]User{"password": byPassword("pw"), "hash": byHash("pw")} {
		t.Run(name, func(t *testing.T) {
			again := make(chan string, 1)
			dies := newPeer(t, answers(switchToNative))
			lives := newPeer(t, func(c *peerConn) {
				c.greet(secondSalt)
				payload, err := c.next(1)
				var r wire.HandshakeResponse41
				if err != nil || r.Decode(payload) != nil {
					return
				}
				again <- r.AuthPlugin
				c.send(2, wire.NewAuthSwitchRequest(wire.PluginNativePassword, []byte("zyxwvutsrqponmlkjihg")).Append(nil))
				if answer, err := c.next(3); err != nil || !bytes.Equal(answer, wire.NativePassword([]byte("zyxwvutsrqponmlkjihg"), []byte("pw"))) {
					t.Errorf("%x, %v", answer, err)
				}
				c.send(4, peerOK)
				c.serveQueries()
			})
			o := quick
			o.Users = []User{user}
			p := start(t, o, dies.spec("dies"), lives.spec("lives"))
			b, _ := p.registry.Lookup("lives")
			p.registry.SetHealth(b, backend.Stopping, "last") // so that the other one comes first
			conn, err := p.sql("u", "pw")
			if err != nil {
				t.Fatal(err)
			}
			if plugin := <-again; plugin != wire.PluginNativePassword {
				t.Errorf("the second backend was asked for a switch by %q", plugin)
			}
			var got string
			if err := conn.QueryRowContext(t.Context(), "SELECT 1").Scan(&got); err != nil {
				t.Errorf("%q, %v", got, err)
			}
			// A driver that follows every message sees none but the OK.
			d := p.dial()
			if err := d.login("pw"); err != nil || d.switches != 0 {
				t.Errorf("%d AuthSwitchRequests, %v", d.switches, err)
			}
		})
	}
}

// A client that was asked by the backend before Segue knew anything has given its proof then.
func TestProofBehindASwitchOfTheBackend(t *testing.T) {
	o := quick
	o.Users = []User{byPassword("pw")}
	p := start(t, o, newPeer(t, answers(switchToNative)).spec("dies"), newPeer(t, native(secondSalt, nil)).spec("lives"))
	b, _ := p.registry.Lookup("lives")
	p.registry.SetHealth(b, backend.Stopping, "last")
	d := p.dial()
	d.shy = true
	if err := d.login("pw"); err != nil || d.switches != 1 {
		t.Errorf("%d AuthSwitchRequests, %v", d.switches, err)
	}
	if cred := p.only().credential(); cred.String() != "native" {
		t.Errorf("%s", cred)
	}
}

// With a hash alone, a client of another plugin is asked for an answer that can be compared; where that does not prove anything
// the backend gets it as it is.
func TestHashAsksForNative(t *testing.T) {
	sha2First := func(seen chan<- wire.HandshakeResponse41) func(c *peerConn) {
		return func(c *peerConn) {
			g := wire.HandshakeV10{ServerVersion: "8.4.0", AuthData: []byte(firstSalt), Capabilities: peerCaps, AuthPlugin: wire.PluginCachingSHA2Password}
			c.send(0, g.Append(nil))
			payload, err := c.next(1)
			var r wire.HandshakeResponse41
			if err != nil || r.Decode(payload) != nil {
				return
			}
			seen <- r
			c.send(2, peerOK)
			c.serveQueries()
		}
	}
	for hash, want := range map[string]string{"pw": "native", "older": "none"} {
		t.Run(want, func(t *testing.T) {
			seen := make(chan wire.HandshakeResponse41, 1)
			p := start(t, Options{Users: []User{byHash(hash)}}, newPeer(t, sha2First(seen)).spec("a"))
			if _, err := p.sql("u", "pw"); err != nil {
				t.Fatal(err)
			}
			r := <-seen
			if r.AuthPlugin != wire.PluginNativePassword || !bytes.Equal(r.AuthResponse, wire.NativePassword([]byte(firstSalt), []byte("pw"))) {
				t.Errorf("the backend was told %s, %x", r.AuthPlugin, r.AuthResponse)
			}
			if cred := p.only().credential(); cred.String() != want {
				t.Errorf("%s", cred)
			}
		})
	}
}

// provider is a credential provider that go-mysql's server does not know: it then keeps a cache as MySQL does, and asks
// for the full authentication first.
type provider struct{ *server.InMemoryProvider }

// oracle is go-mysql's server, which authenticates by its own code.
func oracle(t *testing.T, plugin, user, password string) backend.Spec {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	users := provider{server.NewInMemoryProvider()}
	users.AddUser(user, password)
	srv := server.NewServer("8.0.33", gomysql.DEFAULT_COLLATION_ID, plugin, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		&tls.Config{Certificates: []tls.Certificate{{PrivateKey: key}}})
	peer := newPeer(t, func(c *peerConn) {
		conn, err := srv.NewCustomizedConn(c.TCPConn, users, server.EmptyHandler{})
		for err == nil && !conn.Closed() {
			err = conn.HandleCommand()
		}
	})
	return peer.spec("oracle")
}

// Real clients, a real server of caching_sha2_password: its full authentication and its cache, answered by Segue; a client
// whose password is not the one that is configured answers for itself.
func TestCachingSHA2ByRealClients(t *testing.T) {
	for _, plugin := range []string{wire.PluginCachingSHA2Password, wire.PluginNativePassword} {
		t.Run(plugin, func(t *testing.T) {
			spec := oracle(t, plugin, "app", "secret")
			for _, password := range []string{"secret", "stale"} {
				p := start(t, Options{Users: []User{{Name: "app", Password: password, HasPassword: true}}}, spec)
				for range 2 { // in full, and from the cache
					conn, err := p.sql("app", "secret")
					if err == nil {
						err = conn.PingContext(t.Context())
					}
					if err != nil {
						t.Fatalf("go-sql-driver, %s: %v", password, err)
					}
					s := p.only()
					cred := s.credential()
					if password == "secret" && cred == nil || password == "stale" && cred != nil {
						t.Errorf("%s: credential %s", password, cred)
					}
					if cred != nil && (cred.Kind() == client.CredentialPassword) != (plugin == wire.PluginCachingSHA2Password) {
						t.Errorf("%s: credential %s", plugin, cred)
					}
					_ = conn.Raw(func(any) error { return driversql.ErrBadConn }) // it is closed, not put back
					p.waitSessions(0)
				}
				other, err := gomysqlclient.Connect(p.addr, "app", "secret", "")
				if err == nil {
					err = other.Ping()
				}
				if err != nil {
					t.Errorf("go-mysql, %s: %v", password, err)
					continue
				}
				_ = other.Close()
			}
		})
	}
}

// The configured password is tried before the one that the session logged in with, which may have been changed since.
func TestRotatedPassword(t *testing.T) {
	f := fe(t, fesim.Options{Users: map[string]string{"app": "old"}})
	rotated := fe(t, fesim.Options{Users: map[string]string{"app": "new"}})
	p := start(t, Options{Users: []User{{Name: "app", Password: "old", HasPassword: true}}}, specOf(f))
	if _, err := p.sql("app", "old"); err != nil {
		t.Fatal(err)
	}
	s := p.only()
	if list := s.offers(); len(list) != 1 {
		t.Errorf("%v", list)
	}
	p.SetOptions(Options{Users: []User{{Name: "app", Password: "new", HasPassword: true}}})
	list := s.offers()
	if len(list) != 2 || list[1] != s.credential() {
		t.Fatalf("%v", list)
	}
	for i, address := range []string{rotated.MySQLAddress(), f.MySQLAddress()} {
		if got, err := logInAgain(t, address, s, list[i], "SELECT CURRENT_USER()"); err != nil || !strings.HasPrefix(got, "'app'@") {
			t.Errorf("%q, %v", got, err)
		}
	}
	p.SetOptions(Options{})
	if list := s.offers(); len(list) != 1 || list[0] != s.credential() {
		t.Errorf("%v", list)
	}
}
