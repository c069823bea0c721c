package login

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"segue/backend/client"
	"segue/backend/wire"
)

// begun brings a handshake to where the client has been greeted by a backend.
func begun(t *testing.T, u Users, g *wire.HandshakeV10) *rig {
	t.Helper()
	r := newRig(t, u)
	r.want(Continues, Continues, ForLease)
	r.greets(g, Continues, ForClient)
	if own := r.hearsGreeting(); !bytes.Equal(own.AuthData, g.AuthData) || own.AuthPlugin != g.AuthPlugin {
		t.Fatalf("%+v", own)
	}
	return r
}

// relayed goes on to where the backend has the client's own answer.
func relayed(t *testing.T, plugin string, answer []byte) *rig {
	t.Helper()
	r := begun(t, nil, greeting(plugin, saltA))
	r.client(1, response(plugin, answer).Append(nil), Continues, ForBackend)
	r.hearsResponse(plugin, answer)
	return r
}

func TestNative(t *testing.T) {
	r := relayed(t, nativePlugin, nativeAnswer(saltA, "pw"))
	r.backend(2, okPacket, LoggedIn, ForNothing)
	r.hearsClient(2, okPacket)
	r.loggedIn("none")
}

// bugs.md 15 and 16: the messages of caching_sha2_password pass with the right sequence ids, the one that the client does not answer included.
func TestBug16_CachingSHA2Passes(t *testing.T) {
	for name, c := range map[string]struct{ switched, full bool }{
		"fast": {false, false}, "full": {false, true}, "switched, then fast": {true, false}, "switched, then full": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			plugin := sha2Plugin
			if c.switched {
				plugin = nativePlugin
			}
			r := relayed(t, plugin, []byte("an answer"))
			seq := uint8(2)
			if c.switched {
				r.backend(seq, switchTo(sha2Plugin, saltB), Continues, ForClient)
				r.hearsClient(seq, switchTo(sha2Plugin, saltB))
				r.client(seq+1, []byte("another"), Continues, ForBackend)
				r.hearsBackend(seq+1, []byte("another"))
				seq += 2
			}
			if c.full {
				for _, exchange := range [][2][]byte{{fullAuth, {wire.SHA2RequestKey}}, {[]byte("\x01a key"), []byte("a password")}} {
					r.backend(seq, exchange[0], Continues, ForClient)
					r.hearsClient(seq, exchange[0])
					r.client(seq+1, exchange[1], Continues, ForBackend)
					r.hearsBackend(seq+1, exchange[1])
					seq += 2
				}
			} else {
				r.backend(seq, fastAuth, Continues, ForBackend)
				r.hearsClient(seq, fastAuth)
				seq++
			}
			r.backend(seq, okPacket, LoggedIn, ForNothing)
			r.hearsClient(seq, okPacket)
			r.loggedIn("none")
		})
	}
}

// An empty packet is an answer too.
func TestEmptyAnswerPasses(t *testing.T) {
	r := relayed(t, nativePlugin, nil)
	r.backend(2, switchTo(nativePlugin, saltB), Continues, ForClient)
	r.hearsClient(2, switchTo(nativePlugin, saltB))
	r.client(3, nil, Continues, ForBackend)
	r.hearsBackend(3, nil)
	r.backend(4, okPacket, LoggedIn, ForNothing)
	r.hearsClient(4, okPacket)
	r.loggedIn("empty")
}

