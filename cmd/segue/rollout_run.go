package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/facts"
	"segue/cmd/internal/rollout/hooks"
	"segue/cmd/internal/rollout/run"
	"segue/cmd/internal/rollout/store"
	"segue/config"
)

// runFlags are the flags of run.
type runFlags struct {
	*rolloutFlags
	hooks        hooks.Set
	pods         *podFlags
	check        string
	onFailure    string
	resume, back bool
	force        bool
	report       string
	beat         time.Duration
	format       *outputFormat
}

func (w *world) rolloutRunCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run [BACKEND ...] --stop COMMAND --start COMMAND",
		Short: "Take the whole cluster through it, node by node",
		Long: `Take the whole cluster through an upgrade or a restart. For each node in its turn:
every Segue of --fleet drains it, and no session is left there; --stop; it is gone;
--upgrade; --start; it serves, a leader is known, it has the metadata; every Segue
sees it up; --check. Facts are waited for, never a time.

Commands are for the shell, and templates: {{.Name}} {{.Host}} {{.Role}} {{.Kind}}
{{.Address}} {{.Version}}. One that begins with http:// or https:// gets a POST with
the node as JSON. They have to bear being called again: after a broken terminal
nobody knows whether one had come to its end.

Where nodes are pods, --statefulset takes the place of commands: pods are evicted in
the same order, each by its own, and a PodDisruptionBudget holds. The account needs
what deploy/kubernetes/rollout-statefulsets.yaml has, or with --image-in
starrocks-cluster, under the StarRocks operator, rollout-starrocks.yaml.

It pauses, with exit code 3, where clients have seen more errors than the budgets
allow, a node is not gone or not back in time, a command fails, or the cluster is not
fit for the next node and does not become so within --patience. A node that was
drained and not stopped yet is let in again first. It is resumed by --resume. An
interrupt (Ctrl-C) lets the command that runs come to its end, and stops there; a
second one ends that too. A terminal that is closed is an interrupt. --roll-back takes
the nodes that have gone back, in the order for that, with --rollback in place of
--upgrade.

All that is known of the rollout is in the file of --state, on the disk before
anything is done: a killed terminal loses nothing. A command that ran goes on, and
until it has ended --resume says so. What a node is doing the cluster is asked again.
At the end a report is written beside it.

Exit codes: 0 all nodes have gone; 1 failed; 2 wrong usage or configuration; 3 it has
paused or was interrupted, and can be resumed.`,
		Example: `  segue rollout run --config segue.yaml --user admin --password-file pw --fleet dns:segue:9131 \
    --stop 'ssh {{.Host}} sudo systemctl stop starrocks-{{.Kind}}' \
    --upgrade 'ssh {{.Host}} sudo ln -sfn /opt/starrocks-3.4.2 /opt/starrocks' \
    --start 'ssh {{.Host}} sudo systemctl start starrocks-{{.Kind}}' \
    --rollback 'ssh {{.Host}} sudo ln -sfn /opt/starrocks-3.3.9 /opt/starrocks' \
    --to-version 3.4.2 --backup 'ssh {{.Host}} sudo tar czf /backup/meta.tgz /opt/starrocks/fe/meta' --create-image
  segue rollout run --user admin --password-file pw --fleet dns:segue:9131 sr-fe-search:9030 \
    --statefulset sr-be=starrocks/be-ubuntu:3.4.2 --statefulset sr-fe=starrocks/fe-ubuntu:3.4.2 \
    --image-in starrocks-cluster --update-strategy on-delete --no-backup
  segue rollout run --resume
  segue rollout run --roll-back`,
	}
	r := &runFlags{rolloutFlags: w.addRollout(cmd)}
	r.format = addOutput(cmd)
	f := cmd.Flags()
	r.pods = addPods(cmd, &r.kube)
	f.StringVar(&r.hooks.StopHook, "stop", "", "`command` that stops a node gracefully, and returns when its process has ended:\na port that takes no connection is not the end of it")
	f.StringVar(&r.hooks.StartHook, "start", "", "`command` that starts a node")
	f.StringVar(&r.hooks.UpgradeHook, "upgrade", "", "`command` that puts the new version in place, between stop and start")
	f.StringVar(&r.hooks.RollbackHook, "rollback", "", "`command` that puts the former version in place,\nwith --roll-back or --on-failure rollback")
	f.StringVar(&r.check, "check", "", "`command` that is asked behind every node: whether all is well")
	f.StringVar(&r.onFailure, "on-failure", "pause", "what follows when a node does not come back or is not well, --upgrade,\n--start or --check fails, or a budget is spent: `pause`, or rollback")
	words(cmd, "on-failure", "pause", "rollback")
	f.Int64Var(&r.ask.Budget, "budget", 0, "how many `errors` clients may see in all")
	f.Int64Var(&r.ask.BudgetNode, "budget-node", 0, "how many `errors` clients may see for one node")
	f.Float64Var(&r.ask.P99Factor, "p99-factor", 0, "pause when the p99 of response times behind a node is more than\nso many `times` that before; 0: whatever")
	f.Float64Var(&r.ask.ErrorRate, "error-rate", 0, "pause when the `share` of statements that are answered by an error\nhas grown by more than this; 0: whatever")
	f.BoolVar(&r.resume, "resume", false, "take up the rollout of --state, with the flags that it was begun with")
	f.BoolVar(&r.back, "roll-back", false, "take back the nodes of the rollout of --state that have gone")
	f.BoolVar(&r.force, "force", false, "begin anew where --state has a rollout that is not finished")
	f.StringVar(&r.report, "report", "", "`base` of the report's files (default: that of --state)")
	spanVar(f, &r.ask.Limits.Drain, "drain-timeout", aboveZero, config.LongestSpan, "how long sessions may take to leave a node")
	spanVar(f, &r.ask.Limits.Leave, "stop-timeout", aboveZero, config.LongestSpan, "how long a stopped node may take to be gone")
	spanVar(f, &r.ask.Limits.Return, "start-timeout", aboveZero, config.LongestSpan, "how long a started node may take to serve")
	spanVar(f, &r.ask.Limits.Patience, "patience", aboveZero, config.LongestSpan, "how long the cluster may take to be fit for the next node")
	r.hooks.Timeout = 10 * time.Minute
	spanVar(f, &r.hooks.Timeout, "hook-timeout", aboveZero, config.LongestSpan, "how long a command may take")
	r.beat = time.Second
	spanVar(f, &r.beat, "poll", aboveZero, config.LongestSpan, "how often facts are asked for while something is waited for")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return w.rolloutRun(cmd, r, args) }
	return cmd
}

