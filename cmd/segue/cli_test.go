package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// outcome is how one command line went.
type outcome struct {
	code           int
	stdout, stderr string
}

// segue runs one command line with the environment of pairs KEY=VALUE, on a
// machine without /etc/segue.
func segue(t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	w := &world{
		stdout: &stdout, stderr: &stderr,
		getenv: getenv(env), environ: func() []string { return env },
		notify: func(chan<- os.Signal, ...os.Signal) {},
		etc:    filepath.Join(t.TempDir(), "none.yaml"),
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	code := w.run(ctx, args)
	return outcome{code, stdout.String(), stderr.String()}
}

func getenv(env []string) func(string) string {
	return func(key string) string {
		for _, pair := range env {
			if value, ok := strings.CutPrefix(pair, key+"="); ok {
				return value
			}
		}
		if key == "RUNTIME_DIRECTORY" {
			return os.Getenv(key)
		}
		return ""
	}
}

// deadAddress is an address that refuses.
func deadAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// writeFile makes a file anew: whoever watches it never sees half of it.
func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		name string
		env  []string
		args string
		code int
		want string // part of stdout (code 0) or of stderr
	}{
		{"no command", nil, "", 0, "segue serve fe1:9030,fe2:9030,fe3:9030"},
		{"help of a command", nil, "help drain", 0, "segue drain NAME"},
		{"version", nil, "version", 0, "segue "},
		{"version flag", nil, "--version", 0, "segue "},
		{"completion", nil, "completion bash", 0, "bash completion"},
		{"unknown command", nil, "frobnicate", 2, `unknown command "frobnicate" for "segue"` + "\nRun 'segue --help' for usage."},
		{"unknown command, nearly known", nil, "serv", 2, "Did you mean this?\n\tserve"},
		{"unknown command below a command", nil, "sim f", 2, `unknown command "f" for "segue sim"`},
		{"unknown flag, nearly known", nil, "serve --lisen :1", 2, "unknown flag: --lisen; did you mean --listen?\nRun 'segue serve --help' for usage."},
		{"unknown flag, abbreviated", nil, "drain fe-1 --time 5s", 2, "unknown flag: --time; did you mean --timeout?"},
		{"unknown flag of another kind", nil, "serve --xyzzy", 2, "unknown flag: --xyzzy\n"},
		{"variables of Kubernetes", []string{"SEGUE_PORT=tcp://10.0.0.1:9030", "SEGUE_SERVICE_HOST=10.0.0.1", "SEGUE_ADMIN_SERVICE_PORT=1", "SEGUE_PORT_9030_TCP_ADDR=x"}, "version", 0, "segue"},
		{"mariadb is mysql", nil, "serve --flavor mariadb db1", 2, `did you mean "db1:3306"?`},
		{"MariaDB is mysql", []string{"SEGUE_FLAVOR=MariaDB"}, "serve db1", 2, `did you mean "db1:3306"?`},
		{"admin address without brackets", nil, "status --admin ::1:9131", 2, `did you mean "[::1]:9131"?`},
		{"watch too often", nil, "failures --watch 1ms", 2, "--watch 1ms: write 100ms or more"},
		{"watch without the flag", nil, "failures 5s", 2, `unknown command "5s" for "segue failures"`},
		{"top without a terminal", nil, "top", 2, "top needs a terminal for its keys and its screen; `segue status --watch`"},
		{"unknown output format", nil, "backends -o yaml", 2, `invalid argument "yaml" for "-o, --output" flag: it is table or json`},
		{"argument that is not wanted", nil, "status fe-1", 2, `unknown command "fe-1" for "segue status"`},
		{"argument missing", nil, "drain", 2, "name one backend; `segue backends` lists them"},
		{"wait without a number", nil, "drain fe-1 --timeout 5", 2, `invalid argument "5" for "--timeout" flag`},
		{"wait for less than no time", nil, "drain fe-1 --wait --timeout -1s", 2, `invalid argument "-1s" for "--timeout" flag: write 0s or more`},
		{"wait for an age", nil, "drain fe-1 --wait --timeout 2562047h47m16s", 2, `for "--timeout" flag: write 8760h0m0s or less`},
		{"pause for no time", nil, "pause --for 0s", 2, `invalid argument "0s" for "--for" flag: write a time above zero`},
		{"pause for less", nil, "pause --for -5m", 2, `for "--for" flag: write a time above zero`},
		{"pause beyond the bound", nil, "pause --for 24h0m0.000000001s", 2, `for "--for" flag: write 24h0m0s or less`},
		{"pause until the clock overflows", nil, "pause --for 2562047h47m16s", 2, `for "--for" flag: write 24h0m0s or less`},
		{"pause beyond that", nil, "pause --for 9999999h", 2, `for "--for" flag: write a number with its unit: 200ms, 2s, 1m`},
		{"bench for an age", nil, "bench --duration 2562047h", 2, `for "--duration" flag: write 8760h0m0s or less`},
		{"bench that ends before it begins", nil, "bench --duration -1s", 2, `for "--duration" flag: write 0s or more`},
		{"bench that is slow for an age", nil, "bench --slow-for 2562047h --timeout 2562047h47m", 2, `for "--slow-for" flag: write 8760h0m0s or less`},
		{"simulated FE that leaves in an age", nil, "sim fe --max-exit 2562047h", 2, `for "--max-exit" flag: write 8760h0m0s or less`},
		{"simulated FE without a clock", nil, "sim fe --time-scale NaN", 2, "time scale NaN: want a number above zero, and 100 at most"},
		{"simulated FEs without a clock", nil, "sim cluster --time-scale 1e300", 2, "time scale 1e+300: want a number above zero, and 100 at most"},
		{"serve nothing", nil, "serve", 2, "no backends and no configuration\n  name the backends:   segue serve fe1:9030"},
		{"serve without port", nil, "serve fe1 fe2:9030", 2, `argument: backend address "fe1" has no port; did you mean "fe1:9030"?`},
		{
			"serve from the environment",
			[]string{"SEGUE_BACKENDS=fe1", "SEGUE_FLAVOR=tidbb"},
			"serve", 2,
			"SEGUE_FLAVOR: flavor: unknown word \"tidbb\"; did you mean \"tidb\"? known: starrocks, doris, tidb, mysql\nSEGUE_BACKENDS: backend address \"fe1\" has no port",
		},
		{"a flag wins over the environment", []string{"SEGUE_LISTEN=wrong", "SEGUE_BACKENDS=fe1:9030"}, "serve --listen :x", 2, `--listen: listen: ":x": "x" is not a port`},
		{"log level", []string{"SEGUE_LOG_LEVEL=loud", "SEGUE_BACKENDS=fe1:9030"}, "serve", 2, "SEGUE_LOG_LEVEL loud: it is debug, info, warn or error"},
		{"configuration missing", nil, "serve --config no/such.yaml", 2, "no/such.yaml: no such file"},
		{"configuration missing, by variable", []string{"SEGUE_CONFIG=no/such.yaml"}, "check", 2, "no/such.yaml: no such file"},
		{"admin address that is none", nil, "status --admin 9131", 2, `--admin: admin: "9131" is only a port; did you mean "127.0.0.1:9131"?`},
		{"admin variable that is none", []string{"SEGUE_ADMIN=x"}, "status", 2, `SEGUE_ADMIN: admin: "x" has no port`},
		{"validate a file that is not there", nil, "validate no/such.yaml", 2, "no/such.yaml: no such file"},
		{"validate two files", nil, "validate a b", 2, "accepts at most 1 arg(s), received 2"},
		{"validate the example", nil, "validate ../../deploy/segue.example.yaml", 0, "segue.example.yaml: no problems (starrocks, 3 backends)"},
		{"simulated FE of an unknown generation", nil, "sim fe --generation G9", 2, `unknown generation "G9": want G2, G3 or G4`},
		{"simulated mysql", nil, "sim fe --flavor mysql", 2, "there is no simulated mysql; run a real one"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := segue(t, test.env, strings.Fields(test.args)...)
			text := got.stdout
			if test.code != 0 {
				text = got.stderr
			}
			if got.code != test.code || !strings.Contains(text, test.want) {
				t.Errorf("exit %d, want %d with\n%s\nstdout:\n%s\nstderr:\n%s", got.code, test.code, test.want, got.stdout, got.stderr)
			}
			if test.code != 0 && got.stdout != "" {
				t.Errorf("stdout of a failed command: %s", got.stdout)
			}
		})
	}
}