// What a backend says to the client's own fault reaches the client; what it says of itself does not.
func TestRefusals(t *testing.T) {
	r := relayed(t, nativePlugin, []byte("wrong"))
	r.backend(2, errPacket(1045, "Access denied"), ClientEnded, ForNothing)
	r.hearsClient(2, errPacket(1045, "Access denied"))
	if e := new(wire.Err); !errors.As(r.Err(), &e) || e.Code != 1045 || r.End() != Refused {
		t.Errorf("%v", r.Err())
	}
	if _, _, due := r.Farewell(nil); due {
		t.Error("a backend that has refused is owed something")
	}
	for name, c := range map[string]struct {
		says []byte
		kind client.Kind
	}{
		"too many connections": {errPacket(1040, "Too many connections"), client.ServerError},
		"shutting down":        {errPacket(1053, "Server shutdown in progress"), client.ServerError},
		"limit of an FE":       {errPacket(1064, "Reach cluster-wide connection limit, qe_max_connection=1"), client.ServerError},
		"OK cut short":         {[]byte{0}, client.Malformed},
		"ERR cut short":        {[]byte{0xff}, client.Malformed},
		"switch cut short":     {[]byte("\xfeplugin"), client.Malformed},
		"empty packet":         {nil, client.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			r := relayed(t, nativePlugin, nativeAnswer(saltA, "pw"))
			r.backend(2, c.says, BackendFailed, ForLease)
			r.silence()
			if r.Failure().Kind != c.kind || !r.CanRetry() {
				t.Errorf("%s %v", r.Failure().Kind, r.Failure())
			}
			if _, _, due := r.Farewell(nil); due {
				t.Error("it is owed something")
			}
		})
	}
}

// secondBackend plays a login on another backend that has to ask for a switch, up to the client's OK.
func (r *rig) secondBackend(seq uint8) {
	r.t.Helper()
	r.greets(greeting(nativePlugin, saltB), Continues, ForBackend)
	again := r.hearsResponse(authSwitchPlugin, nil)
	if again.Username != "u" || again.Charset != 33 || again.MaxPacketSize != 1<<24 {
		r.t.Fatalf("%+v", again)
	}
	r.backend(2, switchTo(nativePlugin, saltB), Continues, ForClient)
	r.hearsClient(seq, switchTo(nativePlugin, saltB))
	r.client(seq+1, nativeAnswer(saltB, "pw"), Continues, ForBackend)
	r.hearsBackend(3, nativeAnswer(saltB, "pw"))
	r.backend(4, okPacket, LoggedIn, ForNothing)
	r.hearsClient(seq+2, okPacket)
	r.loggedIn("none")
}

// bugs.md 15: a set-up that fails at any message goes on with another backend, once the client has been asked to switch already, too, and while it
// is to answer. Each side sees its sequence ids without a gap.
func TestBug15_SequenceIDsOverSeveralBackends(t *testing.T) {
	answered := func(t *testing.T) *rig {
		t.Helper()
		return relayed(t, nativePlugin, nativeAnswer(saltA, "pw"))
	}
	for name, c := range map[string]struct {
		upTo func(t *testing.T) *rig
		seq  uint8
	}{
		"behind the client's answer": {func(t *testing.T) *rig {
			t.Helper()
			r := answered(t)
			r.fails(ForLease)
			return r
		}, 2},
		"before the client's answer": {func(t *testing.T) *rig {
			t.Helper()
			r := begun(t, nil, greeting(nativePlugin, saltA))
			r.fails(ForClient)
			r.client(1, response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil), Continues, ForLease)
			return r
		}, 2},
		"behind a switch, while the client is to answer": {func(t *testing.T) *rig {
			t.Helper()
			r := answered(t)
			r.backend(2, switchTo(nativePlugin, saltC), Continues, ForClient)
			r.hearsClient(2, switchTo(nativePlugin, saltC))
			r.fails(ForClient)
			r.client(3, nativeAnswer(saltC, "pw"), Continues, ForLease)
			return r
		}, 4},
		"behind the answer to a switch": {func(t *testing.T) *rig {
			t.Helper()
			r := answered(t)
			r.backend(2, switchTo(nativePlugin, saltC), Continues, ForClient)
			r.hearsClient(2, switchTo(nativePlugin, saltC))
			r.client(3, nativeAnswer(saltC, "pw"), Continues, ForBackend)
			r.hearsBackend(3, nativeAnswer(saltC, "pw"))
			r.fails(ForLease)
			return r
		}, 4},
		"behind fast authentication": {func(t *testing.T) *rig {
			t.Helper()
			r := relayed(t, sha2Plugin, []byte("an answer"))
			r.backend(2, fastAuth, Continues, ForBackend)
			r.hearsClient(2, fastAuth)
			r.fails(ForLease)
			return r
		}, 3},
		"amid the full authentication": {func(t *testing.T) *rig {
			t.Helper()
			r := relayed(t, sha2Plugin, []byte("an answer"))
			r.backend(2, fullAuth, Continues, ForClient)
			r.hearsClient(2, fullAuth)
			r.client(3, []byte{wire.SHA2RequestKey}, Continues, ForBackend)
			r.hearsBackend(3, []byte{wire.SHA2RequestKey})
			r.fails(ForLease)
			return r
		}, 4},
		"dialing another has failed": {func(t *testing.T) *rig {
			t.Helper()
			r := answered(t)
			r.fails(ForLease)
			r.fails(ForLease)
			return r
		}, 2},
		"another dies behind its switch": {func(t *testing.T) *rig {
			t.Helper()
			r := answered(t)
			r.fails(ForLease)
			r.greets(greeting(nativePlugin, saltC), Continues, ForBackend)
			r.hearsResponse(authSwitchPlugin, nil)
			r.backend(2, switchTo(nativePlugin, saltC), Continues, ForClient)
			r.hearsClient(2, switchTo(nativePlugin, saltC))
			r.client(3, nativeAnswer(saltC, "pw"), Continues, ForBackend)
			r.hearsBackend(3, nativeAnswer(saltC, "pw"))
			r.fails(ForLease)
			return r
		}, 4},
		"another comes early, while the client is to answer a switch": {func(t *testing.T) *rig {
			t.Helper()
			r := answered(t)
			r.backend(2, switchTo(nativePlugin, saltC), Continues, ForClient)
			r.hearsClient(2, switchTo(nativePlugin, saltC))
			r.fails(ForClient)
			r.greets(greeting(nativePlugin, saltC), Continues, ForClient)
			r.client(3, nativeAnswer(saltC, "pw"), Continues, ForBackend)
			r.hearsResponse(authSwitchPlugin, nil)
			r.fails(ForLease)
			return r
		}, 4},
		"another comes early": {func(t *testing.T) *rig {
			t.Helper()
			r := begun(t, nil, greeting(nativePlugin, saltA))
			r.fails(ForClient)
			r.greets(greeting(nativePlugin, saltC), Continues, ForClient)
			r.client(1, response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil), Continues, ForBackend)
			r.hearsResponse(authSwitchPlugin, nil)
			r.fails(ForLease)
			return r
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.upTo(t)
			r.silence()
			if !r.CanRetry() {
				t.Fatal("the client cannot be brought to another backend")
			}
			r.secondBackend(c.seq)
		})
	}
}

