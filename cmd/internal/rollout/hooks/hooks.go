// Package hooks stops, upgrades and starts nodes by what an operator has given: commands of the shell (which are ssh, kubectl or Ansible as well), or URLs
// that are told by HTTP.
//
// A command is a template: {{.Name}}, {{.Host}}, {{.Role}}, {{.Kind}}, {{.Address}} and {{.Version}} stand for what the node is, and so do SEGUE_NODE, SEGUE_HOST, SEGUE_ROLE, SEGUE_KIND,
// SEGUE_ADDRESS and SEGUE_VERSION in its environment. It has done its part when it ends with 0. A URL, http://… or https://…, is a template too: it gets a POST with the node as
// JSON, and has done its part when it answers 200 to 299. It is asked directly, without the environment's proxy, and redirects are not followed.
package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"text/template"
	"time"

	"segue/backend/wire"
	"segue/cmd/internal/rollout"
)

// Set is what an operator has given. What is empty does nothing.
type Set struct {
	// The hooks of a node.
	StopHook, StartHook, UpgradeHook, RollbackHook string
	// Check is the canary condition, asked behind every node; Backup saves the metadata, once.
	Check, Backup string
	// Timeout is how long each may take; what takes longer is ended with all that it started.
	Timeout time.Duration
	// Said gets what commands write, line by line as they come; may be nil.
	Said io.Writer
	// Held is kept open by a command until it has ended, also where this program has ended before it; may be nil. A lock on it is free when neither is there any more.
	Held *os.File
}

// Validate reports templates that cannot be read, and what is missing.
func (s *Set) Validate() error {
	for name, text := range map[string]string{"stop": s.StopHook, "start": s.StartHook, "upgrade": s.UpgradeHook, "rollback": s.RollbackHook, "check": s.Check, "backup": s.Backup} {
		if _, err := render(text, rollout.Node{Name: "n", Host: "h"}); err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
	}
	return nil
}

// Stop implements rollout.Driver.
func (s *Set) Stop(ctx context.Context, n rollout.Node) error { return s.Call(ctx, s.StopHook, n) }

// Start implements rollout.Driver.
func (s *Set) Start(ctx context.Context, n rollout.Node) error { return s.Call(ctx, s.StartHook, n) }

// Upgrade implements rollout.Driver.
func (s *Set) Upgrade(ctx context.Context, n rollout.Node) error {
	return s.Call(ctx, s.UpgradeHook, n)
}

// Rollback implements rollout.Driver.
func (s *Set) Rollback(ctx context.Context, n rollout.Node) error {
	return s.Call(ctx, s.RollbackHook, n)
}

// Call runs one hook for a node to its end.
func (s *Set) Call(ctx context.Context, hook string, n rollout.Node) error {
	if hook == "" {
		return nil
	}
	text, err := render(hook, n)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	if isURL(text) {
		err = post(ctx, text, n)
	} else {
		err = s.shell(ctx, text, n)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("`%s`: not done within %v", text, s.Timeout)
	}
	if err != nil {
		return fmt.Errorf("`%s`: %w", text, err)
	}
	return nil
}

func isURL(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}

// plain is what may stand for a node in a command: what a cluster says of itself is no program.
var plain = regexp.MustCompile(`^[A-Za-z0-9._:@%+\[\]-]*$`)

// values are what a template may name.
func values(n rollout.Node) (map[string]string, error) {
	all := map[string]string{
		"Name": n.Name, "Host": n.Host, "Role": string(n.Role), "Kind": string(n.Kind), "Address": n.Address, "HTTP": n.HTTP, "Version": n.Version,
	}
	for name, v := range all {
		if !plain.MatchString(v) {
			if name == "Version" {
				all[name] = ""
				continue
			}
			return nil, fmt.Errorf("the node's %s is %q, which is not put into a command", strings.ToLower(name), wire.Shown(v, wire.MaxShown))
		}
	}
	return all, nil
}

// render puts a node into a template.
func render(hook string, n rollout.Node) (string, error) {
	t, err := template.New("hook").Option("missingkey=error").Parse(hook)
	if err != nil {
		return "", fmt.Errorf("read %q: %w", hook, err)
	}
	all, err := values(n)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, all); err != nil {
		return "", fmt.Errorf("read %q: %w", hook, err)
	}
	return b.String(), nil
}

// client tells URLs. What a redirect or a proxy leads to is not what the operator has named: its 200 would count as a node that was stopped.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// post tells a URL.
func post(ctx context.Context, url string, n rollout.Node) error {
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 == 2 {
		return nil
	}
	const most = 500
	said, _ := io.ReadAll(io.LimitReader(resp.Body, most))
	return fmt.Errorf("it answers %s: %s", resp.Status, wire.Shown(strings.TrimSpace(string(said)), most))
}
