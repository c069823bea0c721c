// Package facts gathers what a rollout is decided by: what the cluster says of its nodes (over SQL, from any of them that answers), what each node says
// itself, and what the Segues in front of it say. What cannot be had is said to be unknown, and why.
package facts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"

	"segue/backend"
	"segue/backend/discover/nodes"
	"segue/backend/discover/sql"
	"segue/backend/secure"
	"segue/backend/wire"
	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/run"
	"segue/health"
)

// Source is where facts of one cluster come from. It may be asked again and again, by one goroutine.
type Source struct {
	Flavor backend.Flavor
	// Seeds are the nodes that are known by address. The cluster is asked through them; they are all nodes there are where it does not tell of itself.
	Seeds []backend.Spec
	// User is who asks; empty: SQL cannot be had, and what only that tells is unknown.
	User, Password string
	// Names are what nodes are called, by the address that the cluster has for them: host:port of the MySQL port, or of a backend's heartbeat port.
	Names map[string]string
	Fleet *Fleet // nil: no Segue is asked
	// Timeout is how long one question may take.
	Timeout time.Duration

	last  string           // the seed that answered
	hosts map[string]found // by name, what it was resolved to
	fes   []string         // MySQL addresses of all frontends, as last told
	image image            // as last told

	inserts inserts
}

// Facts gathers.
func (s *Source) Facts(ctx context.Context, q run.Question) *rollout.Facts {
	f := &rollout.Facts{Flavor: s.Flavor, Whole: q.Whole, Unseen: map[rollout.Check]string{}, Partly: map[rollout.Check]string{}}
	var asking sync.WaitGroup
	s.resolve(ctx, s.seedAddresses()...)
	asking.Go(func() { f.Segues = s.Fleet.ask(ctx, s.Timeout) })
	if s.Flavor == backend.StarRocks || s.Flavor == backend.Doris {
		s.frontends(ctx, f, q)
	} else {
		s.servers(ctx, f, q)
	}
	asking.Wait()
	s.alias(ctx, f)
	s.probeAll(ctx, f)
	f.Now = time.Now()
	return f
}

