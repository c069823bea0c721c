package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// poolSize is how many connections each pool keeps, for eight workers.
const poolSize = 6

// pools are real pools. Each program is called with HOST PORT USER PASSWORD DATABASE OTHER_DATABASE SIZE, prints "ready", works
// until its standard input ends and then prints what it saw: `connections`, `statements`, `errors`, `lost` and samples, as
// `name<TAB>value`. It gives each of its connections a user variable, a time zone, a current database and a prepared statement once, and
// verifies them by each statement. With one argument more, "single", it lends a connection for one statement at a time and gives it nothing to keep. A connection that it finds without them, because the pool has replaced it unseen, is one more connection.
func pools() map[string]func(*testing.T) []string {
	return map[string]func(*testing.T) []string{
		"database-sql": goPool,
		"hikaricp":     hikariPool,
		"mysql2":       script("node", "clients/mysql2/pool.js"),
		"sqlalchemy": func(t *testing.T) []string {
			t.Helper()
			return []string{filepath.Join(cacheDir(t), "venv", "bin", "python"), "clients/pymysql/pool.py"}
		},
	}
}

func goPool(t *testing.T) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gopool")
	build(t, "go", "build", "-o", path, "./clients/gopool")
	return []string{path}
}

func hikariPool(t *testing.T) []string {
	t.Helper()
	classes, jars := t.TempDir(), filepath.Join(cacheDir(t), "jars", "*")
	build(t, "javac", "-Xlint:all,-try", "-encoding", "UTF-8", "-cp", jars, "-d", classes, "clients/hikari/Hikari.java")
	return []string{"java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-Duser.timezone=UTC", "-cp", classes + ":" + jars, "Hikari"}
}

// TestMovePools: while all backends are restarted one by one, no user of a real pool sees an error or lost state, and no pool loses a
// connection.
func TestMovePools(t *testing.T) {
	t.Run("MariaDB", func(t *testing.T) { poolThrough(t, startMariaDBs(t)) })
	t.Run("TiDB", func(t *testing.T) { poolThrough(t, startTiDBs(t, 5*time.Second)) })
}

func poolThrough(t *testing.T, f fleet) {
	t.Helper()
	p := startProgram(t, f.flavor(), f.specs())
	var running []*poolProgram
	for _, name := range slices.Sorted(maps.Keys(pools())) {
		running = append(running, startPool(t, name, pools()[name](t), p.address, f.dialect()))
	}
	for _, pool := range running {
		pool.waitReady(t)
	}
	waitFor(t, "the pools to connect", func() bool { return len(running)*poolSize <= p.allSessions(t) })
	for _, i := range f.order() {
		time.Sleep(500 * time.Millisecond) // in which pools work on all three backends
		f.restart(t, p, i)
		p.waitUp(t)
	}
	time.Sleep(500 * time.Millisecond)
	for _, pool := range running {
		pool.finish(t)
	}
}

func (p *segueProgram) allSessions(t *testing.T) int {
	t.Helper()
	n := 0
	for _, b := range p.backends(t) {
		n += b.Sessions
	}
	return n
}

// poolProgram is a running pool.
type poolProgram struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	ready  chan struct{} // closed when it has said so, or has ended
	ended  chan struct{} // closed when it has been waited for
	lines  []string      // what it printed after that; read after ended
	stderr *output
	err    error // how it ended; read after ended
}

// startPool starts a program. It ends with the test.
func startPool(t *testing.T, name string, command []string, address string, d dialect, more ...string) *poolProgram {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatalf("split address: %v", err)
	}
	p := &poolProgram{name: name, ready: make(chan struct{}), ended: make(chan struct{}), stderr: &output{}}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	p.cmd = exec.CommandContext(ctx, command[0], append(command[1:], host, port, testUser, testPassword, d.database, d.other, fmt.Sprint(poolSize))...)
	p.cmd.Args = append(p.cmd.Args, more...)
	p.cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC", "NODE_PATH="+filepath.Join(cacheDir(t), "node", "node_modules"))
	p.cmd.SysProcAttr = clientProcess()
	p.cmd.Cancel = func() error { return killGroup(p.cmd) }
	p.cmd.Stderr = p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go p.read(stdout)
	t.Cleanup(func() {
		cancel()
		<-p.ended
	})
	return p
}

