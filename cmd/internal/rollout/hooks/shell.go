package hooks

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"segue/backend/wire"
	"segue/bench/said"
	"segue/cmd/internal/rollout"
)

// keeper runs a command, and keeps open for as long what outlives this program: as descriptor 3 the reading end of its output, so that it does not die of a broken pipe, and as 4
// what is held. The command itself has neither: a server that it leaves behind holds nothing.
const keeper = `sh -c "$1" 3<&- 4<&-; exit $?`

// afterwards is for how long more output is waited for when a command has ended: what it has left running may keep it open.
const afterwards = time.Second

// shell runs a command in a process group of its own, so that it is not interrupted with this program, and what it starts ends with it where its time is over. What it leaves running on
// purpose (nohup server &) stays when it has ended. Where this program is killed the command goes on to its end.
func (s *Set) shell(ctx context.Context, text string, n rollout.Node) error {
	cmd := exec.Command("sh", "-c", keeper, "sh", text)
	var err error
	if cmd.Env, err = environment(n); err != nil {
		return err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	output, err := s.start(cmd)
	if err != nil {
		return err
	}
	defer output.Close()
	defer context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })()
	tail, read := &said.Tail{To: s.Said}, make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(tail, output)
	}()
	err = cmd.Wait()
	_ = output.SetReadDeadline(time.Now().Add(afterwards))
	<-read
	if err != nil {
		return fmt.Errorf("%w%s", err, quoted(tail))
	}
	return nil
}

// quoted is what a command said last, to follow an error.
func quoted(t *said.Tail) string {
	lines := t.Lines(5)
	if lines == nil {
		return ""
	}
	for i, line := range lines {
		lines[i] = wire.Shown(line, wire.MaxShown)
	}
	return "; it said: " + strings.Join(lines, " / ")
}

// environment is what a command gets to know of the node.
func environment(n rollout.Node) ([]string, error) {
	all, err := values(n)
	if err != nil {
		return nil, err
	}
	env := os.Environ()
	for name, v := range all {
		if name == "Name" {
			name = "Node"
		}
		env = append(env, "SEGUE_"+strings.ToUpper(name)+"="+v)
	}
	return env, nil
}

// start starts a command with what it keeps, and returns its output.
func (s *Set) start(cmd *exec.Cmd) (output *os.File, err error) {
	output, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	kept, err := duplicate(output)
	if err != nil {
		_ = output.Close()
		return nil, err
	}
	defer kept.Close()
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = in, in, []*os.File{kept}
	if s.Held != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, s.Held)
	}
	err = cmd.Start()
	if err == nil {
		err = unblock(output)
	}
	if err != nil {
		_ = output.Close()
		return nil, err
	}
	return output, nil
}

// duplicate is another descriptor of the same file.
func duplicate(f *os.File) (again *os.File, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		var n int
		if n, failed = syscall.Dup(int(fd)); failed == nil {
			syscall.CloseOnExec(n)
			again = os.NewFile(uintptr(n), f.Name())
		}
	})
	if err == nil {
		err = failed
	}
	return again, err
}

// unblock has reads of a file end at their deadline again: package exec makes what it passes on blocking, and the flag is one for all descriptors of it.
func unblock(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = syscall.SetNonblock(int(fd), true) })
	if err == nil {
		err = failed
	}
	return err
}
