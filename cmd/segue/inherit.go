package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"segue/config"
)

// firstPassed is the descriptor of the first socket that a service manager passes (SD_LISTEN_FDS_START).
const firstPassed = 3

// inherited are the listening sockets that a service manager has bound for this process, by the protocol of sd_listen_fds(3): the names
// in LISTEN_FDNAMES, FileDescriptorName= in a .socket unit, are those of the keys of the configuration whose place they take.
// Of those for applications, and of those for loads (load.listen, or load), there may be several. Without names the first is one for applications, and there are two at most.
func inherited(getenv func(string) string) (s sockets, err error) {
	if getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return s, nil // none, or not for this process
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if most := config.MaxListen + config.MaxLoadListen + 1; err != nil || n < 0 || n > most {
		return s, fmt.Errorf("LISTEN_FDS=%s: Segue takes up to %d sockets, those for applications, for loads, and one for the admin API", getenv("LISTEN_FDS"), most)
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
		ln, err := adoptListener(firstPassed+i, name)
		if err != nil {
			return s, fmt.Errorf("LISTEN_FDS: socket %d, %s: %w", firstPassed+i, name, err)
		}
		switch {
		case name == "listen":
			if s.clients == nil {
				s.clients = &clientSockets{passed: true}
			}
			if len(s.clients.all()) == config.MaxListen {
				_ = ln.Close()
				return s, fmt.Errorf("LISTEN_FDNAMES: more than %d sockets are named listen", config.MaxListen)
			}
			s.clients.add(newClientSocket(ln, false))
		case name == forLoads.key, name == "load":
			if s.loads == nil {
				s.loads = &clientSockets{loads: true, passed: true}
			}
			if len(s.loads.all()) == config.MaxLoadListen {
				_ = ln.Close()
				return s, fmt.Errorf("LISTEN_FDNAMES: more than %d sockets are named %s", config.MaxLoadListen, name)
			}
			s.loads.add(forLoads.adopt(ln, false))
		case name == "admin" && s.api == nil:
			s.api, s.apiPassed = ln, true
		case name == "admin":
			_ = ln.Close()
			return s, fmt.Errorf("LISTEN_FDNAMES: socket %d is a second one that is named admin", firstPassed+i)
		default:
			_ = ln.Close()
			return s, fmt.Errorf("LISTEN_FDNAMES: socket %d is named %q; write FileDescriptorName=listen, load.listen or admin, into its .socket unit", firstPassed+i, name)
		}
	}
	return s, nil
}

var errNoListener = errors.New("it is no socket that listens; it takes ListenStream=HOST:PORT or ListenStream=PATH, without Accept=yes")

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
		return nil, errNoListener
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
	return nil, errNoListener
}
