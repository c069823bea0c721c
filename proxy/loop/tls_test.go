package loop

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

// authority has made a certificate for both sides, and is known to both.
var authority = sync.OnceValue(func() (made struct {
	cert tls.Certificate
	pool *x509.CertPool
},
) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{"test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	made.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	made.pool = x509.NewCertPool()
	made.pool.AddCert(leaf)
	return made
})

// tlsConfig serves both sides, by one version.
func tlsConfig(version uint16) *tls.Config {
	a := authority()
	return &tls.Config{
		MinVersion: version, MaxVersion: version, DynamicRecordSizingDisabled: true,
		Certificates: []tls.Certificate{a.cert}, RootCAs: a.pool, ClientCAs: a.pool, ServerName: "test",
	}
}

// kind is what TLS is tested in: poller, version, role of the loop.
type kind struct {
	o       Options
	version uint16
	client  bool // the loop is
}

func kinds() map[string]kind {
	all := make(map[string]kind)
	for name, o := range pollers() {
		for v, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
			for role, client := range map[string]bool{"server": false, "client": true} {
				all[name+" "+v+" "+role] = kind{o, version, client}
			}
		}
	}
	return all
}

// far is the other end's TLS.
func (k kind) far(nc net.Conn, config *tls.Config) *tls.Conn {
	if k.client {
		return tls.Server(nc, config)
	}
	return tls.Client(nc, config)
}

// secureProbe is a probe that hears of handshakes.
type secureProbe struct {
	*probe
	secured chan error
	state   tls.ConnectionState
}

func newSecureProbe() *secureProbe {
	return &secureProbe{probe: newProbe(), secured: make(chan error, 8)}
}

func (p *secureProbe) Secured(c *Conn, state tls.ConnectionState, err error) {
	p.state = state
	c.Resume()
	p.secured <- err
}

// begin is what a test has TLS begin with.
func (p *secureProbe) begin(l *Loop, k kind, config *tls.Config) error {
	return p.conn.Secure(Secured{Config: config, Client: k.client, Deadline: l.Now() + int64(patience), Done: p})
}

// beginning is a probe that TLS is beginning on, and the other end of its connection.
func beginning(t *testing.T, l *Loop, k kind, network string) (*secureProbe, net.Conn) {
	t.Helper()
	near, far := pair(t, network)
	p := newSecureProbe()
	do(t, l, func() {
		if err := p.conn.Adopt(l, SocketOf(near), p); err != nil {
			t.Error(err)
		}
		p.conn.Pause() // which makes no difference
		if err := p.begin(l, k, tlsConfig(k.version)); err != nil {
			t.Error(err)
		}
	})
	return p, far
}

// secureds is a probe with TLS, and the other end.
func secureds(t *testing.T, l *Loop, k kind, network string) (*secureProbe, *tls.Conn) {
	t.Helper()
	p, nc := beginning(t, l, k, network)
	far := k.far(nc, tlsConfig(k.version))
	if err := far.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, p.secured); err != nil {
		t.Fatal(err)
	}
	return p, far
}

// gather reads from a probe until it has n bytes.
func gather(t *testing.T, p *probe, n int) (b []byte) {
	t.Helper()
	for len(b) < n {
		b = append(b, wait(t, p.read)...)
	}
	return b
}

func TestSecure(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			l := start(t, k.o)
			for _, network := range []string{"tcp", "unix"} {
				p, far := secureds(t, l, k, network)
				if p.state.Version != k.version {
					t.Errorf("version %x", p.state.Version)
				}
				for i := range 10 {
					want := bytes.Repeat([]byte("hello"), 1+i*i*1000)
					go func() { _, _ = far.Write(want) }()
					if b := gather(t, p.probe, len(want)); !bytes.Equal(b, want) {
						t.Fatal("something else")
					}
					do(t, l, func() {
						if n, err := p.conn.Write(want); n+p.conn.Pending() < len(want) || err != nil {
							t.Errorf("%d, %v", n, err)
						}
					})
					got := make([]byte, len(want))
					if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, want) {
						t.Fatalf("something else, %v", err)
					}
				}
				_ = far.CloseWrite()
				if err := wait(t, p.ended); err != io.EOF { //nolint:errorlint // it is never wrapped
					t.Error(err)
				}
				do(t, l, func() {
					if !p.conn.AtEnd() || !p.conn.PeerClosed() {
						t.Error("nobody knows that it is the end")
					}
					if err := p.conn.Finish([]byte("bye")); err != nil {
						t.Error(err)
					}
					if _, err := p.conn.Write([]byte("x")); err == nil {
						t.Error("Write behind the end")
					}
				})
				if b, err := io.ReadAll(far); string(b) != "bye" || err != nil {
					t.Errorf("%q, %v", b, err)
				}
				if b, err := io.ReadAll(far.NetConn()); len(b) > 0 || err != nil { // and the FIN
					t.Errorf("%q, %v", b, err)
				}
				do(t, l, func() { p.conn.Close() })
			}
		})
	}
}
