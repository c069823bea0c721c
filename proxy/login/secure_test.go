package login

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"testing"

	"segue/backend/client"
	"segue/backend/secure"
	"segue/backend/wire"
)

// sslRequest is what a client says to be put on TLS.
func sslRequest() []byte {
	return (&wire.SSLRequest{Capabilities: serverCaps | wire.ClientSSL, MaxPacketSize: 1 << 24, Charset: 33}).Append(nil)
}

// secured has a client on TLS, which has been greeted by a backend.
func secured(t *testing.T, u *users, g *wire.HandshakeV10, via client.Via) *rig {
	t.Helper()
	u.policy.TLS = true
	r := newRig(t, u)
	var out Output
	r.want(r.Greeted(&out, g, via, all, 0), Continues, ForClient)
	r.collect(&out)
	if !r.hearsGreeting().Capabilities.Has(wire.ClientSSL) {
		t.Fatal("TLS is not offered")
	}
	r.client(1, sslRequest(), Continues, ForClientTLS)
	r.ClientSecured(&tls.ConnectionState{})
	r.silence()
	if r.Waits() != ForClient {
		t.Fatalf("waits for %d", r.Waits())
	}
	return r
}

func withTLS(g *wire.HandshakeV10) *wire.HandshakeV10 {
	g.Capabilities |= wire.ClientSSL
	return g
}

func onTLS(r *wire.HandshakeResponse41) []byte {
	r.Capabilities |= wire.ClientSSL
	return r.Append(nil)
}

var required = client.Via{Mode: secure.Required}

// The numbers of packets differ by one on the two sides; a backend without TLS is told nothing of it.
func TestClientOnTLS(t *testing.T) {
	r := secured(t, &users{}, greeting(nativePlugin, saltA), client.Via{})
	r.client(2, onTLS(response(nativePlugin, nativeAnswer(saltA, "pw"))), Continues, ForBackend)
	if got := r.hearsResponse(nativePlugin, nativeAnswer(saltA, "pw")); got.Capabilities.Has(wire.ClientSSL) {
		t.Error("the backend is told of TLS")
	}
	r.backend(2, okPacket, LoggedIn, ForNothing)
	r.hearsClient(3, okPacket)
	r.loggedIn("none")
}

func TestBackendOnTLS(t *testing.T) {
	for name, c := range map[string]struct {
		u          *users
		credential string
	}{"relayed": {&users{}, "none"}, "answered by Segue": {known("pw"), "native"}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.u)
			var out Output
			r.want(r.Greeted(&out, withTLS(greeting(nativePlugin, saltA)), required, all, 0), Continues, ForClient)
			r.collect(&out)
			if r.hearsGreeting().Capabilities.Has(wire.ClientSSL) {
				t.Error("TLS is offered to the client")
			}
			r.client(1, response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil), Continues, ForBackendTLS)
			if got := r.next(&r.toBackend, "backend", 1); !wire.IsSSLRequest(got) {
				t.Fatalf("the backend is told %x", got)
			}
			r.silence()
			out = Output{}
			r.want(r.BackendSecured(&out), Continues, ForBackend)
			r.collect(&out)
			got := new(wire.HandshakeResponse41)
			if err := got.Decode(r.next(&r.toBackend, "backend", 2)); err != nil || !got.Capabilities.Has(wire.ClientSSL) || got.AuthPlugin != nativePlugin {
				t.Fatalf("%+v, %v", got, err)
			}
			r.backend(3, okPacket, LoggedIn, ForNothing)
			r.hearsClient(2, okPacket)
			if r.Terms().Capabilities.Has(wire.ClientSSL) {
				t.Error("the session is taken for one that cannot be read")
			}
			r.loggedIn(c.credential)
		})
	}
}

