package compress

import (
	"fmt"

	"segue/backend/wire"
)

// Algorithm is how packets are compressed.
type Algorithm uint8

// The algorithms.
const (
	Off Algorithm = iota
	Zlib
	Zstd
)

var names = [...]string{"off", "zlib", "zstd"}

// String gives the word that the configuration has for it.
func (a Algorithm) String() string { return names[a] }

// Parse is String backwards.
func Parse(word string) (Algorithm, error) {
	for i, name := range names {
		if name == word {
			return Algorithm(i), nil
		}
	}
	return Off, fmt.Errorf("unknown compression %q", word)
}

// Capabilities are those of all algorithms.
const Capabilities = wire.ClientCompress | wire.ClientZstdCompressionAlgorithm

// Capability is the one by which a is agreed upon; none for Off.
func (a Algorithm) Capability() wire.Capability {
	switch a {
	case Zlib:
		return wire.ClientCompress
	case Zstd:
		return wire.ClientZstdCompressionAlgorithm
	default:
		return 0
	}
}

// Agreed is what two sides use that both have caps: zlib before zstd, as servers and libraries have it.
func Agreed(caps wire.Capability) Algorithm {
	switch {
	case caps.Has(wire.ClientCompress):
		return Zlib
	case caps.Has(wire.ClientZstdCompressionAlgorithm):
		return Zstd
	default:
		return Off
	}
}

// ZstdLevel is the level of zstd that is asked for by default, as by MySQL's clients.
const ZstdLevel = 3
