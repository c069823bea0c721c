package config

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Setting is one value of a configuration. Secrets are masked.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Source string `json:"source"` // file:line, a flag, a variable, default; or what it follows from
}

// masked stands for a secret.
const masked = "********"

// byDefault is the source of a value that nobody has given.
const byDefault = "default"

// Effective loads a configuration and tells each of its values, in the order of the schema, and where it comes from; or *Problems.
func Effective(path string, overrides ...Override) ([]Setting, error) {
	var data []byte
	from := new(reader)
	if path != "" {
		var err error
		if data, err = from.config(path); err != nil {
			return nil, err
		}
	}
	p := newParser(path, from)
	d := &document{config: Default()}
	keys := p.schema(d)
	p.readFile(data, keys)
	p.readOverrides(overrides, keys)
	p.finish(d)
	if len(p.problems) > 0 {
		return nil, (&Problems{List: p.problems}).sorted()
	}
	e := &effective{p: p, d: d, values: d.config.values()}
	for _, k := range keys {
		e.add(k, "")
	}
	return e.settings, nil
}

// effective walks a schema.
type effective struct {
	p        *parser
	d        *document
	values   map[string]string
	settings []Setting
}

func (e *effective) add(k key, path string) {
	full := join(path, k.name)
	switch {
	case k.keys != nil:
		for _, inner := range k.keys {
			e.add(inner, full)
		}
	case full == "backends":
		e.backends()
	case full == "users":
		e.users()
	case e.p.where[full] != nil && strings.HasSuffix(full, "_file"): // as it is written; what it says is a secret
		e.put(full, e.p.where[full].Value, e.p.origin(e.p.where[full]))
	case full == "discover.password" && e.p.where["discover.password_file"] != nil:
		e.put(full, e.values[full], "discover.password_file")
	case full == "health.password" && e.p.where["health.password_file"] != nil:
		e.put(full, e.values[full], "health.password_file")
	default:
		e.put(full, e.values[full], e.p.origin(e.p.where[full]))
	}
}

func (e *effective) put(key, value, source string) {
	e.settings = append(e.settings, Setting{key, value, source})
}

// origin is where a value comes from.
func (p *parser) origin(n *yaml.Node) string {
	switch source, outside := p.source[n]; {
	case n == nil:
		return byDefault
	case outside:
		return source
	case n.Line == 0:
		return p.name
	}
	return fmt.Sprintf("%s:%d", p.name, n.Line)
}

func (e *effective) backends() {
	for i, s := range e.d.config.Backends {
		entry := &e.d.backends[i]
		path := fmt.Sprintf("backends[%d].", i)
		at := func(n *yaml.Node, otherwise string) string {
			if n == nil {
				return otherwise
			}
			return e.p.origin(n)
		}
		e.put(path+"name", s.Name, at(entry.name, "from the address"))
		e.put(path+"address", s.Address, e.p.origin(entry.address))
		follows := "from the flavor and the address"
		if s.HealthURL == "" {
			follows = "the flavor has none"
		}
		e.put(path+"health", shownURL(s.HealthURL), at(entry.health, follows))
		e.put(path+"tls.mode", s.TLS.String(), at(entry.tls.node, cmp.Or(e.p.origin(e.d.backendTLS.node), byDefault)))
		e.put(path+"proxy_protocol", s.ProxyProtocol.String(), at(entry.proxy, "from proxy_protocol.send and the flavor"))
		if entry.zone != nil {
			e.put(path+"zone", s.Zone, e.p.origin(entry.zone))
		}
		e.put(path+"weight", strconv.Itoa(max(s.Weight, 1)), at(entry.weight, byDefault))
	}
}

func (e *effective) users() {
	for i, u := range e.d.config.Proxy.Users {
		entry := &e.d.users[i]
		path := fmt.Sprintf("users[%d].", i)
		e.put(path+"name", u.Name, e.p.origin(entry.name))
		for _, of := range []struct {
			key    string
			node   *yaml.Node
			secret bool
		}{
			{"password", entry.password, true},
			{"password_file", entry.file, false},
			{"hash", entry.hash, true},
			{"service", entry.service, false},
			{"server_public_key_file", entry.publicKey, false},
		} {
			if of.node == nil {
				continue
			}
			value := of.node.Value
			if of.secret {
				value = masked
			}
			e.put(path+of.key, value, e.p.origin(of.node))
		}
		for _, of := range []struct{ key, value string }{{"require", entry.require}, {"require_subject", entry.subject}} {
			if of.value != "" {
				e.put(path+of.key, of.value, e.p.origin(entry.node))
			}
		}
	}
}

// shownURL is a health URL without its user and its query, of which any part may be a secret.
func shownURL(text string) string {
	u, err := url.Parse(text)
	if text == "" || err != nil {
		return ""
	}
	shown := u.Scheme + "://"
	if u.User != nil {
		shown += masked + "@"
	}
	shown += u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		shown += "?" + masked
	}
	return shown
}

