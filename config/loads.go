package config

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"segue/backend"
	proxy "segue/proxy"
)

// Loads says how loads over HTTP (Stream Load) are served.
type Loads struct {
	Listen      []Listen          // where clients load; none: nothing is served
	Follow      bool              // redirects to BEs and CNs are followed for clients
	Buffer      int64             // of each load's body, what is kept to send it again; 0: nothing
	Memory      int64             // … of all loads together
	Connections int               // clients at a time
	Progress    time.Duration     // the longest that a body may stand still
	Header      time.Duration     // within which a request's head must have come
	Nodes       []string          // BEs and CNs beside those that the cluster names, "host:port" or "host"; "*": any
	Addresses   map[string]string // what the cluster calls a BE or CN, "host:port" or "host" → where it is reached, likewise
}

// MaxLoadListen is how many addresses there may be for loads.
const MaxLoadListen = 4

// The defaults of Loads.
const (
	defaultLoadBuffer      = 16 << 20
	defaultLoadMemory      = 256 << 20
	defaultLoadConnections = 4096
	defaultLoadProgress    = 5 * time.Minute
	defaultLoadHeader      = 10 * time.Second

	maxLoadConnections = 1_000_000
	maxLoadNodes       = 10_000 // as many as a cluster's answer may name
)

// anyNode is the word of load.nodes for every address.
const anyNode = "*"

func defaultLoads() Loads {
	return Loads{Follow: true, Buffer: defaultLoadBuffer, Memory: defaultLoadMemory, Connections: defaultLoadConnections, Progress: defaultLoadProgress, Header: defaultLoadHeader}
}

// loadKeys is every key of the section.
func (p *parser) loadKeys(l *Loads) []key {
	return []key{
		{name: "listen", list: true, read: p.listen("load.listen", MaxLoadListen, &l.Listen)},
		{name: "follow", read: func(n *yaml.Node) { p.truth(n, &l.Follow) }},
		{name: "buffer", read: p.size(&l.Buffer, 0)},
		{name: "memory", read: p.size(&l.Memory, minMemory)},
		{name: "connections", read: p.count(&l.Connections, maxLoadConnections)},
		{name: "progress", read: p.duration(&l.Progress, 1)},
		{name: "header", read: p.duration(&l.Header, 1)},
		{name: "nodes", list: true, read: p.words(&l.Nodes, shape{"type": "string", "pattern": `^(\*|` + hostPattern + `(` + portPattern + `)?)$`}, p.loadNode)},
		{name: "addresses", list: true, read: p.loadAddresses(&l.Addresses)},
	}
}

// loadNode reads HOST:PORT, HOST or *.
func (p *parser) loadNode(n *yaml.Node) (string, bool) {
	if n.Value == anyNode {
		return anyNode, true
	}
	if f := checkPlace(n.Value); f != nil {
		p.report(n, "load.nodes: "+f.what, f.remedy+`; "*" is any`)
		return "", false
	}
	return n.Value, true
}

// checkPlace says what keeps s from being host:port, or host alone; nil: nothing.
func checkPlace(s string) *fault {
	if goodHost(strings.Trim(s, "[]")) {
		return nil
	}
	return checkAddress(s, addressRules{example: "be-1.example:8040", leastPort: 1})
}

// loadAddresses reads {NAME: ADDRESS, …}, or a list of NAME=ADDRESS, as it is from outside the file.
func (p *parser) loadAddresses(into *map[string]string) func(*yaml.Node) {
	place := `^` + hostPattern + `(` + portPattern + `)?$`
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = shape{"anyOf": []shape{
				{"type": "object", "propertyNames": shape{"pattern": place}, "additionalProperties": shape{"type": "string", "pattern": place}},
				listShape(shape{"type": "string", "pattern": "="}),
			}}
			return
		}
		all := make(map[string]string)
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				p.loadAddress(all, n.Content[i], n.Content[i].Value, n.Content[i+1], n.Content[i+1].Value)
			}
		case yaml.SequenceNode:
			for _, item := range n.Content {
				if item.Kind != yaml.ScalarNode {
					p.report(item, "an entry of load.addresses is "+kindOf(item), "write NAME=ADDRESS, as in be-0.internal=10.0.0.5:31040")
					continue
				}
				name, address, ok := strings.Cut(item.Value, "=")
				if !ok {
					p.report(item, fmt.Sprintf("load.addresses: %q has no =", shorten(item.Value)), "write NAME=ADDRESS, as in be-0.internal=10.0.0.5:31040")
					continue
				}
				p.loadAddress(all, item, name, item, address)
			}
		default:
			p.report(n, "load.addresses is "+kindOf(n), "write {NAME: ADDRESS}, as in {be-0.internal: 10.0.0.5:31040}")
		}
		if len(all) > maxLoadNodes {
			p.report(n, fmt.Sprintf("load.addresses has %d entries", len(all)), fmt.Sprintf("it may have %d", maxLoadNodes))
		}
		*into = all
	}
}

func (p *parser) loadAddress(all map[string]string, nameAt *yaml.Node, name string, at *yaml.Node, address string) {
	if nameAt.Kind != yaml.ScalarNode || at.Kind != yaml.ScalarNode || isNull(at) {
		p.report(at, "an entry of load.addresses is "+kindOf(at), "write NAME: ADDRESS, as in be-0.internal: 10.0.0.5:31040")
		return
	}
	if f := checkPlace(name); f != nil {
		p.report(nameAt, "load.addresses: "+f.what, f.remedy+"; it is what the FEs call the BE or CN")
		return
	}
	if f := checkPlace(address); f != nil {
		p.report(at, "load.addresses: "+f.what, f.remedy+"; it is where the BE or CN is reached from here")
		return
	}
	if _, twice := all[strings.ToLower(name)]; twice {
		p.report(nameAt, fmt.Sprintf("load.addresses has %q twice", shorten(name)), "keep one")
		return
	}
	all[strings.ToLower(name)] = address
}

