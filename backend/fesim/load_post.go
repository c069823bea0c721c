package fesim

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
)

// aggregate reads the body of a POST before anybody looks at its request, and without a word of 100 Continue (StarRocksHttpPostObjectAggregator, which answers
// no Expect); false if the client has gone.
func (x *loadCall) aggregate() bool {
	if x.r.Header.Get("Expect") == "" {
		_, err := io.Copy(io.Discard, x.r.Body)
		return err == nil
	}
	conn, buffered, err := http.NewResponseController(x.w).Hijack() // the server would say 100 at the first Read
	if err != nil {
		return false
	}
	x.w = &bareWriter{conn: conn, header: make(http.Header), http: buffered}
	body := io.LimitReader(buffered, x.r.ContentLength)
	if x.r.ContentLength < 0 {
		body = httputil.NewChunkedReader(buffered)
	}
	stop := context.AfterFunc(x.ctx, func() { conn.Close() })
	defer stop()
	n, err := io.Copy(io.Discard, body)
	return err == nil && (x.r.ContentLength < 0 || n == x.r.ContentLength)
}

// bareWriter answers on a connection of its own, which it closes behind the answer.
type bareWriter struct {
	conn   net.Conn
	http   *bufio.ReadWriter
	header http.Header
	wrote  bool
}

func (w *bareWriter) Header() http.Header { return w.header }

func (w *bareWriter) WriteHeader(status int) {
	if w.wrote {
		return
	}
	w.wrote = true
	w.header.Set("Connection", "close")
	fmt.Fprintf(w.http, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	_ = w.header.Write(w.http)
	_, _ = io.WriteString(w.http, "\r\n")
}

func (w *bareWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.http.Write(b)
}

// FlushError is for http.ResponseController.
func (w *bareWriter) FlushError() error { return w.http.Flush() }

// Hijack is for http.ResponseController.
func (w *bareWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.conn, w.http, nil }

// close ends the answer.
func (w *bareWriter) close() {
	_ = w.http.Flush()
	w.conn.Close()
}
