package main

import (
	"context"
	"io/fs"
	"net"
	"os"
)

// bindUnix binds a socket of that mode. Where the system cannot give it from the first moment, what connects before finds nobody who accepts.
func bindUnix(path string, mode fs.FileMode) (*net.UnixListener, error) {
	lc := net.ListenConfig{Control: modeFirst(mode)}
	ln, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	unix, _ := ln.(*net.UnixListener)
	unix.SetUnlinkOnClose(false) // another process may have it too
	if err := os.Chmod(path, mode); err != nil {
		_ = unix.Close()
		_ = os.Remove(path)
		return nil, err
	}
	return unix, nil
}
