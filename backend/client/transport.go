package client

import (
	"net"

	"segue/backend/secure"
)

// Transport is what a login goes over, which decides whether a password may be said in clear.
type Transport uint8

// The transports.
const (
	Plain      Transport = iota // TCP, in the clear
	TLS                         // inside TLS
	UnixSocket                  // a UNIX socket: nobody but the server listens
)

// Safe reports whether nobody on the way can read along.
func (t Transport) Safe() bool { return t != Plain }

// TransportOf is what nc is before anything has been said on it.
func TransportOf(nc net.Conn) Transport {
	if a := nc.LocalAddr(); a != nil && a.Network() == "unix" {
		return UnixSocket
	}
	return Plain
}

// Via says how a login reaches its server. The zero value is plain TCP without TLS.
type Via struct {
	Transport Transport   // what the connection is when the server greets
	Mode      secure.Mode // what is asked of it
}

// secures reports whether TLS is to be put on the connection. As with MySQL's clients Preferred leaves a UNIX socket as it is.
func (v Via) secures() bool {
	return v.Mode.Insists() && v.Transport != TLS || v.Mode.Wants() && v.Transport == Plain
}
