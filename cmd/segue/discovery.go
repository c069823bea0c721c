package main

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"segue/backend"
	"segue/backend/dial"
	"segue/backend/discover"
	"segue/backend/discover/cluster"
	"segue/backend/discover/dns"
	"segue/backend/discover/file"
	"segue/backend/discover/kube"
	"segue/backend/discover/nodes"
	"segue/cmd/internal/admin"
	"segue/config"
)

// discovery keeps the registry to what the configuration names and what its sources find. It alone applies backends.
type discovery struct {
	// Static after newDiscovery.
	registry *backend.Registry
	log      *slog.Logger
	metrics  *discoveryMetrics
	renewed  chan struct{} // has room for one: other sources are to run
	hints    chan struct{} // likewise: a backend has said that another one leads

	noted func() // called when a source has told something; set before run, nil: nobody

	mu     sync.Mutex // guards what follows
	config *config.Config
	book   discover.Book
	places map[string]placed
	gone   map[string]bool // names of backends that nobody names any more
	told   map[string]bool // sources that have told something, be it that they failed
	last   map[string]admin.Discovery
	unfit  map[string]string // address → why it is no backend; it is said once
	other  map[string]int    // seed → answers of the cluster, one after the other, in which it is none of the nodes
	failed map[string]string // source → what it has failed with last; it is said once
}

// placed is where a host's name leads.
type placed struct {
	addrs []netip.Addr
	until time.Time // then it is looked up again
	good  time.Time // when it was looked up last and found
}

const (
	placeTime = 2 * time.Second // to look a name up
	// mostLookups is how many names are looked up at a time.
	mostLookups = 8
	placeKept   = 30 * time.Second // how long that is believed
	placeOld    = 5 * time.Minute  // … where it cannot be looked up any more: the address may be somebody else's by then
	// gonePatience is how long a backend that nobody names any more is kept for the sessions that it has; after that they are those of a removed one.
	gonePatience = 10 * time.Minute
	// goneLook is how often it is looked whether they have gone, while there is such a backend.
	goneLook = 500 * time.Millisecond
)

func newDiscovery(r *backend.Registry, log *slog.Logger, m *discoveryMetrics) *discovery {
	return &discovery{registry: r, log: log, metrics: m, renewed: make(chan struct{}, 1), hints: make(chan struct{}, 1), places: make(map[string]placed), failed: make(map[string]string), told: make(map[string]bool)}
}

// configure has c hold from now on.
func (d *discovery) configure(c *config.Config) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.config
	d.config = c
	seeds := make([]discover.Seed, len(c.Backends))
	for i, s := range c.Backends {
		seeds[i] = discover.Seed{Name: s.Name, Address: s.Address}
	}
	d.book.RemoveAfter = c.Discover.RemoveAfter
	d.book.Reseed(seeds)
	if old != nil && (!c.Discover.Equal(old.Discover) || c.Flavor != old.Flavor || c.GetServerPublicKey != old.GetServerPublicKey) {
		var names []string
		for _, s := range d.sourcesOf(c) {
			names = append(names, s.String())
		}
		d.book.Keep(names)
		select {
		case d.renewed <- struct{}{}:
		default:
		}
	}
	d.applyLocked(time.Now())
}

// sourcesOf makes what a configuration asks for.
func (d *discovery) sourcesOf(c *config.Config) (list []discover.Source) {
	o := c.Discover
	for _, name := range o.DNS {
		list = append(list, &dns.Source{Name: name, Interval: o.Interval, Resolver: dns.Resolver{Servers: o.Resolvers}})
	}
	if o.File != "" {
		list = append(list, &file.Source{Path: o.File})
	}
	if k := o.Kubernetes; k.Service != "" {
		list = append(list, &kube.Source{
			Config:  kube.Config{Server: k.Server, TokenFile: k.TokenFile, CAFile: k.CAFile, Namespace: k.Namespace},
			Service: k.Service, Port: k.Port, HTTPPort: k.HTTPPort,
		})
	}
	if o.SQL { // the last to give names, as it has those that nobody else has
		list = append(list, &cluster.Source{
			Flavor: c.Flavor, Registry: d.registry, User: o.User, Password: o.Password, AnyKey: c.GetServerPublicKey, Interval: o.Interval,
			Same: d.same, Hints: d.hints,
		})
	}
	return list
}

// misdirected takes it that a backend has said that another one leads. It never blocks.
func (d *discovery) misdirected(*backend.Backend) {
	select {
	case d.hints <- struct{}{}:
	default:
	}
}

