package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"segue/backend"
	"segue/backend/discover"
	"segue/backend/discover/nodes"
	"segue/backend/discover/sql"
	"segue/cmd/internal/admin"
	"segue/config"
	"segue/proxy/load"
)

// The bounds of asking a cluster for its BEs and CNs.
const (
	nodesTime    = 5 * time.Second        // of one FE, with one account
	nodesFEs     = 3                      // until one has answered
	nodesSoonest = 500 * time.Millisecond // behind an answer, whoever asks for another
	nodesSoon    = 3 * time.Second        // between nodesSoonest and this many asks again when an FE has come or gone: a thousand Segues see that at the same moment
)

// loadCluster is what loads are served by: FEs as the registry has them, and the BEs and CNs that these name.
type loadCluster struct {
	// Static after newLoadCluster.
	registry *backend.Registry
	log      *slog.Logger
	wanted   chan struct{} // has room for one: ask again soon
	// serving reports whether there is a socket for loads, a service manager's, maybe; nil: the configuration says it.
	serving func() bool

	mu      sync.Mutex // guards what follows
	config  *config.Config
	nodes   []load.Node
	changed chan struct{}        // closed at the next change, and then replaced
	failed  string               // what asking has failed with last; it is said once
	asked   time.Time            // when somebody has answered last; zero: nobody has
	account string               // that may ask
	drained map[string]time.Time // nodes that an operator has drained → until when
}

func newLoadCluster(r *backend.Registry, c *config.Config, log *slog.Logger) *loadCluster {
	return &loadCluster{registry: r, log: log, config: c, wanted: make(chan struct{}, 1), changed: make(chan struct{})}
}

var _ load.Cluster = (*loadCluster)(nil)

// Frontends implements [load.Cluster].
func (l *loadCluster) Frontends() []load.Frontend {
	var list []load.Frontend
	for _, b := range l.registry.Backends() {
		s := b.Status()
		if f, ok := frontendOf(&s); ok {
			list = append(list, f)
		}
	}
	return list
}

// frontendOf is a backend as one that loads come through: it has an HTTP address, which its health URL names.
func frontendOf(s *backend.Status) (f load.Frontend, ok bool) {
	at, secured := config.WebAddress(s.HealthURL)
	if at == "" {
		return f, false
	}
	_, leaving := s.Leaving()
	return load.Frontend{
		Name: s.Name, Address: at, TLS: secured, Up: s.Health == backend.Up || s.Health == backend.Stopping, Leaving: leaving, Leader: s.Role == nodes.Leader,
	}, true
}

// Nodes implements [load.Cluster].
func (l *loadCluster) Nodes() []load.Node {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := slices.Clone(l.nodes)
	now := time.Now()
	for i := range list {
		if until, ok := l.drained[nodeAddress(&list[i])]; ok && now.Before(until) {
			list[i].Leaving = true
		}
	}
	return list
}

// LoadNodes implements [admin.NodeKeeper].
func (l *loadCluster) LoadNodes() []admin.Node {
	list := []admin.Node{}
	for _, n := range l.Nodes() {
		name := nodeAddress(&n)
		shown := admin.Node{Name: name, Compute: n.Compute, Alive: n.Alive, Leaving: n.Leaving}
		l.mu.Lock()
		if until, ok := l.drained[name]; ok && time.Now().Before(until) {
			shown.Until = &until
		}
		l.mu.Unlock()
		list = append(list, shown)
	}
	return list
}

// DrainNode implements [admin.NodeKeeper].
func (l *loadCluster) DrainNode(name string, until time.Time) (known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.IndexFunc(l.nodes, func(n load.Node) bool { return strings.EqualFold(nodeAddress(&n), name) })
	if at < 0 {
		return false
	}
	name = nodeAddress(&l.nodes[at])
	if l.drained == nil {
		l.drained = make(map[string]time.Time)
	}
	if l.drained[name] = until; until.IsZero() {
		delete(l.drained, name)
	}
	l.notifyLocked()
	return true
}

// DrainedNodes implements [admin.NodeKeeper].
func (l *loadCluster) DrainedNodes() map[string]time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := maps.Clone(l.drained)
	maps.DeleteFunc(list, func(_ string, until time.Time) bool { return time.Now().After(until) })
	return list
}

// RestoreDrained implements [admin.NodeKeeper].
func (l *loadCluster) RestoreDrained(drained map[string]time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drained = maps.Clone(drained)
	l.notifyLocked()
}

