package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A release that nobody could make again is refused, and it is said what to do. What it makes is the business of each of its parts.
func TestReleaseRefuses(t *testing.T) {
	script, err := filepath.Abs("../release/release.sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@localhost"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	at := filepath.Join(dir, "deploy", "release", "release.sh")
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, text, 0o755); err != nil {
		t.Fatal(err)
	}
	git("init", "-q")
	git("add", "-A")
	git("commit", "-q", "-m", "one")
	refused := func(name, want string, args ...string) {
		t.Helper()
		out, err := exec.Command(at, args...).CombinedOutput()
		if code := exitCode(err); code != 2 || !strings.Contains(string(out), want) {
			t.Errorf("%s: exit %d\n%swant %s", name, code, out, want)
		}
	}
	out := filepath.Join(t.TempDir(), "out")
	refused("no version", "make release VERSION=v1.2.3")
	refused("none that is a tag", "make release VERSION=v1.2.3", "1.2", out)
	refused("no tag", "git tag -a v1.2.3 -m v1.2.3", "v1.2.3", out)
	git("tag", "-a", "v1.2.3", "-m", "v1.2.3")
	if err := os.WriteFile(filepath.Join(dir, "more"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("a file more", "commit or stash", "v1.2.3", out)
	git("add", "-A")
	git("commit", "-q", "-m", "two")
	refused("another commit", "git checkout v1.2.3", "v1.2.3", out)
	if _, err := os.Stat(out); err == nil {
		t.Error("something has been made")
	}
}

// exitCode is what a command has exited with; -1: it has not run.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return -1
}
