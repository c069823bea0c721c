package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"segue/backend"
	"segue/backend/proxyheader"
	"segue/backend/secure"
)

// Discover says what finds backends beside those that are named. They are the floor: whatever is found or not, they stay.
type Discover struct {
	SQL         bool          // the cluster is asked, through any backend
	User        string        // … by this account
	Password    string        // its password; read from its file, if it has one
	DNS         []string      // "host:port", or "_service._proto.name"
	Resolvers   []string      // "host:port" of those who are asked; none: those of the system
	File        string        // with a list of backends; empty: none
	Kubernetes  Kubernetes    // the service whose endpoints are backends
	Interval    time.Duration // between two questions by SQL; the most that passes between two by DNS
	RemoveAfter time.Duration // how long a backend must be missing from what is found
}

// Kubernetes is a service of Kubernetes, and the API server that is asked for its endpoints.
type Kubernetes struct {
	Service   string // empty: none is asked for
	Namespace string // empty: the pod's own
	Port      string // name or number; empty: the only one of the service
	HTTPPort  string // likewise, for health; empty: the flavor's
	Server    string // URL; empty: that of the cluster whose pod this is, and likewise of what follows
	TokenFile string
	CAFile    string
}

// Active tells whether anything is looked for.
func (d Discover) Active() bool { return d.SQL || d.findsAlone() }

// findsAlone tells whether anything is found without a backend to be asked.
func (d Discover) findsAlone() bool {
	return len(d.DNS) > 0 || d.File != "" || d.Kubernetes.Service != ""
}

// Equal tells whether both look for the same, in the same way.
func (d Discover) Equal(e Discover) bool {
	return d.SQL == e.SQL && d.User == e.User && d.Password == e.Password && slices.Equal(d.DNS, e.DNS) && slices.Equal(d.Resolvers, e.Resolvers) &&
		d.File == e.File && d.Kubernetes == e.Kubernetes && d.Interval == e.Interval && d.RemoveAfter == e.RemoveAfter
}

// The defaults of Discover.
const (
	defaultDiscoverInterval = 30 * time.Second // a login and a statement, on one of the cluster's nodes
	defaultRemoveAfter      = 30 * time.Second
	minDiscoverInterval     = time.Second
)

// discoverKeys is every key of the section.
func (p *parser) discoverKeys(d *document) []key {
	c := &d.config.Discover
	return []key{
		{name: "sql", read: func(n *yaml.Node) { p.truth(n, &c.SQL) }},
		{name: "user", read: p.plainText(&c.User)},
		{name: "password", secret: true, read: p.secretText(&c.Password)},
		{name: "password_file", file: true, read: p.text(&d.discoverFile)},
		{name: "dns", list: true, read: p.words(&c.DNS, shape{"type": "string", "pattern": `^(_[A-Za-z0-9._-]+|` + hostPattern + portPattern + `)$`}, p.dnsName(d))},
		{name: "resolvers", list: true, read: p.words(&c.Resolvers, shape{"type": "string", "pattern": `^[0-9A-Fa-f:.\[\]%a-z]+$`}, p.resolver)},
		{name: "file", file: true, read: p.besideFile(&c.File)},
		{name: "kubernetes", keys: p.kubernetesKeys(&c.Kubernetes), also: shape{"required": []string{"service"}, "dependentRequired": map[string][]string{"server": {"namespace"}}}},
		{name: "interval", read: p.duration(&c.Interval, minDiscoverInterval)},
		{name: "remove_after", read: p.duration(&c.RemoveAfter, 0)},
	}
}

// words reads one word of a shape, or a list of them, each by read.
func (p *parser) words(into *[]string, one shape, read func(n *yaml.Node) (string, bool)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = shape{"anyOf": []shape{one, listShape(one)}}
			return
		}
		items := []*yaml.Node{n}
		switch n.Kind {
		case yaml.SequenceNode:
			items = n.Content
		case yaml.ScalarNode:
		default:
			p.scalar(n)
			return
		}
		*into = nil // an override replaces the file's list
		for _, item := range items {
			if item.Kind != yaml.ScalarNode || isNull(item) {
				p.report(item, "an item of "+p.key(n)+" is "+kindOf(item), "write a single value")
				continue
			}
			if word, ok := read(item); ok {
				*into = append(*into, word)
			}
		}
	}
}

