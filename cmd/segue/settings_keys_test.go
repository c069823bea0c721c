package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"segue/backend/secure/securetest"
	"segue/config"
	"segue/deploy"
)

// sample is a value of a key that is not its default, and what has to stand beside it.
type sample struct {
	value  string
	beside map[string]any // path → value
}

// samples has one for each key that has a place outside the file.
func samples(t *testing.T, dir string) map[string]sample {
	t.Helper()
	authority := securetest.New(t, "test")
	cert, key := putPair(t, dir, "tls", authority.Issue(t, securetest.Leaf{Names: []string{"127.0.0.1"}}))
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		writeFile(t, path, text)
		return path
	}
	ca, secret := file("ca.crt", string(authority.PEM())), file("secret", "hunter2\n")
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := file("public.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	with := func(pairs ...any) map[string]any {
		all := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i].(string)] = pairs[i+1]
		}
		return all
	}
	pair := func(section string) map[string]any {
		return with(section+".cert_file", cert, section+".key_file", key)
	}
	probe, asker := with("health.user", "probe"), with("discover.user", "segue")
	service := with("discover.kubernetes.service", "fe")
	return map[string]sample{
		"listen": {"127.0.0.1:7,unix:/run/x.sock", nil}, "admin": {"127.0.0.1:8", nil}, "admin_mode": {"0660", nil}, "admin_group": {"ops", nil},
		"admin_token_file": {secret, nil}, "admin_hosts": {"segue.example,other.example", nil},
		"admin_read": {"token", with("admin_token_file", secret)}, "admin_write": {"token", with("admin_token_file", secret)},
		"admin_tls.cert_file": {cert, with("admin_tls.key_file", key)}, "admin_tls.key_file": {key, with("admin_tls.cert_file", cert)},
		"admin_tls.client_ca_file": {ca, pair("admin_tls")}, "admin_tls.min_version": {"1.3", pair("admin_tls")},
		"tls.cert_file": {cert, with("tls.key_file", key)}, "tls.key_file": {key, with("tls.cert_file", cert)},
		"tls.client_ca_file": {ca, pair("tls")}, "tls.min_version": {"1.3", pair("tls")}, "tls.mode": {"required", pair("tls")}, "tls.self_signed": {"true", nil},
		"users_learned": {"true", with("tls.self_signed", true)}, "flavor": {"tidb", nil},
		"backend_tls.mode": {"required", nil}, "backend_tls.ca_file": {ca, nil}, "backend_tls.cert_file": {cert, with("backend_tls.key_file", key, "backend_tls.mode", "required")},
		"backend_tls.key_file": {key, with("backend_tls.cert_file", cert, "backend_tls.mode", "required")}, "backend_tls.server_name": {"fe.example", nil},
		"backend_compression": {"zstd", nil}, "backends": {"b1:9030,b2:9030", nil}, "zone": {"a", nil}, "get_server_public_key": {"true", nil},
		"balance.policy": {"round-robin", nil}, "balance.prefer": {"local,leader", with("zone", "a", "discover.sql", true, "discover.user", "x")}, "balance.slow_start": {"0s", nil}, "balance.rebalance_rate": {"0.5", nil},
		"balance.rebalance_threshold": {"30%", nil}, "balance.rebalance_settle": {"7s", nil},
		"health.interval": {"300ms", nil}, "health.fast_interval": {"60ms", nil}, "health.timeout": {"2s", nil}, "health.rise": {"4", nil}, "health.fall": {"5", nil},
		"health.user": {"probe", nil}, "health.password": {"hunter2", probe}, "health.password_file": {secret, probe}, "health.server_public_key_file": {public, probe},
		"discover.sql": {"true", asker}, "discover.user": {"segue", nil}, "discover.password": {"hunter2", asker}, "discover.password_file": {secret, asker},
		"discover.dns": {"fe.example:9030,_mysql._tcp.fe.example", nil}, "discover.resolvers": {"10.0.0.1:53,10.0.0.2:53", with("discover.dns", []any{"fe.example:9030"})},
		"discover.file": {filepath.Join(dir, "list.yaml"), nil}, "discover.kubernetes.service": {"fe", nil}, "discover.kubernetes.namespace": {"ns", service},
		"discover.kubernetes.port": {"9030", service}, "discover.kubernetes.http_port": {"http", service},
		"discover.kubernetes.server":     {"https://10.0.0.1:6443", with("discover.kubernetes.service", "fe", "discover.kubernetes.namespace", "ns")},
		"discover.kubernetes.token_file": {secret, service}, "discover.kubernetes.ca_file": {ca, service}, "discover.interval": {"40s", nil}, "discover.remove_after": {"0s", nil},
		"connect.budget": {"11s", nil}, "connect.timeout": {"3s", nil}, "connect.unauthenticated": {"33", nil},
		"drain.timeout": {"61s", nil}, "drain.hang_timeout": {"4s", nil}, "drain.takeover_timeout": {"2h", nil},
		"shutdown.delay": {"9s", nil}, "shutdown.wait_clients": {"90s", nil},
		"hold.timeout": {"0s", nil}, "hold.statements": {"10001", nil}, "hold.dry_run": {"true", nil},
		"replay.attempts": {"0", nil}, "replay.timeout": {"2m", nil}, "replay.reads": {"any", nil}, "stored_programs": {"read", nil},
		"load.listen": {"127.0.0.1:8031,unix:/run/l.sock", asker}, "load.follow": {"false", nil}, "load.buffer": {"1MiB", nil}, "load.memory": {"512MiB", nil},
		"load.connections": {"7", nil}, "load.progress": {"1m", nil}, "load.header": {"5s", nil}, "load.nodes": {"be-1:8040,be-2", nil}, "load.addresses": {"be-1=192.0.2.1,be-2:8040=192.0.2.2:31040", nil},
		"takeover.socket": {"/run/t.sock", nil}, "takeover.offer": {"false", nil},
		"proxy_protocol.accept": {"10.0.0.0/8,unix", nil}, "proxy_protocol.send": {"v1", nil},
		"state": {filepath.Join(dir, "state.json"), nil}, "limits.statements_memory": {"1GiB", nil}, "limits.sessions": {"1000", nil},
	}
}

