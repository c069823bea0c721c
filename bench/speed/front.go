package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"golang.org/x/sys/unix"
)

// front is what stands between clients and servers: a process, or nothing.
type front struct {
	name  string
	at    netip.AddrPort // where clients connect
	path  string         // … by a UNIX socket in its place; empty: they do not
	admin netip.AddrPort // Segue's API
	cmd   *exec.Cmd      // nil: nothing
	said  string         // the file of what it says
}

// to is where clients connect.
func (f *front) to() target { return target{f.at, f.path} }

// kind is one way to run a front.
type kind struct {
	name   string
	config string // a template; {{.At}}, {{.Socket}}, {{.Admin}}, {{.Backends}}, {{.Threads}}
	run    func(config string) []string
	env    []string
	thread int
	unix   bool // clients and servers are connected by UNIX sockets
	port   int  // where clients connect; the admin API is on the next one
}

// proxied are the kinds of front; the first is what the others are compared with. other is another build of Segue, if there is one to be
// compared.
func proxied(segue, other string) []kind {
	haproxy := func(config string) []string { return []string{"haproxy", "-db", "-f", config} }
	serve := func(program string) func(config string) []string {
		return func(config string) []string {
			return []string{program, "serve", "--config", config, "--log-level", "error"}
		}
	}
	kinds := []kind{
		{name: "haproxy", config: haproxyConfig, run: haproxy, thread: 1},
		{name: "haproxy-2", config: haproxyConfig, run: haproxy, thread: 2},
		{name: "haproxy-again", config: haproxyConfig, run: haproxy, thread: 1}, // what two of the same differ by
		{name: "haproxy-large", config: strings.Replace(haproxyConfig, "global\n", "global\n\ttune.bufsize 262144\n", 1), run: haproxy, thread: 1},
		{name: "segue", config: segueConfig, run: serve(segue), env: []string{"GOMAXPROCS=1"}, thread: 1},
		{name: "segue-2", config: segueConfig, run: serve(segue), env: []string{"GOMAXPROCS=2"}, thread: 2},
		{name: "segue-default", config: segueConfig, run: serve(segue)},
		{name: "haproxy-unix", config: overUnix(haproxyConfig), run: haproxy, thread: 1, unix: true},
		{name: "segue-unix", config: overUnix(segueConfig), run: serve(segue), env: []string{"GOMAXPROCS=1"}, thread: 1, unix: true},
		{name: "other", config: segueConfig, run: serve(other), env: []string{"GOMAXPROCS=1"}, thread: 1},
	}
	for i := range kinds {
		kinds[i].port = frontPort + 2*i
	}
	return kinds
}

// segue reports whether it has Segue's API.
func (k *kind) segue() bool { return k.config == segueConfig || k.config == overUnix(segueConfig) }

// overUnix is a configuration with UNIX sockets on both sides.
func overUnix(config string) string {
	return strings.NewReplacer(
		"bind {{.At}}", "bind unix@{{.Socket}}", "{{.Name}} {{.Address}} port", "{{.Name}} unix@{{.Socket}} addr {{.Health.Addr}} port",
		"listen: {{.At}}", `listen: "unix:{{.Socket}}"`, `address: "{{.Address}}"`, `address: "unix:{{.Socket}}"`,
	).Replace(config)
}

// socketPath is the UNIX socket that stands for a port.
func socketPath(dir string, port int) string { return filepath.Join(dir, fmt.Sprintf("%d.sock", port)) }

// haproxyConfig is mode tcp with default options, as performance comparisons use it, and the health checks that an operator would set.
const haproxyConfig = `global
	nbthread {{.Threads}}
	maxconn 9850
defaults
	mode tcp
	timeout connect 5s
	timeout client 1h
	timeout server 1h
	option httpchk GET /api/health
	default-server check inter 500ms fall 1 rise 2
listen mysql
	bind {{.At}} backlog 4096
	balance leastconn
{{range .Backends}}	server {{.Name}} {{.Address}} port {{.Health.Port}}
{{end}}`

// segueConfig has Segue's defaults, and a user, without whom no session could move.
const segueConfig = `listen: {{.At}}
admin: {{.Admin}}
flavor: mysql
limits: {sessions: 20000}
users:
  - {name: bench, password: bench}
backends:
{{range .Backends}}  - {name: {{.Name}}, address: "{{.Address}}", health: "http://{{.Health}}/api/health"}
{{end}}`

// address is a server, for a configuration.
type address struct {
	Name            string
	Address, Health netip.AddrPort
	Socket          string // the UNIX socket of the first; empty: it has none
}

// start starts a front, and returns when it takes connections. Whoever starts it stops it.
func (k *kind) start(ctx context.Context, dir string, backends []address) (*front, error) {
	text := &strings.Builder{}
	if err := template.Must(template.New(k.name).Parse(k.config)).Execute(text, map[string]any{
		"At": at(k.port), "Socket": socketPath(dir, k.port), "Admin": at(k.port + 1), "Backends": backends, "Threads": k.thread,
	}); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, k.name+".conf")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		return nil, err
	}
	f := &front{name: k.name, at: at(k.port), admin: at(k.port + 1), said: filepath.Join(dir, k.name+".log")}
	if k.unix {
		f.path = socketPath(dir, k.port)
	}
	log, err := os.Create(f.said)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	argv := k.run(path)
	f.cmd = exec.CommandContext(ctx, argv[0], argv[1:]...)
	f.cmd.Cancel = func() error { return f.cmd.Process.Signal(syscall.SIGKILL) }
	f.cmd.Env = append(os.Environ(), k.env...)
	f.cmd.Stdout, f.cmd.Stderr = log, log
	if err := f.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", k.name, err)
	}
	if err := f.ready(ctx); err != nil {
		f.stop()
		return nil, fmt.Errorf("start %s: %w; its words are in %s", k.name, err, f.said)
	}
	return f, nil
}

// ready waits until a client can log in.
func (f *front) ready(ctx context.Context) error {
	var err error
	for range 100 {
		var c *client
		if c, err = login(f.to()); err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return err
}

// stop ends it.
func (f *front) stop() {
	if f.cmd == nil {
		return
	}
	_ = f.cmd.Process.Kill()
	_ = f.cmd.Wait() // it was killed
}

// cpu is the processor time that it has used, user and system, to the nanosecond: the process's CPU clock, see clock_getcpuclockid(3).
func (f *front) cpu() (time.Duration, error) {
	if f.cmd == nil {
		return 0, nil
	}
	const process = 2 // CPUCLOCK_SCHED
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^f.cmd.Process.Pid<<3|process), &ts); err != nil {
		return 0, fmt.Errorf("CPU clock of %s: %w", f.name, err)
	}
	return time.Duration(ts.Nano()), nil
}

// memory is what it holds for itself, in bytes: RssAnon of proc_pid_status(5). The kernel's socket buffers come on top, the same for all.
func (f *front) memory() (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, errors.New("no RssAnon in /proc/PID/status")
}
