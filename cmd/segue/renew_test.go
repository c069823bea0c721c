package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"segue/backend/fesim"
)

// inUnit is what systemd gives the processes of a unit, with a folder of its own: all tests are of one control group, and the Segues of one unit stop those that answer
// in its folder.
func inUnit(t *testing.T, notify, run string) []string {
	t.Helper()
	dir, err := os.MkdirTemp("", "segue") //nolint:usetesting // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return []string{"NOTIFY_SOCKET=" + notify, "INVOCATION_ID=" + run, "RUNTIME_DIRECTORY=" + dir}
}

// installed is a copy of this program, as a package's upgrade puts one in the place of the one that runs.
func installed(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "segue")
	if err := os.WriteFile(path, b, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// renew runs segue renew of a program with some variables, and returns what it says.
func renew(t *testing.T, path string, variables, args []string) (said string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, append([]string{"renew"}, args...)...)
	cmd.Env = append(append(os.Environ(), asProgram+"=1"), variables...)
	out, err := os.CreateTemp(t.TempDir(), "") // a pipe would be read until the process that it leaves behind has ended
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	ran := cmd.Run()
	b, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b), ran
}

func (m told) next(t *testing.T, want string) {
	t.Helper()
	for {
		select {
		case got := <-m:
			if strings.HasPrefix(got, "STATUS=") {
				continue // between the others at any time
			}
			if first, _, _ := strings.Cut(got, "\n"); got != want && first != want {
				t.Fatalf("told %q, want %q", got, want)
			}
			return
		case <-time.After(patience):
			t.Fatalf("not told %q", want)
		}
	}
}

type told <-chan string

// The program that runs stays, unless there is another one, which takes over and is the unit's main process from then on. One that fails changes nothing.
func TestRenew(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	addr, api := deadAddress(t), deadAddress(t)
	path := configFile(t, configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\n", addr, api)))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if said, err := renew(t, self, nil, []string{"--config", path}); err != nil || !strings.Contains(said, "no Segue that runs offers") {
		t.Fatalf("%v: %s", err, said)
	}
	socket, messages := manager(t)
	hears := told(messages)
	variables := inUnit(t, socket, "run1")
	old := process(t, strings.Join(variables, " "), nil, "serve", "--config", path).open(addr, api)
	hears.next(t, "READY=1")
	visitors := visit(t, addr)
	visitors.more(20)
	if said, err := renew(t, self, variables, []string{"--config", path}); err != nil || !strings.Contains(said, "runs the program on disk already") {
		t.Fatalf("%v: %s", err, said)
	}
	next := installed(t)
	if said, err := renew(t, next, variables, []string{"--config", path, "--admin", fes[0].MySQLAddress()}); err == nil || !strings.Contains(said, "serves as before") || !strings.Contains(said, "already in use") {
		t.Fatalf("%v: %s", err, said)
	}
	visitors.more(20)
	idle := old.conn()
	old.on(idle)
	said, err := renew(t, next, variables, []string{"--config", path})
	match := regexp.MustCompile(`process (\d+) has taken over from process (\d+)`).FindStringSubmatch(said)
	if err != nil || match == nil || match[2] != strconv.Itoa(old.pid) {
		t.Fatalf("%v: %s", err, said)
	}
	pid, _ := strconv.Atoi(match[1])
	end := func() { _ = syscall.Kill(pid, syscall.SIGTERM) }
	t.Cleanup(end)
	hears.next(t, "MAINPID="+match[1])
	hears.next(t, "READY=1")
	visitors.more(20)
	old.on(idle)
	idle.Close()
	old.db.Close()
	if code := old.wait(); code != 0 {
		t.Errorf("the old one: exit %d", code)
	}
	visitors.more(20)
	visitors.stop()
	end()
	hears.next(t, "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=70000000") // of the new one: the old one says no more
}

// One that takes over for another unit is that unit's: this one's service manager hears nothing of it.
func TestTakeoverOfAnotherUnit(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	addr, api := deadAddress(t), deadAddress(t)
	path := configFile(t, configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\n", addr, api)))
	socket, messages := manager(t)
	hears := told(messages)
	variables := inUnit(t, socket, "run1")
	old := process(t, strings.Join(variables, " "), nil, "serve", "--config", path)
	hears.next(t, "READY=1")
	process(t, "INVOCATION_ID=run2 "+variables[2], nil, "serve", "--config", path, "--takeover").open(addr, api).ready()
	hears.next(t, "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=70000000")
	if code := old.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
}
