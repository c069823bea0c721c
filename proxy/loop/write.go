package loop

import (
	"errors"
	"net"
	"syscall"
)

// ErrBehind is the error of a Write for a peer that takes so little that more is pending than anybody should have written.
var ErrBehind = errors.New("the peer is too far behind")

// maxPending is how much may be pending when something is added to it. It is there to bound what a mistake of an owner costs: one that pauses
// its source has at most what it has read once, or what it has made up itself.
const maxPending = 16 << 20

// Write sends b. What the kernel does not take now is kept, and sent as the peer makes room: Pending says how much that is, and the owner's Writable is
// called when it has gone. n is what the kernel has taken. If b is not sent whole, and never will be, err says why; nothing of it is kept then.
func (c *Conn) Write(b []byte) (n int, err error) {
	if c.flags&(open|making|failed|finishing|finished|secured|coded) != open {
		return c.writeOtherwise(b)
	}
	return c.push(b, maxPending)
}

// push sends b as it is, if no more than limit is pending.
func (c *Conn) push(b []byte, limit int) (n int, err error) {
	if c.extra == nil || len(c.extra.out) == 0 {
		var errno syscall.Errno
		n, errno = c.send(b)
		if n == len(b) {
			return n, nil
		}
		if errno != syscall.EAGAIN && errno != 0 {
			c.fail(c.cause(errno))
			return n, c.extra.err
		}
	}
	return n, c.pend(b[n:], limit)
}

// unwritable is why nothing can be written.
func (c *Conn) unwritable() error {
	switch {
	case c.flags&open == 0:
		return net.ErrClosed
	case c.flags&making != 0:
		return syscall.ENOTCONN
	case c.flags&failed != 0:
		return c.extra.err
	}
	return syscall.EPIPE
}

// Pending is how much has been written and not yet been sent.
func (c *Conn) Pending() int {
	if c.extra == nil {
		return 0
	}
	return len(c.extra.out)
}

// pend keeps b to be sent, if no more than limit is.
func (c *Conn) pend(b []byte, limit int) error {
	e, pool := c.more(), &c.loop.buffers
	switch n := len(e.out); {
	case n == 0:
		e.out, e.held = pool.keep(b)
		c.room(true)
	case n > limit:
		return ErrBehind
	case cap(e.out)-n >= len(b):
		e.out = append(e.out, b...)
	default:
		held := pool.take(max(2*n, n+len(b), smallRead))
		out := append(append(held[:0], e.out...), b...)
		pool.give(e.held)
		e.out, e.held = out, held
	}
	return nil
}

// room has the kernel tell when there is room, or not, where it does not always: on a UNIX socket.
func (c *Conn) room(tell bool) {
	if c.flags&local != 0 && c.fd >= 0 {
		c.loop.poller.room(c.fd, c.key().gen, tell)
	}
}

// send sends what the kernel takes of b.
func (c *Conn) send(b []byte) (n int, errno syscall.Errno) {
	for n < len(b) {
		var sent int
		if c.fd < 0 {
			sent, errno = c.extra.stream.send(b[n:])
		} else {
			sent, errno = send(c.fd, b[n:])
		}
		if n += sent; errno != syscall.EINTR { // after a part of it there is no room: an event tells of some
			return n, errno
		}
	}
	return n, 0
}

// flush sends what is pending.
func (c *Conn) flush() {
	e := c.extra
	if e == nil || len(e.out) == 0 {
		return
	}
	n, errno := c.send(e.out)
	switch e.out = e.out[n:]; {
	case len(e.out) == 0:
	case errno == 0, errno == syscall.EAGAIN:
		return
	default:
		c.fail(c.cause(errno))
	}
	c.loop.buffers.give(e.held)
	e.out, e.held = nil, nil
	c.room(false)
	c.tidy()
	c.finish()
	c.owner.Writable(c)
}

// Finish sends b, which may be empty, and closes our sending side behind it and all that is pending. The end travels in one segment with the last
// bytes: the peer sees it before it can say anything more.
func (c *Conn) Finish(b []byte) error {
	if c.flags&(open|making|failed|finishing|finished) != open {
		return c.unwritable()
	}
	if (len(b)+c.Pending() > 0 || c.flags&secured != 0) && c.fd >= 0 {
		cork(c.fd)
	}
	if len(b) > 0 {
		if _, err := c.Write(b); err != nil {
			return err
		}
	}
	if c.flags&secured != 0 {
		if err := c.sealEnd(); err != nil {
			return err
		}
	}
	c.flags |= finishing
	c.finish()
	return nil
}

// finish sends the FIN once nothing is pending any more.
func (c *Conn) finish() {
	if c.flags&(finishing|failed) != finishing || c.Pending() > 0 {
		return
	}
	c.flags = c.flags&^finishing | finished
	if c.fd < 0 {
		c.extra.stream.finish()
	} else {
		shutdown(c.fd)
	}
}
