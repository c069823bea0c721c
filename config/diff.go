package config

import (
	"fmt"
	"net/url"
	"strconv"

	"segue/backend"
	"segue/proxy"
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
	if d.changed("listen", old.Listen, new.Listen) {
		d.Restart = append(d.Restart, "listen")
	}
	if d.changed("admin", old.Admin, new.Admin) {
		d.Restart = append(d.Restart, "admin")
	}
	d.changed("flavor", old.Flavor, new.Flavor)
	d.backends(old.Backends, new.Backends)
	d.users(old.Proxy.Users, new.Proxy.Users)
	d.changed("balance.policy", old.Balance.Policy, new.Balance.Policy)
	d.changed("balance.slow_start", old.Balance.SlowStart, new.Balance.SlowStart)
	d.changed("balance.rebalance_rate", rateText(old.Proxy.Rebalance.Rate), rateText(new.Proxy.Rebalance.Rate))
	d.changed("balance.rebalance_threshold", percentText(old.Proxy.Rebalance.Threshold), percentText(new.Proxy.Rebalance.Threshold))
	d.changed("balance.rebalance_settle", old.Proxy.Rebalance.Settle, new.Proxy.Rebalance.Settle)
	d.changed("health.interval", old.Health.Interval, new.Health.Interval)
	d.changed("health.fast_interval", old.Health.FastInterval, new.Health.FastInterval)
	d.changed("health.timeout", old.Health.Timeout, new.Health.Timeout)
	d.changed("health.rise", old.Health.Rise, new.Health.Rise)
	d.changed("health.fall", old.Health.Fall, new.Health.Fall)
	d.changed("health.user", strconv.Quote(old.Health.User), strconv.Quote(new.Health.User))
	if old.Health.Password != new.Health.Password {
		d.add("health.password changed")
	}
	d.changed("connect.budget", old.Proxy.ConnectBudget, new.Proxy.ConnectBudget)
	d.changed("connect.timeout", old.Proxy.ConnectTimeout, new.Proxy.ConnectTimeout)
	d.changed("drain.timeout", old.Proxy.DrainTimeout, new.Proxy.DrainTimeout)
	d.changed("drain.hang_timeout", old.Proxy.HangTimeout, new.Proxy.HangTimeout)
	d.changed("drain.takeover_timeout", old.TakeoverTimeout, new.TakeoverTimeout)
	d.changed("hold.timeout", max(old.Proxy.Hold.Timeout, 0), max(new.Proxy.Hold.Timeout, 0))
	d.changed("hold.statements", old.Proxy.Hold.Statements, new.Proxy.Hold.Statements)
	d.changed("hold.dry_run", old.Proxy.Hold.DryRun, new.Proxy.Hold.DryRun)
	d.changed("replay.attempts", max(old.Proxy.Replay.Attempts, 0), max(new.Proxy.Replay.Attempts, 0))
	d.changed("replay.timeout", old.Proxy.Replay.Timeout, new.Proxy.Replay.Timeout)
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
			d.healthURL(s.Name, was.HealthURL, s.HealthURL)
		}
	}
	for _, s := range old {
		if !after[s.Name] {
			d.add("backend %s removed (%s)", s.Name, s.Address)
		}
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
	return u.Redacted()
}