// What the client said of itself reaches the second backend as it reached the first.
func TestRetryKeepsWhatTheClientAskedFor(t *testing.T) {
	said := response(nativePlugin, nativeAnswer(saltA, "pw"))
	said.Capabilities |= wire.ClientConnectWithDB | wire.ClientConnectAttrs
	said.Database, said.Attributes = "sales", []byte("\x03_os\x05Linux")
	g := greeting(nativePlugin, saltA)
	g.Capabilities |= wire.ClientConnectAttrs
	for name, u := range map[string]Users{"by a switch": nil, "by Segue": known("pw")} {
		t.Run(name, func(t *testing.T) {
			r := begun(t, u, g)
			r.client(1, said.Append(nil), Continues, ForBackend)
			first := r.hearsResponse(nativePlugin, nativeAnswer(saltA, "pw"))
			r.fails(ForLease)
			g := *g
			g.AuthData = []byte(saltB)
			r.greets(&g, Continues, ForBackend)
			plugin, answer := authSwitchPlugin, []byte(nil)
			if u != nil {
				plugin, answer = nativePlugin, nativeAnswer(saltB, "pw")
			}
			second := r.hearsResponse(plugin, answer)
			for _, got := range []*wire.HandshakeResponse41{first, second} {
				if got.Database != "sales" || got.Username != "u" || string(got.Attributes) != "\x03_os\x05Linux" || got.Capabilities != said.Capabilities {
					t.Errorf("%+v", got)
				}
			}
		})
	}
}

// A client without a password answers no salt.
func TestRetryWithoutPassword(t *testing.T) {
	for name, strip := range map[string]wire.Capability{"": 0, "without PLUGIN_AUTH": wire.ClientPluginAuth} {
		t.Run(name, func(t *testing.T) {
			said := response("", nil)
			said.Capabilities &^= strip
			r := begun(t, nil, greeting(nativePlugin, saltA))
			r.client(1, said.Append(nil), Continues, ForBackend)
			r.hearsResponse("", nil)
			r.fails(ForLease)
			if !r.CanRetry() {
				t.Fatal("it could be brought to another")
			}
			r.greets(greeting(nativePlugin, saltB), Continues, ForBackend)
			r.hearsResponse("", nil)
			r.backend(2, okPacket, LoggedIn, ForNothing)
			r.hearsClient(2, okPacket)
			r.loggedIn("empty")
		})
	}
}

