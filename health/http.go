package health

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"segue/backend"
	"segue/backend/dial"
)

// maxHealthBody is how much of a body is read, and how long the headers may be, in bytes. Real ones are below 1 kB.
const maxHealthBody = 64 << 10

// HTTP asks a backend's health URL. It keeps one connection open between two checks, follows no redirect and uses no
// proxy of the environment. One HTTP serves one backend and runs one check at a time.
type HTTP struct {
	flavor backend.Flavor
	client *http.Client
	wire   *tripwire
	dialer dial.Dialer
	memory dial.Memory // of the health URL's host
	tls    *tls.Config // nil: the system's certificates; set by tests
	last   string      // the health URL of the last check
}

// NewHTTP makes a checker for one backend of this flavor. trip is called when the server closes the connection while
// it is idle; it must not block. It may be nil. Close ends the checker.
func NewHTTP(flavor backend.Flavor, trip func(cause error)) *HTTP {
	if trip == nil {
		trip = func(error) {}
	}
	h := &HTTP{flavor: flavor, wire: &tripwire{trip: trip}}
	h.client = &http.Client{
		Transport: &http.Transport{
			DialContext:            h.dial,
			DialTLSContext:         h.dialTLS,
			MaxIdleConnsPerHost:    1,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHealthBody,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return h
}

func (h *HTTP) dial(ctx context.Context, _, address string) (net.Conn, error) {
	conn, err := h.dialer.Dial(ctx, address, &h.memory)
	if err != nil {
		return nil, err
	}
	return &wiredConn{conn, h.wire}, nil
}

// dialTLS is dial for https. The tripwire lies above TLS: below it, a connection that TLS closes in good order would
// not be seen to end.
func (h *HTTP) dialTLS(ctx context.Context, _, address string) (net.Conn, error) {
	plain, err := h.dialer.Dial(ctx, address, &h.memory)
	if err != nil {
		return nil, err
	}
	config := h.tls.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if host, _, err := net.SplitHostPort(address); err == nil && config.ServerName == "" {
		config.ServerName = host
	}
	conn := tls.Client(plain, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = plain.Close()
		return nil, err
	}
	return &wiredConn{conn, h.wire}, nil
}

// Close closes the idle connection.
func (h *HTTP) Close() { h.client.CloseIdleConnections() }

// Check implements [Checker].
func (h *HTTP) Check(ctx context.Context, b *backend.Backend) Result {
	start := time.Now()
	text := b.Status().HealthURL
	if text != h.last { // the configuration has changed
		h.Close()
		h.last = text
	}
	u, err := parseHealthURL(text)
	if err != nil {
		return Result{Misconfigured, err.Error(), time.Since(start)}
	}
	a, err := h.get(ctx, u)
	took := time.Since(start)
	if err != nil {
		v, cause := judgeHTTPError(u, err, took)
		return Result{v, cause, took}
	}
	v, cause := judgeAnswer(h.flavor, u, a)
	return Result{v, cause, took}
}

// parseHealthURL checks what can be checked without asking the server. The error repeats nothing that could be a
// password.
func parseHealthURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("health URL cannot be read; write it like http://host:8030/api/health")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("health URL begins with %q; write http:// or https://", short(u.Scheme))
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("health URL names no host; write it like http://host:8030/api/health")
	}
	return u, nil
}

// answer is what a server said to a GET.
type answer struct {
	status   int
	location string // where a redirect points to, without user and query
	body     []byte
}

// get asks for u. The body may be cut off at maxHealthBody.
func (h *HTTP) get(ctx context.Context, u *url.URL) (a answer, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return a, err
	}
	req.Header.Set("User-Agent", "segue")
	idle := false
	h.wire.begin()
	defer func() { h.wire.end(idle) }()
	resp, err := h.client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	a.status = resp.StatusCode
	if to, err := resp.Location(); err == nil {
		a.location = to.Scheme + "://" + to.Host + to.Path
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxHealthBody))
	if err != nil && a.status == http.StatusOK { // another status has said it all
		return a, err
	}
	idle = err == nil && !resp.Close
	return a, nil
}
