// Package securetest makes certificates for tests: an authority, one between, and what servers and clients show, right and wrong.
package securetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"segue/backend/secure"
)

// Authority signs certificates.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	root *Authority // nil: it is the root itself
	last int64      // serial number
}

// New makes an authority that has signed itself.
func New(tb testing.TB, name string) *Authority {
	tb.Helper()
	a := &Authority{}
	a.cert, a.key = sign(tb, authority(name), nil, false)
	return a
}

// Intermediate makes one whose certificate a has signed.
func (a *Authority) Intermediate(tb testing.TB, name string) *Authority {
	tb.Helper()
	b := &Authority{root: a.top()}
	b.cert, b.key = sign(tb, authority(name), a, false)
	return b
}

func (a *Authority) top() *Authority {
	if a.root != nil {
		return a.root
	}
	return a
}

// PEM is the root's certificate: what ca_file holds.
func (a *Authority) PEM() []byte { return certPEM(a.top().cert.Raw) }

// Leaf says what a certificate is to be. The zero value is one without a name, that is good for a day, for servers and for clients.
type Leaf struct {
	CommonName string
	Names      []string // host names and IP addresses
	Expired    bool     // an hour ago
	Future     bool     // valid in an hour
	Alone      bool     // without what is between it and the root
	RSA        bool     // its key is RSA, of 2048 bits, in place of ECDSA
}

// Pair is a certificate, with what leads to its root, and its key: PEM.
type Pair struct{ Cert, Key []byte }

// Issue signs a certificate.
func (a *Authority) Issue(tb testing.TB, l Leaf) Pair {
	tb.Helper()
	t := template(l.CommonName)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, name := range l.Names {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
			continue
		}
		t.DNSNames = append(t.DNSNames, name)
	}
	switch {
	case l.Expired:
		t.NotAfter = time.Now().Add(-time.Hour)
	case l.Future:
		t.NotBefore = time.Now().Add(time.Hour)
	}
	cert, key := sign(tb, t, a, l.RSA)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatalf("make key: %v", err)
	}
	p := Pair{Cert: certPEM(cert.Raw), Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}
	if a.root != nil && !l.Alone {
		p.Cert = append(p.Cert, certPEM(a.cert.Raw)...)
	}
	return p
}

// TLS is the pair as crypto/tls has it.
func (p Pair) TLS(tb testing.TB) tls.Certificate {
	tb.Helper()
	c, err := tls.X509KeyPair(p.Cert, p.Key)
	if err != nil {
		tb.Fatalf("read certificate: %v", err)
	}
	return c
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
}

func authority(name string) *x509.Certificate {
	t := template(name)
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	return t
}

// sign makes a key and a certificate for it; by nil it signs itself.
func sign(tb testing.TB, t *x509.Certificate, by *Authority, byRSA bool) (*x509.Certificate, crypto.Signer) {
	tb.Helper()
	key, err := newKey(byRSA)
	if err != nil {
		tb.Fatalf("make key: %v", err)
	}
	t.SerialNumber = big.NewInt(1)
	parent, signer := t, key
	if by != nil {
		by.last++
		t.SerialNumber = big.NewInt(by.last + 1)
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	if err != nil {
		tb.Fatalf("sign certificate: %v", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatalf("read certificate: %v", err)
	}
	return cert, key
}

func newKey(byRSA bool) (crypto.Signer, error) {
	if byRSA {
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// Policy makes one that cannot be refused.
func Policy(tb testing.TB, mode secure.Mode, m secure.Material) *secure.Policy {
	tb.Helper()
	p, err := secure.New(mode, m)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}
