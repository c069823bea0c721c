package client

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"segue/backend/wire"
)

const serverCaps = wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientPluginAuth | wire.ClientConnectWithDB | wire.ClientLongPassword |
	wire.ClientMultiStatements | wire.ClientMultiResults

var (
	okPacket       = []byte{0, 0, 0, 2, 0, 0, 0}
	switchToNative = wire.NewAuthSwitchRequest(wire.PluginNativePassword, []byte(saltB)).Append(nil)
	switchToSHA2   = wire.NewAuthSwitchRequest(wire.PluginCachingSHA2Password, []byte(saltB)).Append(nil)
	fastAuth       = []byte{1, 3}
	fullAuth       = []byte{1, 4}
)

func errPacket(code uint16, text string) []byte {
	return (&wire.Err{Code: code, State: "28000", Message: text}).Append(nil)
}

// unframed takes the header off the one packet in b, if there is one.
func unframed(t *testing.T, b []byte) (payload []byte, seq uint8, ok bool) {
	t.Helper()
	if len(b) == 0 {
		return nil, 0, false
	}
	in := wire.NewInbox(MaxHandshake)
	in.Feed(b)
	payload, seq, ok, err := in.Next()
	if err != nil || !ok || len(in.Rest()) > 0 {
		t.Fatalf("%q is not one packet: %v", b, err)
	}
	return payload, seq, true
}

func firstOf(t *testing.T, cred *Credential, g *wire.HandshakeV10, hello *wire.HandshakeResponse41) *wire.HandshakeResponse41 {
	t.Helper()
	l := NewLogin(cred, g, hello)
	payload, seq, _ := unframed(t, l.First(nil, 0))
	r := new(wire.HandshakeResponse41)
	if err := r.Decode(payload); err != nil || seq != 1 {
		t.Fatalf("%v, sequence id %d", err, seq)
	}
	return r
}

func greeting(plugin string) *wire.HandshakeV10 {
	return &wire.HandshakeV10{AuthData: []byte(saltA), AuthPlugin: plugin, Capabilities: serverCaps}
}

var aUser = &wire.HandshakeResponse41{Capabilities: serverCaps, Username: "u"}

// What a login answers to the plugins that servers ask for: what the credential is good for, and nothing else.
func TestLoginAnswers(t *testing.T) {
	native, sha2 := wire.NativePassword([]byte(saltB), []byte("pw")), wire.CachingSHA2Password([]byte(saltB), []byte("pw"))
	password, secret := Password("pw"), Native(wire.NativeSecret([]byte("pw")))
	clr, empty, token := password.InClear(), Password(""), Token([]byte("{token}"))
	for _, c := range []struct {
		cred   *Credential
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
		l := NewLogin(c.cred, greeting(wire.PluginNativePassword), aUser)
		l.First(nil, 0)
		out, outcome := l.Answer(nil, wire.NewAuthSwitchRequest(c.plugin, []byte(saltB)).Append(nil), 2)
		got, seq, ok := unframed(t, out)
		if c.want == nil {
			if outcome != Unprovable || ok || !errors.As(l.Err(), new(*UnprovableError)) || strings.Contains(l.Err().Error(), "pw") {
				t.Errorf("%s asked for %q: %s, %q, %v", c.cred, c.plugin, outcome, out, l.Err())
			}
			continue
		}
		if outcome != Continues || !ok || seq != 3 || !bytes.Equal(got, c.want) || l.Plugin() != c.plugin {
			t.Errorf("%s asked for %q: %s, %x with sequence id %d, want %x", c.cred, c.plugin, outcome, got, seq, c.want)
		}
	}
}

