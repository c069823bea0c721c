package config

import (
	"fmt"
	"net"
	"net/url"
	"strconv"

	"go.yaml.in/yaml/v3"

	"segue/backend"
)

// backends reads the list. Each item is an address, or a set of keys.
func (p *parser) backends(into *[]entry) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = p.backendsShape()
			return
		}
		if n.Kind != yaml.SequenceNode {
			p.report(n, "backends is "+kindOf(n)+", not a list", "write `- HOST:PORT` lines below it")
			return
		}
		*into = nil // an override replaces the file's list
		for i, item := range n.Content {
			if e, ok := p.entry(item, fmt.Sprintf("backends[%d]", i)); ok {
				*into = append(*into, e)
			}
		}
	}
}

func (p *parser) backendsShape() shape {
	keys := p.sectionShape("backends[]", p.entryKeys(&entry{}))
	keys["required"] = []string{"address"}
	list := listShape(shape{"anyOf": []shape{addressShape(false, true), keys}})
	list["minItems"] = 1
	return list
}

// entry reads one backend of the list.
func (p *parser) entry(n *yaml.Node, path string) (entry, bool) {
	e := entry{node: n, path: path}
	e.spec.Weight = 1
	switch {
	case n.Kind == yaml.MappingNode:
		if p.spacedAddress(n) {
			return e, false
		}
		p.mapping(n, path, p.entryKeys(&e))
		e.tls.node = p.where[path+".tls"]
		return e, true
	case n.Kind == yaml.ScalarNode && !isNull(n):
		e.address = n
		return e, true
	case n.Kind == yaml.AliasNode:
		p.report(n, path+" is a YAML alias", "write the backend out")
	default:
		p.report(n, path+" is "+kindOf(n), "write HOST:PORT, or the keys name, address, health, weight")
	}
	return e, false
}

// spacedAddress reports `- fe1: 9030`, which YAML takes for a key.
func (p *parser) spacedAddress(n *yaml.Node) bool {
	if len(n.Content) != 2 || n.Content[1].ShortTag() != "!!int" {
		return false
	}
	host, port := n.Content[0].Value, n.Content[1].Value
	if _, known := find(p.entryKeys(&entry{}), host); known {
		return false
	}
	p.report(n, fmt.Sprintf("%q is a key with a value", host+": "+port),
		fmt.Sprintf("did you mean %q, without the space?", net.JoinHostPort(host, port)))
	return true
}

// keep reads a value that is checked later.
func (e *entry) keep(into **yaml.Node) func(*yaml.Node) {
	return func(n *yaml.Node) { *into = n }
}

// specs checks the list against itself and against the flavor.
func (p *parser) specs(d *document) []backend.Spec {
	entries, flavor := d.backends, d.config.Flavor
	d.backendTLS.node = p.where["backend_tls"]
	common := p.policy(&d.backendTLS, "backend_tls", nil)
	d.config.BackendTLS = common
	if n := d.backendTLS.name; n != nil {
		d.config.backendName = n.Value
	}
	specs := make([]backend.Spec, 0, len(entries))
	for i := range entries {
		e := &entries[i]
		if p.checkProxyProtocol(e, d); !p.checkEntry(e, flavor) {
			continue
		}
		e.spec.TLS = p.policy(&e.tls, e.path+".tls", common)
		specs = append(specs, e.spec)
		if e.health != nil {
			d.config.healthGiven = append(d.config.healthGiven, e.spec.Address)
		}
	}
	p.uniqueAddresses(entries)
	p.uniqueNames(entries)
	if len(p.problems) > 0 {
		return specs
	}
	deriveNames(specs)
	return specs
}

// checkEntry fills in e.spec from the values as written.
func (p *parser) checkEntry(e *entry, flavor backend.Flavor) bool {
	before := len(p.problems)
	p.checkName(e)
	p.checkBackendAddress(e, flavor)
	if len(p.problems) == before {
		p.checkHealth(e, flavor)
	}
	return len(p.problems) == before
}

func (p *parser) checkName(e *entry) {
	if e.name == nil || !p.scalar(e.name) {
		return
	}
	if !goodName(e.name.Value) {
		p.report(e.name, fmt.Sprintf("%q cannot name a backend", shorten(e.name.Value)),
			"use up to 64 letters, digits, dots, dashes, underscores and colons, no dot first")
		return
	}
	e.spec.Name = e.name.Value
}

func (p *parser) checkBackendAddress(e *entry, flavor backend.Flavor) {
	if e.address == nil {
		p.report(e.node, "a backend has no address", "add address: HOST:"+flavor.Port())
		return
	}
	if !p.scalar(e.address) {
		return
	}
	if path, ok := UnixPath(e.address.Value); ok {
		p.unixAddress(e.address, "backend address", path, &e.spec.Address)
		return
	}
	rules := addressRules{example: net.JoinHostPort("fe1", flavor.Port()), leastPort: 1}
	if f := checkAddress(e.address.Value, rules); f != nil {
		p.report(e.address, "backend address "+f.what, f.remedy)
		return
	}
	e.spec.Address = e.address.Value
}

func (p *parser) checkHealth(e *entry, flavor backend.Flavor) {
	e.spec.HealthURL = flavor.HealthURL(e.spec.Address)
	if e.health == nil || !p.scalar(e.health) {
		return
	}
	text := e.health.Value
	example := e.spec.HealthURL
	if example == "" {
		example = "http://HOST:PORT/PATH"
	}
	u, err := url.Parse(text)
	switch {
	case p.unfilled(e.health, "health", "write it as in "+example):
	case err != nil || u.Hostname() == "" && u.Scheme != "":
		p.report(e.health, fmt.Sprintf("health: %q is not a URL", shorten(text)), "write it as in "+example)
	case u.Scheme != "http" && u.Scheme != "https":
		p.report(e.health, fmt.Sprintf("health: %q does not begin with http:// or https://", shorten(text)), "write it as in "+example)
	case u.Port() != "" && !goodPort(u.Port()):
		p.report(e.health, fmt.Sprintf("health: %q has a port out of range", shorten(text)), "write it as in "+example)
	default:
		e.spec.HealthURL = text
	}
}

func goodPort(s string) bool {
	number, err := strconv.Atoi(s)
	return err == nil && number >= 1 && number <= 65535
}
