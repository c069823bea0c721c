package proxy

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// answers is a backend that gives its answers to a login one after the other, each to one message of the client's.
func answers(said ...[]byte) func(c *peerConn) {
	return func(c *peerConn) {
		if !c.greet("ABCDEFGHIJKLMNOPQRST") {
			return
		}
		seq := uint8(1)
		for _, payload := range said {
			if _, err := c.next(seq); err != nil {
				return
			}
			c.send(seq+1, payload)
			seq += 2
		}
	}
}

// then is a backend that lets everybody in behind the messages of script.
func then(script func(c *peerConn), seq uint8) func(c *peerConn) {
	return func(c *peerConn) {
		script(c)
		if _, err := c.next(seq - 1); err == nil && c.send(seq, peerOK) {
			c.serveQueries()
		}
	}
}

var (
	switchToNative = wire.NewAuthSwitchRequest("mysql_native_password", []byte("ABCDEFGHIJKLMNOPQRST")).Append(nil)
	switchToSHA2   = wire.NewAuthSwitchRequest("caching_sha2_password", []byte("ABCDEFGHIJKLMNOPQRST")).Append(nil)
	fullAuth       = []byte{1, 4}
	publicKey      = append([]byte{1}, "-----BEGIN PUBLIC KEY-----"...)
)

// bugs.md 15 and 16: the messages of caching_sha2_password pass with the right sequence ids, the one that the client does not
// answer included, and a backend whose cache a restart has emptied asks for the full exchange.
func TestBug16_CachingSHA2Passes(t *testing.T) {
	for name, script := range map[string]func(c *peerConn){
		"full": then(answers(fullAuth, publicKey), 6),
		"fast": func(c *peerConn) {
			c.greet("ABCDEFGHIJKLMNOPQRST")
			if _, err := c.next(1); err == nil && c.send(2, []byte{1, 3}, peerOK) {
				c.serveQueries()
			}
		},
		"switched, then full": then(answers(switchToSHA2, fullAuth, publicKey), 8),
		"switched, then fast": func(c *peerConn) {
			answers(switchToSHA2)(c)
			if _, err := c.next(3); err == nil && c.send(4, []byte{1, 3}, peerOK) {
				c.serveQueries()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, quick, newPeer(t, script).spec("a"))
			p.connect().ask("SELECT 1")
		})
	}
}

// A backend that wants the whole password of an account that Segue has the password of, and may not give away, gets it from the client; and the session has a
// credential all the same.
func TestWholePasswordComesFromTheClient(t *testing.T) {
	p := start(t, known(), newPeer(t, then(answers(switchToSHA2, fullAuth, publicKey), 8)).spec("a"))
	p.connect().ask("SELECT 1")
	if s := p.Sessions(); len(s) != 1 || s[0].Pinned != "" {
		t.Errorf("%+v", s)
	}
}

// answerAs answers the greeting as a client of some other plugin.
func (d *driver) answerAs(plugin string) {
	if _, _, err := d.r.Next(); err != nil {
		d.t.Error(err)
	}
	r := wire.HandshakeResponse41{Capabilities: d.caps &^ wire.ClientConnectWithDB, Username: "u", AuthResponse: []byte("x"), AuthPlugin: plugin}
	d.write(1, r.Append(nil))
	if payload, _, err := d.r.Next(); err != nil || payload[0] != 0xfe {
		d.t.Errorf("%q, %v, want an AuthSwitchRequest", payload, err)
	}
}

// A set-up that fails at any message of the authentication goes on with another backend, once the client has been asked
// to switch already, too.
func TestBug15_SequenceIDsOverSeveralBackends(t *testing.T) {
	for name, script := range map[string]func(c *peerConn){
		"behind a switch":              answers(switchToNative),
		"behind the answer to it":      answers(switchToNative, switchToNative),
		"behind fast authentication":   answers([]byte{1, 3}),
		"amid the full authentication": answers(fullAuth),
		"refused behind a switch":      answers(switchToNative, append([]byte{0xff, 0x10, 0x04}, "#08004Too many connections"...)),
		"malformed OK":                 answers([]byte{0}),
		"empty packet":                 answers(nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, quick, newPeer(t, script).spec("bad"), newPeer(t, script).spec("worse"),
				newPeer(t, native("abcdefghijklmnopqrst", nil)).spec("good"))
			for range 3 {
				p.connect().ask("SELECT 1")
			}
		})
	}
}

