package proxy

import (
	"testing"

	gomysqlclient "github.com/go-mysql-org/go-mysql/client"

	"segue/backend/fesim"
	"segue/backend/wire"
)

// Clients that say nothing take a few of a backend's connections and no more. Others get in meanwhile, with whatever they have to show, and so do those that
// take their time.
func TestSilentClients(t *testing.T) {
	const few = 4
	f := fe(t, fesim.Options{Users: map[string]string{"u": "pw", "v": "pw"}, LDAPUsers: map[string]string{"ldap": "directory"}})
	p := start(t, Options{Unauthenticated: few, Users: []User{{Name: "v", Password: "pw", HasPassword: true}}}, specOf(f))
	p.connect() // from here on the backend is known
	held := func() int { return p.registry.Backends()[0].Sessions() - 1 }
	var silent []*driver
	salts := map[string]bool{}
	for range 5 * few {
		d := p.dial()
		payload, err := d.next(0)
		if err == nil {
			err = d.hello.Decode(payload)
		}
		if err != nil {
			t.Fatal(err)
		}
		salts[string(d.hello.AuthData)] = true
		silent = append(silent, d)
		if n := held(); n > few {
			t.Errorf("%d connections are held by who says nothing", n)
		}
	}
	if held() > few || len(salts) != len(silent) {
		t.Errorf("%d connections, %d salts", held(), len(salts))
	}
	for _, c := range []struct {
		user, password string
		switches       int // at most
		in             bool
	}{{"u", "pw", 1, true}, {"u", "wrong", 1, false}, {"u", "", 0, false}, {"v", "pw", 0, true}, {"v", "wrong", 1, false}, {"nobody", "pw", 0, false}} {
		d := p.dial()
		d.user = c.user
		if err := d.login(c.password); (err == nil) != c.in || d.switches > c.switches { // none if one that says nothing has made room
			t.Errorf("%s with %q: %v, %d times asked again", c.user, c.password, err, d.switches)
		} else if c.in {
			d.query("SELECT 1")
			if got, err := d.row(); err != nil || string(got) != "1" {
				t.Errorf("%q, %v", got, err)
			}
		}
	}
	if conn, err := p.sql("ldap", "directory", inClear); err != nil {
		t.Error(err)
	} else if err := conn.PingContext(t.Context()); err != nil {
		t.Error(err)
	}
	for i, d := range silent {
		if err := d.loginGreeted("pw"); err != nil {
			t.Errorf("a client that has taken its time (%d): %v", i, err)
		}
	}
	b := p.registry.Backends()[0]
	crowd := p.crowdOf(b)
	defer p.leaveCrowd(b)
	eventually(t, "nobody to be silent", func() bool {
		inside, waiting := crowd.greets.Counts()
		return inside == 0 && waiting == 0
	})
}

// A client that says nothing keeps no backend that leaves, and gets in elsewhere when it speaks.
func TestSilentClientKeepsNoBackend(t *testing.T) {
	t.Parallel()
	users := map[string]string{"u": "pw"}
	first, second := fe(t, fesim.Options{Name: "first", Users: users}), fe(t, fesim.Options{Name: "second", Users: users})
	p := start(t, Options{}, specOf(first), specOf(second))
	d := p.dial()
	payload, err := d.next(0)
	if err != nil || d.hello.Decode(payload) != nil {
		t.Fatal(err)
	}
	var on string
	for _, b := range p.registry.Backends() {
		if b.Sessions() == 1 {
			on = b.Name()
		}
	}
	p.leave(on)
	b, _ := p.registry.Lookup(on)
	eventually(t, "the backend to be let go", func() bool { return b.Sessions() == 0 })
	if err := d.loginGreeted("pw"); err != nil || d.switches != 1 {
		t.Errorf("%v, %d times asked again", err, d.switches)
	}
	if b.Sessions() != 0 {
		t.Errorf("it is on %s", on)
	}
}

// Who comes while as many as may be have yet to answer waits for a moment, and is greeted by the backend when one has.
func TestCrowdThatAnswers(t *testing.T) {
	t.Parallel()
	f := fe(t, fesim.Options{Users: map[string]string{"u": "pw"}})
	p := start(t, Options{Unauthenticated: 1}, specOf(f))
	p.connect()
	again := func() int {
		silent := p.dial()
		if payload, err := silent.next(0); err != nil || silent.hello.Decode(payload) != nil {
			t.Fatal(err)
		}
		before := len(p.Sessions())
		next := p.dial()
		crowd := p.crowdOf(p.registry.Backends()[0])
		defer p.leaveCrowd(p.registry.Backends()[0])
		eventually(t, "the next to come", func() bool { return len(p.Sessions()) > before })
		if err := silent.loginGreeted("pw"); err != nil {
			t.Error(err)
		}
		if err := next.login("pw"); err != nil {
			t.Error(err)
		}
		crowd.stuck.Store(0)
		return next.switches
	}
	for range 10 { // a slow machine may take longer than the moment
		if again() == 0 {
			return
		}
	}
	t.Error("nobody waits")
}

// Real clients get in beside a crowd by whatever plugin the server wants, be it in full, with or without Segue's knowing of their password.
func TestSilentClientsAndRealOnes(t *testing.T) {
	t.Parallel()
	for _, plugin := range []string{wire.PluginCachingSHA2Password, wire.PluginNativePassword} {
		t.Run(plugin, func(t *testing.T) {
			t.Parallel()
			for _, password := range []string{"", "stale", "secret"} {
				o := Options{Unauthenticated: 1}
				if password != "" {
					o.Users = []User{{Name: "app", Password: password, HasPassword: true}}
				}
				p := start(t, o, oracle(t, plugin, "app", "secret"))
				if _, err := p.sql("app", "secret"); err != nil {
					t.Fatal(err)
				}
				p.dial().next(0)
				for range 2 { // in full, and from the cache
					conn, err := p.sql("app", "secret")
					if err == nil {
						err = conn.PingContext(t.Context())
					}
					if err != nil {
						t.Errorf("go-sql-driver, %q is configured: %v", password, err)
					}
					if plugin == wire.PluginCachingSHA2Password && password != "secret" {
						continue // behind an AuthSwitchRequest go-mysql encrypts the password by the salt of the greeting
					}
					other, err := gomysqlclient.Connect(p.addr, "app", "secret", "")
					if err == nil {
						err = other.Ping()
					}
					if err != nil {
						t.Errorf("go-mysql, %q is configured: %v", password, err)
						continue
					}
					_ = other.Close()
				}
			}
		})
	}
}
