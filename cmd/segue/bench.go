package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"segue/bench/experiment"
	"segue/bench/measure"
	"segue/bench/report"
	"segue/bench/typeset"
	"segue/config"
)

// benchFlags are the flags of `segue bench`. Those of the load win over the
// experiment's file only when they are given.
type benchFlags struct {
	dsn, flavor, database, name, out string
	members                          []string
	load                             measure.Load
	loadAddress                      string
	duration                         time.Duration
	experiment, segue, mark          string
	force                            bool
}

func (w *world) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what the users of any endpoint feel while servers behind it are upgraded",
		Long: `Put a load on any address of the MySQL protocol (a server, a cloud load balancer,
HAProxy, ProxySQL, Segue), count every error that a client sees by what it was
doing, and verify every row that it wrote. Needs an account that may create a
database; with --no-writes, one that may SELECT. Puts away what it made.

The DSN is that of go-sql-driver/mysql. $SEGUE_BENCH_DSN keeps its password out of
the list of processes; no report shows it.

Exit codes: 0 no client saw an error and no write went astray; 1 otherwise; 2 wrong
usage.`,
		Example: `  segue bench --dsn 'app:secret@tcp(lb.example:9030)/' --long 64 --short 64 --rate 1000 --duration 10m --mark
  segue bench mark 'fe-1 is told to leave'            in another terminal, or in a script
  segue bench --dsn … --segue 127.0.0.1:9131          marks from Segue's events
  segue bench --dsn … --experiment upgrade.yaml       steps and marks from a file
  segue bench --dsn … --loads 8 --load-address lb.example:8030 --load-retry 3
  segue bench compare lb.json segue.json              runs side by side`,
		Args: cobra.NoArgs,
	}
	o := &benchFlags{load: measure.DefaultLoad(), duration: time.Minute}
	f := cmd.Flags()
	f.StringVar(&o.dsn, "dsn", "", "USER:PASSWORD@tcp(HOST:PORT)/DATABASE, a `DSN` (default $SEGUE_BENCH_DSN)")
	f.StringArrayVar(&o.members, "member", nil, "`DSN` of a server behind it, where they share no data; name each")
	f.StringVar(&o.flavor, "flavor", string(measure.Auto), "whose `SQL` it speaks: auto, mysql, tidb, starrocks, doris, fesim")
	words(cmd, "flavor", "auto", "mysql", "tidb", "starrocks", "doris", "fesim")
	f.StringVar(&o.database, "database", measure.DefaultDatabase, "`name` of the database to write to; made if it is not there")
	for _, c := range measure.Classes() {
		f.IntVar(&o.load.Clients[c], c.Flag(), o.load.Clients[c], "`clients` "+benchClass[c])
	}
	f.Float64Var(&o.load.Rate, "rate", o.load.Rate, "`arrivals` per second of all clients, but for slow and idle ones")
	s := &o.load.Stream
	f.StringVar(&o.loadAddress, "load-address", "", "`HOST:PORT` that loads are sent to, by HTTP (default: port 8030 of the DSN's host)")
	spanVar(f, &s.Every, "load-every", aboveZero, config.LongestSpan, "between two loads of one client")
	f.IntVar(&s.Rows, "load-rows", s.Rows, "`rows` of one load")
	f.Int64Var(&s.Size, "load-size", s.Size, "`bytes` of one load")
	spanVar(f, &s.For, "load-for", 0, config.LongestSpan, "how long a body is under way; 0: at once")
	f.IntVar(&s.Retry, "load-retry", s.Retry, "how many `times` a load that failed is sent again, with its label")
	f.BoolVar(&s.NoLabel, "load-no-label", false, "send no label")
	f.BoolVar(&s.Chunked, "load-chunked", false, "send bodies in chunks, without Content-Length")
	spanVar(f, &s.Timeout, "load-timeout", aboveZero, config.LongestSpan, "how long a load waits for a connection, or its answer")
	spanVar(f, &o.load.TxnHold, "txn-hold", aboveZero, config.LongestSpan, "how long a transaction stays open between its two INSERTs")
	spanVar(f, &o.load.SlowFor, "slow-for", aboveZero, config.LongestSpan, "how long a slow statement runs")
	spanVar(f, &o.load.IdleFor, "idle-for", aboveZero, config.LongestSpan, "between two uses of an idle connection")
	spanVar(f, &o.load.Timeout, "timeout", aboveZero, config.LongestSpan, "how long a client waits for a connection or an answer")
	f.BoolVar(&o.load.NoWrites, "no-writes", false, "write nothing: no writers, and transactions only read")
	f.Uint64Var(&o.load.Seed, "seed", o.load.Seed, "of the timetables: the same `number`, the same arrivals")
	spanVar(f, &o.duration, "duration", 0, config.LongestSpan, "how long; 0: until Ctrl-C. An experiment ends with its last step")
	f.StringVar(&o.experiment, "experiment", "", "`file` of steps and marks; bench/experiments has examples")
	f.StringVar(&o.segue, "segue", "", "admin `address` of a running Segue: changes of its backends become marks")
	f.StringVar(&o.mark, "mark", "", "listen on this loopback `address` for marks: --mark, or --mark=HOST:PORT")
	f.Lookup("mark").NoOptDefVal = measure.DefaultControl
	f.StringVar(&o.name, "name", "", "`name` of the run in reports (default: the experiment's, or the address)")
	f.StringVar(&o.out, "out", "segue-bench", "`path` of the reports, without .html, .json and so on")
	f.BoolVar(&o.force, "force", false, "replace reports that are there already")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return w.bench(cmd, o) }
	cmd.AddCommand(w.benchCompareCommand(), w.benchMarkCommand())
	return cmd
}

