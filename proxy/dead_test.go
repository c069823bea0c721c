package proxy

import "syscall"

// dead reports whether the peer has reset the connection, or closed it altogether.
func dead(c *peerConn) (yes bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	_ = raw.Control(func(fd uintptr) {
		_, errno := send(fd, []byte{0}, false)
		yes = errno == syscall.EPIPE || errno == syscall.ECONNRESET
	})
	return yes
}
