package proxy

import (
	"errors"
	"sync"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
	"segue/proxy/balance"
)

var (
	denied  = &wire.Err{Code: 1045, State: "28000", Message: "Access denied"}
	blocked = &wire.Err{Code: 4150, State: "HY000", Message: "User is blocked because of too many credential errors"}
)

// knowsTheUser are options by which Segue can log in for the driver's user.
func knowsTheUser() Options {
	return Options{Flavor: backend.MySQL, Users: []User{{Name: "u", Password: "pw", HasPassword: true}}}
}

// guard is a backend that lets in with one password alone, and counts whom it refuses.
type guard struct {
	mu       sync.Mutex
	password string
	refused  []time.Time
	says     *wire.Err // to whom it refuses
}

func (g *guard) serve(c *peerConn) {
	const salt = "ABCDEFGHIJKLMNOPQRST"
	if !c.greet(salt) {
		return
	}
	payload, err := c.next(1)
	var r wire.HandshakeResponse41
	if err != nil || r.Decode(payload) != nil {
		return
	}
	seq, answer := uint8(2), r.AuthResponse
	if r.AuthPlugin != wire.PluginNativePassword {
		c.send(seq, wire.NewAuthSwitchRequest(wire.PluginNativePassword, []byte(salt)).Append(nil))
		if answer, err = c.next(seq + 1); err != nil {
			return
		}
		seq += 2
	}
	if !g.admits(r.Username, string(answer), salt) {
		c.send(seq, g.says.Append(nil))
		return
	}
	if c.send(seq, peerOK) {
		c.serveQueries()
	}
}

func (g *guard) admits(user, answer, salt string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if answer == string(wire.NativePassword([]byte(salt), []byte(g.password))) {
		return true
	}
	if user == "u" { // and not nobody, as whom Segue ends a handshake
		g.refused = append(g.refused, time.Now())
	}
	return false
}

func (g *guard) refusals() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.refused)
}

// Passwords are changed on one server before Segue's file has the new one. Sessions that are to move there do not try the old one until the account
// is locked, and move when the file has the new one.
func TestRefusedMovesDoNotLockTheAccount(t *testing.T) {
	t.Parallel()
	const sessions, watched = 10, 6 * time.Second
	for name, leave := range map[string]func(p *proxied){
		"drain":     func(p *proxied) { _ = p.registry.SetAdmin("a", backend.Drain) },
		"rebalance": func(*proxied) {},
		"down":      func(p *proxied) { a, _ := p.registry.Lookup("a"); p.registry.SetHealth(a, backend.Down, "no answer") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &guard{password: "new", says: denied}
			o := knowsTheUser()
			o.Balance = balance.Options{Rate: 1000, Settle: -1}
			o.HangTimeout = time.Minute // a backend that is down and greets nobody, as nobody asks, is no matter here
			p := start(t, o, newPeer(t, echo).spec("a"), newPeer(t, g.serve).spec("b"))
			_ = p.registry.SetAdmin("b", backend.Maint)
			var clients []*driver
			for range sessions {
				clients = append(clients, p.connect())
			}
			p.ready("b")
			leave(p)
			time.Sleep(watched)
			if n := g.refusals(); n == 0 || n > 4 { // at 0, 1, 3 and 7 seconds
				t.Errorf("%d logins were refused in %v", n, watched)
			}
			if l := p.Accounts(); len(l) != 1 || l[0].Backend != "b" || l[0].User != "u" || l[0].Cause != denied.Error() {
				t.Errorf("%+v", l)
			}
			if name == "drain" { // not all of them are still there
				clients = nil
			}
			for _, d := range clients {
				d.ask("SELECT 1")
			}
			o.Users = []User{{Name: "u", Password: "new", HasPassword: true}}
			p.SetOptions(o)
			eventually(t, "sessions on b", func() bool {
				n := 0
				for _, s := range p.Sessions() {
					if s.Backend == "b" {
						n++
					}
				}
				return n >= sessions/2-1
			})
			if n := g.refusals(); n > 5 {
				t.Errorf("%d logins were refused in the end", n)
			}
			if l := p.Accounts(); len(l) != 0 {
				t.Errorf("behind a login by the new password: %+v", l)
			}
			for _, d := range clients {
				d.ask("SELECT 1")
			}
		})
	}
}

// Nor do clients that prove the old password, in whose place Segue logs in: they go to another backend or, where there is none, are told in the end
// what it is that the server says. A client with the new one is let in meanwhile.
func TestRefusedClientsDoNotLockTheAccount(t *testing.T) {
	t.Run("another backend", func(t *testing.T) {
		t.Parallel()
		g := &guard{password: "new", says: denied}
		p := start(t, knowsTheUser(), newPeer(t, g.serve).spec("a"), newPeer(t, native("ZZCDEFGHIJKLMNOPQRST", nil)).spec("b"))
		for range 20 {
			if err := p.dial().login("pw"); err != nil && g.refusals() > 1 {
				t.Errorf("the client saw %v", err)
			}
		}
		if n := g.refusals(); n > 2 {
			t.Errorf("%d logins were refused", n)
		}
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		g := &guard{password: "new", says: blocked}
		o := knowsTheUser()
		o.ConnectBudget = 700 * time.Millisecond
		p := start(t, o, newPeer(t, g.serve).spec("a"))
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				e := new(wire.Err)
				if err := p.dial().login("pw"); !errors.As(err, &e) || e.Code != blocked.Code || e.Message != blocked.Message {
					t.Errorf("the client saw %v", err)
				}
			})
		}
		wg.Wait()
		if n := g.refusals(); n != 1 {
			t.Errorf("%d logins were refused", n)
		}
		if err := p.dial().login("new"); err != nil {
			t.Errorf("with the new password the client saw %v", err)
		}
	})
}

