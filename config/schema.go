package config

import (
	"time"

	"go.yaml.in/yaml/v3"

	"segue/backend"
	"segue/proxy"
)

// Limits of single values.
const (
	minInterval   = 10 * time.Millisecond // a thousand sidecars ask the same server
	maxUnanswered = 100_000               // of connect.unauthenticated
	maxCount      = 100                   // of rise and fall
	maxHeld       = 1_000_000             // statements, 16 KB each
	maxReplays    = 10                    // of one statement
	maxSessions   = 1_000_000
	minMemory     = 1 << 20 // of all sessions
)

// document is what the walk fills in: the configuration, and what needs the
// rest of the file before it can be put there.
type document struct {
	config       *Config
	backends     []entry
	users        []userEntry
	passwordFile string
	discoverFile string     // discover.password_file
	publicKey    *yaml.Node // health.server_public_key_file; nil: not given
	tokenFile    string
	tls          tlsEntry
	adminTLS     tlsEntry
	backendTLS   backendTLSEntry
}

// schema is every key of the file with its reader, which says for the JSON schema what there may be. Whoever adds a key adds it
// to deploy/segue.example.yaml too, with a comment that says what it is; a test compares the two, and `go test ./cmd/segue -run Schema -update` writes the schema anew.
func (p *parser) schema(d *document) []key {
	c := d.config
	d.tls, d.adminTLS = tlsEntry{path: "tls", into: &c.TLS}, tlsEntry{path: "admin_tls", into: &c.AdminTLS}
	return []key{
		{name: "listen", list: true, read: p.listen("listen", MaxListen, &c.Listen)},
		{name: "admin", restart: true, read: p.adminAddress(&c.Admin)},
		{name: "admin_mode", restart: true, read: p.mode(&c.Access.Mode)},
		{name: "admin_group", restart: true, read: p.text(&c.Access.Group)},
		{name: "admin_token_file", file: true, read: p.text(&d.tokenFile)},
		{name: "admin_hosts", list: true, read: p.hosts(&c.Access.Hosts)},
		{name: "admin_read", read: p.who(&c.Access.Read)},
		{name: "admin_write", read: p.who(&c.Access.Write)},
		{name: "admin_tls", also: keyNeedsCertificate(), keys: p.tlsKeys(&d.adminTLS, false)},
		{name: "tls", also: keyNeedsCertificate(), keys: p.tlsKeys(&d.tls, true)},
		{name: "users_learned", read: func(n *yaml.Node) { p.truth(n, &c.Proxy.LearnUsers) }},
		{name: "flavor", read: p.flavor(&c.Flavor)},
		{name: "backend_tls", keys: p.backendTLSKeys(&d.backendTLS)},
		{name: "backend_compression", read: p.compression(&c.Proxy.BackendCompression)},
		{name: "backends", list: true, read: p.backends(&d.backends)},
		{name: "zone", read: p.plainText(&c.Zone)},
		{name: "users", read: p.users(&d.users)},
		{name: "get_server_public_key", read: func(n *yaml.Node) { p.truth(n, &c.GetServerPublicKey) }},
		{name: "balance", keys: []key{
			{name: "policy", read: p.oneOf(&c.Balance.Policy, LeastSessions, RoundRobin)},
			{name: "prefer", read: p.preferences(&c.Balance.Prefer)},
			{name: "slow_start", read: p.duration(&c.Balance.SlowStart, 0)},
			{name: "rebalance_rate", read: p.rate(&c.Proxy.Balance.Rate)},
			{name: "rebalance_threshold", read: p.percentage(&c.Proxy.Balance.Threshold)},
			{name: "rebalance_settle", read: p.duration(&c.Proxy.Balance.Settle, 1)},
		}},
		{name: "health", also: withUser("password", "password_file", "server_public_key_file"), keys: []key{
			{name: "interval", read: p.duration(&c.Health.Interval, minInterval)},
			{name: "fast_interval", read: p.duration(&c.Health.FastInterval, minInterval)},
			{name: "timeout", read: p.duration(&c.Health.Timeout, 1)},
			{name: "rise", read: p.count(&c.Health.Rise, maxCount)},
			{name: "fall", read: p.count(&c.Health.Fall, maxCount)},
			{name: "user", read: p.plainText(&c.Health.User)},
			{name: "password", secret: true, read: p.secretText(&c.Health.Password)},
			{name: "password_file", file: true, read: p.text(&d.passwordFile)},
			{name: "server_public_key_file", file: true, read: p.as(fileName(), func(n *yaml.Node) { d.publicKey = n })},
		}},
		{name: "discover", keys: p.discoverKeys(d), also: withUser("password", "password_file")},
		{name: "connect", keys: []key{
			{name: "budget", read: p.duration(&c.Proxy.ConnectBudget, 1)},
			{name: "timeout", read: p.duration(&c.Proxy.ConnectTimeout, 1)},
			{name: "unauthenticated", read: p.count(&c.Proxy.Unauthenticated, maxUnanswered)},
		}},
		{name: "drain", keys: []key{
			{name: "timeout", read: p.duration(&c.Proxy.DrainTimeout, 1)},
			{name: "hang_timeout", read: p.duration(&c.Proxy.HangTimeout, 1)},
			{name: "takeover_timeout", read: p.duration(&c.TakeoverTimeout, 0)},
		}},
		{name: "shutdown", keys: []key{
			{name: "delay", read: p.duration(&c.Shutdown.Delay, 0)},
			{name: "wait_clients", read: p.duration(&c.Shutdown.WaitClients, 0)},
		}},
		{name: "hold", keys: []key{
			{name: "timeout", read: p.durationOrOff(&c.Proxy.Hold.Timeout)},
			{name: "statements", read: p.count(&c.Proxy.Hold.Statements, maxHeld)},
			{name: "dry_run", read: func(n *yaml.Node) { p.truth(n, &c.Proxy.Hold.DryRun) }},
		}},
		{name: "replay", keys: []key{
			{name: "attempts", read: p.countOrOff(&c.Proxy.Replay.Attempts, maxReplays)},
			{name: "timeout", read: p.duration(&c.Proxy.Replay.Timeout, 1)},
			{name: "reads", read: p.oneOf(&c.Proxy.Replay.Reads, proxy.ReadsKnown, proxy.ReadsAny)},
		}},
		{name: "stored_programs", read: p.oneOf(&c.Proxy.StoredPrograms, proxy.ProgramsIgnore, proxy.ProgramsRead)},
		{name: "takeover", keys: []key{
			{name: "socket", restart: true, read: p.socketPath(&c.Takeover.Socket)},
			{name: "offer", restart: true, read: func(n *yaml.Node) { p.truth(n, &c.Takeover.Offer) }},
		}},
		{name: "proxy_protocol", keys: []key{
			{name: "accept", list: true, read: p.networks(&c.Proxy.ProxiedFrom)},
			{name: "send", read: p.oneOf(&c.SendProxy, sendWords()...)},
		}},
		{name: "load", keys: p.loadKeys(&c.Loads)},
		{name: "state", file: true, restart: true, read: p.besideFile(&c.State)},
		{name: "limits", keys: []key{
			{name: "statements_memory", read: p.size(&c.Proxy.StatementsMemory, minMemory)},
			{name: "sessions", read: p.count(&c.Proxy.MaxSessions, maxSessions)},
		}},
	}
}