// Changed implements [load.Cluster].
func (l *loadCluster) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

func (l *loadCluster) notifyLocked() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Ask has the cluster asked again soon: somebody has been sent to a node that is not known. It never blocks, and costs the cluster little, however often it is called.
func (l *loadCluster) Ask() {
	select {
	case l.wanted <- struct{}{}:
	default:
	}
}

// configure has c hold from now on.
func (l *loadCluster) configure(c *config.Config) {
	l.mu.Lock()
	l.config = c
	l.mu.Unlock()
	l.Ask()
}

// run keeps what is known up to date until ctx is done.
func (l *loadCluster) run(ctx context.Context) error {
	var relaying sync.WaitGroup
	relaying.Go(func() { l.relay(ctx) })
	defer relaying.Wait()
	pace := discover.Pace{}
	for {
		c := l.current()
		wait, failed := c.Discover.Interval, false
		if l.serves(c) {
			pace.Interval, pace.Longest = nodesSoonest, c.Discover.Interval
			if err := l.refresh(ctx, c); err != nil {
				wait, failed = pace.Failed(), true
			} else {
				pace.Interval = c.Discover.Interval
				wait = pace.Answered()
			}
		}
		if !l.wait(ctx, wait, failed) {
			return nil
		}
	}
}

// relay tells of what changes in the registry.
func (l *loadCluster) relay(ctx context.Context) {
	for {
		changed := l.registry.Changed()
		l.mu.Lock()
		l.notifyLocked()
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

func (l *loadCluster) serves(c *config.Config) bool {
	return len(c.Loads.Listen) > 0 || l.serving != nil && l.serving()
}

// wait waits for d, or less if the FEs are others or stand otherwise, or somebody wants to know, unless nobody could be asked the last time: who cannot be asked is not asked more often for being
// wanted. It reports whether ctx is not done.
func (l *loadCluster) wait(ctx context.Context, d time.Duration, failed bool) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	began := time.Now()
	hurry := func(in time.Duration) {
		if left := d - time.Since(began); in < left {
			timer.Reset(in)
			d = time.Since(began) + in
		}
	}
	changed, wanted := l.registry.Changed(), l.wanted
	if failed {
		wanted = nil
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-changed:
			changed = nil
			hurry(nodesSoonest + rand.N(nodesSoon-nodesSoonest))
		case <-wanted:
			hurry(max(nodesSoonest-time.Since(began), 0))
		}
	}
}

func (l *loadCluster) current() *config.Config {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.config
}

// refresh asks once, and keeps the answer. Who cannot be asked leaves what is known as it is.
func (l *loadCluster) refresh(ctx context.Context, c *config.Config) error {
	accounts := askers(c)
	if len(accounts) == 0 {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.nodes) > 0 {
			l.nodes = nil
			l.notifyLocked()
		}
		if len(c.Loads.Nodes) == 0 && l.failed != noAsker {
			l.failed = noAsker
			l.log.Warn("loads are sent to nobody", "cause", noAsker)
		}
		return nil
	}
	list, who, err := askNodes(ctx, l.registry, c, l.first(accounts))
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case err != nil && l.failed != err.Error():
		l.failed = err.Error()
		l.log.Warn("the cluster does not say which BEs and CNs it has; loads go to those that are known", "cause", err)
	case err == nil:
		if l.failed != "" || l.asked.IsZero() {
			l.log.Info("the cluster has said which BEs and CNs it has", "nodes", len(list), "user", who)
		}
		l.failed, l.asked, l.account = "", time.Now(), who
		maps.DeleteFunc(l.drained, func(_ string, until time.Time) bool { return time.Now().After(until) })
		if !slices.Equal(l.nodes, list) {
			l.nodes = list
			l.notifyLocked()
		}
	}
	return err
}

// first are the accounts with the one first that has been let ask before.
func (l *loadCluster) first(accounts []asker) []asker {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.SortStableFunc(accounts, func(a, b asker) int {
		switch {
		case a.user == l.account && b.user != l.account:
			return -1
		case b.user == l.account && a.user != l.account:
			return 1
		}
		return 0
	})
	return accounts
}

// asker is an account that may be let ask.
type asker struct{ user, password string }

// mostAskers is how many accounts are tried: each that may not ask is a login for nothing.
const mostAskers = 3

