package proxy

import (
	"context"
	"database/sql"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"segue/backend"
	"segue/backend/fesim"
	"segue/backend/proxyheader"
)

// proxies are networks of which this machine is one.
var proxies = proxyheader.Networks{Prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

var (
	origin4 = netip.MustParseAddrPort("192.0.2.7:54321")
	origin6 = netip.MustParseAddrPort("[2001:db8::7]:54321")
)

// A connection from a network of proxies is its client's once a header has said so, however it comes. Whoever is no proxy is not looked at.
func TestIntroduction(t *testing.T) {
	peer := newPeer(t, echo)
	p := start(t, Options{ProxiedFrom: proxies}, peer.spec("a"))
	own := netip.AddrPort{}
	for _, c := range []struct {
		name   string
		header string
		want   string
		pieces int
	}{
		{"line", string(proxyheader.Append(nil, proxyheader.V1, origin4, own)), "192.0.2.7:54321", 1},
		{"line, byte by byte", string(proxyheader.Append(nil, proxyheader.V1, origin6, own)), "[2001:db8::7]:54321", 99},
		{"binary", string(proxyheader.Append(nil, proxyheader.V2, origin4, own)), "192.0.2.7:54321", 1},
		{"binary, byte by byte", string(proxyheader.Append(nil, proxyheader.V2, origin6, own)), "[2001:db8::7]:54321", 99},
		{"the proxy's own, line", "PROXY UNKNOWN\r\n", "", 1},
		{"the proxy's own, binary", string(proxyheader.Append(nil, proxyheader.V2, own, own)), "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := p.dial()
			for rest := c.header; rest != ""; {
				n := max(1, len(c.header)/c.pieces)
				if _, err := d.Write([]byte(rest[:n])); err != nil {
					t.Fatal(err)
				}
				if rest = rest[n:]; rest != "" {
					time.Sleep(100 * time.Microsecond) // so that they come apart, for the most part
				}
			}
			if err := d.login("pw"); err != nil {
				t.Fatal(err)
			}
			d.ask("SELECT 1")
			want := c.want
			if want == "" {
				want = d.LocalAddr().String()
			}
			if list := p.Sessions(); len(list) != 1 || list[0].Client != want {
				t.Errorf("%+v, want %s", list, want)
			}
			_ = d.Close()
			p.waitSessions(0)
		})
	}
	p.SetOptions(Options{ProxiedFrom: proxyheader.Networks{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Unix: true}})
	p.connect().ask("SELECT 1")
}

// What begins with no header, a wrong one, or half of one, ends at once or when connect.timeout is over, and no backend hears of it.
func TestIntroductionRefused(t *testing.T) {
	for name, c := range map[string]struct{ sent, reason string }{
		"missing":          {"\x20\x00\x00\x01\x05\xa6", headerMissing},
		"another protocol": {"GET / HTTP/1.1\r\n\r\n", headerMissing},
		"malformed line":   {"PROXY TCP4 1.1.1.1\r\n", headerMalformed},
		"endless line":     {"PROXY " + strings.Repeat("x", 200), headerMalformed},
		"malformed binary": {"\r\n\r\n\x00\r\nQUIT\n\x31\x11\x00\x00", headerMalformed},
		"long binary":      {"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff", headerMalformed},
		"half a line":      {"PROXY TCP4 1.1.1.1", headerLate},
		"silence":          {"", headerLate},
	} {
		t.Run(name, func(t *testing.T) {
			peer := newPeer(t, func(c *peerConn) { t.Error("the backend is asked for"); <-c.over })
			p := start(t, Options{ProxiedFrom: proxies, ConnectTimeout: 100 * time.Millisecond}, peer.spec("a"))
			p.OnEvidence = func(*backend.Backend, error) { t.Error("the backend is blamed") }
			d := p.dial()
			if _, err := d.Write([]byte(c.sent)); err != nil {
				t.Fatal(err)
			}
			if n, err := d.Read(make([]byte, 1)); n > 0 || err == nil {
				t.Errorf("it is told something: %v", err)
			}
			p.waitSessions(0)
			for _, reason := range []string{headerMissing, headerMalformed, headerLate} {
				want := 0.0
				if reason == c.reason {
					want = 1
				}
				if got := testutil.ToFloat64(p.metrics.headers.WithLabelValues(reason)); got != want {
					t.Errorf("%s: %v", reason, got)
				}
			}
		})
	}
}

