package loop

import (
	"io"
	"math"
	"slices"
)

const (
	// maxRecord is what may be in one (RFC 8446, 5.1), and more than crypto/tls can have of an unfinished one, unsealed.
	maxRecord = 16 << 10
	// sealAtOnce is how much is sealed before it is sent: it should be in the processor's cache when the kernel copies it.
	sealAtOnce = 256 << 10
	// maxOwed is what a peer may make us write that reads nothing of it: answers to key updates, which are otherwise bounded by nothing.
	maxOwed = 64 << 10
)

// unseal receives once, and reads all that is in it into buf. What crypto/tls has of an unfinished record and what is received must together fit in there:
// so nothing is ever left of either, but the beginning of a record.
func (c *Conn) unseal(buf []byte) (n int) {
	if c.flags&dry != 0 {
		return 0
	}
	s, pool := c.extra.tls, &c.loop.buffers
	s.in = c.receiveSealed(len(buf) - maxRecord)
	if len(s.in) > 0 && !s.broken || s.end {
		received := len(s.in)
		s.out = pool.sealed[:0]
		n = c.decrypt(buf)
		if n < received/2 { // small records, or none that bring anything: no more of that at a time than can be helped
			c.flags &^= large
		}
		c.answer()
	}
	s.in = nil
	return n
}

// receiveSealed receives at most n bytes.
func (c *Conn) receiveSealed(n int) []byte {
	s := c.extra.tls
	if len(s.rest) > 0 {
		b := s.rest[:min(n, len(s.rest))]
		if s.rest = s.rest[len(b):]; len(s.rest) == 0 {
			s.rest = nil
		}
		c.flags |= canRead
		return b
	}
	buf := c.loop.buffers.receiveSealed(n)
	b := buf[:c.receive(buf)]
	if c.flags&(dry|failed) == dry && !s.broken { // that depends on what it says
		c.flags &^= dry
		s.end = true
	}
	return b
}

// decrypt reads into buf what is in what has been received.
func (c *Conn) decrypt(buf []byte) (n int) {
	s := c.extra.tls
	for {
		m, err := s.conn.Read(buf[n:])
		if n += m; err != nil {
			c.unreadable(err)
			return n
		}
		if len(s.in) == 0 && s.records.between() && !s.end { // to ask for more, only to hear that there is nothing, costs as much again
			return n
		}
	}
}

// unreadable notes why nothing can be read now.
func (c *Conn) unreadable(err error) {
	switch err {
	case errNothing: //nolint:errorlint // they are never wrapped
	case io.EOF:
		c.flags |= dry
	default:
		if c.flags&failed == 0 {
			c.extra.err = err
		}
		c.flags |= dry | failed
	}
}

// answer sends what reading has made crypto/tls say: an alert, or new keys.
func (c *Conn) answer() {
	s := c.extra.tls
	sealed := s.written(&c.loop.buffers)
	if len(sealed) == 0 || c.flags&(finishing|finished) != 0 {
		return
	}
	if c.Pending() == 0 {
		s.owed = 0
	}
	if s.owed += len(sealed); s.owed > maxOwed {
		c.fail(ErrBehind)
		c.flags |= dry
		return
	}
	_, _ = c.push(sealed, math.MaxInt) // what fails is told behind what has been read
}

// written takes what crypto/tls has written. It is good until something else is sealed.
func (s *secure) written(pool *buffers) []byte {
	sealed := s.out
	pool.sealed, s.out = sealed, nil
	return sealed
}

// seal is Write, of what is to be sealed.
func (c *Conn) seal(b []byte) (n int, err error) {
	if c.Pending() > maxPending {
		return 0, ErrBehind
	}
	return c.sealAll(b)
}

// sealAll is seal, however much is pending.
func (c *Conn) sealAll(b []byte) (n int, err error) {
	for piece := range slices.Chunk(b, sealAtOnce) {
		sent, err := c.sealed(func(s *secure) error { _, err := s.conn.Write(piece); return err })
		if n += min(sent, len(piece)); err != nil {
			return n, err
		}
	}
	return n, nil
}

// sealed sends what crypto/tls writes when it is called. All of that has to be: without it the peer understands nothing that follows.
func (c *Conn) sealed(call func(s *secure) error) (sent int, err error) {
	s, pool := c.extra.tls, &c.loop.buffers
	s.out = pool.sealed[:0]
	err = call(s)
	b := s.written(pool)
	if err != nil {
		c.fail(err)
		return 0, c.extra.err
	}
	return c.push(b, math.MaxInt)
}

// sealEnd sends a close_notify.
func (c *Conn) sealEnd() error {
	if c.extra.tls.broken {
		return nil
	}
	_, err := c.sealed(func(s *secure) error { return s.conn.CloseWrite() })
	return err
}

// look reads on to know what follows, and has that read again.
func (c *Conn) look() (bytes, end bool) {
	pool := &c.loop.buffers
	buf := pool.take(smallRead)
	defer pool.give(buf)
	n := c.fill(buf)
	for range 8 { // records with nothing in them, parts of what is to be decoded
		if n > 0 || c.flags&(canRead|dry) != canRead {
			break
		}
		n = c.fill(buf)
	}
	if n > 0 {
		c.extra.rest = slices.Clone(buf[:n])
		c.flags |= ahead
	}
	if n > 0 || c.flags&dry != 0 {
		c.flags |= canRead
		c.loop.enqueue(c)
	}
	undecoded := c.flags&coded != 0 && len(c.extra.coding.in) > 0
	return n > 0 || undecoded && c.flags&dry == 0, n == 0 && c.flags&dry != 0
}
