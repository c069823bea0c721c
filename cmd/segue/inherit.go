package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"segue/proxy"
)

// firstPassed is the descriptor of the first socket that a service manager passes (SD_LISTEN_FDS_START).
const firstPassed = 3

// inherited are the listening sockets that a service manager has bound for this process, by the protocol of sd_listen_fds(3): the names
// in LISTEN_FDNAMES, FileDescriptorName= in a .socket unit, are those of the keys of the configuration whose place they take.
// Without names the first is for applications.
func inherited(getenv func(string) string) (s sockets, err error) {
	if getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return s, nil // none, or not for this process
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > 2 {
		return s, fmt.Errorf("LISTEN_FDS=%s: Segue takes one socket for applications and one for the admin API; a .socket unit has one ListenStream=", getenv("LISTEN_FDS"))
	}
	names := []string{"listen", "admin"}
	if given := getenv("LISTEN_FDNAMES"); given != "" {
		names = strings.Split(given, ":")
	}
	if len(names) < n {
		return s, fmt.Errorf("LISTEN_FDNAMES=%s: names %d of %d sockets", strings.Join(names, ":"), len(names), n)
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	for i, name := range names[:n] {
		if j := slices.Index(names, name); j < i {
			return s, fmt.Errorf("LISTEN_FDNAMES: sockets %d and %d are both named %s", firstPassed+j, firstPassed+i, name)
		}
		ln, err := adoptListener(firstPassed+i, name)
		if err != nil {
			return s, fmt.Errorf("LISTEN_FDS: socket %d, %s: %w", firstPassed+i, name, err)
		}
		_, isUnix := ln.(*net.UnixListener)
		switch {
		case name == "listen" && isUnix:
			_ = ln.Close()
			return s, fmt.Errorf("LISTEN_FDS: socket %d, %s: %w", firstPassed+i, name, errNoTCP)
		case name == "listen":
			s.clients = proxy.Accepting(ln)
		case name == "admin":
			s.api = ln
		default:
			_ = ln.Close()
			return s, fmt.Errorf("LISTEN_FDNAMES: socket %d is named %q; write FileDescriptorName=listen, or admin, into its .socket unit", firstPassed+i, name)
		}
	}
	return s, nil
}

var errNoTCP = errors.New("it is no TCP socket that listens; it takes ListenStream=HOST:PORT, without Accept=yes")

// adoptListener makes a listener of a descriptor, which it closes.
func adoptListener(fd int, name string) (net.Listener, error) {
	f := os.NewFile(uintptr(fd), name)
	if f == nil {
		return nil, syscall.EBADF
	}
	defer f.Close()
	listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err != nil {
		return nil, os.NewSyscallError("getsockopt", err)
	}
	if listens == 0 {
		return nil, errNoTCP
	}
	ln, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	switch ln.(type) {
	case *net.TCPListener, *net.UnixListener:
		return ln, nil
	}
	_ = ln.Close()
	return nil, errNoTCP
}
