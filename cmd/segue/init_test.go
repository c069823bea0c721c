package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"segue/backend/fesim"
)

// The file is written once, loads, and a Segue serves by it.
func TestInit(t *testing.T) {
	cluster, err := fesim.NewCluster(2, fesim.Options{})
	if err == nil {
		err = cluster.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	address := cluster.FEs()[1].MySQLAddress()
	path := filepath.Join(t.TempDir(), "segue.yaml")
	if got := segue(t, nil, "init", address, "--user", "root", "--out", path); got.code != exitDone || !strings.Contains(got.stdout, "starrocks, 2 servers; all that was asked is known") {
		t.Fatalf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := segue(t, nil, "validate", path); got.code != exitDone || got.stderr != "" || !strings.Contains(got.stdout, "2 backends") {
		t.Fatalf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	s := serve(t, nil, "--config", path)
	s.ready()
	s.on(s.conn())

	writeFile(t, path, "mine")
	for _, args := range [][]string{{"init", address, "--out", path}, {"init", address, "--user", "root", "--out", path}} {
		if got := segue(t, nil, args...); got.code != exitUsage || !strings.Contains(got.stderr, "is there already; --force writes it anew") {
			t.Errorf("%q: exit %d: %s", args, got.code, got.stderr)
		}
	}
	if err := writeNew(path, "theirs", false); err == nil { // as if it had been made a moment ago
		t.Error("it has been overwritten")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
		t.Errorf("%s, %v", text, err)
	}
	if got := segue(t, nil, "init", address, "--user", "root", "--out", path, "--force"); got.code != exitDone {
		t.Errorf("--force: exit %d: %s", got.code, got.stderr)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".segue-init-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	printed := segue(t, nil, "init", address, "--user", "root")
	if text, err := os.ReadFile(path); err != nil || printed.code != exitDone || printed.stdout != string(text) {
		t.Errorf("printed is not what is written: %v\n%s\n%s", err, printed.stdout, text)
	}
}

func TestInitRefuses(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"init", "accepts 1 arg(s), received 0"},
		{"init fe1", `argument: backend address "fe1" has no port; did you mean "fe1:9030"?`},
		{"init fe1:9030 --flavor postgres", "--flavor postgres: it is starrocks, doris, tidb, mysql or mariadb"},
		{"init fe1:9030 --password-file x", "--password-file x: no such file"},
		{"init fe1:9030 --password-file init.go", "--password-file init.go: has more than one line"},
	} {
		if got := segue(t, nil, strings.Fields(test.args)...); got.code != exitUsage || !strings.Contains(got.stderr, test.want) {
			t.Errorf("%s: exit %d: %s", test.args, got.code, got.stderr)
		}
	}
	dead := deadAddress(t)
	if got := segue(t, nil, "init", dead); got.code != exitFailed || !strings.Contains(got.stderr, "ask "+dead) || !strings.Contains(got.stderr, "segue check") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}
