package client

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"segue/backend/wire"
)

const (
	saltA = "ABCDEFGHIJKLMNOPQRST"
	saltB = "abcdefghijklmnopqrst"
)

func hashOf(password string) [20]byte {
	secret := wire.NativeSecret([]byte(password))
	return wire.NativeSecret(secret[:])
}

func hashed(password string) *Account { return &Account{Hash: hashOf(password), HasHash: true} }

func known(password string) *Account { return &Account{Password: password, HasPassword: true} }

// What a client's answer proves of what the operator says, and what is learned of it once a server has let the client in.
func TestWhatAnAnswerIsGoodFor(t *testing.T) {
	native := wire.NativePassword([]byte(saltA), []byte("pw"))
	sha2 := wire.CachingSHA2Password([]byte(saltA), []byte("pw"))
	const nat, sha, clr, none = wire.PluginNativePassword, wire.PluginCachingSHA2Password, wire.PluginClearPassword, "none"
	for _, c := range []struct {
		name          string
		plugin        string
		answer        []byte
		account       *Account
		proved, learn string
	}{
		{"native, password", nat, native, known("pw"), "password", "password"},
		{"native, hash", nat, native, hashed("pw"), "native", "native"},
		{"native, nobody", nat, native, nil, none, none},
		{"native, nothing known", nat, native, &Account{}, none, none},
		{"native, another password", nat, native, known("PW"), none, none},
		{"native, another hash", nat, native, hashed("PW"), none, none},
		{"native, empty password", nat, native, known(""), none, none},
		{"native, cut short", nat, native[1:], known("pw"), none, none},
		{"sha2, password", sha, sha2, known("pw"), "password", "password"},
		{"sha2, hash", sha, sha2, hashed("pw"), none, none},
		{"sha2, another password", sha, sha2, known("PW"), none, none},
		{"sha2, empty password", sha, sha2, known(""), none, none},
		{"sha2's answer to native", nat, sha2, known("pw"), none, none},
		{"native's answer to sha2", sha, native, known("pw"), none, none},
		{"empty, configured so", nat, nil, known(""), "empty", "empty"},
		{"empty, configured otherwise", nat, nil, known("pw"), none, "empty"},
		{"empty, hash", nat, nil, hashed("pw"), none, "empty"},
		{"empty, nobody", nat, nil, nil, none, "empty"},
		{"empty, sha2", sha, []byte{0}, nil, none, "empty"},
		{"NUL for native", nat, []byte{0}, nil, none, none},
		{"empty, of another plugin", "auth_gssapi_client", nil, known(""), none, none},
		{"clear", clr, []byte("pw\x00"), nil, none, "password"},
		{"clear, configured", clr, []byte("pw\x00"), known("pw"), none, "password"},
		{"clear, empty", clr, []byte{0}, nil, none, "empty"},
		{"another plugin", "client_ed25519", bytes.Repeat([]byte{1}, 64), known("pw"), none, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch := Challenge{c.plugin, []byte(saltA), c.answer}
			if got := ch.Prove(c.account).String(); got != c.proved {
				t.Errorf("it proves %s, want %s", got, c.proved)
			}
			cred := ch.Learn(c.account)
			if cred.String() != c.learn {
				t.Fatalf("it teaches %s, want %s", cred, c.learn)
			}
			if cred == nil || cred.Kind() == CredentialEmpty {
				return
			}
			if cred.native != wire.NativeSecret([]byte("pw")) || cred.Clear() != (c.plugin == clr) {
				t.Error("it is another password's, or clear where it was not")
			}
		})
	}
}

