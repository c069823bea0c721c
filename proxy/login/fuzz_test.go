package login

import (
	"bytes"
	"testing"

	"segue/backend/client"
	"segue/backend/wire"
	"segue/backend/wire/wiretest"
)

// FuzzHandshake: whatever the two sides say, in whatever order, whichever of them fails, nobody is let in but by a backend's OK, each side gets whole
// packets whose sequence ids follow what it sent, an end is an end, and no secret is given away.
func FuzzHandshake(f *testing.F) {
	native := response(nativePlugin, nativeAnswer(saltA, "correct horse")).Append(nil)
	sha2 := response(sha2Plugin, sha2Answer(saltA, "correct horse")).Append(nil)
	f.Add([]byte{0, 1, 2}, native, okPacket, okPacket, uint8(0))
	f.Add([]byte{0, 1, 2, 3, 0, 2, 1, 2}, native, switchTo(nativePlugin, saltB), okPacket, uint8(1))
	f.Add([]byte{0, 1, 2, 2, 2, 2}, sha2, fastAuth, okPacket, uint8(2))
	f.Add([]byte{4, 1, 0, 2, 3, 0, 2}, sha2, fullAuth, errPacket(1040, "x"), uint8(6))
	for _, c := range wiretest.Hostile(f, wiretest.Client, wiretest.Response, wiretest.Proof) {
		f.Add([]byte{0, 1, 2, 1, 2}, c.Payload(), switchTo(nativePlugin, saltB), okPacket, uint8(1))
		f.Add([]byte{4, 1, 0, 2, 129, 2}, native, switchTo(nativePlugin, saltB), c.Payload(), uint8(0))
	}
	for _, s := range wiretest.Hostile(f, wiretest.Server, wiretest.Verdict, wiretest.Question) {
		f.Add([]byte{0, 1, 2, 1, 2, 2}, native, s.Payload(), okPacket, uint8(1))
		f.Add([]byte{4, 1, 0, 2, 1, 130}, sha2, s.Payload(), okPacket, uint8(4))
	}
	f.Fuzz(func(t *testing.T, steps, fromClient, fromBackend, another []byte, how uint8) {
		var u Users
		switch how & 3 {
		case 1:
			u = known("correct horse")
		case 2:
			u = hashed("correct horse")
		case 3:
			u = &users{service: client.Service("svc", "correct horse", "u")}
		}
		plugin := nativePlugin
		if how&4 != 0 {
			plugin = sha2Plugin
		}
		h := New(1, u)
		clientSeq, backendSeq := uint8(255), uint8(0)
		for i, step := range steps {
			if i > 300 {
				return
			}
			was := h.Waits()
			var out Output
			var outcome Outcome
			var said []byte
			switch step % 5 {
			case 0:
				if outcome = h.Greeted(&out, greeting(plugin, saltA), client.Via{}, all, ^uint32(0)); was != ForNothing {
					backendSeq = 0
				}
			case 1:
				if said = fromClient; step >= 128 {
					said = another
				}
				clientSeq++
				outcome = h.FromClient(&out, bytes.Clone(said), clientSeq)
			case 2:
				if said = fromBackend; step >= 128 {
					said = another
				}
				backendSeq++
				outcome = h.FromBackend(&out, bytes.Clone(said), backendSeq)
			case 3:
				outcome = h.Fail(closed)
			case 4:
				if h.GreetFirst(&out, greeting(plugin, saltB)); was == ForNothing {
					outcome = ClientEnded
				}
			}
			if was == ForNothing && (outcome != ClientEnded || len(out.Client)+len(out.Backend) > 0 || h.Waits() != ForNothing) {
				t.Fatalf("it goes on behind its end: %d", outcome)
			}
			if outcome == LoggedIn && (step%5 != 2 || len(said) == 0 || said[0] != 0 || was != ForBackend || !bytes.HasSuffix(out.Client, said)) {
				t.Fatalf("let in by %q", said)
			}
			if (outcome == LoggedIn || outcome == ClientEnded) != (h.Waits() == ForNothing) {
				t.Fatalf("outcome %d, waits for %d", outcome, h.Waits())
			}
			whole(t, out.Client, &clientSeq)
			whole(t, out.Backend, &backendSeq)
			if own := bytes.Contains(fromClient, []byte("correct")) || bytes.Contains(another, []byte("correct")) || bytes.Contains(fromBackend, []byte("correct")); !own &&
				(bytes.Contains(out.Client, []byte("correct")) || bytes.Contains(out.Backend, []byte("correct"))) {
				t.Fatal("a secret is given away")
			}
			if h.Waits() == ForBackend && h.Greeting() == nil {
				t.Fatal("it waits for a backend that is not there")
			}
			if outcome == BackendFailed && h.Failure() == nil || outcome == ClientEnded && was != ForNothing && h.Err() == nil {
				t.Fatal("without a cause")
			}
		}
		h.Farewell(nil)
		h.Refuse(nil, wire.Err{Code: 1, State: "08S01"})
		_, _, _ = h.Terms(), h.Credential().String(), h.CanRetry()
	})
}

// whole checks that b is whole packets whose sequence ids follow seq.
func whole(t *testing.T, b []byte, seq *uint8) {
	t.Helper()
	in := wire.NewInbox(1 << 20)
	in.Feed(b)
	for {
		_, got, ok, err := in.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		if got != *seq+1 {
			t.Fatalf("sequence id %d follows %d", got, *seq)
		}
		*seq = got
	}
	if len(in.Rest()) > 0 {
		t.Fatalf("%q is no packet", in.Rest())
	}
}