// A backend that offers no TLS where there has to be some is passed over; where it is only preferred, it is not.
func TestBackendWithoutTLS(t *testing.T) {
	for _, mode := range []secure.Mode{secure.Preferred, secure.Required, secure.VerifyCA, secure.VerifyIdentity} {
		r := newRig(t, &users{})
		var out Output
		r.want(r.Greeted(&out, greeting(nativePlugin, saltA), client.Via{Mode: mode}, all, 0), Continues, ForClient)
		said := response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil)
		if mode == secure.Preferred {
			r.client(1, said, Continues, ForBackend)
			continue
		}
		r.client(1, said, BackendFailed, ForLease)
		if insecure := new(client.InsecureError); r.Failure().Kind != client.Unsecured || !errors.As(r.Failure(), &insecure) || insecure.Mode != mode {
			t.Errorf("%s: %v", mode, r.Failure())
		}
		if len(r.toBackend) > 0 {
			t.Errorf("%s: it is told %x", mode, r.toBackend)
		}
		if _, _, due := r.Farewell(nil); !due {
			t.Errorf("%s: it is left without a word", mode)
		}
	}
}

func TestTLSIsRequired(t *testing.T) {
	said := response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil)
	for name, c := range map[string]struct {
		policy   Policy
		requires client.Requirement
		local    bool
		peer     *tls.ConnectionState
		refused  bool
		demanded bool
	}{
		"by the listener":            {policy: Policy{TLS: true, Required: true}, refused: true, demanded: true},
		"… but of a UNIX socket":     {policy: Policy{TLS: true, Required: true}, local: true},
		"… and met":                  {policy: Policy{TLS: true, Required: true}, peer: &tls.ConnectionState{}},
		"by the account":             {policy: Policy{TLS: true}, requires: client.Requirement{TLS: true}, refused: true},
		"… of a UNIX socket, too":    {policy: Policy{TLS: true}, requires: client.Requirement{TLS: true}, local: true, refused: true},
		"… a certificate":            {policy: Policy{TLS: true}, requires: client.Requirement{TLS: true, Certificate: true}, peer: &tls.ConnectionState{}, refused: true},
		"by nobody":                  {policy: Policy{TLS: true}},
		"a certificate and no chain": {policy: Policy{TLS: true}, requires: client.Requirement{Certificate: true}, peer: &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}}, refused: true},
		"a certificate": {
			policy: Policy{TLS: true}, requires: client.Requirement{Certificate: true},
			peer: &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}, VerifiedChains: [][]*x509.Certificate{{{}}}},
		},
		"another subject": {
			policy: Policy{TLS: true}, requires: client.Requirement{Certificate: true, Subject: "CN=a"}, refused: true,
			peer: &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}, VerifiedChains: [][]*x509.Certificate{{{}}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, &users{policy: c.policy, accounts: map[string]*client.Account{"u": client.NewAccount(client.Account{Requires: c.requires})}})
			if c.local {
				r.FromSocket()
			}
			var out Output
			r.want(r.Greeted(&out, greeting(nativePlugin, saltA), client.Via{}, all, 0), Continues, ForClient)
			seq := uint8(1)
			if c.peer != nil {
				r.client(1, sslRequest(), Continues, ForClientTLS)
				r.ClientSecured(c.peer)
				seq = 2
			}
			if !c.refused {
				r.client(seq, said, Continues, ForBackend)
				return
			}
			r.client(seq, said, ClientEnded, ForNothing)
			if r.End() != Insecure || r.Demanded() != c.demanded || len(r.toBackend) > 0 {
				t.Errorf("end %d, %v, the backend is told %x", r.End(), r.Err(), r.toBackend)
			}
		})
	}
}

func TestSSLRequestOutOfPlace(t *testing.T) {
	r := newRig(t, &users{})
	var out Output
	r.want(r.Greeted(&out, withTLS(greeting(nativePlugin, saltA)), client.Via{}, all, 0), Continues, ForClient)
	r.client(1, sslRequest(), ClientEnded, ForNothing) // nobody has offered it
	r = secured(t, &users{}, greeting(nativePlugin, saltA), client.Via{})
	r.client(2, sslRequest(), ClientEnded, ForNothing)
	if r.End() != Protocol {
		t.Errorf("end %d", r.End())
	}
}

