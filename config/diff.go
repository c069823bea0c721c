package config

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"segue/backend"
	"segue/backend/secure"
	proxy "segue/proxy"
)

// Changes is what differs between two configurations, in words for a log.
// No secret is among them.
type Changes struct {
	Lines   []string // one per change
	Restart []string // the keys whose change takes effect only with a restart
}

// Diff tells what a reload from old to new changes.
func Diff(old, new *Config) Changes {
	d := &Changes{}
	d.changed("listen", listenText(old.Listen), listenText(new.Listen))
	d.needsRestart("admin", old.Admin, new.Admin)
	d.access(old.Access, new.Access)
	d.tls("admin_tls", old.AdminTLS, new.AdminTLS)
	d.tls("tls", old.TLS, new.TLS)
	d.changed("users_learned", old.Proxy.LearnUsers, new.Proxy.LearnUsers)
	d.changed("backend_compression", old.Proxy.BackendCompression, new.Proxy.BackendCompression)
	d.changed("flavor", old.Flavor, new.Flavor)
	d.backends(old.Backends, new.Backends)
	d.discover(old.Discover, new.Discover)
	d.changed("zone", strconv.Quote(old.Zone), strconv.Quote(new.Zone))
	d.users(old.Proxy.Users, new.Proxy.Users)
	d.changed("balance.policy", old.Balance.Policy, new.Balance.Policy)
	d.changed("balance.prefer", cmp.Or(old.Balance.Prefer, "none"), cmp.Or(new.Balance.Prefer, "none"))
	d.changed("balance.slow_start", old.Balance.SlowStart, new.Balance.SlowStart)
	d.changed("balance.rebalance_rate", rateText(old.Proxy.Balance.Rate), rateText(new.Proxy.Balance.Rate))
	d.changed("balance.rebalance_threshold", percentText(old.Proxy.Balance.Threshold), percentText(new.Proxy.Balance.Threshold))
	d.changed("balance.rebalance_settle", old.Proxy.Balance.Settle, new.Proxy.Balance.Settle)
	d.changed("health.interval", old.Health.Interval, new.Health.Interval)
	d.changed("health.fast_interval", old.Health.FastInterval, new.Health.FastInterval)
	d.changed("health.timeout", old.Health.Timeout, new.Health.Timeout)
	d.changed("health.rise", old.Health.Rise, new.Health.Rise)
	d.changed("health.fall", old.Health.Fall, new.Health.Fall)
	d.changed("health.user", strconv.Quote(old.Health.User), strconv.Quote(new.Health.User))
	if old.Health.Password != new.Health.Password {
		d.add("health.password changed")
	}
	if old.Health.Trust.Key != new.Health.Trust.Key {
		d.add("health.server_public_key_file changed")
	}
	d.changed("get_server_public_key", old.GetServerPublicKey, new.GetServerPublicKey)
	d.changed("connect.budget", old.Proxy.ConnectBudget, new.Proxy.ConnectBudget)
	d.changed("connect.timeout", old.Proxy.ConnectTimeout, new.Proxy.ConnectTimeout)
	d.changed("connect.unauthenticated", old.Proxy.Unauthenticated, new.Proxy.Unauthenticated)
	d.changed("drain.timeout", old.Proxy.DrainTimeout, new.Proxy.DrainTimeout)
	d.changed("drain.hang_timeout", old.Proxy.HangTimeout, new.Proxy.HangTimeout)
	d.changed("drain.takeover_timeout", old.TakeoverTimeout, new.TakeoverTimeout)
	d.changed("shutdown.delay", old.Shutdown.Delay, new.Shutdown.Delay)
	d.changed("shutdown.wait_clients", old.Shutdown.WaitClients, new.Shutdown.WaitClients)
	d.changed("hold.timeout", max(old.Proxy.Hold.Timeout, 0), max(new.Proxy.Hold.Timeout, 0))
	d.changed("hold.statements", old.Proxy.Hold.Statements, new.Proxy.Hold.Statements)
	d.changed("hold.dry_run", old.Proxy.Hold.DryRun, new.Proxy.Hold.DryRun)
	d.changed("replay.attempts", max(old.Proxy.Replay.Attempts, 0), max(new.Proxy.Replay.Attempts, 0))
	d.changed("replay.timeout", old.Proxy.Replay.Timeout, new.Proxy.Replay.Timeout)
	d.needsRestart("takeover.socket", strconv.Quote(old.Takeover.Socket), strconv.Quote(new.Takeover.Socket))
	d.needsRestart("takeover.offer", old.Takeover.Offer, new.Takeover.Offer)
	d.needsRestart("state", strconv.Quote(old.State), strconv.Quote(new.State))
	d.loads(old.Loads, new.Loads)
	d.changed("replay.reads", old.Proxy.Replay.Reads, new.Proxy.Replay.Reads)
	d.changed("stored_programs", old.Proxy.StoredPrograms, new.Proxy.StoredPrograms)
	d.changed("proxy_protocol.accept", networksText(old.Proxy.ProxiedFrom), networksText(new.Proxy.ProxiedFrom))
	d.changed("limits.statements_memory", sizeText(old.Proxy.StatementsMemory), sizeText(new.Proxy.StatementsMemory))
	d.changed("limits.sessions", sessionsText(old.Proxy.MaxSessions), sessionsText(new.Proxy.MaxSessions))
	return *d
}

