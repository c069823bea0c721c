package compress_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"segue/backend/compress"
)

// BenchmarkCodec is what compression costs, and what it leaves: of a statement of some hundred bytes, and of rows as an application has them.
func BenchmarkCodec(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	var rows []byte
	for id := range 12000 {
		rows = append(rows, pkt(uint8(id), fmt.Sprintf("\x05%05d\x0acustomer-%06d\x132026-11-%02d 12:%02d:%02d\x08%08.2f\x06active", id, random.IntN(1e6), 1+id%30, random.IntN(60),
			random.IntN(60), random.Float64()*1e5))...)
	}
	for what, said := range map[string][]byte{
		"statement": pkt(0, "\x03SELECT id, name, created_at, amount, status FROM orders WHERE customer = 482211 AND status IN ('active', 'paid') AND created_at > '2026-11-01 00:00:00' ORDER BY created_at DESC LIMIT 50"),
		"rows":      rows,
	} {
		for _, a := range []compress.Algorithm{compress.Zlib, compress.Zstd} {
			wired := compress.New(a, true).Encode(nil, said)
			b.Run(what+"/encode/"+a.String(), func(b *testing.B) {
				c, out := compress.New(a, true), make([]byte, 0, 2*len(said))
				b.SetBytes(int64(len(said)))
				for b.Loop() {
					out = c.Encode(out[:0], said)
				}
				b.ReportMetric(float64(len(wired))/float64(len(said)), "size")
			})
			b.Run(what+"/decode/"+a.String(), func(b *testing.B) {
				c, dst := compress.New(a, false), make([]byte, 256<<10)
				b.SetBytes(int64(len(said)))
				for b.Loop() {
					for rest := wired; len(rest) > 0; {
						_, used, err := c.Decode(dst, rest)
						if err != nil {
							b.Fatal(err)
						}
						rest = rest[used:]
					}
				}
			})
		}
	}
}
