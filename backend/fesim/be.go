package fesim

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
)

// BEOptions describe a BE, or a CN. The zero value is a BE with its defaults. How its durations are shortened, and how often FEs ask for it, is the
// cluster's ([Options.TimeScale], [Options.Heartbeat]).
type BEOptions struct {
	Name             string // zero: be-N or cn-N, the N-th of its kind
	Compute          bool   // a CN: in SHOW COMPUTE NODES, not in SHOW BACKENDS, and without tablets
	HTTPAddress      string // webserver_port; zero: 127.0.0.1:0; a port chosen by the system is kept over restarts
	HeartbeatAddress string // heartbeat_service_port; as HTTPAddress
	Address          string // be_port; as HTTPAddress
	// Advertised is the host:port that FEs know its web server by: in redirects, ErrorURL and SHOW BACKENDS, as behind NAT or in Kubernetes; zero: HTTPAddress.
	Advertised string
	Version    string // zero: that of the FEs
	Tablets    int    // replicas that it has; zero: 12, none for a CN
	Warehouse  string // of a CN; zero: default_warehouse

	// What concerns loads. Durations and rates of loads are not scaled.
	LoadRate int64 // bytes of a body that it takes per second, of each load; zero: as fast as they come
	Discard  bool  // bodies are read and dropped: loads have bytes, but no rows

	// Config are settings of its be.conf that differ from the defaults, such as loop_count_wait_fragments_finish and
	// graceful_exit_wait_for_frontend_heartbeat. They are seen in information_schema.be_configs and at /varz.
	Config map[string]string
}

// BE is one simulated BE or CN. Its methods may be called from any goroutine.
type BE struct {
	// Static after AddBE.
	id        int
	opts      BEOptions
	cluster   *Cluster
	http      *port
	heartbeat *port
	thrift    *port // be_port

	// What the cluster's mutex guards.
	config  map[string]string
	version string // of the next life
	is      moment
	known   knowledge

	faults loadFaults

	mu   sync.Mutex
	life *beLife // nil before the first Start
}

// beSettings are the settings of a BE that concern its exit and that an operator may ask for, with their defaults, types, and whether they may be changed
// while it runs.
var beSettings = map[string]struct {
	value, kind string
	mutable     bool
}{
	"be_port":   {"9060", "int", false},
	"brpc_port": {"8060", "int", false},
	"graceful_exit_wait_for_frontend_heartbeat": {"false", "bool", true},
	"heartbeat_service_port":                    {"9050", "int", false},
	"loop_count_wait_fragments_finish":          {"2", "int", true},
	"priority_networks":                         {"", "string", false},
	"be_http_port":                              {"8040", "int", false},
	"sys_log_level":                             {"INFO", "string", true},
}

// AddBE adds a BE to the cluster. It has its ports but does not run yet.
func (c *Cluster) AddBE(opts BEOptions) (*BE, error) {
	c.mu.Lock()
	n := 1
	for _, b := range c.bes {
		if b.opts.Compute == opts.Compute {
			n++
		}
	}
	c.mu.Unlock()
	b := &BE{cluster: c, config: maps.Clone(opts.Config), id: 10000 + n}
	if b.config == nil {
		b.config = make(map[string]string)
	}
	kind := "be"
	if opts.Compute {
		kind, b.id = "cn", 11000+n
	} else {
		set(&opts.Tablets, 12)
	}
	set(&opts.Name, fmt.Sprintf("%s-%d", kind, n))
	set(&opts.Version, c.version)
	set(&opts.HTTPAddress, "127.0.0.1:0")
	host, _, _ := net.SplitHostPort(opts.HTTPAddress) // SHOW BACKENDS has one for all of its ports
	set(&opts.HeartbeatAddress, net.JoinHostPort(host, "0"))
	set(&opts.Address, net.JoinHostPort(host, "0"))
	b.opts, b.version = opts, opts.Version
	for _, p := range []struct {
		to      **port
		address string
	}{{&b.http, opts.HTTPAddress}, {&b.heartbeat, opts.HeartbeatAddress}, {&b.thrift, opts.Address}} {
		reserved, err := reserve(p.address)
		if err != nil {
			b.release()
			return nil, fmt.Errorf("create be %s: %w", opts.Name, err)
		}
		*p.to = reserved
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bes = append(c.bes, b)
	return b, nil
}

// BEs returns the BEs and CNs in the order in which they were added.
func (c *Cluster) BEs() []*BE {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.bes)
}