// A client of before PLUGIN_AUTH, with a password, is bound to the backend that has greeted it, unless Segue knows its password.
func TestClientWithoutPluginAuth(t *testing.T) {
	said := response("", nativeAnswer(saltA, "pw"))
	said.Capabilities &^= wire.ClientPluginAuth
	r := begun(t, nil, greeting(nativePlugin, saltA))
	r.client(1, said.Append(nil), Continues, ForBackend)
	r.hearsResponse("", nativeAnswer(saltA, "pw"))
	r.fails(ForLease)
	if r.CanRetry() {
		t.Error("it cannot be asked for another answer")
	}
	r.greets(greeting(nativePlugin, saltB), ClientEnded, ForNothing) // whoever tries all the same
	if r.silence(); r.End() != Stuck || !strings.Contains(r.Err().Error(), "protocol does not let it") {
		t.Errorf("%v", r.Err())
	}
	r = begun(t, nil, greeting(nativePlugin, saltA))
	r.fails(ForClient)
	if !r.CanRetry() {
		t.Error("its answer may have no password in it")
	}
	r.client(1, said.Append(nil), ClientEnded, ForNothing)
	if r.silence(); r.End() != Stuck {
		t.Errorf("%v", r.Err())
	}
	r = begun(t, known("pw"), greeting(nativePlugin, saltA))
	r.client(1, said.Append(nil), Continues, ForBackend)
	r.hearsResponse("", nativeAnswer(saltA, "pw"))
	r.fails(ForLease)
	if !r.CanRetry() {
		t.Error("Segue could log in for it")
	}
	r.greets(greeting(sha2Plugin, saltB), Continues, ForBackend)
	r.hearsResponse("", nativeAnswer(saltB, "pw")) // no plugin can be named, so that the server takes it for mysql_native_password's
	r.backend(2, okPacket, LoggedIn, ForNothing)
	r.hearsClient(2, okPacket)
	r.loggedIn("native")
}

// Where the client's answer proves what the operator has said Segue answers the backend, and every other one, in its place.
func TestSegueAnswers(t *testing.T) {
	const pw = "password"
	for _, c := range []struct {
		name        string
		users       *users
		plugin      string // the client's
		client      []byte // its answer
		account     string // the plugin that the backend's account has; "": the client's
		want        string // the credential, where the backend lets Segue in
		clientHears [][]byte
	}{
		{"password, native", known("pw"), nativePlugin, nativeAnswer(saltA, "pw"), "", "native", nil},
		{"hash, native", hashed("pw"), nativePlugin, nativeAnswer(saltA, "pw"), "", "native", nil},
		{"password, sha2", known("pw"), sha2Plugin, sha2Answer(saltA, "pw"), "", pw, [][]byte{fastAuth}},
		{"password, sha2 for a native account", known("pw"), sha2Plugin, sha2Answer(saltA, "pw"), nativePlugin, "native", [][]byte{fastAuth}},
		{"password, native for a sha2 account", known("pw"), nativePlugin, nativeAnswer(saltA, "pw"), sha2Plugin, pw, nil},
		{"no password, native", known(""), nativePlugin, nil, "", "empty", nil},
		{"no password, sha2", known(""), sha2Plugin, nil, "", "empty", nil},
		{"no password, sha2, by a NUL", known(""), sha2Plugin, []byte{0}, "", "empty", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := begun(t, c.users, greeting(c.plugin, saltA))
			r.client(1, response(c.plugin, c.client).Append(nil), Continues, ForBackend)
			answer := func(plugin, salt string) []byte {
				if c.users.accounts["u"].HasPassword && c.users.accounts["u"].Password == "" {
					return nil
				}
				if plugin == sha2Plugin {
					return sha2Answer(salt, "pw")
				}
				return nativeAnswer(salt, "pw")
			}
			r.hearsResponse(c.plugin, answer(c.plugin, saltA))
			r.fails(ForLease) // and another in its place
			r.greets(greeting(c.plugin, saltB), Continues, ForBackend)
			r.hearsResponse(c.plugin, answer(c.plugin, saltB))
			seq := uint8(2)
			if c.account != "" {
				r.backend(seq, switchTo(c.account, saltC), Continues, ForBackend)
				r.hearsBackend(seq+1, answer(c.account, saltC))
				seq += 2
			}
			if c.account == sha2Plugin {
				r.backend(seq, fastAuth, Continues, ForBackend)
				seq++
			}
			r.backend(seq, okPacket, LoggedIn, ForNothing)
			for i, want := range append(c.clientHears, okPacket) {
				r.hearsClient(uint8(2+i), want)
			}
			r.loggedIn(c.want)
		})
	}
}