// A client that is not known is asked for its password where nobody can listen, and Segue logs in by that, whatever plugin the backend has.
func TestUsersLearned(t *testing.T) {
	u := &users{policy: Policy{Learns: true}}
	r := secured(t, u, greeting(nativePlugin, saltA), client.Via{})
	r.client(2, onTLS(response(sha2Plugin, sha2Answer(saltA, "pw"))), Continues, ForClient)
	r.hearsClient(3, fullAuth)
	r.client(4, []byte("pw\x00"), Continues, ForBackend)
	r.hearsResponse(nativePlugin, nativeAnswer(saltA, "pw"))
	r.backend(2, okPacket, LoggedIn, ForNothing)
	if ok := r.next(&r.toClient, "client", 5); ok[0] != 0 {
		t.Fatalf("%x", ok)
	}
	r.loggedIn("native") // all that the account's plugin needs

	for name, c := range map[string]struct {
		plugin string
		answer []byte
		u      *users
	}{
		"another plugin": {nativePlugin, nativeAnswer(saltA, "pw"), &users{policy: Policy{Learns: true}}},
		"no password":    {sha2Plugin, nil, &users{policy: Policy{Learns: true}}},
		"known already":  {sha2Plugin, sha2Answer(saltA, "pw"), &users{policy: Policy{Learns: true}, accounts: known("pw").accounts}},
		"by a hash":      {sha2Plugin, nil, &users{policy: Policy{Learns: true}, accounts: hashed("pw").accounts}},
		"not wanted":     {sha2Plugin, sha2Answer(saltA, "pw"), &users{}},
	} {
		r := secured(t, c.u, greeting(sha2Plugin, saltA), client.Via{})
		r.client(2, onTLS(response(c.plugin, c.answer)), Continues, ForBackend)
		if len(r.toClient) > 0 {
			t.Errorf("%s: it is asked %x", name, r.toClient)
		}
	}
	r = newRig(t, &users{policy: Policy{Learns: true, TLS: true}}) // somebody may listen
	var out Output
	r.want(r.Greeted(&out, greeting(sha2Plugin, saltA), client.Via{}, all, 0), Continues, ForClient)
	r.client(1, response(sha2Plugin, sha2Answer(saltA, "pw")).Append(nil), Continues, ForBackend)
}

var theKey = func() *Key {
	k, err := NewKey()
	if err != nil {
		panic(err)
	}
	return k
}()

// A client without TLS asks for a key to encrypt its password by; a backend on TLS would take that for the password. So Segue answers, and says it inside TLS.
func TestPasswordOfAPlainClientForABackendOnTLS(t *testing.T) {
	u := &users{policy: Policy{Key: theKey}}
	r := newRig(t, u)
	var out Output
	r.want(r.Greeted(&out, withTLS(greeting(sha2Plugin, saltA)), required, all, 0), Continues, ForClient)
	r.collect(&out)
	r.hearsGreeting()
	r.client(1, response(sha2Plugin, sha2Answer(saltA, "correct horse")).Append(nil), Continues, ForBackendTLS)
	r.next(&r.toBackend, "backend", 1)
	out = Output{}
	r.want(r.BackendSecured(&out), Continues, ForBackend)
	r.collect(&out)
	r.next(&r.toBackend, "backend", 2)
	r.backend(3, fullAuth, Continues, ForClient)
	r.hearsClient(2, fullAuth)
	r.client(3, []byte{wire.SHA2RequestKey}, Continues, ForClient)
	key := r.next(&r.toClient, "client", 4)
	if key[0] != 1 {
		t.Fatalf("%x", key)
	}
	encrypted, err := wire.EncryptPassword([]byte("correct horse"), []byte(saltA), key[1:])
	if err != nil {
		t.Fatal(err)
	}
	r.client(5, encrypted, Continues, ForBackend)
	r.hearsBackend(4, []byte("correct horse\x00"))
	r.backend(5, okPacket, LoggedIn, ForNothing)
	r.hearsClient(6, okPacket)
	r.loggedIn("password")
}