// sessionsText is limits.sessions in words.
func sessionsText(n int) string {
	if n == 0 {
		return "as file descriptors allow"
	}
	return strconv.Itoa(n)
}

func (d *Changes) add(format string, args ...any) {
	d.Lines = append(d.Lines, fmt.Sprintf(format, args...))
}

// changed adds a line when the values of a key differ.
func (d *Changes) changed(key string, old, new any) bool {
	if old == new {
		return false
	}
	d.add("%s: %v -> %v", key, old, new)
	return true
}

// needsRestart adds a line when the values of a key differ that is read at the start alone.
func (d *Changes) needsRestart(key string, old, new any) {
	if d.changed(key, old, new) {
		d.Restart = append(d.Restart, key)
	}
}

// access tells what changes for those who ask the admin API.
func (d *Changes) access(old, new Access) {
	d.needsRestart("admin_mode", fmt.Sprintf("%04o", old.SocketMode()), fmt.Sprintf("%04o", new.SocketMode()))
	d.needsRestart("admin_group", strconv.Quote(old.Group), strconv.Quote(new.Group))
	if old.Token != new.Token {
		d.add("the token of admin_token_file changed")
	}
	d.changed("admin_hosts", strings.Join(old.Hosts, ", "), strings.Join(new.Hosts, ", "))
	d.changed("admin_read", old.Read, new.Read)
	d.changed("admin_write", cmp.Or(old.Write, "as the address and the token say"), cmp.Or(new.Write, "as the address and the token say"))
}

// backends tells which were added, removed and changed. A backend is known by
// its name and its address; with another address it is another backend.
func (d *Changes) backends(old, new []backend.Spec) {
	before := make(map[string]backend.Spec, len(old))
	for _, s := range old {
		before[s.Name] = s
	}
	after := make(map[string]bool, len(new))
	for _, s := range new {
		after[s.Name] = true
		was, ok := before[s.Name]
		switch {
		case !ok:
			d.add("backend %s added (%s)", s.Name, s.Address)
		case was.Address != s.Address:
			d.add("backend %s replaced: %s -> %s", s.Name, was.Address, s.Address)
		default:
			d.changed("backend "+s.Name+" weight", max(was.Weight, 1), max(s.Weight, 1))
			d.changed("backend "+s.Name+" proxy_protocol", was.ProxyProtocol, s.ProxyProtocol)
			d.changed("backend "+s.Name+" zone", strconv.Quote(was.Zone), strconv.Quote(s.Zone))
			d.healthURL(s.Name, was.HealthURL, s.HealthURL)
			d.backendTLS(s.Name, was.TLS, s.TLS)
		}
	}
	for _, s := range old {
		if !after[s.Name] {
			d.add("backend %s removed (%s)", s.Name, s.Address)
		}
	}
}

// backendTLS tells of no certificate what it says.
func (d *Changes) backendTLS(name string, old, new *secure.Policy) {
	switch {
	case old.Equal(new):
	case old.Mode() != new.Mode():
		d.add("backend %s backend_tls.mode: %s -> %s", name, old, new)
	default:
		d.add("backend %s backend_tls: its certificates or its server_name changed", name)
	}
}

// users tells which were added, removed and changed, and nothing of their secrets.
func (d *Changes) users(old, new []proxy.User) {
	before := make(map[string]proxy.User, len(old))
	for _, u := range old {
		before[u.Name] = u
	}
	after := make(map[string]bool, len(new))
	for _, u := range new {
		after[u.Name] = true
		was, ok := before[u.Name]
		switch {
		case !ok:
			d.add("user %s added", u.Name)
		case was != u:
			d.add("user %s changed", u.Name)
		}
	}
	for _, u := range old {
		if !after[u.Name] {
			d.add("user %s removed", u.Name)
		}
	}
}

// healthURL compares two URLs that may hold a password.
func (d *Changes) healthURL(name, old, new string) {
	if old == new {
		return
	}
	d.add("backend %s health: %s -> %s", name, redacted(old), redacted(new))
}

func redacted(text string) string {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return "none"
	case err != nil:
		return "(unreadable)"
	}
	user := ""
	if u.User != nil {
		user = "xxxxx@" // a name without a password is a token for the most part
		if _, given := u.User.Password(); given {
			user = url.User(u.User.Username()).String() + ":" + user
		}
	}
	return u.Scheme + "://" + user + u.Host + u.EscapedPath() + maskedQuery(u)
}

// maskedQuery is a URL's query without its values, of which any may be a token. A part that has no value may be one itself.
func maskedQuery(u *url.URL) string {
	if u.RawQuery == "" && u.Fragment == "" {
		return ""
	}
	var parts []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, ok := strings.Cut(part, "=")
		if !ok {
			parts = append(parts, "xxxxx")
			continue
		}
		parts = append(parts, name+"=xxxxx")
	}
	return "?" + strings.Join(parts, "&")
}
