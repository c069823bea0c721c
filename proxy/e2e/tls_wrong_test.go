package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/secure"
	"segue/backend/secure/securetest"
	"segue/backend/wire"
)

// connectOnce logs in, asks one question, and leaves.
func connectOnce(ctx context.Context, config *mysql.Config) error {
	ctx, cancel := context.WithTimeout(ctx, pluginPatience)
	defer cancel()
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	db := sql.OpenDB(nonced{connector})
	defer func() { _ = db.Close() }()
	var n int
	return db.QueryRowContext(ctx, "SELECT 1").Scan(&n)
}

// TestMoveTLSWrongServers: a backend that shows a certificate which is not what verify-identity asks for is not logged in to, and clients are told why by one error.
func TestMoveTLSWrongServers(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	on := a.secure(t)
	for _, s := range pluggedServers(t, a) {
		t.Run(s.name, func(t *testing.T) {
			p := startProgram(t, s.flavor, s.specs(), on.offers("optional"), on.speaks(secure.VerifyIdentity), "connect: {budget: 2s}", users(s.accounts[:1], true))
			config := p.driver("nat", pluggedPassword)
			config.TLS = a.client(segueName)
			for _, c := range []struct {
				name, says string
				by         *authority
				leaf       securetest.Leaf
			}{
				{"wrong name", "it is for \"db.example\"", a, securetest.Leaf{Names: []string{"db.example"}}},
				{"expired", "it expired at", a, securetest.Leaf{Names: []string{"127.0.0.1"}, Expired: true}},
				{"stranger", "does not lead to a CA that is trusted", stranger, securetest.Leaf{Names: []string{"127.0.0.1"}}},
				{"right again", "", a, securetest.Leaf{Names: []string{"127.0.0.1"}}},
			} {
				s.shows.write(t, a.root.PEM(), c.by.between.Issue(t, c.leaf))
				s.showAnew(t)
				if c.says == "" {
					p.waitUp(t)
				}
				began := time.Now()
				err := connectOnce(t.Context(), config)
				said := new(mysql.MySQLError)
				if c.says == "" && err != nil || c.says != "" && (!errors.As(err, &said) || !strings.Contains(said.Message, c.says)) {
					t.Errorf("%s: %v", c.name, err)
				}
				t.Logf("%s, after %v: %v", c.name, time.Since(began).Round(time.Millisecond), err)
			}
		})
	}
}