// What a client says in clear inside TLS reaches a backend without TLS encrypted, or not at all.
func TestPasswordOfAClientOnTLSForAPlainBackend(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	begin := func(trust client.Trust) *rig {
		r := secured(t, &users{policy: Policy{Trust: trust}}, greeting(sha2Plugin, saltA), client.Via{})
		r.client(2, onTLS(response(sha2Plugin, sha2Answer(saltA, "correct horse"))), Continues, ForBackend)
		r.hearsResponse(sha2Plugin, sha2Answer(saltA, "correct horse"))
		r.backend(2, fullAuth, Continues, ForClient)
		r.hearsClient(3, fullAuth)
		return r
	}
	r := begin(client.Trust{AnyKey: true})
	r.client(4, []byte("correct horse\x00"), Continues, ForBackend)
	r.hearsBackend(3, []byte{wire.SHA2RequestKey})
	r.backend(4, append([]byte{1}, public...), Continues, ForBackend)
	encrypted := r.next(&r.toBackend, "backend", 5)
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, private, encrypted, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range plain {
		plain[i] ^= saltA[i%len(saltA)]
	}
	if string(plain) != "correct horse\x00" {
		t.Errorf("%q", plain)
	}
	r.backend(6, okPacket, LoggedIn, ForNothing)
	r.hearsClient(5, okPacket)
	r.loggedIn("password")

	r = begin(client.Trust{}) // nobody is trusted with it
	r.client(4, []byte("correct horse\x00"), BackendFailed, ForLease)
	if r.Failure().Kind != client.Denied || len(r.toBackend) > 0 {
		t.Errorf("%v, and the backend is told %q", r.Failure(), r.toBackend)
	}
	// The next one may be told, and the client, which waits for a verdict, is not asked again.
	var out Output
	r.want(r.Greeted(&out, withTLS(greeting(sha2Plugin, saltB)), required, all, 0), Continues, ForBackendTLS)
	r.collect(&out)
	r.next(&r.toBackend, "backend", 1)
	out = Output{}
	r.want(r.BackendSecured(&out), Continues, ForBackend)
	r.collect(&out)
	r.next(&r.toBackend, "backend", 2)
	r.backend(3, fullAuth, Continues, ForBackend)
	r.hearsBackend(4, []byte("correct horse\x00"))
	r.backend(5, okPacket, LoggedIn, ForNothing)
	r.hearsClient(5, okPacket)

	r = begin(client.Trust{})
	r.client(4, []byte("correct horse\x00"), BackendFailed, ForLease)
	out = Output{}
	r.want(r.Greeted(&out, greeting(sha2Plugin, saltB), client.Via{}, all, 0), Continues, ForBackend)
	r.collect(&out)
	r.hearsResponse(sha2Plugin, sha2Answer(saltB, "correct horse"))
	r.backend(2, fullAuth, BackendFailed, ForLease)
	if r.Failure().Kind != client.Denied || len(r.toBackend)+len(r.toClient) > 0 {
		t.Errorf("%v, the backend is told %q and the client %q", r.Failure(), r.toBackend, r.toClient)
	}

	for _, plugin := range []string{wire.PluginClearPassword, wire.PluginDialog} {
		r = secured(t, &users{}, greeting(nativePlugin, saltA), client.Via{})
		r.client(2, onTLS(response(nativePlugin, nativeAnswer(saltA, "correct horse"))), Continues, ForBackend)
		r.hearsResponse(nativePlugin, nativeAnswer(saltA, "correct horse"))
		r.backend(2, switchTo(plugin, ""), BackendFailed, ForLease)
		if r.Failure().Kind != client.Denied || !errors.Is(r.Failure(), ErrInClear) || len(r.toClient) > 0 {
			t.Errorf("%s: %v, and the client is asked %x", plugin, r.Failure(), r.toClient)
		}
	}
}

