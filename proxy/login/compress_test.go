package login

import (
	"testing"

	"segue/backend/client"
	"segue/backend/compress"
	"segue/backend/wire"
)

// Compression is agreed upon with each side alone: what the other can or wants is nothing to it, and neither hears of it.
func TestCompressionOfEachSide(t *testing.T) {
	const both, zlib, zstd = compress.Capabilities, wire.ClientCompress, wire.ClientZstdCompressionAlgorithm
	for name, c := range map[string]struct {
		can, says           wire.Capability
		asked               compress.Algorithm
		told                wire.Capability
		withClient, withOwn compress.Algorithm
	}{
		"nobody wants any":         {both, 0, compress.Off, 0, compress.Off, compress.Off},
		"the client, a server not": {0, zlib, compress.Off, 0, compress.Zlib, compress.Off},
		"the client, by zstd":      {both, zstd, compress.Off, 0, compress.Zstd, compress.Off},
		"zlib goes before zstd":    {both, both, compress.Off, 0, compress.Zlib, compress.Off},
		"Segue":                    {both, 0, compress.Zstd, zstd, compress.Off, compress.Zstd},
		"each by another":          {both, zlib, compress.Zstd, zstd, compress.Zlib, compress.Zstd},
		"Segue, of who cannot":     {zlib, 0, compress.Zstd, 0, compress.Off, compress.Off},
	} {
		for _, answers := range []*users{{}, known("pw")} { // the client, and Segue
			t.Run(name, func(t *testing.T) {
				answers.policy.Compression = c.asked
				g := greeting(nativePlugin, saltA)
				g.Capabilities |= c.can
				r := begun(t, answers, g)
				said := response(nativePlugin, nativeAnswer(saltA, "pw"))
				said.Capabilities |= c.says
				if said.Capabilities.Has(zstd) {
					said.ZstdLevel = 7
				}
				r.client(1, said.Append(nil), Continues, ForBackend)
				got := r.hearsResponse(nativePlugin, nativeAnswer(saltA, "pw"))
				if got.Capabilities&both != c.told || got.Capabilities.Has(zstd) != (got.ZstdLevel == compress.ZstdLevel) || len(got.Trailer) > 0 {
					t.Errorf("the backend is told of %#x, level %d, and %q", uint32(got.Capabilities&both), got.ZstdLevel, got.Trailer)
				}
				r.backend(2, okPacket, LoggedIn, ForNothing)
				r.hearsClient(2, okPacket)
				if client, own := r.Compression(); client != c.withClient || own != c.withOwn {
					t.Errorf("compressed by %s and %s", client, own)
				}
				if (r.Response().Capabilities|r.Terms().Capabilities)&both != 0 {
					t.Error("whoever follows hears of it")
				}
				if hello := client.NewHello(r.Response()).Response(); hello.Capabilities&both != 0 || hello.ZstdLevel != 0 {
					t.Errorf("later logins are told of it: %+v", hello)
				}
			})
		}
	}
}
