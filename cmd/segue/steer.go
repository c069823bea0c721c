package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"segue/backend"
	"segue/cmd/internal/admin"
)

// oneBackend is the arguments of a command for one backend.
func oneBackend(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one backend; `segue backends` lists them")
	}
	return nil
}

func (w *world) drainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drain NAME",
		Short: "Take a backend out: no new sessions, and its own end at a statement boundary",
		Long: `Take a backend out before work on it. It gets no new sessions; those it has end
at their next statement boundary outside a transaction, at the latest after
drain.timeout. It stays out until ` + "`segue ready NAME`" + `, whatever its health.`,
		Example: "  segue drain fe-1 --wait && ssh fe-1 systemctl restart starrocks-fe; segue ready fe-1",
		Args:    oneBackend,
	}
	wait := cmd.Flags().Bool("wait", false, "return when its last session has ended")
	most := cmd.Flags().Duration("timeout", 0, "with --wait: give up after this time; 0: never")
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, args []string) error {
		b, err := w.steer(ctx, c, args[0], backend.Drain)
		if err != nil || !*wait || b.Sessions == 0 {
			return err
		}
		if *most > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, *most)
			defer cancel()
		}
		return w.waitEmpty(ctx, c, b)
	})
}

func (w *world) readyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ready NAME",
		Short: "Let a backend take sessions again",
		Args:  oneBackend,
	}
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, args []string) error {
		_, err := w.steer(ctx, c, args[0], backend.Ready)
		return err
	})
}

func (w *world) maintCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "maint NAME",
		Short: "Take a backend out for maintenance: as drain, and expected to be off",
		Args:  oneBackend,
	}
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, args []string) error {
		_, err := w.steer(ctx, c, args[0], backend.Maint)
		return err
	})
}

// steer sets the admin state of a backend and says how it is then.
func (w *world) steer(ctx context.Context, c *admin.Client, name string, to backend.Admin) (admin.Backend, error) {
	b, err := c.SetAdmin(ctx, name, to)
	if err != nil {
		return b, err
	}
	_, err = fmt.Fprintf(w.stdout, "%s: %s, %s, %s\n", b.Name, b.Admin, b.Health, plural(b.Sessions, "session"))
	return b, err
}

// pollInterval is how often a waiting command asks.
const pollInterval = 100 * time.Millisecond

// waitEmpty returns when the backend has no session left.
func (w *world) waitEmpty(ctx context.Context, c *admin.Client, b admin.Backend) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	last := b.Sessions
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %s left: %w", b.Name, plural(last, "session"), context.Cause(ctx))
		case <-ticker.C:
		}
		now, err := findBackend(ctx, c, b.Name)
		switch {
		case ctx.Err() != nil:
			continue
		case err != nil:
			return err
		case now.Admin == backend.Ready:
			return fmt.Errorf("wait for %s: it was made ready again, with %s", b.Name, plural(now.Sessions, "session"))
		case now.Sessions == last:
			continue
		}
		last = now.Sessions
		if _, err := fmt.Fprintf(w.stdout, "%s: %s\n", b.Name, plural(last, "session")); err != nil || last == 0 {
			return err
		}
	}
}

func findBackend(ctx context.Context, c *admin.Client, name string) (admin.Backend, error) {
	list, err := c.Backends(ctx)
	if err != nil {
		return admin.Backend{}, err
	}
	for _, b := range list {
		if b.Name == name {
			return b, nil
		}
	}
	return admin.Backend{}, fmt.Errorf("the configuration no longer has a backend %s", name)
}
