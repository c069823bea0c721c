package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// tidbStopTimeout is above graceful-wait-before-shutdown, the 15 s that a TiDB then drains for, and the 3 s that it needs.
const tidbStopTimeout = 40 * time.Second

// tidbServer is one tidb-server with an embedded store of its own.
type tidbServer struct {
	program      string
	port, status int
	dir          string
	cmd          *exec.Cmd
	exited       chan struct{} // closed when cmd has been waited for
}

func (s *tidbServer) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

func (s *tidbServer) healthURL() string { return fmt.Sprintf("http://127.0.0.1:%d/status", s.status) }

// newTiDB makes a server that waits so long between its first 500 and closing its port; certs holds what signs session tokens,
// the same for all servers; security are further lines of that section, and of others behind it. It is started, and ends with the test.
func newTiDB(t *testing.T, certs string, wait time.Duration, security ...string) *tidbServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "e2e") //nolint:usetesting // a socket's path may not be long
	if err != nil {
		t.Fatalf("make server directory: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &tidbServer{program: tidbProgram(t), port: freePort(t, "127.0.0.1"), status: freePort(t, "127.0.0.1"), dir: dir}
	if err := s.writeOptions(certs, wait, security); err != nil {
		t.Fatalf("write options: %v", err)
	}
	if err := s.start(); err != nil {
		t.Fatalf("start tidb-server: %v", err)
	}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("%s logged, at the end:\n%s", s.address(), tail(s.log(), 3))
		}
	})
	return s
}

func (s *tidbServer) options() string { return filepath.Join(s.dir, "tidb.toml") }

func (s *tidbServer) log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// writeOptions writes the option file. Tables share a region, so that a transaction commits in one phase: the embedded store keeps the
// locks of the first of two in memory only, and a server that is killed between them tears the transaction.
func (s *tidbServer) writeOptions(certs string, wait time.Duration, security []string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, `host = "127.0.0.1"
port = %d
store = "unistore"
path = %q
socket = %q
temp-dir = %q
tmp-storage-path = %q
graceful-wait-before-shutdown = %d
split-table = false
[status]
status-host = "127.0.0.1"
status-port = %d
[log]
level = "error"
[security]
session-token-signing-cert = %q
session-token-signing-key = %q
`, s.port, filepath.Join(s.dir, "data"), filepath.Join(s.dir, "s"), filepath.Join(s.dir, "tmp"), filepath.Join(s.dir, "tmp"),
		int(wait/time.Second), s.status, filepath.Join(certs, "cert.pem"), filepath.Join(certs, "key.pem"))
	for _, line := range security {
		b.WriteString(line + "\n")
	}
	return os.WriteFile(s.options(), b.Bytes(), 0o600)
}

// start starts the process; waitReady waits for it.
func (s *tidbServer) start() error {
	logFile, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = logFile.Close() }()
	s.cmd = exec.Command(s.program, "--config", s.options())
	s.cmd.Env = append(os.Environ(), "GOMEMLIMIT=1500MiB")
	s.cmd.Dir = s.dir // its slow log goes where it stands
	s.cmd.Stdout, s.cmd.Stderr = logFile, logFile
	s.cmd.SysProcAttr = clientProcess()
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.exited = make(chan struct{})
	go reap(s.cmd, s.exited)
	return nil
}

// reap waits for a process; how it ends is of no interest, since tests kill it too.
func reap(cmd *exec.Cmd, exited chan<- struct{}) {
	_ = cmd.Wait()
	close(exited)
}

// tidbProgram is what tidb/build.sh has built.
func tidbProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(cacheDir(t), "tidb", "tidb-server")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("find tidb-server: %v; run proxy/e2e/tidb/build.sh (make e2e does)", err)
	}
	return path
}

// waitReady returns when the server says 200 and greets.
func (s *tidbServer) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*startTimeout) // its first start makes the system tables
	defer cancel()
	for {
		err := s.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return errors.New("it exited")
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *tidbServer) ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.healthURL(), http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	db, err := openDB(s.address(), "root", "")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return db.PingContext(ctx)
}

// restart is what an operator does: SIGTERM, wait for the end, start.
func (s *tidbServer) restart(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(tidbStopTimeout):
		t.Fatalf("tidb-server %s did not stop within %s", s.address(), tidbStopTimeout)
	}
	if err := s.start(); err != nil {
		t.Fatalf("start tidb-server again: %v", err)
	}
	if err := s.waitReady(t.Context()); err != nil {
		t.Fatalf("wait for tidb-server: %v\n%s", err, tail(s.log(), 20))
	}
}

func (s *tidbServer) kill() {
	_ = killGroup(s.cmd)
	<-s.exited
}

// writeSigningCerts writes the certificate and key by which servers know each other's session tokens.
func writeSigningCerts(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatalf("make key: %v", err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatalf("make certificate: %v", err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert},
		"key.pem":  {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatalf("write %s: %v", name, err)
		}
	}
	return dir
}