// It is a backend that decides who gets in, whatever is configured.
func TestBackendsDecideAlone(t *testing.T) {
	r := begun(t, known("pw"), greeting(nativePlugin, saltA))
	r.client(1, response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil), Continues, ForBackend)
	r.hearsResponse(nativePlugin, nativeAnswer(saltA, "pw"))
	r.backend(2, errPacket(1045, "Access denied"), ClientEnded, ForNothing)
	r.hearsClient(2, errPacket(1045, "Access denied"))
	r.silence()
	// A client whose answer proves nothing answers for itself.
	for name, u := range map[string]*users{"another password": known("PW"), "another hash": hashed("PW"), "no password": known("")} {
		t.Run(name, func(t *testing.T) {
			r := begun(t, u, greeting(nativePlugin, saltA))
			r.client(1, response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil), Continues, ForBackend)
			r.hearsResponse(nativePlugin, nativeAnswer(saltA, "pw"))
			r.backend(2, okPacket, LoggedIn, ForNothing)
			r.hearsClient(2, okPacket)
			r.loggedIn("none")
		})
	}
}

// Where the credential does not do, as with a plugin that Segue does not know, the client is asked after all.
func TestClientAnswersWhatSegueCannot(t *testing.T) {
	r := begun(t, known("pw"), greeting(nativePlugin, saltA))
	r.client(1, response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil), Continues, ForBackend)
	r.hearsResponse(nativePlugin, nativeAnswer(saltA, "pw"))
	r.backend(2, switchTo("client_ed25519", saltB), Continues, ForClient)
	r.hearsClient(2, switchTo("client_ed25519", saltB))
	r.client(3, []byte("a signature"), Continues, ForBackend)
	r.hearsBackend(3, []byte("a signature"))
	r.backend(4, okPacket, LoggedIn, ForNothing)
	r.hearsClient(4, okPacket)
	r.loggedIn("none")
	// One that knows no AuthSwitchRequest cannot be.
	said := response("", nativeAnswer(saltA, "pw"))
	said.Capabilities &^= wire.ClientPluginAuth
	r = begun(t, known("pw"), greeting(nativePlugin, saltA))
	r.client(1, said.Append(nil), Continues, ForBackend)
	r.hearsResponse("", nativeAnswer(saltA, "pw"))
	r.backend(2, switchTo("client_ed25519", saltB), BackendFailed, ForLease)
	r.silence()
	if !errors.As(r.Failure(), new(*client.UnprovableError)) {
		t.Errorf("%v", r.Failure())
	}
	if out, _, due := r.Farewell(nil); !due || !bytes.Equal(out, []byte{0, 0, 0, 3}) {
		t.Errorf("%v %q: the handshake would be cut off", due, out)
	}
}

