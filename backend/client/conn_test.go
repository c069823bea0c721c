package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"segue/backend/fesim"
	"segue/backend/wire"
)

// patience is how long a test waits for an event before it calls it missing.
const patience = 10 * time.Second

func startFE(t *testing.T, o fesim.Options) *fesim.FE {
	t.Helper()
	f, err := fesim.New(o)
	if err == nil {
		err = f.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// greeted connects, and closes with the test.
func greeted(ctx context.Context, t *testing.T, address string) (*Conn, *wire.HandshakeV10, error) {
	t.Helper()
	c, err := Dial(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	t.Cleanup(c.Close)
	g, err := c.Greet(ctx)
	return c, g, err
}

// loggedIn connects and logs in as a probe does.
func loggedIn(ctx context.Context, t *testing.T, address, user string, cred *Credential) (*Conn, error) {
	t.Helper()
	c, g, err := greeted(ctx, t, address)
	if err != nil {
		return nil, err
	}
	return c, c.Login(ctx, cred, OwnResponse(g, user))
}

// What probes, moves and check do on an FE.
func TestConnOnAnFE(t *testing.T) {
	f := startFE(t, fesim.Options{
		Users: map[string]string{"app": "secret", "none": "", "svc": "s"}, LDAPUsers: map[string]string{"ldap": "directory"},
		Impersonators: []string{"svc"}, Operators: []string{"app"},
	})
	for _, c := range []struct {
		name, user string
		cred       *Credential
		want       Kind
		ok         bool
	}{
		{"password", "app", Password("secret"), 0, true},
		{"native", "app", Native(wire.NativeSecret([]byte("secret"))), 0, true},
		{"empty", "none", Password(""), 0, true},
		{"wrong", "app", Password("wrong"), Denied, false},
		{"LDAP, not shown in clear", "ldap", Password("directory"), Denied, false},
		{"LDAP", "ldap", Password("directory").InClear(), 0, true},
		{"service", "app", Service("svc", "s", "app"), 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := within(t, patience)
			conn, err := loggedIn(ctx, t, f.MySQLAddress(), c.user, c.cred)
			if !c.ok {
				var e *Error
				if !errors.As(err, &e) || e.Kind != c.want || !e.Blameless() {
					t.Fatalf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			user := c.user
			if text := c.cred.Becomes(); text != "" {
				if err := conn.Run(ctx, true, Query(text)); err != nil {
					t.Fatal(err)
				}
			}
			table, err := conn.Query(ctx, "SELECT CURRENT_USER(), NULL, ''")
			if err != nil || len(table.Rows) != 1 || !strings.HasPrefix(string(table.Rows[0][0]), "'"+user+"'@") || table.Rows[0][1] != nil || table.Rows[0][2] == nil {
				t.Errorf("%+v, %v", table, err)
			}
			before := f.Stats().Logins
			conn.Quit()
			if before == 0 {
				t.Error("no login is counted")
			}
		})
	}
}

// Commands one by one and together, prepared statements, an ERR_Packet behind which the connection goes on.
func TestConnRuns(t *testing.T) {
	f := startFE(t, fesim.Options{})
	ctx := within(t, patience)
	c, err := loggedIn(ctx, t, f.MySQLAddress(), "root", Password(""))
	if err != nil {
		t.Fatal(err)
	}
	var refusal *Refusal
	if err := c.Run(ctx, true, Query("SET @a = 1"), Query("no statement"), Query("SET @a = 2")); !errors.As(err, &refusal) || refusal.Index != 1 || strings.Contains(err.Error(), "no statement") {
		t.Errorf("%v", err)
	}
	var stmt Prepared
	err = c.Run(ctx, true, Command{Command: wire.ComInitDB, Text: "demo"}, Command{Command: wire.ComStmtPrepare, Text: "SELECT ?", Take: stmt.Take},
		Command{Command: wire.ComQuery, Text: "no statement", Lenient: true}, Command{Command: wire.ComPing})
	if err != nil || stmt.NumParams != 1 || stmt.StatementID == 0 {
		t.Errorf("%v, %+v", err, stmt)
	}
	table, err := c.Query(ctx, "SELECT @a, DATABASE()")
	if err != nil || len(table.Rows) != 1 || string(table.Rows[0][0]) != "1" || string(table.Rows[0][1]) != "demo" {
		t.Errorf("%+v, %v", table, err)
	}
	frontends, err := c.Query(ctx, "SHOW FRONTENDS")
	if err != nil || len(frontends.Rows) == 0 || !strings.EqualFold(frontends.Columns[0].Name, "Id") && !strings.EqualFold(frontends.Columns[0].Name, "Name") {
		t.Errorf("%+v, %v", frontends, err)
	}
}

// Every way in which an FE fails has its kind, and none is waited for beyond the context.
func TestConnFails(t *testing.T) {
	f := startFE(t, fesim.Options{})
	for _, c := range []struct {
		name  string
		fault fesim.Fault
		at    string // the call that fails
		kind  Kind
		want  string
	}{
		{"refuses", fesim.Fault{Refuse: true}, "dial", Unreachable, "connection refused"},
		{"silent", fesim.Fault{AcceptSilent: true}, "greet", Timeout, "read greeting: timed out"},
		{"closes", fesim.Fault{EOFBeforeGreeting: true}, "greet", Closed, "read greeting: connection "},
		{"half a greeting", fesim.Fault{TruncateGreeting: true}, "greet", Closed, "connection "},
		{"too many", fesim.Fault{GreetingERR: fesim.TooManyConnections()}, "greet", ServerError, "Too many connections"},
		{"closes behind the greeting", fesim.Fault{EOFAfterGreeting: true}, "login", Closed, "authentication: connection "},
		{"resets", fesim.Fault{ResetAfterAuth: true}, "login", Closed, "authentication: connection "},
		{"hangs", fesim.Fault{HangAfterAuth: true}, "login", Timeout, "authentication: timed out"},
		{"limit", fesim.Fault{LoginERR: fesim.ConnectionLimit(1, 1, "a")}, "login", ServerError, "Reach cluster-wide"},
		{"cut", fesim.Fault{CutBefore: true}, "run", Closed, "run commands: connection closed"},
		{"cut in an answer", fesim.Fault{Truncate: true}, "run", Closed, "run commands: connection closed"},
		{"frozen", fesim.Fault{Freeze: true}, "run", Timeout, "run commands: timed out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.at != "run" {
				f.SetFault(c.fault)
			}
			d := patience
			if c.kind == Timeout {
				d = 200 * time.Millisecond
			}
			ctx := within(t, d)
			at := "dial"
			conn, err := Dial(ctx, f.MySQLAddress())
			var g *wire.HandshakeV10
			if err == nil {
				defer conn.Close()
				at = "greet"
				g, err = conn.Greet(ctx)
			}
			if err == nil {
				at = "login"
				err = conn.Login(ctx, Password(""), OwnResponse(g, "root"))
			}
			if err == nil {
				at = "run"
				f.SetFault(c.fault)
				_, err = conn.Query(ctx, "SELECT 1")
			}
			f.SetFault(fesim.Fault{})
			var e *Error
			if !errors.As(err, &e) || e.Kind != c.kind || at != c.at || !strings.Contains(e.Error(), c.want) {
				t.Errorf("%s: %v, want %s at %s: %s", at, err, c.kind, c.at, c.want)
			}
			if conn != nil && conn.Heard() != (c.name != "silent" && c.name != "closes") {
				t.Errorf("heard: %v", conn.Heard())
			}
		})
	}
}

// scripted is a server that says its parts, each behind one packet of the client's, and keeps what it has heard.
func scripted(t *testing.T, says ...[]byte) (address string, heard <-chan string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	all := make(chan string, 1)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		r := wire.NewReader(nc, 0)
		var log strings.Builder
		seq := uint8(0)
		for _, payload := range says {
			b, _ := wire.AppendPacket(nil, seq, payload)
			for i := range b { // byte by byte
				_, _ = nc.Write(b[i : i+1])
			}
			got, at, err := r.Next()
			fmt.Fprintf(&log, "%d %.40q %v\n", at, got, err)
			seq = at + 1
		}
		_, _ = io.Copy(io.Discard, nc)
		all <- log.String()
	}()
	return ln.Addr().String(), all
}

// bugs.md 20: neither a login that cannot be proved nor a greeting alone leaves a handshake that is cut off.
func TestBug20_ConnCutsOffNoHandshake(t *testing.T) {
	g := greeting(wire.PluginNativePassword).Append(nil)
	denied := errPacket(1045, "Access denied")
	for name, c := range map[string]struct {
		says [][]byte
		run  func(ctx context.Context, c *Conn, g *wire.HandshakeV10) error
		want string
	}{
		"unprovable": {
			[][]byte{g, wire.NewAuthSwitchRequest("client_ed25519", []byte(saltB)).Append(nil), denied},
			func(ctx context.Context, c *Conn, g *wire.HandshakeV10) error {
				if err := c.Login(ctx, Password("pw"), OwnResponse(g, "u")); !errors.As(err, new(*UnprovableError)) {
					return fmt.Errorf("not unprovable: %w", err)
				}
				return nil
			},
			"3 \"\" <nil>\n",
		},
		"left": {
			[][]byte{g, denied},
			func(ctx context.Context, c *Conn, _ *wire.HandshakeV10) error {
				c.Leave(ctx)
				return nil
			},
			"segue_cl",
		},
	} {
		t.Run(name, func(t *testing.T) {
			address, heard := scripted(t, c.says...)
			ctx := within(t, patience)
			conn, g, err := greeted(ctx, t, address)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.run(ctx, conn, g); err != nil {
				t.Error(err)
			}
			conn.Close()
			if log := <-heard; !strings.Contains(log, c.want) || !strings.HasSuffix(log, "EOF\n") || strings.Count(log, "EOF") != 1 {
				t.Errorf("the server heard:\n%s", log)
			}
		})
	}
}

// What the server says unasked behind an answer is not taken for a part of that; a cancelled context cuts off what it bounds, and nothing else.
func TestConnOnAPipe(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := New(ours)
	go func() {
		r := wire.NewReader(theirs, 0)
		b, _ := wire.AppendPacket(nil, 0, greeting(wire.PluginNativePassword).Append(nil))
		_, _ = theirs.Write(b)
		_, _, _ = r.Next()
		b, _ = wire.AppendPacket(nil, 2, okPacket)
		_, _ = theirs.Write(b)
		_, _, _ = r.Next()
		_, _ = theirs.Write(append(answer(okPacket), "goodbye"...))
	}()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Greet(ctx); err == nil || c.Heard() {
		t.Fatal("a context that is over bounds nothing")
	}
	g, err := c.Greet(within(t, patience)) // as health does with a server that was silent
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Login(t.Context(), Password("pw"), OwnResponse(g, "u")); err != nil {
		t.Fatal(err)
	}
	if err := c.Run(within(t, patience), false, Query("SET a = 1")); err != nil || !c.terms.Status.Has(wire.StatusAutocommit) {
		t.Fatal(err)
	}
	if early := c.in.Rest(); string(early) != "goodbye" {
		t.Errorf("%q", early)
	}
}

// A server that must write before it reads on, and a client that must do so too, do not wait for each other.
func TestConnDoesNotDeadlock(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	wide := [][]byte{(&wire.StmtPrepareOK{StatementID: 1, NumColumns: 300}).Append(nil)}
	for range 300 {
		wide = append(wide, definition(strings.Repeat("wide", 60)))
	}
	reply := answer(append(wide, eofPacket)...)
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		r := wire.NewReader(nc, 0)
		for {
			if _, _, err := r.Next(); err != nil {
				return
			}
			if _, err := nc.Write(reply); err != nil {
				return
			}
		}
	}()
	ctx := within(t, patience)
	c, err := Dial(ctx, ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.terms.Capabilities = serverCaps
	var commands []Command
	for range 1000 {
		commands = append(commands, Command{Command: wire.ComStmtPrepare, Text: strings.Repeat("x", 10_000)})
	}
	if err := c.Run(ctx, false, commands...); err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		got  *Error
		kind Kind
		text string
	}{
		{DialError(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), Unreachable, "connection refused"},
		{DialError(syscall.ECONNRESET), Closed, "connection reset"},
		{DialError(context.DeadlineExceeded), Timeout, "timed out"},
		{DialError(syscall.EMFILE), Unreachable, "too many open files"},
		{IOError("x", io.EOF), Closed, "x: connection closed"},
		{IOError("x", io.ErrUnexpectedEOF), Closed, "x: connection closed"},
		{IOError("x", syscall.EPIPE), Closed, "x: broken pipe"},
		{IOError("x", context.Canceled), Timeout, "x: timed out"},
		{IOError("x", syscall.ETIMEDOUT), Timeout, "x: timed out"},
		{IOError("x", errors.New("?")), Malformed, "x: ?"},
	} {
		if c.got.Kind != c.kind || c.got.Error() != c.text {
			t.Errorf("%s %v, want %s %s", c.got.Kind, c.got, c.kind, c.text)
		}
	}
	if !errors.Is(DialError(&net.OpError{Op: "dial", Err: syscall.EMFILE}), syscall.EMFILE) {
		t.Error("whoever asks what Segue lacks is not told")
	}
	for k := range numKinds {
		if strings.HasPrefix(k.String(), "kind(") {
			t.Errorf("%s has no name", k)
		}
	}
}
