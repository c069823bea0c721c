package loop

import (
	"net"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dial begins to connect. errno is 0, or EINPROGRESS.
func dial(addr net.Addr) (fd int32, errno syscall.Errno, err error) {
	sa, size, err := sockaddr(addr)
	if err != nil {
		return -1, 0, err
	}
	r, _, errno := unix.RawSyscall(unix.SYS_SOCKET, uintptr(sa.Addr.Family), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if errno != 0 {
		return -1, 0, os.NewSyscallError("socket", errno)
	}
	fd = int32(r)
	if sa.Addr.Family != unix.AF_UNIX {
		noDelay(fd)
	}
	for errno = syscall.EINTR; errno == syscall.EINTR; {
		_, _, errno = unix.RawSyscall(unix.SYS_CONNECT, r, uintptr(unsafe.Pointer(&sa)), size)
	}
	if errno != 0 && errno != syscall.EINPROGRESS {
		closeSocket(fd)
		return -1, 0, errno
	}
	return fd, errno, nil
}

// sockaddr is an address as the kernel has it.
func sockaddr(addr net.Addr) (sa unix.RawSockaddrAny, size uintptr, err error) {
	switch a := addr.(type) {
	case *net.TCPAddr:
		if ip := a.IP.To4(); ip != nil || len(a.IP) == 0 {
			in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&sa))
			in.Family, in.Port = unix.AF_INET, networkOrder(uint16(a.Port))
			copy(in.Addr[:], ip)
			return sa, unix.SizeofSockaddrInet4, nil
		}
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(&sa))
		in.Family, in.Port = unix.AF_INET6, networkOrder(uint16(a.Port))
		copy(in.Addr[:], a.IP.To16())
		in.Scope_id = zone(a.Zone)
		return sa, unix.SizeofSockaddrInet6, nil
	case *net.UnixAddr:
		un := (*unix.RawSockaddrUnix)(unsafe.Pointer(&sa))
		if len(a.Name) >= len(un.Path) {
			return sa, 0, syscall.ENAMETOOLONG
		}
		un.Family = unix.AF_UNIX
		for i := range len(a.Name) {
			un.Path[i] = int8(a.Name[i])
		}
		return sa, unsafe.Offsetof(un.Path) + uintptr(len(a.Name)) + 1, nil
	}
	return sa, 0, syscall.EAFNOSUPPORT
}

// zone is the number of an interface.
func zone(name string) uint32 {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil || name == "" {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(name); err == nil {
		return uint32(i.Index)
	}
	return 0
}

// selfConnected reports whether a TCP socket is connected to itself: that happens when nobody listens on a port of this host which the kernel then
// picks for the dialling side, and would keep the server from ever listening there.
func selfConnected(fd int32, port uint16) bool {
	here, ok := name(fd, unix.SYS_GETSOCKNAME)
	if !ok || here.Addr.Family == unix.AF_UNIX {
		return false
	}
	if addrPort(&here).Port() != port {
		return false
	}
	there, ok := name(fd, unix.SYS_GETPEERNAME)
	return ok && addrPort(&here) == addrPort(&there)
}

func name(fd int32, call uintptr) (sa unix.RawSockaddrAny, ok bool) {
	n := uint32(unsafe.Sizeof(sa))
	_, _, errno := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&n)))
	return sa, errno == 0
}
