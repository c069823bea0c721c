//go:build !linux

package main

import (
	"io/fs"
	"syscall"
)

// modeFirst does nothing: only Linux gives the file of a socket the mode of its descriptor.
func modeFirst(fs.FileMode) func(network, address string, c syscall.RawConn) error { return nil }