// read reads what the program prints, and waits for it.
func (p *poolProgram) read(stdout io.Reader) {
	defer close(p.ended)
	lines := bufio.NewScanner(stdout)
	ready := lines.Scan() && lines.Text() == "ready"
	close(p.ready)
	for ready && lines.Scan() {
		p.lines = append(p.lines, lines.Text())
	}
	p.err = p.cmd.Wait()
}

func (p *poolProgram) waitReady(t *testing.T) {
	t.Helper()
	select {
	case <-p.ready:
	case <-time.After(startTimeout):
		t.Fatalf("%s is not ready after %s: %s", p.name, startTimeout, p.stderr)
	}
}

// finish ends the program and judges what it saw.
func (p *poolProgram) finish(t *testing.T) {
	t.Helper()
	lines, ok := p.printed(t)
	if !ok {
		return
	}
	for _, fault := range judgePool(lines) {
		t.Errorf("%s: %s", p.name, fault)
	}
	t.Logf("%s: %s", p.name, strings.ReplaceAll(strings.Join(p.lines, ", "), "\t", " "))
}

// printed ends the program and tells what it has printed; false if that has gone wrong.
func (p *poolProgram) printed(t *testing.T) ([]line, bool) {
	t.Helper()
	_ = p.stdin.Close()
	select {
	case <-p.ended:
	case <-time.After(startTimeout):
		t.Errorf("%s did not end within %s", p.name, startTimeout)
		return nil, false
	}
	if p.err != nil {
		t.Errorf("%s: %v: %s", p.name, p.err, p.stderr)
		return nil, false
	}
	lines, err := parseOutput(strings.Join(p.lines, "\n") + "\n")
	if err != nil {
		t.Errorf("%s printed %v", p.name, err)
		return nil, false
	}
	return lines, true
}

// judgePool lists what is wrong with what a pool's users saw.
func judgePool(lines []line) []string {
	values := map[string]int{}
	var faults, samples []string
	for _, l := range lines {
		if strings.HasPrefix(l.name, "sample.") {
			samples = append(samples, l.value)
			continue
		}
		n, err := strconv.Atoi(l.value)
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s is %q", l.name, l.value))
		}
		values[l.name] = n
	}
	for name, want := range map[string]int{"connections": poolSize, "errors": 0, "lost": 0} {
		if got, printed := values[name]; !printed || got != want {
			faults = append(faults, fmt.Sprintf("%d %s, want %d", got, name, want))
		}
	}
	if values["statements"] < 100 {
		faults = append(faults, fmt.Sprintf("only %d statements", values["statements"]))
	}
	slices.Sort(faults)
	if len(faults) > 0 {
		faults = append(faults, samples...)
	}
	return faults
}

func TestJudgePool(t *testing.T) {
	good := []line{{"connections", "6"}, {"statements", "1000"}, {"errors", "0"}, {"lost", "0"}}
	with := func(i int, value string) []line {
		lines := slices.Clone(good)
		lines[i].value = value
		return lines
	}
	for name, tt := range map[string]struct {
		lines []line
		want  string
	}{
		"good":        {good, ""},
		"reconnected": {with(0, "7"), "7 connections, want 6"},
		"did nothing": {with(1, "3"), "only 3 statements"},
		"errors":      {append(with(2, "1"), line{"sample.1", "gone"}), "1 errors, want 0; gone"},
		"lost":        {with(3, "2"), "2 lost, want 0"},
		"nothing":     {nil, "0 connections, want 6; 0 errors, want 0; 0 lost, want 0; only 0 statements"},
	} {
		if got := strings.Join(judgePool(tt.lines), "; "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