// A login begins with the plugin that the server has named, where the credential does for it.
func TestLoginBegins(t *testing.T) {
	const nat, sha = wire.PluginNativePassword, wire.PluginCachingSHA2Password
	for _, c := range []struct {
		cred         *Credential
		named, plugi string
		answer       []byte
		user         string
	}{
		{Password("pw"), nat, nat, wire.NativePassword([]byte(saltA), []byte("pw")), "u"},
		{Password("pw"), sha, sha, wire.CachingSHA2Password([]byte(saltA), []byte("pw")), "u"},
		{Password("pw"), "", nat, wire.NativePassword([]byte(saltA), []byte("pw")), "u"},
		{Password("pw"), "auth_gssapi", nat, wire.NativePassword([]byte(saltA), []byte("pw")), "u"},
		{Native(wire.NativeSecret([]byte("pw"))), sha, nat, wire.NativePassword([]byte(saltA), []byte("pw")), "u"},
		{Password(""), sha, sha, nil, "u"},
		{Service("svc", "pw", "u"), nat, nat, wire.NativePassword([]byte(saltA), []byte("pw")), "svc"},
		{Token([]byte(strings.Repeat("t", 700))), nat, wire.PluginTiDBSessionToken, bytes.Repeat([]byte("t"), 700), "u"}, // whole, though longer than 255
	} {
		r := firstOf(t, c.cred, greeting(c.named), aUser)
		if r.AuthPlugin != c.plugi || !bytes.Equal(r.AuthResponse, c.answer) || r.Username != c.user || r.Capabilities.Has(wire.ClientConnectWithDB) {
			t.Errorf("%s to %q: %+v", c.cred, c.named, r)
		}
	}
	if aUser.Username != "u" || aUser.AuthPlugin != "" || aUser.Capabilities != serverCaps {
		t.Errorf("what the caller has said is changed: %+v", aUser)
	}
}

