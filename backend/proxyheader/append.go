package proxyheader

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// Append appends a header that says that a connection to the server at to comes from from. Without an address there, as of a connection of Segue's own, it
// says that the server is to take the connection as it is; and so it does of a loopback address where the server is reached by another: to it that address
// is its own machine, whose accounts may be allowed more. The zero to is a UNIX socket. None appends nothing.
func Append(dst []byte, v Version, from, to netip.AddrPort) []byte {
	source, target := from.Addr().Unmap().WithZone(""), to.Addr().Unmap().WithZone("")
	if source.IsLoopback() && target.IsValid() && !target.IsLoopback() {
		source = netip.Addr{}
	}
	if source.IsValid() && source.Is4() != target.Is4() || !target.IsValid() { // both are to be of one family
		if target = netip.IPv6Unspecified(); source.Is4() {
			target = netip.IPv4Unspecified()
		}
	}
	from, to = netip.AddrPortFrom(source, from.Port()), netip.AddrPortFrom(target, to.Port())
	switch v {
	case V1:
		return appendLine(dst, from, to)
	case V2:
		return appendBinary(dst, from, to)
	default:
		return dst
	}
}

func appendLine(dst []byte, from, to netip.AddrPort) []byte {
	switch {
	case !from.Addr().IsValid():
		return append(dst, "PROXY UNKNOWN\r\n"...)
	case from.Addr().Is4():
		dst = append(dst, "PROXY TCP4 "...)
	default:
		dst = append(dst, "PROXY TCP6 "...)
	}
	dst = append(from.Addr().AppendTo(dst), ' ')
	dst = append(to.Addr().AppendTo(dst), ' ')
	dst = append(strconv.AppendUint(dst, uint64(from.Port()), 10), ' ')
	return append(strconv.AppendUint(dst, uint64(to.Port()), 10), "\r\n"...)
}

func appendBinary(dst []byte, from, to netip.AddrPort) []byte {
	const local, proxied, tcp4, tcp6 = 0x20, 0x21, 0x11, 0x21
	dst = append(dst, signV2...)
	switch {
	case !from.Addr().IsValid():
		return append(dst, local, 0, 0, 0)
	case from.Addr().Is4():
		dst = append(dst, proxied, tcp4, 0, 12)
	default:
		dst = append(dst, proxied, tcp6, 0, 36)
	}
	dst = append(append(dst, from.Addr().AsSlice()...), to.Addr().AsSlice()...)
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(dst, from.Port()), to.Port())
}
