package e2e

import (
	"bytes"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second

	// unprivileged is the numeric user ("nobody") that servers run as when the tests run as root.
	unprivileged = 65534
)

//go:embed testdata/fixtures.sql
var fixtures string

// server is one mariadbd with data of its own.
type server struct {
	release release
	host    string
	port    int
	socket  string // for the administrator (root without password), so that TCP sees the clients only
	dir     string
	cmd     *exec.Cmd
	exited  chan struct{} // closed when cmd has been waited for
	health  *healthEndpoint
}

func (s *server) address() string { return net.JoinHostPort(s.host, strconv.Itoa(s.port)) }

// startServers starts n servers with the fixtures; they end with the test. extra are lines of their option files.
func startServers(t *testing.T, n int, extra ...string) []*server {
	t.Helper()
	return startReleases(t, debians, n, extra...)
}

// startReleases does so with servers of a release.
func startReleases(t *testing.T, r release, n int, extra ...string) []*server {
	t.Helper()
	servers := make([]*server, n)
	for i := range servers {
		servers[i] = startRelease(t, r, "127.0.0.1", append([]string{"skip-name-resolve"}, extra...)...)
	}
	for i, s := range servers {
		if err := s.fill(t.Context()); err != nil {
			t.Fatalf("fill server %d: %v\n%s", i+1, err, s.log())
		}
	}
	return servers
}

// startServer starts one empty server that listens on host; extra are lines of its option file.
func startServer(t *testing.T, host string, extra ...string) *server {
	t.Helper()
	return startRelease(t, debians, host, extra...)
}

func startRelease(t *testing.T, r release, host string, extra ...string) *server {
	t.Helper()
	dir := serverDir(t)
	s := &server{release: r, host: host, port: freePort(t, host), dir: dir, socket: filepath.Join(dir, "s")}
	if err := s.writeOptions(t, extra); err != nil {
		t.Fatalf("write options: %v", err)
	}
	if err := s.install(t.Context()); err != nil {
		t.Fatalf("install database: %v", err)
	}
	if err := s.start(); err != nil {
		t.Fatalf("start mariadbd: %v", err)
	}
	t.Cleanup(func() { s.stop(t) })
	if err := s.waitReady(t.Context()); err != nil {
		t.Fatalf("wait for mariadbd: %v\n%s", err, s.log())
	}
	s.health = startHealthEndpoint(t)
	return s
}

// serverDir makes a directory that the unprivileged user owns; its path is short, because a socket's may not be long,
// which a t.TempDir named after a subtest would be.
func serverDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "e2e") //nolint:usetesting // see above
	if err != nil {
		t.Fatalf("make server directory: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove server directory: %v", err)
		}
	})
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, unprivileged, unprivileged); err != nil {
			t.Fatalf("hand over server directory: %v", err)
		}
	}
	return dir
}

// freePort finds a port below the ephemeral range, so that no outgoing connection of another test takes it first.
func freePort(t *testing.T, host string) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(10000)
		ln, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			continue
		}
		_ = ln.Close()
		return port
	}
	t.Fatalf("find free port on %s: none of 100 tried is free", host)
	return 0
}

func (s *server) data() string    { return filepath.Join(s.dir, "data") }
func (s *server) options() string { return filepath.Join(s.dir, "my.cnf") }
func (s *server) logFile() string { return filepath.Join(s.dir, "log") }

func (s *server) log() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// writeOptions writes the option file: what the checks need, and little memory and no durability.
func (s *server) writeOptions(t *testing.T, extra []string) error {
	t.Helper()
	plugins := filepath.Join(s.dir, "plugin")
	if err := os.CopyFS(plugins, os.DirFS(filepath.Join(cacheDir(t), "plugin"))); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "[mariadbd]\ndatadir=%s\nsocket=%s\npid-file=%s\ntmpdir=%s\nbind-address=%s\nport=%d\nplugin-dir=%s\n",
		s.data(), s.socket, filepath.Join(s.dir, "pid"), s.dir, s.host, s.port, plugins)
	b.WriteString(`plugin-load-add=auth_ed25519
skip-ssl
local-infile=1
max-allowed-packet=64M
max-connections=200
default-time-zone=+00:00
character-set-server=utf8mb4
innodb-buffer-pool-size=64M
innodb-log-file-size=32M
innodb-flush-log-at-trx-commit=0
innodb-doublewrite=0
innodb-fast-shutdown=2
performance-schema=0
`)
	for _, line := range extra {
		b.WriteString(line + "\n")
	}
	return os.WriteFile(s.options(), b.Bytes(), 0o644)
}

