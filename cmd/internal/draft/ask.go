package draft

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"segue/backend"
	"segue/backend/discover"
	"segue/backend/discover/cluster"
	"segue/backend/discover/nodes"
	"segue/backend/discover/sql"
	"segue/backend/secure"
	"segue/health"
)

// Options say what to ask, and as whom.
type Options struct {
	Address  string          // HOST:PORT of any server
	Flavor   *backend.Flavor // nil: it is found out
	User     string          // empty: nobody logs in, and only what is said to everybody is known
	Password string
	Secret   string        // the file with it, for the text
	Timeout  time.Duration // of one question
	// TLS is how connections are secured; nil: nothing is said of that. Then an account with a password logs in without TLS, where a password is never said to
	// a server, but only what proves that it is known: inside TLS whoever answers could ask for it in clear, as nothing shows who that is.
	TLS *secure.Policy
	CA  string // the file with the authorities of TLS, for the text
}

// login is how connections are secured on which somebody logs in.
func (o *Options) login(looks *secure.Policy) *secure.Policy {
	if o.TLS == nil && o.Password != "" {
		return nil
	}
	return looks
}

// believes reports whether the account may log in on servers that another one has named: what they are told is of no use to them, or they are known by their
// certificates, or whoever answers is to be believed.
func (o *Options) believes() bool { return o.TLS != nil || o.Password == "" }

// Ask finds out what there is. The error is why nothing could be: the server cannot be reached, or greets nobody.
func Ask(ctx context.Context, o Options) (*File, error) {
	looks := o.TLS
	if looks == nil {
		var err error
		if looks, err = secure.New(secure.Preferred, secure.Material{}); err != nil {
			return nil, err
		}
	}
	a := &asker{Options: o, registry: backend.NewRegistry(backend.Options{}), looks: looks, policy: o.login(looks), file: &File{Asked: o.Address, User: o.User, Secret: o.Secret}}
	if o.TLS != nil {
		a.file.Mode, a.file.CA = o.TLS.String(), o.CA
	}
	a.registry.Apply([]backend.Spec{{Name: o.Address, Address: o.Address, TLS: a.policy}})
	if err := a.greeted(ctx); err != nil {
		return nil, err
	}
	a.flavor(ctx)
	a.members(ctx)
	a.examine(ctx)
	return a.file, nil
}

type asker struct {
	Options
	registry *backend.Registry
	looks    *secure.Policy // where nobody logs in
	policy   *secure.Policy // where somebody does
	file     *File
	facts    backend.Facts // of the one that was asked
}

// greeted reads what the server says to everybody.
func (a *asker) greeted(ctx context.Context) error {
	b := a.registry.Backends()[0]
	for _, f := range health.Examine(ctx, b, health.Options{Flavor: backend.MySQL, Timeout: a.Timeout}) { // which has no health URL
		if f.Check == "mysql" && !b.Facts().Known {
			cause, _, _ := strings.Cut(f.Cause, ", "+backend.MySQL.Port()+" unless") // of what flavor it is is not known
			return fmt.Errorf("ask %s: %s", a.Address, cause)
		}
	}
	a.facts = b.Facts()
	a.file.Version = a.facts.ServerVersion
	const clientSSL = 1 << 11 // CLIENT_SSL
	a.file.TLS = a.facts.Capabilities&clientSSL != 0
	return nil
}

// flavor finds out what it is: the greeting tells, or else the server who is logged in on it.
func (a *asker) flavor(ctx context.Context) {
	given := a.facts.Flavors()
	said := ""
	if a.User != "" {
		said = a.said(ctx)
	}
	switch {
	case a.Flavor != nil:
		a.file.Flavor = *a.Flavor
	case len(given) == 1:
		a.file.Flavor = given[0]
	default:
		var known bool
		if a.file.Flavor, known = called(said); !known {
			a.file.Guessed = true
			a.remark("which flavor the servers have: StarRocks, Doris and some others greet alike", "write it below, or ask again with --user and --password-file, or --flavor")
		}
	}
	if said != "" {
		a.file.Version = said
	}
}

