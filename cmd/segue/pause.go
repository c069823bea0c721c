package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"segue/cmd/internal/admin"
	proxy "segue/proxy"
)

func (w *world) pauseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pause",
		Short: "Hold all statements, for maintenance of the whole cluster",
		Long: `Hold the next statement of every session, and clients that connect, until
` + "`segue resume`" + `. Statements that run and open transactions may end. The clients
wait and see no error, though the whole cluster may be restarted meanwhile; how
long they wait is for their own timeouts to say. A pause ends by itself when its
time, 24 hours at most, is over.`,
		Example: "  segue pause --for 2m --wait && restart-everything; segue resume",
		Args:    cobra.NoArgs,
	}
	most := addSpan(cmd.Flags(), "for", admin.DefaultPause, aboveZero, proxy.MaxPause, "end by itself after this `time`")
	wait := cmd.Flags().Bool("wait", false, "return when no statement runs and no transaction is open any more")
	format := addOutput(cmd)
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, _ []string) error {
		s, err := c.Pause(ctx, *most)
		if err != nil {
			return err
		}
		if !*wait {
			return w.printPause(*format, s)
		}
		return w.waitQuiet(ctx, c, *format, s)
	})
}

func (w *world) resumeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume",
		Short: "Let statements go on that `segue pause` holds",
		Long: `Let statements go on that ` + "`segue pause`" + ` holds. If none are held, because the pause has
ended by itself, that is no failure.`,
		Args: cobra.NoArgs,
	}
	format := addOutput(cmd)
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, _ []string) error {
		s, err := c.Resume(ctx)
		if err != nil {
			return err
		}
		return w.printPause(*format, s)
	})
}

func (w *world) printPause(format outputFormat, s admin.Status) error {
	if format == formatJSON {
		return printJSON(w.stdout, s)
	}
	if s.Paused == nil {
		_, err := fmt.Fprintf(w.stdout, "resumed; %s\n", plural(s.Sessions, "session"))
		return err
	}
	_, err := fmt.Fprintf(w.stdout, "paused until %s at most; %s held, %s at work\n",
		s.Paused.Until.Local().Format(time.TimeOnly), plural(s.Paused.Held, "statement"), plural(s.Paused.Busy, "session"))
	return err
}

// waitQuiet returns when nothing runs any more.
func (w *world) waitQuiet(ctx context.Context, c *admin.Client, format outputFormat, s admin.Status) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for last := -1; ; {
		switch {
		case s.Paused == nil:
			return fmt.Errorf("wait: the pause has ended")
		case s.Paused.Busy == 0:
			return w.printPause(format, s)
		case s.Paused.Busy != last && format != formatJSON:
			if err := w.printPause(format, s); err != nil {
				return err
			}
		}
		last = s.Paused.Busy
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait: %s still at work: %w", plural(last, "session"), context.Cause(ctx))
		case <-ticker.C:
		}
		var err error
		if s, err = c.Status(ctx); err != nil {
			return err
		}
	}
}
