package dial

import "strings"

// unixPrefix begins an address that is the path of a UNIX socket.
const unixPrefix = "unix:"

// UnixPath is the path in an address that is that of a UNIX socket, "unix:PATH".
func UnixPath(address string) (path string, ok bool) { return strings.CutPrefix(address, unixPrefix) }

// Split gives an address as package net takes it: "host:port", or "unix:PATH".
func Split(address string) (network, at string) {
	if path, ok := UnixPath(address); ok {
		return "unix", path
	}
	return "tcp", address
}
