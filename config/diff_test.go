package config

import (
	"reflect"
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/secure"
)

func TestDiff(t *testing.T) {
	const before = "backends: [{name: a, address: 'a:1'}, {name: b, address: 'b:1'}, {name: c, address: 'c:1'}]\n"
	for _, test := range []struct {
		name, after    string
		lines, restart []string
	}{
		{"nothing", "# a comment\n" + before, nil, nil},
		{
			"addresses of its own", before + "listen: :1\nadmin: :2\n",
			[]string{"listen: 127.0.0.1:9030 -> :1", "admin: 127.0.0.1:9131 -> :2"},
			[]string{"admin"},
		},
		{
			"backends", "backends: [{name: d, address: 'd:1'}, {name: a, address: 'a:1', weight: 4}, {name: b, address: 'b:2', health: 'http://b:8030/api/health'}]\n",
			[]string{"backend d added (d:1)", "backend a weight: 1 -> 4", "backend b replaced: b:1 -> b:2", "backend c removed (c:1)"},
			nil,
		},
		{"order of backends", "backends: [{name: c, address: 'c:1'}, {name: b, address: 'b:1'}, {name: a, address: 'a:1'}]\n", nil, nil},
		{
			"flavor", before + "flavor: mysql\n",
			[]string{
				"flavor: starrocks -> mysql", "backend a health: http://a:8030/api/health -> none",
				"backend b health: http://b:8030/api/health -> none", "backend c health: http://c:8030/api/health -> none",
			},
			nil,
		},
		{"every time and count", before + `
balance: {policy: round-robin, slow_start: 1s, rebalance_rate: 0, rebalance_threshold: 0.5, rebalance_settle: 1m}
health: {interval: 1s, fast_interval: 1s, timeout: 2s, rise: 3, fall: 4}
connect: {budget: 3s, timeout: 1s, unauthenticated: 8}
drain: {timeout: 5m, hang_timeout: 5s, takeover_timeout: 10m}
shutdown: {delay: 2s, wait_clients: 1m}
limits: {sessions: 500}
stored_programs: read
get_server_public_key: true
`, []string{
			"balance.policy: least-sessions -> round-robin", "balance.slow_start: 10s -> 1s", "balance.rebalance_rate: 10 -> off",
			"balance.rebalance_threshold: 20% -> 50%", "balance.rebalance_settle: 5s -> 1m0s", "health.interval: 200ms -> 1s",
			"health.fast_interval: 50ms -> 1s", "health.timeout: 1s -> 2s", "health.rise: 2 -> 3", "health.fall: 3 -> 4",
			"get_server_public_key: false -> true", "connect.budget: 10s -> 3s", "connect.timeout: 2s -> 1s", "connect.unauthenticated: 32 -> 8", "drain.timeout: 1m0s -> 5m0s", "drain.hang_timeout: 3s -> 5s",
			"drain.takeover_timeout: 1h0m0s -> 10m0s", "shutdown.delay: 0s -> 2s", "shutdown.wait_clients: 0s -> 1m0s",
			"stored_programs: ignore -> read", "limits.sessions: as file descriptors allow -> 500",
		}, nil},
		{
			"discovery", before + "discover: {sql: true, user: segue, password: hunter2, dns: fe:9030, resolvers: 10.0.0.1, interval: 5s, remove_after: 1m, file: /x.yaml, kubernetes: {service: s, namespace: n, port: 9030, http_port: web}}\nzone: a\nbalance: {prefer: [local, follower]}\n",
			[]string{
				"discover.sql: false -> true", `discover.user: "" -> "segue"`, "discover.password changed", "discover.dns: none -> fe:9030", "discover.resolvers: none -> 10.0.0.1:53",
				`discover.file: "" -> "/x.yaml"`, "discover.kubernetes: none -> n/s:9030 http_port web", "discover.interval: 30s -> 5s", "discover.remove_after: 30s -> 1m0s", `zone: "" -> "a"`, "balance.prefer: none -> local,follower",
			},
			nil,
		},
		{
			"secrets", strings.Replace(before, "'a:1'", "'a:1', health: 'http://u:hunter2@a/'", 1) + "health: {user: probe, password: hunter2}\n",
			[]string{"backend a health: http://a:8030/api/health -> http://u:xxxxx@a/", `health.user: "" -> "probe"`, "health.password changed"},
			nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Diff(mustParse(t, before), mustParse(t, test.after))
			if !reflect.DeepEqual(got.Lines, test.lines) || !reflect.DeepEqual(got.Restart, test.restart) {
				t.Errorf("got  %q restart %q\nwant %q restart %q", got.Lines, got.Restart, test.lines, test.restart)
			}
		})
	}
}

func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Another way to secure connections is told, and nothing of the certificates.
func TestDiffTellsOfTLS(t *testing.T) {
	made := func(mode secure.Mode, name string) *secure.Policy {
		p, err := secure.New(mode, secure.Material{ServerName: name})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, c := range []struct {
		old, new *secure.Policy
		want     []string
	}{
		{nil, made(secure.Disabled, ""), nil},
		{made(secure.Required, "x"), made(secure.Required, "x"), nil},
		{nil, made(secure.Required, ""), []string{"backend a backend_tls.mode: disabled -> required"}},
		{made(secure.Required, "x"), made(secure.Required, "y"), []string{"backend a backend_tls: its certificates or its server_name changed"}},
	} {
		var d Changes
		d.backends([]backend.Spec{{Name: "a", TLS: c.old}}, []backend.Spec{{Name: "a", TLS: c.new}})
		if !reflect.DeepEqual(d.Lines, c.want) {
			t.Errorf("%v -> %v: %q, want %q", c.old, c.new, d.Lines, c.want)
		}
	}
}
