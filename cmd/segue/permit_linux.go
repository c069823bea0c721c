package main

import (
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// opened lets do set the permissions of the socket's file, which no symbolic link and no other file can take the place of meanwhile.
func (f *socketFile) opened(do func(has fs.FileInfo, p permitter) error) error {
	fd, err := unix.Open(f.path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: f.path, Err: err}
	}
	file := os.NewFile(uintptr(fd), f.path)
	defer file.Close()
	found, err := file.Stat()
	if err != nil {
		return err
	}
	if err := f.checkOurs(found); err != nil {
		return err
	}
	return do(found, pathDescriptor(fd))
}

// pathDescriptor is a file by a descriptor of O_PATH.
type pathDescriptor int

func (fd pathDescriptor) chgrp(gid int) error {
	return os.NewSyscallError("fchownat", unix.Fchownat(int(fd), "", -1, gid, unix.AT_EMPTY_PATH))
}

// chmod goes by /proc where the kernel has no fchmodat2 (Linux 6.6).
func (fd pathDescriptor) chmod(mode fs.FileMode) error {
	if err := unix.Fchmodat(int(fd), "", uint32(mode.Perm()), unix.AT_EMPTY_PATH); err == nil {
		return nil
	}
	return os.Chmod("/proc/self/fd/"+strconv.Itoa(int(fd)), mode)
}

// groupOf is the group of a file.
func groupOf(i fs.FileInfo) int {
	if s, ok := i.Sys().(*syscall.Stat_t); ok {
		return int(s.Gid)
	}
	return -1
}
