package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// rolledServer is a server that `segue rollout` has stopped and started by hooks.
type rolledServer interface {
	stopNow(ctx context.Context) error // does nothing if it has stopped
	startNow() error                   // does nothing if it runs
	upgradeNow()
}

func (s *server) stopNow(ctx context.Context) error     { return stopProcess(ctx, s.cmd, s.exited) }
func (s *tidbServer) stopNow(ctx context.Context) error { return stopProcess(ctx, s.cmd, s.exited) }

func stopProcess(ctx context.Context, cmd *exec.Cmd, exited <-chan struct{}) error {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-exited:
		return nil
	case <-ctx.Done():
		return errors.New("it has not ended")
	}
}

func (s *server) startNow() error     { return startUnlessUp(s.exited, s.start) }
func (s *tidbServer) startNow() error { return startUnlessUp(s.exited, s.start) }

func startUnlessUp(exited <-chan struct{}, start func() error) error {
	select {
	case <-exited:
		return start()
	default:
		return nil
	}
}

func (*tidbServer) upgradeNow() {}

// upgradedServer is a MariaDB that gets the next release.
type upgradedServer struct {
	*server
	next release
}

func (s upgradedServer) upgradeNow() { s.release = s.next }

// operator is the other end of a rollout's hooks.
type operator struct {
	mu      sync.Mutex
	calls   []string          // in order
	before  func(call string) // nil: nothing
	servers map[string]rolledServer
}

