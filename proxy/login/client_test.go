package login

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"segue/backend/client"
	"segue/backend/compress"
	"segue/backend/wire"
)

// bugs.md 12: the two sides agree on the capabilities that shape packets; compression is each side's own affair.
func TestBug12_UnofferedCapabilitiesAreCleared(t *testing.T) {
	const asked = wire.ClientDeprecateEOF | wire.ClientQueryAttributes | wire.ClientOptionalResultsetMetadata | wire.ClientSessionTrack | wire.ClientSSL
	for _, c := range []struct {
		name              string
		can, shared, says wire.Capability
		want              wire.Capability // beside serverCaps
	}{
		{"none", serverCaps, all, asked | wire.ClientCompress, 0},
		{"the backend's", serverCaps | wire.ClientDeprecateEOF | wire.ClientSSL, all, asked, wire.ClientDeprecateEOF},
		{"the cluster's", serverCaps | wire.ClientDeprecateEOF | wire.ClientSessionTrack, serverCaps | wire.ClientSessionTrack, asked, wire.ClientSessionTrack},
		{"not carried", all, all, asked, wire.ClientDeprecateEOF | wire.ClientQueryAttributes | wire.ClientSessionTrack},
		{"zlib", serverCaps | wire.ClientCompress, all, wire.ClientCompress, 0},
		{"zstd", serverCaps | wire.ClientZstdCompressionAlgorithm, all, wire.ClientZstdCompressionAlgorithm, 0},
		{"what shapes nothing", serverCaps, all, wire.ClientFoundRows | wire.ClientInteractive, wire.ClientFoundRows | wire.ClientInteractive},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			g := greeting(nativePlugin, saltA)
			g.Capabilities = c.can
			var out Output
			r.want(r.Greeted(&out, g, client.Via{}, c.shared, 0), Continues, ForClient)
			r.collect(&out)
			if own := r.hearsGreeting(); own.Capabilities&(wire.ClientSSL|compress.Capabilities) != compress.Capabilities || own.Capabilities&^compress.Capabilities&^c.can&^c.shared != 0 {
				t.Errorf("%#x is offered", uint32(own.Capabilities))
			}
			said := response(nativePlugin, nativeAnswer(saltA, "pw"))
			said.Capabilities |= c.says
			r.client(1, said.Append(nil), Continues, ForBackend)
			got := r.hearsResponse(nativePlugin, nativeAnswer(saltA, "pw"))
			if got.Capabilities != serverCaps&^wire.ClientConnectWithDB|c.want {
				t.Errorf("the backend is told of %#x, want %#x", uint32(got.Capabilities), uint32(serverCaps&^wire.ClientConnectWithDB|c.want))
			}
			r.backend(2, okPacket, LoggedIn, ForNothing)
			if r.Terms().Capabilities != got.Capabilities&c.can {
				t.Errorf("agreed on %#x", uint32(r.Terms().Capabilities))
			}
		})
	}
}

// A backend that lacks what the client was promised is passed over, and told so in a way that it does not count as cut off.
func TestBackendWithFewerCapabilitiesIsPassedOver(t *testing.T) {
	rich := greeting(nativePlugin, saltA)
	rich.Capabilities |= wire.ClientDeprecateEOF
	said := response(nativePlugin, nativeAnswer(saltA, "pw"))
	said.Capabilities |= wire.ClientDeprecateEOF
	r := begun(t, nil, rich)
	r.client(1, said.Append(nil), Continues, ForBackend)
	r.hearsResponse(nativePlugin, nativeAnswer(saltA, "pw"))
	r.fails(ForLease)
	r.greets(greeting(nativePlugin, saltB), BackendFailed, ForLease)
	r.silence()
	if f := r.Failure(); f.Kind != client.Capabilities || !f.Blameless() {
		t.Errorf("%v", f)
	}
	if out, _, due := r.Farewell(nil); !due || !bytes.Contains(out, []byte("segue_client_left")) {
		t.Errorf("%v %q", due, out)
	}
	again := *rich
	again.AuthData = []byte(saltC)
	r.greets(&again, Continues, ForBackend)
	r.hearsResponse(authSwitchPlugin, nil)
}

