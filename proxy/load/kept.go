package load

import (
	"sync"
	"sync/atomic"
)

// keptSize is a block of what is kept, where there is so much. Such blocks are used again: a fast load would otherwise have the collector run for each few of them.
const keptSize = 256 << 10

// room is what all bodies together may be kept in.
type room struct {
	used   atomic.Int64
	blocks sync.Pool // of *[keptSize]byte
}

// block is one of keptSize.
func (r *room) block() []byte {
	if b, ok := r.blocks.Get().(*[keptSize]byte); ok {
		return b[:0]
	}
	return make([]byte, 0, keptSize)
}

// reserve takes n bytes, if there are so many of at most so many.
func (r *room) reserve(n, most int64) bool {
	if r.used.Add(n) <= most {
		return true
	}
	r.used.Add(-n)
	return false
}

func (r *room) release(n int64) { r.used.Add(-n) }

// kept is all that has come of a body, in memory.
type kept struct {
	room   *room
	memory int64 // most of all
	most   int64 // of this one
	blocks [][]byte
	size   int64
	held   int64 // reserved
}

// space is where to put what comes next, of which at least one byte is expected and at most so many; nil: there is no room for it.
func (k *kept) space(most int64) []byte {
	if n := len(k.blocks); n > 0 && len(k.blocks[n-1]) < cap(k.blocks[n-1]) {
		last := k.blocks[n-1]
		return last[len(last):cap(last)]
	}
	n := min(most, keptSize, k.most-k.size)
	if n <= 0 || !k.room.reserve(n, k.memory) {
		return nil
	}
	k.held += n
	if n == keptSize {
		k.blocks = append(k.blocks, k.room.block())
	} else {
		k.blocks = append(k.blocks, make([]byte, 0, n))
	}
	return k.blocks[len(k.blocks)-1][:n]
}

// grew says how much of the space has been used.
func (k *kept) grew(n int) {
	last := &k.blocks[len(k.blocks)-1]
	*last = (*last)[:len(*last)+n]
	k.size += int64(n)
}

// put keeps a copy.
func (k *kept) put(b []byte) bool {
	for len(b) > 0 {
		space := k.space(max(int64(len(b)), min(4*k.size, keptSize)))
		if space == nil {
			return false
		}
		n := copy(space, b)
		k.grew(n)
		b = b[n:]
	}
	return true
}

// drop forgets all of it. Nobody has any of its bytes any more.
func (k *kept) drop() {
	for _, block := range k.blocks {
		if cap(block) == keptSize {
			k.room.blocks.Put((*[keptSize]byte)(block[:keptSize]))
		}
	}
	k.room.release(k.held)
	k.blocks, k.size, k.held = nil, 0, 0
}
