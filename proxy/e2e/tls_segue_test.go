package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/secure"
	"segue/backend/secure/securetest"
)

// segueName is a name of Segue's, by which clients know its certificate.
const segueName = "localhost"

// secured is what a Segue on TLS needs, in files that may be replaced while it runs: what it shows clients (shown), whom it believes on both sides (ca.pem), and what it
// shows backends (own-cert.pem, own-key.pem). nil is a Segue without.
type secured struct {
	*authority
	shown shown
}

// secure writes the files of a Segue.
func (a *authority) secure(t *testing.T) *secured {
	t.Helper()
	s := &secured{a, a.files(t, securetest.Leaf{Names: []string{segueName, "127.0.0.1"}})}
	own := a.between.Issue(t, securetest.Leaf{CommonName: "segue"})
	for name, data := range map[string][]byte{"own-cert": own.Cert, "own-key": own.Key} {
		if err := os.WriteFile(s.shown.file(name), data, 0o600); err != nil {
			t.Fatalf("write %s: %v", name, err)
		}
	}
	return s
}

// offers is the line of a configuration by which clients are offered TLS; mode is "optional" or "required".
func (s *secured) offers(mode string) string {
	return fmt.Sprintf("tls: {mode: %s, cert_file: %q, key_file: %q, client_ca_file: %q}", mode, s.shown.file("cert"), s.shown.file("key"), s.shown.file("ca"))
}

// speaks is the line by which backends are spoken to.
func (s *secured) speaks(mode secure.Mode) string {
	switch {
	case !mode.Wants():
		return "backend_tls: {mode: disabled}"
	case !mode.Verifies():
		return fmt.Sprintf("backend_tls: {mode: %s, cert_file: %q, key_file: %q}", mode, s.shown.file("own-cert"), s.shown.file("own-key"))
	}
	return fmt.Sprintf("backend_tls: {mode: %s, ca_file: %q, cert_file: %q, key_file: %q}", mode, s.shown.file("ca"), s.shown.file("own-cert"), s.shown.file("own-key"))
}

// client is the TLS of a client that believes the authority and nobody else.
func (a *authority) client(name string) *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.root.PEM())
	return &tls.Config{RootCAs: roots, ServerName: name, MinVersion: tls.VersionTLS12}
}

// start starts a Segue that lets nobody in without TLS, and believes no backend without a certificate of its own; without s one in the clear.
func (s *secured) start(t *testing.T, flavor backend.Flavor, specs []backend.Spec, more ...string) *segueProgram {
	t.Helper()
	if s == nil {
		return startProgram(t, flavor, specs, more...)
	}
	always := []string{s.offers("required"), s.speaks(secure.VerifyIdentity)}
	p := startProgram(t, flavor, specs, append(more, always...)...)
	p.tls, p.always = s.client(segueName), always
	return p
}

// driver is a configuration of go-sql-driver for a user of it.
func (p *segueProgram) driver(user, password string) *mysql.Config {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.TLS = "tcp", p.address, user, password, p.tls
	config.Timeout, config.ReadTimeout, config.WriteTimeout = clientTimeout, clientTimeout, clientTimeout
	config.Logger = &mysql.NopLogger{}
	return config
}

// put writes a file in place of one that there may be, in one go.
func (d shown) put(t *testing.T, name string, data []byte) {
	t.Helper()
	draft := filepath.Join(string(d), "draft")
	err := os.WriteFile(draft, data, 0o600)
	if err == nil {
		err = os.Rename(draft, d.file(name))
	}
	if err != nil {
		t.Fatalf("replace %s: %v", name, err)
	}
}

// tlsOver is the client's side of TLS on a connection that has been asked for it.
func tlsOver(nc net.Conn, a *authority) *tls.Conn { return tls.Client(nc, a.client(segueName)) }

// keep is a connection that stays until the test ends.
func keep(t *testing.T, config *mysql.Config) *sql.Conn {
	t.Helper()
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatalf("configure client: %v", err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatalf("connect as %s: %v", config.User, err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