// heard reports whether every source has told something, be it that it failed.
func (d *discovery) heard() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.sourcesOf(d.config) {
		if !d.told[s.String()] {
			return false
		}
	}
	return true
}

// run asks the sources until ctx is done, and returns when all of them have ended.
func (d *discovery) run(ctx context.Context) error {
	for ctx.Err() == nil {
		d.mu.Lock()
		list := d.sourcesOf(d.config)
		d.mu.Unlock()
		running, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		for _, s := range list {
			wg.Go(func() { d.follow(running, s) })
		}
		wg.Go(func() { d.tend(running) })
		select {
		case <-ctx.Done():
		case <-d.renewed:
		}
		stop()
		wg.Wait()
	}
	return nil
}

// follow runs one source.
func (d *discovery) follow(ctx context.Context, s discover.Source) {
	err := s.Run(ctx, func(a discover.Answer) {
		if a.Err == nil {
			d.place(ctx, a.Found)
		}
		d.take(ctx, s, a)
	})
	if ctx.Err() == nil {
		d.log.Error("nothing can be discovered so", "source", s.String(), "cause", err)
	}
}

// tend forgets what has gone, and sees to what time alone changes.
func (d *discovery) tend(ctx context.Context) {
	ticks := time.NewTicker(goneLook)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticks.C:
			d.tidy(now)
		}
	}
}

// tidy applies the list if something is due, or has gone and is used by nobody any more.
func (d *discovery) tidy(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	changed := false
	for _, b := range d.registry.Backends() {
		if d.gone[b.Name()] && d.forgettable(b, now) {
			d.book.Forget(b.Address())
			changed = true
		}
	}
	if at, due := d.book.Due(); changed || due && !now.Before(at) {
		d.applyLocked(now)
	}
}

// forgettable reports whether a backend that nobody names any more is of no use to anybody: its sessions have left, or have had long enough to, and another one is
// up that somebody names. While there is none it may be the last that works, although it is down now.
func (d *discovery) forgettable(b *backend.Backend, now time.Time) bool {
	s := b.Status()
	if s.Sessions > 0 && now.Sub(s.Since) < gonePatience {
		return false
	}
	return slices.ContainsFunc(d.registry.Backends(), func(other *backend.Backend) bool {
		return other.Status().Health == backend.Up && !d.gone[other.Name()]
	})
}

// take takes what a source tells.
func (d *discovery) take(ctx context.Context, s discover.Source, a discover.Answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	wanted := slices.ContainsFunc(d.sourcesOf(d.config), func(o discover.Source) bool { return o.String() == s.String() })
	if ctx.Err() != nil || !wanted { // another configuration holds, be it that it has not been told yet
		return
	}
	now := time.Now()
	d.told[s.String()] = true
	a.Found = d.usableLocked(s.Kind(), a.Found)
	err := d.book.Take(s.String(), s.Kind(), a, now)
	d.metrics.answered(s.Kind(), a, err, now)
	d.noteLocked(s, a, err, now)
	switch was := d.failed[s.String()]; {
	case err == nil && was != "":
		delete(d.failed, s.String())
		d.log.Info("discovery works again", "source", s.String())
	case err == nil:
	case was != err.Error():
		d.failed[s.String()] = err.Error()
		d.log.Warn("discovery failed; the backends stay as they are", "source", s.String(), "cause", err)
		return
	default:
		return
	}
	if list := d.applyLocked(now); s.Kind() == "sql" && !a.Partial {
		d.suspectLocked(list)
	}
}

// usableLocked are those of an answer that can be backends; why others cannot is logged once. Bounded, as a source may name many.
func (d *discovery) usableLocked(kind string, found []discover.Found) []discover.Found {
	var own []netip.Addr
	if list, err := net.InterfaceAddrs(); err == nil {
		for _, a := range list {
			if n, ok := a.(*net.IPNet); ok {
				ip, _ := netip.AddrFromSlice(n.IP)
				own = append(own, ip.Unmap())
			}
		}
	}
	local := kind == "file" || kind == "dns" // somebody has written that; a cluster that calls itself localhost has not been told who it is
	for _, b := range d.registry.Backends() {
		local = local || slices.ContainsFunc(d.addrsLocked(b.Address()), netip.Addr.IsLoopback)
	}
	for _, s := range d.config.Backends {
		local = local || slices.ContainsFunc(d.addrsLocked(s.Address), netip.Addr.IsLoopback)
	}
	return slices.DeleteFunc(slices.Clone(found), func(f discover.Found) bool {
		why := d.unfitLocked(f.Address, own, local)
		if _, said := d.unfit[f.Address]; why != "" && !said && len(d.unfit) < mostUnfit {
			if d.unfit == nil {
				d.unfit = make(map[string]string)
			}
			d.unfit[f.Address] = why
			d.log.Warn("what was found is no backend", "address", f.Address, "source", kind, "cause", why)
		}
		return why != ""
	})
}

