package load

import "sync/atomic"

// room is what all bodies together may be kept in.
type room struct{ used atomic.Int64 }

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
	n := min(most, blockSize, k.most-k.size)
	if n <= 0 || !k.room.reserve(n, k.memory) {
		return nil
	}
	k.held += n
	k.blocks = append(k.blocks, make([]byte, 0, n))
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
		space := k.space(blockSize)
		if space == nil {
			return false
		}
		n := copy(space, b)
		k.grew(n)
		b = b[n:]
	}
	return true
}

// drop forgets all of it.
func (k *kept) drop() {
	k.room.release(k.held)
	k.blocks, k.size, k.held = nil, 0, 0
}
