package load_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"

	"segue/proxy/load"
)

// fixed is a cluster of which all is known.
type fixed struct {
	frontends []load.Frontend
	nodes     []load.Node
	unchanged chan struct{}
}

func (f *fixed) Frontends() []load.Frontend { return f.frontends }
func (f *fixed) Nodes() []load.Node         { return f.nodes }
func (f *fixed) Changed() <-chan struct{}   { return f.unchanged }

// sink is a cluster of one FE and one BE that cost as little as they can, where what Segue costs is the subject. Loads succeed.
func sink(tb testing.TB) *fixed {
	tb.Helper()
	be := listen(tb, func(conn net.Conn, in *bufio.Reader, head string) {
		io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		if strings.Contains(head, "\r\nTransfer-Encoding: chunked\r\n") {
			if _, err := io.Copy(io.Discard, httputil.NewChunkedReader(in)); err != nil {
				return
			}
			_, _ = in.Discard(2)
		}
		var length int64
		_, after, _ := strings.Cut(head, "\r\nContent-Length: ")
		fmt.Sscan(after, &length)
		small := make([]byte, 2<<10)
		for length > 0 {
			n, err := in.Read(small)
			if length -= int64(n); err != nil {
				return
			}
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n\r\n{\"Status\":\"Success\"}")
	})
	fe := listen(tb, func(conn net.Conn, _ *bufio.Reader, head string) {
		target := strings.Fields(head)[1]
		if strings.Contains(target, "/get_load_state?") {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 19\r\nConnection: close\r\n\r\n{\"state\":\"VISIBLE\"}")
			return
		}
		fmt.Fprintf(conn, "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://%s%s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", be, target)
	})
	host, port, _ := net.SplitHostPort(be)
	return &fixed{
		frontends: []load.Frontend{{Name: "fe", Address: fe, Up: true, Leader: true}},
		nodes:     []load.Node{{Host: host, Port: atoi(port), Alive: true}},
	}
}

// listen serves one request of each connection by its head.
func listen(tb testing.TB, serve func(conn net.Conn, in *bufio.Reader, head string)) string {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				in := bufio.NewReaderSize(conn, 2<<10)
				var head strings.Builder
				for !strings.HasSuffix(head.String(), "\r\n\r\n") {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					head.WriteString(line)
				}
				serve(conn, in, head.String())
			})
		}
	})
	tb.Cleanup(func() {
		_ = ln.Close()
		all.Wait()
	})
	return ln.Addr().String()
}
