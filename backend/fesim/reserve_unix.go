//go:build unix

package fesim

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// reserve binds a socket to address and does not listen: until the FE listens there with another socket (SO_REUSEADDR permits it), connections are
// refused, and the system gives the port to no one else. Without it, a client's own outgoing connection could take the port
// of an FE that is down.
func reserve(address string) (*port, error) {
	addr, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("reserve port: %w", err)
	}
	ip := addr.IP
	if ip == nil {
		ip = net.IPv4zero
	}
	family, sockaddr := syscall.AF_INET6, syscall.Sockaddr(nil)
	if v4 := ip.To4(); v4 != nil {
		family, sockaddr = syscall.AF_INET, &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(v4)}
	} else {
		sockaddr = &syscall.SockaddrInet6{Port: addr.Port, Addr: [16]byte(ip.To16())}
	}
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	held := os.NewFile(uintptr(fd), "port "+address)
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		held.Close()
		return nil, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(fd, sockaddr); err != nil {
		held.Close()
		return nil, fmt.Errorf("reserve port %s: %w", address, os.NewSyscallError("bind", err))
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		held.Close()
		return nil, os.NewSyscallError("getsockname", err)
	}
	switch a := bound.(type) {
	case *syscall.SockaddrInet4:
		addr.Port = a.Port
	case *syscall.SockaddrInet6:
		addr.Port = a.Port
	}
	return &port{address: (&net.TCPAddr{IP: ip, Port: addr.Port}).String(), held: held}, nil
}
