package main

import (
	"os"
	"os/exec"
	"path/filepath"
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

// load is clients of all kinds that count each error, until they are told to stop.
type load struct {
	cmd *exec.Cmd
	out string
}

func (m *machine) load() *load {
	m.t.Helper()
	l := &load{out: filepath.Join(m.share, "load.txt")}
	file, err := os.Create(l.out)
	if err != nil {
		m.t.Fatal(err)
	}
	defer file.Close()
	// Idle connections are used often, so that those on the process before are seen, too.
	l.cmd = m.command(m.t.Context(), "sh", "-c", `echo $$ >/share/load.pid; exec "$0" "$@"`, m.give(filepath.Join(built, "segue")), "bench", "--dsn", "root@tcp(127.0.0.1:9030)/", "--duration", "0", "--rate", "200", "--idle-for", "2s",
		"--mark", "--out", "/share/load", "--force")
	l.cmd.Stdout, l.cmd.Stderr = file, file
	if err := l.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	return l
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

func upgrades(t *testing.T, by manager, units []string) {
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
	const file = "listen: 127.0.0.1:9030\nadmin: 127.0.0.1:9131\nbackends: [127.0.0.2:9030]\nstate: /var/lib/segue/state.json\n"
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
	m.ends(l)

	// systemd minds the process that has taken over as one of its own.
	m.signal("KILL", pid)
	m.until("started again", func() bool { now := m.main(); return now != 0 && now != pid })
	m.do("systemctl", "restart", "segue.service")
	if n := m.processes(); n != 1 {
		t.Errorf("%d processes behind a restart", n)
	}

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
	began := time.Now()
	said := m.do(append(slices.Clone(by.install), m.give(packageOf(m.t, version, script, by.format)))...)
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

// ends stops the clients, of which none may have seen an error.
func (m *machine) ends(l *load) {
	m.t.Helper()
	pid, err := os.ReadFile(filepath.Join(m.share, "load.pid"))
	if err != nil {
		m.t.Fatal(err)
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(pid)))
	m.signal("INT", n)
	if err := l.cmd.Wait(); err != nil {
		m.t.Errorf("clients: %v", err)
	}
	report, err := os.ReadFile(l.out)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Logf("clients:\n%s", report)
}
