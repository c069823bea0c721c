package config

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// finish checks the values against each other and fills in what follows from
// them.
func (p *parser) finish(d *document) {
	c := d.config
	c.Backends = p.specs(d)
	c.Health.Flavor = c.Flavor
	c.Proxy.Flavor = c.Flavor
	p.checkPresent(d)
	p.checkDiscover(d)
	p.checkPrefer(d)
	p.checkFoundTLS(c)
	p.checkListeners(d)
	p.checkTimes(c)
	p.checkCredential(d)
	p.checkTLS(&d.tls)
	p.checkTLS(&d.adminTLS)
	p.checkAccess(d)
	c.Proxy.Users = p.accounts(d)
	p.checkRequirements(d)
	p.checkLoads(d)
	c.Proxy.AnyKey = c.GetServerPublicKey
	p.checkLearning(c)
	p.checkExposure(c)
	if c.GetServerPublicKey {
		p.warn(p.where["get_server_public_key"], "whoever answers in a backend's place can have the passwords of the accounts", "server_public_key_file gives each to its server alone")
	}
	c.Warnings = p.warnings
}

// given is the node of the first of paths that was given; a problem between
// two keys is reported at the one that the reader wrote.
func (p *parser) given(paths ...string) *yaml.Node {
	for _, path := range paths {
		if n, ok := p.where[path]; ok {
			return n
		}
	}
	return nil
}

func (p *parser) checkPresent(d *document) {
	list := p.where["backends"]
	if list != nil && (list.Kind != yaml.SequenceNode || len(list.Content) > 0) {
		return
	}
	if list == nil && p.broken {
		return // not YAML: there may well be backends
	}
	if d.config.Discover.Active() {
		return // checkDiscover has a word on it
	}
	p.report(list, "there are no backends", "list at least one: `backends: [HOST:"+d.config.Flavor.Port()+"]`")
}

// checkListeners finds addresses that cannot be bound together, and backends
// that are Segue itself.
func (p *parser) checkListeners(d *document) {
	c := d.config
	for _, l := range c.Listen {
		if meets(l.Address, c.Admin) {
			p.report(p.given("admin", "listen"), fmt.Sprintf("listen (%s) and admin (%s) are the same address", l.Address, c.Admin),
				"choose another "+portOrPath(l.Address)+" for one of them")
		}
		for _, e := range d.backends {
			if e.spec.Address != "" && meets(e.spec.Address, l.Address) {
				p.report(e.address, fmt.Sprintf("backend %s is the address Segue itself listens on (%s)", e.spec.Address, l.Address),
					"let one of them use another "+portOrPath(l.Address)+", for example listen: 127.0.0.1:9029")
			}
		}
	}
}

// portOrPath is what tells one address from another on the same machine.
func portOrPath(address string) string {
	if _, ok := UnixPath(address); ok {
		return "path"
	}
	return "port"
}

func (p *parser) checkTimes(c *Config) {
	if p.where["health.fast_interval"] == nil {
		c.Health.FastInterval = min(c.Health.FastInterval, c.Health.Interval)
	}
	if c.Health.FastInterval > c.Health.Interval {
		p.report(p.given("health.fast_interval", "health.interval"),
			fmt.Sprintf("health.fast_interval (%s) is longer than health.interval (%s)", c.Health.FastInterval, c.Health.Interval),
			"make it the same or shorter")
	}
	if c.Proxy.ConnectTimeout > c.Proxy.ConnectBudget {
		p.report(p.given("connect.timeout", "connect.budget"),
			fmt.Sprintf("connect.timeout (%s) is longer than connect.budget (%s)", c.Proxy.ConnectTimeout, c.Proxy.ConnectBudget),
			"make it shorter, so that a second backend can be tried")
	}
}

// checkCredential reads the probe user's password.
func (p *parser) checkCredential(d *document) {
	h := &d.config.Health
	file := p.where["health.password_file"]
	password := p.where["health.password"]
	switch {
	case file != nil && password != nil:
		p.report(password, "health.password and health.password_file are both given", "keep one; the file keeps the secret out of here")
	case (file != nil || password != nil) && p.where["health.user"] == nil:
		p.report(p.given("health.password_file", "health.password"), "a health password without health.user", "add the user")
	case file != nil && file.Kind == yaml.ScalarNode:
		h.Password, _ = p.passwordFile(file, "health.password_file", d.passwordFile)
	}
	if d.publicKey != nil && p.where["health.user"] == nil {
		p.report(d.publicKey, "health.server_public_key_file without health.user", "add the user")
		return
	}
	h.Trust = p.trust(d, d.publicKey, "health.server_public_key_file")
}
