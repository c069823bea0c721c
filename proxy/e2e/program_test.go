package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"segue/backend"
)

// programVariable names a segue program to test instead of one built from this source.
const programVariable = "SEGUE_E2E_PROGRAM"

const (
	testUser     = "e2e"
	testPassword = `secret, "quoted"`
)

// segueProgram is a running `segue serve`, configured by a file and steered by its own commands, as an operator has it.
type segueProgram struct {
	path    string
	address string // where clients connect
	admin   string
	config  string      // its file
	tls     *tls.Config // by which clients connect; nil: in the clear
	erring  bool        // what it is told is wrong for a while, and it says so
	always  []string    // lines of its file that a reload keeps
	cmd     *exec.Cmd
	exited  chan struct{} // closed when cmd has been waited for
	stdout  *output
	stderr  *output
}

// output is what a program has written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// startProgram starts Segue in front of the backends, with a credential for the tests' user, and waits until all are
// up. more are lines of the configuration. It ends with the test.
func startProgram(t *testing.T, flavor backend.Flavor, specs []backend.Spec, more ...string) *segueProgram {
	t.Helper()
	return startProgramAt(t, buildProgram(t), flavor, specs, more...)
}

// startProgramAt starts the program at path.
func startProgramAt(t *testing.T, path string, flavor backend.Flavor, specs []backend.Spec, more ...string) *segueProgram {
	t.Helper()
	p := &segueProgram{
		path: path, config: filepath.Join(t.TempDir(), "segue.yaml"), stdout: &output{}, stderr: &output{}, exited: make(chan struct{}),
	}
	if err := os.WriteFile(p.config, configuration(flavor, specs, more), 0o600); err != nil {
		t.Fatalf("write configuration: %v", err)
	}
	p.cmd = exec.Command(p.path, "serve", "--config", p.config)
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	p.cmd.SysProcAttr = clientProcess()
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start segue: %v", err)
	}
	go p.wait()
	t.Cleanup(func() { p.stop(t) })
	p.admin = p.printed(t, `admin: http://(\S+)/`)
	p.address = p.printed(t, `listens on (\S+),`)
	p.waitUp(t)
	return p
}

// buildProgram builds Segue, or takes the program that the environment names.
func buildProgram(t *testing.T) string {
	t.Helper()
	if path := os.Getenv(programVariable); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "segue")
	build(t, "go", "build", "-o", path, "../../cmd/segue")
	return path
}

func configuration(flavor backend.Flavor, specs []backend.Spec, more []string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nflavor: %s\nbackends:\n", flavor)
	for _, s := range specs {
		fmt.Fprintf(&b, "  - {name: %s, address: %q", s.Name, s.Address)
		if s.HealthURL != "" {
			fmt.Fprintf(&b, ", health: %q", s.HealthURL)
		}
		if s.Weight > 0 {
			fmt.Fprintf(&b, ", weight: %d", s.Weight)
		}
		fmt.Fprintln(&b, "}")
	}
	if !slices.ContainsFunc(more, func(line string) bool { return strings.HasPrefix(line, "users:") }) {
		fmt.Fprintf(&b, "users:\n  - {name: %s, password: %q}\n", testUser, testPassword)
	}
	for _, line := range more {
		fmt.Fprintln(&b, line)
	}
	return b.Bytes()
}

func (p *segueProgram) wait() {
	_ = p.cmd.Wait() // stop judges how it ends
	close(p.exited)
}

// printed waits until the pattern is on standard output and returns its group.
func (p *segueProgram) printed(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var m []string
	waitFor(t, "segue to print "+pattern, func() bool {
		select {
		case <-p.exited:
			t.Fatalf("segue exited before it printed %s: %s%s", pattern, p.stdout, p.stderr)
		default:
		}
		m = re.FindStringSubmatch(p.stdout.String())
		return m != nil
	})
	return m[1]
}

// stop ends Segue, at once where clients are left, and shows what it logged if the test has failed. A panic of a session
// fails the test.
func (p *segueProgram) stop(t *testing.T) {
	t.Helper()
	if !terminate(p.cmd, p.exited) {
		t.Errorf("segue did not stop within %s; killed", stopTimeout)
		_ = killGroup(p.cmd)
		<-p.exited
	}
	log := p.stderr.String()
	if !p.erring && strings.Contains(log, `"level":"ERROR"`) || strings.Contains(log, "panic") {
		t.Error("segue logged an error or a panic")
	}
	if t.Failed() {
		t.Logf("segue logged, at the end:\n%s", tail(log, 40))
	}
}

// terminate tells a Segue to stop, and then to stop now, and reports whether it has.
func terminate(cmd *exec.Cmd, exited <-chan struct{}) bool {
	for _, wait := range []time.Duration{3 * time.Second, stopTimeout} { // the second signal means now
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
			return true
		case <-time.After(wait):
		}
	}
	return false
}

// tail is the last lines of text.
func tail(text string, lines int) string {
	all := strings.SplitAfter(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}

// run runs one of Segue's own commands, such as drain, against it.
func (p *segueProgram) run(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path, append(args, "--admin", p.admin)...)
	cmd.SysProcAttr = clientProcess()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("segue %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// reload gives Segue another configuration, and waits until it is in force.
func (p *segueProgram) reload(t *testing.T, flavor backend.Flavor, specs []backend.Spec, more ...string) {
	t.Helper()
	const loaded = "segue_config_last_reload_success_timestamp_seconds"
	before := addSeries(string(p.get(t, "/metrics")), loaded)
	draft := p.config + ".new"
	err := os.WriteFile(draft, configuration(flavor, specs, append(more, p.always...)), 0o600)
	if err == nil {
		err = os.Rename(draft, p.config)
	}
	if err != nil {
		t.Fatalf("write configuration: %v", err)
	}
	waitFor(t, "the configuration to be in force", func() bool { return addSeries(string(p.get(t, "/metrics")), loaded) > before })
}

// backendInfo is what the admin API says of a backend.
type backendInfo struct {
	Name, Health, Admin, Cause, Role string
	Sessions                         int
}

func (p *segueProgram) backends(t *testing.T) []backendInfo {
	t.Helper()
	var list []backendInfo
	if err := json.Unmarshal(p.get(t, "/api/v1/backends"), &list); err != nil {
		t.Fatalf("read backends: %v", err)
	}
	return list
}

func (p *segueProgram) get(t *testing.T, path string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), startTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.admin+path, http.NoBody)
	if err != nil {
		t.Fatalf("ask segue: %v", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("ask segue: %v", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("ask segue for %s: %s: %v", path, response.Status, err)
	}
	return body
}

// waitUp waits until Segue gives sessions to every backend.
func (p *segueProgram) waitUp(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(10 * time.Millisecond) {
		list, up := p.backends(t), 0
		for _, b := range list {
			if b.Health == "up" && b.Admin == "ready" {
				up++
			}
		}
		if up == len(list) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("backends not up after %s: %+v", startTimeout, list)
		}
	}
}
