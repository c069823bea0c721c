package loop

import (
	"net"
	"net/netip"
	"syscall"
)

// Acceptor takes the connections that a listener accepts.
type Acceptor interface {
	// Accepted is given a connection, and where it comes from; that is zero unless it is TCP.
	Accepted(ln *Listener, s Socket, from netip.AddrPort)
	// AcceptFailed is told why none can be accepted: descriptors have run out, for the most part. ln is paused; those who come wait in the listen queue. Its owner
	// lets it Resume, after a while or when it has closed something.
	AcceptFailed(ln *Listener, err error)
}

// acceptBurst is how many connections are accepted in a row, before others have their turn.
const acceptBurst = 16

// Listener accepts connections on its loop.
type Listener struct {
	conn     Conn
	acceptor Acceptor
	door     *door // nil: the loop accepts by itself
}

// Listen has l accept on ln's socket, by a descriptor of its own: ln remains its owner's to close, and the socket listens until both have. Connections get
// TCP_NODELAY from it, where the system lets them inherit that.
func (l *Loop) Listen(ln net.Listener, a Acceptor) (*Listener, error) {
	if l.closed {
		return nil, ErrEnded
	}
	n := &Listener{acceptor: a}
	n.conn = Conn{loop: l, owner: n, fd: -1, flags: open}
	if !l.portable() {
		if fd, ok := duplicate(ln); ok {
			n.conn.fd = fd
			n.conn.flags |= listens
			noDelay(fd)
		}
	}
	if err := l.enter(&n.conn); err != nil {
		closeSocket(n.conn.fd)
		return nil, err
	}
	if n.conn.fd < 0 {
		n.door = newDoor(l, n.conn.key(), ln)
	}
	return n, nil
}

// Pause lets those who come wait in the listen queue until Resume.
func (n *Listener) Pause() { n.conn.Pause() }

// Resume ends a Pause.
func (n *Listener) Resume() { n.conn.Resume() }

// Close accepts no more. What the loop has not been given stays in the listen queue; where a goroutine accepts, one connection may be lost.
func (n *Listener) Close() {
	if n.door != nil {
		n.door.close()
	}
	n.conn.Close()
}

// Readable accepts; it is the loop's.
func (n *Listener) Readable(c *Conn) {
	c.flags |= asked
	for range acceptBurst {
		s, from, errno, err := n.accept()
		switch {
		case err != nil:
			c.Pause()
			c.loop.current = n.acceptor
			n.acceptor.AcceptFailed(n, err)
			return
		case errno == syscall.EAGAIN:
			c.flags &^= canRead
			return
		case errno != 0: // that one has gone again
			continue
		}
		c.loop.current = n.acceptor
		if n.acceptor.Accepted(n, s, from); c.flags&(open|paused) != open {
			return
		}
	}
}

// accept takes one connection. errno: there is none, or it came to nothing.
func (n *Listener) accept() (s Socket, from netip.AddrPort, errno syscall.Errno, err error) {
	if n.door != nil {
		return n.door.take()
	}
	fd, from, errno := accept(n.conn.fd)
	switch errno {
	case 0:
		s = Socket{fd: fd, ready: true, flags: open}
		if !from.IsValid() {
			s.flags |= local
		}
		return s, from, 0, nil
	case syscall.EAGAIN, syscall.EINTR, syscall.ECONNABORTED, syscall.EPERM,
		syscall.ENETDOWN, syscall.EPROTO, syscall.ENOPROTOOPT, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.EOPNOTSUPP, syscall.ENETUNREACH: // accept(2)
		return s, from, errno, nil
	default:
		return s, from, 0, errno
	}
}

// Writable is the loop's; it is never called.
func (n *Listener) Writable(*Conn) {}

// Ended is the loop's: it has ended.
func (n *Listener) Ended(*Conn, error) { n.Close() }
