package loop

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// fullPause is how long a UNIX socket whose queue is full is left alone. A TCP handshake waits there for itself, and is repeated by the kernel; connect(2) of a
// UNIX socket fails at once, and nothing tells when there is room.
const fullPause = int64(5 * time.Millisecond)

// isFull reports whether somebody listens on a UNIX socket who has not got round to accepting.
func isFull(addr net.Addr, err error) bool {
	return addr.Network() == "unix" && errors.Is(err, syscall.EAGAIN)
}

// wait has the address dialed again soon, unless it is due by then. Meanwhile the connection has no descriptor.
func (d *dialing) wait(l *Loop) {
	d.full = true
	l.Arm(&d.timer, d, min(l.Now()+fullPause, d.due))
}

// again dials once more.
func (d *dialing) again(l *Loop) {
	c := d.conn
	if l.portable() {
		d.full = false
		l.Arm(&d.timer, d, d.due)
		d.feed(l)
		return
	}
	fd, errno, err := dial(d.addr)
	switch {
	case isFull(d.addr, err):
		d.wait(l)
		return
	case err != nil:
		c.dialFailed(err)
		return
	}
	place := c.fd
	c.fd = fd
	if err := l.enter(c); err != nil {
		closeSocket(fd)
		c.fd = place
		c.dialFailed(err)
		return
	}
	l.leave(&Conn{fd: place})
	d.full = false
	l.Arm(&d.timer, d, d.due)
	if errno == 0 {
		c.flags |= canWrite
		l.enqueue(c)
	}
}
