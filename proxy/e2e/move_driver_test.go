package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/secure"
)

// driverSuite is the tests that the developers of a driver have for it.
type driverSuite struct {
	least int // how many pass at a server
	run   func(t *testing.T, address string) map[string]driverOutcome
	but   map[string]string // those that come to something else through Segue, and why
}

// TestMoveDriverTLS runs them with TLS on both sides of Segue, without incidents.
func TestMoveDriverTLS(t *testing.T) {
	a := newAuthority(t)
	s := startServer(t, "127.0.0.1", append([]string{"skip-name-resolve"}, a.files(t, pluggedLeaf()).mariadb()...)...)
	if err := s.exec(t.Context(), driverAccount+"CREATE DATABASE gotest"); err != nil {
		t.Fatalf("fill server: %v", err)
	}
	sources := driverOnTLS(t)
	direct := driverOutcomesIn(t, sources, s.address())
	on := a.secure(t)
	p := startProgram(t, backend.MySQL, []backend.Spec{{Name: "mariadb", Address: s.address()}}, "users:\n  - {name: "+testUser+", password: driver}",
		on.offers("optional"), on.speaks(secure.VerifyIdentity)) // three of them connect by other means than the rest
	through := driverOutcomesIn(t, sources, p.address)
	for _, name := range passes(direct) {
		if o := through[name]; o.Action != "pass" {
			t.Errorf("%s: %s\n%s", name, o.Action, o.said)
		}
	}
	t.Logf("on TLS %d of the driver's tests pass directly, %d through Segue", len(passes(direct)), len(passes(through)))
	if len(passes(direct)) < 100 {
		t.Errorf("%d pass at a server on TLS", len(passes(direct)))
	}
}

// driverOnTLS is the directory of a copy of the driver whose tests connect by TLS.
func driverOnTLS(t *testing.T) string {
	t.Helper()
	from, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/go-sql-driver/mysql").Output()
	if err != nil {
		t.Fatalf("find go-sql-driver: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "driver")
	if err := os.CopyFS(dir, os.DirFS(strings.TrimSpace(string(from)))); err != nil {
		t.Fatalf("copy go-sql-driver: %v", err)
	}
	path := filepath.Join(dir, "driver_test.go")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read its tests: %v", err)
	}
	const plain = "%s:%s@%s/%s?timeout=30s"
	if !bytes.Contains(text, []byte(plain)) {
		t.Fatal("its tests connect by another DSN than they did")
	}
	if err = os.Chmod(path, 0o600); err == nil {
		err = os.WriteFile(path, bytes.ReplaceAll(text, []byte(plain), []byte(plain+"&tls=skip-verify")), 0o600)
	}
	if err != nil {
		t.Fatalf("write its tests: %v", err)
	}
	return dir
}

// driverAccount is who runs them.
const driverAccount = "CREATE USER " + testUser + " IDENTIFIED BY 'driver'; GRANT ALL ON *.* TO " + testUser + " WITH GRANT OPTION;"

// TestMoveDriver runs the tests of go-sql-driver/mysql, which come with its module.
func TestMoveDriver(t *testing.T) {
	driverSuite{least: 100, run: driverOutcomes}.try(t, "CREATE DATABASE gotest")
}

// try runs a suite on one server behind two addresses: at one of these, and through Segue while each session moves after every statement, or loses its connection
// again and again. All that pass there must pass here.
func (d driverSuite) try(t *testing.T, databases string) {
	t.Helper()
	s := startServer(t, "127.0.0.1", "bind-address=127.0.0.1,"+secondHost, "skip-name-resolve")
	specs := []backend.Spec{{Name: "first", Address: s.address()}, {Name: "second", Address: strings.Replace(s.address(), s.host, secondHost, 1)}}
	if err := s.exec(t.Context(), driverAccount+databases); err != nil {
		t.Fatalf("fill server: %v", err)
	}
	direct := d.run(t, s.address())
	if passed := len(passes(direct)); passed < d.least {
		t.Fatalf("%d of the driver's tests pass at a server, want %d", passed, d.least)
	}
	for _, m := range motions() {
		t.Run(m.name, func(t *testing.T) {
			p := startProgramAt(t, buildEdited(t, m.edits...), backend.MySQL, specs, "users:\n  - {name: "+testUser+", password: driver}", eager)
			outcomes := d.run(t, p.address)
			for _, name := range passes(direct) {
				switch but := d.but[name]; {
				case outcomes[name].Action == "pass":
				case but != "":
					t.Logf("%s: excepted: %s", name, but)
				default:
					t.Errorf("%s: %s\n%s", name, outcomes[name].Action, outcomes[name].said)
				}
			}
			for _, name := range passes(outcomes) {
				if o, ran := direct[name]; ran && o.Action != "pass" {
					t.Logf("%s: at the server itself: %s\n%s", name, o.Action, o.said)
				}
			}
			moves := addSeries(string(p.get(t, "/metrics")), "segue_session_moves_total", `result="ok"`)
			t.Logf("%d tests pass directly, %d here; %g moves", len(passes(direct)), len(passes(outcomes)), moves)
			if moves < 50 {
				t.Errorf("%g moves: this is no motion", moves)
			}
		})
	}
}

// driverOutcome is what came of one of the driver's tests.
type driverOutcome struct {
	Action string
	said   string
}

// passes are the names of the tests that have passed.
func passes(outcomes map[string]driverOutcome) (names []string) {
	for name, o := range outcomes {
		if o.Action == "pass" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// outside is the driver's test that connects to a stranger on the internet.
const outside = "^TestConnectorReturnsTimeout$"

// driverOutcomes runs the driver's tests at an address.
func driverOutcomes(t *testing.T, address string) map[string]driverOutcome {
	t.Helper()
	return driverOutcomesIn(t, "", address)
}

// driverOutcomesIn runs those of a copy in a directory, or, "", of the module.
func driverOutcomesIn(t *testing.T, dir, address string) map[string]driverOutcome {
	t.Helper()
	which := "github.com/go-sql-driver/mysql"
	if dir != "" {
		which = "."
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "-count=1", "-timeout=5m", "-skip="+outside, which)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "MYSQL_TEST_ADDR="+address, "MYSQL_TEST_USER="+testUser, "MYSQL_TEST_PASS=driver", "MYSQL_TEST_DBNAME=gotest", "MYSQL_TEST_CONCURRENT=1")
	out, err := cmd.Output()
	if len(out) == 0 {
		t.Fatalf("run go-sql-driver's tests: %v", err)
	}
	outcomes, said := map[string]driverOutcome{}, map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Test == "" {
			continue
		}
		switch e.Action {
		case "output":
			said[e.Test] += e.Output
		case "pass", "fail", "skip":
			outcomes[e.Test] = driverOutcome{e.Action, said[e.Test]}
		}
	}
	return outcomes
}
