package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"segue/backend/files"
)

const (
	// requestTimeout is the longest that anything but a watch may take.
	requestTimeout = 30 * time.Second
	// maxBody is the largest answer that is read: etcd holds no object of more than 1.5 MiB, and lists come in pages.
	maxBody = 64 << 20
	// maxRefusal is how much is read of an error's body.
	maxRefusal = 64 << 10
)

// The content types of patches.
const (
	// MergePatch is JSON merge patch (RFC 7386): lists are replaced whole. Custom resources know it.
	MergePatch = "application/merge-patch+json"
	// StrategicPatch merges lists by their elements' names; only the API's own types know it.
	StrategicPatch = "application/strategic-merge-patch+json"
)

// Client asks one API server. It may be used by many at a time.
type Client struct {
	server    *url.URL
	tokenFile string
	reading   sync.Mutex // one reads it at a time: a reader takes another one for one that hangs
	files     files.Reader
	namespace string
	trust     *trust
}

// New makes a client. It asks nothing yet, but reads the files once, so that a wrong path is told at once.
func New(c Config) (*Client, error) {
	c, err := c.resolve(os.Getenv)
	if err != nil {
		return nil, err
	}
	server, err := ParseServer(c.Server)
	if err != nil {
		return nil, err
	}
	client := &Client{server: server, tokenFile: c.TokenFile, namespace: c.Namespace, trust: &trust{file: c.CAFile}}
	if _, err := client.token(); err != nil {
		return nil, err
	}
	if _, err := client.trust.client(); err != nil {
		return nil, err
	}
	return client, nil
}

// Namespace is the one that objects are in that name none.
func (c *Client) Namespace() string { return c.namespace }

// Close closes connections that nobody uses.
func (c *Client) Close() { c.trust.close() }

// mostFile bounds a token, and a list of authorities.
const mostFile = 1 << 20

// unread names the file in an error that does not.
func unread(path string, err error) error {
	if _, named := errors.AsType[*fs.PathError](err); named {
		return err
	}
	return fmt.Errorf("%s %w", path, err)
}

// token reads the bearer token. It is read for each request: the kubelet renews it in its file, and requests are few.
func (c *Client) token() (string, error) {
	if c.tokenFile == "" {
		return "", nil
	}
	c.reading.Lock()
	text, err := c.files.Read(c.tokenFile, mostFile)
	c.reading.Unlock()
	if err != nil {
		return "", fmt.Errorf("read token: %w", unread(c.tokenFile, err))
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("read token: %s is empty", c.tokenFile)
	}
	if strings.ContainsAny(token, "\r\n\x00 ") {
		return "", fmt.Errorf("read token: %s holds more than a token", c.tokenFile)
	}
	return token, nil
}

// Get reads the object at path into into.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	return c.exchange(ctx, http.MethodGet, path, "", nil, into)
}

// Post creates what body says at path. into may be nil.
func (c *Client) Post(ctx context.Context, path string, body, into any) error {
	return c.exchange(ctx, http.MethodPost, path, "application/json", body, into)
}

// Patch changes the object at path by a patch of the given content type, and reads what it has become into into, which may be nil.
func (c *Client) Patch(ctx context.Context, path, contentType string, body, into any) error {
	return c.exchange(ctx, http.MethodPatch, path, contentType, body, into)
}

func (c *Client) exchange(ctx context.Context, verb, path, contentType string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return fmt.Errorf("%s %s: %w", verb, path, err)
		}
	}
	resp, err := c.send(ctx, verb, path, nil, contentType, text)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := readAll(resp.Body, maxBody)
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, path, err)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%s %s: %w", verb, path, err)
	}
	return nil
}

// send asks, and gives an answer that is 2xx. Where the server does not know the token, and the file holds another one by now, it asks once more.
func (c *Client) send(ctx context.Context, verb, path string, query url.Values, contentType string, body []byte) (*http.Response, error) {
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	resp, err := c.sendAs(ctx, token, verb, path, query, contentType, body)
	if Code(err) != http.StatusUnauthorized {
		return resp, err
	}
	renewed, readErr := c.token()
	if readErr != nil || renewed == token {
		return nil, err
	}
	return c.sendAs(ctx, renewed, verb, path, query, contentType, body)
}

func (c *Client) sendAs(ctx context.Context, token, verb, path string, query url.Values, contentType string, body []byte) (*http.Response, error) {
	client, err := c.trust.client()
	if err != nil {
		return nil, err
	}
	u := *c.server
	u.Path += path
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, verb, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", verb, path, err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "segue")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok { // its text repeats verb and address
			err = u.Err
		}
		return nil, fmt.Errorf("%s %s at %s: %w", verb, path, c.server.Host, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what is there of it
	return nil, refusal(verb, path, resp.StatusCode, resp.Header, text)
}

func readAll(r io.Reader, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("read answer: more than %d bytes", most)
	}
	return text, nil
}
