package facts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"segue/cmd/internal/rollout"
)

// mostBody is how much of an answer is read, in bytes.
const mostBody = 1 << 20

// get asks a page for its text.
func get(ctx context.Context, page, user, password string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, http.NoBody)
	if err != nil {
		return nil, err
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	path := req.URL.Path
	resp, err := client.Do(req)
	if err != nil {
		if asked, ok := errors.AsType[*url.Error](err); ok {
			err = asked.Err
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %w", path, statusError(resp.StatusCode))
	}
	return io.ReadAll(io.LimitReader(resp.Body, mostBody))
}

// wellBody reads what a backend's /api/health says: {"status": "OK"} of StarRocks; Doris has "msg": "OK" or "success" beside a code.
func wellBody(body []byte) bool {
	var b struct {
		Status string `json:"status"`
		Msg    string `json:"msg"`
		Code   *int   `json:"code"`
	}
	if json.Unmarshal(body, &b) != nil {
		return false
	}
	return strings.EqualFold(b.Status, "OK") || b.Status == "" && (strings.EqualFold(b.Msg, "success") || strings.EqualFold(b.Msg, "OK")) && (b.Code == nil || *b.Code == 0)
}

// healthURL is that of a node whose HTTP port the cluster has told; empty: not known. It is https where those of the seeds are, at their port: the one that is told is that of http.
func (s *Source) healthURL(n *rollout.Node) string {
	u, err := url.Parse(s.Flavor.HealthURL(n.Address))
	if err != nil || u.Host == "" {
		return ""
	}
	u.Host = n.HTTP
	for _, seed := range s.Seeds {
		if of, err := url.Parse(seed.HealthURL); err == nil && of.Scheme == "https" {
			u.Scheme, u.Host = of.Scheme, net.JoinHostPort(n.Host, cmp.Or(of.Port(), "443"))
			break
		}
	}
	return u.String()
}