// All sessions of an account have one credential, until it proves something else.
func TestAccountHasOneCredential(t *testing.T) {
	native := wire.NativePassword([]byte(saltA), []byte("pw"))
	sha2 := wire.CachingSHA2Password([]byte(saltA), []byte("pw"))
	first, second := Challenge{wire.PluginNativePassword, []byte(saltA), native}, Challenge{wire.PluginCachingSHA2Password, []byte(saltA), sha2}
	for name, a := range map[string]*Account{"password": NewAccount(*known("pw")), "hash": NewAccount(*hashed("pw"))} {
		c := first.Prove(a)
		if c == nil || first.Learn(a) != c || a.HasPassword && (second.Prove(a) != c || a.Credential() != c) {
			t.Errorf("%s: a second login has another credential", name)
		}
		if a.Hash = hashOf("new"); a.HasHash {
			other := Challenge{wire.PluginNativePassword, []byte(saltA), wire.NativePassword([]byte(saltA), []byte("new"))}
			if d := other.Prove(a); d == nil || d.native == c.native {
				t.Error("another password is taken for the one before")
			}
		}
	}
	if Service("svc", "", "someone"); Password("").Account("u") != "u" {
		t.Error("a service account has changed what others have")
	}
}

func TestCredentialKeepsNoMoreThanItsPluginNeeds(t *testing.T) {
	full := Password("pw")
	if got := full.Reduced(wire.PluginNativePassword); got.kind != CredentialNative || got.secret != "" || got.native != full.native {
		t.Errorf("for mysql_native_password it keeps %q", got.secret)
	}
	if got := full.Reduced(wire.PluginCachingSHA2Password); got != full {
		t.Error("caching_sha2_password needs the password")
	}
	if clr := full.InClear(); clr.Reduced(wire.PluginNativePassword) != clr || !clr.Clear() || full.Clear() {
		t.Error("mysql_clear_password needs the password")
	}
	if (*Credential)(nil).Reduced(wire.PluginNativePassword) != nil || (*Credential)(nil).InClear() != nil {
		t.Error("a credential out of nothing")
	}
	if got := Service("svc", "s", "someone").Reduced(wire.PluginNativePassword); got.As() != "someone" || got.user != "svc" {
		t.Error("a service account forgets whom it stands for")
	}
}

func TestSame(t *testing.T) {
	all := []*Credential{nil, Password(""), Password("a"), Password("b"), Token([]byte("a")), Token([]byte("b")), Service("svc", "a", "u"), Service("svc", "a", "v")}
	for i, c := range all {
		for j, d := range all {
			if c.Same(d) != (i == j) {
				t.Errorf("%s %d and %s %d: %v", c, i, d, j, c.Same(d))
			}
		}
	}
	if p := Password("a"); !p.Same(p.Reduced(wire.PluginNativePassword)) || !p.Same(p.InClear()) {
		t.Error("the same password is another in another form")
	}
}

// What a server thinks of one it thinks of the other.
func TestProvesLike(t *testing.T) {
	p := Password("a")
	for _, c := range []struct {
		c, d *Credential
		want bool
	}{
		{p, Password("a"), true},
		{p, p.Reduced(wire.PluginNativePassword), true},
		{p, p.InClear(), true},
		{p, Password("b"), false},
		{p, Password(""), false},
		{p, Service("svc", "a", "u"), false},
		{Service("svc", "a", "u"), Service("svc", "a", "v"), true},
		{Token([]byte("a")), Token([]byte("b")), true},
		{Token([]byte("a")), Password(""), false},
		{Token([]byte("a")), Native([20]byte{}), false},
	} {
		if c.c.ProvesLike(c.d) != c.want || c.d.ProvesLike(c.c) != c.want {
			t.Errorf("%s and %s: want %v", c.c, c.d, c.want)
		}
	}
	if got := (*Credential)(nil).Account("u") + p.Account("v") + Service("svc", "a", "u").Account("u"); got != "uvsvc" {
		t.Errorf("accounts: %s", got)
	}
}

