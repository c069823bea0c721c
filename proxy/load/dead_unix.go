//go:build unix

package load

import (
	"errors"
	"net"
	"syscall"
)

// isDead tells whether a connection has ended, without reading from it.
func isDead(conn net.Conn) (dead bool) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		dead = err == nil && n <= 0 || err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
	})
	return dead || err != nil
}