// One that says nothing and goes, as a balancer does that looks whether somebody listens, is nobody's error.
func TestIntroductionLeft(t *testing.T) {
	p := start(t, Options{ProxiedFrom: proxies}, newPeer(t, echo).spec("a"))
	d := p.dial()
	p.waitSessions(1)
	_ = d.Close()
	p.waitSessions(0)
	if n := testutil.CollectAndCount(p.metrics.headers); n != 3 {
		t.Fatal(n)
	}
	for _, reason := range []string{headerMissing, headerMalformed, headerLate} {
		if got := testutil.ToFloat64(p.metrics.headers.WithLabelValues(reason)); got != 0 {
			t.Errorf("%s: %v", reason, got)
		}
	}
}

// host is where an FE sees the session of a client come from.
func (c *sqlClient) host() string {
	c.t.Helper()
	id := c.ask("SELECT CONNECTION_ID()")
	rows, err := c.QueryContext(context.Background(), "SHOW FULL PROCESSLIST")
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	values, named := make([]any, len(columns)), map[string]*sql.NullString{}
	for i := range values {
		v := new(sql.NullString)
		values[i], named[columns[i]] = v, v
	}
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			c.t.Fatal(err)
		}
		if named["Id"].String == id {
			return named["Host"].String
		}
	}
	c.t.Fatalf("no session %s: %v", id, rows.Err())
	return ""
}

// FEs that ask for a header get one with every connection, and know a session's client by it, before and after a move.
func TestIntroducedToBackends(t *testing.T) {
	f := movable(t, 2, fesim.Options{ProxyProtocol: true, ProxyTimeout: 300 * time.Millisecond}, Options{})
	for _, b := range f.registry.Backends() {
		if conn, err := b.Dial(t.Context()); err == nil { // without the header that it is to begin with
			word := make([]byte, 64)
			if n, _ := conn.Read(word); !strings.Contains(string(word[:n]), "PROXY protocol header required") {
				t.Errorf("%q", word[:n])
			}
			_ = conn.Close()
		}
	}
	var specs []backend.Spec
	for _, b := range f.registry.Backends() {
		specs = append(specs, backend.Spec{Name: b.Name(), Address: b.Address(), ProxyProtocol: proxyheader.V1})
	}
	f.registry.Apply(specs)
	plain := f.client("")
	if host := plain.host(); !strings.HasPrefix(host, "127.0.0.1:") {
		t.Error(host)
	}
	f.SetOptions(Options{Users: f.options().Users, ProxiedFrom: proxies})
	mysql.RegisterDialContext("proxied", func(ctx context.Context, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			_, err = conn.Write(proxyheader.Append(nil, proxyheader.V2, origin4, netip.AddrPort{}))
		}
		return conn, err
	})
	db, err := sql.Open("mysql", "app:secret@proxied("+f.addr+")/demo")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := &sqlClient{conn, t}
	for range 3 {
		if host := c.host(); host != origin4.String() {
			t.Errorf("it comes from %s", host)
		}
		before := c.on()
		f.allReady()
		f.drain(before)
		eventually(t, "a move", func() bool { return c.on() != before })
	}
	for _, b := range f.registry.Backends() {
		if trial := TryUser(t.Context(), b, backend.StarRocks, f.options().Users[0], ""); !trial.Movable {
			t.Errorf("%+v", trial)
		}
	}
}

// Sessions move between a TCP port and a UNIX socket.
func TestUnixBackend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	f := movable(t, 2, fesim.Options{}, Options{})
	specs := []backend.Spec{{Name: "socket", Address: "unix:" + path}, {Name: "port", Address: f.registry.Backends()[1].Address()}}
	bridge(t, ln, f.registry.Backends()[0].Address())
	f.registry.Apply(specs)
	for _, b := range f.registry.Backends() {
		f.registry.SetHealth(b, backend.Up, "")
	}
	c := f.client("")
	c.exec("SET @a = 7")
	for range 4 {
		on := f.Sessions()[0].Backend
		f.allReady()
		f.drain(on)
		eventually(t, "a move", func() bool { return c.ask("SELECT @a") == "7" && f.Sessions()[0].Backend != on })
	}
	f.allReady()
	// It goes away, and sessions with it.
	_ = ln.Close()
	for range 10 {
		f.client("").exec("SELECT 1")
	}
}

// bridge brings what connects to ln to another address.
func bridge(t *testing.T, ln net.Listener, to string) {
	t.Helper()
	t.Cleanup(func() { _ = ln.Close() })
	copyTo := func(to, from net.Conn) {
		defer to.Close()
		b := make([]byte, 4096)
		for {
			n, err := from.Read(b)
			if n > 0 {
				if _, err := to.Write(b[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
	go func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			go copyTo(near, far)
			go copyTo(far, near)
		}
	}()
}
