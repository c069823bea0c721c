package loop

import (
	"math"
	"slices"
)

// Codec translates between what its connection carries and what the owner reads and writes. It is pure: it calls nobody, and decodes nothing that it is not asked for.
type Codec interface {
	// Encode appends b to dst, as it is to be sent.
	Encode(dst, b []byte) []byte
	// Decode puts what is in the head of in into dst, and returns how much that was and how much of in it took; the rest comes again, with what follows it. An error is the
	// connection's end.
	Decode(dst, in []byte) (n, used int, err error)
	// More reports whether Decode would find something in the rest that it has left.
	More(in []byte) bool
	// Close is called once, when the connection is closed.
	Close()
}

// coding is the codec of a connection.
type coding struct {
	codec Codec
	in    []byte // has been received, and not been decoded
	end   bool   // nothing follows that
}

// Code puts a codec upon c, which must have nothing pending: from now on what is read and written is translated. first has been read already, and is to be decoded; it is copied.
// TLS cannot begin any more, and nothing else changes, but:
//
//   - What Write returns as taken, and Pending, are of encoded bytes; of the former no more than there were to be encoded.
//   - What has been received and cannot be decoded before more of it comes is kept.
func (c *Conn) Code(codec Codec, first []byte) {
	if c.flags&(open|making) != open || c.flags&coded != 0 {
		codec.Close()
		return
	}
	e := c.more()
	e.coding = &coding{codec: codec, in: append(slices.Clone(first), e.rest...)}
	e.rest = nil
	c.flags = c.flags&^ahead | coded
	c.lookAgain()
}

// Codec is the one that is upon c; nil: there is none.
func (c *Conn) Codec() Codec {
	if c.extra == nil || c.extra.coding == nil {
		return nil
	}
	return c.extra.coding.codec
}

// Undecoded has b, which was read before the codec began, decoded in front of what follows it. It is copied.
func (c *Conn) Undecoded(b []byte) {
	if c.flags&coded == 0 || len(b) == 0 {
		return
	}
	k := c.extra.coding
	k.in = append(slices.Clone(b), k.in...)
	c.lookAgain()
}

// lookAgain has what is to be decoded read, though no event tells of it.
func (c *Conn) lookAgain() {
	if k := c.extra.coding; k.codec.More(k.in) {
		if c.flags&dry != 0 {
			c.flags &^= dry
			k.end = true
		}
		c.flags |= canRead
		c.loop.enqueue(c)
	}
}

// fill receives once, and puts what is in that into buf.
func (c *Conn) fill(buf []byte) int {
	switch {
	case c.flags&coded != 0:
		return c.decode(buf)
	case c.flags&secured != 0:
		return c.unseal(buf)
	default:
		return c.receive(buf)
	}
}

// decode receives, unless there is something left to be decoded, and decodes as much as there is room for: one read may bring many times as much, which stays as it is until
// it is asked for.
func (c *Conn) decode(buf []byte) (n int) {
	k := c.extra.coding
	if c.flags&dry != 0 {
		return 0
	}
	if k.end || k.codec.More(k.in) {
		n, k.in = c.decoded(buf, k.in)
		k.in = trim(k.in)
	} else {
		in := c.receiveCoded(min(len(buf), mediumRead))
		if len(k.in) > 0 {
			k.in = append(k.in, in...)
			n, k.in = c.decoded(buf, k.in)
			k.in = trim(k.in)
		} else {
			n, in = c.decoded(buf, in)
			k.in = trim(slices.Clone(in))
		}
	}
	switch {
	case c.flags&dry != 0:
	case k.codec.More(k.in):
		c.flags |= canRead
	case k.end:
		c.flags |= dry
	}
	return n
}

// trim gives up the memory of what has been decoded.
func trim(b []byte) []byte {
	switch {
	case len(b) == 0:
		return nil
	case cap(b) > 2*len(b)+smallRead:
		return slices.Clone(b)
	}
	return b
}

// receiveCoded receives once, at most n bytes. An end is kept for when they have been decoded.
func (c *Conn) receiveCoded(n int) []byte {
	pool := &c.loop.buffers
	if n > cap(pool.coded) {
		pool.coded = make([]byte, max(n, smallRead))
	}
	buf := pool.coded[:n]
	if c.flags&secured != 0 {
		n = c.unseal(buf)
	} else {
		n = c.receive(buf)
	}
	if c.flags&dry != 0 {
		c.flags &^= dry
		c.extra.coding.end = true
	}
	return buf[:n]
}

// decoded decodes the head of in, and returns the rest.
func (c *Conn) decoded(buf, in []byte) (int, []byte) {
	n, used, err := c.extra.coding.codec.Decode(buf, in)
	if err != nil {
		if c.flags&failed == 0 {
			c.extra.err = err
		}
		c.flags |= dry | failed
		return n, nil
	}
	return n, in[used:]
}

// encode is Write, of what is to be encoded.
func (c *Conn) encode(b []byte) (n int, err error) {
	if c.Pending() > maxPending {
		return 0, ErrBehind
	}
	for piece := range slices.Chunk(b, codeAtOnce) {
		pool := &c.loop.buffers
		out := c.extra.coding.codec.Encode(pool.encoded[:0], piece)
		pool.encoded = out
		var sent int
		if len(out) > 0 {
			if c.flags&secured != 0 {
				sent, err = c.sealAll(out)
			} else {
				sent, err = c.push(out, math.MaxInt)
			}
		}
		if n += min(sent, len(piece)); err != nil {
			return n, err
		}
	}
	return n, nil
}

// codeAtOnce is how much is encoded before it is sent.
const codeAtOnce = 256 << 10

// uncode gives up the codec of a connection of which nothing is read or written any more.
func (c *Conn) uncode() {
	if c.flags&coded != 0 {
		c.extra.coding.codec.Close()
		c.extra.coding, c.flags = nil, c.flags&^coded
	}
}
