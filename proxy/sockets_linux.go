package proxy

import (
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

func setKeepAliveTimes(fd int, c net.KeepAliveConfig) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(c.Idle/time.Second))
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, int(c.Interval/time.Second))
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, c.Count)
}

// setTight sets how soon the kernel gives a connection up.
func setTight(fd int, is bool) {
	config, timeout := keepAlive, 0
	if is {
		config, timeout = suspectKeepAlive, int(suspectTimeout/time.Millisecond)
	}
	setKeepAlive(fd, config)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, timeout)
}

// acknowledgements is zero for a socket other than TCP.
func acknowledgements(fd int) peerInfo {
	i, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return peerInfo{}
	}
	return peerInfo{int(i.Retransmits) + int(i.Probes), time.Duration(i.Last_ack_recv) * time.Millisecond}
}

// peerProcess tells who has connected a UNIX socket, as it was then.
func peerProcess(fd int) string {
	c, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || c.Pid <= 0 {
		return ""
	}
	return fmt.Sprintf(" (pid %d, uid %d)", c.Pid, c.Uid)
}
