package proxyheader

import (
	"net/netip"
	"slices"
)

// Networks are those whose connections begin with a header.
type Networks struct {
	Prefixes []netip.Prefix
	Unix     bool // UNIX sockets are among them
}

// Has reports whether a connection from an address is one of theirs; the zero Addr is a UNIX socket.
func (n Networks) Has(from netip.Addr) bool {
	if !from.IsValid() {
		return n.Unix
	}
	from = from.Unmap().WithZone("")
	return slices.ContainsFunc(n.Prefixes, func(p netip.Prefix) bool { return p.Contains(from) })
}