// rolloutRun is `segue rollout run`.
func (w *world) rolloutRun(cmd *cobra.Command, r *runFlags, args []string) error {
	r.state = cmp.Or(r.state, defaultState)
	file, err := store.Open(r.state)
	if err != nil {
		return err
	}
	defer file.Close()
	s, err := r.former(file)
	if err != nil {
		return err
	}
	if s != nil {
		if err := giveAgain(cmd.Flags(), s.Given.Flags); err != nil {
			return err
		}
		if len(args) == 0 {
			args = s.Given.Args
		}
	}
	if err := r.validate(); err != nil {
		return err
	}
	var driver rollout.Driver = &r.hooks
	if r.pods.used() {
		if driver, err = r.pods.driver(w.stderr, r.hooks.Timeout); err != nil {
			return err
		}
	}
	source, err := w.rolloutSource(cmd, r.rolloutFlags, args)
	if err != nil {
		return err
	}
	if source.Fleet != nil {
		source.Fleet.Traffic = r.ask.Compares()
	}
	facts := gather(cmd.Context(), source)
	if err := r.known(facts, s); err != nil && s == nil {
		return err
	}
	given := rollout.Given{Flags: givenFlags(cmd.Flags(), "state", "resume", "roll-back", "force", "output"), Args: args}
	switch {
	case s == nil:
		s = rollout.Begin(filepath.Base(r.state), r.ask, facts)
		s.Recognize(facts, false)
	case r.back && !s.Back:
		s.Ask = r.ask
		s.TurnBack(facts)
	default:
		s.Ask = r.ask
		s.Resume(time.Now())
	}
	s.Given = given
	return w.rolloutThrough(cmd.Context(), r, driver, file, source, s)
}

// former is the rollout of the state file that is to go on; nil: a new one begins.
func (r *runFlags) former(file *store.File) (*rollout.State, error) {
	s, err := file.Load()
	switch {
	case errors.Is(err, store.ErrNone) && (r.resume || r.back):
		return nil, usageError{err}
	case errors.Is(err, store.ErrNone):
		return nil, nil
	case err != nil:
		return nil, err
	case r.resume, r.back:
		return s, nil
	case s.Finished, r.force:
		return nil, nil
	}
	done, all := s.Count()
	return nil, usageError{fmt.Errorf("%s has a rollout that is not finished (%d of %d nodes): --resume takes it up, --roll-back takes it back, --force begins anew", r.state, done, all)}
}

