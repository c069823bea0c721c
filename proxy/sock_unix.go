//go:build unix && (!linux || 386 || s390x)

package proxy

import (
	"errors"
	"syscall"
)

// Off Linux, and where it has no system call of their own for these, the data path reads until nothing is left, one
// system call more per message.

func reportLeft(syscall.RawConn) error { return errors.ErrUnsupported }

func receive(fd uintptr, buf []byte) (n int, again bool, errno syscall.Errno) {
	n, err := syscall.Read(int(fd), buf)
	if err != nil {
		errno, _ = err.(syscall.Errno)
		return 0, false, errno
	}
	return n, true, 0
}

func receiveLeft(fd uintptr, buf []byte) (n int, again bool, errno syscall.Errno) {
	return receive(fd, buf)
}

func send(fd uintptr, buf []byte, _ bool) (n int, errno syscall.Errno) {
	n, err := syscall.Write(int(fd), buf)
	if err != nil {
		errno, _ = err.(syscall.Errno)
		return 0, errno
	}
	return n, 0
}

func waiting(fd uintptr) bool {
	var b [1]byte
	n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return err == nil && n > 0
}

// hears is not to be had in one way on all of these: TCP's own timeouts must do.
func hears(uintptr) ears { return ears{} }

// hungUp is only of use where send can hold back the last bytes for the FIN.
func hungUp(uintptr) bool { return false }
