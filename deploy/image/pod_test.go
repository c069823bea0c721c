package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// What a kubelet does to the containers of a pod is played here with the real image, in namespaces made by runc, beside a real application and a real server. It needs root.

// patience is how long anything may take that takes a moment.
const patience = time.Minute

// pod is where containers of the image share the network, here the machine's own.
type pod struct {
	t             *testing.T
	dir           string // of runc's state and of bundles
	args          []string
	listen, admin string
	config        string // folder of the configuration
	secrets       string // folder of a Secret's files; empty: none is mounted
	database      string // address
	made          int
}

func newPod(t *testing.T) *pod {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("namespaces need root: sudo make e2e")
	}
	o := once(t)
	img := theImage(t, o)
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	p := &pod{
		t: t, dir: t.TempDir(), args: append(append([]string{}, c.Config.Entrypoint...), c.Config.Cmd...),
		listen: freeAddress(t), admin: freeAddress(t), database: freeAddress(t),
	}
	if c.Config.User != "65532:65532" {
		t.Fatalf("it would run as %s", c.Config.User)
	}
	unpack(t, o, filepath.Join(p.dir, "rootfs"))
	p.config = filepath.Join(p.dir, "configuration")
	text := fmt.Sprintf("flavor: mariadb\nbackends:\n  - {name: db-1, address: '%s'}\nusers:\n  - {name: app, password: secret}\n", p.database)
	if err := errors.Join(os.Mkdir(p.config, 0o755), os.WriteFile(filepath.Join(p.config, "segue.yaml"), []byte(text), 0o600), os.Chown(filepath.Join(p.config, "segue.yaml"), 65532, 65532)); err != nil {
		t.Fatal(err)
	}
	for dir := p.dir; dir != "/" && dir != "."; dir = filepath.Dir(dir) { // what is mounted is reached by a user that is not root
		if err := os.Chmod(dir, 0o755); err != nil || filepath.Dir(dir) == os.TempDir() {
			break
		}
	}
	return p
}

// unpack writes what is in the image.
func unpack(t *testing.T, o options, root string) {
	t.Helper()
	eachFile(t, theImage(t, o), func(h *tar.Header, r io.Reader) {
		at, mode := filepath.Join(root, h.Name), os.FileMode(h.Mode)
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(at, mode); err != nil {
				t.Fatal(err)
			}
			return
		}
		data, err := io.ReadAll(r)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, data, mode)); err != nil {
			t.Fatal(err)
		}
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// process is a container, or what runs beside one.
type process struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	out    output
	exited chan struct{}
	ended  time.Time
}

// output is what a process has written so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// begin runs a command until it ends, at the latest with the test.
func begin(t *testing.T, name string, cmd *exec.Cmd, end func()) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: cmd, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		_ = cmd.Wait()
		p.ended = time.Now()
		close(p.exited)
	}()
	t.Cleanup(func() {
		select {
		case <-p.exited:
		default:
			end()
			<-p.exited
		}
		if t.Failed() {
			t.Logf("%s: exit %d\n%s", name, cmd.ProcessState.ExitCode(), &p.out)
		}
	})
	return p
}

// wait returns its exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("%s has not ended within %s", p.name, patience)
		return -1
	}
}

// eventually asks until it is so.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

// run starts a container of the image: as its user, with the root file system read-only, without a capability. Without args it does what the image says.
func (p *pod) run(env []string, args ...string) (*process, string) {
	p.t.Helper()
	if len(args) == 0 {
		args = p.args
	}
	p.made++
	id := fmt.Sprintf("segue-%d-%d", os.Getpid(), p.made)
	bundle := filepath.Join(p.dir, id)
	mount := func(at, kind, from string, options ...string) map[string]any {
		return map[string]any{"destination": at, "type": kind, "source": from, "options": options}
	}
	config := map[string]any{
		"ociVersion": "1.0.2",
		"process": map[string]any{
			"user": map[string]int{"uid": 65532, "gid": 65532}, "args": args, "cwd": "/", "noNewPrivileges": true, "capabilities": map[string]any{},
			"env": append([]string{"SEGUE_LISTEN=" + p.listen, "SEGUE_ADMIN=" + p.admin}, env...),
		},
		"root":   map[string]any{"path": filepath.Join(p.dir, "rootfs"), "readonly": true},
		"mounts": []any{mount("/proc", "proc", "proc"), mount("/etc/segue", "bind", p.config, "bind", "ro")},
		"linux": map[string]any{
			"namespaces":  []map[string]string{{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}}, // the network is the pod's
			"cgroupsPath": "/" + id,
		},
	}
	if p.secrets != "" {
		config["mounts"] = append(config["mounts"].([]any), mount("/run/secrets/segue", "bind", p.secrets, "bind", "ro"))
	}
	text, err := json.Marshal(config)
	if err := errors.Join(err, os.Mkdir(bundle, 0o755), os.WriteFile(filepath.Join(bundle, "config.json"), text, 0o600)); err != nil {
		p.t.Fatal(err)
	}
	cmd := p.runc("run", "--bundle", bundle, id)
	return begin(p.t, strings.Join(args, " "), cmd, func() { _ = p.runc("kill", id, "KILL").Run() }), id
}

