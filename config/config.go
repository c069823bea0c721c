package config

import (
	"time"

	"segue/backend"
	"segue/health"
	"segue/proxy"
)

// Names of the policies, as the file writes them.
const (
	LeastSessions = "least-sessions"
	RoundRobin    = "round-robin"
)

// Config is one complete, checked configuration. It is not changed after it
// was loaded; a reload makes another one.
type Config struct {
	Listen   string         // where applications connect, host:port
	Admin    string         // the admin API and the metrics, host:port
	Flavor   backend.Flavor // what the backends are
	Backends []backend.Spec // in the file's order; health URLs filled in
	Balance  Balance
	Health   health.Options // Flavor filled in; the password read from its file
	Proxy    proxy.Options  // Flavor filled in

	// TakeoverTimeout is how long a Segue that another has taken over from goes on for the sessions that it has; zero: it drains at once.
	TakeoverTimeout time.Duration

	seen seen // Watch starts from it
}

// Balance says which backend a new session goes to. It is the file's form of
// backend.Options: a reload needs to tell one policy from another by name.
type Balance struct {
	Policy    string        // LeastSessions or RoundRobin
	SlowStart time.Duration // zero: off
}

// Options is the registry's form of b. Each call makes a policy of its own:
// policies remember what they chose.
func (b Balance) Options() backend.Options {
	policy, err := backend.ParsePolicy(b.Policy)
	if err != nil {
		policy = nil // the registry's default; a loaded Config never gets here
	}
	slowStart := b.SlowStart
	if slowStart == 0 {
		slowStart = -1 // the registry's zero means its default
	}
	return backend.Options{Policy: policy, SlowStart: slowStart}
}

// defaultTakeoverTimeout is longer than pools keep a connection, for the most part: half an hour is HikariCP's maxLifetime.
const defaultTakeoverTimeout = time.Hour

// Default is the configuration of an empty file: complete but for backends.
func Default() *Config {
	return &Config{
		Listen:  "127.0.0.1:9030",
		Admin:   "127.0.0.1:9131",
		Flavor:  backend.StarRocks,
		Balance: Balance{Policy: LeastSessions, SlowStart: backend.DefaultSlowStart},
		Health: health.Options{
			Interval:     health.DefaultInterval,
			FastInterval: health.DefaultFastInterval,
			Timeout:      health.DefaultTimeout,
			Rise:         health.DefaultRise,
			Fall:         health.DefaultFall,
		},
		Proxy: proxy.Options{
			ConnectBudget:  proxy.DefaultConnectBudget,
			ConnectTimeout: proxy.DefaultConnectTimeout,
			DrainTimeout:   proxy.DefaultDrainTimeout,
			HangTimeout:    proxy.DefaultHangTimeout,
			Rebalance: proxy.Rebalance{
				Rate:      proxy.DefaultRebalanceRate,
				Threshold: proxy.DefaultRebalanceThreshold,
				Settle:    proxy.DefaultRebalanceSettle,
			},
			Hold:   proxy.Hold{Timeout: proxy.DefaultHoldTimeout, Statements: proxy.DefaultHoldStatements},
			Replay: proxy.ReplayLimits{Attempts: proxy.DefaultReplayAttempts, Timeout: proxy.DefaultReplayTimeout},
		},
		TakeoverTimeout: defaultTakeoverTimeout,
	}
}