// Name returns the BE's name.
func (b *BE) Name() string { return b.opts.Name }

// String returns the BE's name.
func (b *BE) String() string { return b.opts.Name }

// ID returns its id, as SHOW BACKENDS has it.
func (b *BE) ID() int { return b.id }

// Compute says whether it is a CN.
func (b *BE) Compute() bool { return b.opts.Compute }

// Address returns host:port of be_port.
func (b *BE) Address() string { return b.thrift.address }

// HeartbeatAddress returns host:port of the heartbeat service.
func (b *BE) HeartbeatAddress() string { return b.heartbeat.address }

// HealthURL returns the URL that says whether the BE is up.
func (b *BE) HealthURL() string { return "http://" + b.http.address + "/api/health" }

// Start begins a life. It returns when all ports listen. Start may be called again after an exit.
func (b *BE) Start() error {
	b.mu.Lock()
	if b.life != nil && !b.life.over() {
		b.mu.Unlock()
		return fmt.Errorf("start be %s: it is running", b.opts.Name)
	}
	l := newBELife(b)
	b.life = l
	b.mu.Unlock()
	if err := l.start(); err != nil {
		return fmt.Errorf("start be %s: %w", b.opts.Name, err)
	}
	go l.run()
	return nil
}

// Stop makes the BE exit. Gracefully, it is SIGTERM (stop_be.sh -g) and returns at once: the BE refuses new fragments, and exits when those it has have
// ended, after loop_count_wait_fragments_finish × 10 s at the latest. Otherwise it is SIGKILL (stop_be.sh), and returns when the BE has gone.
func (b *BE) Stop(graceful bool) {
	l := b.current()
	switch {
	case l == nil:
	case graceful:
		l.leave()
	default:
		l.die(exitKilled)
		<-l.exited
	}
}

// Upgrade gives the BE another version from its next start on.
func (b *BE) Upgrade(version string) {
	b.cluster.mu.Lock()
	defer b.cluster.mu.Unlock()
	b.version = version
}

// Configure changes a setting, as POST /api/update_config does; a restart does not undo it.
func (b *BE) Configure(name, value string) error {
	s, ok := beSettings[name]
	switch {
	case !ok:
		return fmt.Errorf("configure be %s: '%s' is not found", b.opts.Name, name)
	case !s.mutable:
		return fmt.Errorf("configure be %s: '%s' is not support to modify", b.opts.Name, name)
	}
	if _, err := strconv.Atoi(value); s.kind == "int" && err != nil {
		return fmt.Errorf("configure be %s: %s: %w", b.opts.Name, name, errors.Unwrap(err))
	}
	b.cluster.mu.Lock()
	defer b.cluster.mu.Unlock()
	b.config[name] = value
	return nil
}

// setting returns a setting's value.
func (b *BE) setting(name string) string {
	b.cluster.mu.Lock()
	defer b.cluster.mu.Unlock()
	return b.settingLocked(name)
}

// settingLocked needs the cluster's mutex.
func (b *BE) settingLocked(name string) string {
	if v, ok := b.config[name]; ok {
		return v
	}
	switch name {
	case "be_port":
		return portOf(b.thrift)
	case "heartbeat_service_port":
		return portOf(b.heartbeat)
	case "be_http_port":
		return portOf(b.http)
	}
	return beSettings[name].value
}

// Exited returns a channel that is closed when the present life has ended; nil before the first Start.
func (b *BE) Exited() <-chan struct{} {
	if l := b.current(); l != nil {
		return l.exited
	}
	return nil
}

// ExitCode returns the code of the last exit: 0 after a graceful one, 137 after a kill; -1 while the BE runs and before it ran.
func (b *BE) ExitCode() int {
	if l := b.current(); l != nil && l.over() {
		return l.code
	}
	return -1
}

// Close kills the BE if it runs, waits for it and gives up its ports.
func (b *BE) Close() {
	b.Stop(false)
	b.release()
}

func (b *BE) release() {
	for _, p := range []*port{b.http, b.heartbeat, b.thrift} {
		if p != nil {
			p.release()
		}
	}
}

func (b *BE) current() *beLife {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.life
}