func (p *pod) runc(args ...string) *exec.Cmd {
	return exec.Command("runc", append([]string{"--root", filepath.Join(p.dir, "runc")}, args...)...)
}

// probe is an exec probe: whether a command in a container exits with 0.
func (p *pod) probe(id string, args ...string) (bool, string) {
	out, err := p.runc(append([]string{"exec", id, "/segue"}, args...)...).CombinedOutput()
	return err == nil, string(out)
}

// sidecar starts Segue, and returns when its startup probe has succeeded: only then does a kubelet start what comes behind it.
func (p *pod) sidecar(env ...string) (*process, string) {
	p.t.Helper()
	segue, id := p.run(env)
	eventually(p.t, "the startup probe", func() bool {
		select {
		case <-segue.exited:
			p.t.Fatalf("Segue has ended:\n%s", &segue.out)
		default:
		}
		ok, _ := p.probe(id, "healthcheck")
		return ok
	})
	return segue, id
}

// terminate is what begins the end of a container.
func (p *pod) terminate(id string) {
	p.t.Helper()
	if out, err := p.runc("kill", id, "TERM").CombinedOutput(); err != nil {
		p.t.Fatalf("kill: %v\n%s", err, out)
	}
}

// server starts the database.
func (p *pod) server() *process {
	p.t.Helper()
	data := filepath.Join(p.dir, "data")
	if _, err := os.Stat(data); err != nil {
		out, err := exec.Command("mariadb-install-db", "--no-defaults", "--user=root", "--datadir="+data, "--skip-test-db").CombinedOutput()
		if err != nil {
			p.t.Fatalf("%v\n%s", err, out)
		}
	}
	first := filepath.Join(p.dir, "first.sql")
	if err := os.WriteFile(first, []byte("CREATE USER IF NOT EXISTS app@'%' IDENTIFIED BY 'secret';\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(p.database)
	cmd := exec.Command("mariadbd", "--no-defaults", "--user=root", "--datadir="+data, "--bind-address=127.0.0.1", "--port="+port, "--skip-name-resolve",
		"--socket="+filepath.Join(p.dir, "db.sock"), "--init-file="+first)
	return begin(p.t, "mariadbd", cmd, func() { _ = cmd.Process.Kill() })
}

// application starts it, and returns when it has worked.
func (p *pod) application(env ...string) *process {
	p.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), asApplication+"=app:secret@tcp("+p.listen+")/"), env...)
	a := begin(p.t, "application", cmd, func() { _ = cmd.Process.Kill() })
	eventually(p.t, "a statement of the application", func() bool {
		select {
		case <-a.exited:
			return true
		default:
			return strings.Contains(a.out.String(), "started")
		}
	})
	return a
}

