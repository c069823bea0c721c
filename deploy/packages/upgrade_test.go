package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// packageOf makes a package of some version of the program, or of what stands in for it.
func packageOf(t *testing.T, version, script, format string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "segue")
	var err error
	if script == "" {
		err = buildProgram(binary, version)
	} else {
		err = os.WriteFile(binary, []byte(script), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pack(t, these(binary, version), format)
}

// load is clients that count each error, until they are told to stop.
type load struct {
	m        *machine
	cmd      *exec.Cmd
	out, pid string // files: what they say, and the number of their process
	ended    chan struct{}
}

// clients starts some, with more flags of segue bench.
func (m *machine) clients(name string, flags ...string) *load {
	m.t.Helper()
	l := &load{m: m, out: filepath.Join(m.share, name+".txt"), pid: filepath.Join(m.share, name+".pid"), ended: make(chan struct{})}
	file, err := os.Create(l.out)
	if err != nil {
		m.t.Fatal(err)
	}
	defer file.Close()
	line := []string{
		"sh", "-c", `echo $$ >/share/` + name + `.pid; exec "$0" "$@"`,
		"/share/clients", "bench", "--dsn", "root@tcp(127.0.0.1:9030)/", "--duration", "0", "--out", "/share/" + name, "--force",
	}
	l.cmd = m.command(m.t.Context(), append(line, flags...)...)
	l.cmd.Stdout, l.cmd.Stderr = file, file
	if err := l.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	go func() { defer close(l.ended); _ = l.cmd.Wait() }()
	return l
}

// load is clients of all kinds. Idle connections are used often, so that those on the process before are seen, too.
func (m *machine) load() *load {
	m.t.Helper()
	m.do("cp", m.give(filepath.Join(built, "segue")), "/share/clients")
	return m.clients("load", "--rate", "200", "--idle-for", "2s", "--mark")
}

// running is a session in the list of segue sessions whose statement has run for a while.
var running = regexp.MustCompile(`busy\s+[1-9]\d*s`)

// statement is a client whose one statement runs when it returns, for so long. It ends with that.
func (m *machine) statement(time string) *load {
	m.t.Helper()
	l := m.clients("statement", "--no-writes", "--timeout", "1m", "--slow", "1", "--slow-for", time, "--long", "0", "--short", "0", "--txn", "0", "--write", "0", "--idle", "0")
	m.until("a statement runs", func() bool {
		out, _ := m.try("segue", "sessions")
		return running.MatchString(out)
	})
	l.stop()
	return l
}

// stop has them begin nothing more.
func (l *load) stop() {
	l.m.t.Helper()
	pid, err := os.ReadFile(l.pid)
	if err != nil {
		l.m.t.Fatal(err)
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(pid)))
	l.m.signal("INT", n)
}

// over tells whether they have ended.
func (l *load) over() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// unharmed waits for their end: none may have seen an error.
func (l *load) unharmed(what string) {
	l.m.t.Helper()
	<-l.ended
	if code := l.cmd.ProcessState.ExitCode(); code != 0 {
		l.m.t.Errorf("%s: clients: exit %d", what, code)
	}
	report, err := os.ReadFile(l.out)
	if err != nil {
		l.m.t.Fatal(err)
	}
	if strings.Contains(string(report), ": 0 answers,") {
		l.m.t.Errorf("%s: clients have had no answer", what)
	}
	l.m.t.Logf("%s: clients:\n%s", what, report)
}

// manager is what installs packages.
type manager struct {
	format  string
	install []string
	remove  []string
	purge   []string // nil: there is no such thing
	kept    string   // where the administrator's configuration is once the package has been removed
}

var (
	byDpkg = manager{"deb", []string{"dpkg", "-i"}, []string{"dpkg", "-r", "segue"}, []string{"dpkg", "-P", "segue"}, "/etc/segue/segue.yaml"}
	// What it depends on Debian's rpm does not know of, as dpkg has installed that.
	byRPM = manager{"rpm", []string{"rpm", "-U", "--nodeps"}, []string{"rpm", "-e", "--nodeps", "segue"}, nil, "/etc/segue/segue.yaml.rpmsave"}
)

// TestMachineUpgrade installs, upgrades, breaks, repairs and removes the package on a Debian whose process 1 is systemd, under clients of which none may see an error.
func TestMachineUpgrade(t *testing.T) {
	for _, test := range []struct {
		name  string
		by    manager
		units []string
	}{
		{"deb", byDpkg, []string{"segue.service"}},
		{"deb, port of systemd", byDpkg, []string{"segue.socket", "segue.service"}},
		{"rpm", byRPM, []string{"segue.service"}},
	} {
		t.Run(test.name, func(t *testing.T) { upgrades(t, test.by, test.units) })
	}
}