// dnsName reads HOST:PORT, whose addresses are backends, or _SERVICE._PROTO.NAME, whose targets are.
func (p *parser) dnsName(d *document) func(*yaml.Node) (string, bool) {
	return func(n *yaml.Node) (string, bool) {
		example := net.JoinHostPort("fe-search.example", d.config.Flavor.Port())
		if strings.HasPrefix(n.Value, "_") {
			parts := strings.SplitN(n.Value, ".", 3)
			if len(parts) < 3 || !strings.HasPrefix(parts[1], "_") || !goodHost(parts[2]) || !goodHost(n.Value) {
				p.report(n, fmt.Sprintf("discover.dns: %q is no name of SRV records", shorten(n.Value)), "write it as in _mysql._tcp.fe-search.example; or HOST:PORT for a name with addresses")
				return "", false
			}
			return n.Value, true
		}
		if f := checkAddress(n.Value, addressRules{example: example, leastPort: 1}); f != nil {
			p.report(n, "discover.dns: "+f.what, f.remedy)
			return "", false
		}
		host, _, _ := net.SplitHostPort(n.Value)
		if _, err := netip.ParseAddr(host); err == nil {
			p.report(n, fmt.Sprintf("discover.dns: %q is an address, which no name server is asked for", shorten(n.Value)), "write it among the backends")
			return "", false
		}
		return n.Value, true
	}
}

// resolver reads the address of a name server; its port may be left out.
func (p *parser) resolver(n *yaml.Node) (string, bool) {
	if ip, err := netip.ParseAddr(n.Value); err == nil {
		return net.JoinHostPort(ip.String(), "53"), true
	}
	at, err := netip.ParseAddrPort(n.Value)
	if err != nil || at.Port() == 0 {
		p.report(n, fmt.Sprintf("discover.resolvers: %q is not the address of a name server", shorten(n.Value)), "write an IP address, or IP:PORT, for example 10.96.0.10:53")
		return "", false
	}
	return at.String(), true
}

// checkDiscover checks the section against itself and the rest.
func (p *parser) checkDiscover(d *document) {
	c := &d.config.Discover
	file, password, user := p.where["discover.password_file"], p.where["discover.password"], p.where["discover.user"]
	switch {
	case file != nil && password != nil:
		p.report(password, "discover.password and discover.password_file are both given", "keep one; the file keeps the secret out of here")
	case (file != nil || password != nil) && user == nil:
		p.report(p.given("discover.password_file", "discover.password"), "a password to discover with, and no discover.user", "add the user")
	case file != nil && file.Kind == yaml.ScalarNode:
		c.Password, _ = p.passwordFile(file, "discover.password_file", d.discoverFile)
	}
	if c.SQL && user == nil {
		remedy := "name an account that may ask: on StarRocks and Doris it needs OPERATE on SYSTEM (or NODE), on TiDB PROCESS"
		if d.config.Flavor == backend.MySQL {
			remedy = "name an account that may log in; it needs no privilege but on performance_schema, where there is group replication"
		}
		p.report(p.where["discover.sql"], "discover.sql without discover.user", remedy)
	}
	if c.SQL && len(d.backends) == 0 && !c.findsAlone() {
		p.report(p.where["discover.sql"], "discover.sql asks the backends, and there are none", "name one at least in backends, or find the first by discover.dns")
	}
	p.checkKubernetes(&c.Kubernetes)
	if n := p.where["discover.resolvers"]; n != nil && len(c.DNS) == 0 {
		p.report(n, "discover.resolvers without discover.dns", "say in discover.dns what to ask them for, or take it out")
	}
}

// checkFoundTLS warns of certificates that cannot name the backends that are found.
func (p *parser) checkFoundTLS(c *Config) {
	if c.Discover.Active() && c.BackendTLS.Mode() == secure.VerifyIdentity && c.backendName == "" {
		p.warn(p.given("backend_tls.mode", "backend_tls", "discover"), "backend_tls verifies that a certificate names its server, and backends that are found may be known by IP address alone",
			"set backend_tls.server_name to a name that all certificates have, or mode: verify-ca, unless they have the addresses")
	}
}

