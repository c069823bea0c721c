package fesim_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"segue/backend/fesim"
	"segue/backend/wire"
)

func TestS1_StartRefusesThenHTTPThenMySQL(t *testing.T) {
	f, err := fesim.New(fesim.Options{StartupDelay: 50 * time.Millisecond, Seed: 6}) // this seed: 150 ms between the two ports
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	started := make(chan error, 1)
	go func() { started <- f.Start() }()
	if code, _ := health(t, f); code != 0 {
		t.Errorf("health %d while starting, want the port to refuse", code)
	}
	within(t, "health 200", func() bool { code, _ := health(t, f); return code == 200 })
	if conn, err := net.Dial("tcp", f.MySQLAddress()); err == nil {
		conn.Close()
		t.Error("the MySQL port listens as soon as HTTP does")
	}
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", f.MySQLAddress())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestS1_SignalWhileStartingKills(t *testing.T) {
	f, err := fesim.New(fesim.Options{StartupDelay: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	started := make(chan error, 1)
	go func() { started <- f.Start() }()
	within(t, "life begun", func() bool { return f.Exited() != nil })
	f.GracefulExit()
	if err := <-started; err == nil {
		t.Error("Start succeeded")
	}
	f.Wait()
	if f.ExitCode() != 128+10 {
		t.Errorf("exit code %d, want 138", f.ExitCode())
	}
}

func TestS2_Health(t *testing.T) {
	f := start(t, fesim.Options{})
	if code, body := health(t, f); code != 200 || !strings.Contains(body, `"status":"OK"`) || !strings.Contains(body, `"online_backend_num":1`) {
		t.Errorf("health %d %s", code, body)
	}
	f.SetFault(fesim.Fault{HealthCode: 401})
	if code, _ := health(t, f); code != 401 {
		t.Errorf("health %d, want 401", code)
	}
	f.SetFault(fesim.Fault{})
	f.GracefulExit()
	if code, body := health(t, f); code != 500 || body != "" {
		t.Errorf("leaving: health %d %q, want 500 without a body", code, body)
	}
}

func TestS3_Bootstrap(t *testing.T) {
	f := start(t, fesim.Options{})
	url := strings.Replace(f.HealthURL(), "health", "bootstrap", 1)
	if code, body := get(t, url); code != 200 || !strings.Contains(body, `"status":"OK"`) || !strings.Contains(body, `"queryPort":0`) {
		t.Errorf("%d %s", code, body)
	}
	_, port, _ := net.SplitHostPort(f.MySQLAddress())
	if _, body := get(t, url+"?token=x"); !strings.Contains(body, `"queryPort":`+port) {
		t.Errorf("with token: %s", body)
	}
	f.SetFault(fesim.Fault{NotReady: true})
	if code, body := get(t, url); code != 200 || !strings.Contains(body, `"status":"FAILED"`) || !strings.Contains(body, `"not ready"`) {
		t.Errorf("not ready: %d %s", code, body)
	}
}

func TestS4_Greeting(t *testing.T) {
	f := start(t, fesim.Options{FID: 3})
	c := dialRaw(t, f)
	payload := bytes.Clone(c.must(0))
	var m wire.HandshakeV10
	if err := m.Decode(payload); err != nil {
		t.Fatal(err)
	}
	if m.Capabilities != 0x38820c || m.Status != 0 || m.Charset != 33 || m.AuthPlugin != wire.PluginNativePassword ||
		len(m.AuthData) != 20 || m.ConnectionID != 3<<24|1 || m.ServerVersion != "8.0.33" {
		t.Errorf("greeting %+v", m)
	}
	if i := bytes.IndexFunc(m.AuthData, func(r rune) bool { return r <= ' ' || r > '~' }); i >= 0 {
		t.Errorf("salt %q is not printable", m.AuthData)
	}
	other := dialRaw(t, f)
	other.greet()
	if other.greeting.ConnectionID != 3<<24|2 {
		t.Errorf("next connection id %#x", other.greeting.ConnectionID)
	}
}

func TestS5_Login(t *testing.T) {
	users := map[string]string{"root": "", "app": "secret", "hashed": "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7"} // "secret" as well
	f := start(t, fesim.Options{Users: users, LDAPUsers: map[string]string{"ldap": "tree"}})
	for _, dsn := range []string{"root:", "app:secret", "hashed:secret"} {
		if conn, err := dial(t, f, dsn); err != nil {
			t.Errorf("%s: %v", dsn, err)
		} else if got := ask(t, conn, "SELECT USER()"); !strings.HasPrefix(got, "'"+strings.Split(dsn, ":")[0]+"'@'127.0.0.1") {
			t.Errorf("user %s", got)
		}
	}
	for _, dsn := range []string{"root:secret", "app:", "app:wrong", "nobody:x"} {
		_, err := dial(t, f, dsn)
		wantErr(t, err, 1045, "28000")
	}
	if n := f.Stats().Logins; n != 3 {
		t.Errorf("%d logins counted, want 3", n)
	}
}

func TestS5_AuthSwitchKeepsTheSalt(t *testing.T) {
	f := start(t, fesim.Options{Users: map[string]string{"app": "secret"}, LDAPUsers: map[string]string{"ldap": "tree"}})
	for _, tt := range []struct {
		user, plugin, want string
		answer             func(salt []byte) []byte
	}{
		{"app", wire.PluginCachingSHA2Password, wire.PluginNativePassword, func(salt []byte) []byte { return wire.NativePassword(salt, []byte("secret")) }},
		{"ldap", wire.PluginNativePassword, wire.PluginClearPassword, func([]byte) []byte { return []byte("tree\x00") }},
	} {
		c := dialRaw(t, f)
		c.greet()
		m := c.response()
		m.Username, m.AuthPlugin, m.AuthResponse = tt.user, tt.plugin, []byte("whatever")
		m.Capabilities &^= wire.ClientConnectWithDB
		c.send(1, m.Append(nil))
		var request wire.AuthSwitchRequest
		if err := request.Decode(c.must(2)); err != nil {
			t.Fatal(err)
		}
		if request.Plugin != tt.want || !bytes.Equal(request.Salt(), c.greeting.AuthData) {
			t.Errorf("%s: switched to %s with %q, greeting had %q", tt.user, request.Plugin, request.Data, c.greeting.AuthData)
		}
		c.send(3, tt.answer(request.Salt()))
		if ok := c.must(4); !bytes.Equal(ok, []byte{0, 0, 0, 0, 0, 0, 0}) {
			t.Errorf("%s: OK %x", tt.user, ok)
		}
	}
}

func TestS5_UnknownUserGetsNoSwitchAndFIN(t *testing.T) {
	c := dialRaw(t, start(t, fesim.Options{}))
	c.greet()
	m := c.response()
	m.Username, m.AuthPlugin = "nobody", wire.PluginCachingSHA2Password
	m.Capabilities &^= wire.ClientConnectWithDB
	c.send(1, m.Append(nil))
	var e wire.Err
	if err := e.Decode(c.must(2)); err != nil || e.Code != 1045 {
		t.Errorf("%v, %v", e, err)
	}
	c.wantEnd(false)
}

func TestS6_UnknownDatabaseAndLimit(t *testing.T) {
	f := start(t, fesim.Options{MaxConnections: 1})
	login := func(db string) (*raw, []byte) {
		c := dialRaw(t, f)
		c.greet()
		m := c.response()
		m.Database = db
		c.send(1, m.Append(nil))
		return c, c.must(2)
	}
	var e wire.Err
	c, answer := login("nowhere")
	if err := e.Decode(answer); err != nil || e.Code != 1049 || e.State != "42000" {
		t.Errorf("unknown database: %v, %v", e, err)
	}
	c.wantEnd(false)
	within(t, "the refused session is forgotten", func() bool { return f.Stats().Open == 0 })
	if _, answer = login("default_catalog.test"); answer[0] != 0 {
		t.Errorf("catalog.db: %x", answer)
	}
	c, answer = login("test")
	if err := e.Decode(answer); err != nil || e.Code != 1064 || !strings.HasPrefix(e.Message, "Reach cluster-wide connection limit, qe_max_connection=1,") {
		t.Errorf("limit: %v, %v", e, err)
	}
	c.wantEnd(false)
}

func TestS6_LimitBeforeLogin(t *testing.T) {
	f := start(t, fesim.Options{MaxConnections: 1, LimitBeforeLogin: true})
	login(t, f)
	c := dialRaw(t, f)
	var e wire.Err
	if err := e.Decode(c.must(0)); err != nil || !strings.HasPrefix(e.Message, "Reach cluster-wide connection limit") {
		t.Errorf("%v, %v", e, err)
	}
	c.wantEnd(false)
}

// The limit of one user is no other's.
func TestS6_UserLimit(t *testing.T) {
	f := start(t, fesim.Options{MaxUserConnections: 1, Users: map[string]string{"root": "", "other": ""}})
	login := func(user string) []byte {
		c := dialRaw(t, f)
		c.greet()
		m := c.response()
		m.Username = user
		c.send(1, m.Append(nil))
		return c.must(2)
	}
	if answer := login("root"); answer[0] != 0 {
		t.Errorf("the first: %q", answer)
	}
	var e wire.Err
	if err := e.Decode(login("root")); err != nil || e.Code != 1064 || !strings.HasPrefix(e.Message, "Reach user-level(qualifiedUser: root) connection limit, currentUserMaxConn=1") {
		t.Errorf("the second: %v, %v", &e, err)
	}
	if answer := login("other"); answer[0] != 0 {
		t.Errorf("another user: %q", answer)
	}
}

func TestS7_ProxyProtocol(t *testing.T) {
	f := start(t, fesim.Options{ProxyProtocol: true})
	c := dialRaw(t, f)
	if _, err := io.WriteString(c.conn, "PROXY TCP4 192.0.2.7 10.0.0.1 40000 9030\r\n"); err != nil {
		t.Fatal(err)
	}
	c.greet()
	m := c.response()
	m.Capabilities &^= wire.ClientConnectWithDB
	c.send(1, m.Append(nil))
	c.must(2)
	c.query("SELECT USER()")
	var rows strings.Builder
	for range 5 {
		payload, _, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		rows.WriteString(string(payload))
	}
	if !strings.Contains(rows.String(), "'root'@'192.0.2.7'") {
		t.Errorf("USER() = %q", rows.String())
	}
	for _, header := range []string{"GET / HTTP/1.1\r\n", "", strings.Repeat("x", 200)} {
		c := dialRaw(t, f)
		if _, err := io.WriteString(c.conn, header); err != nil {
			t.Fatal(err)
		}
		var e wire.Err
		if err := e.Decode(c.must(0)); err != nil || !strings.HasPrefix(e.Message, "PROXY protocol header required but not received") {
			t.Errorf("%.20q: %v, %v", header, e, err)
		}
	}
}
