package experiment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"segue/bench/said"
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
	said   *said.Tail
	exited chan struct{} // closed by wait
}

// shell makes a command in a process group of its own, so that what it starts in
// turn ends with it.
func (s *Stage) shell(text string, tail *said.Tail) *exec.Cmd {
	cmd := exec.Command("sh", "-c", text)
	cmd.Dir = s.e.Dir
	cmd.Env = append(os.Environ(), s.Env...)
	cmd.Stdout, cmd.Stderr = tail, tail
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second // for a grandchild that has kept the output
	return cmd
}

// begin starts a program.
func (s *Stage) begin(p Process) (*process, error) {
	life := &process{said: &said.Tail{}, exited: make(chan struct{})}
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
	tail := &said.Tail{}
	cmd := s.shell(text, tail)
	if err := cmd.Start(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })()
	err := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%w%s", err, quoted(tail))
	}
	return nil
}

// quoted is what a program said last, to follow an error.
func quoted(t *said.Tail) string {
	lines := t.Lines(0)
	if lines == nil {
		return ""
	}
	return "; it said:\n    " + strings.Join(lines, "\n    ")
}

var errGone = errors.New("it is not running")