// A backend's proof of its certificate is not that of the one that the client was shown.
func TestProofOfTheCertificate(t *testing.T) {
	const caps = wire.ClientProtocol41 | wire.ClientSessionTrack
	theirs := (&wire.OK{Status: wire.StatusAutocommit, Info: []byte("\x01ABCDEF")}).Append(nil, caps)
	fingerprint := [32]byte{1, 2, 3}
	hash, _ := client.Password("pw").NativeHash()
	proof := prove(hash, []byte(saltA), fingerprint)
	if len(proof) != 65 || proof[0] != 1 || !bytes.Equal(bytes.ToUpper(proof), proof) {
		t.Fatalf("%q", proof)
	}
	for name, c := range map[string]struct {
		u    *users
		want []byte
	}{"known": {known("pw"), proof}, "by its hash": {hashed("pw"), proof}, "not known": {&users{}, nil}} {
		c.u.policy.Fingerprint = fingerprint
		r := secured(t, c.u, greeting(nativePlugin, saltA), client.Via{})
		r.client(2, onTLS(response(nativePlugin, nativeAnswer(saltA, "pw"))), Continues, ForBackend)
		r.backend(2, theirs, LoggedIn, ForNothing)
		var ok wire.OK
		if err := ok.Decode(r.next(&r.toClient, "client", 3), caps); err != nil || !bytes.Equal(ok.Info, c.want) || ok.Status != wire.StatusAutocommit {
			t.Errorf("%s: %q, %v", name, ok.Info, err)
		}
	}
	r := newRig(t, &users{}) // the client is not on TLS, the backend is
	var out Output
	r.want(r.Greeted(&out, withTLS(greeting(nativePlugin, saltA)), required, all, 0), Continues, ForClient)
	r.client(1, response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil), Continues, ForBackendTLS)
	r.BackendSecured(&out)
	r.backend(3, theirs, LoggedIn, ForNothing)
	var ok wire.OK
	if err := ok.Decode(r.next(&r.toClient, "client", 2), caps); err != nil || len(ok.Info) > 0 {
		t.Errorf("%q, %v", ok.Info, err)
	}
}

// A client whose password Segue could not prove in its place is asked for it by Segue's own word, and by one that is longer than the protocol's: either way it is not passed on in clear.
func TestNoPasswordInClearByAnyWay(t *testing.T) {
	u := known("correct horse") // and no word on whom it may be given to
	u.policy.TLS = true
	r := secured(t, u, greeting(nativePlugin, saltA), client.Via{})
	r.client(2, onTLS(response(nativePlugin, nativeAnswer(saltA, "correct horse"))), Continues, ForBackend)
	r.toBackend = nil
	r.backend(2, switchTo(sha2Plugin, saltB), Continues, ForBackend)
	r.hearsBackend(3, sha2Answer(saltB, "correct horse"))
	r.backend(4, fullAuth, BackendFailed, ForLease)
	if r.Failure().Kind != client.Denied || len(r.toClient) > 0 {
		t.Errorf("%v, and the client is asked %x", r.Failure(), r.toClient)
	}
	for _, question := range [][]byte{{1, 4, 0}, {1, 9}, {7}} {
		r := secured(t, &users{}, greeting(sha2Plugin, saltA), client.Via{})
		r.client(2, onTLS(response(sha2Plugin, sha2Answer(saltA, "correct horse"))), Continues, ForBackend)
		r.toBackend = nil
		r.backend(2, question, Continues, ForClient)
		r.client(4, []byte("correct horse\x00"), BackendFailed, ForLease)
		if r.Failure().Kind != client.Denied || len(r.toBackend) > 0 {
			t.Errorf("%x: %v, and the backend is told %q", question, r.Failure(), r.toBackend)
		}
	}
}