// validate reports what is missing.
func (r *runFlags) validate() error {
	r.hooks.Check, r.hooks.Backup = r.check, r.backup
	r.ask.Check, r.ask.Change, r.ask.OnFailure = r.check != "", r.hooks.UpgradeHook != "", rollout.Remedy(r.onFailure)
	pods := r.pods.used()
	if pods {
		r.ask.Change, r.ask.Replaced = r.pods.changes(), true
	}
	switch {
	case pods && r.hooks.StopHook+r.hooks.StartHook+r.hooks.UpgradeHook+r.hooks.RollbackHook != "":
		return usageError{errors.New("--statefulset takes the place of --stop, --start, --upgrade and --rollback: give one or the other")}
	case !pods && (r.hooks.StopHook == "" || r.hooks.StartHook == ""):
		return usageError{errors.New("--stop and --start are needed: how is a node stopped and started?")}
	case r.ask.P99Factor < 0 || r.ask.ErrorRate < 0:
		return usageError{errors.New("--p99-factor and --error-rate are not below 0")}
	case r.ask.OnFailure != rollout.RemedyPause && r.ask.OnFailure != rollout.RemedyRollBack:
		return usageError{fmt.Errorf("--on-failure %s: it is pause or rollback", r.onFailure)}
	case !pods && r.ask.Change && r.hooks.RollbackHook == "" && (r.back || r.ask.OnFailure == rollout.RemedyRollBack):
		return usageError{errors.New("--rollback is needed: how is the former version put in place?")}
	}
	if err := r.hooks.Validate(); err != nil {
		return usageError{err}
	}
	return nil
}

// rolloutThrough takes a rollout on from where it stands, and writes the report.
func (w *world) rolloutThrough(ctx context.Context, r *runFlags, driver rollout.Driver, file *store.File, source *facts.Source, s *rollout.State) error {
	soft, hard, done := w.interrupts(ctx)
	defer done()
	r.hooks.Said, r.hooks.Held = w.stderr, file.Lock()
	runner := &run.Runner{
		State: s, Facts: source.Facts, Driver: driver, Segues: source, Image: source.CreateImage, Save: file.Save, Beat: r.beat,
		Backup: func(ctx context.Context, n rollout.Node) error { return r.hooks.Call(ctx, r.hooks.Backup, n) },
		Check:  func(ctx context.Context, n rollout.Node) error { return r.hooks.Call(ctx, r.hooks.Check, n) },
		Tell:   func(e rollout.Event) { w.printEvent(*r.format, e) },
	}
	err := runner.Run(soft, hard)
	paused, isPaused := errors.AsType[*run.PausedError](err)
	var report error
	if err == nil || isPaused {
		report = w.rolloutReport(cmp.Or(r.report, strings.TrimSuffix(r.state, ".json")+"-report"), s)
	}
	again := "segue rollout run --resume --state " + shellWord(r.state)
	switch {
	case isPaused:
		err = exitError{fmt.Errorf("%w\n  next: %s\n  then: %s", err, cmp.Or(paused.Remedy, "see above"), again), exitNotNow}
	case errors.Is(err, run.ErrInterrupted):
		undo := ""
		if how := s.Undo(); how != "" {
			undo = "\n  until then: " + shown(how)
		}
		err = exitError{fmt.Errorf("%w: %s%s\n  then: %s", err, standing(s), undo, again), exitNotNow}
	case err == nil:
		fmt.Fprintln(w.stdout, standing(s))
	}
	return errors.Join(err, report)
}

// standing says where a rollout stands.
func standing(s *rollout.State) string {
	done, all := s.Count()
	text := fmt.Sprintf("%d of %d nodes have gone; %s", done, all, s.Saw())
	if i := slices.IndexFunc(s.Nodes, func(p rollout.Progress) bool { return p.Node == s.Current }); i >= 0 {
		text += fmt.Sprintf("; %s is %s", s.Current, cmp.Or(string(s.Nodes[i].Phase), "waiting"))
	}
	return text
}

// interrupts ends the first context at the first signal, and the second at the second. A terminal that is gone is no second one, though it may tell several times, by SIGHUP and at
// each write by SIGPIPE: what runs comes to its end.
func (w *world) interrupts(ctx context.Context) (soft, hard context.Context, done func()) {
	soft, stop := context.WithCancel(ctx)
	hard, kill := context.WithCancel(context.WithoutCancel(ctx))
	signals := make(chan os.Signal, 2)
	w.notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case got := <-signals:
				if soft.Err() != nil && got != syscall.SIGHUP && got != syscall.SIGPIPE {
					kill()
				}
				stop()
			case <-ended:
				return
			}
		}
	})
	return soft, hard, func() { close(ended); watching.Wait(); stop(); kill() }
}

// printEvent prints what has happened, as it happens.
func (w *world) printEvent(format outputFormat, e rollout.Event) {
	if format == formatJSON {
		_ = printJSON(w.stdout, e)
		return
	}
	node := ""
	if e.Node != "" {
		node = shown(e.Node) + ": "
	}
	what := shown(e.What)
	switch e.Kind {
	case "act":
		what += ": done"
	case "wait":
		what = "waiting: " + what
	case "error":
		what = "ERROR " + what
	case "failed", "pause":
		what = strings.ToUpper(e.Kind) + " " + what
	case "done":
		what = "it has gone through: " + what
	}
	fmt.Fprintf(w.stdout, "%s  %s%s\n", e.Time.Local().Format(time.TimeOnly), node, what)
}
