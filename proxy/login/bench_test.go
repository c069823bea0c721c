package login

import (
	"testing"

	"segue/backend/client"
	"segue/backend/wire"
)

// login is one whole login with memory that is used again, as an event loop has it.
func (h *Handshake) login(tb testing.TB, out *Output, u Users, greeted, said []byte) {
	tb.Helper()
	h.Reset(42, u)
	out.Client, out.Backend = out.Client[:0], out.Backend[:0]
	from, backend := wire.NewInbox(client.MaxHandshake), wire.NewInbox(client.MaxHandshake)
	backend.Feed(greeted)
	payload, _, _, _ := backend.Next()
	g := new(wire.HandshakeV10)
	if g.Decode(payload) != nil || h.Greeted(out, g, client.Via{}, all, 0) != Continues {
		tb.Fatal("not greeted")
	}
	from.Feed(said)
	payload, seq, _, _ := from.Next()
	h.FromClient(out, payload, seq)
	if h.FromBackend(out, okPacket, 2) != LoggedIn {
		tb.Fatal("not logged in")
	}
}

// A login allocates what its messages hold, and little else.
func TestAllocations(t *testing.T) {
	greeted, _ := wire.AppendPacket(nil, 0, greeting(nativePlugin, saltA).Append(nil))
	said, _ := wire.AppendPacket(nil, 1, response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil))
	for name, c := range map[string]struct {
		users Users
		most  float64
	}{"relayed": {nil, 8}, "answered by Segue": {known("pw"), 9}} {
		h, out := new(Handshake), new(Output)
		if n := testing.AllocsPerRun(100, func() { h.login(t, out, c.users, greeted, said) }); n > c.most {
			t.Errorf("%s: %v allocations, want %v at most", name, n, c.most)
		} else {
			t.Logf("%s: %v", name, n)
		}
	}
}

func BenchmarkLogin(b *testing.B) {
	greeted, _ := wire.AppendPacket(nil, 0, greeting(nativePlugin, saltA).Append(nil))
	said, _ := wire.AppendPacket(nil, 1, response(nativePlugin, nativeAnswer(saltA, "pw")).Append(nil))
	for name, u := range map[string]Users{"relayed": nil, "answered": known("pw")} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			h, out := new(Handshake), new(Output)
			for b.Loop() {
				h.login(b, out, u, greeted, said)
			}
		})
	}
}
