package admin

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// peerOf is whose process has connected by a UNIX socket (SO_PEERCRED), in words; empty: it has not, or it cannot be told.
func peerOf(conn net.Conn) string {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return ""
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return ""
	}
	var words string
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			words = fmt.Sprintf(" (pid %d, uid %d)", cred.Pid, cred.Uid)
		}
	})
	return words
}
