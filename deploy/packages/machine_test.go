package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is for what must happen.
const patience = time.Minute

// debian is the root of a Debian with systemd that nobody writes to: made once, and kept in the cache.
func debian(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("SEGUE_CACHE")
	if cache == "" {
		var err error
		if cache, err = filepath.Abs("../../.cache"); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(cache, "packages", "debian-1") // another number for what is made otherwise
	if _, err := os.Stat(root); err == nil {
		return root
	}
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	made := root + ".new"
	output(t, "rm", "-rf", made)
	output(t, "mmdebstrap", "--quiet", "--variant=essential", "--include=systemd,systemd-sysv,passwd,rpm", "--dpkgopt=path-exclude=/usr/share/locale/*", "bookworm", made)
	if err := os.Rename(made, root); err != nil {
		t.Fatal(err)
	}
	t.Logf("mmdebstrap took %v", time.Since(began).Round(time.Second))
	return root
}

// machine is a Debian whose process 1 is systemd, in namespaces of its own.
type machine struct {
	t     *testing.T
	pid   int // of its process 1, seen from here
	share string
}

// boot starts one, and has it end with the test. Its folder /share is share.
func boot(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, share: t.TempDir()}
	var said bytes.Buffer
	cmd := exec.Command("unshare", "--mount", "--pid", "--fork", "--net", "--uts", "--ipc", "--cgroup", "--kill-child=KILL", "sh", "testdata/boot.sh", debian(t), m.share)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() {
		if t.Failed() && m.pid != 0 {
			log, _ := m.try("journalctl", "--no-pager", "-n", "120")
			t.Logf("the machine's journal:\n%s", log)
		}
		if m.pid != 0 {
			_ = syscall.Kill(m.pid, syscall.SIGKILL)
		} else {
			_ = cmd.Process.Kill()
		}
		<-ended
	})
	m.until("systemd is up", func() bool {
		select {
		case <-ended:
			t.Fatalf("the machine has not started: it needs root, cgroup2 and overlayfs\n%s", said.String())
		default:
		}
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", cmd.Process.Pid, cmd.Process.Pid))
		if err != nil || len(strings.Fields(string(children))) != 1 {
			return false
		}
		m.pid, _ = strconv.Atoi(strings.Fields(string(children))[0])
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", m.pid)); err != nil || strings.TrimSpace(string(name)) != "systemd" {
			return false
		}
		state, _ := m.try("systemctl", "is-system-running")
		return strings.TrimSpace(state) == "running"
	})
	return m
}

// command is one that runs in the machine.
func (m *machine) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--all", "--target", strconv.Itoa(m.pid)}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"}
	return cmd
}

func (m *machine) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	out, err := m.command(ctx, args...).CombinedOutput()
	return string(out), err
}

// do runs one that must succeed.
func (m *machine) do(args ...string) string {
	m.t.Helper()
	out, err := m.try(args...)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// until waits for something that must happen.
func (m *machine) until(what string, is func() bool) {
	m.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			m.t.Fatalf("it has not come to this: %s", what)
		}
	}
}

// put makes a file in the machine, as the administrator does.
func (m *machine) put(path, text string) {
	m.t.Helper()
	cmd := m.command(m.t.Context(), "sh", "-c", `mkdir -p "$(dirname "$0")" && cat >"$0"`, path)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("write %s: %v\n%s", path, err, out)
	}
}

// give puts a file where the machine has it, and returns that path.
func (m *machine) give(path string) string {
	m.t.Helper()
	output(m.t, "cp", path, m.share)
	return "/share/" + filepath.Base(path)
}

// main is the main process of the service, as the machine numbers it; 0: none.
func (m *machine) main() int {
	m.t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(m.do("systemctl", "show", "--property", "MainPID", "--value", "segue.service")))
	if err != nil {
		m.t.Fatal(err)
	}
	return pid
}

// signal is by the shell, as not every machine has a program for it.
func (m *machine) signal(name string, pid int) {
	m.t.Helper()
	m.do("sh", "-c", `kill -s "$0" "$1"`, name, strconv.Itoa(pid))
}

// processes are those of the service.
func (m *machine) processes() int {
	m.t.Helper()
	out, err := m.try("cat", "/sys/fs/cgroup/system.slice/segue.service/cgroup.procs")
	if err != nil { // there is no such group
		return 0
	}
	return len(strings.Fields(out))
}
