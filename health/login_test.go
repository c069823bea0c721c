package health

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"

	"segue/backend/client"
	"segue/backend/wire"
)

const (
	probeUser     = "segue_probe"
	probePassword = "correct horse"
)

// provider is a credential provider that go-mysql's server does not know: it then keeps a cache as MySQL does, and asks
// for the full authentication first.
type provider struct{ *server.InMemoryProvider }

// oracle starts go-mysql's server, which authenticates with this plugin by its own code. It gives its address, and a
// channel that has a value for each client that has logged in and then sent COM_QUIT.
func oracle(t *testing.T, plugin string) (address string, quit <-chan struct{}) {
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
	users.AddUser(probeUser, probePassword)
	srv := server.NewServer("8.0.33", mysql.DEFAULT_COLLATION_ID, plugin,
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		&tls.Config{Certificates: []tls.Certificate{{PrivateKey: key}}})
	quits := make(chan struct{}, 10)
	return listen(t, func(conn net.Conn) {
		defer conn.Close()
		c, err := srv.NewCustomizedConn(conn, users, server.EmptyHandler{})
		if err == nil && c.HandleCommand() == nil && c.Closed() {
			quits <- struct{}{}
		}
	}), quits
}

func TestLoginAgainstOracle(t *testing.T) {
	for _, plugin := range []string{mysql.AUTH_NATIVE_PASSWORD, mysql.AUTH_CACHING_SHA2_PASSWORD} {
		address, quit := oracle(t, plugin)
		for _, round := range []string{"first", "cached"} {
			r, b := checkMySQLAt(t, address, &MySQL{User: probeUser, Password: probePassword, Trust: client.Trust{AnyKey: true}}, 10*time.Second)
			if r.Verdict != Passed || r.Cause != "" || !b.Facts().Known {
				t.Errorf("%s, %s: %+v", plugin, round, r)
				continue
			}
			select {
			case <-quit:
			case <-time.After(10 * time.Second):
				t.Errorf("%s, %s: no COM_QUIT", plugin, round)
			}
		}
		r, _ := checkMySQLAt(t, address, &MySQL{User: probeUser, Password: "wrong"}, 10*time.Second)
		if r.Verdict != Passed || !strings.Contains(r.Cause, "correct health.user (segue_probe) or its password") ||
			strings.Contains(r.Cause, "wrong") {
			t.Errorf("%s, wrong password: %+v", plugin, r)
		}
	}
}

// steps serves one connection from a script: each step sends a payload, with the sequence id that is due, and then reads
// one packet if it says so.
type step struct {
	send []byte
	read func(payload []byte) bool // nil: nothing is read; false: the client said something else
}

func play(t *testing.T, steps ...step) string {
	t.Helper()
	return listen(t, func(conn net.Conn) {
		defer conn.Close()
		r := wire.NewReader(conn, 0)
		seq := uint8(0)
		for i, s := range steps {
			_, _ = conn.Write(packet(seq, s.send))
			seq++
			if s.read == nil {
				continue
			}
			payload, got, err := r.Next()
			if err != nil || got != seq || !s.read(payload) {
				t.Errorf("step %d: the client sent %q with sequence id %d, %v", i, payload, got, err)
				return
			}
			seq++
		}
		hang(conn)
	})
}

func anything([]byte) bool { return true }

func exactly(want []byte) func([]byte) bool {
	return func(got []byte) bool { return bytes.Equal(got, want) }
}

