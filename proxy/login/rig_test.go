package login

import (
	"bytes"
	"testing"

	"segue/backend/client"
	"segue/backend/wire"
)

const (
	saltA = "ABCDEFGHIJKLMNOPQRST"
	saltB = "abcdefghijklmnopqrst"
	saltC = "zyxwvutsrqponmlkjihg"

	serverCaps = wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientPluginAuth | wire.ClientConnectWithDB | wire.ClientLongPassword |
		wire.ClientMultiStatements | wire.ClientMultiResults
	all = ^wire.Capability(0)

	nativePlugin = wire.PluginNativePassword
	sha2Plugin   = wire.PluginCachingSHA2Password
)

var (
	okPacket = []byte{0, 0, 0, 2, 0, 0, 0}
	fastAuth = []byte{1, 3}
	fullAuth = []byte{1, 4}
)

// users are what the operator has said; the zero value nothing.
type users struct {
	accounts map[string]*client.Account
	service  *client.Credential
	witness  bool
	policy   Policy
}

func (u *users) Account(user string) *client.Account { return u.accounts[user] }

func (u *users) Impersonate(string) *client.Credential { return u.service }

func (u *users) Policy() Policy { p := u.policy; p.Witnessed = u.witness; return p }

func known(password string) *users {
	return &users{accounts: map[string]*client.Account{"u": client.NewAccount(client.Account{Password: password, HasPassword: true})}}
}

func hashed(password string) *users {
	secret := wire.NativeSecret([]byte(password))
	return &users{accounts: map[string]*client.Account{"u": client.NewAccount(client.Account{Hash: wire.NativeSecret(secret[:]), HasHash: true})}}
}

func nativeAnswer(salt, password string) []byte {
	return wire.NativePassword([]byte(salt), []byte(password))
}

func sha2Answer(salt, password string) []byte {
	return wire.CachingSHA2Password([]byte(salt), []byte(password))
}

func switchTo(plugin, salt string) []byte {
	return wire.NewAuthSwitchRequest(plugin, []byte(salt)).Append(nil)
}

func greeting(plugin, salt string) *wire.HandshakeV10 {
	return &wire.HandshakeV10{ServerVersion: "8.0.33", ConnectionID: 7, AuthData: []byte(salt), Capabilities: serverCaps, Charset: 33, AuthPlugin: plugin}
}

func errPacket(code uint16, text string) []byte {
	return (&wire.Err{Code: code, State: "28000", Message: text}).Append(nil)
}

// response is what a client says to a greeting.
func response(plugin string, answer []byte) *wire.HandshakeResponse41 {
	return &wire.HandshakeResponse41{
		Capabilities: serverCaps &^ wire.ClientConnectWithDB, MaxPacketSize: 1 << 24, Charset: 33, Username: "u", AuthResponse: answer, AuthPlugin: plugin,
	}
}

// packet is one that a Handshake has given out.
type packet struct {
	seq     uint8
	payload []byte
}

// rig drives a Handshake, and collects what it says.
type rig struct {
	*Handshake
	t                   *testing.T
	toClient, toBackend []packet
}

func newRig(t *testing.T, u Users) *rig {
	t.Helper()
	return &rig{Handshake: New(42, u), t: t}
}

func (r *rig) collect(out *Output) {
	r.t.Helper()
	for _, side := range []struct {
		from []byte
		to   *[]packet
	}{{out.Client, &r.toClient}, {out.Backend, &r.toBackend}} {
		in := wire.NewInbox(client.MaxHandshake)
		in.Feed(side.from)
		for {
			payload, seq, ok, err := in.Next()
			if err != nil {
				r.t.Fatal(err)
			}
			if !ok {
				break
			}
			*side.to = append(*side.to, packet{seq, bytes.Clone(payload)})
		}
		if len(in.Rest()) > 0 {
			r.t.Fatalf("%q is no packet", in.Rest())
		}
	}
}

func (r *rig) want(got, outcome Outcome, w Wait) {
	r.t.Helper()
	if got != outcome || r.Waits() != w {
		r.t.Fatalf("outcome %d, waits for %d, want %d and %d (%v, %v)", got, r.Waits(), outcome, w, r.Err(), r.Failure())
	}
}

// greets has a backend greet.
func (r *rig) greets(g *wire.HandshakeV10, outcome Outcome, w Wait) {
	r.t.Helper()
	var out Output
	r.want(r.Greeted(&out, g, client.Via{}, all, ^uint32(0)), outcome, w)
	r.collect(&out)
}