// entryKeys is every key of one backend.
func (p *parser) entryKeys(e *entry) []key {
	return []key{
		{name: "name", read: p.as(shape{"type": []string{"string", "number"}, "pattern": `^[A-Za-z0-9_:-][A-Za-z0-9_.:-]{0,63}$`}, e.keep(&e.name))},
		{name: "address", read: p.as(addressShape(false, true), e.keep(&e.address))},
		{name: "health", read: p.as(shape{"type": "string", "pattern": `^https?://[^/]`}, e.keep(&e.health))},
		{name: "tls", keys: p.backendTLSKeys(&e.tls)},
		{name: "weight", read: func(n *yaml.Node) { e.weight = n; p.count(&e.spec.Weight, backend.MaxWeight)(n) }},
		{name: "proxy_protocol", read: p.as(wordShape(sendWords()...), e.keep(&e.proxy))},
		{name: "zone", read: p.as(anyText(), func(n *yaml.Node) { e.zone = n; p.plainText(&e.spec.Zone)(n) })},
	}
}

// entry is one backend of the list as it was written. Its values are checked
// when the whole file is known: the flavor gives ports and health URLs.
type entry struct {
	node                  *yaml.Node
	name, address, health *yaml.Node // nil: not given
	weight, proxy, zone   *yaml.Node
	tls                   backendTLSEntry
	path                  string // of the entry, in problems
	spec                  backend.Spec
}
