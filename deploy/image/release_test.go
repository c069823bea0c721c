package main

import (
	"bytes"
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
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	git("tag", "-a", "v1.2.4", "-m", "v1.2.4")
	refused("a folder of somebody's", "no earlier release", "v1.2.4", full)
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

// The program in a release does not depend on what the machine's Go is told, nor on where it is built.
func TestReleaseBuildsTheSame(t *testing.T) {
	build, err := filepath.Abs("../release/build.sh")
	if err != nil {
		t.Fatal(err)
	}
	var made [2][]byte
	for i, variables := range [][]string{nil, {"GOFLAGS=-tags=other", "GOAMD64=v3", "GOEXPERIMENT=nogreenteagc", "CGO_ENABLED=1"}} {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"go.mod":            "module segue\n\ngo 1.24\n",
			"cmd/segue/main.go": "package main\n\nimport \"math/bits\"\n\nvar version, revision string\n\nfunc main() { println(version, revision, more, bits.OnesCount(uint(len(version)))) }\n",
			"cmd/segue/yes.go":  "//go:build other\n\npackage main\n\nconst more = 1\n",
			"cmd/segue/no.go":   "//go:build !other\n\npackage main\n\nconst more = 2\n",
		} {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		to := filepath.Join(dir, "out")
		cmd := exec.Command(build, dir, "v1.2.3", "0123abcd", "linux", "amd64", to)
		cmd.Env = append(os.Environ(), variables...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if made[i], err = os.ReadFile(to); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(made[0], made[1]) {
		t.Error("two builds differ")
	}
	if !bytes.Contains(made[0], []byte("0123abcd")) {
		t.Error("it does not tell its commit")
	}
}
