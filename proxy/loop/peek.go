package loop

import "syscall"

// Peek asks the kernel what Read would meet, by a system call of its own: bytes, or the end of the stream or a failure. What no event has told yet,
// it tells.
func (c *Conn) Peek() (bytes, end bool) {
	switch {
	case c.flags&(open|making) != open:
		return false, false
	case c.extra != nil && len(c.extra.rest) > 0:
		return true, false
	case c.flags&dry != 0:
		return false, true
	case c.flags&(secured|coded) != 0:
		return c.look()
	case c.fd < 0:
		return c.extra.stream.peek()
	}
	n, errno := peek(c.fd)
	return errno == 0 && n > 0, errno == 0 && n == 0 || errno != 0 && errno != syscall.EAGAIN && errno != syscall.EINTR
}

func (s *stream) peek() (bytes, end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.in) > 0, len(s.in) == 0 && s.inErr != nil
}

// HandTo passes the connection on to another Conn of the same loop, with another owner. It reports false if there is none.
func (c *Conn) HandTo(to *Conn, o Owner) bool {
	if c.flags&(open|making) != open {
		return false
	}
	l := c.loop
	*to, *c = *c, Conn{}
	to.owner = o
	to.flags = to.flags&^(queued|paused) | canRead
	l.slot(to.fd).conn = to
	l.enqueue(to)
	return true
}
