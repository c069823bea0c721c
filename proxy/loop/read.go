package loop

import (
	"slices"
	"syscall"
)

// What a read takes. One that fills its buffer is followed by a larger one: rows by the megabyte cost half as much that way, and a loop needs but one
// large buffer. Small reads stay in the part of the memory that is in the processor's cache.
const (
	smallRead  = 64 << 10
	mediumRead = 256 << 10
	largeRead  = 1 << 20
	maxSpare   = 8 // buffers that have been used, and are kept
)

// buffers are a loop's: one of each size to read into, and some in which pending bytes were.
type buffers struct {
	small, large []byte
	received     []byte // sealed
	sealed       []byte // to be sent
	coded        []byte // received, and is to be decoded
	encoded      []byte // to be sent
	spare        [][]byte
	returned     [][]byte // will be spare at the end of the turn: until then an owner may hold a part of them that it has read
}

// receive returns a buffer of n bytes to read into, which is good until the next is asked for.
func (b *buffers) receive(n int) []byte {
	switch {
	case n <= smallRead:
		if b.small == nil {
			b.small = make([]byte, smallRead)
		}
		return b.small[:n]
	case n <= largeRead:
		if b.large == nil {
			b.large = b.take(largeRead)
		}
		return b.large[:n]
	}
	return make([]byte, n)
}

// receiveSealed returns a buffer of n bytes for what is to be unsealed into another.
func (b *buffers) receiveSealed(n int) []byte {
	if n > cap(b.received) {
		b.received = make([]byte, n)
	}
	return b.received[:n]
}

// take returns a buffer with room for n bytes.
func (b *buffers) take(n int) []byte {
	for i, s := range b.spare {
		if cap(s) >= n {
			last := len(b.spare) - 1
			b.spare[i], b.spare[last] = b.spare[last], nil
			b.spare = b.spare[:last]
			return s[:n]
		}
	}
	return make([]byte, n)
}

// give takes a buffer back.
func (b *buffers) give(s []byte) {
	if cap(s) >= smallRead {
		b.returned = append(b.returned, s)
	}
}

// turn is the end of one.
func (b *buffers) turn() {
	for i, s := range b.returned {
		if len(b.spare) < maxSpare {
			b.spare = append(b.spare, s)
		}
		b.returned[i] = nil
	}
	b.returned = b.returned[:0]
}

// keep returns s where it outlives the next read, and the buffer in which that is. A large piece of the large buffer is taken with the buffer.
func (b *buffers) keep(s []byte) (kept, held []byte) {
	if len(s) >= mediumRead && within(s, b.large) {
		held, b.large = b.large, nil
		return slices.Clip(s), held // behind it may be what its owner has yet to look at
	}
	held = b.take(max(len(s), smallRead))
	return held[:copy(held, s)], held
}

// within reports whether s is a part of b.
func within(s, b []byte) bool {
	if len(b) == 0 {
		return false
	}
	b = b[:cap(b)]
	at := cap(b) - cap(s) // if both have the same array behind them, and nobody has clipped s
	return at >= 0 && at+len(s) <= len(b) && &b[at] == &s[0]
}

// Read takes what there is to read, but not more than a buffer full. The bytes are good until the next Read from any connection of the loop, or until the
// callback returns. There may be none. Of an end that it meets the owner is told when the callback has returned.
func (c *Conn) Read() []byte {
	if c.flags&(open|making) != open {
		return nil
	}
	c.flags |= asked
	b := c.read()
	if c.flags&(canRead|dry) != 0 && c.loop.serving != c.key() { // nobody else sees to what is left
		c.flags |= canRead
		c.loop.enqueue(c)
	}
	return b
}

func (c *Conn) read() []byte {
	l := c.loop
	n := smallRead
	if c.flags&large != 0 {
		n = mediumRead
		if c.flags&large1 != 0 {
			n = largeRead
		}
	}
	if c.extra == nil {
		buf := l.buffers.receive(n)
		return buf[:c.receive(buf)]
	}
	rest := c.extra.rest
	if n < 2*len(rest) {
		n += len(rest)
	}
	buf := l.buffers.receive(n)
	at := copy(buf, rest)
	c.extra.rest = nil
	c.flags &^= ahead
	return buf[:at+c.fill(buf[at:])]
}

// receive reads once. After a read that has not filled the buffer there is nothing left, and what comes later is announced: to read again, only
// to hear that, would cost a quarter of all system calls. But an end that came with the bytes has been announced with them.
func (c *Conn) receive(buf []byte) int {
	for c.flags&dry == 0 {
		n, errno := c.recv(buf)
		switch {
		case errno == syscall.EINTR:
			continue
		case errno == syscall.EAGAIN:
			c.flags &^= canRead | large
		case errno != 0:
			if c.flags&failed == 0 {
				c.more().err = c.cause(errno)
			}
			c.flags |= dry | failed
		case n == 0:
			c.flags |= dry
		case n == len(buf):
			c.grow()
			c.flags |= canRead
		case c.flags&hungUp != 0:
			c.flags &^= large
		default:
			c.flags &^= large | canRead
		}
		return n
	}
	return 0
}

func (c *Conn) recv(buf []byte) (int, syscall.Errno) {
	if c.fd < 0 {
		return c.extra.stream.recv(buf)
	}
	return recv(c.fd, buf)
}

// grow lets the next read take more.
func (c *Conn) grow() {
	if c.flags&large == 0 {
		c.flags |= large0
	} else {
		c.flags |= large1
	}
}

// Unread has b, which Read has returned the end of, come again in front of what the next Read takes. It is copied: b is to be short, as the
// beginning of a header is, or not to come again and again.
func (c *Conn) Unread(b []byte) {
	if c.flags&open == 0 || len(b) == 0 {
		return
	}
	e := c.more()
	e.rest = append(append(make([]byte, 0, len(b)+len(e.rest)), b...), e.rest...)
}

// AtEnd reports whether nothing but the end of the stream, or a failure, follows what Read has returned.
func (c *Conn) AtEnd() bool {
	switch {
	case c.extra != nil && len(c.extra.rest) > 0, c.flags&(open|making) != open:
		return false
	case c.flags&dry != 0:
		return true
	case c.flags&hungUp == 0:
		return false
	case c.flags&(secured|coded) != 0:
		_, end := c.look()
		return end
	case c.fd < 0:
		_, end := c.extra.stream.peek()
		return end
	}
	n, errno := peek(c.fd)
	return errno == 0 && n == 0 || errno != 0 && errno != syscall.EAGAIN && errno != syscall.EINTR
}
