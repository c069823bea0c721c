package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"segue/backend/fesim"
)

// heir takes the pid of the process that has taken over from what renew says, and has it end with the test.
func heir(t *testing.T, said string, err error, from int) int {
	t.Helper()
	match := regexp.MustCompile(`process (\d+) has taken over from process (\d+)`).FindStringSubmatch(said)
	if err != nil || match == nil || match[2] != strconv.Itoa(from) {
		t.Fatalf("from %d: %v: %s", from, err, said)
	}
	pid, _ := strconv.Atoi(match[1])
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	return pid
}

// A unit that is stopped ends the statements of all of its processes in peace: the main one waits for those before it, and no second SIGTERM cuts them.
func TestStopBehindTakeover(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	addr, api := deadAddress(t), deadAddress(t)
	path := configFile(t, configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\n", addr, api)))
	socket, messages := manager(t)
	hears := told(messages)
	variables := inUnit(t, socket, "run1")
	old := process(t, strings.Join(variables, " "), nil, "serve", "--config", path).open(addr, api)
	hears.next(t, "READY=1")
	c := old.conn()
	defer c.Close()
	old.on(c)
	answer := make(chan error, 1)
	go func() {
		var zero int
		answer <- c.QueryRowContext(t.Context(), "SELECT SLEEP(3)").Scan(&zero)
	}()
	eventually(t, "busy", func() bool {
		list, err := old.client.Sessions(t.Context())
		return err == nil && len(list) == 1 && list[0].State == "busy"
	})
	said, err := renew(t, installed(t), variables, []string{"--config", path})
	next := heir(t, said, err, old.pid)
	hears.next(t, "MAINPID="+strconv.Itoa(next))
	hears.next(t, "READY=1")
	_ = syscall.Kill(next, syscall.SIGTERM)
	eventually(t, "the old one is told", func() bool { return strings.Contains(old.stderr.String(), `"msg":"draining"`) })
	old.signal(syscall.SIGTERM) // as systemd does with KillMode=control-group
	if err := <-answer; err != nil {
		t.Errorf("the statement: %v", err)
	}
	if strings.Contains(old.stderr.String(), "without draining") {
		t.Error("cut")
	}
	if code := old.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	eventually(t, "the new one has ended", func() bool { return len(alive([]int{next})) == 0 })
}

// Whoever is named in what is said of a takeover is the one that serves, from the second takeover on, too; and the next one has the flags of the one before it,
// if it is not given others: here there is nothing but flags to find it by.
func TestRenewTwiceByFlags(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	addr, api := deadAddress(t), deadAddress(t)
	path := configFile(t, configuration(fes, "")) // 127.0.0.1:9030
	socket, _ := manager(t)
	variables := append(inUnit(t, socket, "run1"), "SEGUE_CONFIG="+path)
	args := []string{"serve", "--listen", addr, "--admin", api, "--log-level", "debug"}
	old := process(t, strings.Join(variables, " "), nil, args...).open(addr, api)
	old.prints(`listens on (\S+),`)
	said, err := renew(t, installed(t), variables, nil)
	second := heir(t, said, err, old.pid)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	said, err = renew(t, self, variables, nil)
	third := heir(t, said, err, second)
	if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", third)); err != nil || !strings.HasSuffix(string(line), strings.Join(args[1:], "\x00")+"\x00") {
		t.Errorf("%q, %v", line, err)
	}
	if err := once(addr); err != nil {
		t.Error(err)
	}
	if said, err := renew(t, self, variables, nil); err != nil || !strings.Contains(said, fmt.Sprintf("process %d runs the program on disk already", third)) {
		t.Errorf("%v: %s", err, said)
	}
}

// What systemd has bound need not be what the file has. And where a unit's process is not found, that is no success.
func TestRenewOfPassedSocket(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	ln, passed := managed(t)
	api := deadAddress(t)
	path := configFile(t, configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\n", deadAddress(t), api)))
	socket, messages := manager(t)
	hears := told(messages)
	variables := inUnit(t, socket, "run1")
	old := process(t, strings.Join(variables, " ")+" LISTEN_FDS=1 LISTEN_PID=$$", []*os.File{passed}, "serve", "--config", path)
	hears.next(t, "READY=1")
	said, err := renew(t, installed(t), variables, []string{"--config", path})
	pid := heir(t, said, err, old.pid)
	hears.next(t, "MAINPID="+strconv.Itoa(pid))
	if err := once(ln.Addr().String()); err != nil {
		t.Error(err)
	}
	other := append(inUnit(t, socket, "run1"), "MAINPID="+strconv.Itoa(pid))
	if said, err := renew(t, installed(t), other, []string{"--config", path}); err == nil || !strings.Contains(said, "serves as before") {
		t.Errorf("%v: %s", err, said)
	}
}

func TestOwnArgs(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"serve":                                  "",
		"serve --takeover --ready-fd 3 --zone a": "--zone a",
		"serve fe1:9030 --takeover=true --ready-fd=3 fe2:9030": "fe1:9030 fe2:9030",
		"renew --zone a": "",
		"":               "",
	} {
		if got := strings.Join(ownArgs(strings.Fields(line)), " "); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestIsPrivateOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"takeover-127.0.0.1:9030.sock.abc": true, "takeover-:3306.sock.abc": true, "own.abc": true,
		"takeover-127.0.0.1:9030.sock": false, "own": false, "admin.sock": false, "state.json": false,
	} {
		if got := isPrivateOf(filepath.Join("/run/segue", "own"), name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestMembersOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0::/system.slice/segue.service\n": "/sys/fs/cgroup/system.slice/segue.service/cgroup.procs /sys/fs/cgroup/unified/system.slice/segue.service/cgroup.procs",
		"0::/\n":                           "/sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/unified/cgroup.procs",
		"4:cpu,cpuacct:/a\n1:name=systemd:/system.slice/a:b.service\n": "/sys/fs/cgroup/systemd/system.slice/a:b.service/cgroup.procs",
		"": "", "x": "",
	} {
		if got := strings.Join(membersOf(text), " "); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}
