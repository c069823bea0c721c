package proxy

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
)

// quick are options under which a backend that says nothing is given up soon, and one that does what it should has time even if the machine stands still for a
// second meanwhile.
var quick = Options{ConnectBudget: 8 * time.Second, ConnectTimeout: 1500 * time.Millisecond}

// hurried are the options for one of failures: who hangs behind the client's answer costs half of the budget, and leaves the good backend a try of its rest.
func hurried(failure string) Options {
	o := quick
	if failure == "hang behind the client's answer" {
		o.ConnectTimeout = 3 * time.Second
	}
	return o
}

// failures are all the ways in which a backend can fail a client that connects.
var failures = map[string]func(c *peerConn){
	"EOF before the greeting":   func(*peerConn) {},
	"reset before the greeting": func(c *peerConn) { reset(c.TCPConn) },
	"silence":                   func(c *peerConn) { _, _ = io.Copy(io.Discard, c) },
	"half a greeting":           func(c *peerConn) { _, _ = c.Write([]byte{70, 0, 0, 0, 10, '8'}) },
	"too many connections":      func(c *peerConn) { c.send(0, append([]byte{0xff, 0x10, 0x04}, "Too many connections"...)) },
	"not MySQL":                 func(c *peerConn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) },
	"empty greeting":            func(c *peerConn) { c.send(0, nil) },
	"huge greeting": func(c *peerConn) {
		_, _ = c.Write(wire.AppendHeader(nil, client.MaxHandshake+1, 0))
		_, _ = io.Copy(io.Discard, c)
	},
	"EOF behind the greeting": func(c *peerConn) { c.greet("abcdefghijklmnopqrst") },
	"EOF behind the client's answer": func(c *peerConn) {
		if c.greet("abcdefghijklmnopqrst") {
			_, _, _ = c.r.Next()
		}
	},
	"reset behind the client's answer": func(c *peerConn) {
		if c.greet("abcdefghijklmnopqrst") {
			_, _, _ = c.r.Next()
			reset(c.TCPConn)
		}
	},
	"hang behind the client's answer": func(c *peerConn) {
		if c.greet("abcdefghijklmnopqrst") {
			_, _ = io.Copy(io.Discard, c)
		}
	},
	"connection limit after the password": func(c *peerConn) {
		if c.greet("abcdefghijklmnopqrst") {
			_, _, _ = c.r.Next()
			c.send(2, append([]byte{0xff, 0x28, 0x04}, "#HY000Reach cluster-wide connection limit, qe_max_connection=1"...))
		}
	},
	"shutting down": func(c *peerConn) {
		if c.greet("abcdefghijklmnopqrst") {
			_, _, _ = c.r.Next()
			c.send(2, append([]byte{0xff, 0x1d, 0x04}, "#08S01Server shutdown in progress"...))
		}
	},
}

// native is a backend that checks the password "pw" against its own salt, and asks clients of another plugin to switch.
func native(salt string, seen chan<- string) func(c *peerConn) {
	return func(c *peerConn) {
		if !c.greet(salt) {
			return
		}
		payload, err := c.next(1)
		if err != nil {
			return
		}
		seq := uint8(1)
		var r wire.HandshakeResponse41
		if err := r.Decode(payload); err != nil {
			c.t.Error(err)
			return
		}
		token := r.AuthResponse
		if r.Capabilities.Has(wire.ClientPluginAuth) && r.AuthPlugin != "mysql_native_password" {
			c.send(seq+1, wire.NewAuthSwitchRequest("mysql_native_password", []byte(salt)).Append(nil))
			seq += 2
			if token, err = c.next(seq); err != nil {
				return
			}
		}
		if string(token) != string(wire.NativePassword([]byte(salt), []byte("pw"))) {
			c.send(seq+1, append([]byte{0xff, 0x15, 0x04}, "#28000Access denied"...))
			return
		}
		select {
		case seen <- r.Username:
		default:
		}
		if c.send(seq+1, peerOK) {
			c.serveQueries()
		}
	}
}

