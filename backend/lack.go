package backend

import (
	"errors"
	"syscall"
)

// Lack is what Segue or its machine has run out of where err kept a backend from being dialed, with the remedy; empty if that is not
// what happened. A lack says nothing about the backend.
func Lack(err error) string {
	switch {
	case errors.Is(err, syscall.EMFILE):
		return "segue has no file descriptor left; raise LimitNOFILE (ulimit -n), or lower limits.sessions"
	case errors.Is(err, syscall.ENFILE):
		return "this machine has no file descriptor left; raise fs.file-max"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine has no local port or address left for it; widen net.ipv4.ip_local_port_range, or lower limits.sessions"
	case errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
		return "this machine has no memory left for sockets; give it more, or lower limits.sessions"
	}
	return ""
}
