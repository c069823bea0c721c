package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"segue/backend"
	"segue/backend/secure/securetest"
)

// mounted is a directory as Kubernetes mounts a secret: files are links through ..data, which is replaced in one go.
type mounted struct {
	dir string
	n   int
}

// put has it hold other files.
func (m *mounted) put(t *testing.T, files map[string][]byte) {
	t.Helper()
	m.n++
	version := fmt.Sprintf("..version-%d", m.n)
	try := func(err error) {
		if err != nil {
			t.Fatalf("mount: %v", err)
		}
	}
	try(os.Mkdir(filepath.Join(m.dir, version), 0o700))
	for name, data := range files {
		try(os.WriteFile(filepath.Join(m.dir, version, name), data, 0o600))
		if m.n == 1 {
			try(os.Symlink(filepath.Join("..data", name), filepath.Join(m.dir, name)))
		}
	}
	old, _ := os.Readlink(filepath.Join(m.dir, "..data"))
	try(os.Symlink(version, filepath.Join(m.dir, "..tmp")))
	try(os.Rename(filepath.Join(m.dir, "..tmp"), filepath.Join(m.dir, "..data")))
	if old != "" {
		try(os.RemoveAll(filepath.Join(m.dir, old)))
	}
}

// serial is that of the certificate that Segue shows now.
func serial(t *testing.T, p *segueProgram, a *authority) string {
	t.Helper()
	c, err := ask(t.Context(), p.address)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer func() { _ = c.Close() }()
	_, _ = c.Write(request())
	inside := tlsOver(c.Conn, a)
	if err := inside.HandshakeContext(t.Context()); err != nil {
		t.Fatalf("shake hands: %v", err)
	}
	return inside.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

func serialOf(t *testing.T, pair securetest.Pair) string {
	t.Helper()
	c := pair.TLS(t)
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatalf("read certificate: %v", err)
	}
	return leaf.SerialNumber.String()
}

// comers connect, ask and leave, over and over, or keep their connections and ask; each error is counted.
type comers struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	done    atomic.Int64
	failed  atomic.Int64
}

func startComers(t *testing.T, p *segueProgram, config *tls.Config) *comers {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &comers{cancel: cancel}
	for i := range 6 {
		driver := p.driver("nat", pluggedPassword)
		driver.TLS = config.Clone()
		if i%2 == 0 {
			driver.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(4)
		}
		c.running.Go(func() {
			for ctx.Err() == nil {
				if err := connectOnce(context.WithoutCancel(ctx), driver); err != nil {
					c.failed.Add(1)
					t.Errorf("client %d: %v", i, err)
				}
				c.done.Add(1)
			}
		})
	}
	for i := range 4 {
		driver := p.driver("nat", pluggedPassword)
		driver.TLS = config
		k := keep(t, driver)
		c.running.Go(func() {
			for ctx.Err() == nil {
				var n int
				if err := k.QueryRowContext(context.WithoutCancel(ctx), "SELECT 1").Scan(&n); err != nil {
					c.failed.Add(1)
					t.Errorf("client %d that stays: %v", i, err)
					return
				}
				c.done.Add(1)
			}
		})
	}
	t.Cleanup(c.stop)
	return c
}

func (c *comers) stop() {
	c.cancel()
	c.running.Wait()
}

// more waits until so much more has been answered.
func (c *comers) more(t *testing.T, n int64) {
	t.Helper()
	from := c.done.Load()
	waitFor(t, "clients to go on", func() bool { return c.done.Load() >= from+n })
}

// TestMoveTLSRotate: certificates are replaced while clients come and stay: file by file and as Kubernetes does; a pair that does not go together changes nothing.
func TestMoveTLSRotate(t *testing.T) {
	const times = 10
	a := newAuthority(t)
	s := pluggedMariaDB(t, a)
	leaf := securetest.Leaf{Names: []string{segueName}}
	for _, links := range []bool{false, true} {
		t.Run(fmt.Sprintf("by links %t", links), func(t *testing.T) {
			m := &mounted{dir: t.TempDir()}
			put := func(cert, key []byte) {
				if links {
					m.put(t, map[string][]byte{"cert.pem": cert, "key.pem": key})
					return
				}
				shown(m.dir).put(t, "cert", cert)
				shown(m.dir).put(t, "key", key)
			}
			pair := a.between.Issue(t, leaf)
			put(pair.Cert, pair.Key)
			p := startProgram(t, backend.MySQL, s.specs(), users(s.accounts, true),
				fmt.Sprintf("tls: {mode: required, cert_file: %q, key_file: %q}", filepath.Join(m.dir, "cert.pem"), filepath.Join(m.dir, "key.pem")))
			p.erring = true
			clients := startComers(t, p, a.client(segueName))
			for i := range times {
				clients.more(t, 20)
				if i%3 == 1 { // a pair that is none
					others := a.between.Issue(t, leaf)
					put(others.Cert, a.between.Issue(t, leaf).Key)
					waitFor(t, "the pair to be refused", func() bool { return refuses(t, p) })
					clients.more(t, 20)
					if got := serial(t, p, a); got != serialOf(t, pair) {
						t.Errorf("behind a bad pair it shows %s", got)
					}
				}
				pair = a.between.Issue(t, securetest.Leaf{Names: []string{segueName}, RSA: i%4 == 3})
				put(pair.Cert, pair.Key)
				want := serialOf(t, pair)
				waitFor(t, "the new certificate to be shown", func() bool { return serial(t, p, a) == want })
			}
			clients.more(t, 20)
			clients.stop()
			t.Logf("%d certificates, %d connections and statements, %d errors", times, clients.done.Load(), clients.failed.Load())
		})
	}
}

// refuses reports whether the files as they are now have been refused.
func refuses(t *testing.T, p *segueProgram) bool {
	t.Helper()
	return strings.Contains(string(p.get(t, "/metrics")), "segue_config_last_reload_successful 0")
}

// TestMoveTLSRotateAuthority: the servers' authority is replaced: by a bundle of the old and the new one, then servers show new certificates, then the old one goes.
func TestMoveTLSRotateAuthority(t *testing.T) {
	old, next := newAuthority(t), newAuthority(t)
	on := old.secure(t)
	s := pluggedMariaDB(t, old)
	believed := shown(t.TempDir())
	believed.put(t, "ca", old.root.PEM())
	p := startProgram(t, backend.MySQL, s.specs(), users(s.accounts, true), on.offers("required"), fmt.Sprintf("backend_tls: {mode: verify-identity, ca_file: %q}", believed.file("ca")))
	clients := startComers(t, p, old.client(segueName))
	loads := func() float64 {
		return addSeries(string(p.get(t, "/metrics")), "segue_config_last_reload_success_timestamp_seconds")
	}
	believe := func(ca []byte) {
		before := loads()
		believed.put(t, "ca", ca)
		waitFor(t, "the authority to be believed", func() bool { return loads() > before })
		clients.more(t, 50)
	}
	clients.more(t, 50)
	believe(append(append([]byte(nil), old.root.PEM()...), next.root.PEM()...))
	s.shows.write(t, old.root.PEM(), next.between.Issue(t, pluggedLeaf()))
	s.showAnew(t)
	clients.more(t, 50)
	believe(next.root.PEM())
	clients.stop()
	t.Logf("%d connections and statements, %d errors", clients.done.Load(), clients.failed.Load())
}