// TestMoveTLSRequired: who may log in by which connection, by what the configuration says.
func TestMoveTLSRequired(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	on := a.secure(t)
	s := pluggedMariaDB(t, a)
	bySubject := fmt.Sprintf("users:\n  - {name: nat, password: %q, require: certificate, require_subject: \"CN=app\"}\n  - {name: tls, password: %q, require: tls}", pluggedPassword, pluggedPassword)
	required := startProgram(t, backend.MySQL, s.specs(), on.offers("required"), on.speaks(secure.Required), bySubject)
	optional := startProgram(t, backend.MySQL, s.specs(), on.offers("optional"), on.speaks(secure.Required), bySubject)
	for _, c := range []struct {
		name, user string
		p          *segueProgram
		inside     bool
		shows      *securetest.Pair
		code       uint16 // 0: let in
	}{
		{"plain, required", "tls", required, false, nil, 3159},
		{"plain, required, of nobody", "nobody", required, false, nil, 3159},
		{"TLS, required", "tls", required, true, nil, 0},
		{"plain, of an account that wants TLS", "tls", optional, false, nil, 1045},
		{"TLS, of an account that wants TLS", "tls", optional, true, nil, 0},
		{"plain, of an account that wants a certificate", "nat", optional, false, nil, 1045},
		{"without a certificate", "nat", required, true, nil, 1045},
		{"another subject", "nat", required, true, issue(t, a, "other"), 1045},
		{"right subject", "nat", required, true, issue(t, a, "app"), 0},
		{"right subject, optional", "nat", optional, true, issue(t, a, "app"), 0},
		{"a subject too many", "ed", optional, true, issue(t, a, "other"), 0},
	} {
		config := c.p.driver(c.user, pluggedPassword)
		if c.inside {
			config.TLS = a.client(segueName)
			if c.shows != nil {
				config.TLS.Certificates = append(config.TLS.Certificates, c.shows.TLS(t))
			}
		}
		err := connectOnce(t.Context(), config)
		said := new(mysql.MySQLError)
		if c.code == 0 && err != nil || c.code != 0 && (!errors.As(err, &said) || said.Number != c.code) {
			t.Errorf("%s: %v, want %d", c.name, err, c.code)
		}
		t.Logf("%s: %v", c.name, err)
	}
	config := required.driver("nat", pluggedPassword)
	config.TLS = a.client(segueName)
	config.TLS.Certificates = append(config.TLS.Certificates, issue(t, stranger, "app").TLS(t))
	if err := connectOnce(t.Context(), config); err == nil {
		t.Error("a certificate that another authority has signed is taken")
	}
	for name, config := range map[string]*mysql.Config{"another name": required.driver("tls", pluggedPassword), "another authority": required.driver("tls", pluggedPassword)} {
		config.TLS = a.client("db.example")
		if name == "another authority" {
			config.TLS = stranger.client(segueName)
		}
		if err := connectOnce(t.Context(), config); err == nil || !strings.Contains(err.Error(), "x509") {
			t.Errorf("a client that wants %s: %v", name, err)
		}
	}
	selfSigned := startProgram(t, backend.MySQL, s.specs(), "tls: {mode: optional, self_signed: true}", on.speaks(secure.Required), users(s.accounts, true))
	config = selfSigned.driver("nat", pluggedPassword)
	config.TLS = a.client(segueName)
	if err := connectOnce(t.Context(), config); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("a client that verifies has been shown a self-signed certificate: %v", err)
	}
	config.TLS.InsecureSkipVerify = true
	if err := connectOnce(t.Context(), config); err != nil {
		t.Errorf("a client that does not: %v", err)
	}
}

func issue(t *testing.T, a *authority, name string) *securetest.Pair {
	t.Helper()
	p := a.between.Issue(t, securetest.Leaf{CommonName: name})
	return &p
}

// pluggedMariaDB is the one of pluggedServers that is Debian's.
func pluggedMariaDB(t *testing.T, a *authority) *plugged {
	t.Helper()
	return startPlugged(t, a, "MariaDB 10.11", debians)
}

// asking is a connection to Segue that has been greeted and asks for TLS.
type asking struct {
	net.Conn
	greeting wire.HandshakeV10
}

// ask connects, and returns once there is a greeting. Nothing has been answered.
func ask(ctx context.Context, address string) (*asking, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	s, a := newSide(nc), &asking{Conn: nc}
	_ = nc.SetDeadline(time.Now().Add(2 * pluginPatience))
	payload, _, err := s.next()
	if err == nil {
		err = a.greeting.Decode(payload)
	}
	return a, err
}

const askingCaps = wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientPluginAuth | wire.ClientSSL

// request is the SSLRequest.
func request() []byte {
	packet, _ := wire.AppendPacket(nil, 1, (&wire.SSLRequest{Capabilities: askingCaps, MaxPacketSize: 1 << 24, Charset: 45}).Append(nil))
	return packet
}

// answer is a whole login in the clear: what somebody may inject.
func (a *asking) answer(user, password string, seq uint8) []byte {
	r := &wire.HandshakeResponse41{
		Capabilities: askingCaps &^ wire.ClientSSL, MaxPacketSize: 1 << 24, Charset: 45, Username: user, AuthPlugin: wire.PluginNativePassword,
		AuthResponse: wire.NativePassword(a.greeting.AuthData, []byte(password)),
	}
	packet, _ := wire.AppendPacket(nil, seq, r.Append(nil))
	query, _ := wire.AppendPacket(nil, 0, append([]byte{byte(wire.ComQuery)}, "SET @injected = 1"...))
	return append(packet, query...)
}