// A client whose first answer was empty may have a password all the same, once it has been asked for it.
func TestClientThatGaveItsPasswordLater(t *testing.T) {
	p := start(t, quick, newPeer(t, answers(switchToNative)).spec("bad"), newPeer(t, native("abcdefghijklmnopqrst", nil)).spec("good"))
	good, _ := p.registry.Lookup("good")
	p.registry.SetHealth(good, backend.Stopping, "last") // so that bad comes first
	d := p.dial()
	d.shy = true
	if err := d.login("pw"); err != nil {
		t.Fatal(err)
	}
	d.ask("SELECT 1")
}

// What the client said of itself reaches the second backend as it reached the first.
func TestRetryKeepsWhatTheClientAskedFor(t *testing.T) {
	var mu sync.Mutex
	got := map[string]wire.HandshakeResponse41{}
	record := func(name string, then func(*peerConn)) func(*peerConn) {
		return func(c *peerConn) {
			c.greet("ABCDEFGHIJKLMNOPQRST")
			payload, err := c.next(1)
			if err != nil {
				return
			}
			var r wire.HandshakeResponse41
			if err := r.Decode(payload); err != nil {
				t.Error(err)
			}
			mu.Lock()
			got[name] = r
			mu.Unlock()
			then(c)
		}
	}
	p := start(t, quick, newPeer(t, record("1", func(*peerConn) {})).spec("1"), newPeer(t, record("2", func(c *peerConn) {
		c.send(2, switchToNative)
		if _, err := c.next(3); err == nil && c.send(4, peerOK) {
			c.serveQueries()
		}
	})).spec("2"))
	b, _ := p.registry.Lookup("2")
	p.registry.SetHealth(b, backend.Stopping, "last") // so that 1 comes first
	d := p.dial()
	d.database = "sales"
	if err := d.login("pw"); err != nil {
		t.Fatal(err)
	}
	first, second := got["1"], got["2"]
	if second.Database != "sales" || second.Username != "u" || second.Charset != 33 || second.MaxPacketSize != 1<<24 || second.Capabilities != first.Capabilities {
		t.Errorf("the second backend was told %+v, the first %+v", second, first)
	}
	if len(second.AuthResponse) != 0 || second.AuthPlugin != authSwitchPlugin {
		t.Errorf("the second backend was given the answer to the first one's salt: %x for %s", second.AuthResponse, second.AuthPlugin)
	}
}

// bugs.md 12: the two sides and the tracker agree on the capabilities that shape packets.
func TestBug12_UnofferedCapabilitiesAreCleared(t *testing.T) {
	got := make(chan wire.HandshakeResponse41, 1)
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		c.greet("ABCDEFGHIJKLMNOPQRST")
		payload, err := c.next(1)
		if err != nil {
			return
		}
		var r wire.HandshakeResponse41
		if err := r.Decode(payload); err != nil {
			t.Error(err)
		}
		got <- r
		if c.send(2, peerOK) {
			c.serveQueries()
		}
	}).spec("a"))
	d := p.dial()
	d.caps |= wire.ClientDeprecateEOF | wire.ClientCompress | wire.ClientQueryAttributes | wire.ClientOptionalResultsetMetadata | wire.ClientSessionTrack
	if err := d.login("pw"); err != nil {
		t.Fatal(err)
	}
	r := <-got
	if extra := r.Capabilities &^ peerCaps; extra != 0 {
		t.Errorf("the backend was told of %#x, which it had not offered", extra)
	}
	d.ask("SELECT 1") // by EOF_Packets, though the client said it would rather have none
	p.waitState(Idle)
}

// A MariaDB client's extended capabilities reach the backend as far as the backend has them and the relay can carry them.
func TestExtendedCapabilities(t *testing.T) {
	const offered = wire.MariaDBClientStmtBulkOperations | wire.MariaDBClientComMulti | wire.MariaDBClientCacheMetadata
	got := make(chan uint32, 1)
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		g := wire.HandshakeV10{ServerVersion: "11", AuthData: []byte("ABCDEFGHIJKLMNOPQRST"), Capabilities: peerCaps &^ wire.ClientLongPassword, ExtCapabilities: offered}
		c.send(0, g.Append(nil))
		payload, err := c.next(1)
		if err != nil {
			return
		}
		var r wire.HandshakeResponse41
		if err := r.Decode(payload); err != nil {
			t.Error(err)
		}
		got <- r.ExtCapabilities()
		c.send(2, peerOK)
	}).spec("a"))
	d := p.dial()
	payload, err := d.next(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.hello.Decode(payload); err != nil || d.hello.ExtCapabilities != offered&^wire.MariaDBClientComMulti {
		t.Errorf("the greeting offers %#x, %v", d.hello.ExtCapabilities, err)
	}
	r := wire.HandshakeResponse41{Capabilities: peerCaps &^ (wire.ClientLongPassword | wire.ClientConnectWithDB), Username: "u"}
	r.SetExtCapabilities(^uint32(0))
	d.write(1, r.Append(nil))
	if ext := <-got; ext != d.hello.ExtCapabilities {
		t.Errorf("the backend was told of %#x, offered were %#x", ext, d.hello.ExtCapabilities)
	}
}

