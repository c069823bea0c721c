package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/store"
)

func (w *world) rolloutPlanCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan [BACKEND ...]",
		Short: "Show who goes when and why, and what stands against it",
		Long: `Show who would go when and why, and all that is known to stand against it: each
check with what it found and what helps. What the account may not see is unknown,
which is not the same as well. Nothing is changed.

Exit codes: 0 the first one may go; 1 failed; 2 wrong usage or configuration; 3 no
node may go now.`,
		Example: `  segue rollout plan fe1:9030,fe2:9030,fe3:9030 --user admin --password-file pw --fleet dns:segue:9131
  segue rollout plan --config segue.yaml --user admin --password-file pw --to-version 3.4.2 --no-backup -o json`,
	}
	r, format := w.addRollout(cmd), addOutput(cmd)
	change := cmd.Flags().Bool("restart", false, "a mere restart, without a change of versions")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		source, err := w.rolloutSource(cmd, r, args)
		if err != nil {
			return err
		}
		r.ask.Change = !*change
		f := gather(cmd.Context(), source)
		if err := r.known(f, nil); err != nil {
			return err
		}
		s := rollout.Begin("plan", r.ask, f)
		s.Recognize(f, false)
		p := s.Plan(f)
		if *format == formatJSON {
			err = printJSON(w.stdout, struct {
				rollout.Plan
				Facts *rollout.Facts `json:"facts"`
			}{p, f})
		} else {
			err = w.printPlan(p, f)
		}
		return errors.Join(err, notNow(p.Next))
	}
	return cmd
}

// notNow is an error while no node may go, or none is left.
func notNow(v rollout.Verdict) error {
	switch blocking := rollout.Blocking(v.Findings); {
	case v.Finished:
		return nil
	case v.Node == "" && len(blocking) > 0:
		return exitError{fmt.Errorf("no node may go now: %s", blocking[0]), exitNotNow}
	case v.Node == "":
		return exitError{errors.New("no node may go now"), exitNotNow}
	}
	return nil
}

func (w *world) printPlan(p rollout.Plan, f *rollout.Facts) error {
	var rows [][]string
	for i, t := range p.Order {
		n := f.Node(t.Node)
		why := t.Why
		if t.Done {
			why = "it has gone through it already"
		}
		rows = append(rows, []string{strconv.Itoa(i + 1), t.Node, string(t.Kind), string(t.Role), n.Version, why})
	}
	if err := printTable(w.stdout, []string{"#", "NODE", "KIND", "ROLE", "VERSION", "WHY THEN"}, rows); err != nil {
		return err
	}
	fmt.Fprintln(w.stdout)
	if err := printChecks(w.stdout, p.Findings); err != nil {
		return err
	}
	switch {
	case p.Next.Finished:
		fmt.Fprintln(w.stdout, "\nnothing is left to do")
	case p.Next.Node != "":
		fmt.Fprintf(w.stdout, "\n%s may go now\n", shown(p.Next.Node))
	}
	return nil
}

// printChecks prints findings, and what helps below.
func printChecks(out io.Writer, list []rollout.Finding) error {
	var rows [][]string
	for _, f := range list {
		severity := string(f.Severity)
		if f.Accepted {
			severity += ", accepted"
		}
		rows = append(rows, []string{string(f.Check), severity, f.Node, f.What})
	}
	if err := printTable(out, []string{"CHECK", "VERDICT", "NODE", "WHAT"}, rows); err != nil {
		return err
	}
	said := map[string]bool{}
	for _, f := range list {
		if f.Remedy == "" || f.Severity == rollout.OK || f.Accepted || said[string(f.Check)+f.Remedy] {
			continue
		}
		said[string(f.Check)+f.Remedy] = true
		mark := ""
		if f.Blocks {
			mark = " (no node goes while it is so, but with --accept " + shellWord(shown(f.ID())) + ")"
		}
		fmt.Fprintf(out, "\n%s%s\n  next: %s\n", f.String(), mark, f.Remedy)
	}
	return nil
}

func (w *world) rolloutNextCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "next [BACKEND ...]",
		Short: "Say which one node may go now, or why none may",
		Long: `Say which one node may be taken out now, for a script that stops, upgrades and
starts it; or why none may. What has gone already is seen by --to-version; or, with
--state, by nodes that were started again since the file was written for the first
time: one whose start time is not known is not named. -o json has the host, kind
(frontend, backend, compute, server), role and MySQL address of the node as well.
Nothing is changed but that file.

Exit codes: 0 the node that is printed may go; 1 failed; 2 wrong usage or
configuration; 3 none may go now: ask again; 4 none is left that is to go.`,
		Example: `  segue rollout next --config segue.yaml --user admin --password-file pw --to-version 3.4.2 --no-backup

  # restart all, one by one; jq reads what is said of the node
  next="segue rollout next --config segue.yaml --user admin --password-file pw --state restart.json -o json"
  last=
  while :
  do
    turn=$($next)
    case $? in 0) ;; 3) sleep 5; continue ;; 4) break ;; *) exit 1 ;; esac
    node=$(echo "$turn" | jq -r .node) host=$(echo "$turn" | jq -r .host) kind=$(echo "$turn" | jq -r .kind)
    if [ "$node" = "$last" ]; then sleep 5; continue; fi   # the cluster has not seen its restart yet
    if [ "$kind" = frontend ]; then segue drain "$node" --wait || exit 1; fi
    ssh "$host" sudo systemctl restart "starrocks-$kind" || exit 1
    if [ "$kind" = frontend ]; then segue ready "$node" || exit 1; fi
    last=$node
  done`,
	}
	r, format := w.addRollout(cmd), addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		source, err := w.rolloutSource(cmd, r, args)
		if err != nil {
			return err
		}
		r.ask.Change = r.ask.Version != ""
		f := gather(cmd.Context(), source)
		s, err := baseline(r, f)
		if err != nil {
			return err
		}
		v := s.Next(f)
		if *format == formatJSON {
			err = printJSON(w.stdout, v)
		} else {
			w.printNext(v)
		}
		if v.Finished {
			return errors.Join(err, exitError{errors.New("no node is left that is to go"), exitNothing})
		}
		return errors.Join(err, notNow(v))
	}
	return cmd
}

// baseline is how the nodes were when --state was written for the first time, with what has become of them since.
func baseline(r *rolloutFlags, f *rollout.Facts) (*rollout.State, error) {
	if r.state == "" {
		if err := r.known(f, nil); err != nil {
			return nil, err
		}
		s := rollout.Begin("next", r.ask, f)
		s.Recognize(f, false)
		return s, nil
	}
	file, err := store.Open(r.state)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	s, err := file.Load()
	if errors.Is(err, store.ErrNone) {
		s, err = rollout.Begin("next", r.ask, f), nil
	}
	if err != nil {
		return nil, err
	}
	if s.Name != "next" {
		return nil, usageError{fmt.Errorf("--state %s is a rollout of `segue rollout run`", r.state)}
	}
	if err := r.known(f, s); err != nil {
		return nil, err
	}
	s.Ask = r.ask
	s.Ask.Starts = r.ask.Version == ""
	s.Meet(f)
	s.Recognize(f, true)
	return s, file.Save(s)
}

func (w *world) printNext(v rollout.Verdict) {
	if v.Node != "" {
		fmt.Fprintln(w.stdout, shown(v.Node))
	}
	for _, f := range rollout.Blocking(v.Findings) {
		fmt.Fprintln(w.stderr, strings.TrimSpace(shown(f.String())))
		if f.Remedy != "" {
			fmt.Fprintln(w.stderr, "  next: "+f.Remedy)
		}
	}
}