// With a hash alone, a client of another plugin is asked for an answer that can be compared; where that does not prove anything the backend gets it
// as it is.
func TestHashAsksForNative(t *testing.T) {
	for hash, want := range map[string]string{"pw": "native", "older": "none"} {
		for _, dies := range []bool{false, true} {
			r := begun(t, hashed(hash), greeting(sha2Plugin, saltA))
			r.client(1, response(sha2Plugin, sha2Answer(saltA, "pw")).Append(nil), Continues, ForClient)
			r.hearsClient(2, switchTo(nativePlugin, saltA))
			if dies {
				r.fails(ForClient)
				r.client(3, nativeAnswer(saltA, "pw"), Continues, ForLease)
				r.silence()
				r.greets(greeting(sha2Plugin, saltB), Continues, ForBackend)
				if want == "none" {
					r.hearsResponse(authSwitchPlugin, nil)
					continue
				}
				r.hearsResponse(nativePlugin, nativeAnswer(saltB, "pw"))
			} else {
				r.client(3, nativeAnswer(saltA, "pw"), Continues, ForBackend)
				r.hearsResponse(nativePlugin, nativeAnswer(saltA, "pw"))
			}
			r.backend(2, okPacket, LoggedIn, ForNothing)
			r.hearsClient(4, okPacket)
			r.loggedIn(want)
		}
	}
}

// A client that the backend asked has given its proof then.
func TestProofBehindASwitchOfTheBackend(t *testing.T) {
	for _, plugin := range []string{nativePlugin, sha2Plugin} {
		answer := nativeAnswer
		if plugin == sha2Plugin {
			answer = sha2Answer
		}
		r := begun(t, known("pw"), greeting(nativePlugin, saltA))
		r.client(1, response(nativePlugin, nil).Append(nil), Continues, ForBackend)
		r.hearsResponse(nativePlugin, nil)
		r.backend(2, switchTo(plugin, saltB), Continues, ForClient)
		r.hearsClient(2, switchTo(plugin, saltB))
		r.client(3, answer(saltB, "pw"), Continues, ForBackend)
		r.hearsBackend(3, answer(saltB, "pw"))
		r.fails(ForLease)
		r.greets(greeting(plugin, saltC), Continues, ForBackend)
		r.hearsResponse(plugin, answer(saltC, "pw"))
		r.backend(2, okPacket, LoggedIn, ForNothing)
		if plugin == sha2Plugin {
			r.hearsClient(4, fastAuth)
			r.hearsClient(5, okPacket)
			r.loggedIn("password")
		} else {
			r.hearsClient(4, okPacket)
			r.loggedIn("native")
		}
	}
}

// A client of caching_sha2_password hears that its answer was right once, whichever backend says so; and one that waits for a public key is given
// no OK in its place.
func TestSHA2IsToldOnce(t *testing.T) {
	asked := func() *rig {
		r := begun(t, known("pw"), greeting(nativePlugin, saltA))
		r.client(1, response(nativePlugin, nil).Append(nil), Continues, ForBackend)
		r.hearsResponse(nativePlugin, nil)
		r.backend(2, switchTo(sha2Plugin, saltB), Continues, ForClient)
		r.hearsClient(2, switchTo(sha2Plugin, saltB))
		r.client(3, sha2Answer(saltB, "pw"), Continues, ForBackend)
		r.hearsBackend(3, sha2Answer(saltB, "pw"))
		return r
	}
	r := asked()
	r.backend(4, fastAuth, Continues, ForBackend)
	r.hearsClient(4, fastAuth)
	r.fails(ForLease)
	r.greets(greeting(sha2Plugin, saltC), Continues, ForBackend)
	r.hearsResponse(sha2Plugin, sha2Answer(saltC, "pw"))
	r.backend(2, fastAuth, Continues, ForBackend)
	r.backend(3, okPacket, LoggedIn, ForNothing)
	r.hearsClient(5, okPacket)
	r.loggedIn("password")

	r = asked()
	r.backend(4, fullAuth, Continues, ForClient)
	r.hearsClient(4, fullAuth)
	r.client(5, []byte{wire.SHA2RequestKey}, Continues, ForBackend)
	r.hearsBackend(5, []byte{wire.SHA2RequestKey})
	r.fails(ForLease)
	if !r.CanRetry() {
		t.Error("it can be asked to switch")
	}
	r.greets(greeting(sha2Plugin, saltC), Continues, ForBackend)
	r.hearsResponse(authSwitchPlugin, nil)

	r = asked()
	for i, exchange := range [][2][]byte{{fullAuth, {wire.SHA2RequestKey}}, {[]byte("\x01a key"), []byte("a password")}} {
		seq := uint8(4 + 2*i)
		r.backend(seq, exchange[0], Continues, ForClient)
		r.hearsClient(seq, exchange[0])
		r.client(seq+1, exchange[1], Continues, ForBackend)
		r.hearsBackend(seq+1, exchange[1])
	}
	r.fails(ForLease)
	r.greets(greeting(sha2Plugin, saltC), Continues, ForBackend)
	r.hearsResponse(sha2Plugin, sha2Answer(saltC, "pw"))
	r.backend(2, okPacket, LoggedIn, ForNothing)
	r.hearsClient(8, okPacket)
	r.loggedIn("password")
}

