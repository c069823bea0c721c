package e2e

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestMovePyMySQL runs PyMySQL's own tests, those of the Python database API among them.
func TestMovePyMySQL(t *testing.T) {
	driverSuite{least: 150, run: pymysqlOutcomes, but: map[string]string{
		"pymysql.tests.test_connection.TestConnection.test_connection_gone_away": "it wants an error once wait_timeout is over: through Segue its connection lives on",
		"pymysql.tests.test_issues.TestNewIssues.test_issue_36":                  "names connections: SHOW PROCESSLIST has the server's ids, the greeting Segue's",
	}}.try(t, "CREATE DATABASE test1; CREATE DATABASE test2")
}

// pymysqlOutcomes runs them at an address.
func pymysqlOutcomes(t *testing.T, address string) map[string]driverOutcome {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(cacheDir(t), "pymysql"))); err != nil {
		t.Fatalf("copy PyMySQL's tests: %v", err)
	}
	tests := filepath.Join(dir, "pymysql", "tests")
	if err := errors.Join(writeDatabases(tests, address), writeLoadData(tests)); err != nil {
		t.Fatalf("prepare PyMySQL's tests: %v", err)
	}
	report := filepath.Join(dir, "report.xml")
	cmd := exec.CommandContext(t.Context(), filepath.Join(cacheDir(t), "venv", "bin", "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml="+report, tests)
	cmd.Dir = dir
	cmd.SysProcAttr = clientProcess()
	said, _ := cmd.CombinedOutput() // the report tells what has failed
	text, err := os.ReadFile(report)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("run PyMySQL's tests: no report\n%s", said)
	}
	outcomes, err := readJUnit(text)
	if err != nil {
		t.Fatalf("read report of PyMySQL's tests: %v", err)
	}
	return outcomes
}

// writeDatabases has the tests find the server.
func writeDatabases(dir, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	var list []map[string]any
	for _, database := range []string{"test1", "test2"} {
		list = append(list, map[string]any{"host": host, "port": number, "user": testUser, "passwd": "driver", "db": database, "use_unicode": true, "local_infile": true})
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "databases.json"), text, 0o600)
}

// writeLoadData writes a file that the package lacks, with as many lines as the tests expect.
func writeLoadData(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "data", "load_local_data.txt"), []byte(strings.Repeat("1,2\n", 22749)), 0o600)
}

// readJUnit reads a report of tests.
func readJUnit(text []byte) (map[string]driverOutcome, error) {
	type complaint struct {
		Text string `xml:",chardata"`
	}
	var report struct {
		Cases []struct {
			Class   string     `xml:"classname,attr"`
			Name    string     `xml:"name,attr"`
			Failure *complaint `xml:"failure"`
			Error   *complaint `xml:"error"`
			Skipped *complaint `xml:"skipped"`
		} `xml:"testsuite>testcase"`
	}
	if err := xml.Unmarshal(text, &report); err != nil {
		return nil, err
	}
	outcomes := map[string]driverOutcome{}
	for _, c := range report.Cases {
		o := driverOutcome{Action: "pass"}
		switch {
		case c.Failure != nil:
			o = driverOutcome{"fail", c.Failure.Text}
		case c.Error != nil:
			o = driverOutcome{"fail", c.Error.Text}
		case c.Skipped != nil:
			o.Action = "skip"
		}
		outcomes[c.Class+"."+c.Name] = o
	}
	return outcomes, nil
}
