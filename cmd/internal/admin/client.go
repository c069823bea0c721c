package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"segue/backend"
	"segue/proxy"
)

// Client asks the admin API of a running Segue.
type Client struct {
	base string // http://host:port
	http *http.Client
}

// clientTimeout is how long an answer may take; events have no limit.
const clientTimeout = 5 * time.Second

// NewClient returns a client for the admin address host:port.
func NewClient(address string) *Client {
	return &Client{base: "http://" + address, http: &http.Client{
		// Of its own, and without the environment's proxy: the address is
		// this machine or one beside it.
		Transport: &http.Transport{},
	}}
}

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
func (c *Client) Sessions(ctx context.Context) ([]proxy.SessionInfo, error) {
	return get[[]proxy.SessionInfo](ctx, c, "/api/v1/sessions")
}

// Failures asks for what has failed since the start.
func (c *Client) Failures(ctx context.Context) (proxy.Failures, error) {
	return get[proxy.Failures](ctx, c, "/api/v1/failures")
}

// SetAdmin makes the backend called name ready, drain or maint, and returns it
// as it is then.
func (c *Client) SetAdmin(ctx context.Context, name string, a backend.Admin) (Backend, error) {
	return ask[Backend](ctx, c, http.MethodPost, "/api/v1/backends/"+url.PathEscape(name)+"/"+a.String())
}

// Pause holds all statements, for d at most.
func (c *Client) Pause(ctx context.Context, d time.Duration) (Status, error) {
	return ask[Status](ctx, c, http.MethodPost, "/api/v1/pause?for="+d.String())
}

// Resume lets them go on.
func (c *Client) Resume(ctx context.Context) (Status, error) {
	return ask[Status](ctx, c, http.MethodPost, "/api/v1/resume")
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
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
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
	resp, err := c.http.Do(req)
	if err != nil {
		// The address is named below.
		if asked, ok := errors.AsType[*url.Error](err); ok {
			err = asked.Err
		}
		if refused, ok := errors.AsType[*net.OpError](err); ok {
			err = refused.Err
		}
		return nil, fmt.Errorf("ask %s: %w", c.base, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, readProblem(resp)
}

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
	text := strings.TrimSpace(string(body))
	var p problem
	if json.Unmarshal(body, &p) == nil && p.Error != "" {
		text = p.Error
	}
	if text == "" {
		text = resp.Status
	}
	return &Error{resp.StatusCode, text}
}
