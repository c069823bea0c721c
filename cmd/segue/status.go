package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"segue/cmd/internal/admin"
	"segue/proxy/ledger"
)

// status is what `segue status -o json` prints: the admin API's status, and the latest failures that clients saw.
type status struct {
	admin.Status
	Seen []ledger.Incident `json:"seen"`
}

func (w *world) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how a running Segue is; exit 1 when no backend is usable",
		Long: `Show how a running Segue is, and every failure of a backend since its start: what
clients saw of it, and how it was hidden from them. Exit code 1 when no backend is
usable.`,
	}
	format, v := addOutput(cmd), addWatch(cmd)
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, _ []string) error {
		return w.show(ctx, v, *format, func(ctx context.Context) error {
			s, err := c.Status(ctx)
			if err != nil {
				return err
			}
			failed, err := c.Failures(ctx)
			if err != nil {
				return err
			}
			if *format == formatJSON {
				err = w.printShown(v, status{s, failed.Seen})
			} else {
				err = w.printStatus(s, failed)
			}
			if err == nil && s.Backends.Usable == 0 {
				return fmt.Errorf("no backend of %d is usable; `segue backends` says why", s.Backends.Total)
			}
			return err
		})
	})
}

func (w *world) failuresCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "failures",
		Short: "List the failures of backends since the start, and which of them clients saw",
		Long: `List every failure of a backend since Segue's start by its kind, how many of them
clients saw and how the others were hidden from them; and the latest that clients
saw. As JSON also the latest that were hidden.`,
	}
	format, v := addOutput(cmd), addWatch(cmd)
	return w.askCommand(cmd, func(ctx context.Context, c *admin.Client, _ []string) error {
		return w.show(ctx, v, *format, func(ctx context.Context) error {
			failed, err := c.Failures(ctx)
			switch {
			case err != nil:
				return err
			case *format == formatJSON:
				return w.printShown(v, failed)
			}
			return w.printFailures(failed)
		})
	})
}

func (w *world) printStatus(s admin.Status, failed ledger.Failures) error {
	ready := "ready"
	if !s.Ready {
		ready = "not ready"
	}
	fmt.Fprintf(w.stdout, "segue %s for %s: %s on %s for %s, %s\n", shown(s.Version), s.Flavor, shown(string(s.State)), shown(s.Listen), age(s.Started), ready)
	fmt.Fprintf(w.stdout, "backends: %d of %d usable\nsessions: %d of at most %d\n", s.Backends.Usable, s.Backends.Total, s.Sessions, s.MaxSessions)
	if s.LoadListen != "" || s.Loads > 0 {
		fmt.Fprintf(w.stdout, "loads: %d in flight; on %s\n", s.Loads, cmp.Or(shown(s.LoadListen), "no address any more"))
	}
	for _, o := range s.Others {
		how := fmt.Sprintf("%s, %s for %s", shown(o.Version), shown(string(o.State)), age(o.Started))
		if o.Error != "" {
			how = "it does not answer: " + shown(o.Error)
		}
		fmt.Fprintf(w.stdout, "of them %d of process %d, which has been taken over from: %s\n", o.Sessions, o.PID, how)
	}
	if p := s.Paused; p != nil {
		fmt.Fprintf(w.stdout, "paused: for %s, until %s at most; %s held, %s at work; `segue resume` ends it\n",
			age(p.Since), p.Until.Local().Format(time.TimeOnly), plural(p.Held, "statement"), plural(p.Busy, "session"))
	}
	for _, d := range s.Discovery {
		fmt.Fprintf(w.stdout, "discovery: %s\n", discoveryLine(d))
	}
	for _, a := range s.Accounts {
		fmt.Fprintf(w.stdout, "account %s waits on %s: %s\n", shown(a.User), shown(a.Backend), shown(a.Cause))
	}
	fmt.Fprintf(w.stdout, "configuration: %s, loaded %s ago\n%s", shown(pathOf(s.Config)), age(s.Config.Loaded), restartLine(s.Config))
	if !s.Config.Successful {
		fmt.Fprintln(w.stdout, "its last change was refused:")
		for _, p := range s.Config.Problems {
			fmt.Fprintln(w.stdout, "  "+shown(p))
		}
	}
	for _, c := range s.Changes {
		fmt.Fprintf(w.stdout, "%s ago %s asked: %s\n", age(c.Time), shown(c.By), shown(c.What))
	}
	if len(failed.Counts) > 0 {
		fmt.Fprintln(w.stdout)
	}
	return w.printFailures(failed)
}

// printFailures prints what has failed: by kind, and the last that clients saw.
func (w *world) printFailures(failed ledger.Failures) error {
	if len(failed.Counts) == 0 {
		_, err := fmt.Fprintln(w.stdout, "failures: none")
		return err
	}
	if err := printTable(w.stdout, []string{"KIND", "CLIENTS SAW", "HIDDEN"}, failureRows(failed.Counts)); err != nil || len(failed.Seen) == 0 {
		return err
	}
	fmt.Fprintln(w.stdout, "\nthe last that clients saw:")
	var rows [][]string
	for _, i := range latest(failed.Seen) {
		session := ""
		if i.Session != 0 {
			session = strconv.FormatUint(uint64(i.Session), 10)
		}
		rows = append(rows, []string{age(i.Time), session, i.Client, i.User, i.Backend, string(i.Kind), i.Cause})
	}
	return printTable(w.stdout, []string{"AGE", "SESSION", "CLIENT", "USER", "BACKEND", "KIND", "CAUSE"}, rows)
}

// discoveryLine is what a source of backends has told last.
func discoveryLine(d admin.Discovery) string {
	line := shown(d.Source)
	if d.Taken != nil {
		line += fmt.Sprintf(" named %s, %s ago", plural(d.Found, "node"), age(*d.Taken))
	}
	switch {
	case d.Error != "":
		line += "; the last answer failed, and changes nothing: " + shown(d.Error)
	case d.Taken == nil:
		line += " has not answered yet"
	}
	return line
}

// latest is the first few of each kind: a hundred clients that were turned away hide no lost statement.
func latest(seen []ledger.Incident) (few []ledger.Incident) {
	const most = 2
	of := map[ledger.Kind]int{}
	for _, i := range seen {
		if of[i.Kind]++; of[i.Kind] <= most {
			few = append(few, i)
		}
	}
	return few
}

// failureRows is a row for each kind of failure.
func failureRows(counts []ledger.Count) [][]string {
	var rows [][]string
	of := func(kind ledger.Kind) []string {
		for _, r := range rows {
			if r[0] == string(kind) {
				return r
			}
		}
		r := []string{string(kind), "", ""}
		rows = append(rows, r)
		return r
	}
	for _, c := range counts {
		row, n := of(c.Kind), strconv.FormatUint(c.Count, 10)
		if c.Action == ledger.Seen {
			row[1] = n
		} else {
			row[2] = strings.TrimPrefix(row[2]+", "+n+" "+string(c.Action), ", ")
		}
	}
	return rows
}