// TestMoveBug18TLSInClear: bytes in the clear behind an SSLRequest are never taken for what has been decrypted (CVE-2021-3935, CVE-2021-43767), nor is anything in place of a ClientHello.
func TestMoveBug18TLSInClear(t *testing.T) {
	a := newAuthority(t)
	on := a.secure(t)
	s := pluggedMariaDB(t, a)
	p := startProgram(t, backend.MySQL, s.specs(), on.offers("required"), on.speaks(secure.Required), users(s.accounts, true))
	for name, after := range map[string]func(*asking) []byte{
		"garbage":         func(*asking) []byte { return bytes.Repeat([]byte("garbage "), 100) },
		"zeros":           func(*asking) []byte { return make([]byte, 1000) },
		"HTTP":            func(*asking) []byte { return []byte("GET / HTTP/1.0\r\n\r\n") },
		"a login":         func(c *asking) []byte { return c.answer("nat", pluggedPassword, 2) },
		"another request": func(*asking) []byte { return request() },
		"half a record":   func(*asking) []byte { return []byte{22, 3, 1, 0, 5, 1, 0, 0, 1, 0} },
		"a huge record":   func(*asking) []byte { return append([]byte{22, 3, 1, 255, 255}, make([]byte, 70000)...) },
	} {
		for _, together := range []bool{true, false} {
			c, err := ask(t.Context(), p.address)
			if err != nil {
				t.Fatal(err)
			}
			if injected := after(c); together {
				_, _ = c.Write(append(request(), injected...))
			} else {
				_, _ = c.Write(request())
				_, _ = c.Write(injected)
			}
			began := time.Now()
			got, err := io.ReadAll(c) // to its end
			if n := len(got); n > 7 || n > 0 && got[0] != 21 || time.Since(began) > 12*time.Second || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s, together %t: %q, %v after %v", name, together, got, err, time.Since(began))
			}
			_ = c.Close()
		}
	}
	// A client that does speak TLS, and somebody between who adds a login of his own.
	for _, together := range []bool{true, false} {
		c, err := ask(t.Context(), p.address)
		if err != nil {
			t.Fatal(err)
		}
		if injected := c.answer("nat", pluggedPassword, 2); together {
			_, _ = c.Write(append(request(), injected...))
		} else {
			_, _ = c.Write(request())
			_, _ = c.Write(injected)
		}
		if err := tlsOver(c.Conn, a).HandshakeContext(t.Context()); err == nil {
			t.Errorf("together %t: there is TLS behind bytes in the clear", together)
		}
		_ = c.Close()
	}
	waitFor(t, "all of them to be gone", func() bool { return len(p.sessionInfos(t)) == 0 })
	if ok := addSeries(string(p.get(t, "/metrics")), "segue_sessions_total"); ok > 0 {
		t.Logf("%g sessions", ok)
	}
	config := p.driver("nat", pluggedPassword)
	config.TLS = a.client(segueName)
	if err := connectOnce(t.Context(), config); err != nil {
		t.Errorf("a client behind all that: %v", err)
	}
}