// A MariaDB client's extended capabilities reach the backend as far as the backend, and the cluster, have them and the relay can carry them.
func TestExtendedCapabilities(t *testing.T) {
	const bulk, multi, cache = wire.MariaDBClientStmtBulkOperations, wire.MariaDBClientComMulti, wire.MariaDBClientCacheMetadata
	g := greeting(nativePlugin, saltA)
	g.Capabilities, g.ExtCapabilities = serverCaps&^wire.ClientLongPassword, bulk|multi|cache
	r := newRig(t, nil)
	var out Output
	r.want(r.Greeted(&out, g, client.Via{}, all, ^cache), Continues, ForClient)
	r.collect(&out)
	if own := r.hearsGreeting(); own.ExtCapabilities != bulk {
		t.Errorf("%#x is offered", own.ExtCapabilities)
	}
	said := response(nativePlugin, nil)
	said.Capabilities &^= wire.ClientLongPassword
	said.SetExtCapabilities(^uint32(0))
	r.client(1, said.Append(nil), Continues, ForBackend)
	if got := r.hearsResponse(nativePlugin, nil); got.ExtCapabilities() != bulk {
		t.Errorf("the backend is told of %#x", got.ExtCapabilities())
	}
	r.backend(2, okPacket, LoggedIn, ForNothing)
	if r.Terms().ExtCapabilities != bulk {
		t.Errorf("agreed on %#x", r.Terms().ExtCapabilities)
	}
	// And what the first backend has another may lack.
	r = begun(t, nil, g)
	r.client(1, said.Append(nil), Continues, ForBackend)
	r.hearsResponse(nativePlugin, nil)
	r.fails(ForLease)
	poor := *g
	poor.ExtCapabilities = 0
	r.greets(&poor, BackendFailed, ForLease)
}

// bugs.md 2: the greeting holds nothing of what lay in the driver's memory before.
func TestBug2_GreetingHoldsNothingOfOthers(t *testing.T) {
	dirty := Output{Client: bytes.Repeat([]byte("secret"), 100)[:0], Backend: bytes.Repeat([]byte("secret"), 1000)[:0]}
	h := New(42, nil)
	h.Greeted(&dirty, greeting(nativePlugin, saltA), client.Via{}, all, 0)
	h.FromClient(&dirty, response(nativePlugin, nil).Append(nil), 1)
	clean := Output{}
	h = New(42, nil)
	h.Greeted(&clean, greeting(nativePlugin, saltA), client.Via{}, all, 0)
	h.FromClient(&clean, response(nativePlugin, nil).Append(nil), 1)
	if !bytes.Equal(dirty.Client, clean.Client) || !bytes.Equal(dirty.Backend, clean.Backend) {
		t.Errorf("%q, %q", dirty.Client, dirty.Backend)
	}
}

// bugs.md 18: nothing that was sent in the clear behind an SSLRequest is taken for anything, in whatever splits it comes.
func TestBug18_BytesBehindAnSSLRequest(t *testing.T) {
	stream, _ := wire.AppendPacket(nil, 1, (&wire.SSLRequest{Capabilities: serverCaps | wire.ClientSSL}).Append(nil))
	stream, _ = wire.AppendPacket(stream, 2, response(nativePlugin, nil).Append(nil))
	stream, _ = wire.AppendPacket(stream, 0, append([]byte{byte(wire.ComQuery)}, "DROP TABLE t"...))
	for _, size := range []int{1, 7, 36, len(stream)} {
		r := begun(t, nil, greeting(nativePlugin, saltA))
		var out Output
		in := wire.NewInbox(client.MaxHandshake)
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			in.Feed(rest[:n])
			rest = rest[n:]
			for r.Waits() == ForClient {
				payload, seq, ok, err := in.Next()
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				r.FromClient(&out, payload, seq)
			}
			in.Keep()
		}
		if r.Waits() != ForNothing || r.End() != Protocol || !strings.Contains(r.Err().Error(), "TLS") || len(out.Backend) > 0 {
			t.Errorf("splits of %d: waits for %d, %v, the backend is told %q", size, r.Waits(), r.Err(), out.Backend)
		}
		refusal := r.Refuse(nil, wire.Err{Code: 1043, State: "08S01", Message: "no"})
		if e := new(wire.Err); e.Decode(refusal[wire.HeaderLen:]) != nil || e.State != "" || refusal[3] != 2 {
			t.Errorf("refused by %q", refusal)
		}
	}
}

// What is no HandshakeResponse41 ends the session, and the backend is not cut off.
func TestGarbageFromTheClient(t *testing.T) {
	for name, payload := range map[string][]byte{
		"http": []byte("GET / HTTP/1.1\r\n\r\n"), "nothing": nil, "short": {1, 2, 3}, "old": {0x85, 0x04, 0, 0, 0},
		"half": response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil)[:40],
	} {
		r := begun(t, nil, greeting(nativePlugin, saltA))
		r.client(1, payload, ClientEnded, ForNothing)
		if r.silence(); r.End() != Protocol || r.Err() == nil {
			t.Errorf("%s: %v", name, r.Err())
		}
		if out, _, due := r.Farewell(nil); !due || !bytes.Contains(out, []byte("segue_client_left")) {
			t.Errorf("%s: %q", name, out)
		}
		if _, _, due := r.Farewell(nil); due {
			t.Errorf("%s: a second farewell", name)
		}
	}
}

