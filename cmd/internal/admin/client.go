package admin

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"segue/backend"
	"segue/backend/wire"
	"segue/config"
	"segue/proxy/ledger"
)

// Client asks the admin API of a running Segue.
type Client struct {
	base  string // http://host:port, or https
	at    string // what it is called in errors
	token string
	http  *http.Client
}

// clientTimeout is how long an answer may take; events have no limit.
const clientTimeout = 5 * time.Second

// maxAnswer is how long an answer may be, in bytes: a million sessions take less.
const maxAnswer = 1 << 30

// NewClient returns a client for the admin address host:port, or unix: and the path of a socket.
func NewClient(address string) *Client {
	if path, ok := config.UnixPath(address); ok {
		return newSocketClient(path, dialPath)
	}
	// The transport is of its own, and without the environment's proxy: the
	// address is this machine or one beside it.
	return newClient("http://"+address, "http://"+address, &http.Transport{})
}

// NewSecureClient returns a client for the admin address host:port, which is on TLS.
func NewSecureClient(address string, config *tls.Config) *Client {
	return newClient("https://"+address, "https://"+address, &http.Transport{TLSClientConfig: config})
}

func dialPath(ctx context.Context, path string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", path)
}

// newSocketClient returns a client for a socket at a path.
func newSocketClient(path string, dial func(ctx context.Context, path string) (net.Conn, error)) *Client {
	return newClient("http://localhost", "unix:"+path, &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, path) },
	})
}

func newClient(base, at string, transport *http.Transport) *Client {
	return &Client{base: base, at: at, http: &http.Client{
		Transport: transport,
		// No answer of the API leads elsewhere, where the token would be a stranger's.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// At is what the client asks: http://host:port, https://host:port, or unix: and a path.
func (c *Client) At() string { return c.at }

// Authorize has the client show a token.
func (c *Client) Authorize(token string) { c.token = token }

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status asks for Segue as a whole.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return get[Status](ctx, c, "/api/v1/status")
}

// Backends lists the backends in the order of the configuration.
func (c *Client) Backends(ctx context.Context) ([]Backend, error) {
	return get[[]Backend](ctx, c, "/api/v1/backends")
}

// Sessions lists the sessions by id, which is the order of their coming.
func (c *Client) Sessions(ctx context.Context) ([]Session, error) {
	return get[[]Session](ctx, c, "/api/v1/sessions")
}

// Loads lists the loads over HTTP in flight, the oldest first.
func (c *Client) Loads(ctx context.Context) ([]Load, error) {
	return get[[]Load](ctx, c, "/api/v1/loads")
}

// Nodes lists the BEs and CNs that loads may be sent to.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	return get[[]Node](ctx, c, "/api/v1/nodes")
}

// SetNode has a BE or CN get no new load for so long (drain), or takes that back (ready).
func (c *Client) SetNode(ctx context.Context, name string, a backend.Admin, d time.Duration) (Node, error) {
	return ask[Node](ctx, c, http.MethodPost, "/api/v1/nodes/"+url.PathEscape(name)+"/"+a.String()+"?for="+d.String())
}

// Failures asks for what has failed since the start.
func (c *Client) Failures(ctx context.Context) (ledger.Failures, error) {
	return get[ledger.Failures](ctx, c, "/api/v1/failures")
}

// SetAdmin makes the backend called name ready, drain or maint, and returns it
// as it is then. The last one that is usable is taken out with force alone.
func (c *Client) SetAdmin(ctx context.Context, name string, a backend.Admin, force bool) (Backend, error) {
	path := "/api/v1/backends/" + url.PathEscape(name) + "/" + a.String()
	if force {
		path += "?force=true"
	}
	return ask[Backend](ctx, c, http.MethodPost, path)
}

// Pause holds all statements, for d at most.
func (c *Client) Pause(ctx context.Context, d time.Duration) (Status, error) {
	return ask[Status](ctx, c, http.MethodPost, "/api/v1/pause?for="+d.String())
}

// Resume lets them go on.
func (c *Client) Resume(ctx context.Context) (Status, error) {
	return ask[Status](ctx, c, http.MethodPost, "/api/v1/resume")
}

// Reload has the configuration read again, and tells how that went.
func (c *Client) Reload(ctx context.Context) (Reload, error) {
	return ask[Reload](ctx, c, http.MethodPost, "/api/v1/reload")
}

// Live tells whether /livez answers.
func (c *Client) Live(ctx context.Context) error { return c.check(ctx, "/livez") }

// Ready tells whether /readyz says ready; the error says why it does not.
func (c *Client) Ready(ctx context.Context) error { return c.check(ctx, "/readyz") }

// Events calls each with every change until ctx is done, the server ends the
// stream (nil then) or each returns an error, which Events returns.
func (c *Client) Events(ctx context.Context, each func(Event) error) error {
	resp, err := c.do(ctx, http.MethodGet, "/api/v1/events")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue // the event's type, a heartbeat, the end of an event
		}
		var e Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return fmt.Errorf("read event: %w", err)
		}
		if err := each(e); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return lines.Err()
}

// Metrics asks for what Segue counts, by the names of the metrics.
func (c *Client) Metrics(ctx context.Context) (map[string]*dto.MetricFamily, error) {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	text, err := c.metrics(ctx)
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read answer of /metrics: %w", err)
	}
	return families, nil
}

// metrics asks for a scrape.
func (c *Client) metrics(ctx context.Context) (string, error) {
	resp, err := c.do(ctx, http.MethodGet, "/metrics")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return string(text), err
}

func (c *Client) check(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, path)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	return ask[T](ctx, c, http.MethodGet, path)
}

func ask[T any](ctx context.Context, c *Client, method, path string) (T, error) {
	var v T
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	resp, err := c.do(ctx, method, path)
	if err != nil {
		return v, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&v); err != nil {
		return v, fmt.Errorf("read answer of %s: %w", path, err)
	}
	return v, nil
}

// do sends one request. A response that it returns is a 200, its body the
// caller's to close.
func (c *Client) do(ctx context.Context, method, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	if !isLocalName(req.Host) {
		req.Host = "localhost" // names are checked for browsers' sake: a page can choose its name, and not this header
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err == nil && c.at == c.base && resp.Header.Get(mark) == "" {
		defer resp.Body.Close()
		if wantsTLS(resp) {
			return nil, fmt.Errorf("%s is on TLS: give it as https://%s", c.at, req.URL.Host)
		}
		return nil, &StrangerError{c.at, webServer(resp)}
	}
	if err != nil {
		if c.at == c.base && !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(ctx.Err(), context.Canceled) {
			if who := speaker(context.WithoutCancel(ctx), req.URL.Host); who != "" {
				return nil, &StrangerError{c.at, who}
			}
		}
		// The address is named below.
		if asked, ok := errors.AsType[*url.Error](err); ok {
			err = asked.Err
		}
		if refused, ok := errors.AsType[*net.OpError](err); ok {
			err = refused.Err
		}
		return nil, fmt.Errorf("ask %s: %w", c.at, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, readProblem(resp)
}

// maxProblem is the longest text of an error that is shown, in bytes: it may name all backends.
const maxProblem = 4 << 10

// Error is an answer of the API that is not 200.
type Error struct {
	Code int // HTTP status code
	Text string
}

func (e *Error) Error() string { return e.Text }

func readProblem(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxHeader))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	text := string(body)
	var p problem
	if json.Unmarshal(body, &p) == nil && p.Error != "" {
		text = p.Error
	}
	text = wire.Shown(text, maxProblem) // somebody else may sit there
	if text == "" {
		text = resp.Status
	}
	return &Error{resp.StatusCode, text}
}
