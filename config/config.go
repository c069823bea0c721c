package config

import (
	"time"

	"segue/backend"
	"segue/backend/proxyheader"
	"segue/backend/secure"
	"segue/health"
	proxy "segue/proxy"
	"segue/proxy/balance"
)

// Names of the policies, as the file writes them.
const (
	LeastSessions = "least-sessions"
	RoundRobin    = "round-robin"
)

// Config is one complete, checked configuration. It is not changed after it
// was loaded; a reload makes another one.
type Config struct {
	Listen   []Listen       // where applications connect
	Admin    string         // the admin API and the metrics, host:port, or unix:PATH
	Access   Access         // who may ask the admin API, and steer
	Flavor   backend.Flavor // what the backends are
	Backends []backend.Spec // in the file's order; health URLs filled in
	TLS      TLS            // what clients are offered
	AdminTLS TLS            // what those who ask the admin API are; TLSOptional is as TLSRequired
	// BackendTLS is how connections to those backends are secured that say nothing of it; nil: not at all.
	BackendTLS *secure.Policy
	Balance    Balance
	Zone       string         // where Segue is, as backends' zones have it; empty: not said
	Discover   Discover       // what finds more backends
	Health     health.Options // Flavor filled in; the password read from its file
	Proxy      proxy.Options  // Flavor filled in

	// GetServerPublicKey lets any server have the password of an account, encrypted by the key that it presents itself.
	GetServerPublicKey bool

	// TakeoverTimeout is how long a Segue that another has taken over from goes on for the sessions that it has; zero: it drains at once.
	TakeoverTimeout time.Duration

	Shutdown Shutdown

	// SendProxy is the header of the PROXY protocol that connections to backends begin with of which nothing else is said: off, auto, v1 or v2.
	SendProxy string

	Takeover Takeover
	Loads    Loads // over HTTP
	// State is the file that keeps what the operator has said over a restart; empty: none.
	State string

	// Warnings are about what works, and should not be left as it is.
	Warnings []Problem

	seen        seen     // Watch starts from it
	backendName string   // backend_tls.server_name
	healthGiven []string // addresses of backends whose health URL is written out
}

// Shutdown says how long a Segue that has been asked to stop goes on as before, clients that come then included. The longer of the two counts; with both zero it
// takes no more clients at once.
type Shutdown struct {
	Delay       time.Duration // whoever is connected
	WaitClients time.Duration // at most, while clients are
}

// Longest is how long that may take.
func (s Shutdown) Longest() time.Duration { return max(s.Delay, s.WaitClients) }

// Takeover says how another Segue may take over from this one.
type Takeover struct {
	Socket string // where it asks; empty: in the runtime directory
	Offer  bool   // whether it may
}

// Balance says which backend a new session goes to. It is the file's form of
// backend.Options: a reload needs to tell one policy from another by name.
type Balance struct {
	Policy    string        // LeastSessions or RoundRobin
	SlowStart time.Duration // zero: off
	Prefer    string        // preferences, with commas; see backend.ParsePreferences
}

// Options is the registry's form of b, for a Segue in zone. Each call makes a policy of its own:
// policies remember what they chose.
func (b Balance) Options(zone string) backend.Options {
	policy, err := backend.ParsePolicy(b.Policy)
	if err != nil {
		policy = nil // the registry's default; a loaded Config never gets here
	}
	slowStart := b.SlowStart
	if slowStart == 0 {
		slowStart = -1 // the registry's zero means its default
	}
	prefer, err := backend.ParsePreferences(b.Prefer)
	if err != nil {
		prefer = nil // likewise
	}
	return backend.Options{Policy: policy, SlowStart: slowStart, Prefer: prefer, Zone: zone}
}

// defaultTakeoverTimeout is longer than pools keep a connection, for the most part: half an hour is HikariCP's maxLifetime.
const defaultTakeoverTimeout = time.Hour

// Default is the configuration of an empty file: complete but for backends.
func Default() *Config {
	return &Config{
		Listen:   []Listen{{Address: "127.0.0.1:9030"}},
		Admin:    "127.0.0.1:9131",
		Access:   Access{Read: Anyone},
		TLS:      TLS{Mode: TLSOff},
		AdminTLS: TLS{Mode: TLSOff},
		Flavor:   backend.StarRocks,
		Balance:  Balance{Policy: LeastSessions, SlowStart: backend.DefaultSlowStart},
		Discover: Discover{Interval: defaultDiscoverInterval, RemoveAfter: defaultRemoveAfter},
		Health: health.Options{
			Interval:     health.DefaultInterval,
			FastInterval: health.DefaultFastInterval,
			Timeout:      health.DefaultTimeout,
			Rise:         health.DefaultRise,
			Fall:         health.DefaultFall,
		},
		Proxy: proxy.Options{
			ConnectBudget:   proxy.DefaultConnectBudget,
			ConnectTimeout:  proxy.DefaultConnectTimeout,
			Unauthenticated: proxy.DefaultUnauthenticated,
			DrainTimeout:    proxy.DefaultDrainTimeout,
			HangTimeout:     proxy.DefaultHangTimeout,
			Balance: balance.Options{
				Rate:      balance.DefaultRate,
				Threshold: balance.DefaultThreshold,
				Settle:    balance.DefaultSettle,
			},
			Hold:   proxy.Hold{Timeout: proxy.DefaultHoldTimeout, Statements: proxy.DefaultHoldStatements},
			Replay: proxy.ReplayLimits{Attempts: proxy.DefaultReplayAttempts, Timeout: proxy.DefaultReplayTimeout, Reads: proxy.ReadsKnown},

			StoredPrograms:   proxy.ProgramsIgnore,
			StatementsMemory: proxy.DefaultStatementsMemory,
		},
		SendProxy:       proxyheader.None.String(),
		TakeoverTimeout: defaultTakeoverTimeout,
		Takeover:        Takeover{Offer: true},
		Loads:           defaultLoads(),
	}
}
