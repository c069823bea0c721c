package main

import (
	"fmt"
	"io"
	"net/netip"
	"syscall"
)

// target is where a client connects.
type target struct {
	netip.AddrPort
	path string // of a UNIX socket in place of it; empty: there is none
}

// String is the address.
func (t target) String() string {
	if t.path != "" {
		return t.path
	}
	return t.AddrPort.String()
}

// socket is a connection without Go's poller, so that what the load costs is the system calls that it makes.
type socket int

// dial connects, with TCP_NODELAY as all drivers do.
func dial(to target) (socket, error) {
	family, at := syscall.AF_UNIX, syscall.Sockaddr(&syscall.SockaddrUnix{Name: to.path})
	if to.path == "" {
		family, at = syscall.AF_INET, &syscall.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	if err := syscall.Connect(fd, at); err != nil {
		_ = syscall.Close(fd)
		return 0, fmt.Errorf("connect to %s: %w", to, err)
	}
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1) // a UNIX socket has none, and does not wait
	return socket(fd), nil
}

// Read implements io.Reader.
func (s socket) Read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(s), p)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// Write implements io.Writer on a blocking socket.
func (s socket) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		n, err := syscall.Write(int(s), p[done:])
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return done, err
		}
		done += n
	}
	return len(p), nil
}

// Close implements io.Closer.
func (s socket) Close() error { return syscall.Close(int(s)) }

// poller is an epoll instance.
type poller struct {
	fd     int
	events [256]syscall.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &poller{fd: fd}, nil
}

// add has the poller watch a socket, which does not block from now on.
func (p *poller) add(s socket, events uint32) error {
	if err := syscall.SetNonblock(int(s), true); err != nil {
		return err
	}
	return syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, int(s), &syscall.EpollEvent{Events: events, Fd: int32(s)})
}

// want changes what is waited for.
func (p *poller) want(s socket, events uint32) {
	_ = syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_MOD, int(s), &syscall.EpollEvent{Events: events, Fd: int32(s)})
}

// wait returns what is ready, after so many milliseconds at the latest.
func (p *poller) wait(ms int) ([]syscall.EpollEvent, error) {
	n, err := syscall.EpollWait(p.fd, p.events[:], ms)
	if err == syscall.EINTR {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return p.events[:n], nil
}
