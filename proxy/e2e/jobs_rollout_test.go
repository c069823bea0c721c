package e2e

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/backend/fesim"
)

// simulated is an FE or a BE as a rollout's hooks have it.
type simulated struct {
	node interface {
		Start() error
		Upgrade(version string)
		Exited() <-chan struct{}
	}
	leave func()
}

func (s simulated) stopNow(ctx context.Context) error {
	s.leave()
	select {
	case <-s.node.Exited():
		return nil
	case <-ctx.Done():
		return errors.New("it has not ended")
	}
}

func (s simulated) startNow() error { return startUnlessUp(s.node.Exited(), s.node.Start) }
func (s simulated) upgradeNow()     { s.node.Upgrade("3.5.9") }

// TestJobsRollout: `segue rollout run` takes three BEs and three FEs to the next version while dbt, SQLAlchemy, JDBC and what BI tools send are at work through Segue, and nothing
// of that fails.
func TestJobsRollout(t *testing.T) {
	f := startFEs(t, fesim.Options{Operators: []string{testUser}, Generation: fesim.G3, Heartbeat: time.Second})
	o := &operator{servers: map[string]rolledServer{}}
	p := startProgram(t, f.flavor(), f.specs())
	args := []string{"rollout", "run"}
	for range 3 {
		b, err := f.cluster.AddBE(fesim.BEOptions{Config: map[string]string{"graceful_exit_wait_for_frontend_heartbeat": "true"}})
		if err != nil {
			t.Fatalf("add a BE: %v", err)
		}
		if err := b.Start(); err != nil {
			t.Fatalf("start a BE: %v", err)
		}
		o.servers[b.Name()] = simulated{b, func() { b.Stop(true) }}
		args = append(args, "--name", b.Name()+"="+b.HeartbeatAddress())
	}
	for _, fe := range f.cluster.FEs() {
		o.servers[fe.Name()] = simulated{fe, fe.GracefulExit}
	}
	hooks := httptest.NewServer(o)
	defer hooks.Close()
	classes, dir := t.TempDir(), t.TempDir()
	build(t, "javac", "-Xlint:all,-try", "-encoding", "UTF-8", "-d", classes, "clients/jobs/Metadata.java")
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(testPassword), 0o600); err != nil {
		t.Fatal(err)
	}
	jobs := startJobs(t, p.address, classes, "rolled")
	for _, j := range jobs {
		j.awaitRound(t)
	}
	before := map[string]int64{}
	for _, j := range jobs {
		before[j.name] = j.rounds.Load()
	}
	cmd := exec.Command(p.path, append(args, "--state", filepath.Join(dir, "state.json"), "--config", p.config, "--user", testUser, "--password-file", password, "--fleet", p.admin,
		"--poll", "100ms", "--budget", "0", "--no-backup", "--create-image", "--to-version", "3.5.9",
		"--stop", hooks.URL+"/stop/{{.Name}}", "--upgrade", hooks.URL+"/upgrade/{{.Name}}", "--start", hooks.URL+"/start/{{.Name}}")...)
	cmd.SysProcAttr = clientProcess()
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !strings.Contains(string(out), "6 of 6 nodes have gone; clients saw 0 errors") {
		t.Errorf("segue rollout run: %v", err)
	}
	if got := strings.Join(o.order(), " "); !strings.HasPrefix(got, "be-1 be-2 be-3 fe-") || !strings.HasSuffix(got, " fe-1") {
		t.Errorf("stopped in the order %s", got)
	}
	for _, j := range jobs {
		if j.rounds.Load() == before[j.name] {
			t.Errorf("%s has done nothing meanwhile", j.name)
		}
	}
	endJobs(t, jobs)
	for _, j := range jobs {
		t.Logf("%s: %d rounds", j.name, j.rounds.Load())
	}
}