// mostUnfit is of how many addresses it is said that they are no backends.
const mostUnfit = 256

// addrsLocked is where an address leads.
func (d *discovery) addrsLocked(address string) []netip.Addr {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip.Unmap()}
	}
	if strings.EqualFold(host, "localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return d.leadsLocked(host)
}

// unfitLocked says why there can be no backend at an address; empty: there can. own are the addresses of this machine.
func (d *discovery) unfitLocked(address string, own []netip.Addr, local bool) string {
	_, port, _ := net.SplitHostPort(address)
	bound := []string{d.config.Admin}
	for _, l := range d.config.Listen {
		bound = append(bound, l.Address)
	}
	for _, ip := range d.addrsLocked(address) {
		ip = ip.Unmap()
		switch {
		case ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast():
			return "nobody can be reached there"
		case ip.IsLoopback() && !local:
			return "it is an address of whoever says so, on its own machine"
		}
		for _, at := range bound {
			boundHost, boundPort, err := net.SplitHostPort(at)
			if err != nil || boundPort != port || port == "0" {
				continue
			}
			every := boundHost == ""
			if b, err := netip.ParseAddr(boundHost); err == nil {
				every = b.IsUnspecified()
			}
			if every && (ip.IsLoopback() || slices.Contains(own, ip)) || !every && slices.Contains(d.addrsLocked(at), ip) {
				return "Segue itself listens there"
			}
		}
	}
	return ""
}

// otherAnswers is how many answers it takes to say that a seed is none of the cluster's nodes: lookups may be behind.
const otherAnswers = 3

// suspectLocked tells of each seed once that it is none of the nodes that the cluster names, after an answer of it: it may be a Service or a virtual address, behind
// which are the nodes that are backends by themselves as well.
func (d *discovery) suspectLocked(list []discover.Entry) {
	of := func(e *discover.Entry) bool { return slices.Contains(strings.Split(e.Sources, ", "), "sql") }
	if !slices.ContainsFunc(list, func(e discover.Entry) bool { return of(&e) }) {
		return
	}
	other := make(map[string]int)
	for i := range list {
		e := &list[i]
		if !e.Seed || of(e) {
			continue
		}
		if other[e.Name] = d.other[e.Name] + 1; other[e.Name] == otherAnswers {
			d.log.Warn("a backend is none of the cluster's nodes", "backend", e.Name, "address", e.Address,
				"cause", "the cluster names others; if it stands for them, a Service or a virtual address, name a node in its place")
		}
	}
	d.other = other
}

// applyLocked has the registry hold what there is now, and logs what is new.
func (d *discovery) applyLocked(now time.Time) []discover.Entry {
	list := d.book.List(now, d.leadsLocked)
	specs := make([]backend.Spec, 0, len(list))
	d.gone = make(map[string]bool)
	for i := range list {
		specs = append(specs, d.specOf(&list[i]))
		d.gone[list[i].Name] = list[i].Gone
	}
	before := make(map[string]backend.Spec)
	for _, b := range d.registry.Backends() {
		before[b.Name()] = b.Status().Spec
	}
	c := d.registry.Apply(specs)
	d.metrics.applied(list)
	d.tell(c, before, specs)
	return list
}

// specOf is the registry's form of an entry.
func (d *discovery) specOf(e *discover.Entry) backend.Spec {
	if i := slices.IndexFunc(d.config.Backends, func(s backend.Spec) bool { return s.Name == e.Name }); e.Seed && i >= 0 {
		s := d.config.Backends[i]
		s.Role, s.Version, s.Leaving = e.Role, e.Version, e.Leaving
		if s.Zone == "" {
			s.Zone = e.Zone
		}
		if e.HTTP != "" && !e.HTTPGuessed && !d.config.HealthGiven(s.Address) { // it has told so itself, and nobody else has
			s.HealthURL = d.config.SpecOf(s.Name, s.Address, e.HTTP).HealthURL
		}
		return s
	}
	s := d.config.SpecOf(e.Name, e.Address, e.HTTP)
	s.Role, s.Version, s.Zone, s.Source, s.Leaving, s.Formerly = e.Role, e.Version, e.Zone, e.Sources, e.Leaving, e.Formerly
	return s
}

