package load_test

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/proxy/ledger"
	"segue/proxy/load"
)

// pipes is a listener whose connections are net.Pipes.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	ended chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.ended) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// Whatever a client sends, and in whatever pieces: the server neither panics nor hangs, and what it answers are answers.
func FuzzClient(f *testing.F) {
	for _, text := range []string{
		"PUT /api/d/t/_stream_load HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n1,2\n",
		"PUT /api/d/t/_stream_load HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1,2\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /api/transaction/begin HTTP/1.1\r\nHost: x\r\ndb: d\r\nlabel: l\r\n\r\nPOST /api/transaction/commit HTTP/1.1\r\nHost: x\r\ndb: d\r\nlabel: l\r\nContent-Length: 0\r\n\r\n",
		"HEAD /api/health HTTP/1.0\r\n\r\n", "GET /api/_load_error_log?file=x&segue_node=127.0.0.1:1 HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		f.Add([]byte(text), 10)
	}
	c := sink(f)
	log := &lines{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	server := load.NewServer(load.Options{Follow: true, Header: 20 * time.Millisecond, Progress: 20 * time.Millisecond, Hold: time.Millisecond, Budget: time.Second}, c, ledger.New(logger), logger, nil)
	ln := &pipes{conns: make(chan net.Conn), ended: make(chan struct{})}
	server.Listen(ln)
	ended := make(chan struct{})
	ctx := f.Context()
	go func() {
		defer close(ended)
		_ = server.Serve(ctx)
	}()
	f.Cleanup(func() {
		server.Close()
		<-ended
	})
	f.Fuzz(func(t *testing.T, text []byte, piece int) {
		b := text
		client, conn := net.Pipe()
		defer client.Close()
		ln.conns <- conn
		_ = client.SetDeadline(time.Now().Add(wait))
		var sent sync.WaitGroup
		sent.Go(func() {
			for n := min(max(piece, 1), 1000); len(b) > 0; {
				part := b[:min(n, len(b))]
				if _, err := client.Write(part); err != nil {
					return
				}
				b = b[len(part):]
			}
		})
		got, err := io.ReadAll(client)
		if err != nil {
			t.Fatalf("%v, after %q", err, got)
		}
		_ = client.Close()
		sent.Wait()
		if strings.Contains(log.String(), "panicked") {
			t.Fatal(log)
		}
		if bytes.Contains(text, []byte("HEAD")) {
			return // where its answer ends cannot be told from the answer
		}
		in := bufio.NewReader(bytes.NewReader(got))
		for {
			if _, err := in.Peek(1); err != nil {
				return
			}
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("%v: %q", err, got)
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				t.Fatalf("%v: %q", err, got)
			}
		}
	})
}