// checkLoads checks the section against the rest.
func (p *parser) checkLoads(d *document) {
	c := d.config
	l := &c.Loads
	if l.Buffer > l.Memory {
		p.report(p.given("load.buffer", "load.memory"), fmt.Sprintf("load.buffer (%s) is more than load.memory (%s)", sizeText(l.Buffer), sizeText(l.Memory)),
			"load.memory is for all loads together: make it as large at least")
	}
	if len(l.Listen) == 0 {
		return
	}
	at := p.where["load.listen"]
	if !c.Flavor.IsFE() {
		p.report(at, fmt.Sprintf("load.listen, and %s has no Stream Load", c.Flavor), "take it out; it is for starrocks and doris")
		return
	}
	for _, one := range l.Listen {
		if meets(one.Address, c.Admin) {
			p.report(at, fmt.Sprintf("load.listen (%s) and admin (%s) are the same address", one.Address, c.Admin), "choose another "+portOrPath(one.Address)+" for one of them")
		}
		for _, other := range c.Listen {
			if meets(one.Address, other.Address) {
				p.report(at, fmt.Sprintf("load.listen (%s) and listen (%s) are the same address", one.Address, other.Address),
					"choose another "+portOrPath(one.Address)+" for one of them: MySQL and HTTP are not told apart on one")
			}
		}
		for _, b := range c.Backends {
			if web, _ := WebAddress(b.HealthURL); web != "" && meets(web, one.Address) {
				p.report(at, fmt.Sprintf("load.listen (%s) is the HTTP address of backend %s (%s)", one.Address, b.Name, web), "choose another port, for example load.listen: 127.0.0.1:8031")
			}
		}
	}
	if !slices.ContainsFunc(c.Backends, hasWeb) && len(c.Backends) > 0 && !c.Discover.Active() {
		p.report(at, "load.listen, and no backend has an HTTP address", "give backends their health URLs: loads go to the FE that answers there")
	}
	asks := c.Discover.User != "" || c.Health.User != "" || slices.ContainsFunc(c.Proxy.Users, func(u proxy.User) bool { return u.HasPassword })
	if !asks && len(l.Nodes) == 0 {
		p.warn(at, "load.listen, and no account that may ask the cluster which BEs and CNs it has: loads are sent to nobody", "name an account that may (OPERATE on SYSTEM) as discover.user, or the BEs and CNs in load.nodes")
	}
	if slices.Contains(l.Nodes, anyNode) {
		p.warn(p.where["load.nodes"], `load.nodes: "*": whatever address an FE's redirect names gets the loads, and the names and passwords of those who load`, "name the BEs and CNs, or have Segue ask the cluster for them (discover.user)")
	}
}

// WebAddress is the host:port that a URL leads to, and whether by https; empty: it is none.
func WebAddress(text string) (address string, secured bool) {
	u, err := url.Parse(text)
	if text == "" || err != nil || u.Hostname() == "" {
		return "", false
	}
	port := u.Port()
	secured = u.Scheme == "https"
	switch {
	case port != "":
	case secured:
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port), secured
}

// hasWeb reports whether a backend has an HTTP address.
func hasWeb(b backend.Spec) bool {
	at, _ := WebAddress(b.HealthURL)
	return at != ""
}

// addressesText is load.addresses in words.
func addressesText(all map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}
	return strings.Join(list, ", ")
}

// values are those of the section's keys.
func (l *Loads) values(into map[string]string) {
	into["load.listen"] = listenText(l.Listen)
	into["load.follow"] = strconv.FormatBool(l.Follow)
	into["load.buffer"] = loadSize(l.Buffer)
	into["load.memory"] = sizeText(l.Memory)
	into["load.connections"] = strconv.Itoa(l.Connections)
	into["load.progress"] = l.Progress.String()
	into["load.header"] = l.Header.String()
	into["load.nodes"] = strings.Join(l.Nodes, ", ")
	into["load.addresses"] = addressesText(l.Addresses)
}

// loadSize is a size of which none at all is one.
func loadSize(n int64) string {
	if n == 0 {
		return "0KiB"
	}
	return sizeText(n)
}

// loads tells what is served otherwise.
func (d *Changes) loads(old, new Loads) {
	none := func(list []Listen) string {
		if len(list) == 0 {
			return "nowhere"
		}
		return listenText(list)
	}
	d.changed("load.listen", none(old.Listen), none(new.Listen))
	d.changed("load.follow", old.Follow, new.Follow)
	d.changed("load.buffer", loadSize(old.Buffer), loadSize(new.Buffer))
	d.changed("load.memory", sizeText(old.Memory), sizeText(new.Memory))
	d.changed("load.connections", old.Connections, new.Connections)
	d.changed("load.progress", old.Progress, new.Progress)
	d.changed("load.header", old.Header, new.Header)
	d.changed("load.nodes", wordsText(old.Nodes), wordsText(new.Nodes))
	if text := addressesText(new.Addresses); text != addressesText(old.Addresses) {
		d.add("load.addresses: %d entries -> %d entries", len(old.Addresses), len(new.Addresses))
	}
}
