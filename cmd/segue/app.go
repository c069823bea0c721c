package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"segue/backend"
	"segue/cmd/internal/admin"
	"segue/cmd/internal/admin/history"
	"segue/config"
	"segue/health"
	proxy "segue/proxy"
	"segue/proxy/load"
)

// app is one Segue: the rooms and what connects them.
type app struct {
	// Static after newApp.
	started     time.Time
	log         *slog.Logger
	out         io.Writer // what a person reads at the start
	systemd     *systemd
	sockets     sockets
	place       place           // where another Segue asks for them
	predecessor *predecessor    // that this one is to take over from; nil: none
	threads     func(n int) int // sets how many there are; nil: that is fixed
	ceded       atomic.Bool     // another Segue has taken over
	hurried     chan struct{}   // closed when it is to stop now
	hurry       sync.Once       // closes it
	keeper      *keeper         // nil: there is no file to keep anything in

	certificates certificates

	registry  *backend.Registry
	discovery *discovery
	monitor   *health.Monitor
	server    *proxy.Server
	loads     *load.Server
	cluster   *loadCluster
	loadsLeft chan struct{} // closed when another Segue takes loads in this one's place
	admin     *admin.Handler
	watcher   *config.Watcher
	audit     *admin.Audit
	reload    chan func() // asks for a reload; never closed
	config    *state
}

// options is what newApp needs beside the configuration.
type options struct {
	path      string            // of the configuration, to watch; empty: there is no file
	overrides []config.Override // that hold for every reload
	log       *slog.Logger
	out       io.Writer
	dropped   func() uint64   // lines of log and out; nil: none are
	systemd   *systemd        // nil: there is none to tell
	sockets   sockets         // that are bound already
	place     place           // where another Segue asks for them
	args      []string        // what this Segue was started with, for one that takes over
	takeover  bool            // take those of a Segue that runs, if one does
	threads   func(n int) int // sets how many there are; nil: that is fixed
	loops     int             // how many event loops there are then; 0: one
}

// newApp makes a Segue and binds its addresses. It starts nothing.
func newApp(c *config.Config, o options) (*app, error) {
	a := &app{started: time.Now(), log: o.log, out: o.out, systemd: o.systemd, threads: o.threads, reload: make(chan func(), 1), hurried: make(chan struct{}), loadsLeft: make(chan struct{})}
	if a.systemd == nil {
		a.systemd = new(systemd)
	}
	if err := a.open(c, o); err != nil {
		return nil, err
	}
	if err := a.renewCertificates(c); err != nil {
		a.sockets.abandon()
		return nil, err
	}
	metrics := newMetrics(o.dropped)
	metrics.MustRegister(&a.certificates)
	a.config = newState(c, o.path, metrics)
	a.audit = admin.NewAudit(o.log)
	a.registry = backend.NewRegistry(c.Balance.Options(c.Zone))
	a.discovery = newDiscovery(a.registry, o.log, newDiscoveryMetrics(metrics))
	a.discovery.configure(c)
	metrics.MustRegister(backend.NewCollector(a.registry))
	a.monitor = health.NewMonitor(a.registry, c.Health, o.log, metrics)
	a.server = proxy.NewServer(a.registry, a.proxyOptions(c), o.log, metrics)
	a.server.SetLoops(o.loops)
	for _, s := range a.sockets.clients.all() {
		a.server.Listen(s.Listener)
	}
	a.cluster = newLoadCluster(a.registry, c, o.log)
	a.cluster.serving = func() bool { return len(a.sockets.loads.all()) > 0 }
	a.loads = load.NewServer(loadOptions(c), a.cluster, a.server.Ledger(), o.log, metrics)
	for _, s := range a.sockets.loads.all() {
		a.serveLoads(s)
	}
	a.server.OnEvidence = a.monitor.Observe
	a.server.OnSilence = a.monitor.Doubt
	a.server.OnMisdirected = a.discovery.misdirected
	a.admin = &admin.Handler{
		Registry: a.registry, Sessions: a.server, Loads: a.loads, Nodes: a.cluster, Pauser: a.server, Failures: a.server, Victim: a.server, Metrics: metrics, About: a.about,
		History: history.New(), Tallies: a.server, Traffic: a.traffic,
		Audit: a.audit, Reload: a.reloadNow,
		Log: o.log, MaxConnections: a.server.AdminConnections(), Said: func() { a.keeper.said() }, DialOther: dialOther, Ended: a.otherEnded,
		Certificate: a.certificates.api.server.Load,
	}
	a.server.Elsewhere = a.admin.Elsewhere()
	a.admin.SetAccess(c.Access, adminHosts(c.Admin, os.Hostname)...)
	a.restore(c.State)
	a.watcher = &config.Watcher{Path: o.path, Overrides: o.overrides, Trigger: a.reload, Changed: a.reloaded, Log: o.log}
	return a, nil
}

