package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"segue/cmd/internal/admin"
	"segue/proxy"
)

// askCommand is a command that talks to a running Segue.
func (w *world) askCommand(cmd *cobra.Command, ask func(ctx context.Context, c *admin.Client, args []string) error) *cobra.Command {
	address := cmd.Flags().String("admin", "", "`address` of the admin API (SEGUE_ADMIN; default 127.0.0.1:9131)")
	client := func() (*admin.Client, error) {
		at, err := w.adminAddress(*address)
		if err != nil {
			return nil, err
		}
		return admin.NewClient(at), nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := client()
		if err != nil {
			return err
		}
		defer c.Close()
		err = ask(cmd.Context(), c, args)
		if _, network := errors.AsType[net.Error](err); network {
			return fmt.Errorf("%w; is Segue running there? --admin or SEGUE_ADMIN names another address", err)
		}
		return err
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if cmd.Args == nil || len(args) > 0 || cmd.Args(cmd, []string{"a name"}) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		c, err := client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer c.Close()
		return backendNames(cmd.Context(), c), cobra.ShellCompDirectiveNoFileComp
	}
	return cmd
}

// backendNames are the names that a shell may complete.
func backendNames(ctx context.Context, c *admin.Client) []string {
	list, err := c.Backends(ctx)
	if err != nil {
		return nil
	}
	var names []string
	for _, b := range list {
		names = append(names, b.Name)
	}
	return names
}

func (w *world) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how a running Segue is; exit 1 when no backend is usable",
		Args:  cobra.NoArgs,
	}
	format := addOutput(cmd)
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, _ []string) error {
		s, err := c.Status(ctx)
		if err != nil {
			return err
		}
		if *format == formatJSON {
			err = printJSON(w.stdout, s)
		} else {
			err = w.printStatus(s)
		}
		if err == nil && s.Backends.Usable == 0 {
			return fmt.Errorf("no backend of %d is usable; `segue backends` says why", s.Backends.Total)
		}
		return err
	})
}

func (w *world) printStatus(s admin.Status) error {
	ready := "ready"
	if !s.Ready {
		ready = "not ready"
	}
	fmt.Fprintf(w.stdout, "segue %s for %s: %s on %s for %s, %s\n", s.Version, s.Flavor, s.State, s.Listen, age(s.Started), ready)
	fmt.Fprintf(w.stdout, "backends: %d of %d usable\nsessions: %d\n", s.Backends.Usable, s.Backends.Total, s.Sessions)
	if p := s.Paused; p != nil {
		fmt.Fprintf(w.stdout, "paused: for %s, until %s at most; %s held, %s at work; `segue resume` ends it\n",
			age(p.Since), p.Until.Local().Format(time.TimeOnly), plural(p.Held, "statement"), plural(p.Busy, "session"))
	}
	path := s.Config.Path
	if path == "" {
		path = "from flags and variables"
	}
	_, err := fmt.Fprintf(w.stdout, "configuration: %s, loaded %s ago\n", path, age(s.Config.Loaded))
	if !s.Config.Successful {
		_, err = fmt.Fprintln(w.stdout, "its last change was refused:")
		for _, p := range s.Config.Problems {
			_, err = fmt.Fprintln(w.stdout, "  "+p)
		}
	}
	return err
}

func (w *world) backendsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backends",
		Short: "List the backends with their state and why",
		Args:  cobra.NoArgs,
	}
	format := addOutput(cmd)
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, _ []string) error {
		list, err := c.Backends(ctx)
		if err != nil {
			return err
		}
		if *format == formatJSON {
			return printJSON(w.stdout, list)
		}
		var rows [][]string
		for _, b := range list {
			rows = append(rows, []string{
				b.Name, b.Address, b.Health.String(), b.Admin.String(), strconv.Itoa(b.Sessions), strconv.Itoa(b.Weight), age(b.Since), b.Cause,
			})
		}
		return printTable(w.stdout, []string{"NAME", "ADDRESS", "HEALTH", "ADMIN", "SESSIONS", "WEIGHT", "SINCE", "CAUSE"}, rows)
	})
}

func (w *world) sessionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "List the sessions",
		Args:  cobra.NoArgs,
	}
	format := addOutput(cmd)
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, _ []string) error {
		list, err := c.Sessions(ctx)
		if err != nil {
			return err
		}
		if *format == formatJSON {
			return printJSON(w.stdout, list)
		}
		var rows [][]string
		for _, s := range list {
			rows = append(rows, []string{strconv.FormatUint(uint64(s.ID), 10), s.Client, s.User, s.Backend, s.State, age(s.Since), pinned(s), strconv.Itoa(s.Moves)})
		}
		return printTable(w.stdout, []string{"ID", "CLIENT", "USER", "BACKEND", "STATE", "SINCE", "PINNED", "MOVES"}, rows)
	})
}

// pinned tells what ties a session to its backend, and for how long it has.
func pinned(s proxy.SessionInfo) string {
	if s.Pinned == "" || s.PinnedSince.IsZero() {
		return s.Pinned
	}
	return s.Pinned + " " + age(s.PinnedSince)
}
