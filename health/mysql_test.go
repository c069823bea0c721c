package health

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
)

// starrocks is the greeting of a StarRocks FE (MysqlHandshakePacket).
var starrocks = wire.HandshakeV10{
	ServerVersion: "5.1.0",
	ConnectionID:  16777224,
	AuthData:      []byte("abcdefghijklmnopqrst"),
	Capabilities:  0x38820c,
	Charset:       33,
	AuthPlugin:    wire.PluginNativePassword,
}

func packet(seq uint8, payload []byte) []byte {
	out, _ := wire.AppendPacket(nil, seq, payload)
	return out
}

// greet is a server that greets and waits for the client to go.
func greet(conn net.Conn) {
	_, _ = conn.Write(packet(0, starrocks.Append(nil)))
	hang(conn)
}

// send answers every connection with raw bytes and waits for the client to go.
func send(raw []byte) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = conn.Write(raw)
		hang(conn)
	}
}

func checkMySQLAt(t *testing.T, address string, c *MySQL, timeout time.Duration) (Result, *backend.Backend) {
	t.Helper()
	_, b := oneBackend(address, "")
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return c.Check(ctx, b), b
}

func TestMySQLGreeting(t *testing.T) {
	maria := starrocks
	maria.ServerVersion, maria.ExtCapabilities = "11.4.2-MariaDB", 0x1d
	for _, g := range []wire.HandshakeV10{starrocks, maria} {
		r, b := checkMySQLAt(t, listen(t, send(packet(0, g.Append(nil)))), &MySQL{}, 5*time.Second)
		want := backend.Facts{
			Known: true, Capabilities: 0x38820c, ExtCapabilities: g.ExtCapabilities, ServerVersion: g.ServerVersion, Charset: g.Charset, AuthPlugin: g.AuthPlugin,
		}
		if r.Verdict != Passed || r.Cause != "" || b.Facts() != want {
			t.Errorf("%+v; learned %+v, want %+v", r, b.Facts(), want)
		}
	}
}

