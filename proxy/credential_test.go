package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"segue/backend"
	"segue/proxy/wire"
)

const (
	saltA = "ABCDEFGHIJKLMNOPQRST"
	saltB = "abcdefghijklmnopqrst"
)

func hashUser(password string) *User {
	return &User{Name: "u", Hash: nativeHash(password), HasHash: true}
}

func passwordUser(password string) *User {
	return &User{Name: "u", Password: password, HasPassword: true}
}

// What a client's answer proves of what the operator says, and what is learned of it once a backend has let the client in.
func TestWhatAnAnswerIsGoodFor(t *testing.T) {
	native := wire.NativePassword([]byte(saltA), []byte("pw"))
	sha2 := wire.CachingSHA2Password([]byte(saltA), []byte("pw"))
	const nat, sha, clr, none = wire.PluginNativePassword, wire.PluginCachingSHA2Password, wire.PluginClearPassword, "none"
	for _, c := range []struct {
		name          string
		plugin        string
		answer        []byte
		user          *User
		proved, learn string
	}{
		{"native, password", nat, native, passwordUser("pw"), "password", "password"},
		{"native, hash", nat, native, hashUser("pw"), "native", "native"},
		{"native, nobody", nat, native, nil, none, none},
		{"native, another password", nat, native, passwordUser("PW"), none, none},
		{"native, another hash", nat, native, hashUser("PW"), none, none},
		{"native, empty password", nat, native, passwordUser(""), none, none},
		{"native, cut short", nat, native[1:], passwordUser("pw"), none, none},
		{"sha2, password", sha, sha2, passwordUser("pw"), "password", "password"},
		{"sha2, hash", sha, sha2, hashUser("pw"), none, none},
		{"sha2, another password", sha, sha2, passwordUser("PW"), none, none},
		{"sha2, empty password", sha, sha2, passwordUser(""), none, none},
		{"sha2's answer to native", nat, sha2, passwordUser("pw"), none, none},
		{"native's answer to sha2", sha, native, passwordUser("pw"), none, none},
		{"empty, configured so", nat, nil, passwordUser(""), "empty", "empty"},
		{"empty, configured otherwise", nat, nil, passwordUser("pw"), none, "empty"},
		{"empty, hash", nat, nil, hashUser("pw"), none, "empty"},
		{"empty, nobody", nat, nil, nil, none, "empty"},
		{"empty, sha2", sha, []byte{0}, nil, none, "empty"},
		{"NUL for native", nat, []byte{0}, nil, none, none},
		{"empty, of another plugin", "auth_gssapi_client", nil, passwordUser(""), none, none},
		{"clear", clr, []byte("pw\x00"), nil, none, "password"},
		{"clear, configured", clr, []byte("pw\x00"), passwordUser("pw"), none, "password"},
		{"clear, empty", clr, []byte{0}, nil, none, "empty"},
		{"another plugin", "client_ed25519", bytes.Repeat([]byte{1}, 64), passwordUser("pw"), none, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch := challenge{c.plugin, []byte(saltA), c.answer}
			if c.user != nil {
				if got := ch.prove(c.user).String(); got != c.proved {
					t.Errorf("it proves %s, want %s", got, c.proved)
				}
			}
			cred := ch.learn(c.user)
			if cred.String() != c.learn {
				t.Fatalf("it teaches %s, want %s", cred, c.learn)
			}
			if cred == nil || cred.kind == credentialEmpty {
				return
			}
			if cred.native != wire.NativeSecret([]byte("pw")) || cred.clear != (c.plugin == clr) {
				t.Error("it is another password's, or clear where it was not")
			}
		})
	}
}

func TestCredentialKeepsNoMoreThanItsPluginNeeds(t *testing.T) {
	full := newPassword("pw")
	if got := full.reduced(wire.PluginNativePassword); got.kind != credentialNative || got.secret != "" || got.native != full.native {
		t.Errorf("for mysql_native_password it keeps %q", got.secret)
	}
	if got := full.reduced(wire.PluginCachingSHA2Password); got != full {
		t.Error("caching_sha2_password needs the password")
	}
	clr := &credential{kind: credentialPassword, clear: true, secret: "pw"}
	if got := clr.reduced(wire.PluginNativePassword); got != clr {
		t.Error("mysql_clear_password needs the password")
	}
	if (*credential)(nil).reduced(wire.PluginNativePassword) != nil {
		t.Error("a credential out of nothing")
	}
}