// document is a configuration of values by their paths.
func document(t *testing.T, values ...map[string]any) string {
	t.Helper()
	root := map[string]any{}
	for _, all := range values {
		for path, value := range all {
			at, names := root, strings.Split(path, ".")
			for _, name := range names[:len(names)-1] {
				if at[name] == nil {
					at[name] = map[string]any{}
				}
				at = at[name].(map[string]any)
			}
			at[names[len(names)-1]] = value
		}
	}
	text, err := yaml.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// inFile is a value as a file has it.
func inFile(k config.Key, value string) any {
	if k.List {
		var list []any
		for item := range strings.SplitSeq(value, ",") {
			list = append(list, item)
		}
		return list
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: value}
}

// effectiveValues is what `segue config` tells, by key.
func effectiveValues(t *testing.T, env []string, args ...string) map[string]config.Setting {
	t.Helper()
	got := segue(t, env, append([]string{"config", "-o", "json"}, args...)...)
	if got.code != exitDone || got.stderr != "" {
		t.Fatalf("%v %q: exit %d: %s", env, args, got.code, got.stderr)
	}
	var list []config.Setting
	if err := json.Unmarshal([]byte(got.stdout), &list); err != nil {
		t.Fatal(err)
	}
	values := map[string]config.Setting{}
	for _, s := range list {
		values[s.Key] = s
	}
	return values
}

// Every key of the file means the same as a variable and as a flag; flags win over variables, these over the file; what is told as the source is where it came from;
// and a problem names that place.
func TestEveryKeyFromEverywhere(t *testing.T) {
	dir := t.TempDir()
	all := samples(t, dir)
	for _, k := range config.Keys(deploy.Example) {
		if k.Variable == "" {
			if !strings.HasPrefix(k.Path, "users") && !strings.Contains(k.Path, "[]") {
				t.Errorf("%s has no variable", k.Path)
			}
			continue
		}
		s, ok := all[k.Path]
		if !ok {
			t.Errorf("there is no sample of %s", k.Path)
			continue
		}
		t.Run(k.Path, func(t *testing.T) { everywhere(t, dir, k, s) })
	}
}

func everywhere(t *testing.T, dir string, k config.Key, s sample) {
	t.Helper()
	common := map[string]any{"backends": []any{"a1:9030", "a2:9030"}}
	base, whole := filepath.Join(dir, "base.yaml"), filepath.Join(dir, "whole.yaml")
	writeFile(t, base, document(t, common, s.beside))
	writeFile(t, whole, document(t, common, s.beside, map[string]any{k.Path: inFile(k, s.value)}))
	want := effectiveValues(t, nil, "--config", whole)
	variable := k.Variable + "=" + s.value
	same := func(how string, got map[string]config.Setting, source string) {
		t.Helper()
		for key, w := range want {
			g, ok := got[key]
			changed := key == k.Path || k.Path == "backends" && strings.HasPrefix(key, "backends[")
			if !ok || g.Value != w.Value {
				t.Errorf("%s: %s is %q, and in the file %q", how, key, g.Value, w.Value)
			}
			if fromFile := strings.HasPrefix(w.Source, whole); changed && fromFile && g.Source != source {
				t.Errorf("%s: the source of %s is %s, not %s", how, key, g.Source, source)
			}
		}
	}
	same("by variable", effectiveValues(t, []string{variable}, "--config", base), k.Variable)
	same("by variable over the file", effectiveValues(t, []string{variable}, "--config", whole), k.Variable)
	switch {
	case k.Path == "backends":
		same("by argument", effectiveValues(t, []string{"SEGUE_BACKENDS=other:1"}, append([]string{"--config", base}, strings.Split(s.value, ",")...)...), "argument")
	case k.Flag == "":
		name := strings.NewReplacer(".", "-", "_", "-").Replace(k.Path)
		if got := segue(t, nil, "serve", "--"+name, "hunter2"); got.code != exitUsage || !strings.Contains(got.stderr, k.Variable) || strings.Contains(got.stderr, "hunter2") {
			t.Errorf("a secret by a flag: exit %d: %s", got.code, got.stderr)
		}
	default:
		flag := "--" + k.Flag
		same("by flag", effectiveValues(t, nil, "--config", base, flag+"="+s.value), flag)
		same("by flag over all", effectiveValues(t, []string{variable + "wrong"}, "--config", whole, flag+"="+s.value), flag)
	}
	if k.Kind == "time" || k.Kind == "number" || k.Kind == "bool" || k.Kind == "word" || k.Kind == "size" {
		got := segue(t, []string{k.Variable + "=no such thing"}, "config", "--config", base)
		if got.code != exitUsage || !strings.HasPrefix(got.stderr, k.Variable+": ") {
			t.Errorf("a wrong variable: exit %d: %s", got.code, got.stderr)
		}
		got = segue(t, nil, "config", "--config", base, "--"+k.Flag+"=no such thing")
		if got.code != exitUsage || !strings.HasPrefix(got.stderr, "--"+k.Flag+": ") {
			t.Errorf("a wrong flag: exit %d: %s", got.code, got.stderr)
		}
	}
	needsRestart(t, k, base, whole)
}

// needsRestart holds what the table says of a key's change to what a reload does.
func needsRestart(t *testing.T, k config.Key, base, whole string) {
	t.Helper()
	before, err := config.Load(base)
	if err != nil { // a certificate is nothing without its key
		if before, err = config.Load("", config.Override{Key: "backends", Value: "a1:9030,a2:9030"}); err != nil {
			t.Fatal(err)
		}
	}
	after, err := config.Load(whole)
	if err != nil {
		t.Fatal(err)
	}
	changes := config.Diff(before, after)
	if got := slices.Contains(changes.Restart, k.Path); got != k.Restart {
		t.Errorf("a reload says that a change needs a restart: %t, the table: %t", got, k.Restart)
	}
	if len(changes.Lines) == 0 {
		t.Error("a reload says nothing of a change")
	}
}

// A password from one place takes the place of a password file from one that counts less, and the other way round; given twice in one it is a problem.
func TestRivals(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	writeFile(t, secret, "from a file\n")
	path := filepath.Join(dir, "segue.yaml")
	load := func(text string, env []string, args ...string) outcome {
		writeFile(t, path, "backends: [a:1]\n"+text)
		return segue(t, env, append([]string{"config", "--config", path}, args...)...)
	}
	const user = "health: {user: probe, "
	for _, test := range []struct {
		text string
		env  []string
		args []string
		want string // the source of the password; empty: it is a problem
	}{
		{user + "password: x}", []string{"SEGUE_HEALTH_PASSWORD_FILE=" + secret}, nil, "health.password_file"},
		{user + "password_file: none}", []string{"SEGUE_HEALTH_PASSWORD=x"}, nil, "SEGUE_HEALTH_PASSWORD"},
		{user + "password: x}", nil, []string{"--health-password-file", secret}, "health.password_file"},
		{"health: {user: probe}", []string{"SEGUE_HEALTH_PASSWORD=x"}, []string{"--health-password-file", secret}, "health.password_file"},
		{"health: {user: probe}", []string{"SEGUE_HEALTH_PASSWORD=x", "SEGUE_HEALTH_PASSWORD_FILE=" + secret}, nil, ""},
	} {
		got := load(test.text, test.env, test.args...)
		if test.want == "" {
			if got.code != exitUsage || !strings.Contains(got.stderr, "both given") {
				t.Errorf("%+v: exit %d: %s", test, got.code, got.stderr)
			}
			continue
		}
		if !slices.ContainsFunc(strings.Split(got.stdout, "\n"), func(line string) bool {
			return reflect.DeepEqual(strings.Fields(line), []string{"health.password", "********", test.want})
		}) {
			t.Errorf("%+v: exit %d: %s%s", test, got.code, got.stdout, got.stderr)
		}
	}
}

// A variable that was made of a file has a line break at its end, which is no part of it; one within a secret is a problem, which tells nothing of it.
func TestVariablesWithLineBreaks(t *testing.T) {
	env := []string{"SEGUE_BACKENDS=a:1\n", "SEGUE_FLAVOR=tidb\r\n", "SEGUE_HEALTH_USER=probe", "SEGUE_HEALTH_PASSWORD=hunter2\n"}
	if got := effectiveValues(t, env)["flavor"]; got.Value != "tidb" {
		t.Errorf("%+v", got)
	}
	got := segue(t, []string{"SEGUE_BACKENDS=a:1", "SEGUE_HEALTH_USER=probe", "SEGUE_HEALTH_PASSWORD=hunter2\nmore"}, "config")
	if got.code != exitUsage || !strings.Contains(got.stderr, "SEGUE_HEALTH_PASSWORD: health.password has a line break in it") || strings.Contains(got.stderr, "hunter2") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
}

// A relative path that was written where Segue is started begins there, be it a flag's or a variable's; one in the file begins at the file.
func TestRelativePaths(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "etc")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "segue.yaml")
	writeFile(t, path, "backends: [a:1]\nstate: s.json\n")
	t.Chdir(dir)
	if got := effectiveValues(t, nil, "--config", path)["state"].Value; got != filepath.Join(folder, "s.json") {
		t.Errorf("in the file: %s", got)
	}
	for how, got := range map[string]map[string]config.Setting{
		"a variable": effectiveValues(t, []string{"SEGUE_STATE=s.json"}, "--config", path),
		"a flag":     effectiveValues(t, nil, "--config", path, "--state", "s.json"),
	} {
		if got["state"].Value != filepath.Join(dir, "s.json") {
			t.Errorf("%s: %s", how, got["state"].Value)
		}
	}
	if got := effectiveValues(t, nil, "--config", path, "--state=")["state"]; got.Value != "" || got.Source != "--state" {
		t.Errorf("an empty flag: %+v", got)
	}
}