// A credential that rests does not keep the next one from being tried.
func TestBarredCredentialIsNotTheOnlyOne(t *testing.T) {
	const sessions = 10
	g := &guard{password: "pw", says: denied}
	o := knowsTheUser()
	p := start(t, o, newPeer(t, echo).spec("a"), newPeer(t, g.serve).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	for range sessions {
		p.connect()
	}
	o.Users = []User{{Name: "u", Password: "changed too early", HasPassword: true}}
	p.SetOptions(o)
	p.ready("b")
	_ = p.registry.SetAdmin("a", backend.Drain)
	eventually(t, "sessions on b", func() bool {
		n := 0
		for _, s := range p.Sessions() {
			if s.Backend == "b" && s.State == Idle.String() {
				n++
			}
		}
		return n == sessions
	})
	if n := g.refusals(); n != 1 {
		t.Errorf("%d logins were refused", n)
	}
}

// A session that a backend has refused is tried again when the file says something else.
func TestRefusedSessionMovesAfterAReload(t *testing.T) {
	g := &guard{password: "new", says: denied}
	o := knowsTheUser()
	o.Balance.Rate = -1
	p := start(t, o, newPeer(t, echo).spec("a"), newPeer(t, g.serve).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	first, second := p.connect(), p.connect()
	p.ready("b")
	_ = p.registry.SetAdmin("a", backend.Drain)
	stuck := func() (n int) {
		for _, s := range p.list() {
			s.within(func() {
				if s.notice.stuck(s.w.server.options()) {
					n++
				}
			})
		}
		return n
	}
	eventually(t, "one that is stuck", func() bool { return stuck() == 1 })
	p.ready("a") // before it ends
	o.Users = []User{{Name: "u", Password: "new", HasPassword: true}}
	p.SetOptions(o)
	if stuck() != 0 {
		t.Error("it is stuck with another password")
	}
	_ = p.registry.SetAdmin("a", backend.Drain)
	eventually(t, "both on b", func() bool {
		s := p.Sessions()
		return len(s) == 2 && s[0].Backend == "b" && s[1].Backend == "b"
	})
	first.ask("SELECT 1")
	second.ask("SELECT 1")
}

// Who waits for another login of its account waits for no longer than for a dial; and, when that one is given up, takes its place.
func TestLoginBehindOneThatHangs(t *testing.T) {
	for _, how := range []string{"it hangs", "its client leaves"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			began := make(chan struct{}, 10)
			silent := func(c *peerConn) {
				if !c.greet("ABCDEFGHIJKLMNOPQRST") {
					return
				}
				payload, _ := c.next(1)
				if r := new(wire.HandshakeResponse41); r.Decode(payload) == nil && r.Username == "u" {
					began <- struct{}{}
					<-c.over
				}
			}
			o := knowsTheUser()
			o.ConnectTimeout = 300 * time.Millisecond
			if how == "its client leaves" {
				o.ConnectTimeout = 30 * time.Second
			}
			p := start(t, o, newPeer(t, silent).spec("a"), newPeer(t, native("ZZCDEFGHIJKLMNOPQRST", nil)).spec("b"))
			b, _ := p.registry.Lookup("b")
			p.registry.SetHealth(b, backend.Stopping, "last") // so that a comes first
			first := p.dial()
			go func() { _ = first.login("pw") }()
			<-began
			second := make(chan error, 1)
			go func() { second <- p.dial().login("pw") }()
			if how == "it hangs" {
				if err := <-second; err != nil {
					t.Errorf("the second saw %v", err)
				}
				if len(began) != 0 {
					t.Error("the second has logged in beside the first")
				}
				return
			}
			p.waitSessions(2)
			eventually(t, "the second to wait", func() bool {
				waits := 0
				for _, s := range p.list() {
					s.within(func() {
						if c, ok := s.errand.(*connecting); ok && c.permit.waits() {
							waits++
						}
					})
				}
				return waits == 1
			})
			_ = first.Close()
			<-began
		})
	}
}

// A client that leaves while it waits for another login leaves nothing behind.
func TestClientLeavesWhileItWaits(t *testing.T) {
	began := make(chan struct{}, 10)
	p := start(t, knowsTheUser(), newPeer(t, func(c *peerConn) {
		if c.greet("ABCDEFGHIJKLMNOPQRST") {
			_, _ = c.next(1)
			began <- struct{}{}
			<-c.over
		}
	}).spec("a"))
	first, second := p.dial(), p.dial()
	go func() { _ = first.login("pw") }()
	<-began
	go func() { _ = second.login("pw") }()
	p.waitSessions(2)
	_ = second.Close()
	p.waitSessions(1)
	_ = first.Close()
	p.waitSessions(0)
}