// bugs.md 22: no verb, log or encoding shows a secret.
func TestBug22_CredentialsAreNotShown(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	user := User{Name: "app", Password: "topsecret", HasPassword: true, Service: true}
	hashed := User{Name: "app", Hash: nativeHash("topsecret"), HasHash: true}
	cred := newService(&user, "someone")
	token := newToken([]byte("topsecret"))
	o := Options{Users: []User{user, hashed}}
	for _, v := range []any{user, &user, hashed, cred, token, newPassword("topsecret"), o, &o, struct{ C *credential }{cred}, []*credential{token}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&log, verb+"\n", v)
		}
		logger.Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
	}
	hash := nativeHash("topsecret")
	for _, secret := range []string{"topsecret", fmt.Sprintf("%x", "topsecret"), fmt.Sprintf("%X", "topsecret"), fmt.Sprintf("%x", hash), fmt.Sprintf("%v", hash[:3])[1:9]} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	if !strings.Contains(log.String(), "app (password) service") {
		t.Error("and nothing else is shown either")
	}
}

func TestBecomes(t *testing.T) {
	service := &User{Name: "svc", Password: "s", HasPassword: true, Service: true}
	if c := newService(service, "Ünal O"); c.becomes() != "EXECUTE AS 'Ünal O' WITH NO REVERT" || c.user != "svc" {
		t.Errorf("%s", c.becomes())
	}
	for _, name := range []string{"", "o'brien", `back\slash`, "nul\x00", "line\nfeed", "\xff", "del\x7f"} {
		if c := newService(service, name); c != nil {
			t.Errorf("%q: %s", name, c.becomes())
		}
	}
	if c := newPassword("x"); c.becomes() != "" {
		t.Errorf("%s", c.becomes())
	}
}

func TestImpersonationIsTheLastResort(t *testing.T) {
	service := User{Name: "svc", Password: "s", HasPassword: true, Service: true}
	for _, c := range []struct {
		flavor backend.Flavor
		users  []User
		want   string
	}{
		{backend.StarRocks, []User{service}, "service"},
		{backend.Doris, []User{service}, "service"},
		{backend.TiDB, []User{service}, "none"},
		{backend.MySQL, []User{service}, "none"},
		{backend.StarRocks, []User{*passwordUser("pw")}, "none"},
	} {
		o := Options{Flavor: c.flavor, Users: c.users}
		l := &login{response: &wire.HandshakeResponse41{Username: "someone"}, asked: challenge{wire.PluginNativePassword, nil, []byte("x")}}
		l.settle(nil, &o)
		if l.cred.String() != c.want {
			t.Errorf("%s: %s, want %s", c.flavor, l.cred, c.want)
		}
		l.cred, l.asked.answer = nil, nil
		if l.settle(nil, &o); l.cred.String() != "empty" {
			t.Errorf("%s: %s though an empty password does", c.flavor, l.cred)
		}
	}
}

// A prover answers what the credential is good for, and nothing else.
func TestProver(t *testing.T) {
	greeting := &wire.HandshakeV10{AuthData: []byte(saltA), AuthPlugin: wire.PluginNativePassword, Capabilities: ^wire.Capability(0)}
	ask := func(plugin string) []byte { return wire.NewAuthSwitchRequest(plugin, []byte(saltB)).Append(nil) }
	native, sha2 := wire.NativePassword([]byte(saltB), []byte("pw")), wire.CachingSHA2Password([]byte(saltB), []byte("pw"))
	password, secret := newPassword("pw"), newNative(wire.NativeSecret([]byte("pw")))
	clr := &credential{kind: credentialPassword, clear: true, native: password.native, secret: "pw"}
	empty, token := &credential{}, newToken([]byte("{token}"))
	for _, c := range []struct {
		cred   *credential
		plugin string
		want   []byte // nil: the credential does not do
	}{
		{password, wire.PluginNativePassword, native},
		{password, wire.PluginCachingSHA2Password, sha2},
		{password, wire.PluginClearPassword, nil}, // the client has not shown that it would
		{password, wire.PluginTiDBSessionToken, nil},
		{password, "client_ed25519", nil},
		{password, "", nil},
		{secret, wire.PluginNativePassword, native},
		{secret, wire.PluginCachingSHA2Password, nil},
		{secret, wire.PluginClearPassword, nil},
		{clr, wire.PluginClearPassword, []byte("pw\x00")},
		{clr, wire.PluginNativePassword, native},
		{empty, wire.PluginNativePassword, []byte{}},
		{empty, wire.PluginCachingSHA2Password, []byte{}},
		{empty, wire.PluginClearPassword, nil},
		{token, wire.PluginTiDBSessionToken, []byte("{token}")},
		{token, wire.PluginNativePassword, nil},
	} {
		got, err := newProver(c.cred, greeting).answer(ask(c.plugin))
		if !bytes.Equal(got, c.want) || (got == nil) != (c.want == nil) || (err == nil) != (c.want != nil) {
			t.Errorf("%s asked for %q: %x, %v, want %x", c.cred, c.plugin, got, err, c.want)
		}
		if c.want == nil && (!errors.As(err, new(*unprovableError)) || strings.Contains(err.Error(), "pw")) {
			t.Errorf("%s asked for %q: %v", c.cred, c.plugin, err)
		}
	}
}

