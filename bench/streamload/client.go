package streamload

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Request is one load. Its zero fields send nothing.
type Request struct {
	Address        string            // HOST:PORT of an FE, or of what stands before it
	Path           string            // /api/DATABASE/TABLE/_stream_load
	User, Password string            // sent to everybody that a redirect names, as curl's --location-trusted does
	Headers        map[string]string // label, format and so on
	Body           func() io.Reader  // a new one for each time it is sent
	Size           int64             // of the body, in bytes
	Chunked        bool              // the body is sent in chunks, and its size is not told
}

// Client sends loads. It may be used by several goroutines at a time.
type Client struct {
	Timeout  time.Duration // of one connect, of each piece of a body, and of the answer
	Patience time.Duration // how long the body waits for 100 Continue. Zero: a second, as curl
	Buffer   int           // bytes of a body that are handed over at a time. Zero: 256 KiB
}

const (
	defaultPatience = time.Second
	defaultBuffer   = 256 << 10
	mostRedirects   = 5
	mostAnswer      = 1 << 20 // bytes; a real one has about a thousand
)

// Put sends one load and returns its answer. An error is a [*Failure].
func (c *Client) Put(ctx context.Context, r *Request) (*Answer, error) {
	address, path := r.Address, r.Path
	for hop := range mostRedirects + 1 {
		t := &try{client: c, request: r, at: hop, failure: Failure{Redirected: hop > 0}}
		answer, location, err := t.run(ctx, address, path)
		if err != nil {
			t.failure.Err = err
			return nil, &t.failure
		}
		if location == "" {
			answer.Redirects = hop
			return answer, nil
		}
		if address, path, err = target(location); err != nil {
			t.failure.Err = err
			return nil, &t.failure
		}
	}
	return nil, &Failure{Phase: Asking, Redirected: true, Err: errors.New("redirected too often")}
}

// target is where a Location points to.
func target(location string) (address, path string, err error) {
	u, err := url.Parse(location)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return "", "", fmt.Errorf("the redirect's location is no http address") // it may hold a password
	}
	address = u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "80")
	}
	return address, u.RequestURI(), nil
}

// try is one connection of a load.
type try struct {
	client  *Client
	request *Request
	at      int
	conn    net.Conn
	in      *bufio.Reader
	failure Failure
}

// run makes one connection. location is where a redirect points to; else there is an answer, or an error.
func (t *try) run(ctx context.Context, address, path string) (answer *Answer, location string, err error) {
	t.failure.Phase = Connecting
	d := net.Dialer{Timeout: t.client.Timeout}
	if t.conn, err = d.DialContext(ctx, "tcp", address); err != nil {
		return nil, "", err
	}
	defer t.conn.Close()
	defer context.AfterFunc(ctx, func() { t.conn.Close() })()
	t.in = bufio.NewReader(t.conn)
	t.failure.Phase = Asking
	t.within(t.client.Timeout)
	if _, err = io.WriteString(t.conn, t.head(address, path)); err != nil {
		return nil, "", err
	}
	response, err := t.permission()
	if err != nil {
		return nil, "", err
	}
	if response == nil {
		if response, err = t.send(); err != nil {
			return nil, "", err
		}
	}
	return t.judge(response)
}

// head is the request without its body.
func (t *try) head(host, path string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "PUT %s HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\n", path, host)
	if t.request.User != "" {
		fmt.Fprintf(&b, "Authorization: Basic %s\r\n", base64.StdEncoding.EncodeToString([]byte(t.request.User+":"+t.request.Password)))
	}
	for _, name := range sortedNames(t.request.Headers) {
		fmt.Fprintf(&b, "%s: %s\r\n", name, t.request.Headers[name])
	}
	if t.request.Chunked {
		b.WriteString("Transfer-Encoding: chunked\r\n")
	} else {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", t.request.Size)
	}
	return b.String() + "\r\n"
}

func sortedNames(headers map[string]string) []string {
	names := make([]string, 0, len(headers))
	for name := range headers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// within is how long the next step may take.
func (t *try) within(d time.Duration) { _ = t.conn.SetDeadline(time.Now().Add(d)) } // one that is closed says so at once

// permission waits for 100 Continue. It returns an answer that came in its place, or nil: the body may be sent.
func (t *try) permission() (*http.Response, error) {
	patience := t.client.Patience
	if patience <= 0 {
		patience = defaultPatience
	}
	t.within(patience)
	_, err := t.in.Peek(1)
	t.within(t.client.Timeout)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	response, err := t.response()
	if err == nil && response.StatusCode == http.StatusContinue {
		return nil, nil
	}
	return response, err
}

func (t *try) response() (*http.Response, error) {
	return http.ReadResponse(t.in, &http.Request{Method: http.MethodPut})
}

// send sends the body and reads what comes after it. Whoever has answered while it was sent has answered.
func (t *try) send() (*http.Response, error) {
	t.failure.Phase = Sending
	err := t.body()
	if err == nil {
		t.failure.Sent = true
		t.failure.Phase = Waiting
	}
	t.within(t.client.Timeout)
	for {
		response, wrong := t.response()
		switch {
		case wrong != nil && err != nil:
			return nil, err
		case wrong != nil:
			return nil, wrong
		case response.StatusCode != http.StatusContinue:
			return response, nil
		}
	}
}

// body sends it.
func (t *try) body() error {
	size := t.client.Buffer
	if size <= 0 {
		size = defaultBuffer
	}
	var out io.Writer = &patient{t}
	if !t.request.Chunked {
		n, err := io.CopyBuffer(out, reader{io.LimitReader(t.request.Body(), t.request.Size)}, make([]byte, size))
		if err == nil && n < t.request.Size {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	chunks := &chunked{out: out}
	if _, err := io.CopyBuffer(chunks, reader{t.request.Body()}, make([]byte, size)); err != nil {
		return err
	}
	_, err := io.WriteString(out, "0\r\n\r\n")
	return err
}

// reader has no other way to be read.
type reader struct{ io.Reader }

// patient gives each piece its time.
type patient struct{ *try }

func (p *patient) Write(b []byte) (int, error) {
	p.within(p.client.Timeout)
	return p.conn.Write(b)
}

// chunked frames each piece as a chunk, in one write.
type chunked struct {
	out    io.Writer
	framed []byte
}

func (c *chunked) Write(b []byte) (int, error) {
	c.framed = append(strconv.AppendInt(c.framed[:0], int64(len(b)), 16), "\r\n"...)
	c.framed = append(append(c.framed, b...), "\r\n"...)
	if _, err := c.out.Write(c.framed); err != nil {
		return 0, err
	}
	return len(b), nil
}

// judge reads an answer.
func (t *try) judge(response *http.Response) (*Answer, string, error) {
	t.failure.Phase = max(t.failure.Phase, Asking)
	if response.StatusCode == http.StatusTemporaryRedirect {
		if location := response.Header.Get("Location"); location != "" {
			return nil, location, nil
		}
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if err != nil {
		return nil, "", err
	}
	answer, err := read(response.StatusCode, text)
	return answer, "", err
}
