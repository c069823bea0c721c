package proxy

import (
	"net"
	"syscall"
	"time"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of linux/tcp.h, in milliseconds.
const tcpUserTimeout = 18

// tighten sets how soon the kernel gives a connection up. On a socket other than TCP it does nothing.
func (c *conn) tighten(is bool) {
	tc, ok := c.Conn.(*net.TCPConn)
	if !ok {
		return
	}
	config, timeout := keepAlive, 0
	if is {
		config, timeout = suspectKeepAlive, int(suspectTimeout/time.Millisecond)
	}
	_ = tc.SetKeepAliveConfig(config)
	_ = c.raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, timeout) })
}