func FuzzProver(f *testing.F) {
	f.Add([]byte{1, 4}, []byte{1, 3}, []byte("\xfecaching_sha2_password\x00salt"))
	f.Add([]byte{0xfe}, []byte{0xfe, 0}, []byte{1})
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		for _, cred := range []*credential{newPassword("correct horse"), newNative([20]byte{1}), {}, newToken([]byte("correct horse"))} {
			p := newProver(cred, &wire.HandshakeV10{AuthData: []byte(saltA)})
			for _, payload := range [][]byte{a, b, c} {
				if len(payload) == 0 {
					continue
				}
				if out, err := p.answer(payload); bytes.Contains(out, []byte("correct")) && cred.kind != credentialToken ||
					err != nil && strings.Contains(err.Error(), "correct") {
					t.Fatalf("%s gives its secret: %q, %v", cred, out, err)
				}
			}
		}
	})
}

func TestHello(t *testing.T) {
	sent := wire.HandshakeResponse41{
		Capabilities: peerCaps | wire.ClientConnectAttrs, MaxPacketSize: 1 << 24, Charset: 45, Username: "u", AuthResponse: []byte("proof"),
		Database: "sales", AuthPlugin: wire.PluginCachingSHA2Password, Attributes: []byte("\x03_os\x05Linux"),
	}
	h := newHello(&sent)
	got := h.response()
	if len(got.AuthResponse) != 0 || got.Database != "" || got.Capabilities != sent.Capabilities&^wire.ClientConnectWithDB || got.Charset != 45 ||
		got.MaxPacketSize != 1<<24 || got.Username != "u" || string(got.Attributes) != string(sent.Attributes) {
		t.Errorf("kept: %+v", got)
	}
	other := sent
	other.AuthResponse, other.Database = []byte("another proof"), "stock"
	if newHello(&other) != h {
		t.Error("two sessions of one pool do not share it")
	}
	got.Database = "stock"
	p := newProver(newPassword("pw"), &wire.HandshakeV10{AuthData: []byte(saltB), AuthPlugin: wire.PluginNativePassword})
	var again wire.HandshakeResponse41
	if err := again.Decode(p.hello(got).Append(nil)); err != nil || again.Database != "stock" || again.AuthPlugin != wire.PluginNativePassword ||
		!bytes.Equal(again.AuthResponse, wire.NativePassword([]byte(saltB), []byte("pw"))) || string(again.Attributes) != string(sent.Attributes) {
		t.Errorf("said again: %+v, %v", again, err)
	}
	if (hello{}).response() != nil {
		t.Error("a response out of nothing")
	}
}

// What is longer than 255 bytes, as a token of TiDB's is, reaches the server whole.
func TestTokenIsNotCutOff(t *testing.T) {
	token := strings.Repeat("t", 700)
	g := &wire.HandshakeV10{AuthData: []byte(saltA), Capabilities: peerCaps}
	client := &wire.HandshakeResponse41{Capabilities: wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientLongPassword, Username: "u"}
	var got wire.HandshakeResponse41
	if err := got.Decode(newProver(newToken([]byte(token)), g).hello(client).Append(nil)); err != nil || string(got.AuthResponse) != token || got.AuthPlugin != "tidb_session_token" {
		t.Errorf("%+v, %v", got, err)
	}
}