// run serves until ctx is done, for a while after that if it is configured to, then drains, and returns when everything has
// ended; after another Segue has taken over, it returns as soon as the last
// session has ended by itself, and drains when that takes too long. Probing goes on until
// the last session has ended, and so do the admin API and the metrics, unless they are another's.
func (a *app) run(ctx context.Context) error {
	asked := ctx
	ctx, stop := context.WithCancel(context.WithoutCancel(asked))
	defer stop()
	atOnce := context.AfterFunc(asked, stop) // as long as it serves nobody
	tail, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	ruling, cede := context.WithCancel(tail) // done when the admin API's address is another Segue's
	defer cede()
	g, serving := errgroup.WithContext(ctx)
	go a.keeper.run() // see keeper.end
	g.Go(func() error { return wrap("probe", a.monitor.Run(tail)) })
	if a.threads != nil {
		g.Go(func() error { followThreads(tail, machine{a.threads, cpuTime}, a.server, a.log); return nil })
	}
	g.Go(func() error { return wrap("watch configuration", a.watcher.Run(serving, a.config.current())) })
	g.Go(func() error { return a.discovery.run(tail) }) // as long as probing: sessions may go on for long
	if err := a.relieve(serving); err != nil {
		stop()
		end()
		_ = g.Wait()
		a.keeper.end()
		a.sockets.abandon()
		return err
	}
	if atOnce() {
		g.Go(func() error { a.linger(asked, serving); stop(); return nil })
	}
	g.Go(func() error { a.stopEarlier(asked, serving); return nil })
	loaded := make(chan struct{})
	g.Go(func() error { return wrap("know the nodes for loads", a.cluster.run(tail)) })
	g.Go(func() error {
		defer close(loaded)
		return wrap("serve loads", a.runLoads(serving))
	})
	g.Go(func() error {
		defer end()
		defer stop()
		err := a.server.Serve(serving)
		<-loaded               // another Segue may have taken over, and loads be left that are to end by themselves
		a.admin.Farewell(tail) // to who has taken over, if anybody has
		return wrap("serve clients", err)
	})
	g.Go(func() error { return wrap("serve admin API", a.admin.Serve(ruling, a.sockets.api)) })
	g.Go(func() error { a.admin.Record(tail); return nil })
	a.sayWho()
	answer := func(f *socketFile) {
		g.Go(func() error {
			defer f.remove()
			return wrap("serve the Segue that has taken over", a.admin.ServePrivate(tail, f))
		})
	}
	g.Go(func() error {
		if a.cedes(serving, answer, cede) {
			stop()
		}
		return nil
	})
	g.Go(func() error { a.announce(serving); return nil })
	g.Go(func() error { a.certificates.watchExpiry(serving, a.log); return nil })
	g.Go(func() error { a.awaitStop(serving); return nil })
	err := g.Wait()
	a.keeper.end()
	if !a.ceded.Load() {
		a.sockets.remove()
	}
	a.log.Info("stopped", "took", time.Since(a.started).Round(time.Millisecond), "cause", stopCause(err))
	return err
}

// awaitStop says everywhere that Segue is stopping, once it is.
func (a *app) awaitStop(serving context.Context) {
	<-serving.Done()
	most := a.config.current().Proxy.DrainTimeout
	a.admin.Drain()
	a.systemd.stopping("draining", most+stopMargin)
	a.log.Info("draining", "sessions", len(a.server.Sessions()), "timeout", most)
}

// stopMargin is what stopping may take beside draining.
const stopMargin = 10 * time.Second

// cut ends every session now.
func (a *app) cut() {
	a.log.Warn("stopping without draining", "sessions", len(a.server.Sessions()))
	a.hurry.Do(func() { close(a.hurried) })
	a.server.Close()
	a.loads.Close()
}

// requestReload asks for a reload; one that has been asked for already is enough.
func (a *app) requestReload() {
	a.audit.Note("reload", "SIGHUP")
	select {
	case a.reload <- func() {}:
	default:
	}
}

// reloadNow has the configuration read again, and tells how that went.
func (a *app) reloadNow(ctx context.Context) (admin.Reload, error) {
	over := make(chan struct{})
	select {
	case a.reload <- func() { close(over) }:
	case <-ctx.Done():
		return admin.Reload{}, ctx.Err()
	}
	select {
	case <-over:
		return a.config.reload(), nil
	case <-ctx.Done():
		return admin.Reload{}, ctx.Err()
	}
}

// about is the program's part of the admin API's status.
func (a *app) about() admin.Status {
	return admin.Status{
		Version:     readBuild().Version,
		Flavor:      a.config.current().Flavor,
		Listen:      a.sockets.clients.String(),
		LoadListen:  a.sockets.loads.String(),
		Started:     a.started,
		MaxSessions: a.server.MaxSessions(),
		Accounts:    a.server.Accounts(),
		Config:      a.config.reload(),
		Discovery:   a.discovery.status(),

		DrainTimeout: a.config.current().Proxy.DrainTimeout.Seconds(),
	}
}

// adminHosts are the names that the admin API may be asked under: the one it is configured with, and the machine's, with and without its domain.
func adminHosts(address string, hostname func() (string, error)) (names []string) {
	_, isPath := config.UnixPath(address)
	if host, _, err := net.SplitHostPort(address); err == nil && host != "" && !isPath {
		names = append(names, host)
	}
	if name, err := hostname(); err == nil && name != "" {
		short, _, _ := strings.Cut(name, ".")
		names = append(names, name, short)
	}
	return names
}

// newMetrics is a registry with what is known of the process, and how many lines it has dropped.
func newMetrics(dropped func() uint64) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(processCollectors()...)
	r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "segue_log_dropped_total", Help: "Lines for stdout and stderr that were dropped, because nobody had read those before them, or because they could not be written.",
	}, func() float64 {
		if dropped == nil {
			return 0
		}
		return float64(dropped())
	}))
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
