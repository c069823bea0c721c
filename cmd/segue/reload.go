package main

import (
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"segue/cmd/internal/admin"
	"segue/config"
)

// state is the configuration in force, and how its last load went.
type state struct {
	// Static after newState.
	successful prometheus.Gauge
	timestamp  prometheus.Gauge
	begun      *config.Config

	mu     sync.Mutex // guards what follows
	config *config.Config
	last   admin.Reload
	next   chan struct{} // closed when another is put in force
}

// pending are the keys whose values are not those that the process has been started with, and need a restart to take effect.
func (s *state) pending(c *config.Config) []string { return config.Diff(s.begun, c).Restart }

func newState(c *config.Config, path string, reg prometheus.Registerer) *state {
	s := &state{
		successful: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "segue_config_last_reload_successful", Help: "Whether the last load of the configuration succeeded: 1 or 0. At 0 the one before it is in force.",
		}),
		timestamp: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "segue_config_last_reload_success_timestamp_seconds", Help: "When the configuration in force was loaded.",
		}),
		begun: c,
		last:  admin.Reload{Path: path},
		next:  make(chan struct{}),
	}
	reg.MustRegister(s.successful, s.timestamp)
	s.accept(c)
	return s
}

func (s *state) current() *config.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}

// watch is current, and what is closed once it is another.
func (s *state) watch() (c *config.Config, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config, s.next
}

func (s *state) reload() admin.Reload {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.last
	last.Problems, last.Restart = slices.Clone(last.Problems), slices.Clone(last.Restart)
	return last
}

// accept puts c in force.
func (s *state) accept(c *config.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config = c
	close(s.next)
	s.next = make(chan struct{})
	s.last.Successful, s.last.Loaded, s.last.Problems, s.last.Restart = true, time.Now(), nil, s.pending(c)
	s.successful.Set(1)
	s.timestamp.SetToCurrentTime()
}

// refuse keeps the configuration in force.
func (s *state) refuse(problems []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last.Successful, s.last.Problems = false, problems
	s.successful.Set(0)
}

// reloaded takes a new configuration, or what is wrong with it. By then all of
// it has been checked, and once its addresses are bound nothing can fail half-way. The watcher calls it,
// one call at a time.
func (a *app) reloaded(c *config.Config, err error) {
	a.systemd.reloading()
	defer func() { a.systemd.ready(a.summary()) }()
	if err != nil {
		problems := problemTexts(err)
		a.config.refuse(problems)
		for _, p := range problems {
			a.log.Error("configuration refused, the one before it stays in force", "cause", p)
		}
		return
	}
	take, drop, err := a.rebind(c)
	if err == nil {
		if err = a.renewCertificates(c); err != nil { // it was fine a moment ago
			drop()
		}
	}
	if err != nil {
		a.config.refuse([]string{err.Error()})
		a.log.Error("configuration refused, the one before it stays in force", "cause", err)
		return
	}
	old := a.config.current()
	changes := config.Diff(old, c)
	if c.Balance != old.Balance || c.Zone != old.Zone {
		a.registry.SetOptions(c.Balance.Options(c.Zone)) // makes the policy begin anew
	}
	a.monitor.SetOptions(c.Health)
	a.server.SetOptions(a.proxyOptions(c))
	a.discovery.configure(c)
	a.loads.SetOptions(loadOptions(c))
	a.cluster.configure(c)
	take()
	a.admin.SetAccess(c.Access, adminHosts(c.Admin, os.Hostname)...)
	a.config.accept(c)
	for _, line := range changes.Lines {
		a.log.Info("configuration changed", "change", line)
	}
	if pending := a.config.pending(c); len(pending) > 0 && len(changes.Lines) > 0 {
		a.log.Warn("a change needs a restart to take effect", "keys", pending)
	}
	a.warn()
	a.log.Info("configuration loaded", "changes", len(changes.Lines))
}

// problemTexts has one text per problem.
func problemTexts(err error) []string {
	problems, ok := errors.AsType[*config.Problems](err)
	if !ok {
		return []string{err.Error()}
	}
	var texts []string
	for _, p := range problems.List {
		texts = append(texts, p.String())
	}
	return texts
}

// processCollectors know the process and the build.
func processCollectors() []prometheus.Collector {
	b := readBuild()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "segue_build_info", Help: "What is running: always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": b.Go},
	})
	info.Set(1)
	return []prometheus.Collector{info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})}
}