// TestHelpOfEveryCommand: each command says in a line what it does, in full
// what it takes, and no line is wider than a terminal.
func TestHelpOfEveryCommand(t *testing.T) {
	root, _ := (&world{stdout: os.Stdout, stderr: os.Stderr, getenv: getenv(nil), etc: "x"}).commands()
	var visit func(path []string)
	visit = func(path []string) {
		cmd, _, err := root.Find(path)
		if err != nil {
			t.Fatal(err)
		}
		got := segue(t, nil, append(path, "--help")...)
		if got.code != 0 || cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || !strings.Contains(got.stdout, "Usage:") {
			t.Errorf("%v: exit %d, short %q\n%s", path, got.code, cmd.Short, got.stdout)
		}
		for line := range strings.Lines(got.stdout) {
			if len([]rune(line)) > 125 {
				t.Errorf("%v: help line of %d characters: %s", path, len(line), line)
			}
		}
		for _, sub := range cmd.Commands() {
			visit(append(slices.Clip(path), sub.Name()))
		}
	}
	visit(nil)
}

func TestValidateReportsEverythingWithItsPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segue.yaml")
	writeFile(t, path, "lisen: 127.0.0.1:1\nbackends:\n  - fe1\nhealth:\n  interval: 200\n")
	got := segue(t, nil, "validate", path)
	want := path + `:1:1: unknown key "lisen"; did you mean "listen"?
` + path + `:3:5: backend address "fe1" has no port; did you mean "fe1:9030"?
` + path + `:5:13: health.interval: 200 has no unit; did you mean 200ms or 200s?
`
	if got.code != exitUsage || got.stderr != want {
		t.Errorf("exit %d\n%s\nwant\n%s", got.code, got.stderr, want)
	}
	if got := segue(t, []string{"SEGUE_CONFIG=" + path}, "validate"); got.stderr != want {
		t.Errorf("by SEGUE_CONFIG:\n%s", got.stderr)
	}
}