func TestLoginScripts(t *testing.T) {
	hello := step{starrocks.Append(nil), func(payload []byte) bool {
		var r wire.HandshakeResponse41
		return r.Decode(payload) == nil && r.Username == probeUser && r.Database == "" &&
			r.Capabilities&^starrocks.Capabilities == 0 &&
			bytes.Equal(r.AuthResponse, wire.NativePassword(starrocks.AuthData, []byte(probePassword)))
	}}
	salt := []byte("ABCDEFGHIJKLMNOPQRST")
	native := wire.NewAuthSwitchRequest(wire.PluginNativePassword, salt).Append(nil)
	sha2 := wire.NewAuthSwitchRequest(wire.PluginCachingSHA2Password, salt).Append(nil)
	clear := wire.NewAuthSwitchRequest(wire.PluginClearPassword, nil).Append(nil)
	ok := (&wire.OK{}).Append(nil, wire.ClientProtocol41)
	fail := func(code uint16) []byte { return (&wire.Err{Code: code, State: "HY000", Message: "no"}).Append(nil) }
	limit := &wire.Err{Code: 1064, State: "HY000", Message: "Reach cluster-wide connection limit, qe_max_connection=1, connectionMap.size=1, node=a"}
	full := (&wire.AuthMoreData{Data: []byte{wire.SHA2FullAuth}}).Append(nil)
	fast := (&wire.AuthMoreData{Data: []byte{wire.SHA2FastSuccess}}).Append(nil)
	junk := (&wire.AuthMoreData{Data: []byte("no key")}).Append(nil)
	for _, c := range []struct {
		name  string
		steps []step
		want  Verdict
		cause string // a part of it; empty: there is none
	}{
		{"plain", []step{hello, {ok, nil}}, Passed, ""},
		{"switch to the same plugin", []step{hello, {native, exactly(wire.NativePassword(salt, []byte(probePassword)))}, {ok, nil}}, Passed, ""},
		{"switch to caching_sha2", []step{hello, {sha2, exactly(wire.CachingSHA2Password(salt, []byte(probePassword)))}, {fast, nil}, {ok, nil}}, Passed, ""},
		{"switch to clear text is not answered", []step{hello, {clear, nil}}, Passed, `which a probe says only inside TLS; set backend_tls`},
		{"old switch", []step{hello, {[]byte{0xfe}, nil}}, Passed, `it wants ""`},
		{"the password itself is not given away", []step{hello, {sha2, anything}, {full, nil}}, Passed, "wants the password itself; set backend_tls, or name the server's key by health.server_public_key_file"},
		{"nor to a key that nobody has asked for", []step{hello, {sha2, anything}, {junk, nil}}, Passed, "nobody has asked for"},
		{"more data from a plugin that has none", []step{hello, {fast, nil}}, Passed, "has more to say"},
		{"access denied", []step{hello, {fail(1045), nil}}, Passed, "mysql 1045 no: correct health.user"},
		{"too many", []step{hello, {fail(1040), nil}}, Full, "mysql login 1040 no"},
		{"too many of this user", []step{hello, {fail(1203), nil}}, Passed, "mysql login as health.user (segue_probe): 1203 no; until there is room"},
		{"limit of a StarRocks FE", []step{hello, {limit.Append(nil), nil}}, Full, "mysql login 1064 Reach cluster-wide"},
		{"no limit", []step{hello, {fail(1064), nil}}, Failed, "mysql login 1064 no"},
		{"shutting down", []step{hello, {fail(1053), nil}}, Failed, "mysql login 1053 no"},
		{"garbled", []step{hello, {[]byte{7, 7}, nil}}, Failed, "mysql login: "},
		{"empty packet", []step{hello, {nil, nil}}, Failed, "mysql login: "},
		{"hangs", []step{hello}, Failed, "mysql login: no answer in"},
		{"talks without end", []step{hello, {sha2, anything}, {fast, nil}, {fast, nil}, {fast, nil}, {fast, nil}, {fast, nil}, {fast, nil}, {fast, nil}}, Passed, "more than 8 messages"},
	} {
		timeout := 10 * time.Second
		if c.name == "hangs" {
			timeout = 500 * time.Millisecond
		}
		r, _ := checkMySQLAt(t, play(t, c.steps...), &MySQL{User: probeUser, Password: probePassword}, timeout)
		if r.Verdict != c.want || !strings.Contains(r.Cause, c.cause) || (c.cause == "") != (r.Cause == "") {
			t.Errorf("%s: %v %q, want %v …%s…", c.name, r.Verdict, r.Cause, c.want, c.cause)
		}
		if strings.Contains(r.Cause, probePassword) {
			t.Errorf("%s: the cause holds the password: %s", c.name, r.Cause)
		}
	}
}

func TestLoginEmptyPassword(t *testing.T) {
	address := play(t,
		step{starrocks.Append(nil), func(payload []byte) bool {
			var r wire.HandshakeResponse41
			return r.Decode(payload) == nil && len(r.AuthResponse) == 0
		}},
		step{(&wire.OK{}).Append(nil, wire.ClientProtocol41), nil})
	if r, _ := checkMySQLAt(t, address, &MySQL{User: "root"}, 5*time.Second); r.Verdict != Passed || r.Cause != "" {
		t.Errorf("%+v", r)
	}
}
