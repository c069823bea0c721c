package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"segue/backend"
	proxy "segue/proxy"
	"segue/proxy/balance"
)

// problemsOf parses text as c.yaml and returns its problems without the file's
// name.
func problemsOf(t *testing.T, text string, overrides ...Override) []string {
	t.Helper()
	_, err := Parse("c.yaml", []byte(text), overrides...)
	if err == nil {
		return nil
	}
	problems, ok := errors.AsType[*Problems](err)
	if !ok {
		t.Fatalf("error is a %T: %v", err, err)
	}
	var lines []string
	for _, p := range problems.List {
		lines = append(lines, strings.TrimPrefix(p.String(), "c.yaml:"))
	}
	return lines
}

const one = "backends: [fe1:9030]\n"

func TestProblems(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"unknown key", one + "lisen: 1.2.3.4:1\n", `2:1: unknown key "lisen"; did you mean "listen"?`},
		{"unknown key in a section", one + "health:\n  rise: 2\n  intervall: 1s\n", `4:3: unknown key "intervall" in health; did you mean "interval"?`},
		{"abbreviated key", "backends:\n- {addr: fe1:9030, address: fe1:9030}\n", `2:4: unknown key "addr" in backends[0]; did you mean "address"?`},
		{"key of another section", one + "interval: 1s\n", `2:1: unknown key "interval"; did you mean "health.interval"?`},
		{"key of the top", one + "health: {flavor: tidb}\n", `2:10: unknown key "flavor" in health; "flavor" is a key of the file itself: write it without indentation`},
		{"key that means nothing", one + "xyzzy: 1\n", `2:1: unknown key "xyzzy"; known keys: listen, admin, admin_mode, admin_group, admin_token_file, admin_hosts, admin_read, admin_write, admin_tls, tls, users_learned, flavor, backend_tls, backend_compression, backends, zone, users, get_server_public_key, balance, health, discover, connect, drain, shutdown, hold, replay, stored_programs, takeover, proxy_protocol, load, state, limits`},
		{"merge key", one + "health:\n  <<: {rise: 2}\n", `3:3: unknown key "<<" in health; known keys: interval, fast_interval, timeout, rise, fall, user, password, password_file, server_public_key_file`},
		{"duplicate key", "listen: :1\n" + one + "listen: :2\n", `3:1: key "listen" is given twice; it was given in line 1 already; keep one`},
		{"key that is a list", one + "[a]: 1\n", `2:1: a key is a list; keys are plain words`},
		{"file that is a list", "- fe1:9030\n", `1:1: the file is a list, not a set of keys; write it as ` + "`key: value`" + ` lines
1:1: there are no backends; list at least one: ` + "`backends: [HOST:9030]`"},
		{"section that is a word", one + "health: fast\n", `2:9: health is the value "fast", not a set of keys; write it as ` + "`key: value`" + ` lines`},
		{"value that is a list", one + "listen: [a, b]\n", "2:10: listen: \"a\" has no port; did you mean \"a:9030\"?\n2:13: listen: \"b\" has no port; did you mean \"b:9030\"?"},
		{"value missing", one + "listen:\n", `2:8: listen has no value; give it one, or take the key out for its default`},
		{"value null", one + "health: {user: ~}\n", `2:16: health.user has no value; give it one, or take the key out for its default`},
		{"alias", one + "health: &h {rise: 2}\nconnect: *h\n", `3:10: connect is a YAML alias; write the value out`},
		{"second document", one + "---\nlisten: :1\n", `3:1: a second YAML document begins here; keep one document per file`},
		{"broken second document", one + "---\nlisten: [\n", `4:1: not YAML: did not find expected node content; check the indentation, the quotes and the brackets around here`},
		{"not YAML", one + "health: {rise: 2\nlisten: :1\n", `2:1: not YAML: did not find expected ',' or '}'; check the indentation, the quotes and the brackets around here`},
		{"tab", one + "health:\n\trise: 2\n", `3:2: not YAML: found character that cannot start any token; YAML does not allow tabs here; use spaces`},

		{"duration without unit", one + "health: {interval: 200}\n", `2:20: health.interval: 200 has no unit; did you mean 200ms or 200s?`},
		{"duration with a word", one + "health: {interval: 2seconds}\n", `2:20: health.interval: "2seconds" is not a time span; write a number with its unit: 200ms, 2s, 1m`},
		{"interval too short", one + "health: {interval: 1ms, fast_interval: 1ns}\n", `2:20: health.interval is 1ms; write 10ms or more
2:40: health.fast_interval is 1ns; write 10ms or more`},
		{"timeouts of zero", one + "health: {timeout: 0}\nconnect: {budget: 0s, timeout: -1s}\ndrain: {timeout: 0s}\n", `2:19: health.timeout is 0; write a time above zero
3:19: connect.budget is 0s; write a time above zero
3:32: connect.timeout is -1s; write a time above zero
4:18: drain.timeout is 0s; write a time above zero`},
		{"hold and replay", one + "hold: {timeout: -1s, statements: 0, dry_run: maybe}\nreplay: {attempts: 11, timeout: 0s}\n", `2:17: hold.timeout is -1s; write 0s or more
2:34: hold.statements is 0; write a whole number from 1 to 1000000
2:46: hold.dry_run: "maybe" is neither true nor false; write true or false
3:20: replay.attempts is 11; write a whole number from 0 to 10
3:33: replay.timeout is 0s; write a time above zero`},
		{"slow start negative", one + "balance: {slow_start: -1s}\n", `2:23: balance.slow_start is -1s; write 0s or more`},
		{"rebalance", one + "balance: {rebalance_rate: -1, rebalance_threshold: 0%, rebalance_settle: 0s}\n", `2:27: balance.rebalance_rate is -1; write 0.01 to 10000 sessions per second; 0: off
2:52: balance.rebalance_threshold is 0%; write 1% to 100%
2:74: balance.rebalance_settle is 0s; write a time above zero`},
		{"rebalance with words", one + "balance: {rebalance_rate: fast, rebalance_threshold: half}\n", `2:27: balance.rebalance_rate: "fast" is not a number; write sessions per second, such as 10; 0: off
2:54: balance.rebalance_threshold: "half" is not a percentage; write it as in 20%`},
		{"rebalance not a number", one + "balance: {rebalance_rate: NaN, rebalance_threshold: nan%}\n", `2:27: balance.rebalance_rate is NaN; write 0.01 to 10000 sessions per second; 0: off
2:53: balance.rebalance_threshold is nan%; write 1% to 100%`},
		{"fast slower than normal", one + "health: {interval: 100ms, fast_interval: 1s}\n", `2:42: health.fast_interval (1s) is longer than health.interval (100ms); make it the same or shorter`},
		{"connect timeout above budget", one + "connect: {budget: 1s}\n", `2:19: connect.timeout (2s) is longer than connect.budget (1s); make it shorter, so that a second backend can be tried`},
		{"counts", one + "health: {rise: 0, fall: three}\n", `2:16: health.rise is 0; write a whole number from 1 to 100
2:25: health.fall: "three" is not a whole number; write a whole number from 1 to 100`},
		{"count as text", one + "health: {rise: \"2\", fall: 1.5}\n", `2:16: health.rise: "2" is not a whole number; write a whole number from 1 to 100
2:27: health.fall: "1.5" is not a whole number; write a whole number from 1 to 100`},
		{"unknown flavor", one + "flavor: StarRocks\n", `2:9: flavor: unknown word "StarRocks"; did you mean "starrocks"? known: starrocks, doris, tidb, mysql`},
		{"flavor far off", one + "flavor: oracle\n", `2:9: flavor: unknown word "oracle"; known: starrocks, doris, tidb, mysql`},
		{"password that was to be filled in", one + "health: {user: u, password: '${PROBE_PASSWORD}'}\n", `2:29: health.password reads like a variable, and none is filled in here; ` + inAFile},
		{"… by a shell", one + "health: {user: u, password: $PROBE_PASSWORD}\n", `2:29: health.password reads like a variable, and none is filled in here; ` + inAFile},
		{"… by a template", one + "health: {user: u, password: '{{ .Values.probe }}'}\n", `2:29: health.password reads like a variable, and none is filled in here; ` + inAFile},
		{"… in a part", one + "health: {user: u, password: 'a${B}c'}\n", `2:29: health.password reads like a variable, and none is filled in here; ` + inAFile},
		{"user that was to be filled in", one + "health: {user: '${PROBE}'}\n", `2:16: health.user reads like a variable, and none is filled in here; write the value out`},
		{"health URL that was to be filled in", "backends: [{address: 'fe1:9030', health: 'http://${USER}:${PASSWORD}@fe1:8030/api/health'}]\n", `1:42: health reads like a variable, and none is filled in here; write it as in http://fe1:8030/api/health`},
		{"file that was to be filled in", one + "health: {user: u, password_file: '${CREDENTIALS_DIRECTORY}/probe'}\n", `2:34: health.password_file ${CREDENTIALS_DIRECTORY}/probe: no such file or directory; variables are not filled in here; it must be a file with the password alone, readable for Segue`},
		{"unknown policy", one + "balance: {policy: leastsessions}\n", `2:19: balance.policy: unknown word "leastsessions"; did you mean "least-sessions"? known: least-sessions, round-robin`},

		{"listen is a port", one + "listen: 9030\n", `2:9: listen: "9030" is only a port; did you mean "127.0.0.1:9030"?`},
		{"listen is a host", one + "listen: localhost\n", `2:9: listen: "localhost" has no port; did you mean "localhost:9030"?`},
		{"listen port out of range", one + "listen: :99999\n", `2:9: listen: ":99999": port 99999 is out of range; write a number from 0 to 65535`},
		{"admin port is a word", one + "admin: 127.0.0.1:http\n", `2:8: admin: "127.0.0.1:http": "http" is not a port; write a number from 0 to 65535`},
		{"admin empty", one + "admin: \"\"\n", `2:8: admin: is empty; write host:port, for example 127.0.0.1:9131`},
		{"listen equals admin", one + "admin: localhost:9030\n", `2:8: listen (127.0.0.1:9030) and admin (localhost:9030) are the same address; choose another port for one of them`},
		{"listen meets the default admin", one + "listen: :9131\n", `2:9: listen (:9131) and admin (127.0.0.1:9131) are the same address; choose another port for one of them`},
		{"backend is Segue itself", "backends: [localhost:9030]\n", `1:12: backend localhost:9030 is the address Segue itself listens on (127.0.0.1:9030); let one of them use another port, for example listen: 127.0.0.1:9029`},

		{"password twice", one + "health: {user: u, password: p, password_file: f}\n", `2:29: health.password and health.password_file are both given; keep one; the file keeps the secret out of here`},
		{"password without user", one + "health: {password: p}\n", `2:20: a health password without health.user; add the user`},
		{"password file missing", one + "health: {user: u, password_file: no/such}\n", `2:34: health.password_file no/such: no such file or directory; it must be a file with the password alone, readable for Segue`},
		{"password file is a folder", one + "health: {user: u, password_file: /}\n", `2:34: health.password_file /: is not a regular file; it must be a file with the password alone, readable for Segue`},
		{"password file empty", one + "health: {user: u, password_file: \"\"}\n", `2:34: health.password_file is empty; name a file`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := strings.Join(problemsOf(t, test.text), "\n"); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// Each time span is bounded above, too: sums and multiples of it are to stay time spans.
func TestLongestSpan(t *testing.T) {
	for _, key := range []string{
		"balance.slow_start", "balance.rebalance_settle", "health.interval", "health.fast_interval", "health.timeout", "connect.budget",
		"connect.timeout", "drain.timeout", "drain.hang_timeout", "drain.takeover_timeout", "shutdown.delay", "shutdown.wait_clients", "hold.timeout", "replay.timeout",
	} {
		group, name, _ := strings.Cut(key, ".")
		text := func(value string) string {
			return fmt.Sprintf("backends: [fe1:9030]\n%s: {%s: %s}\n", group, name, value)
		}
		for _, value := range []string{"8760h0m0.000000001s", "2562047h47m16.854775807s"} {
			want := fmt.Sprintf("%s is %s; write 8760h0m0s or less", key, value)
			if got := problemsOf(t, text(value)); len(got) == 0 || !strings.HasSuffix(got[0], want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		for _, problem := range problemsOf(t, text("8760h")) {
			if !strings.Contains(problem, "is longer than") { // connect.timeout than connect.budget, and such
				t.Errorf("the longest: %s", problem)
			}
		}
	}
}

func TestBackendProblems(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"none at all", "listen: :1\n", "1:1: there are no backends; list at least one: `backends: [HOST:9030]`"},
		{"empty file", "", "1:1: there are no backends; list at least one: `backends: [HOST:9030]`"},
		{"empty list", "flavor: tidb\nbackends: []\n", "2:11: there are no backends; list at least one: `backends: [HOST:4000]`"},
		{"null list", "backends:\nflavor: mysql\n", "1:1: there are no backends; list at least one: `backends: [HOST:3306]`"},
		{"a word", "backends: fe1:9030\n", "1:11: backends is the value \"fe1:9030\", not a list; write `- HOST:PORT` lines below it"},
		{"port missing", "backends:\n- fe1\n- {address: fe2}\n", `2:3: backend address "fe1" has no port; did you mean "fe1:9030"?
3:13: backend address "fe2" has no port; did you mean "fe2:9030"?`},
		{"port missing, tidb", "flavor: tidb\nbackends: [db1]\n", `2:12: backend address "db1" has no port; did you mean "db1:4000"?`},
		{"port empty", "backends: ['fe1:']\n", `1:12: backend address "fe1:" has no port; did you mean "fe1:9030"?`},
		{"port zero", "backends: [fe1:0]\n", `1:12: backend address "fe1:0": port 0 is out of range; write a number from 1 to 65535`},
		{"host missing", "backends: [':9031']\n", `1:12: backend address ":9031" has no host; did you mean "fe1:9031"?`},
		{"IPv6 with a port", "backends: ['::1:9030']\n", `1:12: backend address "::1:9030" is an IPv6 address without brackets; did you mean "[::1]:9030"?`},
		{"IPv6 with a port, long", "backends: ['2001:db8::1:4000']\n", `1:12: backend address "2001:db8::1:4000" is an IPv6 address without brackets; did you mean "[2001:db8::1]:4000"?`},
		{"bare IPv6 that ends in digits", "backends: ['2001:db8::9030']\n", `1:12: backend address "2001:db8::9030" has no port; did you mean "[2001:db8::9030]:9030"?`},
		{"bare IPv6 that ends in few digits", "backends: ['fe80::1:2']\n", `1:12: backend address "fe80::1:2" has no port; did you mean "[fe80::1:2]:9030"?`},
		{"IPv6 with a port of five digits", "backends: ['::1:29030']\n", `1:12: backend address "::1:29030" is an IPv6 address without brackets; did you mean "[::1]:29030"?`},
		{"listen on IPv6", one + "listen: '::1:9030'\n", `2:9: listen: "::1:9030" is an IPv6 address without brackets; did you mean "[::1]:9030"?`},
		{"bare IPv6", "backends: ['2001:db8::1']\n", `1:12: backend address "2001:db8::1" has no port; did you mean "[2001:db8::1]:9030"?`},
		{"URL", "backends: ['mysql://fe1:9031/db', 'http://fe2']\n", `1:12: backend address "mysql://fe1:9031/db" is a URL; did you mean "fe1:9031"?
1:35: backend address "http://fe2" is a URL; did you mean "fe2:9030"?`},
		{"nonsense", "backends: ['fe 1:9030', 'a:b:c']\n", `1:12: backend address "fe 1:9030": "fe 1" is not a host; write a name or an IP address
1:25: backend address "a:b:c" is not host:port; write it as in fe1:9030`},
		{"space after the colon", "backends:\n  - fe1: 9030\n", `2:5: "fe1: 9030" is a key with a value; did you mean "fe1:9030", without the space?`},
		{"item is a list", "backends: [[fe1:9030]]\n", "1:12: backends[0] is a list; write HOST:PORT, or the keys name, address, health, weight"},
		{"item is null", "backends: [fe1:9030, ]\nlisten: :1\nadmin: 1\n", `3:8: admin: "1" is only a port; did you mean "127.0.0.1:1"?`},
		{"item is an alias", "backends: [&a fe1:9030, *a]\n", "1:25: backends[1] is a YAML alias; write the backend out"},
		{"address missing", "backends:\n  - name: fe-1\n", "2:5: a backend has no address; add address: HOST:9030"},
		{"address is a list", "backends:\n  - address: [fe1:9030]\n", "2:14: backends[0].address is a list; write a single value"},
		{"address twice", "backends:\n- fe1:9030\n- {name: b, address: FE1:9030}\n", "3:22: two backends have the address FE1:9030; the first is in line 2; keep one, with a weight if it is to get more sessions"},
		{"name twice", "backends:\n- {name: a, address: fe1:9030}\n- {name: a, address: fe2:9030}\n", `3:10: two backends are called "a"; the first is in line 2; choose another name`},
		{"name is a path", "backends:\n- {name: a/b, address: fe1:9030}\n", `2:10: "a/b" cannot name a backend; use up to 64 letters, digits, dots, dashes, underscores and colons, no dot first`},
		{"weights", "backends:\n- {address: a:1, weight: 0}\n- {address: b:1, weight: 257}\n- {address: c:1, weight: -1}\n- {address: d:1, weight: 2x}\n", `2:26: backends[0].weight is 0; write a whole number from 1 to 256
3:26: backends[1].weight is 257; write a whole number from 1 to 256
4:26: backends[2].weight is -1; write a whole number from 1 to 256
5:26: backends[3].weight: "2x" is not a whole number; write a whole number from 1 to 256`},
		{"health scheme", "backends:\n- {address: a:9030, health: ftp://a/x}\n", `2:29: health: "ftp://a/x" does not begin with http:// or https://; write it as in http://a:8030/api/health`},
		{"health path only", "backends:\n- {address: a:9030, health: /api/health}\n", `2:29: health: "/api/health" does not begin with http:// or https://; write it as in http://a:8030/api/health`},
		{"health without host", "backends:\n- {address: a:9030, health: 'http://'}\n", `2:29: health: "http://" is not a URL; write it as in http://a:8030/api/health`},
		{"secrets in URLs", "backends:\n- {address: 'a:9030', health: 'ftp://root:hunter2@a/x'}\n- mysql://root:hunter2@b\n- root:hunter2@tcp(c:9030)\n", `2:31: health: "…@a/x" does not begin with http:// or https://; write it as in http://a:8030/api/health
3:3: backend address "…@b" is a URL; did you mean "b:9030"?
4:3: backend address "…@tcp(c:9030)" is not host:port; write it as in fe1:9030`},
		{"health port", "backends:\n- {address: a:9030, health: 'http://a:80300/'}\n", `2:29: health: "http://a:80300/" has a port out of range; write it as in http://a:8030/api/health`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := strings.Join(problemsOf(t, test.text), "\n"); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestMeets(t *testing.T) {
	for _, test := range []struct {
		dialled, bound string
		want           bool
	}{
		{"fe1:9030", "127.0.0.1:9030", false},
		{"fe1:9030", ":9030", false}, // who knows
		{"127.0.0.1:9030", "127.0.0.1:9030", true},
		{"127.0.0.1:9031", "127.0.0.1:9030", false},
		{"127.0.0.2:9030", "127.0.0.1:9030", false},
		{"127.0.0.2:9030", ":9030", true},
		{"localhost:9030", "[::1]:9030", true},
		{"[::1]:9030", "LOCALHOST:9030", true},
		{"0.0.0.0:9030", "127.0.0.1:9030", true},
		{"[::]:9030", "10.0.0.1:9030", false},
		{"10.0.0.1:9030", "10.0.0.1:9030", true},
		{"127.0.0.1:0", "127.0.0.1:0", false},
		{":9030", "0.0.0.0:9030", true},
	} {
		if got := meets(test.dialled, test.bound); got != test.want {
			t.Errorf("meets(%q, %q) = %v", test.dialled, test.bound, got)
		}
	}
}

func TestEveryProblemAtOnceInFileOrder(t *testing.T) {
	text := "flavour: tidb\nbackends:\n  - fe1\n  - {address: fe2:9030, wait: 1}\nhealth:\n  interval: 200\n  rise: 0\nlisten: 9030\n"
	want := `1:1: unknown key "flavour"; did you mean "flavor"?
3:5: backend address "fe1" has no port; did you mean "fe1:9030"?
4:25: unknown key "wait" in backends[1]; known keys: name, address, health, tls, weight, proxy_protocol, zone
6:13: health.interval: 200 has no unit; did you mean 200ms or 200s?
7:9: health.rise is 0; write a whole number from 1 to 100
8:9: listen: "9030" is only a port; did you mean "127.0.0.1:9030"?`
	if got := strings.Join(problemsOf(t, text), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestParse(t *testing.T) {
	c, err := Parse("c.yaml", []byte(`
listen: ":0"
flavor: doris
backends:
  - fe1:9030
  - 10.0.0.1:9031
  - 10.0.0.1:9032
  - {name: x, address: "[::1]:9033", health: "https://u:p@h:1/z", weight: 256}
balance: {policy: round-robin, slow_start: 0s, rebalance_rate: 0, rebalance_threshold: 12.5%, rebalance_settle: 1m}
health: {interval: 1s, fast_interval: 1s, rise: 1, fall: 1, user: 007, password: 0123}
connect:
drain: {timeout: 1m30s, hang_timeout: 5s, takeover_timeout: 0s}
shutdown: {delay: 2s, wait_clients: 1m}
hold: {timeout: 0s, statements: 7, dry_run: true}
replay: {attempts: 0, timeout: 3s}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Listen = []Listen{{Address: ":0"}}
	want.Flavor = backend.Doris
	want.Backends = []backend.Spec{
		{Name: "fe1", Address: "fe1:9030", HealthURL: "http://fe1:8030/api/health", Weight: 1},
		{Name: "10.0.0.1-9031", Address: "10.0.0.1:9031", HealthURL: "http://10.0.0.1:8030/api/health", Weight: 1},
		{Name: "10.0.0.1-9032", Address: "10.0.0.1:9032", HealthURL: "http://10.0.0.1:8030/api/health", Weight: 1},
		{Name: "x", Address: "[::1]:9033", HealthURL: "https://u:p@h:1/z", Weight: 256},
	}
	want.Balance = Balance{Policy: RoundRobin}
	want.Health.Flavor, want.Proxy.Flavor = backend.Doris, backend.Doris
	want.Health.Interval, want.Health.FastInterval = time.Second, time.Second
	want.Health.Rise, want.Health.Fall = 1, 1
	want.Health.User, want.Health.Password = "007", "0123"
	want.Proxy.DrainTimeout = 90 * time.Second
	want.Proxy.HangTimeout = 5 * time.Second
	want.TakeoverTimeout = 0
	want.Shutdown = Shutdown{Delay: 2 * time.Second, WaitClients: time.Minute}
	want.Proxy.Balance = balance.Options{Rate: -1, Threshold: 0.125, Settle: time.Minute}
	want.Proxy.Hold = proxy.Hold{Timeout: -1, Statements: 7, DryRun: true}
	want.Proxy.Replay = proxy.ReplayLimits{Attempts: -1, Timeout: 3 * time.Second, Reads: proxy.ReadsKnown}
	want.seen, want.healthGiven = c.seen, []string{"[::1]:9033"}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestFastIntervalFollowsInterval(t *testing.T) {
	c, err := Parse("c.yaml", []byte(one+"health: {interval: 20ms}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Health.FastInterval; got != 20*time.Millisecond {
		t.Errorf("got %s, want the interval's 20ms", got)
	}
}

func TestBalanceOptions(t *testing.T) {
	off := Balance{Policy: RoundRobin}.Options("")
	if _, ok := off.Policy.(*backend.RoundRobin); !ok || off.SlowStart >= 0 {
		t.Errorf("got %+v, want round robin without slow start", off)
	}
	on := Default().Balance.Options("")
	if _, ok := on.Policy.(*backend.LeastSessions); !ok || on.SlowStart != backend.DefaultSlowStart {
		t.Errorf("got %+v, want least sessions with the default slow start", on)
	}
}

func TestDerivedNamesAreUnique(t *testing.T) {
	long := strings.Repeat("a", 70)
	c, err := Parse("c.yaml", []byte("backends: ['fe1:9030', {address: 'x:1', name: fe1}, '[fe80::1%eth0]:1', "+long+":1, "+long+"b:1, h:1, h:2, {address: 'y:1', name: h-1}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range c.Backends {
		if seen[s.Name] || !goodName(s.Name) {
			t.Errorf("name %q is taken or no name", s.Name)
		}
		seen[s.Name] = true
	}
	if !seen["fe1-9030"] || !seen["h-1-2"] || !seen["h-2"] {
		t.Errorf("got %v", seen)
	}
}

func TestOverrides(t *testing.T) {
	c, err := Parse("c.yaml", []byte("listen: :1\nbackends: [a:9030]\n"),
		Override{"listen", ":7", "--listen"}, Override{"flavor", "tidb", "SEGUE_FLAVOR"},
		Override{"backends", "b:4000, c:4000,", "SEGUE_BACKENDS"})
	if err != nil {
		t.Fatal(err)
	}
	if listenText(c.Listen) != ":7" || c.Flavor != backend.TiDB || len(c.Backends) != 2 ||
		c.Backends[1] != (backend.Spec{Name: "c", Address: "c:4000", HealthURL: "http://c:10080/status", Weight: 1}) {
		t.Errorf("got %+v", c)
	}

	got := problemsOf(t, "listen: 1\nbackends: [a:9030]\n", Override{"admin", "x", "--admin"}, Override{"backends", "fe1,fe1:9030,fe1:9030", "argument"})
	want := []string{
		`1:9: listen: "1" is only a port; did you mean "127.0.0.1:1"?`,
		`--admin: admin: "x" has no port; did you mean "x:9131"?`,
		`argument: backend address "fe1" has no port; did you mean "fe1:9030"?`,
		`argument: two backends have the address fe1:9030; it was given before; keep one, with a weight if it is to get more sessions`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := problemsOf(t, "", Override{"backends", " , ", "SEGUE_BACKENDS"}); len(got) != 1 || !strings.HasPrefix(got[0], "SEGUE_BACKENDS: there are no backends") {
		t.Errorf("got %q", got)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "segue.yaml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("segue.yaml", one+"health: {user: probe, password_file: secret}\n")
	for text, want := range map[string]string{"s$cr=t\n": "s$cr=t", " x \r\n": " x ", "${x}\n": "${x}", "one\n\n": "one"} {
		write("secret", text)
		c, err := Load(path)
		if err != nil {
			t.Fatalf("secret %q: %v", text, err)
		}
		if c.Health.Password != want {
			t.Errorf("secret %q: got %q, want %q", text, c.Health.Password, want)
		}
	}
	write("secret", "two\nlines\n")
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "has more than one line") || strings.Contains(err.Error(), "two") {
		t.Errorf("secret of two lines: got %v", err)
	}
	for _, text := range []string{"", "\n", " \t\r\n", "\n\n"} {
		write("secret", text)
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "health.password_file secret: there is nothing in it") {
			t.Errorf("secret %q: got %v", text, err)
		}
	}
	write("large.yaml", one+"# "+strings.Repeat("x", MaxFileSize)+"\n")
	for path, want := range map[string]string{
		filepath.Join(dir, "none.yaml"):  "no such file; name an existing file with --config or SEGUE_CONFIG",
		filepath.Join(dir, "large.yaml"): "is larger than 1024 KiB; is it a Segue configuration?",
		dir:                              "cannot be read: is not a regular file; check its permissions and that it is a file",
	} {
		if _, err := Load(path); err == nil || err.Error() != path+": "+want {
			t.Errorf("got %v\nwant %s: %s", err, path, want)
		}
	}
}

// TestBombs: files made to eat memory or stack end in a problem, soon.
func TestBombs(t *testing.T) {
	var laughs strings.Builder
	laughs.WriteString("a: &a [x,x,x,x,x,x,x,x,x]\n")
	for c := 'b'; c < 'z'; c++ {
		fmt.Fprintf(&laughs, "%c: &%c [%[3]s,%[3]s,%[3]s,%[3]s,%[3]s,%[3]s,%[3]s,%[3]s,%[3]s]\n", c, c, "*"+string(c-1))
	}
	for name, text := range map[string]string{
		"laughs":        laughs.String(),
		"depth":         "backends: " + strings.Repeat("[", MaxFileSize/2),
		"depth, closed": "backends: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"merges":        "health: &h {<<: *h}\n",
		"keys":          strings.Repeat("? [", 1000),
		"size":          strings.Repeat(" ", MaxFileSize+1),
	} {
		began := time.Now()
		if got := problemsOf(t, text); len(got) == 0 || len(got) > 100 {
			t.Errorf("%s: %d problems", name, len(got))
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: took %s", name, took)
		}
	}
}

// TestExampleIsComplete holds deploy/segue.example.yaml to the schema: every
// key is in it, no other is, and all but the backends are at their defaults.
func TestExampleIsComplete(t *testing.T) {
	path := filepath.Join("..", "deploy", "segue.example.yaml")
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Backends, want.seen, want.healthGiven = c.Backends, c.seen, c.healthGiven
	if !reflect.DeepEqual(c, want) {
		t.Errorf("the example is not the default:\ngot  %+v\nwant %+v", c, want)
	}
	if len(c.Backends) != 3 || c.Backends[0].HealthURL != c.Flavor.HealthURL(c.Backends[0].Address) {
		t.Errorf("backends: %+v", c.Backends)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := newParser(path, new(reader))
	keys := append(p.schema(&document{config: Default()}), key{keys: p.entryKeys(&entry{})}, key{keys: p.userKeys(&userEntry{})})
	for _, k := range keys {
		for _, sub := range append(k.keys, k) {
			if !strings.Contains(string(text), sub.name+":") {
				t.Errorf("the example lacks %q", sub.name)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	example, err := os.ReadFile(filepath.Join("..", "deploy", "segue.example.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	for _, seed := range []string{
		one, "", "---\n---\n", "a: &a [*a]\n", "? [a]\n: b\n", "backends: [{address: *x}]", "\xff\xfe", "%YAML 1.2\n---\nlisten: |\n  x\n",
		"backends: [{name: ~, address: {}, weight: [1]}]", "health: {password_file: x, user: u}\n" + one, "listen: !!binary eA==\n", "'a\n",
		one + "admin: unix:/run/segue/admin.sock\nadmin_mode: 0660\nadmin_group: ops\nadmin_hosts: [a, b.c]\nadmin_read: token\nadmin_token_file: x\n",
		one + "admin: unix:\nadmin_mode: -1\nadmin_hosts: {a: b}\nadmin_write: [anyone]\ntakeover: {socket: /x, offer: no}\nstate: ../x\n",
		one + "admin: \"unix:/\\e[2J\"\ntakeover: {socket: [], offer: \"\"}\nstate: {}\n",
		one + "discover: {sql: true, user: x, dns: [a:1, _x._y.z], resolvers: ::1, file: f, interval: 1s}\nzone: z\nbalance: {prefer: local,leader}\n",
	} {
		f.Add([]byte(seed))
	}
	none := new(reader)
	none.Open = func(string) (fs.File, error) { return nil, os.ErrNotExist }
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := parseSeen("f.yaml", data, nil, none)
		if err == nil {
			if len(c.Backends) == 0 && !c.Discover.findsAlone() || len(c.Listen) == 0 || c.Health.Interval < minInterval || c.Health.FastInterval > c.Health.Interval {
				t.Errorf("accepted %+v", c)
			}
			if path, ok := UnixPath(c.Admin); ok && checkSocketPath(path, maxSocketPath) != nil || c.Access.Read == WithToken || c.Access.Write == WithToken || c.Access.Read == "" {
				t.Errorf("accepted %s, %+v", c.Admin, c.Access) // there is no token
			}
			if c.Takeover.Socket != "" && checkSocketPath(c.Takeover.Socket, maxTakeoverPath) != nil {
				t.Errorf("accepted %+v", c.Takeover)
			}
			for _, s := range c.Backends {
				if !goodName(s.Name) || s.Weight < 1 || s.Weight > backend.MaxWeight {
					t.Errorf("accepted backend %+v", s)
				}
			}
			return
		}
		problems, ok := errors.AsType[*Problems](err)
		if !ok || len(problems.List) == 0 {
			t.Fatalf("error is %T %v", err, err)
		}
		for _, p := range problems.List {
			if p.What == "" || p.Remedy == "" || p.Line > 0 && p.Column == 0 {
				t.Errorf("incomplete problem %+v", p)
			}
		}
	})
}