// --help has the flags that most use, --help-all has all, and both fit a terminal.
func TestHelpAll(t *testing.T) {
	for _, command := range []string{"serve", "config"} {
		short, whole := segue(t, nil, command, "--help"), segue(t, nil, command, "--help-all")
		if short.code != exitDone || whole.code != exitDone {
			t.Fatalf("%s%s", short.stderr, whole.stderr)
		}
		if strings.Contains(short.stdout, "--balance-policy") || !strings.Contains(short.stdout, "--help-all") || !strings.Contains(short.stdout, "--listen") {
			t.Errorf("%s --help:\n%s", command, short.stdout)
		}
		for _, k := range config.Keys(deploy.Example) {
			if k.Flag != "" && !strings.Contains(whole.stdout, "--"+k.Flag+" ") {
				t.Errorf("%s --help-all lacks --%s", command, k.Flag)
			}
		}
		for line := range strings.Lines(whole.stdout) {
			if len([]rune(line)) > 130 {
				t.Errorf("%s --help-all: line of %d characters: %s", command, len(line), line)
			}
		}
		if got := segue(t, nil, "__complete", command, "--balance-policy", ""); !strings.HasPrefix(got.stdout, "least-sessions\nround-robin\n") {
			t.Errorf("completion of a key's words: %s", got.stdout)
		}
	}
}
