package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
	"segue/cmd/internal/rollout"
)

func TestJudgeClock(t *testing.T) {
	t.Parallel()
	seed := backend.Spec{Name: "fe-1", Address: "10.0.0.1:9030"}
	for ahead, want := range map[time.Duration]string{
		0: passed, time.Second: passed, -1900 * time.Millisecond: passed, skew: warning, -time.Hour: warning,
	} {
		f := judgeClock(seed, ahead, nil)
		if f.Verdict != want || (f.Next == "") != (want == passed) {
			t.Errorf("%s: %+v", ahead, f)
		}
	}
	if f := judgeClock(seed, -time.Hour, nil); !strings.HasPrefix(f.Cause, "its clock is 1h0m0s behind this machine's") {
		t.Error(f.Cause)
	}
	if f := judgeClock(seed, 0, errors.New("no such function")); f.Verdict != unknown || f.Cause != "no such function" || f.Next == "" {
		t.Errorf("%+v", f)
	}
}

func TestOfPreflight(t *testing.T) {
	t.Parallel()
	got := said(ofPreflight([]rollout.Finding{
		{Check: rollout.CheckLeader, Severity: rollout.OK, Node: "fe-1", What: "it leads"},
		{Check: rollout.CheckQuorum, Severity: rollout.Stop, What: "two live", Remedy: "add one", Blocks: true},
		{Check: rollout.CheckExit, Severity: rollout.Unseen, Node: "be-1", What: "no word", Remedy: "ask"},
		{Check: rollout.CheckBackup, Severity: rollout.Stop, What: "nothing said"},
	}))
	if want := " leader passed: fe-1: it leads | \n quorum warning: two live | add one\nbe-1 exit unknown: no word | ask\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// With an account the cluster itself is asked, and says what a stop would cost; without one that is unknown, and not well.
func TestCheckAsksTheCluster(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{Users: map[string]string{"root": "", "probe": "right"}})
	path := configFile(t, configuration(fes, ""))
	got := segue(t, nil, "check", "--config", path, "--user", "root")
	for _, want := range []string{
		"  passed   clock: all of 2 servers are within 2s of this machine's\n", "  passed   leader: ",
		"  warning  quorum: ", "           next: ",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %q in\n%s%s", want, got.stdout, got.stderr)
		}
	}
	if got.code != 0 {
		t.Errorf("exit %d", got.code)
	}
	got = segue(t, nil, "check", "--config", path)
	if want := "  unknown  cluster: no account: "; got.code != 0 || !strings.Contains(got.stdout, want) {
		t.Errorf("exit %d: no %q in\n%s", got.code, want, got.stdout)
	}
	// An account that the servers do not let in is a warning for the clocks, and unknown for the rest; its password is not shown.
	secret := t.TempDir() + "/password"
	writeFile(t, secret, "hunter2\n")
	got = segue(t, nil, "check", "--config", path, "--user", "probe", "--password-file", secret)
	if all := got.stdout + got.stderr; got.code != 0 || !strings.Contains(all, "unknown  fe-1 clock: ") || strings.Contains(all, "hunter2") {
		t.Errorf("exit %d:\n%s", got.code, all)
	}
	if got := segue(t, nil, "check", "--config", path, "--user", "root", "--password-file", secret+"-none"); got.code != exitUsage || !strings.Contains(got.stderr, "--password-file") {
		t.Errorf("exit %d:\n%s", got.code, got.stderr)
	}
}

// A file with a secret that everybody may read is a warning of check, as of validate, and the secret is in neither.
func TestCheckWarnsOfSecrets(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	dir, err := os.MkdirTemp("", "segue") //nolint:usetesting // every folder above it is open to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	secret := filepath.Join(dir, "secret")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(secret, []byte("hunter2\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "segue.yaml")
	writeFile(t, path, configuration(fes, "users: [{name: app, password_file: "+secret+"}]\n"))
	const want = "secret: everybody on this machine may read it"
	validated := segue(t, nil, "validate", path)
	if validated.code != exitDone || !strings.Contains(validated.stderr, want+"; chmod 600") {
		t.Errorf("validate: exit %d: %s", validated.code, validated.stderr)
	}
	checked := segue(t, nil, "check", "--config", path)
	if !strings.Contains(checked.stdout, want) || !strings.Contains(checked.stdout, "next: chmod 600") {
		t.Errorf("check: exit %d: %s%s", checked.code, checked.stdout, checked.stderr)
	}
	if strings.Contains(validated.stderr+validated.stdout+checked.stdout+checked.stderr, "hunter2") {
		t.Error("the secret is told")
	}
}

// A backend that is a balancer in front of the cluster, and none of its nodes, is told of, with what to do; one that is a node by its name is not.
func TestCheckTellsOfStrangers(t *testing.T) {
	t.Parallel()
	for _, flavor := range []backend.Flavor{backend.StarRocks, backend.TiDB} {
		fes := frontends(t, 2, fesim.Options{Flavor: flavor})
		var specs []backend.Spec
		for _, fe := range fes {
			specs = append(specs, backend.Spec{Name: fe.Name(), Address: fe.MySQLAddress(), HealthURL: fe.HealthURL()})
		}
		balancer, _, stop, err := startSegue(t.Context(), specs)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		_, port, _ := net.SplitHostPort(fes[0].MySQLAddress())
		path := configFile(t, fmt.Sprintf("flavor: %s\nbackends:\n  - {name: by-name, address: 'localhost:%s', health: %q}\n  - {name: vip, address: '%s', health: %q}\n",
			flavor, port, fes[0].HealthURL(), balancer, fes[1].HealthURL()))
		got := segue(t, nil, "check", "--config", path, "--user", "root")
		if want := "  warning  vip cluster: " + balancer + " is none of the cluster's own nodes, which are " + fes[0].MySQLAddress() + ", " + fes[1].MySQLAddress() + ": "; strings.Count(got.stdout, "own nodes") != 1 ||
			!strings.Contains(got.stdout, want) || !strings.Contains(got.stdout, "# name nodes in its place") {
			t.Errorf("%s: no %q in\n%s%s", flavor, want, got.stdout, got.stderr)
		}
	}
}
