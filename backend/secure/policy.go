package secure

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
)

// Material is what a [Policy] is made of beside its mode: the contents of PEM files, and a name.
type Material struct {
	CA         []byte // the certificates that a server's has to lead to; for VerifyIdentity, empty: those that the system trusts
	Cert, Key  []byte // what Segue shows to a server that asks: the certificate, and what leads from it to its CA; the key of it
	ServerName string // the name that a server's certificate must bear; empty: the host that is connected to
}

// Policy is how connections to one backend are secured. It is not changed once it has been made, but for the TLS sessions that it remembers, and may be used
// by several goroutines. A nil one asks for no TLS.
type Policy struct {
	mode   Mode
	name   string
	roots  *x509.CertPool // nil: the system's
	certs  []tls.Certificate
	digest [sha256.Size]byte // of all that makes it

	configs sync.Map // configKey → *tls.Config: one for all connections to a host
}

// rememberedSessions is how many TLS sessions are kept for a host, to be taken up again by later connections; one is what it takes.
const rememberedSessions = 4

// New makes a policy. The error names the part that is wrong, and a remedy.
func New(mode Mode, m Material) (*Policy, error) {
	p := &Policy{mode: mode, name: m.ServerName, digest: m.digest(mode)}
	switch {
	case mode >= numModes:
		return nil, fmt.Errorf("mode: no such mode: %d", uint8(mode))
	case !mode.Wants() && (len(m.CA)+len(m.Cert)+len(m.Key) > 0 || m.ServerName != ""):
		return nil, errors.New("mode: disabled, and certificates or a server_name are given; set mode verify-identity, or leave them out")
	case !mode.Verifies() && len(m.CA) > 0:
		return nil, fmt.Errorf("ca_file: mode %s looks at no certificate; set mode verify-ca or verify-identity, or leave ca_file out", mode)
	case mode == VerifyCA && len(m.CA) == 0:
		return nil, errors.New("ca_file: mode verify-ca needs one: without a name any certificate of a public CA would do; name the CA's file, or set mode verify-identity")
	}
	if err := p.trust(m.CA); err != nil {
		return nil, err
	}
	return p, p.show(m.Cert, m.Key)
}

func (p *Policy) trust(ca []byte) error {
	if len(ca) == 0 {
		return nil
	}
	roots, err := Roots(ca)
	if err != nil {
		return fmt.Errorf("ca_file: %w; name a PEM file, with lines BEGIN CERTIFICATE", err)
	}
	p.roots = roots
	return nil
}

// show takes what Segue shows of itself.
func (p *Policy) show(cert, key []byte) error {
	switch {
	case len(cert) == 0 && len(key) == 0:
		return nil
	case len(cert) == 0:
		return errors.New("key_file: there is no cert_file to it; name both, or neither")
	case len(key) == 0:
		return errors.New("cert_file: there is no key_file to it; name both, or neither")
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("cert_file, key_file: %s; name a certificate and its key, as PEM, the key without a passphrase", strings.TrimPrefix(err.Error(), "tls: "))
	}
	p.certs = []tls.Certificate{pair}
	return nil
}

func (m *Material) digest(mode Mode) [sha256.Size]byte {
	b := []byte{byte(mode)}
	for _, part := range [][]byte{m.CA, m.Cert, m.Key, []byte(m.ServerName)} {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(part))), part...)
	}
	return sha256.Sum256(b)
}

// Mode is what is asked of a connection.
func (p *Policy) Mode() Mode {
	if p == nil {
		return Disabled
	}
	return p.mode
}

// Equal reports whether both ask for the same; nil and Disabled are one. Two policies that were made of one material are equal.
func (p *Policy) Equal(q *Policy) bool {
	if !p.Mode().Wants() || !q.Mode().Wants() {
		return p.Mode() == q.Mode()
	}
	return p == q || p.digest == q.digest
}

// String names the mode.
func (p *Policy) String() string { return p.Mode().String() }

// Client is how to speak TLS to the server at host, "name", "name:port", an IP address, or "unix:/path", which is "localhost"; nil where the policy wants no
// TLS. It is one for all connections to that host, and not to be changed. A certificate that does not do ends the handshake.
func (p *Policy) Client(host string) *tls.Config { return p.shared(configKey{host, false}) }

// Unjudged is Client without a look at the certificate: Judge is to follow before anything is said that is not for strangers. MySQL and MariaDB count a handshake
// that its client ends against the client's host, and block the host in the end (max_connect_errors); one that comes to its end, and is followed by a login
// that is denied, they do not count.
func (p *Policy) Unjudged(host string) *tls.Config { return p.shared(configKey{host, true}) }

// Judge says what is wrong with the certificate that the server at host has shown, a [*CertificateError]; nil if it does.
func (p *Policy) Judge(host string, shown []*x509.Certificate) error {
	if !p.Mode().Verifies() {
		return nil
	}
	return p.verify(shown, p.nameOf(host))
}

// configKey is what one configuration is for.
type configKey struct {
	host     string
	unjudged bool
}

func (p *Policy) shared(k configKey) *tls.Config {
	if !p.Mode().Wants() {
		return nil
	}
	if c, ok := p.configs.Load(k); ok {
		return c.(*tls.Config)
	}
	c, _ := p.configs.LoadOrStore(k, p.config(k))
	return c.(*tls.Config)
}

func (p *Policy) config(k configKey) *tls.Config {
	c := &tls.Config{
		MinVersion:                  tls.VersionTLS12,
		Renegotiation:               tls.RenegotiateNever,
		ServerName:                  p.nameOf(k.host),
		Certificates:                p.certs,
		ClientSessionCache:          tls.NewLRUClientSessionCache(rememberedSessions),
		InsecureSkipVerify:          true, // Judge does it, where it is asked for
		DynamicRecordSizingDisabled: true, // a long answer in few records
	}
	if p.mode.Verifies() && !k.unjudged {
		c.VerifyConnection = func(s tls.ConnectionState) error { return p.Judge(k.host, s.PeerCertificates) }
	}
	return c
}

// nameOf is what the server at host is called.
func (p *Policy) nameOf(host string) string {
	if p.name != "" {
		return p.name
	}
	return hostOf(host)
}

// hostOf takes the port off an address.
func hostOf(address string) string {
	if strings.HasPrefix(address, "unix:") {
		return "localhost"
	}
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}