// install makes the system tables, in a tmpdir of its own since a server that starts removes what others have there; --force, since a host whose name does not resolve is none of its business.
func (s *server) install(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	args := append([]string{"--no-defaults"}, s.release.place()...)
	cmd := exec.CommandContext(ctx, s.release.installer(), append(args, "--datadir="+s.data(),
		"--tmpdir="+s.dir, "--auth-root-authentication-method=normal", "--skip-test-db", "--force", "--innodb-log-file-size=32M")...)
	cmd.SysProcAttr = serverProcess()
	cmd.Cancel = func() error { return killGroup(cmd) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
	}
	return nil
}

func (s *server) start() error {
	logFile, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = logFile.Close() }()
	s.cmd = exec.Command(s.release.daemon(), append([]string{"--defaults-file=" + s.options()}, s.release.place()...)...)
	s.cmd.Stdout, s.cmd.Stderr = logFile, logFile
	s.cmd.SysProcAttr = serverProcess()
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.exited = make(chan struct{})
	go s.wait(s.cmd, s.exited)
	return nil
}

// wait reaps the server; stop waits for it.
func (*server) wait(cmd *exec.Cmd, exited chan<- struct{}) {
	_ = cmd.Wait() // how a server ends is of no interest: tests kill it too
	close(exited)
}

// waitReady returns when the server answers a query.
func (s *server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	db, err := s.open("mysql")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return errors.New("it exited")
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// open returns the administrator's way in.
func (s *server) open(database string) (*sql.DB, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.DBName = "unix", s.socket, "root", database
	config.MultiStatements = true
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// exec runs statements as the administrator.
func (s *server) exec(ctx context.Context, statements string) error {
	db, err := s.open("mysql")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, statements)
	return err
}

func (s *server) fill(ctx context.Context) error { return s.exec(ctx, fixtures) }

// restart ends the server and starts it again.
func (s *server) restart(t *testing.T) {
	t.Helper()
	s.stop(t)
	if err := s.start(); err != nil {
		t.Fatalf("start mariadbd again: %v", err)
	}
	if err := s.waitReady(t.Context()); err != nil {
		t.Fatalf("wait for mariadbd: %v\n%s", err, s.log())
	}
}

// stop ends the server and waits until it has ended.
func (s *server) stop(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(stopTimeout):
		t.Errorf("mariadbd %s did not stop within %s; killed", s.address(), stopTimeout)
		_ = killGroup(s.cmd)
		<-s.exited
	}
}

// serverProcess puts a process into a group of its own, has the kernel kill it when the tests die, and takes root's
// rights away, which mariadbd refuses to run with.
func serverProcess() *syscall.SysProcAttr {
	attr := clientProcess()
	if os.Geteuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: unprivileged, Gid: unprivileged}
	}
	return attr
}

func clientProcess() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// program finds a server's program, which a plain user's PATH may not contain.
func program(name string) string {
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return name
}

// cacheDir is where setup.sh put what it installed.
func cacheDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SEGUE_CACHE")
	if dir == "" {
		dir = filepath.Join("..", "..", ".cache")
	}
	dir, err := filepath.Abs(filepath.Join(dir, "e2e"))
	if err != nil {
		t.Fatalf("find cache: %v", err)
	}
	for _, part := range []string{"plugin", "corpus", "venv", "node", "jars", "next", "pymysql", "linters", "jobs"} {
		if _, err := os.Stat(filepath.Join(dir, part+".stamp")); err != nil {
			t.Fatalf("find clients: %v; run proxy/e2e/setup.sh (make test does)", err)
		}
	}
	return dir
}
