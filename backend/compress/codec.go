package compress

import (
	"bytes"
	"errors"
	"fmt"

	"segue/backend/wire"
)

const (
	// HeaderLen is the length of a compressed packet's header.
	HeaderLen = 7
	// minLength is what is worth compressing: MIN_COMPRESS_LENGTH of the servers.
	minLength = 50
	// maxContent is how much goes into one compressed packet. zlib looks back no further than 32 KiB, and who receives it needs room for all of it.
	maxContent = 64 << 10
)

// ErrContent is wrapped by the error of a packet whose content is not what its header says.
var ErrContent = errors.New("compressed packet")

// Codec is one connection in its compressed phase, seen from one end. An idle one holds no more than its own struct: what compresses is lent to it for a call, or, where
// the content of one packet is read piece by piece, until all of that has been.
type Codec struct {
	algorithm Algorithm
	toClient  bool // the peer is a client

	// What is received.
	open *inflater // in the middle of a packet; nil: none is
	left int       // bytes of content that are still to come, from open or as they are
	seq  uint8     // of the compressed packet at hand
	jump bool      // it does not follow the one before it
	head bool      // nothing of its content has been seen

	in, out stream
	numbers
}

// New returns the codec of one end: toClient if the peer is a client, otherwise it is a server.
func New(a Algorithm, toClient bool) *Codec {
	return &Codec{algorithm: a, toClient: toClient, numbers: numbers{settled: true}}
}

// Algorithm is how it compresses.
func (c *Codec) Algorithm() Algorithm { return c.algorithm }

// header of a compressed packet.
func header(b []byte) (size int, seq uint8, length int) {
	size, seq = wire.DecodeHeader(b)
	return size, seq, int(b[4]) | int(b[5])<<8 | int(b[6])<<16
}

// More reports whether Decode would find something in what has been received and not decoded.
func (c *Codec) More(in []byte) bool {
	switch {
	case c.open != nil:
		return true
	case c.left > 0:
		return len(in) > 0
	case len(in) < HeaderLen:
		return false
	}
	size, _, length := header(in)
	return length == 0 || len(in) >= HeaderLen+size
}

// Decode puts what is in the head of in into dst, which must have some room, and returns how much that was and how much of in it took. The rest of in is to come again, with what follows
// it. A packet that fits is put there at once; a longer one piece by piece. One that is not whole waits, unless it is stored as it is. The error wraps [ErrContent].
func (c *Codec) Decode(dst, in []byte) (n, used int, err error) {
	for n < len(dst) {
		m := 0
		switch {
		case c.open != nil:
			m, err = c.inflate(dst[n:])
		case c.left > 0:
			m = copy(dst[n:min(len(dst), n+c.left)], in[used:])
			if m == 0 {
				return n, used, nil
			}
			used += m
			c.left -= m
		default:
			rest := in[used:]
			if !c.More(rest) {
				return n, used, nil
			}
			size, seq, length := header(rest)
			if length > len(dst)-n && n > 0 { // it does fit, or begins, when there is more room
				return n, used, nil
			}
			c.begin(seq)
			used += HeaderLen
			if length == 0 {
				c.left = size
				continue
			}
			used += size
			m, err = c.content(dst[n:], rest[HeaderLen:HeaderLen+size], length)
		}
		if err != nil {
			return n, used, fmt.Errorf("%w: %w", ErrContent, err)
		}
		c.see(dst[n : n+m])
		n += m
	}
	return n, used, nil
}

// begin is the beginning of a compressed packet.
func (c *Codec) begin(seq uint8) {
	c.jump, c.head, c.seq = seq != c.seq+1, true, seq
}

// content takes the content of a packet, which uncompressed is to be of that length: all of it, or as much as there is room for.
func (c *Codec) content(dst, b []byte, length int) (int, error) {
	if length <= len(dst) {
		return length, unpack(c.algorithm, dst[:length], b)
	}
	c.open, c.left = newInflater(c.algorithm), length
	if err := c.open.begin(bytes.Clone(b)); err != nil {
		return 0, err
	}
	return c.inflate(dst)
}

// inflate reads on in the packet at hand.
func (c *Codec) inflate(dst []byte) (int, error) {
	n := min(len(dst), c.left)
	if err := c.open.fill(dst[:n]); err != nil {
		return 0, err
	}
	if c.left -= n; c.left == 0 {
		err := c.open.end()
		c.open.give()
		c.open = nil
		return n, err
	}
	return n, nil
}

// Encode appends b to dst, as it is to be sent. The beginning of a packet's header is kept until the rest of that comes.
func (c *Codec) Encode(dst, b []byte) []byte {
	var at, from int
	b = c.out.whole(b)
	own := false // b is
	for at < len(b) {
		if n := c.out.skip(len(b) - at); n > 0 {
			at += n
			continue
		}
		if len(b)-at < wire.HeaderLen {
			c.out.keep(b[at:])
			break
		}
		size, seq := wire.DecodeHeader(b[at:])
		if c.sends(c.toClient, c.seq, seq, c.out.full) {
			dst = c.pack(dst, b[from:at])
			from, c.next = at, c.start
		}
		if c.delta != 0 {
			if !own {
				b, own = bytes.Clone(b), true
			}
			b[at+3] = seq + c.delta
		}
		c.out.begin(size)
		at += wire.HeaderLen
	}
	return c.pack(dst, b[from:at])
}

// pack appends compressed packets with b.
func (c *Codec) pack(dst, b []byte) []byte {
	for len(b) > 0 {
		piece := b[:min(len(b), maxContent)]
		b = b[len(piece):]
		at, length := len(dst), 0
		dst = append(dst, make([]byte, HeaderLen)...)
		if len(piece) >= minLength {
			if packed := deflate(c.algorithm, dst, piece); len(packed)-at-HeaderLen < len(piece) {
				dst, length = packed, len(piece)
			}
		}
		if length == 0 {
			dst = append(dst[:at+HeaderLen], piece...)
		}
		wire.PutHeader(dst[at:], len(dst)-at-HeaderLen, c.next)
		dst[at+4], dst[at+5], dst[at+6] = byte(length), byte(length>>8), byte(length>>16)
		c.next++
	}
	return dst
}

// see follows content that has been received, and gives packets the ids that they have uncompressed.
func (c *Codec) see(b []byte) {
	for len(b) > 0 {
		if n := c.in.skip(len(b)); n > 0 {
			b, c.head = b[n:], false
			continue
		}
		if c.in.have == 0 {
			c.in.cut = !c.head || !c.jump
		}
		c.in.part[c.in.have] = b[0]
		if c.in.have++; c.in.have == wire.HeaderLen {
			size, seq := wire.DecodeHeader(c.in.part[:])
			b[0] = c.hears(c.toClient, seq, c.in.full, !c.in.cut)
			c.in.have = 0
			c.in.begin(size)
		}
		b, c.head = b[1:], false
	}
}

// Close gives back what was lent. The codec is of no use any more.
func (c *Codec) Close() {
	if c.open != nil {
		c.open.give()
		c.open, c.left = nil, 0
	}
}
