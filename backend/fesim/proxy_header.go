package fesim

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"time"
)

// proxyHeader reads the PROXY protocol v1 header of a trusted peer, one byte at a time so as to read nothing behind it.
func (s *session) proxyHeader() bool {
	if !s.fe.opts.ProxyProtocol {
		return true
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(s.fe.opts.scaled(s.fe.opts.ProxyTimeout)))
	line, err := bufio.NewReaderSize(&byteReader{s.conn, 107}, 16).ReadString('\n')
	_ = s.conn.SetReadDeadline(time.Time{})
	fields := strings.Fields(line)
	switch {
	case err == nil && len(fields) >= 2 && fields[0] == "PROXY" && fields[1] == "UNKNOWN":
		return true
	case err == nil && len(fields) == 6 && fields[0] == "PROXY" && (fields[1] == "TCP4" || fields[1] == "TCP6"):
		s.mu.Lock()
		s.shown.Host = net.JoinHostPort(fields[2], fields[4])
		s.mu.Unlock()
		return true
	case err == nil:
		err = fmt.Errorf("malformed header")
	}
	return s.refuse(fail("PROXY protocol header required but not received: %v", err))
}

// byteReader reads single bytes, left of them at most.
type byteReader struct {
	conn net.Conn
	left int
}

// Read implements io.Reader.
func (r *byteReader) Read(b []byte) (int, error) {
	if r.left == 0 {
		return 0, fmt.Errorf("header too long")
	}
	r.left--
	return r.conn.Read(b[:min(1, len(b))])
}
