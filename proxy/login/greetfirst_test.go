package login

import (
	"bytes"
	"crypto/rand"
	"testing"

	"segue/backend/compress"
	"segue/backend/wire"
)

// greetedFirst is a client that Segue has greeted by itself, which has answered.
func greetedFirst(t *testing.T, u Users, plugin string, said *wire.HandshakeResponse41, outcome Outcome, w Wait) *rig {
	t.Helper()
	r := newRig(t, u)
	var out Output
	g := greeting(plugin, saltA)
	g.Capabilities = all // what the cluster can do, not what is offered
	r.GreetFirst(&out, g)
	r.collect(&out)
	r.want(Continues, Continues, ForClient)
	if own := r.hearsGreeting(); string(own.AuthData) != saltA || own.AuthPlugin != plugin || own.Capabilities != carried|compress.Capabilities {
		t.Fatalf("%+v", own)
	}
	r.client(1, said.Append(nil), outcome, w)
	r.silence()
	return r
}

// A client that Segue has greeted is brought to a backend by an AuthSwitchRequest of that backend's.
func TestGreetFirst(t *testing.T) {
	r := greetedFirst(t, nil, nativePlugin, response(nativePlugin, nativeAnswer(saltA, "pw")), Continues, ForLease)
	if !r.CanRetry() {
		t.Error("it cannot be brought anywhere")
	}
	r.secondBackend(2)
	// The first one dies.
	r = greetedFirst(t, nil, nativePlugin, response(nativePlugin, nativeAnswer(saltA, "pw")), Continues, ForLease)
	r.greets(greeting(nativePlugin, saltC), Continues, ForBackend)
	r.hearsResponse(authSwitchPlugin, nil)
	r.fails(ForLease)
	r.secondBackend(2)
	// It has no password.
	r = greetedFirst(t, nil, nativePlugin, response(nativePlugin, nil), Continues, ForLease)
	r.greets(greeting(nativePlugin, saltB), Continues, ForBackend)
	r.hearsResponse(nativePlugin, nil)
	r.backend(2, okPacket, LoggedIn, ForNothing)
	r.hearsClient(2, okPacket)
	r.loggedIn("empty")
	// Nothing is greeted twice.
	var out Output
	r = greetedFirst(t, nil, nativePlugin, response(nativePlugin, nil), Continues, ForLease)
	if r.GreetFirst(&out, greeting(nativePlugin, saltC)); len(out.Client) > 0 {
		t.Errorf("%q", out.Client)
	}
}

// By its credential a client is brought to a backend without another word.
func TestGreetFirstByCredential(t *testing.T) {
	for _, c := range []struct {
		users       Users
		plugin      string
		answer      []byte
		clientHears [][]byte
		want        string
	}{
		{known("pw"), nativePlugin, nativeAnswer(saltA, "pw"), nil, "native"},
		{hashed("pw"), nativePlugin, nativeAnswer(saltA, "pw"), nil, "native"},
		{known("pw"), sha2Plugin, sha2Answer(saltA, "pw"), [][]byte{fastAuth}, "native"},
	} {
		r := greetedFirst(t, c.users, c.plugin, response(c.plugin, c.answer), Continues, ForLease)
		r.greets(greeting(nativePlugin, saltB), Continues, ForBackend)
		r.hearsResponse(nativePlugin, nativeAnswer(saltB, "pw"))
		r.backend(2, okPacket, LoggedIn, ForNothing)
		for i, want := range append(c.clientHears, okPacket) {
			r.hearsClient(uint8(2+i), want)
		}
		r.loggedIn(c.want)
	}
	// With a hash alone the client is asked once, by the salt of the first backend, so that the answer is good there whatever it proves.
	for hash, want := range map[string]string{"pw": "native", "older": "none"} {
		r := greetedFirst(t, hashed(hash), sha2Plugin, response(sha2Plugin, sha2Answer(saltA, "pw")), Continues, ForLease)
		r.greets(greeting(sha2Plugin, saltB), Continues, ForClient)
		r.hearsClient(2, switchTo(nativePlugin, saltB))
		r.client(3, nativeAnswer(saltB, "pw"), Continues, ForBackend)
		r.hearsResponse(nativePlugin, nativeAnswer(saltB, "pw"))
		r.backend(2, okPacket, LoggedIn, ForNothing)
		r.hearsClient(4, okPacket)
		r.loggedIn(want)
	}
}

// A client of before PLUGIN_AUTH can be brought to no backend by an AuthSwitchRequest; a backend that cannot do what was promised is passed over.
func TestGreetFirstCannot(t *testing.T) {
	said := response("", nativeAnswer(saltA, "pw"))
	said.Capabilities &^= wire.ClientPluginAuth
	if r := greetedFirst(t, nil, nativePlugin, said, ClientEnded, ForNothing); r.End() != Stuck {
		t.Errorf("%v", r.Err())
	}
	r := greetedFirst(t, known("pw"), nativePlugin, said, Continues, ForLease)
	r.greets(greeting(nativePlugin, saltB), Continues, ForBackend)
	r.hearsResponse("", nativeAnswer(saltB, "pw"))
	said = response(nativePlugin, nil)
	said.Capabilities |= wire.ClientDeprecateEOF
	r = greetedFirst(t, nil, nativePlugin, said, Continues, ForLease)
	r.greets(greeting(nativePlugin, saltB), BackendFailed, ForLease)
}

func TestSalt(t *testing.T) {
	for i := range 256 {
		var random [wire.SaltLen]byte
		for j := range random {
			random[j] = byte(i)
		}
		if s := Salt(random); len(s) != wire.SaltLen || bytes.ContainsAny(s, "\x00$") || s[0] > 0x7f {
			t.Errorf("%q", s)
		}
	}
	var a, b [wire.SaltLen]byte
	_, _ = rand.Read(a[:])
	_, _ = rand.Read(b[:])
	if bytes.Equal(Salt(a), Salt(b)) {
		t.Error("two salts are the same")
	}
}