// called is the flavor of a server by what it calls itself. Several say what they are compatible with, too ("TiDB Server … MySQL 8.0 compatible"): that comes last.
func called(said string) (backend.Flavor, bool) {
	said = strings.ToLower(said)
	for _, word := range []struct {
		text   string
		flavor backend.Flavor
	}{{"starrocks", backend.StarRocks}, {"doris", backend.Doris}, {"tidb", backend.TiDB}, {"mariadb", backend.MySQL}, {"mysql", backend.MySQL}} {
		if strings.Contains(said, word.text) {
			return word.flavor, true
		}
	}
	return 0, false
}

// said is what the server calls itself, to who is logged in.
func (a *asker) said(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	c, err := sql.Dial(ctx, sql.Target{Address: a.Address, User: a.User, Password: a.Password}.Secured(a.policy))
	if err != nil {
		return "" // who the members are is asked next, and says why not
	}
	defer c.Close()
	table, err := c.Query(ctx, "SELECT @@version_comment AS said, VERSION() AS version")
	if err != nil {
		return ""
	}
	comment, _ := table.Get(0, "said")
	version, _ := table.Get(0, "version")
	if strings.Contains(comment, version) {
		return comment
	}
	return strings.TrimSpace(comment + " " + version)
}

func (a *asker) remark(what, do string) {
	a.file.Remarks = append(a.file.Remarks, Remark{what, do})
}

// members asks the cluster for all of its nodes.
func (a *asker) members(ctx context.Context) {
	self := Node{Address: a.Address}
	if a.User == "" {
		a.file.Nodes = []Node{self}
		a.remark("which other servers there are: they tell that only to who is logged in", "ask again with --user and --password-file, or add them to backends")
		return
	}
	source := &cluster.Source{Flavor: a.file.Flavor, Registry: a.registry, User: a.User, Password: a.Password}
	answer := source.Ask(ctx)
	if answer.Err != nil {
		a.file.Nodes = []Node{self}
		a.refused(answer.Err)
		return
	}
	if a.file.Flavor.IsFE() && a.believes() { // each knows its own HTTP port, and guesses those of the others
		a.register(answer.Found)
		if second := source.Ask(ctx); second.Err == nil {
			answer = second
		}
	}
	a.take(answer, self)
}

// refused says why nobody tells which other servers there are.
func (a *asker) refused(err error) {
	const which = "which other servers there are: "
	byName := "give --ca-file, the authority of their certificates, or --tls required: whoever answers gets the password"
	switch {
	case errors.Is(err, sql.ErrClearPassword):
		a.remark(which+"the server wants the password in clear, and nothing shows who it is", byName)
	case errors.Is(err, sql.ErrUntrustedKey):
		a.remark(which+"the server wants the password itself, and nothing shows who it is", byName)
	case a.policy == nil && a.file.TLS:
		a.remark(which+err.Error(), "let the account ask (below), without TLS; else "+byName)
	default:
		a.remark(which+err.Error(), "see that the account may ask (below), then ask again; or add them to backends")
	}
}

// register makes backends of what has been found, so that they can be asked.
func (a *asker) register(found []discover.Found) {
	var specs []backend.Spec
	for _, f := range found[:min(len(found), mostNodes)] {
		if f.Address != "" {
			specs = append(specs, backend.Spec{Name: f.Address, Address: f.Address, TLS: a.policy})
		}
	}
	if len(specs) == 0 {
		return
	}
	a.registry.Apply(specs)
	for _, b := range a.registry.Backends() {
		a.registry.SetHealth(b, backend.Up, "")
	}
}

// take makes nodes of an answer.
func (a *asker) take(answer discover.Answer, self Node) {
	add := func(n nodes.Node) {
		switch {
		case n.Address == "":
			a.remark("where "+n.Host+" speaks MySQL: it has not told the others yet", "start it, then ask again")
		case !slices.ContainsFunc(a.file.Nodes, func(known Node) bool { return strings.EqualFold(known.Address, n.Address) }):
			node := Node{Address: n.Address, Role: n.Role, Version: n.Version, Zone: n.Zone, Health: a.healthURL(n)}
			if !n.Alive {
				node.Problem = "the cluster says that it is not alive"
			}
			a.file.Nodes = append(a.file.Nodes, node)
		}
	}
	for i, f := range answer.Found {
		if i == mostNodes {
			a.remark(fmt.Sprintf("which of %d servers are real: the cluster names more than %d, and the others were left out", len(answer.Found), mostNodes), "see what is wrong there (SHOW FRONTENDS, cluster_info); add those that are real to backends")
			break
		}
		add(f.Node)
	}
	if len(answer.Found) == 0 {
		for _, n := range answer.About {
			add(n)
		}
		a.remark("which other servers there are: those of MySQL and MariaDB tell of one another only where there is group replication", "add all that have the same data to backends")
	}
	if len(a.file.Nodes) == 0 {
		a.file.Nodes = []Node{self}
	}
}

