package main

import "syscall"

// privateFirst has the file of a socket made with privateMode: it has the one that the descriptor has before (unix(7)), less the umask's bits.
func privateFirst(_, _ string, c syscall.RawConn) (err error) {
	if failed := c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), privateMode) }); failed != nil {
		return failed
	}
	return err
}
