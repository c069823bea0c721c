package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"segue/backend"
	"segue/bench/measure"
	"segue/cmd/internal/admin"
)

func TestBenchUsage(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "wrong.yaml"), "steps:\n  - slep: 1s\n")
	writeFile(t, filepath.Join(dir, "other.json"), "{}")
	writeFile(t, filepath.Join(dir, "name.yaml"), "steps:\n  - name: x\n")
	for _, test := range []struct{ name, args, want string }{
		{"no endpoint", "bench", "no endpoint: name one with --dsn"},
		{"no DSN", "bench --dsn root:s3cr3t@127.0.0.1:9030/", "did you mean 'root:…@tcp(127.0.0.1:9030)/'?\nRun 'segue bench --help' for usage."},
		{"no member", "bench --dsn root@tcp(h:1)/ --member nobody", "--member: "},
		{"no load", "bench --dsn root@tcp(h:1)/ --rate 0", "--rate 0: want arrivals per second"},
		{"writers who may not", "bench --dsn root@tcp(h:1)/ --no-writes --write 2", "say --write 0"},
		{"no flavor", "bench --dsn root@tcp(h:1)/ --flavor oracle", `unknown flavor "oracle"`},
		{"loads to nowhere", "bench --dsn root@tcp(h:1)/ --loads 2 --load-address 8030", "--load-address 8030: want HOST:PORT of an FE's HTTP port"},
		{"loads that are too long", "bench --dsn root@tcp(h:1)/ --loads 2 --load-rows 1 --load-size 100000", "--load-size 100000: want up to 60000 bytes a row"},
		{"loads that may not", "bench --dsn root@tcp(h:1)/ --loads 2 --no-writes", "--no-writes leaves loads nothing to do; say --loads 0"},
		{"no database", "bench --dsn root@tcp(h:1)/ --database a;b", "want up to 64 letters"},
		{"no control endpoint", "bench --dsn root@tcp(h:1)/ --mark=0.0.0.0:1", "listens on loopback only"},
		{"no admin address", "bench --dsn root@tcp(h:1)/ --segue 9131", `--segue: admin: "9131" is only a port`},
		{"no experiment", "bench --experiment no/such.yaml", "no/such.yaml: no such file; name an existing file with --experiment"},
		{"a wrong experiment", "bench --experiment " + dir + "/wrong.yaml", `wrong.yaml:2:5: unknown key "slep" in steps[0]; did you mean "sleep"?`},
		{"a key of the file in a step", "bench --experiment " + dir + "/name.yaml", `name.yaml:2:5: unknown key "name" in steps[0]; "name" is a key of the file itself: write it without indentation`},
		{"nothing to compare", "bench compare " + dir + "/other.json", "name two or more JSON files"},
		{"something else to compare", "bench compare " + dir + "/other.json x", "it is version 0 of segue bench's JSON"},
		{"no mark", "bench mark", "accepts 1 arg(s), received 0"},
	} {
		got := segue(t, nil, strings.Fields(test.args)...)
		if got.code != exitUsage || !strings.Contains(got.stderr, test.want) || strings.Contains(got.stderr+got.stdout, "s3cr3t") {
			t.Errorf("%s: exit %d, want 2 with %q\n%s", test.name, got.code, test.want, got.stderr)
		}
	}
	// Whether there can be reports is found out before anything is measured: here nobody would answer.
	writeFile(t, filepath.Join(dir, "there.json"), "{}")
	for out, want := range map[string]string{
		dir + "/no/such": "reports cannot be written", dir + "/there": dir + "/there.json is there already; name other files, or say --force",
	} {
		got := segue(t, nil, "bench", "--dsn", "root@tcp(127.0.0.1:1)/", "--out", out)
		if got.code != exitUsage || !strings.Contains(got.stderr, want) || strings.Contains(got.stderr, "ask 127.0.0.1:1") {
			t.Errorf("--out %s: exit %d\n%s", out, got.code, got.stderr)
		}
	}
	if got := segue(t, nil, "bench", "--dsn", "root@tcp(127.0.0.1:1)/", "--out", dir+"/there", "--force"); got.code != exitFailed || !strings.Contains(got.stderr, "ask 127.0.0.1:1") {
		t.Errorf("--force: exit %d\n%s", got.code, got.stderr)
	}
	if left, err := filepath.Glob(dir + "/there.*"); err != nil || len(left) != 1 {
		t.Errorf("files are left: %q", left)
	}
	if got := segue(t, nil, "bench", "compare", dir+"/a.json", dir+"/b.json", "--html", dir+"/there.json"); got.code != exitUsage || !strings.Contains(got.stderr, "is there already") {
		t.Errorf("compare: exit %d\n%s", got.code, got.stderr)
	}
	dead := deadAddress(t)
	if got := segue(t, nil, "bench", "--dsn", "root:s3cr3t@tcp("+dead+")/", "--out", dir+"/dead"); got.code != exitFailed || !strings.Contains(got.stderr, "ask "+dead+" for its version: dial tcp") {
		t.Errorf("nobody there: exit %d\n%s", got.code, got.stderr)
	}
	if got := segue(t, nil, "bench", "mark", "--to", dead, "x"); got.code != exitFailed || !strings.Contains(got.stderr, "is `segue bench --mark` running there?") {
		t.Errorf("nobody to mark: exit %d\n%s", got.code, got.stderr)
	}
}

