package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
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
	started     time.Time
	log         *slog.Logger
	out         io.Writer // what a person reads at the start
	systemd     systemd
	sockets     sockets
	predecessor *predecessor    // that this one is to take over from; nil: none
	threads     func(n int) int // sets how many there are; nil: that is fixed

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
	sockets   sockets         // that are bound already
	takeover  bool            // take those of a Segue that runs, if one does
	threads   func(n int) int // sets how many there are; nil: that is fixed
}

// newApp makes a Segue and binds its addresses. It starts nothing.
func newApp(c *config.Config, o options) (*app, error) {
	a := &app{started: time.Now(), log: o.log, out: o.out, systemd: o.systemd, threads: o.threads, reload: make(chan struct{}, 1)}
	if err := a.open(c, o); err != nil {
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

// run serves until ctx is done, then drains, and returns when everything has
// ended; after another Segue has taken over, it returns as soon as the last
// session has ended by itself, and drains when that takes too long. Probing goes on until
// the last session has ended, and so do the admin API and the metrics, unless they are another's.
func (a *app) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	tail, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	ruling, cede := context.WithCancel(tail) // done when the admin API's address is another Segue's
	defer cede()
	g, serving := errgroup.WithContext(ctx)
	g.Go(func() error { return wrap("probe", a.monitor.Run(tail)) })
	if a.threads != nil {
		g.Go(func() error { followThreads(tail, a.threads, cpuTime, a.log); return nil })
	}
	g.Go(func() error { return wrap("watch configuration", a.watcher.Run(serving, a.config.current())) })
	if err := a.relieve(serving); err != nil {
		stop()
		end()
		_ = g.Wait()
		a.sockets.close()
		return err
	}
	g.Go(func() error {
		defer end()
		defer stop()
		return wrap("serve clients", a.server.Serve(serving, a.sockets.clients))
	})
	g.Go(func() error { return wrap("serve admin API", a.admin.Serve(ruling, a.sockets.api, a.log)) })
	g.Go(func() error {
		if a.cedes(serving, cede) {
			stop()
		}
		return nil
	})
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
		Listen:      a.sockets.clients.Addr().String(),
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