// bugs.md 20: how the handshake with a backend ends whose client has left, by how far it had come.
func TestBug20_ClientLeaves(t *testing.T) {
	for name, c := range map[string]struct {
		upTo func() *rig
		due  bool
		want string
	}{
		"before there was a backend": {func() *rig { return newRig(t, nil) }, false, ""},
		"before its answer":          {func() *rig { return begun(t, nil, greeting(nativePlugin, saltA)) }, true, "segue_client_left"},
		"before it has switched": {func() *rig {
			r := relayed(t, nativePlugin, []byte("x"))
			r.backend(2, switchTo(nativePlugin, saltB), Continues, ForClient)
			return r
		}, true, "\x00\x00\x00\x03"},
		"before the verdict": {func() *rig { return relayed(t, nativePlugin, []byte("x")) }, true, ""},
		"when its backend has failed": {func() *rig {
			r := relayed(t, nativePlugin, []byte("x"))
			r.fails(ForLease)
			return r
		}, false, ""},
		"once it is in": {func() *rig {
			r := relayed(t, nativePlugin, []byte("x"))
			r.backend(2, okPacket, LoggedIn, ForNothing)
			return r
		}, false, ""},
	} {
		out, f, due := c.upTo().Farewell(nil)
		if due != c.due || !strings.Contains(string(out), c.want) || c.want == "" && len(out) > 0 {
			t.Errorf("%s: %v, %q", name, due, out)
		}
		if !due {
			continue
		}
		if _, over := f.Hear(nil, errPacket(1045, "Access denied"), 2); !over {
			t.Errorf("%s: it goes on behind the refusal", name)
		}
	}
}

// An ERR_Packet of Segue's has the sequence id that is due, and an SQLSTATE once the client has named its capabilities.
func TestRefuse(t *testing.T) {
	for seq, r := range []*rig{newRig(t, nil), begun(t, nil, greeting(nativePlugin, saltA)), relayed(t, nativePlugin, []byte("x"))} {
		b := r.Refuse([]byte("x"), wire.Err{Code: 3168, State: "08S01", Message: "no"})[1:]
		var e wire.Err
		if err := e.Decode(b[wire.HeaderLen:]); err != nil || int(b[3]) != seq || (e.State != "") != (seq == 2) || e.Message != "no" {
			t.Errorf("at %d: %q", seq, b)
		}
		if r.Waits() != ForNothing {
			t.Errorf("at %d it goes on", seq)
		}
	}
}

// Who speaks out of turn is not followed.
func TestOutOfTurn(t *testing.T) {
	r := relayed(t, nativePlugin, []byte("x"))
	r.client(2, []byte("y"), ClientEnded, ForNothing)
	if r.End() != Protocol || !errors.Is(r.Err(), errTurn) {
		t.Error(r.Err())
	}
	r = begun(t, nil, greeting(nativePlugin, saltA))
	r.backend(1, okPacket, BackendFailed, ForClient)
	r.silence()
	r = newRig(t, nil)
	r.backend(0, okPacket, BackendFailed, ForLease)
}

// A client may announce as much about itself as 64 KiB, and send its first statements behind its login.
func TestAttributesAndWhatIsBehind(t *testing.T) {
	said := response(nativePlugin, nativeAnswer(saltA, "pw"))
	said.Capabilities |= wire.ClientConnectAttrs
	said.Attributes = wire.AppendLenencString(wire.AppendLenencString(nil, "key"), strings.Repeat("x", 64<<10-20))
	stream, _ := wire.AppendPacket(nil, 1, said.Append(nil))
	login := len(stream)
	stream, _ = wire.AppendPacket(stream, 0, append([]byte{byte(wire.ComQuery)}, "SELECT 1"...))
	stream = append(stream, 9, 0, 0) // the beginning of another
	for _, size := range []int{1, 1000, 16 << 10, login, len(stream)} {
		g := greeting(nativePlugin, saltA)
		g.Capabilities |= wire.ClientConnectAttrs
		r := begun(t, nil, g)
		in := wire.NewInbox(client.MaxHandshake)
		var out Output
		buf := make([]byte, size)
		for rest := stream; len(rest) > 0; {
			n := copy(buf, rest)
			rest = rest[n:]
			in.Feed(buf[:n])
			for r.Waits() == ForClient {
				payload, seq, ok, err := in.Next()
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				r.FromClient(&out, payload, seq)
			}
			in.Keep()
		}
		r.collect(&out)
		if got := r.hearsResponse(nativePlugin, nativeAnswer(saltA, "pw")); !bytes.Equal(got.Attributes, said.Attributes) {
			t.Errorf("splits of %d: %d bytes of attributes", size, len(got.Attributes))
		}
		r.backend(2, okPacket, LoggedIn, ForNothing)
		if early := in.Rest(); !bytes.Equal(early, stream[login:]) {
			t.Errorf("splits of %d: %q is handed over", size, early)
		}
	}
}