// benchClass says what clients of a class do.
var benchClass = map[measure.Class]string{
	measure.Long:  "that keep a session, and verify its state with every answer",
	measure.Short: "that connect, ask one question and quit",
	measure.Txn:   "with transactions of two INSERTs",
	measure.Idle:  "of a pool that is seldom used",
	measure.Slow:  "with statements that run for a while",
	measure.Write: "that write rows, each under an id of its own",
	measure.Loads: "that send Stream Loads by HTTP, whose rows are looked for afterwards",
}

// bench makes one run and its reports.
func (w *world) bench(cmd *cobra.Command, o *benchFlags) error {
	plan, e, err := w.benchPlan(cmd, o)
	if err != nil {
		return err
	}
	if err := mayWrite(o.force, reportPaths(o.out)...); err != nil {
		return usageError{err}
	}
	ctx, stop := context.WithCancelCause(cmd.Context())
	defer stop(nil)
	signals := make(chan os.Signal, 1)
	w.notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() { // ends with ctx
		interruptAt(ctx, signals, stop)
		signal.Stop(signals) // a second one ends the program at once
	}()
	if e != nil {
		stage := experiment.NewStage(e, experimentEnv())
		defer stage.Stop()
		for _, p := range e.Processes {
			fmt.Fprintf(w.stdout, "start %s: %s\n", p.Name, p.Run)
		}
		if err := stage.Open(ctx); err != nil {
			return err
		}
		plan.Script = stage.Play
	}
	said := tool()
	if err := w.benchSources(ctx, o, plan, &said); err != nil {
		return err
	}
	live := &report.Live{Out: w.stdout, Terminal: isTerminal(w.stdout), Style: w.style()}
	plan.OnMark, plan.Progress, plan.Interval = live.Mark, live.Progress, live.Interval()
	plan.OnReady = func(server string) {
		fmt.Fprintf(w.stdout, "%s (%s): the clients are connected, %s\n", measure.Redact(plan.Endpoint.FormatDSN()), server, benchUntil(plan))
	}
	result, err := measure.Run(ctx, *plan)
	live.End()
	if err != nil {
		return err
	}
	result.Name, result.Tool = o.name, said
	result.Command = append([]string{"segue"}, measure.RedactArgs(w.args)...)
	fmt.Fprintf(w.stdout, "\n%s", report.Summary(result, w.style()))
	if err := w.writeReports(o.out, result); err != nil {
		return err
	}
	if !result.Clean() {
		return fmt.Errorf("%s saw %s", o.name, benchFaults(result))
	}
	return nil
}

// tool is who measures, for reports.
func tool() string { return "segue " + readBuild().Version + ", " + readBuild().Go }

// benchUntil says how the run ends.
func benchUntil(plan *measure.Options) string {
	switch {
	case plan.Script != nil:
		return "the steps begin"
	case plan.Duration > 0:
		return fmt.Sprintf("%v from now on", plan.Duration)
	}
	return "until Ctrl-C"
}

// benchFaults says what makes a run not clean.
func benchFaults(r *measure.Result) string {
	parts := []string{typeset.Plural(r.Felt.Errors, "error")}
	if r.Ledger != nil && r.Ledger.Faults() > 0 {
		parts = append(parts, typeset.Plural(r.Ledger.Faults(), "write")+" astray")
	}
	if v := r.Loaded; v != nil && v.Faults() > 0 {
		parts = append(parts, fmt.Sprintf("%s lost, %s doubled, %s amiss", typeset.Plural(v.Lost, "loaded row"), typeset.Count(v.Doubled), typeset.Count(v.Undone+v.Torn)))
	}
	if len(r.Problems) > 0 {
		parts = append(parts, typeset.Plural(len(r.Problems), "problem")+": "+strings.Join(r.Problems, "; "))
	}
	return strings.Join(parts, ", ")
}

// experimentEnv lets commands of an experiment find this program.
func experimentEnv() []string {
	path, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{"SEGUE=" + path}
}

// style colours words when somebody looks who has not asked for none.
func (w *world) style() typeset.Style {
	terminal := isTerminal(w.stdout)
	return typeset.Style{On: terminal && w.getenv("NO_COLOR") == "", Whole: !terminal, Width: terminalWidth(w.stdout)}
}
