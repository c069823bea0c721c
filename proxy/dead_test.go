package proxy

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// dead reports whether the peer has reset the connection, or closed it altogether.
func dead(c *peerConn) (yes bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	_ = raw.Control(func(fd uintptr) {
		errno := unix.Send(int(fd), []byte{0}, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		yes = errors.Is(errno, syscall.EPIPE) || errors.Is(errno, syscall.ECONNRESET)
	})
	return yes
}