func TestSetupIsRetriedUnseen(t *testing.T) {
	t.Parallel()
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := make(chan string, 1)
			p := start(t, hurried(name), newPeer(t, fail).spec("bad"), newPeer(t, native("ABCDEFGHIJKLMNOPQRST", seen)).spec("good"))
			for range 4 { // least sessions and rotation bring it to the bad one at least once
				d := p.dial()
				if err := d.login("pw"); err != nil {
					t.Fatalf("the client saw: %v", err)
				}
				if user := <-seen; user != "u" {
					t.Errorf("logged in as %q", user)
				}
				d.ask("SELECT 1")
			}
		})
	}
}

func TestSetupIsRetriedWhenRefused(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := backend.Spec{Name: "bad", Address: ln.Addr().String()}
	_ = ln.Close()
	p := start(t, quick, refusing, newPeer(t, echo).spec("good"))
	for range 4 {
		p.connect().ask("SELECT 1")
	}
}

// A client without a password answers no salt, and one of before PLUGIN_AUTH can be brought to another backend as long as it
// has not been greeted.
func TestSetupIsRetriedForOldClients(t *testing.T) {
	t.Parallel()
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, hurried(name), newPeer(t, fail).spec("bad"), newPeer(t, echo).spec("good"))
			for range 4 {
				d := p.dial()
				d.caps &^= wire.ClientPluginAuth
				if err := d.login(""); err != nil {
					t.Fatalf("the client saw: %v", err)
				}
				d.ask("SELECT 1")
			}
		})
	}
}

func TestOldClientWithPasswordIsToldTheTruth(t *testing.T) {
	p := start(t, quick, newPeer(t, failures["EOF behind the client's answer"]).spec("bad"))
	d := p.dial()
	d.caps &^= wire.ClientPluginAuth
	err := d.login("pw")
	if e := new(wire.Err); !errors.As(err, &e) || !strings.HasPrefix(e.State, "08") || !strings.Contains(e.Message, "bad") {
		t.Errorf("the client saw %v, want an ERR_Packet of class 08 that names the backend", err)
	}
}

func TestGivesUpWithOneErrorThatNamesWhatWasTried(t *testing.T) {
	o := Options{ConnectBudget: time.Second, ConnectTimeout: 200 * time.Millisecond}
	p := start(t, o, newPeer(t, failures["silence"]).spec("silent"), newPeer(t, failures["too many connections"]).spec("full"))
	began := time.Now()
	err := p.dial().login("pw")
	if took := time.Since(began); took > o.ConnectBudget+patience/2 {
		t.Errorf("the client waited %s", took)
	}
	e := new(wire.Err)
	if !errors.As(err, &e) {
		t.Fatalf("the client saw %v, want an ERR_Packet", err)
	}
	for _, part := range []string{"segue: ", "silent: ", "timed out", "full: ", "Too many connections"} {
		if !strings.Contains(e.Message, part) {
			t.Errorf("%q does not say %q", e.Message, part)
		}
	}
}

func TestWrongPasswordIsTheClientsOwn(t *testing.T) {
	t.Parallel()
	p := start(t, quick, newPeer(t, native("ABCDEFGHIJKLMNOPQRST", nil)).spec("a"), newPeer(t, native("ZZCDEFGHIJKLMNOPQRST", nil)).spec("b"))
	e := new(wire.Err)
	if err := p.dial().login("no"); !errors.As(err, &e) || e.Code != 1045 {
		t.Errorf("the client saw %v, want the backend's 1045", err)
	}
	for _, b := range p.registry.Backends() {
		if n := b.Logins(); n != 0 {
			t.Errorf("%d logins of %s are counted", n, b.Name())
		}
	}
	p.waitSessions(0) // the one that was refused has gone
	d := p.connect()
	b, _ := p.registry.Lookup(p.Sessions()[0].Backend)
	eventually(t, "one login to be counted", func() bool { return b.Logins() == 1 }) // it is, once the client has its OK_Packet
	d.ask("SELECT 1")
}