// preferences reads what backends are preferred for: a word, or a list of them.
func (p *parser) preferences(into *string) func(*yaml.Node) {
	names := `(` + strings.Join(backend.PreferenceNames(), "|") + `)`
	one := shape{"type": "string", "pattern": `^` + names + `( *, *` + names + `)*$`}
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.words(nil, one, nil)(n)
			return
		}
		var words []string
		p.words(&words, one, func(item *yaml.Node) (string, bool) {
			for part := range strings.SplitSeq(item.Value, ",") {
				part = strings.TrimSpace(part)
				if known := backend.PreferenceNames(); !slices.Contains(known, part) {
					remedy := "known: " + strings.Join(known, ", ")
					if near := Nearest(strings.ToLower(part), known); near != "" {
						remedy = fmt.Sprintf("did you mean %q? %s", near, remedy)
					}
					p.report(item, fmt.Sprintf("balance.prefer: unknown word %q", shorten(part)), remedy)
					return "", false
				}
			}
			return item.Value, true
		})(n)
		text := strings.ReplaceAll(strings.Join(words, ","), " ", "")
		if _, err := backend.ParsePreferences(text); err != nil {
			p.report(n, "balance.prefer: "+err.Error(), "keep one of them")
			return
		}
		*into = text
	}
}

// checkPrefer warns of what is preferred and can never be known.
func (p *parser) checkPrefer(d *document) {
	c := d.config
	n := p.where["balance.prefer"]
	prefers := func(word string) bool { return slices.Contains(strings.Split(c.Balance.Prefer, ","), word) }
	switch {
	case prefers("local") && c.Zone == "":
		p.report(n, "balance.prefer: local, and it is not said where Segue is", "set zone, or SEGUE_ZONE")
	case (prefers("leader") || prefers("follower") || prefers("observer")) && !c.Discover.SQL:
		p.report(n, "balance.prefer: "+c.Balance.Prefer+", and nobody is asked who that is", "set discover.sql: true, with discover.user")
	}
}

// wordsText is a list in words.
func wordsText(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// discover tells what is looked for otherwise.
func (d *Changes) discover(old, new Discover) {
	d.changed("discover.sql", old.SQL, new.SQL)
	d.changed("discover.user", fmt.Sprintf("%q", old.User), fmt.Sprintf("%q", new.User))
	if old.Password != new.Password {
		d.add("discover.password changed")
	}
	d.changed("discover.dns", wordsText(old.DNS), wordsText(new.DNS))
	d.changed("discover.resolvers", wordsText(old.Resolvers), wordsText(new.Resolvers))
	d.changed("discover.file", fmt.Sprintf("%q", old.File), fmt.Sprintf("%q", new.File))
	d.changed("discover.kubernetes", old.Kubernetes.text(), new.Kubernetes.text())
	d.changed("discover.interval", old.Interval, new.Interval)
	d.changed("discover.remove_after", old.RemoveAfter, new.RemoveAfter)
}

// HealthGiven tells whether the health URL of the backend at an address is written out.
func (c *Config) HealthGiven(address string) bool { return slices.Contains(c.healthGiven, address) }

// SpecOf is what a backend is to be that has been found: like one that the file names by its address alone, but for its HTTP address, if that is known.
func (c *Config) SpecOf(name, address, http string) backend.Spec {
	s := backend.Spec{Name: name, Address: address, Weight: 1, HealthURL: c.Flavor.HealthURL(address), TLS: c.BackendTLS}
	if u, err := url.Parse(s.HealthURL); err == nil && http != "" && s.HealthURL != "" {
		u.Host = http
		s.HealthURL = u.String()
	}
	switch {
	case c.SendProxy == autoVersion && c.Flavor.IsFE():
		s.ProxyProtocol = proxyheader.V1
	case c.SendProxy == autoVersion:
		s.ProxyProtocol = proxyheader.V2
	default:
		_ = s.ProxyProtocol.UnmarshalText([]byte(c.SendProxy)) // it has been checked
	}
	return s
}