// values are those of every key with a single value, as the file writes them.
func (c *Config) values() map[string]string {
	orOff := func(n int) string { return strconv.Itoa(max(n, 0)) }
	zeroOff := func(rate float64) string { return strings.Replace(rateText(rate), "off", "0", 1) }
	password := ""
	if c.Health.Password != "" {
		password = masked
	}
	asker := ""
	if c.Discover.Password != "" {
		asker = masked
	}
	all := map[string]string{
		"listen":                         listenText(c.Listen),
		"admin":                          c.Admin,
		"admin_mode":                     fmt.Sprintf("%04o", c.Access.SocketMode()),
		"admin_group":                    c.Access.Group,
		"admin_hosts":                    strings.Join(c.Access.Hosts, ", "),
		"admin_read":                     string(c.Access.Read),
		"admin_write":                    string(cmp.Or(c.Access.Write, "as the address and the token say")),
		"backend_tls.mode":               c.BackendTLS.String(),
		"backend_tls.server_name":        c.backendName,
		"backend_compression":            c.Proxy.BackendCompression.String(),
		"admin_tls.min_version":          c.AdminTLS.MinVersion(),
		"tls.mode":                       c.TLS.Mode,
		"tls.min_version":                c.TLS.MinVersion(),
		"tls.self_signed":                strconv.FormatBool(c.TLS.SelfSigned),
		"users_learned":                  strconv.FormatBool(c.Proxy.LearnUsers),
		"takeover.socket":                cmp.Or(c.Takeover.Socket, "in the runtime directory"),
		"takeover.offer":                 strconv.FormatBool(c.Takeover.Offer),
		"state":                          c.State,
		"flavor":                         c.Flavor.String(),
		"discover.sql":                   strconv.FormatBool(c.Discover.SQL),
		"discover.user":                  c.Discover.User,
		"discover.password":              asker,
		"discover.dns":                   strings.Join(c.Discover.DNS, ", "),
		"discover.resolvers":             strings.Join(c.Discover.Resolvers, ", "),
		"discover.file":                  c.Discover.File,
		"discover.kubernetes.service":    c.Discover.Kubernetes.Service,
		"discover.kubernetes.namespace":  c.Discover.Kubernetes.Namespace,
		"discover.kubernetes.port":       c.Discover.Kubernetes.Port,
		"discover.kubernetes.http_port":  c.Discover.Kubernetes.HTTPPort,
		"discover.kubernetes.server":     c.Discover.Kubernetes.Server,
		"discover.kubernetes.token_file": c.Discover.Kubernetes.TokenFile,
		"discover.kubernetes.ca_file":    c.Discover.Kubernetes.CAFile,
		"discover.interval":              c.Discover.Interval.String(),
		"discover.remove_after":          c.Discover.RemoveAfter.String(),
		"zone":                           c.Zone,
		"balance.prefer":                 c.Balance.Prefer,
		"get_server_public_key":          strconv.FormatBool(c.GetServerPublicKey),
		"balance.policy":                 c.Balance.Policy,
		"balance.slow_start":             c.Balance.SlowStart.String(),
		"balance.rebalance_rate":         zeroOff(c.Proxy.Balance.Rate),
		"balance.rebalance_threshold":    percentText(c.Proxy.Balance.Threshold),
		"balance.rebalance_settle":       c.Proxy.Balance.Settle.String(),
		"health.interval":                c.Health.Interval.String(),
		"health.fast_interval":           c.Health.FastInterval.String(),
		"health.timeout":                 c.Health.Timeout.String(),
		"health.rise":                    strconv.Itoa(c.Health.Rise),
		"health.fall":                    strconv.Itoa(c.Health.Fall),
		"health.user":                    c.Health.User,
		"health.password":                password,
		"connect.budget":                 c.Proxy.ConnectBudget.String(),
		"connect.timeout":                c.Proxy.ConnectTimeout.String(),
		"connect.unauthenticated":        strconv.Itoa(c.Proxy.Unauthenticated),
		"drain.timeout":                  c.Proxy.DrainTimeout.String(),
		"drain.hang_timeout":             c.Proxy.HangTimeout.String(),
		"drain.takeover_timeout":         c.TakeoverTimeout.String(),
		"shutdown.delay":                 c.Shutdown.Delay.String(),
		"shutdown.wait_clients":          c.Shutdown.WaitClients.String(),
		"hold.timeout":                   max(c.Proxy.Hold.Timeout, 0).String(),
		"hold.statements":                strconv.Itoa(c.Proxy.Hold.Statements),
		"hold.dry_run":                   strconv.FormatBool(c.Proxy.Hold.DryRun),
		"replay.attempts":                orOff(c.Proxy.Replay.Attempts),
		"replay.timeout":                 c.Proxy.Replay.Timeout.String(),
		"replay.reads":                   c.Proxy.Replay.Reads,
		"stored_programs":                c.Proxy.StoredPrograms,
		"proxy_protocol.accept":          networksText(c.Proxy.ProxiedFrom),
		"proxy_protocol.send":            c.SendProxy,
		"limits.statements_memory":       sizeText(c.Proxy.StatementsMemory),
		"limits.sessions":                sessionsText(c.Proxy.MaxSessions),
	}
	c.Loads.values(all)
	return all
}
