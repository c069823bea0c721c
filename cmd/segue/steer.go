package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"segue/backend"
	"segue/cmd/internal/admin"
	"segue/config"
	proxy "segue/proxy"
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
drain.timeout. It stays out until ` + "`segue ready NAME`" + `, whatever its health.
The last backend that is usable is taken out with --force alone: clients would wait,
and statements get an error after hold.timeout.`,
		Example: "  segue drain fe-1 --wait && ssh fe-1 systemctl restart starrocks-fe; segue ready fe-1",
		Args:    oneBackend,
	}
	wait := cmd.Flags().Bool("wait", false, "return when its last session has ended")
	most := addSpan(cmd.Flags(), "timeout", 0, 0, config.LongestSpan, "with --wait: give up after this `time`; 0: never")
	s := addSteer(cmd, backend.Drain)
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, args []string) error {
		b, err := s.set(ctx, c, args[0])
		if err != nil {
			return err
		}
		if !*wait || b.Sessions == 0 {
			return w.printSteered(s, b)
		}
		if *most > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, *most)
			defer cancel()
		}
		return w.waitEmpty(ctx, c, s, b, *most)
	})
}

func (w *world) readyCommand() *cobra.Command {
	return w.steerCommand(backend.Ready, &cobra.Command{
		Use:   "ready NAME",
		Short: "Let a backend take sessions again",
	})
}

func (w *world) maintCommand() *cobra.Command {
	return w.steerCommand(backend.Maint, &cobra.Command{
		Use:   "maint NAME",
		Short: "Take a backend out for maintenance: as drain, and expected to be off",
	})
}

func (w *world) steerCommand(to backend.Admin, cmd *cobra.Command) *cobra.Command {
	cmd.Args = oneBackend
	s := addSteer(cmd, to)
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, args []string) error {
		b, err := s.set(ctx, c, args[0])
		if err != nil {
			return err
		}
		return w.printSteered(s, b)
	})
}

// steer is what a command makes of a backend.
type steer struct {
	to     backend.Admin
	force  *bool // also if no other is usable
	format *outputFormat
}

// addSteer defines the flags of one.
func addSteer(cmd *cobra.Command, to backend.Admin) *steer {
	s := &steer{to: to, force: new(bool), format: addOutput(cmd)}
	if to != backend.Ready {
		cmd.Flags().BoolVar(s.force, "force", false, "also if no other backend is usable")
	}
	return s
}

// set sets the admin state of a backend, and returns it as it is then.
func (s *steer) set(ctx context.Context, c *admin.Client, name string) (admin.Backend, error) {
	return c.SetAdmin(ctx, name, s.to, *s.force)
}

// printSteered says how a backend is.
func (w *world) printSteered(s *steer, b admin.Backend) error {
	if *s.format == formatJSON {
		return printJSON(w.stdout, b)
	}
	_, err := fmt.Fprintf(w.stdout, "%s: %s, %s, %s\n", b.Name, b.Admin, b.Health, plural(b.Sessions, "session"))
	return err
}

// pollInterval is how often a waiting command asks.
const pollInterval = 100 * time.Millisecond

// waitEmpty returns when the backend has no session left.
func (w *world) waitEmpty(ctx context.Context, c *admin.Client, s *steer, b admin.Backend, most time.Duration) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for last := -1; ; {
		switch {
		case b.Admin == backend.Ready:
			return fmt.Errorf("wait for %s: it was made ready again, with %s", b.Name, plural(b.Sessions, "session"))
		case b.Sessions == 0 && *s.format == formatJSON:
			return w.printSteered(s, b)
		case b.Sessions == last, *s.format == formatJSON:
		case last < 0:
			if err := w.printSteered(s, b); err != nil {
				return err
			}
		default:
			if _, err := fmt.Fprintf(w.stdout, "%s: %s\n", b.Name, plural(b.Sessions, "session")); err != nil {
				return err
			}
		}
		if last = b.Sessions; last == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return left(context.WithoutCancel(ctx), c, b, most)
		case <-ticker.C:
		}
		now, err := findBackend(ctx, c, b.Name)
		switch {
		case ctx.Err() != nil:
			return left(context.WithoutCancel(ctx), c, b, most)
		case err != nil:
			return err
		}
		b = now
	}
}

// left is the error of a wait that was given up: how many sessions are left, why each stays, and what is in force.
func left(ctx context.Context, c *admin.Client, b admin.Backend, most time.Duration) error {
	const mostLines = 20
	var text strings.Builder
	sessions, err := c.Sessions(ctx)
	status, statusErr := c.Status(ctx)
	if err = errors.Join(err, statusErr); err != nil {
		return fmt.Errorf("wait for %s: %s left after %s; why they stay cannot be told: %w", b.Name, plural(b.Sessions, "session"), most, err)
	}
	var there []string
	for _, s := range sessions {
		if s.Backend == b.Name {
			there = append(there, fmt.Sprintf("%d  %s  %s  %s", s.ID, shown(s.Client), shown(cmp.Or(s.User, "-")), stays(s)))
		}
	}
	timeout := time.Duration(status.DrainTimeout * float64(time.Second))
	fmt.Fprintf(&text, "wait for %s: %s left after %s. It stays in %s: it gets no new session, and what it has ends when it can, at the latest at drain.timeout (%s",
		b.Name, plural(len(there), "session"), most, b.Admin, timeout)
	if rest := time.Until(b.Since.Add(timeout)); rest > 0 {
		fmt.Fprintf(&text, ", in %s", rest.Round(time.Second))
	}
	fmt.Fprintf(&text, "). `segue ready %s` takes it back", b.Name)
	for i, line := range there {
		if i == mostLines {
			fmt.Fprintf(&text, "\n  and %d more", len(there)-mostLines)
			break
		}
		text.WriteString("\n  " + line)
	}
	return errors.New(text.String())
}

// stays says why a session has not left its backend.
func stays(s admin.Session) string {
	switch why := pinned(s); {
	case why != "":
		return "pinned: " + why
	case s.State == proxy.Busy.String():
		return "busy for " + age(s.Since)
	default:
		return s.State + " for " + age(s.Since)
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
