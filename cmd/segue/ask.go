package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

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