// How logins end: with an outcome, and an error that holds no secret.
func TestLoginEnds(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, _ := x509.MarshalPKIXPublicKey(&key.PublicKey)
	publicKey := append([]byte{1}, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})...)
	password := Password("hunter2")
	for _, c := range []struct {
		name    string
		cred    *Credential
		says    [][]byte
		outcome Outcome
		kind    Kind
		want    string
	}{
		{"ok", password, [][]byte{okPacket}, LoggedIn, 0, ""},
		{"switched", password, [][]byte{switchToNative, okPacket}, LoggedIn, 0, ""},
		{"fast", password, [][]byte{switchToSHA2, fastAuth, okPacket}, LoggedIn, 0, ""},
		{"full, by any key", password.Trusting(Trust{AnyKey: true}), [][]byte{switchToSHA2, fullAuth, publicKey, okPacket}, LoggedIn, 0, ""},
		{"full, by the known key", password.Trusting(Trust{Key: string(publicKey[1:])}), [][]byte{switchToSHA2, fullAuth, okPacket}, LoggedIn, 0, ""},
		{"full, by nobody's word", password, [][]byte{switchToSHA2, fullAuth}, Unprovable, Denied, "name its key by server_public_key_file"},
		{"a key unasked", password, [][]byte{switchToSHA2, publicKey}, Garbled, Malformed, "nobody has asked for"},
		{"a key unasked, where any would do", password.Trusting(Trust{AnyKey: true}), [][]byte{switchToSHA2, publicKey}, Garbled, Malformed, "nobody has asked for"},
		{"another key than the known one", password.Trusting(Trust{Key: string(publicKey[1:]), AnyKey: true}), [][]byte{switchToSHA2, fullAuth, publicKey}, Garbled, Malformed, "nobody has asked for"},
		{"two keys", password.Trusting(Trust{AnyKey: true}), [][]byte{switchToSHA2, fullAuth, publicKey, publicKey}, Garbled, Malformed, "nobody has asked for"},
		{"refused", password, [][]byte{errPacket(1045, "Access denied")}, Refused, Denied, "Access denied"},
		{"refused behind a switch", password, [][]byte{switchToNative, errPacket(1045, "Access denied")}, Refused, Denied, "Access denied"},
		{"too many", password, [][]byte{errPacket(1040, "Too many connections")}, Passing, ServerError, "Too many"},
		{"limit of an FE", password, [][]byte{errPacket(1064, "Reach cluster-wide connection limit, qe_max_connection=1")}, Passing, ServerError, "Reach"},
		{"shutting down", password, [][]byte{errPacket(1053, "Server shutdown in progress")}, Passing, ServerError, "shutdown"},
		{"clear", password, [][]byte{wire.NewAuthSwitchRequest(wire.PluginClearPassword, nil).Append(nil)}, Unprovable, Denied, "and to whom the client itself"},
		{"sha2 by a hash", Native([20]byte{1}), [][]byte{switchToSHA2}, Unprovable, Denied, "give the user's password"},
		{"sha2 in full by an empty password", Password(""), [][]byte{switchToSHA2, fullAuth}, Unprovable, Denied, "give the user's password"},
		{"more of another plugin", password, [][]byte{fastAuth}, Unprovable, Denied, "native"},
		{"unknown plugin", password, [][]byte{wire.NewAuthSwitchRequest("client_ed25519", nil).Append(nil)}, Unprovable, Denied, `wants "client_ed25519"`},
		{"old password", password, [][]byte{{0xfe}}, Unprovable, Denied, `wants "mysql_old_password"`},
		{"key that is none", password.Trusting(Trust{AnyKey: true}), [][]byte{switchToSHA2, fullAuth, []byte("\x01-----BEGIN")}, Garbled, Malformed, "public key"},
		{"unknown message", password, [][]byte{{7}}, Garbled, Malformed, "message 0x07"},
		{"empty packet", password, [][]byte{nil}, Garbled, Malformed, "empty packet"},
		{"OK cut short", password, [][]byte{{0}}, Garbled, Malformed, "OK"},
		{"ERR cut short", password, [][]byte{{0xff, 1}}, Garbled, Malformed, "ERR"},
		{"without end", password, append([][]byte{switchToSHA2}, bytes.SplitAfter(bytes.Repeat([]byte{1, 3}, 9), []byte{3})[:9]...), Garbled, Malformed, "more than 8 messages"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := NewLogin(c.cred, greeting(wire.PluginNativePassword), aUser)
			out, outcome := l.First(nil, 0), Continues
			seq := uint8(1)
			for i, payload := range c.says {
				if outcome != Continues {
					if i != 8 && c.name != "without end" {
						t.Fatalf("over with message %d", i)
					}
					break
				}
				if _, got, ok := unframed(t, out); ok {
					if got != seq {
						t.Fatalf("sequence id %d, want %d", got, seq)
					}
					seq++
				}
				out, outcome = l.Answer(out[:0], payload, seq)
				seq++
			}
			if outcome != c.outcome {
				t.Fatalf("%s, want %s: %v", outcome, c.outcome, l.Err())
			}
			if more, again := l.Answer(nil, okPacket, 9); len(more) > 0 || again != c.outcome {
				t.Errorf("behind its end: %q, %s", more, again)
			}
			if c.outcome == LoggedIn {
				if l.Err() != nil || !l.Terms().Status.Has(wire.StatusAutocommit) || l.Terms().Capabilities != serverCaps&^wire.ClientConnectWithDB {
					t.Errorf("%v, %+v", l.Err(), l.Terms())
				}
				return
			}
			var e *Error
			if !errors.As(l.Err(), &e) || e.Kind != c.kind || !strings.Contains(e.Error(), c.want) || strings.Contains(e.Error(), "hunter2") {
				t.Errorf("%v, want %s …%s…", l.Err(), c.kind, c.want)
			}
		})
	}
}

