package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"segue/backend"
	"segue/cmd/internal/admin"
	"segue/config"
)

// firstRound is how long the start-up text waits for the first verdicts.
const firstRound = 2 * time.Second

// announce waits for the first verdict on every backend, or a while, and then
// tells whoever started Segue where it is and what it sees. After that it
// keeps readiness and systemd's status line up to date until ctx is done.
func (a *app) announce(ctx context.Context) {
	a.awaitVerdicts(ctx)
	if ctx.Err() != nil {
		return
	}
	fmt.Fprint(a.out, a.welcome())
	a.log.Info("serving", "listen", a.sockets.clients.String(), "loads", a.sockets.loads.String(), "admin", socketName(a.sockets.api.Addr()), "state", a.summary())
	a.systemd.ready(a.summary())
	a.systemd.started()
	for {
		changed := a.registry.Changed()
		a.admin.Ready()
		a.systemd.status(a.summary())
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// awaitVerdicts returns when there is a verdict on every backend, after
// firstRound, or when ctx is done.
func (a *app) awaitVerdicts(ctx context.Context) { a.await(ctx, firstRound, a.probed) }

// await returns when something is so of the backends, after a time, or when ctx is done.
func (a *app) await(ctx context.Context, most time.Duration, isSo func() bool) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		changed := a.registry.Changed() // before the look, so that nothing is missed
		if isSo() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// probed tells whether there is a verdict on every backend, and every source has told which there are.
func (a *app) probed() bool {
	if !a.discovery.heard() {
		return false
	}
	for _, b := range a.registry.Backends() {
		if b.Status().Health == backend.Unknown {
			return false
		}
	}
	return true
}

// summary is the state in a line: "2 of 3 backends up".
func (a *app) summary() string {
	return fmt.Sprintf("%d of %s up", a.up(), plural(len(a.registry.Backends()), "backend"))
}

// up is how many backends are.
func (a *app) up() (n int) {
	for _, b := range a.registry.Backends() {
		if b.Status().Health == backend.Up {
			n++
		}
	}
	return n
}

// welcome is the start-up text.
func (a *app) welcome() string {
	var text strings.Builder
	api := socketName(a.sockets.api.Addr())
	fmt.Fprintf(&text, "segue %s listens on %s, for example for\n\n", readBuild().Version, a.sockets.clients)
	for _, address := range a.sockets.clients.addresses() {
		text.WriteString(examples(address))
	}
	for _, address := range a.sockets.loads.addresses() {
		text.WriteString(a.loadExample(address))
	}
	text.WriteString("\n")
	var rows [][]string
	healthy := true
	for _, b := range a.registry.Backends() {
		s := b.Status()
		healthy = healthy && s.Health == backend.Up
		rows = append(rows, []string{s.Name, s.Address, s.Health.String(), strconv.Itoa(max(s.Weight, 1)), s.Cause})
	}
	_ = printTable(&text, []string{"BACKEND", "ADDRESS", "HEALTH", "WEIGHT", "CAUSE"}, rows) // a Builder takes everything
	if !healthy {
		fmt.Fprintf(&text, "\n`segue check` looks into a backend that is not up.\n")
	}
	if a.sockets.api.Addr().Network() == "unix" {
		fmt.Fprintf(&text, "\nadmin: %s   (`segue status --admin %s`)\n", api, api)
	} else {
		scheme := "http"
		if a.certificates.api.server.Load() != nil {
			scheme = "https"
		}
		fmt.Fprintf(&text, "\nadmin: "+scheme+"://%s/   (`segue status`, `segue backends`, /metrics)\n", reachable(api))
	}
	fmt.Fprintf(&text, "%s\n\n", a.steering())
	return text.String()
}

// examples are how clients connect to an address.
func examples(address string) string {
	if path, ok := config.UnixPath(address); ok {
		return fmt.Sprintf("  mysql -S %s -u USER -p\n  USER:PASSWORD@unix(%s)/DATABASE   (Go)\n", path, path)
	}
	at := reachable(address)
	host, port, _ := net.SplitHostPort(at)
	return fmt.Sprintf("  mysql -h %s -P %s -u USER -p\n  jdbc:mysql://%s/DATABASE\n  USER:PASSWORD@tcp(%s)/DATABASE   (Go)\n", host, port, at, at)
}

// loadExample is how clients load at an address.
func (a *app) loadExample(address string) string {
	const what = "/api/DATABASE/TABLE/_stream_load"
	if path, ok := config.UnixPath(address); ok {
		return fmt.Sprintf("  curl --unix-socket %s -u USER -T FILE -H Expect:100-continue http://segue%s\n", path, what)
	}
	scheme := "http"
	if c := a.config.current(); c.TLS.Mode == config.TLSRequired {
		scheme = "https"
	}
	return fmt.Sprintf("  curl -u USER -T FILE -H Expect:100-continue %s://%s%s   (loads)\n", scheme, reachable(address), what)
}

// socketName is the address of a socket as one writes it.
func socketName(at net.Addr) string {
	if at.Network() == "unix" {
		return "unix:" + at.String()
	}
	return at.String()
}

// steering says who may drain backends and pause statements.
func (a *app) steering() string {
	at := a.sockets.api.Addr()
	return a.config.current().Access.Steering(socketName(at), admin.IsLocal(at))
}

// sayWho logs that, and what works and should not be left as it is.
func (a *app) sayWho() {
	level := slog.LevelInfo
	if at := a.sockets.api.Addr(); !admin.IsLocal(at) && a.config.current().Access.Writers(false) == config.Anyone {
		level = slog.LevelWarn
	}
	a.log.Log(context.Background(), level, "who may steer Segue by the admin API", "admin", socketName(a.sockets.api.Addr()), "who", a.steering())
	a.warn()
}

// warn logs the warnings about the configuration in force.
func (a *app) warn() {
	for _, w := range a.config.current().Warnings {
		a.log.Warn("the configuration works, and should not be left as it is", "cause", w.String())
	}
}
