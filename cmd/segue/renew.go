package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"segue/config"
)

func (w *world) renewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "renew",
		Short: "Have the program on disk take over from an older one that runs",
		Long: `Have the program on disk take over from the Segue that runs, if that one runs
another file: what an upgrade needs once it has put the new program in its place.
No client is turned away, and sessions end by themselves in the old process, as
with segue serve --takeover. The new process goes on in the background.

Exit code 0: the new program serves; or the one that runs is the one on disk already;
or none runs that offers to be taken over from (takeover.offer), which is said.
Exit code 1: the new one did not get ready, and the old one serves as before.

The systemd unit runs it on reload, so that the new process is in the unit, and in
its sandbox: systemctl reload segue. Run it as the user of the one that runs.`,
		Example: "  segue renew --config /etc/segue/segue.yaml",
		Args:    cobra.NoArgs,
	}
	s := w.addSettings(cmd)
	s.addDiscover(cmd)
	s.addShutdown(cmd)
	helpAll := s.addKeys(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *helpAll {
			return cmd.Help()
		}
		path, overrides, err := w.source(cmd, s, nil)
		if err != nil {
			return err
		}
		c, err := config.Load(path, overrides...)
		if err != nil {
			return err
		}
		runs, err := runningSegue(c, newPlace(c, w.getenv))
		switch {
		case err != nil:
			return err
		case runs == nil:
			_, err = fmt.Fprintln(w.stdout, "no Segue that runs offers to be taken over from (takeover.offer): the program on disk is for the next start")
		case runs.program != "" && runs.program == programFile():
			_, err = fmt.Fprintf(w.stdout, "process %d runs the program on disk already\n", runs.pid)
		default:
			err = w.startNext(runs.pid)
		}
		return err
	}
	return cmd
}

// runningSegue asks who serves applications at the addresses of a configuration; nil: nobody who offers to be taken over from.
func runningSegue(c *config.Config, at place) (*predecessor, error) {
	for _, l := range c.Listen {
		address, err := resolve(l.Address)
		if err != nil {
			return nil, fmt.Errorf("look for the Segue on %s: %w", l.Address, err)
		}
		path, err := at.of(address)
		if err != nil {
			return nil, fmt.Errorf("look for the Segue on %s: %w", l.Address, err)
		}
		s, p, err := takeOver(path, c.Listen)
		if err != nil {
			return nil, fmt.Errorf("look for the Segue on %s: %w", l.Address, err)
		}
		if p != nil {
			s.close()
			p.leave()
			return p, nil
		}
	}
	return nil, nil
}

// startNext starts the program on disk with the flags of this command, and returns once it has taken over from process pid, or has ended.
func (w *world) startNext(pid int32) error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	next := exec.Command(path, append([]string{"serve", "--takeover", "--" + readyFD, "3"}, w.args[1:]...)...)
	next.Stdout, next.Stderr, next.ExtraFiles = os.Stdout, os.Stderr, []*os.File{writer}
	next.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it outlives this one, and its terminal
	err = next.Start()
	_ = writer.Close()
	if err != nil {
		return fmt.Errorf("start %s: %w; process %d serves as before", path, err, pid)
	}
	if n, _ := reader.Read(make([]byte, 1)); n == 1 {
		_, err := fmt.Fprintf(w.stdout, "process %d has taken over from process %d\n", next.Process.Pid, pid)
		return err
	}
	err = next.Wait()
	if err == nil {
		err = errors.New("it has stopped")
	}
	return fmt.Errorf("%s has not taken over: %w; process %d serves as before; see the log above for the cause, then run this again", path, err, pid)
}

// readyFD is the flag of serve by which renew hears that it is ready: the number of a descriptor.
const readyFD = "ready-fd"

// readyDescriptor is what it says.
type readyDescriptor struct{ *os.File }

func addReadyFD(cmd *cobra.Command) *readyDescriptor {
	d := &readyDescriptor{}
	cmd.Flags().Var(d, readyFD, "say so on this descriptor when ready, having taken over from another Segue")
	_ = cmd.Flags().MarkHidden(readyFD) // it is there
	return d
}

func (d *readyDescriptor) wanted() bool   { return d.File != nil }
func (d *readyDescriptor) file() *os.File { return d.File }

// String implements pflag.Value.
func (*readyDescriptor) String() string { return "" }

// Set implements pflag.Value.
func (d *readyDescriptor) Set(text string) error {
	fd, err := strconv.Atoi(text)
	if err != nil || fd < 3 {
		return errors.New("a number of a descriptor is 3 or more")
	}
	syscall.CloseOnExec(fd)
	d.File = os.NewFile(uintptr(fd), "ready")
	return nil
}

// Type implements pflag.Value.
func (*readyDescriptor) Type() string { return "descriptor" }
