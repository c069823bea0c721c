// Package kubetest runs a real kube-apiserver on a real etcd for tests, and plays what stands behind it: StatefulSet controller, kubelet, the StarRocks operator.
//
// The programs are built and unpacked by ../apiserver/build.sh (make kube runs it). Tests that need them are named TestKube….
package kubetest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"segue/backend/secure/securetest"
)

const (
	admin        = "admin-of-the-test"
	startTimeout = 90 * time.Second
)

// Server is an API server with RBAC, its etcd, and an account that may do anything.
type Server struct {
	// URL is where it listens, CA the file of the authority of its certificate.
	URL, CA string

	t         *testing.T // with which the programs end
	dir       string
	etcd, api *program
	client    *http.Client
	places    atomic.Int32 // namespaces that were made
}

// Start starts both programs, which end with the test.
func Start(t *testing.T) *Server {
	t.Helper()
	cache := cacheDir(t)
	s := &Server{t: t, dir: t.TempDir()}
	store, peers, port := freePort(t), freePort(t), freePort(t)
	s.URL = "https://127.0.0.1:" + port
	s.certify(t)
	storeURL := "http://127.0.0.1:" + store
	s.etcd = &program{path: filepath.Join(cache, "etcd"), log: filepath.Join(s.dir, "etcd.log"), args: []string{
		"--data-dir=" + filepath.Join(s.dir, "etcd"), "--listen-client-urls=" + storeURL, "--advertise-client-urls=" + storeURL,
		"--listen-peer-urls=http://127.0.0.1:" + peers, "--initial-advertise-peer-urls=http://127.0.0.1:" + peers,
		"--initial-cluster=default=http://127.0.0.1:" + peers, "--logger=zap", "--unsafe-no-fsync",
	}}
	s.api = &program{path: filepath.Join(cache, "kube-apiserver"), log: filepath.Join(s.dir, "kube-apiserver.log"), args: []string{
		"--etcd-servers=" + storeURL, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + port,
		"--tls-cert-file=" + s.file("server.crt"), "--tls-private-key-file=" + s.file("server.key"), "--cert-dir=" + s.dir,
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + s.file("accounts.key"),
		"--service-account-signing-key-file=" + s.file("accounts.key"), "--token-auth-file=" + s.file("tokens.csv"),
		"--authorization-mode=RBAC", "--service-cluster-ip-range=10.96.0.0/24",
		"--disable-admission-plugins=ServiceAccount", // pods of the test's need none
	}}
	s.etcd.start(s.t)
	s.Restart(t)
	return s
}

// Restart ends the API server, as a crash does, if it runs, and starts it; the store lives on.
func (s *Server) Restart(t *testing.T) {
	t.Helper()
	s.api.kill()
	s.api.start(s.t)
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	for {
		if code, _, err := s.ask(ctx, http.MethodGet, "/readyz", "", nil); err == nil && code == http.StatusOK {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("wait for kube-apiserver: %v\n%s\n%s", ctx.Err(), s.etcd.tail(), s.api.tail())
		case <-s.api.ended:
			t.Fatalf("kube-apiserver has ended\n%s\n%s", s.etcd.tail(), s.api.tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *Server) file(name string) string { return filepath.Join(s.dir, name) }

// certify writes the server's certificate and its authority, the key that signs accounts' tokens, and the test's own token.
func (s *Server) certify(t *testing.T) {
	t.Helper()
	authority := securetest.New(t, "kubetest")
	pair := authority.Issue(t, securetest.Leaf{Names: []string{"127.0.0.1"}})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s.CA = s.file("ca.crt")
	for name, text := range map[string][]byte{
		"ca.crt": authority.PEM(), "server.crt": pair.Cert, "server.key": pair.Key,
		"accounts.key": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}),
		"tokens.csv":   []byte(admin + ",admin,admin,system:masters\n"),
	} {
		if err := os.WriteFile(s.file(name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority.PEM())
	s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 4}}
	t.Cleanup(s.client.CloseIdleConnections)
}

// ask sends a request of the admin's.
func (s *Server) ask(ctx context.Context, method, path, contentType string, body any) (code int, answer []byte, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.URL+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+admin)
	req.Header.Set("Content-Type", contentType)
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// program is a process of the test's.
type program struct {
	path, log string
	args      []string
	cmd       *exec.Cmd
	ended     chan struct{}
}

func (p *program) start(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.ended = make(chan struct{})
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.path, err)
	}
	go p.wait(p.cmd, p.ended)
	t.Cleanup(p.kill)
}

func (*program) wait(cmd *exec.Cmd, ended chan struct{}) {
	_ = cmd.Wait() // killed
	close(ended)
}

func (p *program) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill() // or it has ended
	<-p.ended
}

func (p *program) tail() string {
	text, _ := os.ReadFile(p.log)
	lines := strings.Split(string(text), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// cacheDir is where build.sh puts the programs: $SEGUE_CACHE, or .cache in the repository's root, which this file is four folders below.
func cacheDir(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("SEGUE_CACHE")
	if cache == "" {
		_, file, _, _ := runtime.Caller(0)
		cache = filepath.Join(filepath.Dir(file), "..", "..", "..", "..", ".cache")
	}
	cache = filepath.Join(cache, "kube")
	for _, name := range []string{"kube-apiserver.stamp", "kube-apiserver", "etcd"} {
		if _, err := os.Stat(filepath.Join(cache, name)); err != nil {
			t.Fatalf("find kube-apiserver and etcd: %v; run backend/discover/kube/apiserver/build.sh (make kube does; 4 to 10 minutes the first time)", err)
		}
	}
	return cache
}

// must fails the test on what an own request of the test's is refused for.
func must(t *testing.T, method, path string, code int, answer []byte, err error) {
	t.Helper()
	if err != nil || code/100 != 2 {
		t.Fatalf("%s %s: %d %s %v", method, path, code, answer, err)
	}
}

// Namespace makes a namespace, and gives its name.
func (s *Server) Namespace(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("test-%d", s.places.Add(1))
	s.Post(t, "/api/v1/namespaces", map[string]any{"metadata": map[string]any{"name": name}})
	return name
}