func upgrades(t *testing.T, by manager, units []string) { //nolint:thelper // it is the test: its lines are to be told
	m := boot(t)
	said := m.do(append(slices.Clone(by.install), m.give(onePackage(t, by.format)))...)
	has(t, said, "systemctl enable --now segue")
	has(t, m.do("stat", "-c", "%U:%G %a", "/etc/segue/segue.yaml"), "root:segue 640")
	has(t, m.do("getent", "passwd", "segue"), ":/var/lib/segue:/usr/sbin/nologin")
	if m.processes() != 0 {
		t.Error("it runs before it is configured")
	}
	sim := m.command(t.Context(), "/usr/bin/segue", "sim", "fe", "--listen", "127.0.0.2:9030")
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	file := "listen: 127.0.0.1:9030\nadmin: 127.0.0.1:9131\nbackends: [127.0.0.2:9030]\nstate: /var/lib/segue/state.json\n"
	if len(units) > 1 { // what systemd has bound counts, whatever the file says
		file = strings.Replace(file, "9030", "3306", 1)
	}
	m.put("/etc/segue/segue.yaml", file)
	m.do(append([]string{"systemctl", "enable", "--now"}, units...)...)
	first := m.main()
	m.until("statements are answered", func() bool {
		out, _ := m.try("segue", "status")
		return strings.Contains(out, "1 of 1")
	})

	l := m.load()
	m.marks("before")
	pid := m.upgrade(by, "1.0.1", "", first, true)
	// The one before has sessions still, and is in the unit.
	if n := m.processes(); n != 2 {
		t.Errorf("%d processes right after the upgrade", n)
	}
	m.marks("first upgrade")
	has(t, m.do("segue", "status"), "1.0.1", "127.0.0.1:9030")
	pid = m.upgrade(by, "1.0.2", "#!/bin/sh\necho this version is broken >&2\nexit 1\n", pid, false)
	m.marks("a broken version")
	// It is right for who asks, and does not get ready.
	m.do("cp", "/share/segue", "/opt/segue")
	pid = m.upgrade(by, "1.0.3", "#!/bin/sh\ncase $1 in renew) SEGUE_ADMIN=192.0.2.1:1 exec /opt/segue \"$@\";; esac\nexec /opt/segue \"$@\"\n", pid, false)
	m.marks("a version that does not start")
	pid = m.upgrade(by, "1.0.4", "", pid, true)
	m.marks("a good one")
	if got := m.do("cat", "/etc/segue/segue.yaml"); got != file {
		t.Errorf("the configuration has become\n%s", got)
	}
	l.stop()
	l.unharmed("upgrades")

	// A restart behind an upgrade ends statements of both processes in peace.
	next := m.give(packageOf(t, "1.0.5", "", by.format))
	statement := m.statement("15s")
	m.upgradeBy(by, "1.0.5", next, pid, true)
	if statement.over() {
		t.Error("the statement has ended too early to show anything")
	}
	m.do("systemctl", "restart", "segue.service")
	if n := m.processes(); n != 1 {
		t.Errorf("%d processes behind a restart", n)
	}
	statement.unharmed("restarted behind an upgrade")

	// systemd minds the process that has taken over as one of its own. If that crashes, the next one starts at once, and nothing happens to the one before.
	next = m.give(packageOf(t, "1.0.6", "", by.format))
	statement = m.statement("20s")
	pid = m.upgradeBy(by, "1.0.6", next, m.main(), true)
	m.signal("KILL", pid)
	m.until("started again", func() bool { now := m.main(); return now != 0 && now != pid })
	m.until("it serves", func() bool { _, err := m.try("segue", "healthcheck", "ready"); return err == nil })
	if statement.over() || m.processes() != 2 {
		t.Errorf("%d processes; the one before was waited for", m.processes())
	}
	m.do("systemctl", "restart", "segue.service") // by one that has not known the one before
	if n := m.processes(); n != 1 {
		t.Errorf("%d processes behind a crash and a restart", n)
	}
	statement.unharmed("killed behind an upgrade, and restarted")

	m.do(by.remove...)
	if m.processes() != 0 {
		t.Error("it runs, and has been removed")
	}
	has(t, m.do("cat", by.kept), file)
	if by.purge == nil {
		return
	}
	m.do(by.purge...)
	if out, err := m.try("ls", "-d", "/etc/segue", "/var/lib/segue", "/usr/bin/segue"); err == nil || strings.Count(out, "No such file") != 3 {
		t.Errorf("is left:\n%s", out)
	}
	has(t, m.do("systemctl", "is-system-running"), "running")
}

// upgrade installs another version over the one whose main process is pid, and returns the main process then: another one if it takes over.
func (m *machine) upgrade(by manager, version, script string, pid int, takesOver bool) int {
	m.t.Helper()
	return m.upgradeBy(by, version, m.give(packageOf(m.t, version, script, by.format)), pid, takesOver)
}

// upgradeBy is upgrade by a package that has been made.
func (m *machine) upgradeBy(by manager, version, path string, pid int, takesOver bool) int {
	m.t.Helper()
	began := time.Now()
	said := m.do(append(slices.Clone(by.install), path)...)
	m.t.Logf("to %s in %v", version, time.Since(began).Round(time.Millisecond))
	now := m.main()
	if (now != pid) != takesOver || now == 0 {
		m.t.Fatalf("%s: the main process was %d and is %d\n%s", version, pid, now, said)
	}
	if told := strings.Contains(said, "has not taken over: the process that runs serves as before"); told == takesOver {
		m.t.Errorf("%s: it says\n%s", version, said)
	}
	has(m.t, m.do("systemctl", "show", "--property", "ActiveState,SubState", "segue.service"), "ActiveState=active", "SubState=running")
	return now
}

// marks has clients go on for a while, and says in their report what has been.
func (m *machine) marks(what string) {
	m.t.Helper()
	m.until("clients are there to be told of "+what, func() bool {
		_, err := m.try("/share/segue", "bench", "mark", what)
		return err == nil
	})
	time.Sleep(3 * time.Second) // clients' time
}