// tell logs what discovery has changed. What the configuration has is told elsewhere.
func (d *discovery) tell(c backend.Change, before map[string]backend.Spec, specs []backend.Spec) {
	for _, s := range specs {
		was, known := before[s.Name]
		switch {
		case slices.Contains(c.Added, s.Name):
			if s.Source != "" {
				d.metrics.changes.WithLabelValues("added").Inc()
				d.log.Info("backend found", "backend", s.Name, "address", s.Address, "source", s.Source, "role", s.Role.String(), "version", s.Version, "zone", s.Zone)
			}
		case !known:
		case was.Leaving == "" && s.Leaving != "":
			d.metrics.changes.WithLabelValues("leaving").Inc()
			d.log.Info("backend is about to go", "backend", s.Name, "cause", s.Leaving)
		case was.Leaving != "" && s.Leaving == "":
			d.metrics.changes.WithLabelValues("back").Inc()
			d.log.Info("backend is not about to go any more", "backend", s.Name)
		case was.Role != s.Role && was.Role != nodes.None:
			d.metrics.changes.WithLabelValues("role").Inc()
			d.log.Info("backend has another role", "backend", s.Name, "from", was.Role.String(), "role", s.Role.String())
		}
	}
	for _, name := range c.Removed {
		if was := before[name]; was.Source != "" {
			d.metrics.changes.WithLabelValues("removed").Inc()
			d.log.Info("backend forgotten", "backend", name, "address", was.Address, "cause", was.Leaving)
		}
	}
}

// place looks up the names that an answer and the seeds have, so that one node by two names is one backend: those of which it has been long, and all of them if the
// answer has an address that none of them leads to, as a pod that has been started again. It is done in the source's goroutine; a name that cannot be looked up is
// taken as it is.
func (d *discovery) place(ctx context.Context, found []discover.Found) {
	d.mu.Lock()
	hosts := d.unplacedLocked(found, time.Now())
	d.mu.Unlock()
	var wg sync.WaitGroup
	turns := make(chan struct{}, mostLookups)
	for _, host := range hosts {
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			ctx, cancel := context.WithTimeout(ctx, placeTime)
			defer cancel()
			addrs, err := dial.Lookup(ctx, host)
			d.mu.Lock()
			defer d.mu.Unlock()
			d.places[host] = d.places[host].next(addrs, err, time.Now())
		})
	}
	wg.Wait()
}

// unplacedLocked are the names that are to be looked up.
func (d *discovery) unplacedLocked(found []discover.Found, now time.Time) (hosts []string) {
	known := make(map[netip.Addr]bool)
	for _, p := range d.places {
		for _, a := range p.addrs {
			known[a.Unmap()] = true
		}
	}
	for _, b := range d.registry.Backends() {
		if at, err := netip.ParseAddrPort(b.Address()); err == nil {
			known[at.Addr().Unmap()] = true
		}
	}
	strange := slices.ContainsFunc(found, func(f discover.Found) bool {
		at, err := netip.ParseAddrPort(f.Address)
		return err == nil && !known[at.Addr().Unmap()]
	})
	for _, address := range d.addressesLocked(found) {
		host, _, err := net.SplitHostPort(address)
		host = strings.ToLower(host)
		_, noIP := netip.ParseAddr(host)
		if _, isPath := config.UnixPath(address); isPath || err != nil || noIP == nil || slices.Contains(hosts, host) {
			continue
		}
		if strange || !now.Before(d.places[host].until) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// same reports whether two addresses lead to the same place, as far as it has been looked up.
func (d *discovery) same(a, b string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return discover.Same(a, b, d.leadsLocked)
}

// leadsLocked is where a host's name leads.
func (d *discovery) leadsLocked(host string) []netip.Addr {
	return d.places[strings.ToLower(host)].addrs
}

// next is what is known of a name after it was looked up once more.
func (p placed) next(addrs []netip.Addr, err error, now time.Time) placed {
	switch {
	case err == nil:
		return placed{addrs, now.Add(placeKept), now}
	case now.Sub(p.good) < placeOld: // what was known of it is better than nothing
		return placed{p.addrs, now.Add(placeKept), p.good}
	}
	return placed{until: now.Add(placeKept)}
}

// addressesLocked are those that may be two names of one node: what the answer has, and what is there.
func (d *discovery) addressesLocked(found []discover.Found) (list []string) {
	for _, f := range found {
		list = append(list, f.Address)
	}
	for _, s := range d.config.Backends {
		list = append(list, s.Address)
	}
	for _, b := range d.registry.Backends() {
		list = append(list, b.Address())
	}
	return list
}