// ServeHTTP does what a hook asks for: /stop/NAME, /upgrade/NAME, /start/NAME.
func (o *operator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := strings.TrimPrefix(r.URL.Path, "/")
	what, name, _ := strings.Cut(call, "/")
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, call)
	if o.before != nil {
		o.before(call)
	}
	s, err := o.servers[name], error(nil)
	switch {
	case s == nil:
		err = errors.New("there is no such server")
	case what == "stop":
		err = s.stopNow(context.WithoutCancel(r.Context()))
	case what == "start":
		err = s.startNow()
	default:
		s.upgradeNow()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// order is that in which servers were stopped for the first time.
func (o *operator) order() (names []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, call := range o.calls {
		if name, ok := strings.CutPrefix(call, "stop/"); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// rollOut takes a fleet through `segue rollout run` under the full load through Segue, whose terminal is killed (SIGKILL) at a hook and taken up again: no client sees an
// error, no state is lost, no statement is executed twice.
func rollOut(t *testing.T, f fleet, o *operator, killAt, version string) {
	t.Helper()
	p := startProgram(t, f.flavor(), f.specs())
	hooks := httptest.NewServer(o)
	defer hooks.Close()
	dir := t.TempDir()
	state, password := filepath.Join(dir, "state.json"), filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(testPassword), 0o600); err != nil {
		t.Fatal(err)
	}
	killed := make(chan struct{})
	var once sync.Once
	o.before = func(call string) {
		if call == killAt {
			once.Do(func() { close(killed) })
		}
	}
	l := startStatefulLoad(t, p.address, f.dialect(), fullLoad())
	l.waitMore(t, 200)
	run := func(args ...string) (*exec.Cmd, *output) {
		cmd, out := exec.Command(p.path, append([]string{"rollout", "run", "--state", state}, args...)...), &output{}
		cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = out, out, clientProcess()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, out
	}
	args := []string{
		"--config", p.config, "--user", testUser, "--password-file", password, "--fleet", p.admin, "--poll", "100ms",
		"--stop", hooks.URL + "/stop/{{.Name}}", "--start", hooks.URL + "/start/{{.Name}}", "--budget", "0",
	}
	if version != "" {
		args = append(args, "--upgrade", hooks.URL+"/upgrade/{{.Name}}", "--to-version", version)
	}
	cmd, out := run(args...)
	select {
	case <-killed:
	case <-time.After(2 * time.Minute):
		t.Errorf("no %s within two minutes", killAt)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	t.Logf("until it was killed:\n%s", out)
	l.waitMore(t, 200)
	cmd, out = run("--resume")
	err := cmd.Wait()
	t.Logf("resumed:\n%s", out)
	if err != nil {
		t.Errorf("segue rollout run --resume: %v", err)
	}
	p.waitUp(t)
	l.waitMore(t, 200)
	l.stop()
	counts, err := count(t.Context(), f)
	if err != nil {
		t.Fatalf("count ledger: %v", err)
	}
	judgeLoad(t, l, l.ledger.judge(counts))
	judgeRollout(t, state, out)
}

// judgeRollout says what a finished rollout lacks.
func judgeRollout(t *testing.T, path string, out *output) {
	t.Helper()
	var s struct {
		Finished bool
		Errors   int
		Hidden   int
		Nodes    []struct{ Node, Phase string }
	}
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !s.Finished || s.Errors != 0 || s.Hidden == 0 || len(s.Nodes) != 3 {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(out.String(), "3 of 3 nodes have gone; clients saw 0 errors") {
		t.Error("it does not say that all is well")
	}
	for _, suffix := range []string{".html", ".json"} {
		if info, err := os.Stat(strings.TrimSuffix(path, ".json") + "-report" + suffix); err != nil || info.Size() < 1000 {
			t.Errorf("report: %v", err)
		}
	}
}

// TestMoveRolloutMariaDB has `segue rollout run` upgrade MariaDB 10.11 to 11.4, the replicas (read_only) before the primary.
func TestMoveRolloutMariaDB(t *testing.T) {
	f := startUpgraded(t)
	o := &operator{servers: map[string]rolledServer{}}
	for i, s := range f.servers {
		o.servers[f.specs()[i].Name] = upgradedServer{s, f.next}
		if i == 0 {
			continue
		}
		options, err := os.OpenFile(s.options(), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(options, "[mariadbd]\nread-only=1")
		if err := options.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.exec(t.Context(), "SET GLOBAL read_only=1"); err != nil {
			t.Fatal(err)
		}
	}
	rollOut(t, f, o, "upgrade/mariadb-3", "11.4")
	if got := strings.Join(o.order(), " "); got != "mariadb-2 mariadb-3 mariadb-1" {
		t.Errorf("stopped in the order %s", got)
	}
	for i := range f.servers {
		if v := f.version(t, i); !strings.HasPrefix(v, "11.4.") {
			t.Errorf("server %d has %s", i+1, v)
		}
	}
}

// TestMoveRolloutTiDB has it restart three TiDB servers.
func TestMoveRolloutTiDB(t *testing.T) {
	f := startTiDBs(t, 5*time.Second)
	o := &operator{servers: map[string]rolledServer{}}
	for i, s := range f.servers {
		o.servers[f.specs()[i].Name] = s
	}
	judgeMembers(t, f)
	rollOut(t, f, o, "stop/tidb-2", "")
	if got := strings.Join(o.order(), " "); got != "tidb-1 tidb-2 tidb-3" {
		t.Errorf("stopped in the order %s", got)
	}
}

// judgeMembers says what `segue rollout plan` does not tell of TiDB servers: who they are, by their own word in information_schema.cluster_info, and that each of these, with a
// store of its own, can tell of itself alone.
func judgeMembers(t *testing.T, f *tidbFleet) {
	t.Helper()
	p := startProgram(t, f.flavor(), f.specs())
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(testPassword), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(p.path, "rollout", "plan", "--restart", "--config", p.config, "--user", testUser, "--password-file", password, "--fleet", p.admin, "-o", "json").Output()
	var plan struct {
		Next  struct{ Node string }
		Facts struct {
			Listed string
			Nodes  []struct {
				Name, Version string
				Exact         bool
			}
		}
	}
	if err == nil {
		err = json.Unmarshal(out, &plan)
	}
	if err != nil || plan.Next.Node != "tidb-1" || !strings.Contains(plan.Facts.Listed, "tells of itself alone") || len(plan.Facts.Nodes) != 3 {
		t.Errorf("plan: %v %s", err, out)
	}
	for _, n := range plan.Facts.Nodes {
		if !n.Exact || n.Version == "" || strings.Contains(n.Version, "8.0.11-TiDB") {
			t.Errorf("%+v", n)
		}
	}
}
