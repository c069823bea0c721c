package main

import (
	"io/fs"
	"syscall"
)

// modeFirst has the file of a socket made with a mode: it has the one that the descriptor has before (unix(7)), less the umask's bits.
func modeFirst(mode fs.FileMode) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) (err error) {
		if failed := c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), uint32(mode)) }); failed != nil {
			return failed
		}
		return err
	}
}