// A backend that wants the whole password, which Segue may not give it, is answered by the client: at once where the client has answered to its salt,
// behind an AuthSwitchRequest with it otherwise.
func TestWholePasswordIsTheClientsToGive(t *testing.T) {
	whole := func(r *rig, seq, seqThere uint8) {
		r.client(seq, []byte{wire.SHA2RequestKey}, Continues, ForBackend)
		r.hearsBackend(seqThere, []byte{wire.SHA2RequestKey})
		r.backend(seqThere+1, []byte("\x01a key"), Continues, ForClient)
		r.hearsClient(seq+1, []byte("\x01a key"))
		r.client(seq+2, []byte("a password"), Continues, ForBackend)
		r.hearsBackend(seqThere+2, []byte("a password"))
		r.backend(seqThere+3, okPacket, LoggedIn, ForNothing)
		r.hearsClient(seq+3, okPacket)
		r.loggedIn("password")
	}
	r := begun(t, known("pw"), greeting(sha2Plugin, saltA))
	r.client(1, response(sha2Plugin, sha2Answer(saltA, "pw")).Append(nil), Continues, ForBackend)
	r.hearsResponse(sha2Plugin, sha2Answer(saltA, "pw"))
	r.backend(2, fullAuth, Continues, ForClient)
	r.hearsClient(2, fullAuth)
	whole(r, 3, 3)

	later := func() *rig {
		r := begun(t, known("pw"), greeting(sha2Plugin, saltA))
		r.client(1, response(sha2Plugin, sha2Answer(saltA, "pw")).Append(nil), Continues, ForBackend)
		r.hearsResponse(sha2Plugin, sha2Answer(saltA, "pw"))
		r.fails(ForLease)
		r.greets(greeting(sha2Plugin, saltB), Continues, ForBackend)
		r.hearsResponse(sha2Plugin, sha2Answer(saltB, "pw"))
		r.backend(2, fullAuth, Continues, ForClient)
		r.hearsClient(2, switchTo(sha2Plugin, saltB))
		return r
	}
	r = later()
	r.client(3, sha2Answer(saltB, "pw"), Continues, ForClient)
	r.hearsClient(4, fullAuth)
	whole(r, 5, 3)

	r = later() // and the backend goes while the client is asked
	r.want(r.Fail(closed), BackendFailed, ForClient)
	r.client(3, sha2Answer(saltB, "pw"), Continues, ForLease)
	r.greets(greeting(sha2Plugin, saltC), Continues, ForBackend)
	r.hearsResponse(sha2Plugin, sha2Answer(saltC, "pw"))
	r.backend(2, fastAuth, Continues, ForBackend)
	r.backend(3, okPacket, LoggedIn, ForNothing)
	r.hearsClient(4, fastAuth)
	r.hearsClient(5, okPacket)
	r.loggedIn("password")

	trusting := known("pw")
	trusting.accounts["u"] = client.NewAccount(client.Account{Password: "pw", HasPassword: true, Trust: client.Trust{AnyKey: true}})
	r = begun(t, trusting, greeting(sha2Plugin, saltA))
	r.client(1, response(sha2Plugin, sha2Answer(saltA, "pw")).Append(nil), Continues, ForBackend)
	r.hearsResponse(sha2Plugin, sha2Answer(saltA, "pw"))
	r.backend(2, fullAuth, Continues, ForBackend)
	r.hearsBackend(3, []byte{wire.SHA2RequestKey})
}