// A backend that refuses at once always has the fewest sessions, and does not attract everybody for it.
func TestBackendThatRefusesIsLeftAlone(t *testing.T) {
	var refused atomic.Int32
	p := start(t, quick, newPeer(t, func(c *peerConn) {
		refused.Add(1)
		failures["too many connections"](c)
	}).spec("bad"), newPeer(t, echo).spec("good"))
	for range 30 {
		p.connect()
	}
	if n := refused.Load(); n < 1 || n > 10 {
		t.Errorf("of 30 clients %d were brought to the backend that refuses", n)
	}
}

// The time that a client takes to answer is not the backends'.
func TestBudgetIsNotSpentByTheClient(t *testing.T) {
	t.Parallel()
	o := Options{ConnectBudget: 3 * time.Second}
	p := start(t, o, newPeer(t, then(answers(switchToNative), 4)).spec("a"))
	d := p.dial()
	d.slow = o.ConnectBudget + 100*time.Millisecond
	if err := d.login("pw"); err != nil {
		t.Error(err)
	}
}

// What a backend has said is not hidden by an attempt for which there was no time left.
func TestCauseIsNotThatTimeIsOver(t *testing.T) {
	var came atomic.Int32
	p := start(t, Options{ConnectBudget: 3 * time.Second, ConnectTimeout: time.Minute}, newPeer(t, func(c *peerConn) {
		if came.Add(1) > 1 {
			_, _ = io.Copy(io.Discard, c) // in silence
			return
		}
		packet, _ := wire.AppendPacket(nil, 0, (&wire.Err{Code: 1129, Message: "Host is blocked"}).Append(nil))
		_, _ = c.Write(packet)
	}).spec("a"))
	e := new(wire.Err)
	if err := p.dial().login("pw"); !errors.As(err, &e) || !strings.Contains(e.Message, "Host is blocked") {
		t.Errorf("the client saw %v", err)
	}
	if came.Load() < 2 {
		t.Error("there was no second attempt")
	}
}

func TestNoBackendUsable(t *testing.T) {
	p := start(t, Options{ConnectBudget: 50 * time.Millisecond}, newPeer(t, echo).spec("a"))
	if err := p.registry.SetAdmin("a", backend.Maint); err != nil {
		t.Fatal(err)
	}
	e := new(wire.Err)
	if err := p.dial().login("pw"); !errors.As(err, &e) || !strings.Contains(e.Message, "a: maint") {
		t.Errorf("the client saw %v", err)
	}
	if e.State != "" {
		t.Errorf("SQLSTATE %s in place of the greeting, where ERR_Packets have none", e.State)
	}
}

func TestGreetingIsTheClusters(t *testing.T) {
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		c.caps |= wire.ClientSSL | wire.ClientCompress | wire.ClientDeprecateEOF | wire.ClientSessionTrack
		echo(c)
	}).spec("a"))
	d := p.connect()
	if d.hello.Capabilities.Has(wire.ClientSSL) {
		t.Error("the greeting offers TLS, of which Segue has none")
	}
	if !d.hello.Capabilities.Has(wire.ClientDeprecateEOF) {
		t.Error("the greeting does not offer what the only backend can")
	}
	if id := p.Sessions()[0].ID; d.hello.ConnectionID != id {
		t.Errorf("connection id %d, want that of the session, %d", d.hello.ConnectionID, id)
	}
	p.registry.Backends()[0].Learn(backend.Facts{Known: true, Capabilities: uint32(peerCaps)})
	again := start(t, Options{}, newPeer(t, func(c *peerConn) {
		c.caps |= wire.ClientDeprecateEOF
		echo(c)
	}).spec("new"), newPeer(t, echo).spec("old"))
	for _, b := range again.registry.Backends() {
		if b.Name() == "old" {
			b.Learn(backend.Facts{Known: true, Capabilities: uint32(peerCaps)})
		}
	}
	for range 4 {
		if d := again.connect(); d.hello.Capabilities.Has(wire.ClientDeprecateEOF) {
			t.Error("the greeting offers what one of the backends cannot")
		}
	}
	_ = again.registry.SetAdmin("old", backend.Maint)
	if d := again.connect(); !d.hello.Capabilities.Has(wire.ClientDeprecateEOF) {
		t.Error("a backend in maintenance limits what the greeting offers")
	}
}