func (r *rig) client(seq uint8, payload []byte, outcome Outcome, w Wait) {
	r.t.Helper()
	r.says(r.FromClient, seq, payload, outcome, w)
}

func (r *rig) backend(seq uint8, payload []byte, outcome Outcome, w Wait) {
	r.t.Helper()
	r.says(r.FromBackend, seq, payload, outcome, w)
}

func (r *rig) says(from func(*Output, []byte, uint8) Outcome, seq uint8, payload []byte, outcome Outcome, w Wait) {
	r.t.Helper()
	var out Output
	payload = bytes.Clone(payload)
	got := from(&out, payload, seq)
	for i := range payload { // what is kept must not lie there
		payload[i] = 0xa5
	}
	r.collect(&out)
	r.want(got, outcome, w)
}

func (r *rig) next(from *[]packet, who string, seq uint8) []byte {
	r.t.Helper()
	if len(*from) == 0 {
		r.t.Fatalf("the %s is told nothing", who)
	}
	p := (*from)[0]
	*from = (*from)[1:]
	if p.seq != seq {
		r.t.Fatalf("the %s is told with sequence id %d, want %d: %q", who, p.seq, seq, p.payload)
	}
	return p.payload
}

// hearsClient checks what the client is told next.
func (r *rig) hearsClient(seq uint8, want []byte) {
	r.t.Helper()
	if got := r.next(&r.toClient, "client", seq); !bytes.Equal(got, want) {
		r.t.Fatalf("the client is told %q, want %q", got, want)
	}
}

func (r *rig) hearsGreeting() *wire.HandshakeV10 {
	r.t.Helper()
	g := new(wire.HandshakeV10)
	if err := g.Decode(r.next(&r.toClient, "client", 0)); err != nil {
		r.t.Fatal(err)
	}
	if g.ConnectionID != 42 {
		r.t.Fatalf("connection id %d", g.ConnectionID)
	}
	return g
}

// hearsBackend checks what the backend is told next.
func (r *rig) hearsBackend(seq uint8, want []byte) {
	r.t.Helper()
	if got := r.next(&r.toBackend, "backend", seq); !bytes.Equal(got, want) {
		r.t.Fatalf("the backend is told %q, want %q", got, want)
	}
}

// hearsResponse checks the HandshakeResponse41 that the backend is told next.
func (r *rig) hearsResponse(plugin string, answer []byte) *wire.HandshakeResponse41 {
	r.t.Helper()
	got := new(wire.HandshakeResponse41)
	if err := got.Decode(r.next(&r.toBackend, "backend", 1)); err != nil {
		r.t.Fatal(err)
	}
	if got.AuthPlugin != plugin || !bytes.Equal(got.AuthResponse, answer) {
		r.t.Fatalf("the backend is told %s %x, want %s %x", got.AuthPlugin, got.AuthResponse, plugin, answer)
	}
	return got
}

// silence checks that nothing more has been said.
func (r *rig) silence() {
	r.t.Helper()
	if len(r.toClient)+len(r.toBackend) > 0 {
		r.t.Fatalf("the client is told %q, the backend %q", r.toClient, r.toBackend)
	}
}

// loggedIn checks the end of a login that has succeeded.
func (r *rig) loggedIn(credential string) {
	r.t.Helper()
	r.silence()
	if got := r.Credential().String(); got != credential || !r.Terms().Status.Has(wire.StatusAutocommit) || r.Response().Username != "u" || r.Greeting() == nil {
		r.t.Fatalf("credential %s, want %s; %+v", got, credential, r.Terms())
	}
	var out Output
	if r.FromClient(&out, okPacket, 1) != ClientEnded || r.FromBackend(&out, okPacket, 1) != ClientEnded || r.Greeted(&out, greeting("", saltA), client.Via{}, all, 0) != ClientEnded ||
		r.Fail(closed) != ClientEnded || len(out.Client)+len(out.Backend) > 0 || r.Waits() != ForNothing {
		r.t.Fatal("it goes on behind its end")
	}
}

var closed = &client.Error{Kind: client.Closed}

// fails has the backend at hand fail.
func (r *rig) fails(w Wait) {
	r.t.Helper()
	r.want(r.Fail(closed), BackendFailed, w)
	if r.Failure() != closed {
		r.t.Fatal(r.Failure())
	}
	if _, _, due := r.Farewell(nil); due {
		r.t.Fatal("something is still to be said to a backend that has failed")
	}
}