func TestMySQLBadGreetings(t *testing.T) {
	good := starrocks.Append(nil)
	blocked := (&wire.Err{Code: 1129, Message: "Host is blocked"}).Append(nil)
	const silence = "mysql no answer in "
	giant := starrocks
	giant.ServerVersion = strings.Repeat("5", client.MaxHandshake)
	for _, c := range []struct {
		name  string
		serve func(net.Conn)
		cause string // a part of it
	}{
		{"zero length", send(packet(0, nil)), "mysql greeting cannot be read: "},
		{"no NUL after the version", send(packet(0, []byte("\x0a5.1.0"))), "mysql greeting cannot be read: "},
		{"ends after the version", send(packet(0, []byte("\x0a5.1.0\x00"))), "mysql greeting cannot be read: "},
		{"ends in the salt", send(packet(0, good[:14])), "mysql greeting cannot be read: "},
		{"protocol 9", send(packet(0, append([]byte{9}, good[1:]...))), "mysql greeting cannot be read: "},
		{"ERR", send(packet(0, blocked)), "mysql 1129 Host is blocked"},
		{"ERR with SQLSTATE", send(packet(0, (&wire.Err{Code: 1129, State: "HY000", Message: "Host\n'x' is blocked"}).Append(nil))), "mysql 1129 Host 'x' is blocked"},
		{"short ERR", send(packet(0, []byte{0xff, 0x10})), "mysql greeting cannot be read: "},
		{"giant", send(packet(0, giant.Append(nil))), "mysql greeting cannot be read: "},
		{"giant header and then nothing", send([]byte{0xff, 0xff, 0xff, 0}), "mysql greeting cannot be read: "},
		{"silent", hang, silence},
		{"header only", send([]byte{78, 0, 0, 0}), silence},
		{"half a header", send([]byte{78}), silence},
		{"closes", func(c net.Conn) { c.Close() }, "mysql closed the connection in place of a greeting"},
		{"cut off", func(c net.Conn) { _, _ = c.Write(packet(0, good)[:20]); c.Close() }, "mysql closed the connection in place of a greeting"},
		{"one byte at a time, for ever", func(c net.Conn) {
			_, _ = c.Write([]byte{255, 0, 0, 0})
			for {
				if _, err := c.Write([]byte{10}); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}, silence},
		{"HTTP", send([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")), "mysql greeting cannot be read: "},
	} {
		start := time.Now()
		timeout := 4 * time.Second
		if c.cause == silence {
			timeout = 100 * time.Millisecond
		}
		r, b := checkMySQLAt(t, listen(t, c.serve), &MySQL{}, timeout)
		if r.Verdict != Failed || !strings.Contains(r.Cause, c.cause) {
			t.Errorf("%s: %v %q, want …%s…", c.name, r.Verdict, r.Cause, c.cause)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: took %v", c.name, took)
		}
		if b.Facts().Known {
			t.Errorf("%s: learned %+v", c.name, b.Facts())
		}
	}
	if r, _ := checkMySQLAt(t, refusing(t), &MySQL{}, time.Second); r.Verdict != Failed || r.Cause != "mysql refused" {
		t.Errorf("refused: %+v", r)
	}
	if r, _ := checkMySQLAt(t, "nonsense", &MySQL{}, time.Second); r.Verdict != Failed {
		t.Errorf("no port: %+v", r)
	}
}

// What a greeting costs: an unfinished handshake, unless the connect was refused or ERR came in its place.
func TestMySQLSpendsItsBudget(t *testing.T) {
	tooMany := (&wire.Err{Code: 1040, Message: "Too many connections"}).Append(nil)
	for _, c := range []struct {
		name    string
		address string
		spent   int
	}{
		{"greeting", listen(t, greet), 1},
		{"closed before the greeting", listen(t, func(c net.Conn) { c.Close() }), 1},
		{"silent", listen(t, hang), 1},
		{"garbled", listen(t, send(packet(0, nil))), 1},
		{"ERR", listen(t, send(packet(0, tooMany))), 0},
		{"refused", refusing(t), 0},
	} {
		var g budget
		timeout := 10 * time.Second
		if c.name == "silent" {
			timeout = 100 * time.Millisecond
		}
		checkMySQLAt(t, c.address, &MySQL{budget: &g}, timeout)
		if g.spent != c.spent {
			t.Errorf("%s: spent %d, want %d", c.name, g.spent, c.spent)
		}
	}
	g := budget{spent: maxUnfinished}
	r, _ := checkMySQLAt(t, refusing(t), &MySQL{budget: &g}, time.Second)
	if r.Verdict != Misconfigured || r.Cause != exhausted {
		t.Errorf("used up: %+v", r)
	}
}

// A server that hangs is waited for on one connection; when it goes on, that is its answer, and no handshake was begun in vain.
func TestOneConnectionWaitsForAServerThatHangs(t *testing.T) {
	goOn := make(chan struct{})
	var conns atomic.Int32
	address := listen(t, func(c net.Conn) {
		conns.Add(1)
		<-goOn
		greet(c)
	})
	_, b := oneBackend(address, "")
	g := new(budget)
	c := &MySQL{budget: g}
	defer c.Close()
	check := func() Result {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		return c.Check(ctx, b)
	}
	for range 5 {
		if r := check(); r.Verdict != Failed || !strings.Contains(r.Cause, "no answer") {
			t.Errorf("%+v", r)
		}
	}
	if !b.LastSpoke().IsZero() {
		t.Error("it is said to have spoken")
	}
	close(goOn)
	for r := check(); r.Verdict != Passed; r = check() {
		if t.Context().Err() != nil || c.held == nil {
			t.Fatalf("%+v", r)
		}
	}
	if n := conns.Load(); n != 1 || g.spent != 1 || b.LastSpoke().IsZero() {
		t.Errorf("%d connections, %d of the budget, spoke at %v", n, g.spent, b.LastSpoke())
	}
	if c.held != nil {
		t.Error("the connection is held though it has been answered")
	}
}

// What was said in part is not waited for on the same connection: the rest would be taken for a beginning.
func TestHalfAGreetingIsNotHeld(t *testing.T) {
	_, b := oneBackend(listen(t, func(c net.Conn) { _, _ = c.Write([]byte{70, 0}) }), "")
	c := &MySQL{}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if r := c.Check(ctx, b); r.Verdict != Failed || c.held != nil {
		t.Errorf("%+v, held %v", r, c.held != nil)
	}
}