// A backend that lacks what the client was promised is passed over, however healthy it is.
func TestBackendWithFewerCapabilitiesIsPassedOver(t *testing.T) {
	rich := func(script func(*peerConn)) func(*peerConn) {
		return func(c *peerConn) {
			c.caps |= wire.ClientDeprecateEOF
			script(c)
		}
	}
	specs := []backend.Spec{
		newPeer(t, rich(failures["EOF behind the client's answer"])).spec("1bad"), newPeer(t, echo).spec("2poor"),
		newPeer(t, rich(native("ABCDEFGHIJKLMNOPQRST", nil))).spec("3good"),
	}
	p := startWith(t, specs, func(r *backend.Registry) *Server {
		s := NewServer(r, quick, nil, nil)
		s.OnEvidence = func(b *backend.Backend, cause error) {
			if b.Name() == "2poor" {
				t.Errorf("evidence against it: %v", cause)
			}
		}
		return s
	})
	for range 8 {
		d := p.dial()
		d.caps |= wire.ClientDeprecateEOF
		if err := d.login("pw"); err != nil {
			t.Fatal(err)
		}
		if d.hello.Capabilities.Has(wire.ClientDeprecateEOF) && p.Sessions()[0].Backend == "2poor" {
			t.Fatal("a client that was promised CLIENT_DEPRECATE_EOF is on a backend without it")
		}
		_ = d.Close()
		p.waitSessions(0)
	}
}

func TestClientThatAsksForTLSIsToldThatThereIsNone(t *testing.T) {
	t.Parallel()
	p := start(t, quick, newPeer(t, echo).spec("a"))
	d := p.dial()
	if _, _, err := d.r.Next(); err != nil {
		t.Fatal(err)
	}
	d.write(1, (&wire.SSLRequest{Capabilities: peerCaps | wire.ClientSSL, MaxPacketSize: 1 << 24, Charset: 33}).Append(nil))
	payload, seq, err := d.r.Next()
	if err != nil || !wire.IsErr(payload) || seq != 2 || !strings.Contains(string(payload), "TLS") {
		t.Errorf("got %q, sequence id %d, %v", payload, seq, err)
	}
	d.waitEOF()
	p.waitSessions(0)
}

func TestGarbageFromTheClient(t *testing.T) {
	p := start(t, quick, newPeer(t, echo).spec("a"))
	for name, garbage := range map[string][]byte{
		"http":     []byte("GET / HTTP/1.1\r\n\r\n"),
		"nothing":  nil,
		"short":    {3, 0, 0, 1, 1, 2, 3},
		"huge":     wire.AppendHeader(nil, client.MaxHandshake+1, 1),
		"zero":     {0, 0, 0, 1},
		"old":      {5, 0, 0, 1, 0x85, 0x04, 0, 0, 0},
		"half":     {200, 0, 0, 1, 0x85, 0xa6},
		"repeated": make([]byte, 4096),
	} {
		d := p.dial()
		_, _ = d.Write(garbage)
		_ = d.CloseWrite()
		if _, err := io.Copy(io.Discard, d); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %v", name, err)
		}
		_ = d.Close()
		p.waitSessions(0)
	}
	p.connect().ask("SELECT 1")
}

// When many clients come at once, a backend does not see all of them at once.
func TestClientsDoNotStormABackend(t *testing.T) {
	var inside, most atomic.Int32
	slow := func(c *peerConn) {
		if n := inside.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(5 * time.Millisecond)
		inside.Add(-1)
		echo(c)
	}
	p := start(t, Options{}, newPeer(t, slow).spec("a"))
	var wg sync.WaitGroup
	for range 3 * maxDialing {
		d := p.dial()
		wg.Go(func() {
			if err := d.login(""); err != nil {
				t.Errorf("login: %v", err)
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n > maxDialing || n < 2 {
		t.Errorf("%d at once, want at most %d", n, maxDialing)
	}
}
