//go:build !386 && !s390x

package proxy

import (
	"syscall"
	"time"
	"unsafe"
)

// The system calls of the data path. They are made from within the callbacks of syscall.RawConn, where the descriptor is
// held open and non-blocking: they cannot block, so that the raw forms, of which the scheduler is not told, are right and
// save about an eighth of the time.

// tcpInq is TCP_INQ of linux/tcp.h (kernel 4.18): recvmsg tells how much is left to read, and 1 when nothing is
// left but the peer's FIN (tcp_inq_hint in net/ipv4/tcp.c). Without it a FIN that came in one segment with the last bytes
// would never be signalled again to an edge-triggered poller after a short read.
const tcpInq = 36

// reportLeft asks the kernel to tell with each receive what is left. It fails on sockets other than TCP.
func reportLeft(raw syscall.RawConn) (err error) {
	if e := raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpInq, 1) }); e != nil {
		return e
	}
	return err
}

// receive reads what is there. again is false: what comes later is announced by an event, but for the end of the stream where that came
// with the bytes.
func receive(fd uintptr, buf []byte) (n int, again bool, errno syscall.Errno) {
	r, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), syscall.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, false, errno
	}
	return int(r), false, 0
}

// receiveLeft reads what is there, and tells what is left. again is true if there may be more, an end of the stream included, that no new event
// will announce. It takes a twentieth more of the whole time of a statement than receive does.
func receiveLeft(fd uintptr, buf []byte) (n int, again bool, errno syscall.Errno) {
	var control controlMessage
	iov := syscall.Iovec{Base: &buf[0]}
	iov.SetLen(len(buf))
	msg := syscall.Msghdr{Iov: &iov, Iovlen: 1, Control: (*byte)(unsafe.Pointer(&control))}
	msg.SetControllen(int(unsafe.Sizeof(control)))
	r, _, errno := syscall.RawSyscall(syscall.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&msg)), syscall.MSG_DONTWAIT)
	if errno != 0 {
		return 0, false, errno
	}
	return int(r), control.left(int(msg.Controllen)) != 0, 0
}

// controlMessage is what recvmsg gives beside the bytes: the one message that TCP_INQ asks for.
type controlMessage struct {
	header syscall.Cmsghdr
	inq    int32
	_      int32
}

// left is TCP_INQ's answer; -1 if there is none among the n bytes of control messages.
func (m *controlMessage) left(n int) int32 {
	if n < syscall.SizeofCmsghdr+4 || m.header.Level != syscall.IPPROTO_TCP || m.header.Type != tcpInq {
		return -1
	}
	return m.inq
}

// send writes as much of buf as the socket takes. With more set it holds back the last segment until something follows, or
// the sending side is shut down: the FIN then travels in one segment with the last bytes.
func send(fd uintptr, buf []byte, more bool) (n int, errno syscall.Errno) {
	if more {
		hold(fd)
	}
	const flags = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL
	r, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

// hold sets TCP_CORK. MSG_MORE would not do: it holds for one call, and an ACK or a pacing timer in between lets the bytes go. On
// a socket other than TCP it fails, and nothing is held.
func hold(fd uintptr) {
	on := int32(1)
	_, _, _ = syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_CORK, uintptr(unsafe.Pointer(&on)), unsafe.Sizeof(on), 0)
}

// hears asks the kernel how it stands with the peer's acknowledgements.
func hears(fd uintptr) ears {
	i := tcpInfo(fd)
	return ears{int(i.Retransmits) + int(i.Probes), time.Duration(i.Last_ack_recv) * time.Millisecond}
}

// tcpInfo is zero for a socket other than TCP.
func tcpInfo(fd uintptr) (i syscall.TCPInfo) {
	n := uint32(unsafe.Sizeof(i))
	_, _, _ = syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO, uintptr(unsafe.Pointer(&i)), uintptr(unsafe.Pointer(&n)), 0)
	return i
}

// waiting reports whether bytes wait to be read.
func waiting(fd uintptr) bool {
	n, errno := peek(fd)
	return errno == 0 && n > 0
}

// hungUp reports whether nothing but the end of the stream, or a RST, waits to be read.
func hungUp(fd uintptr) bool {
	n, errno := peek(fd)
	return errno == 0 && n == 0 || errno != 0 && errno != syscall.EAGAIN && errno != syscall.EINTR
}

// peek looks for one byte without taking it.
func peek(fd uintptr) (n int, errno syscall.Errno) {
	var b [1]byte
	r, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b)), 1, syscall.MSG_DONTWAIT|syscall.MSG_PEEK, 0, 0)
	return int(r), errno
}
