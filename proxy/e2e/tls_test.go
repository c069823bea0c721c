package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"segue/backend/secure"
	"segue/backend/secure/securetest"
)

// authority is what signs the certificates of a test's servers and clients: a root, and one between it and them.
type authority struct{ root, between *securetest.Authority }

func newAuthority(t *testing.T) *authority {
	t.Helper()
	root := securetest.New(t, "e2e root")
	return &authority{root, root.Intermediate(t, "e2e intermediate")}
}

// shown is the directory with what a server shows: ca.pem, cert.pem, key.pem. It may read it, whoever it runs as.
type shown string

// files writes them.
func (a *authority) files(t *testing.T, leaf securetest.Leaf) shown {
	t.Helper()
	dir := shown(serverDir(t))
	dir.write(t, a.root.PEM(), a.between.Issue(t, leaf))
	return dir
}

// write writes them anew. [server.showAnew] and [tidbServer.showAnew] have a server that runs read them.
func (d shown) write(t *testing.T, ca []byte, pair securetest.Pair) {
	t.Helper()
	for name, data := range map[string][]byte{"ca.pem": ca, "cert.pem": pair.Cert, "key.pem": pair.Key} {
		if err := os.WriteFile(filepath.Join(string(d), name), data, 0o644); err != nil {
			t.Fatalf("write %s: %v", name, err)
		}
	}
}

// mariadb are the lines of an option file by which a MariaDB server shows them, and takes client certificates of the CA.
func (d shown) mariadb() []string {
	return []string{"ssl=1", "ssl-ca=" + d.file("ca"), "ssl-cert=" + d.file("cert"), "ssl-key=" + d.file("key")}
}

// tidb are the same for the section [security] of a TiDB server.
func (d shown) tidb() []string {
	return []string{fmt.Sprintf("ssl-ca = %q", d.file("ca")), fmt.Sprintf("ssl-cert = %q", d.file("cert")), fmt.Sprintf("ssl-key = %q", d.file("key"))}
}

func (d shown) file(name string) string { return filepath.Join(string(d), name+".pem") }

// showAnew has the server read its certificate again.
func (s *server) showAnew(t *testing.T) {
	t.Helper()
	if err := s.exec(t.Context(), "FLUSH SSL"); err != nil {
		t.Fatalf("have the server read its certificate: %v", err)
	}
}

// showAnew has the server read its certificate again.
func (s *tidbServer) showAnew(t *testing.T) {
	t.Helper()
	s.exec(t, "ALTER INSTANCE RELOAD TLS")
}

// exec runs statements as root.
func (s *tidbServer) exec(t *testing.T, statements ...string) {
	t.Helper()
	db, err := openDB(s.address(), "root", "")
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer func() { _ = db.Close() }()
	for _, text := range statements {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// policy is how to connect to servers of the authority; client is what is shown to them, if they ask.
func (a *authority) policy(t *testing.T, mode secure.Mode, client securetest.Pair) *secure.Policy {
	t.Helper()
	m := secure.Material{Cert: client.Cert, Key: client.Key}
	if mode.Verifies() {
		m.CA = a.root.PEM()
	}
	if !mode.Wants() {
		m = secure.Material{}
	}
	p, err := secure.New(mode, m)
	if err != nil {
		t.Fatalf("make policy: %v", err)
	}
	return p
}
