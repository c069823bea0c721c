package health

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend"
)

// Monitor probes every backend of a registry and tells the registry what it finds.
type Monitor struct {
	// Static after construction. Tests put their own newChecks in before Run.
	registry  *backend.Registry
	log       *slog.Logger
	metrics   *metrics
	newChecks func(o Options, g *budget, trip func(cause error)) checks
	beat      time.Time // of its rounds, see next

	mu       sync.Mutex
	options  Options                      // normal
	reloaded chan struct{}                // closed when options is replaced, and then replaced itself
	probers  map[*backend.Backend]*prober // the running ones
}

// NewMonitor makes a monitor for the backends of reg. A nil log logs nothing, nil metrics are registered nowhere.
func NewMonitor(reg *backend.Registry, o Options, log *slog.Logger, metrics prometheus.Registerer) *Monitor {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Monitor{
		registry:  reg,
		log:       log,
		metrics:   newMetrics(metrics),
		newChecks: newChecks,
		beat:      time.Now(),
		options:   o.normal(),
		reloaded:  make(chan struct{}),
		probers:   make(map[*backend.Backend]*prober),
	}
}

// SetOptions changes how the backends are probed, from the next round on, which it may bring forward.
func (m *Monitor) SetOptions(o Options) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.options = o.normal()
	close(m.reloaded)
	m.reloaded = make(chan struct{})
}

// current gives the options that hold now, and a channel that is closed when they no longer do.
func (m *Monitor) current() (o Options, reloaded <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.options, m.reloaded
}

// Observe takes evidence from real traffic against b: a dial was refused, the backend closed an idle connection. It is
// no verdict, but b is probed at once, unless it is known to be stopping or down already. Observe never blocks and may
// be called by anyone.
func (m *Monitor) Observe(b *backend.Backend, cause error) {
	m.mu.Lock()
	p := m.probers[b]
	m.mu.Unlock()
	if p != nil {
		p.observe(cause)
	}
}

// Doubt takes it that clients wait for answers of b, and that it has answered nobody meanwhile. Statements may take their
// time, so that this says little; but where the MySQL port is all there is to ask, a hang would not be seen for long
// otherwise. Doubt never blocks and may be called by anyone.
func (m *Monitor) Doubt(b *backend.Backend, cause error) {
	m.mu.Lock()
	p := m.probers[b]
	m.mu.Unlock()
	if p != nil {
		offer(p.doubts, cause)
	}
}

// Run probes the backends of the registry, follows its membership, and returns nil when ctx is done and no probe is
// running any more. It may be called once.
func (m *Monitor) Run(ctx context.Context) error {
	defer m.stopAll()
	for {
		changed := m.registry.Changed()
		m.follow(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// follow stops the probers of the backends that are gone and starts those of the new ones. The gone ones come first and
// are waited for: a backend that takes over the name of another takes over its series too.
func (m *Monitor) follow(ctx context.Context) {
	present := make(map[*backend.Backend]bool)
	for _, b := range m.registry.Backends() {
		present[b] = true
	}
	var gone []*prober
	m.mu.Lock()
	for b, p := range m.probers {
		if !present[b] {
			gone = append(gone, p)
			delete(m.probers, b)
		}
	}
	m.mu.Unlock()
	m.stop(gone)
	for _, b := range m.registry.Backends() {
		m.start(ctx, b)
	}
}

// start starts the prober of b, unless there is one.
func (m *Monitor) start(ctx context.Context, b *backend.Backend) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.probers[b] != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	p := newProber(m, b, cancel)
	m.probers[b] = p
	go p.run(ctx)
}

// stop ends these probers and waits until they have ended.
func (m *Monitor) stop(gone []*prober) {
	for _, p := range gone {
		p.cancel()
	}
	for _, p := range gone {
		<-p.ended
		m.metrics.forget(p.b.Name())
	}
}

// stopAll ends all probers and waits until they have ended.
func (m *Monitor) stopAll() {
	var all []*prober
	m.mu.Lock()
	for b, p := range m.probers {
		all = append(all, p)
		delete(m.probers, b)
	}
	m.mu.Unlock()
	for _, p := range all {
		p.cancel()
	}
	for _, p := range all {
		<-p.ended
	}
}
