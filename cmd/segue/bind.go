package main

import (
	"context"
	"net"
)

// bindUnix binds a socket that its own user alone may connect to. Where the system cannot have it so from the first moment, what connects before finds nobody who accepts.
func bindUnix(path string) (*net.UnixListener, error) {
	lc := net.ListenConfig{Control: privateFirst}
	ln, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	unix, _ := ln.(*net.UnixListener)
	unix.SetUnlinkOnClose(false) // another process may have it too
	return unix, nil
}
