package proxyheader

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/pires/go-proxyproto"
)

// What bounds a header.
const (
	maxLine = 107      // of version 1, its CRLF included (section 2.1)
	maxSize = 4 << 10  // of version 2: addresses, and what the proxy adds (a TLS certificate's name, a cloud's ids)
	fixed   = 16       // what version 2 begins with (section 2.2)
	lineV1  = "PROXY " // what version 1 begins with
	signV2  = "\r\n\r\n\x00\r\nQUIT\n"
)

// ErrMissing is the error of what is not the beginning of a header.
var ErrMissing = errors.New("it does not begin with a PROXY header")

// errLong is the error of a header that does not end.
var errLong = errors.New("the PROXY header is too long")

// Size tells how long the header is that b begins with; 0: more of it must be seen, which is bounded.
func Size(b []byte) (n int, err error) {
	switch {
	case begins(b, lineV1):
		return sizeOfLine(b)
	case !begins(b, signV2):
		return 0, ErrMissing
	case len(b) < fixed:
		return 0, nil
	}
	n = fixed + int(binary.BigEndian.Uint16(b[14:]))
	switch {
	case n > maxSize:
		return 0, errLong
	case len(b) < n:
		return 0, nil
	}
	return n, nil
}

// begins reports whether b begins with what, as far as it goes.
func begins(b []byte, what string) bool {
	n := min(len(b), len(what))
	return string(b[:n]) == what[:n]
}

func sizeOfLine(b []byte) (n int, err error) {
	switch end := bytes.IndexByte(b[:min(len(b), maxLine)], '\n'); {
	case end >= 0:
		return end + 1, nil
	case len(b) >= maxLine:
		return 0, errLong
	}
	return 0, nil
}

// Read gives where the connection comes from by a whole header; the zero AddrPort where it does not say: the proxy's own connection, or one that is not TCP.
func Read(header []byte) (from netip.AddrPort, err error) {
	const proxiedV2, unspecified = 0x21, 0
	if len(header) >= fixed && header[12] == proxiedV2 && header[13] == unspecified && begins(header, signV2) {
		return from, nil // as HAProxy says it of a UNIX socket
	}
	h, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(header), maxSize))
	if err != nil {
		return from, fmt.Errorf("read PROXY header: %w", err)
	}
	tcp, _, ok := h.TCPAddrs()
	if h.Command.IsLocal() || !ok {
		return from, nil
	}
	from = tcp.AddrPort()
	return netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port()), nil
}
