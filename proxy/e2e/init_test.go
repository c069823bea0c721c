package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"segue/backend"
	"segue/config"
)

// drafted has `segue init` ask the server at an address, and loads what it writes.
func drafted(t *testing.T, address string) (*config.Config, string) {
	t.Helper()
	dir := t.TempDir()
	secret, out := filepath.Join(dir, "secret"), filepath.Join(dir, "segue.yaml")
	if err := os.WriteFile(secret, []byte(testPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), buildProgram(t), "init", address, "--user", testUser, "--password-file", secret, "--out", out, "--timeout", "30s")
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), testPassword) || strings.Contains(string(said), testPassword) {
		t.Error("the password is told")
	}
	c, err := config.Load(out)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c, string(text)
}

// TestInitMariaDB: a real MariaDB is taken for what it is, and that it does not know of others is said.
func TestInitMariaDB(t *testing.T) {
	s := startServer(t, "127.0.0.1")
	if err := s.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, text := drafted(t, s.address())
	if c.Flavor != backend.MySQL || len(c.Backends) != 1 || c.Backends[0].Address != s.address() || c.Backends[0].HealthURL != "" {
		t.Errorf("%+v\n%s", c.Backends, text)
	}
	for _, want := range []string{"MariaDB", "# primary ", "NOT KNOWN: which other servers there are"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
}

// TestMoveInitTiDB: a real TiDB tells its flavor, its own address and its status port, and Segue serves by the file.
func TestMoveInitTiDB(t *testing.T) {
	s := newTiDB(t, writeSigningCerts(t), 0)
	if err := s.waitReady(t.Context()); err != nil {
		t.Fatalf("wait for tidb-server: %v", err)
	}
	if err := s.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, text := drafted(t, s.address())
	if c.Flavor != backend.TiDB || len(c.Backends) != 1 || !strings.HasSuffix(c.Backends[0].Address, ":"+strconv.Itoa(s.port)) || !strings.HasSuffix(c.Backends[0].HealthURL, ":"+strconv.Itoa(s.status)+"/status") {
		t.Errorf("%+v\n%s", c.Backends, text)
	}
	if strings.Contains(text, "NOT KNOWN") {
		t.Errorf("something is not known:\n%s", text)
	}
}
