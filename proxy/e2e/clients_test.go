package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const clientTimeout = 90 * time.Second // of one run of one client; the longest takes a tenth of it

// client is one real client: a program, and what is known of it.
type client struct {
	name    string
	program func(t *testing.T) []string // builds it where it needs building
	checks  int                         // lines that its suite prints
	lacks   []string                    // checks of expected that it cannot make as the others do
	gone    int                         // sessions that its suite leaves without COM_QUIT, at most
}

// clients lists them. What one lacks: only some know ed25519, and go-sql-driver takes a second AuthSwitchRequest for a
// malformed packet; the command line, PyMySQL and mysql2 send no COM_STMT_SEND_LONG_DATA; PyMySQL prepares nothing and
// shows no SQLSTATE. What they print instead is still compared.
//
// Each leaves one connection on which it has sent too large a packet; some leave those whose plugin they do not know, or one
// in the middle of a result. Asked to compress, mysqlnd compresses whether that is offered or not.
func clients() []client {
	return []client{
		{name: "gosql", program: goProgram, checks: 53, gone: 2, lacks: []string{"auth.switch"}},
		{name: "cli", program: script("clients/cli/suite.sh"), checks: 50, gone: 1, lacks: []string{"longdata"}},
		{name: "pymysql", program: pythonProgram, checks: 46, gone: 4, lacks: []string{
			"auth.ed25519", "auth.switch", "longdata", "error.prepare", "error.signal",
		}},
		{
			name:    "mysqli",
			program: script("php", "-d", "mysqli.allow_local_infile=1", "-d", "memory_limit=1G", "clients/mysqli/suite.php"),
			checks:  60, gone: 5, lacks: []string{"auth.ed25519", "auth.switch"},
		},
		{name: "mysql2", program: script("node", "clients/mysql2/suite.js"), checks: 59, gone: 4, lacks: []string{
			"auth.ed25519", "auth.switch", "longdata",
		}},
		{name: "npm-mariadb", program: script("node", "clients/npm-mariadb/suite.js"), checks: 65, gone: 1, lacks: []string{"longdata"}},
		{name: "connectorj", program: javaProgram("ConnectorJ"), checks: 68, gone: 3, lacks: []string{"auth.ed25519", "auth.switch"}},
		{name: "mariadbj", program: javaProgram("MariaDBJ"), checks: 72, gone: 1},
	}
}

func script(command ...string) func(*testing.T) []string {
	return func(*testing.T) []string { return command }
}

func goProgram(t *testing.T) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gosql")
	build(t, "go", "build", "-o", path, "./clients/gosql")
	return []string{path}
}

func pythonProgram(t *testing.T) []string {
	t.Helper()
	return []string{filepath.Join(cacheDir(t), "venv", "bin", "python"), "clients/pymysql/suite.py"}
}

// javaProgram compiles clients/NAME/CLASS.java, NAME being the class's in lower case.
func javaProgram(class string) func(*testing.T) []string {
	return func(t *testing.T) []string {
		t.Helper()
		classes, jars := t.TempDir(), filepath.Join(cacheDir(t), "jars", "*")
		build(t, "javac", "-Xlint:all,-try", "-encoding", "UTF-8", "-cp", jars, "-d", classes, "clients/jdbc/Client.java", "clients/jdbc/Results.java", "clients/jdbc/Suite.java",
			filepath.Join("clients", strings.ToLower(class), class+".java"))
		return []string{
			"java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx2g", "-Duser.timezone=UTC", "-Dfile.encoding=UTF-8",
			"-cp", classes + ":" + jars, class,
		}
	}
}

func build(t *testing.T, command ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("build client: %s: %v\n%s", strings.Join(command, " "), err, out)
	}
}

// expects are the values wanted of this client.
func (c client) expects() map[string]string {
	want := expected()
	maps.DeleteFunc(want, func(name, _ string) bool { return slices.Contains(c.lacks, name) })
	return want
}

// built is a client whose program can be run.
type built struct {
	client
	command    []string
	compressed bool // it asks for compression on every connection
}

func (c client) build(t *testing.T) built {
	t.Helper()
	return built{client: c, command: c.program(t)}
}

// suite runs the client's checks against address.
func (c built) suite(t *testing.T, address, loadFiles string) []line {
	t.Helper()
	out, err := c.run(t, address, loadFiles, "suite")
	if err != nil {
		t.Fatalf("%s against %s: %v", c.name, address, err)
	}
	lines, err := parseOutput(out)
	if err != nil {
		t.Fatalf("%s against %s: output is %v", c.name, address, err)
	}
	return lines
}

// run runs the program and returns what it printed.
func (c built) run(t *testing.T, address, loadFiles string, mode ...string) (string, error) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	arguments := append(slices.Clone(c.command[1:]), host, port, "e2e", `secret, "quoted"`, "scratch_"+strings.ReplaceAll(c.name, "-", "_"))
	cmd := exec.CommandContext(ctx, c.command[0], append(arguments, mode...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC", "E2E_LOAD_FILES="+loadFiles,
		"NODE_PATH="+filepath.Join(cacheDir(t), "node", "node_modules"))
	if c.compressed {
		cmd.Env = append(cmd.Env, "E2E_COMPRESS=1")
	}
	cmd.SysProcAttr = clientProcess()
	cmd.Cancel = func() error { return killGroup(cmd) }
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = errors.Join(err, fmt.Errorf("not done after %s", clientTimeout))
		}
		return stdout.String(), fmt.Errorf("%w\nlast line: %s\nstandard error: %s", err, lastLine(stdout.String()), stderr.String())
	}
	return stdout.String(), nil
}

func lastLine(text string) string {
	text = strings.TrimSuffix(text, "\n")
	return clip(text[strings.LastIndex(text, "\n")+1:], 0)
}