// bugs.md 2: the greeting holds nothing of what went through the proxy before, in the bytes that mean nothing either.
func TestBug2_GreetingHoldsNothingOfOthers(t *testing.T) {
	p := start(t, Options{}, newPeer(t, echo).spec("a"))
	busy := p.connect()
	for range 20 {
		busy.ask(strings.Repeat("secret ", 3000))
	}
	for range 20 {
		payload, err := p.dial().next(0)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.IndexByte(payload, 0) + 1 + 4 + 8 + 1 + 2 + 1 + 2 + 2 + 1
		if reserved := payload[at : at+10]; !bytes.Equal(reserved, make([]byte, 10)) {
			t.Fatalf("the reserved bytes are %q", reserved)
		}
	}
}

// bugs.md 18: nothing that was sent in the clear behind an SSLRequest is taken for anything.
func TestBug18_BytesBehindAnSSLRequest(t *testing.T) {
	for name, behind := range map[string][]byte{
		"a login":     (&wire.HandshakeResponse41{Capabilities: peerCaps, Username: "u"}).Append(nil),
		"a statement": append([]byte{byte(wire.ComQuery)}, "DROP TABLE t"...),
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, quick, newPeer(t, func(c *peerConn) {
				c.greet("ABCDEFGHIJKLMNOPQRST")
				if payload, err := c.next(1); err == nil {
					t.Errorf("the backend was sent %q", payload)
				}
			}).spec("a"))
			d := p.dial()
			if _, err := d.next(0); err != nil {
				t.Fatal(err)
			}
			b, _ := wire.AppendPacket(nil, 1, (&wire.SSLRequest{Capabilities: peerCaps | wire.ClientSSL}).Append(nil))
			b, _ = wire.AppendPacket(b, 2, behind)
			if _, err := d.Write(b); err != nil {
				t.Fatal(err)
			}
			if payload, err := d.next(2); err != nil || !wire.IsErr(payload) {
				t.Errorf("got %q, %v, want an ERR_Packet", payload, err)
			}
			d.waitEOF()
			_ = d.Close()
			p.waitSessions(0)
		})
	}
}

// bugs.md 20: MySQL and MariaDB count handshakes that are cut off against the host; a client that goes away cuts off none.
func TestBug20_ClientThatLeavesCutsOffNoHandshake(t *testing.T) {
	for name, leave := range map[string]func(d *driver){
		"before its answer":      func(d *driver) { _, _ = d.next(0) },
		"with garbage":           func(d *driver) { _, _ = d.next(0); d.write(1, []byte("garbage")) },
		"before it has switched": func(d *driver) { d.answerAs("some_plugin") },
		"without having heard of it": func(d *driver) {
			_, _ = d.next(0)
			r := wire.HandshakeResponse41{Capabilities: peerCaps &^ wire.ClientConnectWithDB, Username: "u", AuthResponse: []byte("x"), AuthPlugin: "other"}
			d.write(1, r.Append(nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			p := start(t, Options{Flavor: backend.MySQL}, newPeer(t, func(c *peerConn) {
				c.greet("ABCDEFGHIJKLMNOPQRST")
				payload, err := c.next(1)
				if err == nil && bytes.Contains(payload, []byte("other")) || bytes.Contains(payload, []byte("some_plugin")) {
					c.send(2, switchToNative)
					_, err = c.next(3)
				}
				c.send(4, append([]byte{0xff, 0x15, 0x04}, "#28000Access denied"...))
				ended <- err
			}).spec("a"))
			d := p.dial()
			leave(d)
			_ = d.Close()
			if err := <-ended; err != nil {
				t.Errorf("the handshake was cut off: %v", err)
			}
			p.waitSessions(0)
		})
	}
}

// An ERR_Packet of Segue's reaches a client that goes on sending.
func TestRefusalReachesAClientThatGoesOnSending(t *testing.T) {
	p := start(t, Options{ConnectBudget: 3 * time.Second}, newPeer(t, failures["EOF before the greeting"]).spec("a"))
	d := p.dial()
	for range 3 {
		d.write(1, make([]byte, 1000))
	}
	payload, err := d.next(0)
	if err != nil || !bytes.Contains(payload, []byte("segue: no usable backend")) {
		t.Errorf("%q, %v", payload, err)
	}
	if n, err := io.Copy(io.Discard, d); n != 0 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}
