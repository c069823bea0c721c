//go:build unix && !linux

package loop

import (
	"net"
	"net/netip"
	"syscall"
)

// Off Linux no connection has a descriptor of its own: goroutines feed them all.

func recv(int32, []byte) (int, syscall.Errno) { return 0, syscall.ENOSYS }
func peek(int32) (int, syscall.Errno)         { return 0, syscall.ENOSYS }
func send(int32, []byte) (int, syscall.Errno) { return 0, syscall.ENOSYS }
func cork(int32)                              {}
func shutdown(int32)                          {}
func closeSocket(int32)                       {}

func newPoller(l *Loop) (poller, error) { return newFeed(l), nil }

func dial(net.Addr) (int32, syscall.Errno, error) { return -1, 0, syscall.ENOSYS }
func socketError(int32) syscall.Errno             { return syscall.ENOSYS }
func selfConnected(int32, uint16) bool            { return false }
func noDelay(int32)                               {}

func accept(int32) (int32, netip.AddrPort, syscall.Errno) {
	return -1, netip.AddrPort{}, syscall.ENOSYS
}
