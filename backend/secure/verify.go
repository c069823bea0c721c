package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// CertificateError says that a server's certificate is not what the policy asks for.
type CertificateError struct {
	Server string // the name that it should bear
	Cause  string
	Remedy string
	Err    error // of crypto/x509; may be nil
}

// Error implements error.
func (e *CertificateError) Error() string {
	return fmt.Sprintf("the certificate of %s: %s; %s", e.Server, e.Cause, e.Remedy)
}

// Unwrap gives the cause as crypto/x509 has it.
func (e *CertificateError) Unwrap() error { return e.Err }

// verify judges the certificates that a server has shown, its own first. It does so when a TLS session is taken up again, too: a certificate may have expired.
func (p *Policy) verify(shown []*x509.Certificate, name string) error {
	if len(shown) == 0 {
		return &CertificateError{Server: name, Cause: "it shows none", Remedy: "give the server one (ssl_cert, ssl_key)"}
	}
	between := x509.NewCertPool()
	for _, c := range shown[1:] {
		between.AddCert(c)
	}
	if _, err := shown[0].Verify(x509.VerifyOptions{Roots: p.roots, Intermediates: between}); err != nil {
		return chainError(name, shown[0], err)
	}
	if p.mode != VerifyIdentity {
		return nil
	}
	if err := shown[0].VerifyHostname(name); err != nil {
		return &CertificateError{
			Server: name, Cause: "it is for " + names(shown[0]), Err: err,
			Remedy: "set server_name to a name that it bears, or give the server one that bears this (subject alternative name)",
		}
	}
	return nil
}

func chainError(name string, leaf *x509.Certificate, err error) error {
	e := &CertificateError{Server: name, Cause: err.Error(), Remedy: "renew it, or name the CA that has signed it in ca_file", Err: err}
	unknown, invalid := x509.UnknownAuthorityError{}, x509.CertificateInvalidError{}
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		whose := leaf
		if invalid.Cert != nil {
			whose = invalid.Cert
		}
		if now := time.Now(); now.Before(whose.NotBefore) {
			e.Cause = "it is valid from " + whose.NotBefore.UTC().Format(time.RFC3339) + " on"
		} else {
			e.Cause = "it expired at " + whose.NotAfter.UTC().Format(time.RFC3339)
		}
		e.Remedy = "renew it, or set the clock right"
		if whose != leaf {
			e.Cause = "one that leads from it to the CA: " + e.Cause
		}
	case errors.As(err, &unknown):
		e.Cause = "it was signed by " + shortName(leaf.Issuer.String()) + ", which does not lead to a CA that is trusted"
		e.Remedy = "name the CA that has signed it in ca_file, or have the server send what is between"
	}
	return e
}

// names lists what a certificate is for.
func names(c *x509.Certificate) string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	switch {
	case len(all) > 0:
		return shortName(strings.Join(all, ", "))
	case c.Subject.CommonName != "":
		return shortName(fmt.Sprintf("no name but the common name %s, which no longer counts", c.Subject.CommonName))
	}
	return "no name"
}

// shortName bounds what a stranger says of itself.
func shortName(s string) string { return fmt.Sprintf("%.120q", s) }

// Explain puts what has ended a TLS handshake with a server into an operator's words, with what can be done. The error wraps err.
func Explain(err error) error {
	said := strings.ReplaceAll(strings.ReplaceAll(err.Error(), "tls: ", ""), "remote error: ", "")
	switch {
	case errors.As(err, new(*CertificateError)):
	case errors.As(err, new(tls.RecordHeaderError)):
		said = "the server offers it, and answers with something else"
	case errors.As(err, new(tls.AlertError)), strings.Contains(err.Error(), "remote error: tls:"):
		said = "the server refuses: " + said + alertRemedy(said)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		said = "the server ended the handshake; its log says why"
	case strings.Contains(said, "protocol version"):
		said += "; have the server offer TLS 1.2 or later (tls_version)"
	}
	return &explained{"TLS: " + said, err}
}

// explained is an error in an operator's words.
type explained struct {
	text  string
	cause error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.cause }

// alertRemedy is what can be done about what a server has said.
func alertRemedy(said string) string {
	switch {
	case strings.Contains(said, "certificate required"), strings.Contains(said, "handshake failure"):
		return "; it may ask for a certificate: name cert_file and key_file"
	case strings.Contains(said, "certificate"), strings.Contains(said, "unknown certificate authority"):
		return "; it does not take the certificate in cert_file: have it signed by the server's CA (ssl_ca)"
	case strings.Contains(said, "protocol version"):
		return "; it has no TLS 1.2 or later: have it offer that (tls_version)"
	}
	return ""
}