// TestMoveBug18TLSBackend: what a backend, or somebody between, says in clear behind its greeting is not taken for what has been decrypted.
func TestMoveBug18TLSBackend(t *testing.T) {
	a := newAuthority(t)
	on := a.secure(t)
	s := pluggedMariaDB(t, a)
	fibber := startFibber(t, s.address)
	specs := []backend.Spec{{Name: "mariadb", Address: fibber.address}}
	p := startProgram(t, backend.MySQL, specs, on.offers("required"), on.speaks(secure.VerifyIdentity), users(s.accounts, true), "connect: {budget: 2s}")
	config := p.driver("nat", pluggedPassword)
	config.TLS = a.client(segueName)
	if err := connectOnce(t.Context(), config); err != nil {
		t.Fatalf("before it lies: %v", err)
	}
	fibber.lie(true)
	err := connectOnce(t.Context(), config)
	if said := new(mysql.MySQLError); !errors.As(err, &said) {
		t.Errorf("behind a greeting with more in clear: %v", err)
	}
	t.Logf("%v", err)
	fibber.lie(false)
	waitFor(t, "it to be believed again", func() bool { return connectOnce(t.Context(), config) == nil })
}

// fibber passes a server on, and adds to its greeting.
type fibber struct {
	address string
	mu      sync.Mutex
	lies    bool
}

func (l *fibber) lie(lies bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lies = lies
}

func startFibber(t *testing.T, target string) *fibber {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	l := &fibber{address: ln.Addr().String()}
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go l.pass(nc, target)
		}
	}()
	return l
}

func (l *fibber) pass(near net.Conn, target string) {
	defer func() { _ = near.Close() }()
	far, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	l.mu.Lock()
	lies := l.lies
	l.mu.Unlock()
	if lies {
		greeting := make([]byte, 4096)
		n, err := far.Read(greeting)
		if err != nil {
			return
		}
		ok, _ := wire.AppendPacket(nil, 2, (&wire.OK{}).Append(nil, wire.ClientProtocol41))
		_, _ = near.Write(append(greeting[:n], ok...))
	}
	go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
	_, _ = io.Copy(near, far)
}

// TestMoveTLSStalled: who asks for TLS and then says nothing is gone in ten seconds and a little, has few connections to backends meanwhile, and keeps nobody out.
func TestMoveTLSStalled(t *testing.T) {
	const stalled = 300
	a := newAuthority(t)
	on := a.secure(t)
	s := pluggedMariaDB(t, a)
	p := startProgram(t, backend.MySQL, s.specs(), on.offers("required"), on.speaks(secure.Required), users(s.accounts, true))
	config := p.driver("nat", pluggedPassword)
	config.TLS = a.client(segueName)
	began := time.Now()
	var all []*asking
	for i := range stalled {
		c, err := ask(t.Context(), p.address)
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		say := request()
		if i%3 == 1 {
			say = append(say, 22, 3, 1, 2, 0, 1, 0) // a record that does not go on
		}
		if i%3 == 2 {
			say = say[:20]
		}
		_, _ = c.Write(say)
		all = append(all, c)
	}
	asked := time.Now()
	for range 20 {
		if err := connectOnce(t.Context(), config); err != nil {
			t.Errorf("a good client: %v", err)
		}
	}
	took := time.Since(asked)
	unknown := countUnauthenticated(t, s)
	t.Logf("%d stalled after %v; 20 good clients took %v; %d connections to the backend without a user", stalled, asked.Sub(began), took, unknown)
	if took > 5*time.Second {
		t.Errorf("20 good clients took %v", took)
	}
	if unknown > 32 {
		t.Errorf("%d connections to the backend are held by clients that say nothing", unknown)
	}
	for i, c := range all {
		if _, err := io.Copy(io.Discard, c); errors.Is(err, context.DeadlineExceeded) || time.Since(asked) > 12*time.Second {
			t.Fatalf("client %d is there after %v: %v", i, time.Since(asked), err)
		}
		_ = c.Close()
	}
	t.Logf("all gone after %v", time.Since(asked))
	waitFor(t, "the backend to be rid of them", func() bool { return countUnauthenticated(t, s) == 0 })
}

func countUnauthenticated(t *testing.T, s *plugged) (n int) {
	t.Helper()
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User = "unix", s.socket, "root"
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'unauthenticated user'").Scan(&n); err != nil {
		t.Fatalf("ask for connections: %v", err)
	}
	return n
}
