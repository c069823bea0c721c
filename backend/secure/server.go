package secure

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"slices"
	"strings"
	"time"
)

// ServerOptions say what Segue shows to those who connect to it by TLS, and what it asks of them.
type ServerOptions struct {
	// Certificate and Key are PEM: the certificate with those between it and its authority, and its private key. The key may be in Certificate.
	Certificate, Key []byte
	// ClientCA are the certificates, as PEM, of the authorities whose word on clients is taken; empty: clients are asked for no certificate.
	ClientCA []byte
	// MinVersion is the oldest version of TLS that is spoken; 0: TLS 1.2.
	MinVersion uint16
}

// Same reports whether both make the same server.
func (o ServerOptions) Same(p ServerOptions) bool {
	return bytes.Equal(o.Certificate, p.Certificate) && bytes.Equal(o.Key, p.Key) && bytes.Equal(o.ClientCA, p.ClientCA) && o.MinVersion == p.MinVersion
}

// Format implements [fmt.Formatter]: no verb shows a key.
func (o ServerOptions) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("TLS")) }

// LogValue implements [slog.LogValuer].
func (o ServerOptions) LogValue() slog.Value { return slog.StringValue("TLS") }

// Server is what Segue shows of itself to those who connect by TLS. It is not changed once it has been made.
type Server struct {
	config      *tls.Config
	leaf        *x509.Certificate
	fingerprint [sha256.Size]byte
}

// suites are those of TLS 1.2 that are neither weak nor without forward secrecy: those that RFC 9325 (4.2) recommends, with ChaCha20.
func suites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// NewServer makes a server of o. The keys by which its clients' sessions are resumed are its own, and change every day.
func NewServer(o ServerOptions) (*Server, error) {
	key := o.Key
	if len(key) == 0 {
		key = o.Certificate
	}
	pair, err := tls.X509KeyPair(o.Certificate, key)
	if err != nil {
		return nil, pairError(err, key)
	}
	s := &Server{leaf: pair.Leaf, fingerprint: sha256.Sum256(pair.Leaf.Raw)}
	s.config = &tls.Config{
		Certificates: []tls.Certificate{pair}, MinVersion: max(o.MinVersion, tls.VersionTLS12), CipherSuites: suites(),
		DynamicRecordSizingDisabled: true,
	}
	if len(o.ClientCA) > 0 {
		if s.config.ClientCAs, err = Roots(o.ClientCA); err != nil {
			return nil, err
		}
		s.config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return s, nil
}

// pairError tells what is wrong with a certificate and its key, without a word of the key.
func pairError(err error, key []byte) error {
	text := strings.TrimPrefix(err.Error(), "tls: ")
	switch {
	case bytes.Contains(key, []byte("ENCRYPTED")):
		return errors.New("the private key is encrypted: Segue has nobody to ask for its password")
	case strings.Contains(text, "private key does not match"):
		return errors.New("the private key is not that of the certificate")
	case strings.Contains(text, "find any PEM data in certificate input"), strings.Contains(text, "find certificate PEM data"),
		strings.Contains(text, "failed to find \"CERTIFICATE\""):
		return errors.New("there is no certificate as PEM in it")
	case strings.Contains(text, "key input"), strings.Contains(text, "PRIVATE KEY"), strings.Contains(text, "rather than a key"):
		return errors.New("there is no private key as PEM in it")
	}
	return errors.New(text)
}

// Roots are the certificates of a file of authorities.
func Roots(data []byte) (*x509.CertPool, error) {
	pool, found := x509.NewCertPool(), 0
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of it cannot be read: %w", found+1, err)
		}
		pool.AddCert(c)
		found++
	}
	if found == 0 {
		return nil, errors.New("there is no certificate as PEM in it")
	}
	return pool, nil
}

// Config is for crypto/tls. It must not be changed.
func (s *Server) Config() *tls.Config { return s.config }

// NotAfter is when the certificate expires.
func (s *Server) NotAfter() time.Time { return s.leaf.NotAfter }

// Fingerprint is the SHA-256 of the certificate.
func (s *Server) Fingerprint() [sha256.Size]byte { return s.fingerprint }

// selfSignedFor is how long a certificate of Segue's own making is good: as long as those that MySQL makes for itself.
const selfSignedFor = 10 * 365 * 24 * time.Hour

// SelfSigned makes a certificate that nobody vouches for, as MySQL's servers do when they have none: it keeps the traffic from those who listen, and
// shows nobody that it is Segue that answers. names are host names and IP addresses.
func SelfSigned(names []string, now time.Time) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template := x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Segue, self-signed"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(selfSignedFor),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if name != "" {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	raw, err := x509.CreateCertificate(rand.Reader, &template, &template, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), nil
}
