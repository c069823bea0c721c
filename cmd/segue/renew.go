package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
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

Without flags the new one gets those of the one that runs. Which one that is, the
addresses in the configuration tell, and within a unit of systemd the unit.

Exit code 0: the new program serves; or the one that runs is the one on disk already;
or none runs that offers to be taken over from (takeover.offer), which is said.
Exit code 1: the new one did not get ready, and the old one serves as before; or a unit
runs one that cannot be found.

The systemd unit runs it on reload, so that the new process is in the unit, and in
its sandbox: systemctl reload segue. Run it as the user of the one that runs. The new
process keeps stdout and stderr for its log: where they are a pipe, name a file.`,
		Example: "  segue renew --config /etc/segue/segue.yaml >>/var/log/segue.log 2>&1 </dev/null",
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
		case runs == nil && c.Takeover.Offer && w.getenv("MAINPID") != "":
			return fmt.Errorf("process %s serves as before: at no address of this configuration, and not in the folder of this unit (RuntimeDirectory=), does it offer to be taken over from; see what its log says of that, or restart it", w.getenv("MAINPID"))
		case runs == nil:
			_, err = fmt.Fprintln(w.stdout, "no Segue that runs offers to be taken over from (takeover.offer): the program on disk is for the next start")
		case runs.program != "" && runs.program == programFile():
			_, err = fmt.Fprintf(w.stdout, "process %d runs the program on disk already\n", runs.pid)
		default:
			err = w.startNext(runs)
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
		s, p, err := takeOver(path, wanted{listen: c.Listen})
		if err != nil {
			return nil, fmt.Errorf("look for the Segue on %s: %w", l.Address, err)
		}
		if p != nil {
			s.close()
			p.leave()
			return p, nil
		}
	}
	for _, path := range at.ofUnit() {
		s, p, err := takeOver(path, wanted{run: at.run})
		switch {
		case errors.Is(err, errNoSegue): // another unit's
		case err != nil:
			return nil, fmt.Errorf("look for the Segue of this unit: %w", err)
		case p != nil:
			s.close()
			p.leave()
			return p, nil
		}
	}
	return nil, nil
}

// ownArgs are those of a command line of serve by which another Segue would be as this one is.
func ownArgs(line []string) (args []string) {
	if len(line) == 0 || line[0] != serveName {
		return nil
	}
	for i := 1; i < len(line); i++ {
		switch {
		case line[i] == "--takeover" || strings.HasPrefix(line[i], "--takeover=") || strings.HasPrefix(line[i], "--"+readyFD+"="):
		case line[i] == "--"+readyFD:
			i++
		default:
			args = append(args, line[i])
		}
	}
	return args
}

// startNext starts the program on disk with the flags of this command, or if it has none with those of the process that runs, and returns once it has taken over
// from that, or has ended.
func (w *world) startNext(runs *predecessor) error {
	pid, args := runs.pid, w.args[1:]
	if len(args) == 0 {
		args = runs.args
	}
	path, err := os.Executable()
	if err != nil {
		return err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	next := exec.Command(path, append([]string{serveName, "--takeover", "--" + readyFD, "3"}, args...)...)
	next.Stdout, next.Stderr, next.ExtraFiles = os.Stdout, os.Stderr, []*os.File{writer}
	next.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it outlives this one, and its terminal
	inUnit := w.getenv("MAINPID") != ""                   // started by systemd for a unit that runs
	if inUnit {
		asSibling(next.SysProcAttr)
	}
	err = next.Start()
	_ = writer.Close()
	if err != nil {
		return fmt.Errorf("start %s: %w; process %d serves as before", path, err, pid)
	}
	if n, _ := reader.Read(make([]byte, 1)); n == 1 {
		_, err := fmt.Fprintf(w.stdout, "process %d has taken over from process %d\n", next.Process.Pid, pid)
		return err
	}
	if err = errors.New("it has ended"); !inUnit {
		if code := next.Wait(); code != nil {
			err = code
		}
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
