package main

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// A process of its own: what has been made private stays so.
func TestKeepPrivate(t *testing.T) {
	if os.Getenv("SEGUE_TEST_PRIVATE") != "" {
		keepPrivate()
		if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable != 0 {
			t.Errorf("%d, %v", dumpable, err)
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestKeepPrivate$")
	cmd.Env = append(os.Environ(), "SEGUE_TEST_PRIVATE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
