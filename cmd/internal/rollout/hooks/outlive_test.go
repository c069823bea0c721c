package hooks

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"segue/cmd/internal/rollout/store"
)

// A program that is killed leaves the command that it has begun to its end, though nobody reads what it says any more; until then nobody takes the rollout up again, and
// what the command leaves running does not keep it.
func TestOutlivesItsProgram(t *testing.T) {
	if dir := os.Getenv("HOOKS_TEST_KILLED"); dir != "" {
		f, err := store.Open(filepath.Join(dir, "state"))
		if err != nil {
			t.Fatal(err)
		}
		hook := "cd " + dir + `; echo begun >begun; sleep 30 & echo $! >left; read x <go; for i in 1 2 3 4 5; do echo "$i $x"; done; echo ended >ended`
		t.Fatal((&Set{Held: f.Lock(), StopHook: hook, Timeout: time.Minute}).Stop(t.Context(), node), "it was not killed")
	}
	dir := t.TempDir()
	for _, name := range []string{"begun", "left", "go", "ended"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	killed := exec.Command(os.Args[0], "-test.run", "^TestOutlivesItsProgram$")
	killed.Env = append(os.Environ(), "HOOKS_TEST_KILLED="+dir)
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	said := func(name string) string {
		t.Helper()
		text := make(chan string, 1)
		go func() { data, _ := os.ReadFile(filepath.Join(dir, name)); text <- strings.TrimSpace(string(data)) }()
		select {
		case s := <-text:
			return s
		case <-time.After(20 * time.Second):
			t.Fatalf("nothing is said in %s", name)
			return ""
		}
	}
	if got := said("begun"); got != "begun" {
		t.Errorf("begun: %q", got)
	}
	var left int
	if _, err := fmt.Sscan(said("left"), &left); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(left, syscall.SIGKILL) }()
	_ = killed.Process.Kill()
	_ = killed.Wait()
	if f, err := store.Open(filepath.Join(dir, "state")); err == nil {
		_ = f.Close()
		t.Error("the rollout could be taken up while its command ran")
	} else if !strings.Contains(err.Error(), "a command that one has begun") {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte("go\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := said("ended"); got != "ended" {
		t.Errorf("ended: %q", got)
	}
	free := func() bool {
		f, err := store.Open(filepath.Join(dir, "state"))
		if err == nil {
			_ = f.Close()
		}
		return err == nil
	}
	for end := time.Now().Add(10 * time.Second); !free(); time.Sleep(10 * time.Millisecond) { // its keeper ends by itself, and tells nobody
		if time.Now().After(end) {
			t.Fatal("what the command has left running keeps the rollout")
		}
	}
}