// askers are the accounts that a configuration has whose passwords are known, those first that are for asking.
func askers(c *config.Config) (list []asker) {
	add := func(user, password string) {
		if user != "" && len(list) < mostAskers && !slices.ContainsFunc(list, func(a asker) bool { return a.user == user }) {
			list = append(list, asker{user, password})
		}
	}
	add(c.Discover.User, c.Discover.Password)
	add(c.Health.User, c.Health.Password)
	for _, service := range []bool{true, false} {
		for _, u := range c.Proxy.Users {
			if u.HasPassword && u.Service == service {
				add(u.Name, u.Password)
			}
		}
	}
	return list
}

// noAsker is what keeps loads from going anywhere where nobody may be asked, and none are named.
const noAsker = "no account that may ask the cluster which BEs and CNs it has (OPERATE on SYSTEM): discover.user; and none are named in load.nodes"

var errNoFE = errors.New("no FE is up")

// askNodes asks FEs which BEs and CNs there are, until one has answered; who is the account that it has answered.
func askNodes(ctx context.Context, r *backend.Registry, c *config.Config, accounts []asker) (list []load.Node, who string, err error) {
	fes := slices.DeleteFunc(slices.Clone(r.Backends()), func(b *backend.Backend) bool { return b.Status().Health == backend.Down })
	rand.Shuffle(len(fes), func(i, j int) { fes[i], fes[j] = fes[j], fes[i] })
	if len(fes) == 0 {
		return nil, "", errNoFE
	}
	slices.SortStableFunc(fes, func(a, b *backend.Backend) int { return unlikely(a) - unlikely(b) })
	var errs []error
	for _, fe := range fes[:min(len(fes), nodesFEs)] {
		for _, a := range accounts {
			list, err := askFE(ctx, fe, c, a)
			if err == nil {
				return list, a.user, nil
			}
			if ctx.Err() != nil {
				return nil, "", ctx.Err()
			}
			errs = append(errs, fmt.Errorf("%s: %w", fe.Name(), err))
			if said := (*sql.Error)(nil); !errors.As(err, &said) {
				break // another account would fare no better
			}
		}
	}
	return nil, "", errors.Join(errs...)
}

// unlikely is the larger, the less likely an FE is to answer.
func unlikely(b *backend.Backend) int {
	s := b.Status()
	switch _, leaving := s.Leaving(); {
	case s.Health == backend.Up && !leaving && s.Full == "":
		return 0
	case s.Health == backend.Up:
		return 1
	}
	return 2
}

// askFE asks one.
func askFE(ctx context.Context, fe *backend.Backend, c *config.Config, a asker) ([]load.Node, error) {
	ctx, cancel := context.WithTimeout(ctx, nodesTime)
	defer cancel()
	t := sql.Target{Address: fe.Address(), User: a.user, Password: a.password, AnyKey: c.GetServerPublicKey, Dial: fe.Dial}
	conn, err := sql.Dial(ctx, t.Secured(fe.TLS()))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	table, err := conn.Query(ctx, nodes.ShowBackends)
	if err != nil {
		return nil, fmt.Errorf("%s as %s: %w", nodes.ShowBackends, a.user, err)
	}
	list, err := nodes.ParseBackends(table)
	if err != nil {
		return nil, err
	}
	if c.Flavor == backend.StarRocks { // 2.x has none, and says so by an error
		table, err := conn.Query(ctx, nodes.ShowComputeNodes)
		said := (*sql.Error)(nil)
		switch {
		case err == nil:
			more, err := nodes.ParseComputeNodes(table)
			if err != nil {
				return nil, err
			}
			list = append(list, more...)
		case !errors.As(err, &said):
			return nil, err
		}
	}
	if len(list) == 0 {
		return nil, errors.New("it names no BE and no CN")
	}
	return loadNodes(list), nil
}

// loadNodes are nodes as loads see them, in a fixed order. Those without an HTTP port have not come up yet.
func loadNodes(list []nodes.Node) (all []load.Node) {
	for _, n := range list {
		host, port, err := net.SplitHostPort(n.HTTP)
		if err != nil {
			continue
		}
		number, _ := strconv.Atoi(port)
		all = append(all, load.Node{
			Host: host, Port: number, Compute: n.Kind == nodes.Compute, Alive: n.Alive,
			Leaving: n.StatusCode == "SHUTDOWN" || n.Decommissioned || n.Disabled && n.DisabledFor != "query",
		})
	}
	slices.SortFunc(all, func(a, b load.Node) int { return strings.Compare(nodeAddress(&a), nodeAddress(&b)) })
	return all
}

func nodeAddress(n *load.Node) string { return net.JoinHostPort(n.Host, strconv.Itoa(n.Port)) }