// healthURL is where a node answers whether it is well, as the cluster says.
func (a *asker) healthURL(n nodes.Node) string {
	text := a.file.Flavor.HealthURL(n.Address)
	u, err := url.Parse(text)
	if text == "" || err != nil || n.HTTP == "" {
		return text
	}
	u.Host = n.HTTP
	return u.String()
}

// examine looks at each node from here.
func (a *asker) examine(ctx context.Context) {
	r := backend.NewRegistry(backend.Options{})
	var specs []backend.Spec
	for _, n := range a.file.Nodes {
		url := n.Health
		if url == "" {
			url = a.file.Flavor.HealthURL(n.Address)
		}
		specs = append(specs, backend.Spec{Name: n.Address, Address: n.Address, HealthURL: url, TLS: a.looks})
	}
	r.Apply(specs)
	ctx, cancel := context.WithTimeout(ctx, max(inAll, 4*a.Timeout))
	defer cancel()
	var wg sync.WaitGroup
	turns := make(chan struct{}, mostAtATime)
	for i := range specs {
		b, ok := r.Lookup(specs[i].Name)
		if !ok {
			continue
		}
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			found := health.Examine(ctx, b, health.Options{Flavor: a.file.Flavor, Timeout: a.Timeout})
			if ctx.Err() != nil { // what it says is of the clock, not of the node
				a.file.Nodes[i].Health, a.file.Nodes[i].Problem = "", "it has not been looked at: the others took too long"
				return
			}
			a.file.Nodes[i].judge(found, specs[i].HealthURL)
		})
	}
	wg.Wait()
	a.file.Here = onThisMachine(a.file.Nodes)
	a.unwell()
}

// The bounds of looking at what a stranger names: without them it would have this machine knock wherever it likes, for hours.
const (
	mostAtATime = 8
	mostNodes   = 256         // as discover has it
	inAll       = time.Minute // and no less than four questions take
)

// judge takes what was seen of a node.
func (n *Node) judge(found []health.Finding, url string) {
	n.Health = ""
	defer func() {
		if n.Useless { // what answers there may be another node: others guess a port
			n.Health = ""
		}
	}()
	for _, f := range found {
		switch {
		case f.Check == "mysql" && f.Verdict != health.Passed && f.Verdict != health.Full:
			n.Problem, n.Useless = "its MySQL port: "+f.Cause, true
		case f.Check == "http" && f.Verdict == health.Passed:
			n.Health = url
		case f.Check == "http":
			cause, _, _ := strings.Cut(f.Cause, ", but the MySQL port answers")
			n.Problem = "its health URL " + url + ": " + cause
		}
	}
}

// unwell says of nodes that cannot be used, and keeps the address that was given where none can.
func (a *asker) unwell() {
	if !slices.ContainsFunc(a.file.Nodes, func(n Node) bool { return !n.Useless }) {
		if !slices.ContainsFunc(a.file.Nodes, func(n Node) bool { return strings.EqualFold(n.Address, a.Address) }) {
			a.file.Nodes = append(a.file.Nodes, Node{Address: a.Address})
		}
	}
	for _, n := range a.file.Nodes {
		if n.Problem != "" {
			a.remark("how "+n.Address+" is: "+n.Problem, "see to it, or correct `health` of that backend; `segue check --config FILE` looks again")
		}
	}
}

// onThisMachine tells whether a node has an address of this machine's.
func onThisMachine(list []Node) bool {
	own, _ := net.InterfaceAddrs()
	return slices.ContainsFunc(list, func(n Node) bool {
		host, _, _ := net.SplitHostPort(n.Address)
		ip, err := netip.ParseAddr(host)
		if err != nil {
			return strings.EqualFold(host, "localhost")
		}
		return ip.IsLoopback() || slices.ContainsFunc(own, func(a net.Addr) bool {
			prefix, err := netip.ParsePrefix(a.String())
			return err == nil && prefix.Addr().Unmap() == ip.Unmap()
		})
	})
}
