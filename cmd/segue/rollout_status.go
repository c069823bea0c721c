package main

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/store"
)

func (w *world) rolloutStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show where a rollout stands",
		Long: `Show where the rollout of a state file stands, whether or not it runs now: each
node's phase, the errors that clients saw, and why it has paused.

Exit codes: 0 it is finished or goes on; 1 there is none; 3 it has paused.`,
		Example: "  segue rollout status --state upgrade.json",
		Args:    cobra.NoArgs,
	}
	state := cmd.Flags().String("state", defaultState, "`file` that keeps the rollout")
	format := addOutput(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		s, err := store.Read(*state)
		if err != nil {
			return err
		}
		if *format == formatJSON {
			err = printJSON(w.stdout, s)
		} else {
			err = w.printRollout(s)
		}
		if err == nil && s.Paused != nil {
			return exitError{fmt.Errorf("paused %s ago: %s\n  next: %s", age(s.Paused.Time), s.Paused.Why, s.Paused.Remedy), exitNotNow}
		}
		return err
	}
	return cmd
}

func (w *world) printRollout(s *rollout.State) error {
	how := "begun " + age(s.Began) + " ago"
	if s.Finished {
		how = fmt.Sprintf("finished within %s", s.Ended.Sub(s.Began).Round(time.Second))
	}
	if s.Back {
		how += ", taking nodes back"
	}
	fmt.Fprintf(w.stdout, "%s: %s; %s\n", shown(s.Name), how, standing(s))
	if s.Held != "" {
		fmt.Fprintf(w.stdout, "waiting: %s\n", shown(s.Held))
	}
	fmt.Fprintln(w.stdout)
	var rows [][]string
	for _, p := range s.Nodes {
		rows = append(rows, []string{
			p.Node, string(p.Last.Kind), string(p.Last.Role), cmp.Or(string(p.Phase), "waiting"), age(p.Since), p.Former, p.After,
			strconv.FormatInt(p.Errors, 10), strconv.FormatInt(p.Hidden, 10),
		})
	}
	return printTable(w.stdout, []string{"NODE", "KIND", "ROLE", "PHASE", "SINCE", "BEFORE", "AFTER", "ERRORS", "HIDDEN"}, rows)
}
