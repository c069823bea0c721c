package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The ports of BEs that discard what they are sent.
const (
	throttledPort = 24000
	fastPort      = 24001
)

// throttle is how many bytes a second the throttled BE takes of each load.
const throttle = 200e6

// The tables of loads: the FE names the one BE or the other by the path.
const (
	throttledPath = "/api/speed/throttled/_stream_load"
	fastPath      = "/api/speed/fast/_stream_load"
)

// frontend is what an FE's HTTP port does: it is healthy, and sends a load to a BE.
func frontend(w http.ResponseWriter, r *http.Request) {
	to := throttledPort
	switch r.URL.Path {
	case fastPath:
		to = fastPort
	case throttledPath:
	default:
		return
	}
	w.Header().Set("Connection", "close")
	w.Header().Set("Location", fmt.Sprintf("http://%s%s", at(to), r.URL.RequestURI()))
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// sink is a BE that discards loads. Zero rate: as fast as they come.
type sink struct{ rate float64 }

// listen serves until the process ends.
func (s sink) listen(port int) error {
	ln, err := net.Listen("tcp", at(port).String())
	if err == nil {
		go s.accept(ln)
	}
	return err
}

// accept serves until ln is closed.
func (s sink) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go s.serve(conn.(*net.TCPConn))
	}
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4096) }}

// serve takes one load after the other.
func (s sink) serve(conn *net.TCPConn) {
	defer conn.Close()
	in := readers.Get().(*bufio.Reader)
	defer readers.Put(in)
	in.Reset(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if r.Header.Get("Expect") != "" && r.ProtoAtLeast(1, 1) { // libevent, which is a BE's HTTP server, says nothing to HTTP/1.0
			if _, err := io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
				return
			}
		}
		if err := s.discard(conn, in, r); err != nil {
			return
		}
		const done = `{"Status": "Success", "Label": "l", "Message": "OK", "NumberTotalRows": 0}`
		if _, err := fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(done), done); err != nil || r.Close {
			return
		}
	}
}

// discard takes a body. One of known length is not even copied: the kernel throws it away (MSG_TRUNC, tcp(7)).
func (s sink) discard(conn *net.TCPConn, in *bufio.Reader, r *http.Request) error {
	if r.ContentLength < 0 {
		_, err := io.Copy(io.Discard, r.Body)
		return err
	}
	left := r.ContentLength
	n, err := in.Discard(int(min(left, int64(in.Buffered()))))
	if left -= int64(n); err != nil || left == 0 {
		return err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	const piece = 1 << 20
	nothing := make([]byte, piece) // never written to
	began, taken := time.Now(), int64(0)
	for taken < left {
		var n int
		var wrong error
		err := raw.Read(func(fd uintptr) bool {
			n, _, wrong = unix.Recvfrom(int(fd), nothing[:min(piece, left-taken)], unix.MSG_TRUNC)
			return wrong != unix.EAGAIN
		})
		if err == nil {
			err = wrong
		}
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		taken += int64(n)
		if s.rate > 0 {
			time.Sleep(time.Duration(float64(taken)/s.rate*1e9) - time.Since(began))
		}
	}
	return nil
}