// bugs.md 22: no verb, log or encoding shows a secret.
func TestBug22_CredentialsAreNotShown(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	account, byHash := known("topsecret"), hashed("topsecret")
	cred, token := Service("svc", "topsecret", "someone"), Token([]byte("topsecret"))
	for _, v := range []any{account, *account, byHash, cred, token, Password("topsecret"), struct{ C *Credential }{cred}, []*Credential{token}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&log, verb+"\n", v)
		}
		logger.Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
	}
	hash := hashOf("topsecret")
	for _, secret := range []string{"topsecret", fmt.Sprintf("%x", "topsecret"), fmt.Sprintf("%X", "topsecret"), fmt.Sprintf("%x", hash), fmt.Sprintf("%v", hash[:3])[1:9]} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	for _, want := range []string{"password", "hash", "service", "token"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not shown either", want)
		}
	}
}

func TestBecomes(t *testing.T) {
	if c := Service("svc", "s", "Ünal O"); c.Becomes() != "EXECUTE AS 'Ünal O' WITH NO REVERT" || c.user != "svc" {
		t.Errorf("%s", c.Becomes())
	}
	for _, name := range []string{"", "o'brien", `back\slash`, "nul\x00", "line\nfeed", "\xff", "del\x7f"} {
		if c := Service("svc", "s", name); c != nil {
			t.Errorf("%q: %s", name, c.Becomes())
		}
	}
	if c := Password("x"); c.Becomes() != "" {
		t.Errorf("%s", c.Becomes())
	}
}

func TestHello(t *testing.T) {
	sent := wire.HandshakeResponse41{
		Capabilities: serverCaps | wire.ClientConnectAttrs, MaxPacketSize: 1 << 24, Charset: 45, Username: "u", AuthResponse: []byte("proof"),
		Database: "sales", AuthPlugin: wire.PluginCachingSHA2Password, Attributes: []byte("\x03_os\x05Linux"),
	}
	h := NewHello(&sent)
	got := h.Response()
	if len(got.AuthResponse) != 0 || got.Database != "" || got.Capabilities != sent.Capabilities&^wire.ClientConnectWithDB || got.Charset != 45 ||
		got.MaxPacketSize != 1<<24 || got.Username != "u" || string(got.Attributes) != string(sent.Attributes) {
		t.Errorf("kept: %+v", got)
	}
	other := sent
	other.AuthResponse, other.Database = []byte("another proof"), "stock"
	if NewHello(&other) != h {
		t.Error("two sessions of one pool do not share it")
	}
	got.Database = "stock"
	again := firstOf(t, Password("pw"), &wire.HandshakeV10{AuthData: []byte(saltB), AuthPlugin: wire.PluginNativePassword}, got)
	if again.Database != "stock" || again.AuthPlugin != wire.PluginNativePassword ||
		!bytes.Equal(again.AuthResponse, wire.NativePassword([]byte(saltB), []byte("pw"))) || string(again.Attributes) != string(sent.Attributes) {
		t.Errorf("said again: %+v", again)
	}
	if (Hello{}).Response() != nil {
		t.Error("a response out of nothing")
	}
}

func TestFits(t *testing.T) {
	r := &wire.HandshakeResponse41{Capabilities: serverCaps | wire.ClientDeprecateEOF}
	if Fits(r, &wire.HandshakeV10{Capabilities: serverCaps}) || !Fits(r, &wire.HandshakeV10{Capabilities: ^wire.Capability(0)}) {
		t.Error("CLIENT_DEPRECATE_EOF does not count")
	}
	r = &wire.HandshakeResponse41{Capabilities: serverCaps | wire.ClientFoundRows | wire.ClientConnectAttrs}
	if !Fits(r, &wire.HandshakeV10{Capabilities: serverCaps}) {
		t.Error("what shapes no packet counts")
	}
	r = &wire.HandshakeResponse41{Capabilities: serverCaps &^ wire.ClientLongPassword}
	r.SetExtCapabilities(wire.MariaDBClientExtendedMetadata)
	if Fits(r, &wire.HandshakeV10{Capabilities: serverCaps}) ||
		!Fits(r, &wire.HandshakeV10{Capabilities: serverCaps, ExtCapabilities: wire.MariaDBClientExtendedMetadata}) {
		t.Error("MariaDB's extended capabilities do not count")
	}
}