// asProgram makes the test's own binary act as segue (see TestMain).
const asProgram = "SEGUE_TEST_AS_PROGRAM"

// A whole experiment from a file, its reports, and two of them side by side. No
// output holds the password, which comes by the environment.
func TestBenchExperiment(t *testing.T) {
	dir := t.TempDir()
	address := deadAddress(t)
	file := filepath.Join(dir, "kill.yaml")
	writeFile(t, file, `
load: {long: 2, short: 2, txn: 1, idle: 1, slow: 0, write: 0, rate: 100, no_writes: true}
processes:
  - name: fe-1
    run: env `+asProgram+`=1 $SEGUE sim fe --listen `+address+` --http 127.0.0.1:0 --user app=s3cr3t
    ready: {listens: "`+address+`"}
steps:
  - sleep: 300ms
  - mark: fe-1 is killed
    signal: {process: fe-1, signal: KILL}
  - wait: {refuses: "`+address+`"}
  - sleep: 300ms
  - mark: fe-1 is back
    start: fe-1
  - sleep: 300ms
`)
	env := []string{"SEGUE_BENCH_DSN=app:s3cr3t@tcp(" + address + ")/"}
	base := filepath.Join(dir, "out")
	got := segue(t, env, "bench", "--experiment", file, "--rate", "200", "--out", base)
	if got.code != exitFailed || !strings.Contains(got.stdout, "fe-1 is killed") || !strings.Contains(got.stderr, "segue: kill saw ") {
		t.Fatalf("exit %d\n%s\n%s", got.code, got.stdout, got.stderr)
	}
	data, err := os.ReadFile(base + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var r measure.Result
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Marks) != 2 || r.Felt.Errors == 0 || r.Load.Writes || r.Load.Offered < 150 || strings.Join(r.Command, " ") != "segue bench --experiment "+file+" --rate 200 --out "+base {
		t.Errorf("marks %+v, felt %+v, load %+v, command %q", r.Marks, r.Felt, r.Load, r.Command)
	}
	compared := segue(t, nil, "bench", "compare", base+".json", base+".json", "--html", base+"-both.html", "--svg", base+"-both.svg", "--png", base+"-both.png", "--markdown", base+"-both.md")
	if compared.code != exitDone || !strings.Contains(compared.stdout, "errors a client saw") {
		t.Errorf("compare: exit %d\n%s%s", compared.code, compared.stdout, compared.stderr)
	}
	for _, suffix := range []string{".html", ".json", ".csv", ".svg", ".png", "-both.html", "-both.svg", "-both.png", "-both.md"} {
		text, err := os.ReadFile(base + suffix)
		if err != nil || len(text) == 0 || strings.Contains(string(text), "s3cr3t") {
			t.Errorf("%s: %d bytes, %v, or the password is in it", suffix, len(text), err)
		}
	}
	if strings.Contains(got.stdout+got.stderr, "app:s3cr3t") {
		t.Errorf("the password is told:\n%s%s", got.stdout, got.stderr)
	}
}

func TestTellChange(t *testing.T) {
	var marks []string
	known := map[string]string{}
	tell := func(health backend.Health, intent backend.Admin, cause string, removed bool) {
		tellChange(known, admin.Event{Backend: admin.Backend{Name: "fe-1", Health: health, Admin: intent, Cause: cause}, Removed: removed}, func(m string) { marks = append(marks, m) })
	}
	tell(backend.Unknown, backend.Ready, "1 of 2 good answers", false)
	tell(backend.Up, backend.Ready, "", false) // as it stands at the beginning
	tell(backend.Stopping, backend.Ready, "/api/health 500", false)
	tell(backend.Stopping, backend.Ready, "another cause", false)
	tell(backend.Down, backend.Ready, "refused", false)
	tell(backend.Up, backend.Ready, "", false)
	tell(backend.Up, backend.Drain, "", false)
	tell(backend.Up, backend.Drain, "", true)
	want := "fe-1: stopping (/api/health 500)|fe-1: down (refused)|fe-1: up|fe-1: drain|fe-1: removed"
	if got := strings.Join(marks, "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
