package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"segue/cmd/internal/admin"
)

// askCommand is a command that talks to a running Segue.
func (w *world) askCommand(cmd *cobra.Command, ask func(ctx context.Context, c *admin.Client, args []string) error) *cobra.Command {
	flags := addAdmin(cmd)
	client := func() (*admin.Client, error) { return w.adminClient(*flags) }
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

func (w *world) backendsCommand() *cobra.Command {
	return listCommand(w, "backends", "List the backends with their state and why", (*admin.Client).Backends, w.printBackends)
}

// listCommand makes a command that shows a list, as a table or as JSON.
func listCommand[T any](w *world, use, short string, list func(*admin.Client, context.Context) ([]T, error), print func([]T) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	format, v := addOutput(cmd), addWatch(cmd)
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, _ []string) error {
		return showList(ctx, w, v, *format, c, list, print)
	})
}

// showList asks for a list and prints it, once or again and again.
func showList[T any](ctx context.Context, w *world, v *watching, format outputFormat, c *admin.Client, list func(*admin.Client, context.Context) ([]T, error), print func([]T) error) error {
	return w.show(ctx, v, format, func(ctx context.Context) error {
		all, err := list(c, ctx)
		if err != nil {
			return err
		}
		if format == formatJSON {
			return w.printShown(v, all)
		}
		return print(all)
	})
}

func (w *world) printBackends(list []admin.Backend) error {
	// What is said of none of them has no column.
	titles := []string{"NAME", "ADDRESS", "HEALTH", "ADMIN", "SESSIONS", "WEIGHT", "SINCE"}
	more := []backendColumn{
		{"ROLE", func(b *admin.Backend) string { return b.Role }},
		{"VERSION", func(b *admin.Backend) string { return b.Version }},
		{"ZONE", func(b *admin.Backend) string { return b.Zone }},
		{"FROM", func(b *admin.Backend) string { return cmp.Or(b.Source, "configuration") }},
	}
	if !slices.ContainsFunc(list, func(b admin.Backend) bool { return b.Role+b.Zone+b.Source != "" }) {
		more = nil
	}
	more = slices.DeleteFunc(more, func(c backendColumn) bool {
		return !slices.ContainsFunc(list, func(b admin.Backend) bool { return c.of(&b) != "" })
	})
	for _, c := range more {
		titles = append(titles, c.title)
	}
	var rows [][]string
	for i := range list {
		b := &list[i]
		row := []string{b.Name, b.Address, b.Health.String(), b.Admin.String(), strconv.Itoa(b.Sessions), strconv.Itoa(b.Weight), age(b.Since)}
		for _, c := range more {
			row = append(row, c.of(b))
		}
		rows = append(rows, append(row, b.Cause))
	}
	return printTable(w.stdout, append(titles, "CAUSE"), rows)
}

// backendColumn is a column that is shown where there is something in it.
type backendColumn struct {
	title string
	of    func(b *admin.Backend) string
}

func (w *world) sessionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "List the sessions, or the loads over HTTP",
		Long: `List the sessions, by their ids. With --loads: the loads over HTTP (Stream Load) in
flight, the oldest first. STATE is what a load waits for: frontend: an FE that names a
BE or CN; node: that one; body: its client, or the node; answer: the node's; resolving:
what has become of it is asked by its label; open: a transaction between two requests.`,
	}
	format, v := addOutput(cmd), addWatch(cmd)
	loads := cmd.Flags().Bool("loads", false, "list the loads over HTTP in flight")
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, _ []string) error {
		if *loads {
			return showList(ctx, w, v, *format, c, (*admin.Client).Loads, w.printLoads)
		}
		return showList(ctx, w, v, *format, c, (*admin.Client).Sessions, w.printSessions)
	})
}

// bytesText is a number of bytes, as "1.2 GiB".
func bytesText(n int64) string {
	const step = 1024
	if n < step {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, unit := float64(n), ""
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if f, unit = f/step, u; f < step {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}

func (w *world) printLoads(list []admin.Load) error {
	var rows [][]string
	for i := range list {
		l := &list[i]
		rows = append(rows, []string{
			strconv.FormatUint(l.ID, 10), l.Client, l.User, l.Kind, strings.Trim(l.Database+"."+l.Table, "."), l.Label, l.State, l.Frontend, l.Node, bytesText(l.In), age(l.Since), strconv.Itoa(l.Attempts),
		})
	}
	titles := []string{"ID", "CLIENT", "USER", "KIND", "TABLE", "LABEL", "STATE", "FRONTEND", "NODE", "BYTES", "AGE", "ATTEMPTS"}
	if slices.ContainsFunc(list, func(l admin.Load) bool { return l.Process != 0 }) {
		titles = append(titles, "PROCESS")
		for i := range list {
			process := ""
			if list[i].Process != 0 {
				process = strconv.Itoa(int(list[i].Process))
			}
			rows[i] = append(rows[i], process)
		}
	}
	return printTable(w.stdout, titles, rows)
}

func (w *world) printSessions(list []admin.Session) error {
	var rows [][]string
	for _, s := range list {
		rows = append(rows, []string{strconv.FormatUint(uint64(s.ID), 10), s.Client, s.User, s.Backend, s.State, age(s.Since), pinned(s), strconv.Itoa(s.Moves)})
	}
	titles := []string{"ID", "CLIENT", "USER", "BACKEND", "STATE", "SINCE", "PINNED", "MOVES"}
	if slices.ContainsFunc(list, func(s admin.Session) bool { return s.Process != 0 }) {
		titles = append(titles, "PROCESS")
		for i, s := range list {
			rows[i] = append(rows[i], processOf(s))
		}
	}
	return printTable(w.stdout, titles, rows)
}

// processOf is the process that has a session, where it is one that has been taken over from.
func processOf(s admin.Session) string {
	if s.Process == 0 {
		return ""
	}
	return strconv.Itoa(int(s.Process))
}

// pinned tells what ties a session to its backend, and for how long it has; or what it has become elsewhere, so that it stays.
func pinned(s admin.Session) string {
	if s.Pinned == "" && len(s.Differs) > 0 {
		return "differs: " + strings.Join(s.Differs, ", ")
	}
	if s.Pinned == "" || s.PinnedSince.IsZero() {
		return s.Pinned
	}
	return s.Pinned + " " + age(s.PinnedSince)
}