// What a client says of itself is nobody's proof: accounts are not to be kept from others by it.
func TestWhatIsSaidIsNoProof(t *testing.T) {
	for name, c := range map[string]struct {
		u      *users
		plugin string
		answer []byte
		proves bool
	}{
		"in clear":             {&users{}, wire.PluginClearPassword, []byte("guess\x00"), false},
		"a token":              {&users{}, wire.PluginOpenIDConnect, []byte("\x00guess"), false},
		"in clear, and right":  {known("pw"), wire.PluginClearPassword, []byte("pw\x00"), true},
		"proved":               {known("pw"), nativePlugin, nativeAnswer(saltA, "pw"), true},
		"proved by its hash":   {hashed("pw"), nativePlugin, nativeAnswer(saltA, "pw"), true},
		"in clear, and a slip": {known("pw"), wire.PluginClearPassword, []byte("wp\x00"), false},
	} {
		r := secured(t, c.u, withTLS(greeting(nativePlugin, saltA)), client.Via{Mode: secure.Required})
		r.client(2, onTLS(response(c.plugin, c.answer)), Continues, ForBackendTLS)
		for _, when := range []string{"ahead of TLS", "behind it"} {
			if proves := r.Proves() != nil; proves != c.proves {
				t.Errorf("%s, %s: proves %v", name, when, proves)
			}
			var out Output
			r.BackendSecured(&out)
		}
	}
}

// A login that is not begun for want of leave is left by the number that the server waits for.
func TestLeaveIsNotGivenAheadOfTLS(t *testing.T) {
	r := secured(t, &users{}, withTLS(greeting(nativePlugin, saltA)), client.Via{Mode: secure.Required})
	r.client(2, onTLS(response(nativePlugin, nativeAnswer(saltA, "pw"))), Continues, ForBackendTLS)
	r.want(r.Withhold(&client.Error{Kind: client.Barred}), BackendFailed, ForLease)
	out, _, due := r.Farewell(nil)
	if !due || out[3] != 1 {
		t.Errorf("%v %x", due, out)
	}
}

// Clients of sha256_password ask for a key by a UNIX socket too, some of them.
func TestSHA256ByASocket(t *testing.T) {
	r := newRig(t, &users{policy: Policy{Key: theKey}})
	r.FromSocket()
	var out Output
	r.want(r.Greeted(&out, greeting(nativePlugin, saltA), client.Via{Transport: client.UnixSocket}, all, 0), Continues, ForClient)
	r.client(1, response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil), Continues, ForBackend)
	r.toBackend, r.toClient = nil, nil
	r.backend(2, switchTo(wire.PluginSHA256Password, saltB), Continues, ForClient)
	r.toClient = nil
	r.client(3, []byte{1}, Continues, ForClient)
	key := r.next(&r.toClient, "client", 4)
	encrypted, err := wire.EncryptPassword([]byte("pw"), []byte(saltB), key[1:])
	if err != nil {
		t.Fatal(err)
	}
	r.client(5, encrypted, Continues, ForBackend)
	if said := r.next(&r.toBackend, "backend", 3); string(said) != "pw\x00" && len(said) != 1 { // whole, or by the backend's own key
		t.Errorf("%q", said)
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		name    string
		charset uint16
		plain   bool
	}{{"alice", 8, true}, {"ålice", 45, true}, {"ålice", 8, false}, {"\xe5lice", 8, false}, {"\xe5lice", 45, false}, {"ålice", 2304, false}} {
		if PlainName(c.name, c.charset) != c.plain {
			t.Errorf("%q in %d", c.name, c.charset)
		}
	}
}