// bugs.md 16: the full exchange of caching_sha2_password gives the server the password, encrypted by its key.
func TestBug16_FullExchange(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, _ := x509.MarshalPKIXPublicKey(&key.PublicKey)
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	begun := func(trust Trust) Login {
		l := NewLogin(Password("hunter2").Trusting(trust), greeting(wire.PluginCachingSHA2Password), aUser)
		l.First(nil, 0)
		return l
	}
	given := func(out []byte, at uint8) {
		t.Helper()
		sent, seq, _ := unframed(t, out)
		plain, err := rsa.DecryptOAEP(sha1.New(), nil, key, sent, nil)
		if err != nil || seq != at {
			t.Fatal(err, seq)
		}
		for i := range plain {
			plain[i] ^= saltA[i%len(saltA)]
		}
		if string(plain) != "hunter2\x00" {
			t.Errorf("%q", plain)
		}
	}
	asking := begun(Trust{AnyKey: true})
	out, _ := asking.Answer(nil, fullAuth, 2)
	if request, seq, _ := unframed(t, out); !bytes.Equal(request, []byte{wire.SHA2RequestKey}) || seq != 3 {
		t.Fatalf("%x, sequence id %d", request, seq)
	}
	out, _ = asking.Answer(nil, append([]byte{1}, public...), 4)
	given(out, 5)

	knowing := begun(Trust{Key: string(public)}) // it asks for nothing
	out, _ = knowing.Answer(nil, fullAuth, 2)
	given(out, 3)

	// Whoever answers in the server's place is told nothing, asked or unasked.
	for _, says := range [][]byte{fullAuth, append([]byte{1}, public...)} {
		silent := begun(Trust{})
		if out, outcome := silent.Answer(nil, says, 2); len(out) > 0 || outcome == Continues {
			t.Errorf("%q, %s", out, outcome)
		}
	}
}

// bugs.md 20: a handshake that is not to be finished ends with a login that is denied, at whatever point it stands.
func TestBug20_Farewell(t *testing.T) {
	denied := errPacket(1045, "Access denied")
	for _, c := range []struct {
		name  string
		begin func() ([]byte, Farewell)
		says  [][]byte
		want  []string // what the server is told, a part of it each; "": nothing, "-": an empty packet
	}{
		{"greeted", func() ([]byte, Farewell) { return Leave(nil, 0) }, [][]byte{denied}, []string{"segue_client_left", ""}},
		{"greeted, switched", func() ([]byte, Farewell) { return Leave(nil, 0) }, [][]byte{switchToSHA2, denied}, []string{"segue_client_left", "-", ""}},
		{"asked", func() ([]byte, Farewell) { return LeaveUnanswered(nil, 0) }, [][]byte{denied}, []string{"-", ""}},
		{"about to be let in", func() ([]byte, Farewell) { return nil, LeaveUnheard() }, [][]byte{okPacket}, []string{"", "\x01"}},
		{"fast, about to be let in", func() ([]byte, Farewell) { return nil, LeaveUnheard() }, [][]byte{fastAuth, okPacket}, []string{"", "", "\x01"}},
		{"about to be asked", func() ([]byte, Farewell) { return nil, LeaveUnheard() }, [][]byte{switchToNative, denied}, []string{"", "-", ""}},
		{"garbage", func() ([]byte, Farewell) { return LeaveUnanswered(nil, 0) }, [][]byte{nil}, []string{"-", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, f := c.begin()
			seq, over := uint8(0), false
			for i, want := range c.want {
				payload, got, ok := unframed(t, out)
				quits := ok && bytes.Equal(payload, []byte{byte(wire.ComQuit)})
				switch {
				case want == "" && ok, want == "-" && (!ok || len(payload) > 0), want != "" && want != "-" && !bytes.Contains(payload, []byte(want)):
					t.Errorf("step %d: %q, want %q", i, out, want)
				case quits && got != 0, ok && !quits && got != seq+1:
					t.Errorf("step %d: sequence id %d", i, got)
				}
				if ok {
					seq++
				}
				if i < len(c.says) {
					if over {
						t.Fatalf("over at step %d", i)
					}
					seq++
					out, over = f.Hear(nil, c.says[i], seq)
				}
			}
			if !over {
				t.Error("it is not over")
			}
		})
	}
	f := LeaveUnheard()
	for i := range 100 {
		if _, over := f.Hear(nil, fastAuth, 0); over {
			return
		} else if i == 99 {
			t.Error("a server that talks without end is listened to without end")
		}
	}
}
