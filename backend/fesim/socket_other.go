//go:build !linux

package fesim

import "net"

func cork(*net.TCPConn) {}

// clientGone is only known on Linux.
func (*session) clientGone() bool { return false }