// result is what an application has told at its end.
func (p *process) result() (r result) {
	p.t.Helper()
	p.wait()
	lines := strings.Split(strings.TrimSpace(p.out.String()), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil {
		p.t.Fatalf("%s: %v\n%s", p.name, err, &p.out)
	}
	return r
}

// A native sidecar (an init container with restartPolicy: Always) is started before the application, and gets its SIGTERM when that has ended.
func TestPodNativeSidecar(t *testing.T) {
	p := newPod(t)
	p.server()
	segue, id := p.sidecar()
	if waited, _ := p.run(nil, "/segue", "wait", "--backend", "--timeout", "1m"); waited.wait() != 0 { // an init container behind it
		t.Fatalf("wait: %s", &waited.out)
	}
	app := p.application(keeps + "=1")
	_ = app.cmd.Process.Signal(syscall.SIGTERM)
	if r := app.result(); len(r.Errors) > 0 || r.Asked == 0 {
		t.Errorf("the application: %+v", r)
	}
	asked := time.Now()
	p.terminate(id)
	if code := segue.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	took := segue.ended.Sub(asked)
	if took > 20*time.Second { // it has nobody to wait for: not for drain.timeout, a minute
		t.Errorf("it took %s to end", took)
	}
	t.Logf("ended %s after its SIGTERM", took.Round(time.Millisecond))
}

// A Job ends when its container has: the sidecar does not keep it.
func TestPodJob(t *testing.T) {
	p := newPod(t)
	p.server()
	segue, id := p.sidecar()
	if waited, _ := p.run(nil, "/segue", "wait", "--backend", "--timeout", "1m"); waited.wait() != 0 {
		t.Fatalf("wait: %s", &waited.out)
	}
	job := p.application(statements + "=50")
	if r := job.result(); job.wait() != 0 || r.Statements != 50 || len(r.Errors) > 0 {
		t.Errorf("the job: %+v", r)
	}
	p.terminate(id) // a kubelet does so as soon as the pod's own containers have ended
	if code := segue.wait(); code != 0 {
		t.Errorf("exit %d: the Job would have failed", code)
	}
}

// An ordinary container gets its SIGTERM together with the application's, which goes on to connect.
func TestPodSidecarStopsWithTheApplication(t *testing.T) {
	p := newPod(t)
	p.server()
	for _, test := range []struct {
		name string
		env  []string // of Segue
		app  []string
		well bool
	}{
		{"by default", nil, []string{keeps + "=1"}, false}, // that is why there is a setting
		{"while clients are connected", []string{"SEGUE_SHUTDOWN_WAIT_CLIENTS=1h"}, []string{keeps + "=1"}, true},
		{"while clients come and go", []string{"SEGUE_SHUTDOWN_WAIT_CLIENTS=1h"}, nil, true},
		{"delay", []string{"SEGUE_SHUTDOWN_DELAY=10s"}, nil, true},
	} {
		segue, id := p.sidecar(test.env...)
		app := p.application(test.app...)
		p.terminate(id)
		_ = app.cmd.Process.Signal(syscall.SIGTERM)
		r := app.result()
		if (len(r.Errors) == 0) != test.well || r.Asked == 0 {
			t.Errorf("%s: the application: %+v", test.name, r)
		}
		if code := segue.wait(); code != 0 {
			t.Errorf("%s: exit %d", test.name, code)
		}
		if test.well && segue.ended.Before(app.ended) {
			t.Errorf("%s: Segue ended %s before the application", test.name, app.ended.Sub(segue.ended))
		}
		t.Logf("%s: %d statements, %d connections after SIGTERM, %d errors; Segue ended %s after the application", test.name, r.Statements, r.Asked, len(r.Errors),
			segue.ended.Sub(app.ended).Round(time.Millisecond))
	}
}

// Liveness is the process's, whatever the database does. Readiness waits for the first usable backend, and does not go when that goes.
func TestPodProbes(t *testing.T) {
	p := newPod(t)
	_, id := p.sidecar()
	ask := func(when string, live, ready bool) {
		t.Helper()
		for question, want := range map[string]bool{"live": live, "ready": ready} {
			if got, out := p.probe(id, "healthcheck", question); got != want {
				t.Errorf("%s: %s: %v: %s", when, question, got, out)
			}
		}
	}
	ask("before there is a database", true, false)
	db := p.server()
	eventually(t, "ready", func() bool { ok, _ := p.probe(id, "healthcheck", "ready"); return ok })
	ask("with it", true, true)
	_ = db.cmd.Process.Kill()
	conn, err := net.Dial("tcp", p.listen) // without an account to probe with, a MariaDB that nobody uses is left alone (max_connect_errors); a client that finds it gone has it looked at
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	eventually(t, "the backend is down", func() bool { _, out := p.probe(id, "backends"); return strings.Contains(out, " down ") })
	ask("without it", true, true)
	p.terminate(id)
}
