package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine says what it is measured on, and what is measured.
func machine(ctx context.Context, segue string) string {
	var u unix.Utsname
	_ = unix.Uname(&u) // an empty release says so itself
	info, _ := os.ReadFile("/proc/cpuinfo")
	facts := []string{
		fmt.Sprintf("%s, %d cores", field(string(info), "model name"), runtime.NumCPU()),
		"Linux " + unix.ByteSliceToString(u.Release[:]),
	}
	for _, argv := range [][]string{{segue, "version"}, {"haproxy", "-v"}, {"mariadbd", "--version"}, {"sysbench", "--version"}, {"strace", "--version"}} {
		out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).Output()
		if line, _, _ := strings.Cut(string(out), "\n"); err == nil {
			facts = append(facts, line)
		}
	}
	return "- " + strings.Join(facts, "\n- ") + "\n"
}

// field is the first value of that name in /proc/cpuinfo.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "a processor without " + name
}
