package loop

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
)

// dialing is a connection that is being made.
type dialing struct {
	conn  *Conn
	timer Timer
	port  uint16 // of the address; 0: it is no TCP address
	// Of a UNIX socket:
	addr net.Addr
	due  int64
	full bool // its queue is: it is asked again, see wait
	// Where a goroutine dials:
	stop    func()
	outcome *dialed
}

// dialed is what has become of it.
type dialed struct {
	nc     net.Conn
	stream medium // in place of nc
	err    error
}

// medium is what the connection consists of; nil: there is none.
func (d *dialed) medium() medium {
	if d.stream == nil && d.nc != nil {
		return newStream(d.nc)
	}
	return d.stream
}

// drop closes what nobody wants any more.
func (d *dialed) drop() {
	switch {
	case d.stream != nil:
		d.stream.close(true)
	case d.nc != nil:
		_ = d.nc.Close()
	}
}

// Dial connects c to addr, a *net.TCPAddr or *net.UnixAddr. o hears how it went: by Writable, or by Ended with the error, which is os.ErrDeadlineExceeded
// if there has been no answer by due; c is closed then. If Dial itself fails, nothing is heard.
func (c *Conn) Dial(l *Loop, addr net.Addr, due int64, o Owner) error {
	if l.closed {
		return ErrEnded
	}
	fd, errno := int32(-1), syscall.EINPROGRESS
	d := &dialing{conn: c, addr: addr, due: due}
	if !l.portable() {
		var err error
		if fd, errno, err = dial(addr); err != nil {
			if d.full = isFull(addr, err); !d.full {
				return err
			}
		}
	}
	if to, ok := addr.(*net.TCPAddr); ok {
		d.port = uint16(to.Port)
	}
	*c = Conn{loop: l, owner: o, fd: fd, flags: open | dialling, extra: &extra{dial: d}}
	if addr.Network() == "unix" {
		c.flags |= local
	}
	if err := l.enter(c); err != nil {
		closeSocket(fd)
		*c = Conn{}
		return err
	}
	l.Arm(&d.timer, d, due)
	switch {
	case d.full:
		d.wait(l)
	case l.opts.Dialer != nil:
		d.stop = l.dialPlayed(c.key(), addr)
	case fd < 0:
		d.feed(l)
	case errno == 0:
		c.flags |= canWrite
		l.enqueue(c)
	}
	return nil
}

// feed has a goroutine dial.
func (d *dialing) feed(l *Loop) {
	var ctx context.Context
	ctx, d.stop = context.WithCancel(context.Background())
	l.feeders.Add(1)
	go l.dialFor(ctx, d.conn.key(), d.addr)
}

// Expired implements TimerOwner.
func (d *dialing) Expired(*Timer) {
	if l := d.conn.loop; d.full && l.Now() < d.due {
		d.again(l)
		return
	}
	d.conn.dialFailed(os.ErrDeadlineExceeded)
}

// cancel gives the connection up.
func (d *dialing) cancel(l *Loop) {
	l.Stop(&d.timer)
	if d.stop != nil {
		d.stop()
	}
	if d.outcome != nil {
		d.outcome.drop()
	}
}

// connected finds out how a dial went.
func (l *Loop) connected(c *Conn) {
	d := c.extra.dial
	switch {
	case d.full:
		return // whatever was queued before
	case d.outcome != nil && isFull(d.addr, d.outcome.err):
		d.outcome = nil
		d.stop()
		d.wait(l)
		return
	case d.outcome != nil && d.outcome.err != nil:
		c.dialFailed(d.outcome.err)
		return
	case d.outcome != nil:
		c.extra.stream = d.outcome.medium()
		d.outcome = nil
		c.extra.stream.attach(l, c.key())
	case c.fd < 0, c.flags&canWrite == 0:
		return
	default:
		errno := socketError(c.fd)
		if errno == 0 && selfConnected(c.fd, d.port) {
			errno = syscall.ECONNREFUSED
		}
		if errno != 0 {
			c.dialFailed(errno)
			return
		}
	}
	d.cancel(l)
	c.extra.dial = nil
	c.tidy()
	c.flags &^= dialling
	c.owner.Writable(c)
}

func (c *Conn) dialFailed(err error) {
	l, o := c.loop, c.owner
	c.Close()
	l.current = o
	o.Ended(c, err)
}

// dialFor is the goroutine that dials where there is no epoll.
func (l *Loop) dialFor(ctx context.Context, k key, addr net.Addr) {
	defer l.feeders.Done()
	var d net.Dialer
	nc, err := d.DialContext(ctx, addr.Network(), addr.String())
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		err = errno
	}
	if !l.mail.tell(event{key: k, bits: canWrite, dial: &dialed{nc: nc, err: err}}) && nc != nil {
		_ = nc.Close()
	}
}

// markDialed takes what such a goroutine has brought.
func (l *Loop) markDialed(e *event) {
	if c := l.find(e.key); c != nil && c.flags&dialling != 0 {
		c.extra.dial.outcome = e.dial
		l.mark(e.key, e.bits)
	} else {
		e.dial.drop()
	}
}
