package proxy

import "sync"

const (
	smallBuffer = 16 << 10  // statements and their answers
	largeBuffer = 256 << 10 // once a read has filled a small one
)

// buffers lends out the memory through which bytes pass. A pump holds a buffer only while bytes are in it; nothing that is
// kept may point into one.
type buffers struct {
	small, large sync.Pool
}

func (b *buffers) take(large bool) []byte {
	if large {
		if p, ok := b.large.Get().(*[largeBuffer]byte); ok {
			return p[:]
		}
		return new([largeBuffer]byte)[:]
	}
	if p, ok := b.small.Get().(*[smallBuffer]byte); ok {
		return p[:]
	}
	return new([smallBuffer]byte)[:]
}

// give takes back what take lent.
func (b *buffers) give(buf []byte) {
	if len(buf) == largeBuffer {
		b.large.Put((*[largeBuffer]byte)(buf))
		return
	}
	b.small.Put((*[smallBuffer]byte)(buf))
}
