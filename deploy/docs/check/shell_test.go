package check

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
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

// patience is for how long a command may run, and one in the background be silent: 10s is enough to write a page on a quiet machine.
var patience = flag.Duration("patience", 4*time.Minute, "how long a command of a page may take")

// prologue prepares the namespaces of a page, then runs the files whose numbers it reads. $1 is the folder with these. Nothing of Segue that is on this machine is seen.
const prologue = `
set -e
ip link set lo up
mount --bind "$1/hosts" /etc/hosts
for d in /etc/segue /run/segue; do [ ! -d "$d" ] || mount -t tmpfs none "$d"; done
set +e
exec 3<&0 4>&1 </dev/null >/dev/null 2>&1
steps=$1
set --
while IFS= read -r step <&3; do
	. "$steps/$step.sh" >"$steps/$step.out" 2>&1 3<&- 4>&-
	echo "$?" >&4
done
`

// shell is the bash that runs a page.
type shell struct {
	steps string // its folder
	count int
	tell  *os.File
	heard chan string // exit codes
}

// newShell starts one in a network, a file system and a set of processes of its own, all of which ends with the test. Names of servers lead to addresses of that network.
func newShell(t *testing.T, program string) *shell {
	t.Helper()
	dir, err := os.MkdirTemp("", "docs-") //nolint:usetesting // t.TempDir is too long for the path of a UNIX socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	home, steps := filepath.Join(dir, "home"), filepath.Join(dir, "steps")
	for _, d := range []string{home, steps, filepath.Join(dir, "run")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(steps, "hosts"), []byte(hosts()), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "bash", "-c", prologue, "bash", steps}
	if os.Getuid() != 0 {
		args = append([]string{"--map-root-user"}, args...)
	}
	in, tell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", args...)
	cmd.Dir, cmd.Stdin = home, in
	cmd.Env = []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + filepath.Join(dir, "run"), "PATH=" + filepath.Dir(program) + ":" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "LANG=C.UTF-8", "TERM=dumb"}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	s := &shell{steps: steps, tell: tell, heard: make(chan string)}
	go s.listen(bufio.NewScanner(out))
	t.Cleanup(func() {
		_ = tell.Close()
		_ = cmd.Process.Kill() // and with it all that the page has started
		for range s.heard {    // until listen has ended
		}
		_ = cmd.Wait()
		if stderr.Len() > 0 {
			t.Logf("unshare, which needs root or namespaces for users: %s", stderr.String())
		}
	})
	return s
}

// listen passes on what the shell says, until it ends.
func (s *shell) listen(out *bufio.Scanner) {
	defer close(s.heard)
	for out.Scan() {
		s.heard <- out.Text()
	}
}

// run runs a step and compares what it says.
func (s *shell) run(step Step) error {
	s.count++
	name := filepath.Join(s.steps, strconv.Itoa(s.count))
	if err := os.WriteFile(name+".sh", []byte(step.Command+"\n"), 0o600); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(s.tell, s.count); err != nil {
		return err
	}
	deadline := time.NewTimer(*patience)
	defer deadline.Stop()
	select {
	case code, ok := <-s.heard:
		said, err := os.ReadFile(name + ".out")
		switch {
		case !ok:
			return fmt.Errorf("the shell has ended: %s", said)
		case code != "0":
			return fmt.Errorf("exit code %s: %s", code, said)
		case err != nil:
			return err
		case !step.Background:
			return Match(step.Want, string(said))
		}
	case <-deadline.C:
		said, _ := os.ReadFile(name + ".out")
		return fmt.Errorf("still runs after %v: %s", *patience, said)
	}
	return awaitSaid(step, name+".out")
}

var logLine = regexp.MustCompile(`(?m)^\{"time":.*\n`)

// awaitSaid waits for what a command in the background is to say. It goes on to talk, and where lines of a log, which come by another way, stand among the others is chance.
func awaitSaid(step Step, path string) error {
	if len(step.Want) == 0 {
		return nil
	}
	want := append(slices.Clone(step.Want), "...")
	tick := time.NewTicker(20 * time.Millisecond) // a file tells nobody that it has grown
	defer tick.Stop()
	for deadline := time.Now().Add(*patience); ; <-tick.C {
		said, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := Match(want, logLine.ReplaceAllString(string(said), "")); err == nil || !errors.Is(err, ErrSaid) || time.Now().After(deadline) {
			return err
		}
	}
}

// hosts are the names of a page's network. FEs have the addresses that `segue sim cluster --hosts --listen 127.0.0.11:9030` gives them.
func hosts() string {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n")
	for i, kind := range []string{"fe", "tidb", "db", "be"} {
		for n := 1; n <= 9; n++ {
			fmt.Fprintf(&b, "127.0.0.%d %s%d\n", 10*(i+1)+n, kind, n)
		}
	}
	return b.String()
}
