package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"segue/backend"
	"segue/cmd/internal/admin"
	"segue/config"
	"segue/health"
	"segue/proxy"
)

// app is one Segue: the rooms and what connects them.
type app struct {
	// Static after newApp.
	started time.Time
	log     *slog.Logger
	out     io.Writer // what a person reads at the start
	systemd systemd
	clients net.Listener
	api     net.Listener

	registry *backend.Registry
	monitor  *health.Monitor
	server   *proxy.Server
	admin    *admin.Handler
	watcher  *config.Watcher
	reload   chan struct{} // asks for a reload; never closed
	config   *state
}

// options is what newApp needs beside the configuration.
type options struct {
	path      string            // of the configuration, to watch; empty: there is no file
	overrides []config.Override // that hold for every reload
	log       *slog.Logger
	out       io.Writer
	systemd   systemd
}

// newApp makes a Segue and binds its addresses. It starts nothing.
func newApp(c *config.Config, o options) (*app, error) {
	a := &app{started: time.Now(), log: o.log, out: o.out, systemd: o.systemd, reload: make(chan struct{}, 1)}
	var err error
	if a.clients, err = listen("listen", c.Listen, func(address string) (net.Listener, error) { return proxy.Listen(context.Background(), address) }); err != nil {
		return nil, err
	}
	if a.api, err = listen("admin", c.Admin, func(address string) (net.Listener, error) { return net.Listen("tcp", address) }); err != nil {
		a.clients.Close()
		return nil, err
	}
	metrics := newMetrics()
	a.config = newState(c, o.path, metrics)
	a.registry = backend.NewRegistry(c.Balance.Options())
	a.registry.Apply(c.Backends)
	metrics.MustRegister(backend.NewCollector(a.registry))
	a.monitor = health.NewMonitor(a.registry, c.Health, o.log, metrics)
	a.server = proxy.NewServer(a.registry, c.Proxy, o.log, metrics)
	a.server.OnEvidence = a.monitor.Observe
	a.server.OnSilence = a.monitor.Doubt
	a.admin = &admin.Handler{
		Registry: a.registry, Sessions: a.server, Pauser: a.server, Failures: a.server, Metrics: metrics, About: a.about,
	}
	a.watcher = &config.Watcher{Path: o.path, Overrides: o.overrides, Trigger: a.reload, Changed: a.reloaded, Log: o.log}
	return a, nil
}

// listen binds the address of a key of the configuration.
func listen(key, address string, bind func(address string) (net.Listener, error)) (net.Listener, error) {
	ln, err := bind(address)
	if err == nil {
		return ln, nil
	}
	remedy := "choose another address with --" + key
	if errors.Is(err, syscall.EADDRINUSE) {
		remedy = "is another Segue or a server using it? " + remedy
	}
	return nil, fmt.Errorf("%s on %s: %w; %s", key, address, innermost(err), remedy)
}

// run serves until ctx is done, then drains, and returns when everything has
// ended. Probing, the admin API and the metrics live until the last session
// has ended.
func (a *app) run(ctx context.Context) error {
	tail, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	g, serving := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer end()
		return wrap("serve clients", a.server.Serve(serving, a.clients))
	})
	g.Go(func() error { return wrap("probe", a.monitor.Run(tail)) })
	g.Go(func() error { return wrap("serve admin API", a.admin.Serve(tail, a.api, a.log)) })
	g.Go(func() error { return wrap("watch configuration", a.watcher.Run(serving, a.config.current())) })
	g.Go(func() error { a.announce(serving); return nil })
	g.Go(func() error { a.awaitStop(serving); return nil })
	err := g.Wait()
	a.log.Info("stopped", "took", time.Since(a.started).Round(time.Millisecond), "cause", stopCause(err))
	return err
}

// awaitStop says everywhere that Segue is stopping, once it is.
func (a *app) awaitStop(serving context.Context) {
	<-serving.Done()
	most := a.config.current().Proxy.DrainTimeout
	a.admin.Drain()
	a.systemd.stopping(most + stopMargin)
	a.log.Info("draining", "sessions", len(a.server.Sessions()), "timeout", most)
}

// stopMargin is what stopping may take beside draining.
const stopMargin = 10 * time.Second

// cut ends every session now.
func (a *app) cut() {
	a.log.Warn("stopping without draining", "sessions", len(a.server.Sessions()))
	a.server.Close()
}

// requestReload asks for a reload; one that is under way already is enough.
func (a *app) requestReload() {
	select {
	case a.reload <- struct{}{}:
	default:
	}
}

// about is the program's part of the admin API's status.
func (a *app) about() admin.Status {
	return admin.Status{
		Version:     readBuild().Version,
		Flavor:      a.config.current().Flavor,
		Listen:      a.clients.Addr().String(),
		Started:     a.started,
		MaxSessions: a.server.MaxSessions(),
		Config:      a.config.reload(),
	}
}

// newMetrics is a registry with what is known of the process.
func newMetrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(processCollectors()...)
	return r
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func stopCause(err error) string {
	if err == nil {
		return "asked to"
	}
	return err.Error()
}

// innermost is what was wrong, without the layers that say where.
func innermost(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok || inner.Unwrap() == nil {
			return err
		}
		err = inner.Unwrap()
	}
}
