package experiment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// grace is how long a process may take to end once it has been asked to.
const grace = 5 * time.Second

// Signals are the names that a step may send.
func Signals() map[string]syscall.Signal {
	return map[string]syscall.Signal{
		"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL,
		"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT,
	}
}

// process is one life of a program.
type process struct {
	cmd    *exec.Cmd
	said   *tail
	exited chan struct{} // closed by wait
}

// shell makes a command in a process group of its own, so that what it starts in
// turn ends with it.
func (s *Stage) shell(text string, said *tail) *exec.Cmd {
	cmd := exec.Command("sh", "-c", text)
	cmd.Dir = s.e.Dir
	cmd.Env = append(os.Environ(), s.Env...)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second // for a grandchild that has kept the output
	return cmd
}

// begin starts a program.
func (s *Stage) begin(p Process) (*process, error) {
	life := &process{said: &tail{}, exited: make(chan struct{})}
	life.cmd = s.shell("exec "+p.Run, life.said)
	if err := life.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	s.reapers.Go(life.wait)
	return life, nil
}

// wait reaps the process. Stop waits for it.
func (p *process) wait() {
	_ = p.cmd.Wait() // how it ends is the experiment's business
	close(p.exited)
}

// running tells whether it has not exited.
func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// end stops the process, and returns when it has ended.
func (p *process) end() {
	if !p.running() {
		return
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGCONT) // one that is stopped cannot end
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	defer func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }() // what it has left behind
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.exited
	}
}

// command runs one command to its end.
func (s *Stage) command(ctx context.Context, text string) error {
	said := &tail{}
	cmd := s.shell(text, said)
	if err := cmd.Start(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })()
	err := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%w%s", err, said)
	}
	return nil
}

// tail keeps the end of what a program says, for errors.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// mostSaid is how much is kept.
const mostSaid = 2000

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - mostSaid; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}

// String is what it said, to follow an error.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text := strings.TrimSpace(string(t.text)); text != "" {
		return "; it said:\n    " + strings.ReplaceAll(text, "\n", "\n    ")
	}
	return ""
}

var errGone = errors.New("it is not running")
