package head

import "math"

// maxChunkLine is the longest line before or behind a chunk, and maxTrailer the longest trailer, in bytes.
const (
	maxChunkLine = 4 << 10
	maxTrailer   = 16 << 10
)

// Chunks finds the data in a body that is Chunked (RFC 9112, section 7.1). The zero value stands before its first byte.
type Chunks struct {
	state  chunkState
	left   int64 // of the chunk's data
	digits int
	line   int // bytes of the line so far
	total  int // of the trailer so far
	cr     bool
	inExt  bool
}

type chunkState int

const (
	chunkSize chunkState = iota
	chunkData
	chunkDataEnd // the CR and LF behind the data
	chunkTrailer
	chunkEnd
)

var errChunk = bad("the body is not chunked as it should be (RFC 9112, section 7.1)")

// Done tells whether the last chunk and what follows it have been read.
func (c *Chunks) Done() bool { return c.state == chunkEnd }

// Last tells whether the last chunk has begun: no data is to follow.
func (c *Chunks) Last() bool { return c.state >= chunkTrailer }

// Next takes from b up to the end of the data that it comes by first, and tells which of the taken bytes are data. Without data all of b has been taken, or the body is
// [Chunks.Done]. Its error is an [*Error], and stays.
func (c *Chunks) Next(b []byte) (data []byte, taken int, err error) {
	for at := 0; at < len(b); {
		switch c.state {
		case chunkData:
			n := int(min(c.left, int64(len(b)-at)))
			if c.left -= int64(n); c.left == 0 {
				c.state = chunkDataEnd
			}
			return b[at : at+n], at + n, nil
		case chunkEnd:
			return nil, at, nil
		default: // within a line
		}
		if err := c.step(b[at]); err != nil {
			return nil, at, err
		}
		at++
	}
	return nil, len(b), nil
}

// step takes one byte of a line.
func (c *Chunks) step(b byte) error {
	if c.line++; c.line > maxChunkLine {
		return errChunk
	}
	switch {
	case c.cr:
		if b != '\n' {
			return errChunk
		}
		return c.endLine()
	case b == '\r':
		c.cr = true
		return nil
	case b < ' ' && b != '\t', b == 0x7f:
		return errChunk
	}
	switch c.state {
	case chunkSize:
		return c.digit(b)
	case chunkTrailer:
		if c.total++; c.total > maxTrailer {
			return errChunk
		}
		return nil
	default: // behind the data there is nothing but the end of the line
		return errChunk
	}
}

// digit takes a byte of the line that has the chunk's size. Extensions are passed over.
func (c *Chunks) digit(b byte) error {
	if c.inExt {
		return nil
	}
	d := int64(0)
	switch {
	case b >= '0' && b <= '9':
		d = int64(b - '0')
	case b >= 'a' && b <= 'f':
		d = int64(b-'a') + 10
	case b >= 'A' && b <= 'F':
		d = int64(b-'A') + 10
	case b == ';' && c.digits > 0:
		c.inExt = true
		return nil
	default:
		return errChunk
	}
	if c.digits++; c.left > math.MaxInt64>>5 || c.digits > 16 {
		return errChunk
	}
	c.left = c.left<<4 | d
	return nil
}

// endLine is what comes of the end of a line.
func (c *Chunks) endLine() error {
	empty := c.line == 2
	c.cr, c.line, c.inExt = false, 0, false
	switch c.state {
	case chunkSize:
		if c.digits == 0 {
			return errChunk
		}
		c.digits = 0
		if c.state = chunkData; c.left == 0 {
			c.state = chunkTrailer
		}
	case chunkDataEnd:
		c.state = chunkSize
	case chunkTrailer:
		if empty {
			c.state = chunkEnd
		}
	default: // no line is there
	}
	return nil
}
