package main

import (
	"net"
	"os"
	"syscall"
)

// peer is whose process is at the other end (SO_PEERCRED).
func peer(conn *net.UnixConn) (uid int, pid int32, err error) {
	var cred *syscall.Ucred
	if e := control(conn, func(fd int) { cred, err = syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED) }); e != nil {
		return -1, 0, e
	}
	if err != nil {
		return -1, 0, os.NewSyscallError("getsockopt", err)
	}
	return int(cred.Uid), cred.Pid, nil
}
