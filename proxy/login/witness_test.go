package login

import (
	"testing"

	"segue/backend/wire"
)

// Segue agrees on CLIENT_SESSION_TRACK with the backend alone; the client hears the OK_Packet that it would hear without.
func TestWitness(t *testing.T) {
	const track = wire.ClientSessionTrack
	telling := []byte{0, 0, 0, 2, 0x40, 0, 0, 0, 4, 1, 2, 1, 'd'}
	for name, c := range map[string]struct {
		u                *users
		can, says, agree wire.Capability
		hears            []byte
	}{
		"relayed":                  {&users{witness: true}, track, 0, track, okPacket},
		"answered by Segue":        {&users{witness: true, accounts: known("pw").accounts}, track, 0, track, okPacket},
		"the client's own":         {&users{witness: true}, track, track, track, telling},
		"a server without":         {&users{witness: true}, 0, 0, 0, okPacket},
		"servers that do not tell": {&users{}, track, 0, 0, okPacket},
		"a client that compresses": {&users{witness: true}, track | wire.ClientCompress, wire.ClientCompress, track, okPacket},
	} {
		t.Run(name, func(t *testing.T) {
			g := greeting(nativePlugin, saltA)
			g.Capabilities |= c.can
			r := begun(t, c.u, g)
			said := response(nativePlugin, nativeAnswer(saltA, "pw"))
			said.Capabilities |= c.says
			r.client(1, said.Append(nil), Continues, ForBackend)
			if got := r.hearsResponse(nativePlugin, nativeAnswer(saltA, "pw")).Capabilities & (track | wire.ClientCompress); got != c.agree {
				t.Errorf("the backend is told of %#x", uint32(got))
			}
			if c.agree.Has(track) {
				r.backend(2, telling, LoggedIn, ForNothing)
			} else {
				r.backend(2, okPacket, LoggedIn, ForNothing)
			}
			r.hearsClient(2, c.hears)
			if got := r.Terms().Capabilities & (track | wire.ClientCompress); got != c.agree || r.Response().Capabilities&track != c.says&track {
				t.Errorf("agreed on %#x, and the client has said %#x", uint32(got), uint32(r.Response().Capabilities))
			}
		})
	}
}