// dial logs in on the first seed that lets it in, the one that did so last ahead of others. The one to avoid is asked when no other answers.
func (s *Source) dial(ctx context.Context, avoid string) (*sql.Conn, error) {
	if s.User == "" {
		return nil, errors.New("no account was given: --user and --password-file")
	}
	seeds := slices.Clone(s.Seeds)
	slices.SortStableFunc(seeds, func(a, b backend.Spec) int {
		return cmp.Compare(s.preference(a, avoid), s.preference(b, avoid))
	})
	var failed []error
	for _, seed := range seeds {
		within, cancel := context.WithTimeout(ctx, s.Timeout)
		c, err := sql.Dial(within, s.target(seed))
		cancel()
		if err == nil {
			s.last = seed.Address
			return c, nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(failed...)
}

func (s *Source) preference(seed backend.Spec, avoid string) int {
	switch {
	case avoid != "" && (seed.Name == avoid || s.Names[seed.Address] == avoid || hostOf(seed.Address) == avoid):
		return 2
	case seed.Address == s.last:
		return 0
	}
	return 1
}

func (s *Source) target(seed backend.Spec) sql.Target {
	t := sql.Target{Address: seed.Address, User: s.User, Password: s.Password}
	if seed.TLS != nil {
		t = t.Secured(seed.TLS)
	}
	return t
}

// spec is how a node with that MySQL address is reached: as its seed is; one that the cluster alone tells of is secured as the seeds are.
func (s *Source) spec(address string) backend.Spec {
	if seed := s.seedAt(address); seed != nil {
		return *seed
	}
	return backend.Spec{Address: address, TLS: s.policy()}
}

// policy is the strictest of the seeds; nil: none of them is secured.
func (s *Source) policy() (strictest *secure.Policy) {
	for _, seed := range s.Seeds {
		if seed.TLS != nil && (strictest == nil || !strictest.Mode().Insists() && seed.TLS.Mode().Insists()) {
			strictest = seed.TLS
		}
	}
	return strictest
}

// query asks one question within the time that one may take.
func (s *Source) query(ctx context.Context, c *sql.Conn, statement string) (sql.Table, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	return c.Query(ctx, statement)
}

// kinds and roles in the words of a rollout.
var (
	kinds = map[nodes.Kind]rollout.Kind{nodes.Frontend: rollout.Frontend, nodes.Backend: rollout.Backend, nodes.Compute: rollout.Compute, nodes.Server: rollout.Server}
	roles = map[nodes.Role]rollout.Role{
		nodes.Leader: rollout.Leader, nodes.Follower: rollout.Follower, nodes.Observer: rollout.Observer, nodes.Primary: rollout.Primary, nodes.Replica: rollout.Replica,
	}
)

// nodeOf is what a cluster says of a node.
func (s *Source) nodeOf(n *nodes.Node) rollout.Node {
	return rollout.Node{
		ID: n.ID, Name: s.nameOf(n), Host: n.Host, Kind: kinds[n.Kind], Role: roles[n.Role], Address: n.Address, HTTP: n.HTTP, Alive: n.Alive,
		StatusCode: n.StatusCode, Disabled: n.Disabled, DisabledFor: n.DisabledFor, Version: wire.Shown(n.Version, wire.MaxShown), ErrMsg: wire.Shown(n.ErrMsg, wire.MaxShown), Start: n.LastStart,
	}
}

// nameOf is what the operator calls a node: by --name, by the configuration of a seed, or by its host and port.
func (s *Source) nameOf(n *nodes.Node) string {
	for _, at := range []string{n.Address, n.Name, n.HTTP} {
		if name := s.Names[at]; name != "" {
			return name
		}
	}
	if seed := s.seedAt(n.Address); seed != nil && seed.Name != "" {
		return seed.Name
	}
	if n.Address != "" {
		return n.Address
	}
	return n.Name
}

// seed is the one that a node is.
func (s *Source) seed(n *rollout.Node) *backend.Spec { return s.seedAt(n.Address) }

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// probeAll asks every node itself, all at a time.
func (s *Source) probeAll(ctx context.Context, f *rollout.Facts) {
	var asking sync.WaitGroup
	for i := range f.Nodes {
		if seed := s.seed(&f.Nodes[i]); seed != nil {
			f.Nodes[i].Aliases = append(f.Nodes[i].Aliases, seed.Address)
		}
	}
	for i := range f.Nodes {
		asking.Go(func() { s.probe(ctx, &f.Nodes[i]) })
	}
	asking.Wait()
}

// probe asks a node how it is.
func (s *Source) probe(ctx context.Context, n *rollout.Node) {
	port := cmp.Or(n.Address, n.HTTP)
	if port == "" {
		return
	}
	within, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(within, "tcp", port)
	switch {
	case err == nil:
		n.Listening = rollout.Yes
		_ = conn.Close()
	case ctx.Err() != nil:
		return
	default: // a host that says that nothing listens there is the only sure sign; whatever else may be the way there
		if errors.Is(err, syscall.ECONNREFUSED) {
			n.Listening = rollout.No
		}
		n.Healthy, n.Trouble = rollout.No, "no connection to "+port+": "+wire.Shown(inner(err), wire.MaxShown)
		return
	}
	if n.Address == "" {
		s.probeBackend(within, n)
		return
	}
	spec := s.spec(n.Address)
	if s.seed(n) == nil {
		spec.Name = n.Name
		if n.HTTP != "" {
			spec.HealthURL = s.healthURL(n)
		}
	}
	s.examine(ctx, n, spec)
}

// examine asks a node that speaks MySQL as a Segue would.
func (s *Source) examine(ctx context.Context, n *rollout.Node, spec backend.Spec) {
	registry := backend.NewRegistry(backend.Options{})
	registry.Apply([]backend.Spec{spec})
	b := registry.Backends()[0]
	n.Healthy = rollout.Yes
	for _, found := range health.Examine(ctx, b, health.Options{Flavor: s.Flavor, Timeout: s.Timeout, User: s.User, Password: s.Password}) {
		if found.Verdict != health.Passed && found.Verdict != health.Misconfigured && found.Verdict != health.Full {
			n.Healthy, n.Trouble = rollout.No, found.Check+": "+found.Cause
			break
		}
	}
	if n.Version == "" {
		n.Version = ownVersion(b.Facts().ServerVersion)
	}
}

// probeBackend asks a backend's or compute node's health URL.
func (s *Source) probeBackend(ctx context.Context, n *rollout.Node) {
	answer, err := get(ctx, "http://"+n.HTTP+"/api/health", "", "")
	switch {
	case err != nil:
		n.Healthy, n.Trouble = rollout.No, err.Error()
	case !wellBody(answer):
		n.Healthy, n.Trouble = rollout.No, "/api/health says "+wire.Shown(string(answer), wire.MaxShown)
	default:
		n.Healthy = rollout.Yes
	}
}

// client asks nodes, themselves and nobody else. It keeps no connection: a node that leaves may wait for those.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func inner(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err.Error()
	}
	return err.Error()
}

var errStatus = errors.New("it answers")

func statusError(code int) error { return fmt.Errorf("%w %d", errStatus, code) }
