package loop

import "net"

// Adopt makes s c's connection, with l as its loop and o as its owner. What s had to read or to send, o is told of soon. If it fails, s is closed.
func (c *Conn) Adopt(l *Loop, s Socket, o Owner) error {
	if l.closed {
		s.Close()
		return ErrEnded
	}
	s, err := s.on(l)
	if err != nil {
		return err
	}
	*c = Conn{loop: l, owner: o, fd: s.fd, flags: open | s.flags&lasting}
	if len(s.out)+len(s.rest) > 0 || s.err != nil || s.stream != nil || s.tls != nil || s.coding != nil {
		c.extra = &extra{out: s.out, rest: s.rest, err: s.err, stream: s.stream, tls: s.tls, coding: s.coding}
	}
	if err := l.enter(c); err != nil {
		*c = Conn{}
		s.Close()
		return err
	}
	if s.stream != nil {
		s.stream.attach(l, c.key())
	}
	if len(s.out) > 0 {
		c.room(true)
	}
	if len(s.rest) > 0 || c.flags&(dry|failed) != 0 || s.flags&canRead != 0 {
		c.flags |= canRead
		l.enqueue(c)
	}
	return nil
}

// Detach gives up c's connection, with all that is still to be read or sent, for another loop to adopt. One that is being dialled, or that TLS is beginning on,
// cannot be.
func (c *Conn) Detach() (Socket, error) {
	if c.flags&(open|making) != open {
		return Socket{}, net.ErrClosed
	}
	s := Socket{fd: c.fd, ready: true, flags: c.flags & (open | lasting | canRead)}
	if e := c.extra; e != nil {
		s.out, s.rest, s.err, s.stream, s.tls, s.coding = e.out, e.rest, e.err, e.stream, e.tls, e.coding
	}
	l := c.loop
	if s.stream != nil {
		s.stream.detach()
	} else {
		l.poller.remove(c.fd)
	}
	l.leave(c)
	*c = Conn{}
	return s, nil
}

// Close closes the connection, and drops what is pending. Nothing of it is heard any more. What has been received and not read makes the kernel reset
// the connection, and what the peer has not read yet is lost to it: CloseAfterFlush does better.
func (c *Conn) Close() {
	if c.flags&open == 0 {
		return
	}
	l := c.loop
	if e := c.extra; e != nil {
		if e.dial != nil {
			e.dial.cancel(l)
		}
		if e.tls != nil && e.tls.shake != nil {
			e.tls.shake.cancel()
		}
		if e.coding != nil {
			e.coding.codec.Close()
		}
		if e.stream != nil {
			e.stream.close(l.closed)
		}
		l.buffers.give(e.held)
	}
	if c.flags&listens != 0 {
		l.poller.remove(c.fd) // others have the same socket open: to close a descriptor is not enough
	}
	if c.fd >= 0 {
		l.doomed = append(l.doomed, c.fd)
	}
	l.leave(c)
	*c = Conn{}
}