// A password in clear is first for whom the client meant it, then a credential for the other backends.
func TestClearPassword(t *testing.T) {
	const clearPlugin = wire.PluginClearPassword
	r := begun(t, nil, greeting(nativePlugin, saltA))
	r.client(1, response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil), Continues, ForBackend)
	r.hearsResponse(nativePlugin, nativeAnswer(saltA, "pw"))
	r.backend(2, switchTo(clearPlugin, ""), Continues, ForClient)
	r.hearsClient(2, switchTo(clearPlugin, ""))
	r.client(3, []byte("pw\x00"), Continues, ForBackend)
	r.hearsBackend(3, []byte("pw\x00"))
	r.fails(ForLease)
	r.greets(greeting(nativePlugin, saltB), Continues, ForBackend)
	r.hearsResponse(nativePlugin, nativeAnswer(saltB, "pw"))
	r.backend(2, switchTo(clearPlugin, ""), Continues, ForBackend)
	r.hearsBackend(3, []byte("pw\x00"))
	r.backend(4, okPacket, LoggedIn, ForNothing)
	r.hearsClient(4, okPacket)
	r.loggedIn("password")

	r = begun(t, nil, greeting(clearPlugin, saltA))
	r.client(1, response(clearPlugin, []byte("pw\x00")).Append(nil), Continues, ForBackend)
	r.hearsResponse(clearPlugin, []byte("pw\x00"))
	r.backend(2, okPacket, LoggedIn, ForNothing)
	r.hearsClient(2, okPacket)
	r.loggedIn("password")
}

// EXECUTE AS by a service account is the last resort, once a backend has let the client in.
func TestImpersonationIsTheLastResort(t *testing.T) {
	u := &users{service: client.Service("svc", "s", "u")}
	for want, answer := range map[string][]byte{"service": nativeAnswer(saltA, "pw"), "empty": nil} {
		r := begun(t, u, greeting(nativePlugin, saltA))
		r.client(1, response(nativePlugin, answer).Append(nil), Continues, ForBackend)
		r.hearsResponse(nativePlugin, answer)
		r.backend(2, okPacket, LoggedIn, ForNothing)
		r.hearsClient(2, okPacket)
		r.loggedIn(want)
	}
}

// A backend that talks without end is given up, whoever answers it.
func TestTooManyMessages(t *testing.T) {
	for name, u := range map[string]Users{"relayed": nil, "answered by Segue": known("pw")} {
		t.Run(name, func(t *testing.T) {
			r := begun(t, u, greeting(sha2Plugin, saltA))
			r.client(1, response(sha2Plugin, sha2Answer(saltA, "pw")).Append(nil), Continues, ForBackend)
			var out Output
			for i := range 200 {
				if r.FromBackend(&out, fastAuth, uint8(2+i)) == BackendFailed {
					if !strings.Contains(r.Failure().Error(), "more than") || r.Failure().Kind != client.Malformed {
						t.Errorf("%v", r.Failure())
					}
					return
				}
			}
			t.Error("it goes on")
		})
	}
}

// The driver knows by what a backend is answered, ahead of it too, and may keep the answer to itself: the backend is then left as one that has only
// greeted, and the client goes to another one.
func TestWithhold(t *testing.T) {
	for name, c := range map[string]struct {
		users  *users
		proves string
	}{"relayed": {new(users), "none"}, "answered by Segue": {known("pw"), "password"}} {
		t.Run(name, func(t *testing.T) {
			r := begun(t, c.users, greeting(nativePlugin, saltA))
			r.client(1, response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil), Continues, ForBackend)
			if got := r.Proves().String(); got != c.proves {
				t.Errorf("it is answered by %s", got)
			}
			r.toBackend = nil // it is not sent
			failure := &client.Error{Kind: client.Barred, Err: errors.New("it has refused the account a moment ago")}
			r.want(r.Withhold(failure), BackendFailed, ForLease)
			if _, _, due := r.Farewell(nil); !due || r.Failure() != failure || !r.CanRetry() {
				t.Error("it has greeted, and is left without a word")
			}
			if got := r.Proves().String(); got != c.proves {
				t.Errorf("the next one will be answered by %s", got)
			}
			if c.proves == "none" {
				r.secondBackend(2)
				return
			}
			r.greets(greeting(sha2Plugin, saltB), Continues, ForBackend)
			r.backend(2, switchTo(wire.PluginClearPassword, saltC), Continues, ForClient) // which Segue's credential does not do for
			if r.Proves() != nil {
				t.Error("the client is asked, and Segue answers")
			}
		})
	}
}
