package loop

import (
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Socket is a connection that belongs to no loop: accepted, made elsewhere, or on its way from one loop to another. Whoever has it lets a loop
// adopt it, once, or closes it.
type Socket struct {
	fd        int32    // unless there is one of the next two
	ready     bool     // … and it does not block
	nc        net.Conn // that no loop has had yet
	stream    medium
	tls       *secure
	coding    *coding
	out, rest []byte // what is still to be sent, and to be read again
	err       error
	flags     flags
}

// SocketOf takes nc over. Unless nc is TCP or a UNIX socket, goroutines will feed the loop from it.
func SocketOf(nc net.Conn) Socket { return Socket{fd: -1, nc: nc, flags: open} }

// SocketFD takes the descriptor of a stream socket over.
func SocketFD(fd int) Socket { return Socket{fd: int32(fd), flags: open} }

// FD is the descriptor; -1: there is none that would do for another process: it has none, or TLS or a codec, whose state is ours.
func (s Socket) FD() int {
	if s.flags&open == 0 || s.tls != nil || s.coding != nil {
		return -1
	}
	return int(s.fd)
}

// Close closes the connection.
func (s Socket) Close() {
	switch {
	case s.flags&open == 0:
	case s.stream != nil:
		s.stream.close(true)
	case s.nc != nil:
		_ = s.nc.Close()
	default:
		_ = syscall.Close(int(s.fd))
	}
}

// on makes of s what l can work with. If it fails, s is closed.
func (s Socket) on(l *Loop) (Socket, error) {
	switch {
	case s.flags&open == 0:
		return s, net.ErrClosed
	case s.stream != nil:
	case s.nc == nil && l.portable():
		file := os.NewFile(uintptr(s.fd), "socket")
		nc, err := net.FileConn(file)
		_ = file.Close()
		if err != nil {
			return s, err
		}
		s.stream = newStream(nc)
	case s.nc == nil:
		if s.ready {
			return s, nil
		}
		if err := unix.SetNonblock(int(s.fd), true); err != nil {
			s.Close()
			return s, os.NewSyscallError("fcntl", err)
		}
		return s, nil
	case l.portable():
		s.stream = newStream(s.nc)
	default:
		if fd, ok := duplicate(s.nc); ok {
			if _, is := s.nc.(*net.UnixConn); is {
				s.flags |= local
			}
			_ = s.nc.Close()
			s.fd, s.nc = fd, nil
			return s, nil
		}
		s.stream = newStream(s.nc)
	}
	s.fd, s.nc = -1, nil
	return s, nil
}

// duplicate returns a descriptor of our own for a TCP or UNIX socket, or for one that listens.
func duplicate(of any) (fd int32, ok bool) {
	switch of.(type) {
	case *net.TCPConn, *net.UnixConn, *net.TCPListener, *net.UnixListener:
	default:
		return -1, false
	}
	raw, err := of.(syscall.Conn).SyscallConn()
	if err != nil {
		return -1, false
	}
	n := -1
	if e := raw.Control(func(fd uintptr) { n, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); e != nil || err != nil {
		return -1, false
	}
	return int32(n), true
}