func TestAskWithoutSegue(t *testing.T) {
	dead := deadAddress(t)
	for _, args := range []string{"status", "backends", "sessions", "drain fe-1 --wait", "ready fe-1", "maint fe-1"} {
		got := segue(t, []string{"SEGUE_ADMIN=" + dead}, strings.Fields(args)...)
		want := "segue: ask http://" + dead + ": connect: connection refused; is Segue running there? --admin or SEGUE_ADMIN names another address\n"
		if got.code != exitFailed || got.stderr != want {
			t.Errorf("%s: exit %d, %s", args, got.code, got.stderr)
		}
	}
}

func TestAdminAddress(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "segue.yaml")
	writeFile(t, file, "backends: [fe1:9030]\nadmin: :7\n")
	for _, test := range []struct {
		name, flag, etc, want string
		env                   []string
	}{
		{"default", "", filepath.Join(dir, "none"), "127.0.0.1:9131", nil},
		{"file in /etc, every interface", "", file, "127.0.0.1:7", nil},
		{"named file", "", "", "127.0.0.1:7", []string{"SEGUE_CONFIG=" + file}},
		{"variable over file", "", file, "10.0.0.1:8", []string{"SEGUE_ADMIN=10.0.0.1:8", "SEGUE_CONFIG=" + file}},
		{"flag over all", "[::]:9", file, "[::1]:9", []string{"SEGUE_ADMIN=10.0.0.1:8"}},
	} {
		w := &world{getenv: getenv(test.env), etc: test.etc}
		if got, _, _, err := w.adminAddress(test.flag); err != nil || got != test.want {
			t.Errorf("%s: %q, %v; want %q", test.name, got, err, test.want)
		}
	}
}

// TestFileInEtc: read when nothing else is named, and only then.
func TestFileInEtc(t *testing.T) {
	etc := filepath.Join(t.TempDir(), "segue.yaml")
	writeFile(t, etc, "backends: [{name: from-etc, address: '"+deadAddress(t)+"'}]\n")
	for args, want := range map[string]bool{"check": true, "check " + deadAddress(t): false} {
		var stdout, stderr bytes.Buffer
		w := &world{stdout: &stdout, stderr: &stderr, getenv: getenv(nil), etc: etc}
		code := w.run(t.Context(), strings.Fields(args))
		if got := strings.Contains(stdout.String(), "from-etc"); code != exitFailed || got != want {
			t.Errorf("%s: exit %d\n%s%s", args, code, stdout.String(), stderr.String())
		}
	}
}

func TestCheckSaysWhatIsWrongAndTheNextCommand(t *testing.T) {
	dead := deadAddress(t)
	host, port, _ := net.SplitHostPort(dead)
	path := filepath.Join(t.TempDir(), "segue.yaml")
	writeFile(t, path, "backends:\n- {name: fe-1, address: '"+dead+"', health: 'http://u:hunter2@"+dead+"/api/health'}\n")
	got := segue(t, nil, "check", "--config", path)
	for _, want := range []string{
		"fe-1     " + dead, "failed", "/api/health refused", "mysql refused",
		"fe-1, mysql: mysql refused\n  next: ss -ltn | grep :" + port + "   # does anything listen there?\n",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %q in\n%s", want, got.stdout)
		}
	}
	if got.code != exitFailed || got.stderr != "segue: 1 of 1 backends not well\n" {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	if strings.Contains(got.stdout, "hunter2") {
		t.Errorf("a password is shown:\n%s", got.stdout)
	}

	got = segue(t, nil, "check", "--config", path, "-o", "json")
	var findings []finding
	if err := json.Unmarshal([]byte(got.stdout), &findings); err != nil || len(findings) != 7 || got.code != exitFailed {
		t.Fatalf("exit %d, %v:\n%s", got.code, err, got.stdout)
	}
	if f := findings[2]; f.Backend != "" || f.Check != "users" || f.Verdict != "warning" || f.Next == "" {
		t.Errorf("%+v", f)
	}
	if f := findings[1]; f.Backend != "fe-1" || f.Check != "mysql" || f.Verdict != "failed" || f.Next == "" {
		t.Errorf("%+v (host %s)", f, host)
	}
}
