package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"segue/backend"
	"segue/backend/fesim"
	"segue/bench/measure"
	"segue/bench/report"
	"segue/cmd/internal/rollout"
	"segue/config"
	"segue/health"
)

// rolled is a simulated cluster, a Segue in front of it, and hooks that stop and start its nodes.
type rolled struct {
	cluster *fesim.Cluster
	clients string   // where clients connect
	ask     []string // flags of plan, next and run
	hooks   []string // of run
}

// newRolled starts three FEs and three BEs with an exit that frontends see. network is a byte of their addresses.
func newRolled(t *testing.T, network int) *rolled {
	t.Helper()
	_, port, _ := net.SplitHostPort(deadAddress(t))
	_, http, _ := net.SplitHostPort(deadAddress(t))
	at := fmt.Sprintf("127.0.%d.1:", network)
	s := simCluster{
		count: 3, backends: 3, hosts: true, listen: at + port, http: at + http, options: fesim.Options{TimeScale: 0.05},
		settings: map[string]string{"graceful_exit_wait_for_frontend_heartbeat": "true", "loop_count_wait_fragments_finish": "6"},
	}
	cluster, err := s.build()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	r := &rolled{cluster: cluster}
	var specs []backend.Spec
	var config strings.Builder
	config.WriteString("backends:\n")
	for _, fe := range cluster.FEs() {
		specs = append(specs, backend.Spec{Name: fe.Name(), Address: fe.MySQLAddress(), HealthURL: fe.HealthURL()})
		fmt.Fprintf(&config, "  - {name: %s, address: %q, health: %q}\n", fe.Name(), fe.MySQLAddress(), fe.HealthURL())
	}
	path := filepath.Join(t.TempDir(), "segue.yaml")
	writeFile(t, path, config.String())
	clients, admin, stop, err := startSegue(t.Context(), specs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	hooks := httptest.NewServer(s.orders())
	t.Cleanup(hooks.Close)
	r.clients = clients
	r.ask = []string{"--config", path, "--user", "root", "--fleet", admin, "--no-backup"}
	for _, be := range cluster.BEs() {
		r.ask = append(r.ask, "--name", be.Name()+"="+be.HeartbeatAddress())
	}
	r.hooks = []string{
		"--stop", hooks.URL + "/{{.Name}}/leave", "--start", hooks.URL + "/{{.Name}}/start", "--upgrade", hooks.URL + "/{{.Name}}/upgrade?version=3.5.9",
		"--rollback", hooks.URL + "/{{.Name}}/upgrade?version=3.5.0-fesim", "--to-version", "3.5.9", "--poll", "50ms", "--create-image",
	}
	return r
}

// do runs one of the subcommands.
func (r *rolled) do(t *testing.T, what string, more ...string) outcome {
	t.Helper()
	return segue(t, nil, slices.Concat([]string{"rollout", what}, r.ask, more)...)
}

// Three FEs and three BEs are upgraded under the load of segue bench: clients see no error, but for transactions, which an FE of that generation closes.
func TestRollout(t *testing.T) {
	r := newRolled(t, 61)
	state := filepath.Join(t.TempDir(), "upgrade.json")
	endpoint, err := measure.ParseDSN("root@tcp(" + r.clients + ")/")
	if err != nil {
		t.Fatal(err)
	}
	load := measure.DefaultLoad()
	load.Rate = 200
	var got outcome
	result, err := measure.Run(t.Context(), measure.Options{Endpoint: endpoint, Load: load, Script: func(context.Context, func(string)) error {
		got = r.do(t, "run", append(r.hooks, "--state", state)...)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got.code != exitDone || !strings.Contains(got.stdout, "6 of 6 nodes have gone; clients saw 0 errors") {
		t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if result.Felt.Answers < 100 {
		t.Errorf("%d answers", result.Felt.Answers)
	}
	for _, f := range result.Faults {
		if f.Class != "transaction" {
			t.Errorf("clients saw: %+v", f)
		}
	}
	r.judge(t, state)
}

// judge looks at what a finished upgrade has left.
func (r *rolled) judge(t *testing.T, state string) {
	t.Helper()
	var page report.Rollout
	data, err := os.ReadFile(strings.TrimSuffix(state, ".json") + "-report.json")
	if err == nil {
		err = json.Unmarshal(data, &page)
	}
	if err != nil || !page.Good || len(page.Nodes) != 6 {
		t.Fatalf("report: %+v, %v", page, err)
	}
	for i, n := range page.Nodes {
		if isBE := strings.HasPrefix(n.Name, "be-"); isBE != (i < 3) || n.After != "3.5.9" || n.State != "done" || (n.Role == "leader") != (i == 5) {
			t.Errorf("number %d: %+v", i+1, n)
		}
	}
	if got := segue(t, nil, "rollout", "status", "--state", state); got.code != exitDone || !strings.Contains(got.stdout, "finished within") || strings.Count(got.stdout, "3.5.9") != 6 {
		t.Errorf("status: %+v", got)
	}
	if got := r.do(t, "next", "--to-version", "3.5.9"); got.code != exitNothing || got.stdout != "" {
		t.Errorf("next, of none: %+v", got)
	}
}

// What scripts rely on: exit codes, and what is printed.
func TestRolloutAnswers(t *testing.T) {
	r := newRolled(t, 62)
	plan := r.do(t, "plan", "-o", "json")
	var p struct {
		Order []rollout.Turn
		Next  rollout.Verdict
	}
	if err := json.Unmarshal([]byte(plan.stdout), &p); err != nil || plan.code != exitDone || len(p.Order) != 6 || p.Next.Node != "be-1" || p.Order[5].Node != "fe-1" {
		t.Errorf("plan: %d %s %+v", plan.code, plan.stderr, p)
	}
	if got := r.do(t, "next"); got.code != exitDone || got.stdout != "be-1\n" {
		t.Errorf("next: %+v", got)
	}
	for name, test := range map[string]struct {
		what string
		more []string
		code int
		want string
	}{
		"a Segue that cannot be reached":      {"next", []string{"--fleet", deadAddress(t)}, exitNotNow, "cannot be asked"},
		"… that may be missing":               {"next", []string{"--fleet", deadAddress(t), "--fleet-missing", "ignore"}, exitDone, "be-1"},
		"an account that is not let in":       {"plan", []string{"--user", "nobody"}, exitNotNow, "unknown"},
		"a check that there is not":           {"plan", []string{"--accept", "quorom"}, exitUsage, "there are members, leader"},
		"a Segue that there is not":           {"plan", []string{"--accept", "fleet:10.9.9.9:1"}, exitUsage, "there is no such node, and no such Segue"},
		"a finding of no place":               {"plan", []string{"--accept", "fleet:"}, exitUsage, "want CHECK:NODE or CHECK:SEGUE"},
		"backup and none":                     {"plan", []string{"--backup", "true"}, exitUsage, "contradict"},
		"no hooks":                            {"run", nil, exitUsage, "--stop and --start are needed"},
		"a template that is none":             {"run", []string{"--stop", "{{.Nam}}", "--start", "true", "--state", filepath.Join(t.TempDir(), "s")}, exitUsage, "--stop"},
		"nothing to resume":                   {"run", []string{"--resume", "--state", filepath.Join(t.TempDir(), "s")}, exitUsage, "there is no state"},
		"a node that is not among the others": {"next", []string{"--only", "be-9"}, exitUsage, "--only be-9: there is no such node"},
	} {
		if got := r.do(t, test.what, test.more...); got.code != test.code || !strings.Contains(got.stdout+got.stderr, test.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := segue(t, nil, "rollout", "status", "--state", filepath.Join(t.TempDir(), "none")); got.code != exitFailed {
		t.Errorf("status of none: %+v", got)
	}
}

// A node that an operator has drained stops the rollout, with the words by which that is accepted; and is drained again when it has gone through it.
func TestRolloutPutsBack(t *testing.T) {
	r := newRolled(t, 64)
	at := r.ask[slices.Index(r.ask, "--fleet")+1]
	if got := segue(t, nil, "drain", "fe-2", "--admin", at); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	if got := r.do(t, "plan"); got.code != exitNotNow || !strings.Contains(got.stdout, "(no node goes while it is so, but with --accept 'fleet:"+at+"/fe-2')") {
		t.Fatalf("%+v", got)
	}
	if got := r.do(t, "run", append(r.hooks, "--state", filepath.Join(t.TempDir(), "s.json"), "--accept", "fleet:"+at+"/fe-2")...); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	for name, want := range map[string]string{"fe-1": "ready", "fe-2": "drain", "fe-3": "ready"} {
		got := segue(t, nil, "backends", "--admin", at, "-o", "json")
		var list []struct{ Name, Admin string }
		if err := json.Unmarshal([]byte(got.stdout), &list); err != nil || !slices.ContainsFunc(list, func(b struct{ Name, Admin string }) bool { return b.Name == name && b.Admin == want }) {
			t.Errorf("%s is not in %s: %v %s", name, want, err, got.stdout)
		}
	}
}

// A rollout that has paused is not begun anew by mistake; it is resumed, or taken back, by what it was begun with.
func TestRolloutPaused(t *testing.T) {
	r := newRolled(t, 63)
	state := filepath.Join(t.TempDir(), "upgrade.json")
	got := r.do(t, "run", append(r.hooks, "--state", state, "--check", "test {{.Name}} != be-2")...)
	if got.code != exitNotNow || !strings.Contains(got.stderr, "paused at be-2 (checking)") {
		t.Fatalf("%+v", got)
	}
	if got := r.do(t, "run", append(r.hooks, "--state", state)...); got.code != exitUsage || !strings.Contains(got.stderr, "not finished (1 of 6 nodes)") {
		t.Errorf("by mistake: %+v", got)
	}
	if got := segue(t, nil, "rollout", "status", "--state", state); got.code != exitNotNow || !strings.Contains(got.stderr, "check: ") {
		t.Errorf("status: %+v", got)
	}
	if got := segue(t, nil, "rollout", "run", "--resume", "--state", state); got.code != exitNotNow {
		t.Errorf("the check fails again: %+v", got)
	}
	got = segue(t, nil, "rollout", "run", "--roll-back", "--state", state)
	if got.code != exitDone || !strings.Contains(got.stdout, "2 of 2 nodes have gone") {
		t.Errorf("back: %+v", got)
	}
	if got := r.do(t, "next", "--to-version", "3.5.0"); got.code != exitNothing {
		t.Errorf("they are not as before: %+v", got)
	}
}

// A terminal that is closed is an interrupt, however often it is told of: what runs comes to its end. An operator who interrupts twice means it.
func TestRolloutInterrupts(t *testing.T) {
	for _, test := range []struct {
		signals    []os.Signal
		soft, hard bool
	}{
		{[]os.Signal{os.Interrupt}, true, false},
		{[]os.Signal{os.Interrupt, syscall.SIGTERM}, true, true},
		{[]os.Signal{syscall.SIGHUP, syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGPIPE}, true, false},
		{[]os.Signal{syscall.SIGHUP, os.Interrupt}, true, true},
	} {
		sent := make(chan struct{})
		w := &world{notify: func(c chan<- os.Signal, known ...os.Signal) {
			go func() {
				defer close(sent)
				for _, s := range append(test.signals, syscall.SIGHUP, syscall.SIGHUP, syscall.SIGHUP) { // the last ones change nothing: with room for two they say that the others were taken
					if slices.Contains(known, s) {
						c <- s
					}
				}
			}()
		}}
		soft, hard, done := w.interrupts(t.Context())
		<-sent
		if got := soft.Err() != nil; got != test.soft {
			t.Errorf("%v: soft %v", test.signals, got)
		}
		if got := hard.Err() != nil; got != test.hard {
			t.Errorf("%v: hard %v", test.signals, got)
		}
		done()
	}
}

// Who asks the cluster: the one that is given, else the one that discovery asks as, else the one of health checks.
func TestAccount(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "pw")
	writeFile(t, secret, "given\n")
	probing := config.Config{Health: health.Options{User: "h", Password: "hp"}}
	both := probing
	both.Discover.User, both.Discover.Password = "d", "dp"
	for _, test := range []struct {
		config             *config.Config
		user, secret, want string
	}{
		{&probing, "", "", "h hp"}, {&both, "", "", "d dp"}, {&both, "u", secret, "u given"}, {&both, "u", "", "u "}, {&both, "", secret, "d given"}, {&config.Config{}, "", "", " "},
	} {
		user, password, err := account(test.config, test.user, test.secret)
		if got := user + " " + password; err != nil || got != test.want {
			t.Errorf("%q %q: %q, %v; want %q", test.user, test.secret, got, err, test.want)
		}
	}
}
