package client

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"segue/backend/scramble"
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
			ch := Challenge{Plugin: c.plugin, Salt: []byte(saltA), Answer: c.answer}
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
	first, second := Challenge{wire.PluginNativePassword, []byte(saltA), native, Plain}, Challenge{wire.PluginCachingSHA2Password, []byte(saltA), sha2, Plain}
	for name, a := range map[string]*Account{"password": NewAccount(*known("pw")), "hash": NewAccount(*hashed("pw"))} {
		c := first.Prove(a)
		if c == nil || first.Learn(a) != c || a.HasPassword && (second.Prove(a) != c || a.Credential() != c) {
			t.Errorf("%s: a second login has another credential", name)
		}
		if a.Hash = hashOf("new"); a.HasHash {
			other := Challenge{Plugin: wire.PluginNativePassword, Salt: []byte(saltA), Answer: wire.NativePassword([]byte(saltA), []byte("new"))}
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
	r = &wire.HandshakeResponse41{Capabilities: serverCaps | wire.ClientSSL}
	if !Fits(r, &wire.HandshakeV10{Capabilities: serverCaps}) || NewHello(r).Response().Capabilities.Has(wire.ClientSSL) {
		t.Error("that the client's side is TLS counts")
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

// What a client says of its password by the other plugins, and where nobody on the way can read along.
func TestWhatAnAnswerIsGoodForByTransport(t *testing.T) {
	salt := bytes.Repeat([]byte("S"), scramble.Ed25519SaltLen)
	signed, sm3 := scramble.Ed25519(salt, []byte("pw")), scramble.TiDBSM3(salt, []byte("pw"))
	whole, encrypted := []byte("pw\x00"), bytes.Repeat([]byte{7}, 256)
	const none = "none"
	for _, c := range []struct {
		plugin        string
		answer        []byte
		over          Transport
		account       *Account
		proved, learn string
		clear         bool
	}{
		{wire.PluginEd25519, signed, Plain, known("pw"), "password", "password", false},
		{wire.PluginEd25519, signed, Plain, known("PW"), none, none, false},
		{wire.PluginEd25519, signed, Plain, hashed("pw"), none, none, false},
		{wire.PluginEd25519, nil, Plain, known(""), none, none, false},
		{wire.PluginTiDBSM3Password, sm3, Plain, known("pw"), "password", "password", false},
		{wire.PluginTiDBSM3Password, sm3, Plain, known("PW"), none, none, false},
		{wire.PluginTiDBSM3Password, []byte{0}, TLS, nil, none, "empty", false},
		{wire.PluginSHA256Password, whole, TLS, known("pw"), "password", "password", false},
		{wire.PluginSHA256Password, whole, TLS, known("PW"), none, "password", false}, // once a server has let it in by that
		{wire.PluginSHA256Password, whole, TLS, nil, none, "password", false},
		{wire.PluginSHA256Password, whole, Plain, known("pw"), none, none, false}, // it is no password there
		{wire.PluginSHA256Password, whole, UnixSocket, nil, none, none, false},
		{wire.PluginSHA256Password, []byte{1}, Plain, nil, none, none, false}, // asks for the key
		{wire.PluginSHA256Password, encrypted, Plain, nil, none, none, false},
		{wire.PluginSHA256Password, encrypted, TLS, nil, none, none, false},
		{wire.PluginSHA256Password, []byte{0}, Plain, nil, none, "empty", false},
		{wire.PluginClearPassword, whole, Plain, nil, none, "password", true},
		{wire.PluginClearPassword, whole, TLS, nil, none, "password", false}, // inside TLS alone may it go on
		{wire.PluginClearPassword, whole, UnixSocket, nil, none, "password", false},
		{wire.PluginClearPassword, whole, TLS, known("pw"), "password", "password", false},
		{wire.PluginOpenIDConnect, []byte("\x01\x05token"), TLS, nil, none, "bearer", false},
		{wire.PluginOpenIDConnect, nil, TLS, nil, none, none, false},
	} {
		ch := Challenge{c.plugin, salt, c.answer, c.over}
		cred := ch.Learn(c.account)
		if got := ch.Prove(c.account).String(); got != c.proved || cred.String() != c.learn || cred.Clear() != c.clear {
			t.Errorf("%s, %.10q over %d: proves %s, teaches %s, in clear: %v", c.plugin, c.answer, c.over, got, cred, cred.Clear())
		}
	}
	if c := SaidWhole(whole); c.String() != "password" || c.Clear() || c.native != wire.NativeSecret([]byte("pw")) {
		t.Errorf("%v", c)
	}
	for _, answer := range [][]byte{nil, {0}, {2}, encrypted} {
		if c := SaidWhole(answer); c != nil {
			t.Errorf("%q: %v", answer, c)
		}
	}
	a, b := Bearer([]byte("a")), Bearer([]byte("b"))
	if a.Same(b) || !a.Same(Bearer([]byte("a"))) || a.ProvesLike(b) || a.Same(Token([]byte("a"))) || a.ProvesLike(Token([]byte("a"))) || Token([]byte("a")).Same(Token([]byte("b"))) {
		t.Error("tokens are mixed up")
	}
}

// A server is told whose certificate a client has shown, and by nobody but Segue.
func TestShownCertificateIsTold(t *testing.T) {
	hello := func() *wire.HandshakeResponse41 {
		r := &wire.HandshakeResponse41{Capabilities: wire.ClientProtocol41 | wire.ClientConnectAttrs}
		r.LeadAttributes("", wire.Attribute{Key: "segue_subject", Value: "CN=root"}, wire.Attribute{Key: "program_name", Value: "x"})
		return r
	}
	g := &wire.HandshakeV10{Capabilities: wire.ClientConnectAttrs}
	for name, peer := range map[string]Peer{"CN=app": {TLS: true, Certificate: true, Subject: "CN=app"}, "": {TLS: true, Subject: "CN=app"}} {
		for _, r := range []*wire.HandshakeResponse41{hello(), hello()} {
			Describe(r, g, netip.AddrPort{}, 7, peer)
			if text := string(r.Attributes); strings.Contains(text, "CN=root") || strings.Contains(text, "segue_subject") != (name != "") || !strings.Contains(text, name) || !strings.Contains(text, "program_name") {
				t.Errorf("%q", text)
			}
			r = hello()
			Undescribed(r, peer)
			if text := string(r.Attributes); strings.Contains(text, "CN=root") || strings.Contains(text, "segue_subject") != (name != "") {
				t.Errorf("%q", text)
			}
		}
	}
}
