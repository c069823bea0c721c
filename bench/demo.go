package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"segue/backend"
	"segue/backend/fesim"
	"segue/bench/typeset"
)

// DefaultSpeed is how much faster than in real time the FEs and the load
// balancer of [Demo] live: an FE's drain of 15 to 60 s takes 1 to 4 s.
const DefaultSpeed = 15

// DefaultReport is where [Demo] writes its page.
const DefaultReport = "segue-demo.html"

// DemoOptions say what [Demo] needs and how it talks.
type DemoOptions struct {
	Out      io.Writer // what is printed; required
	Terminal bool      // Out is a terminal: one line is redrawn, and there are colours
	Keep     bool      // leave the FEs and Segue up until the context is done
	Report   string    // path of the HTML file. Zero: DefaultReport in the working directory

	// StartSegue starts a Segue in front of the backends, with its own defaults.
	// addr is where clients connect, admin its admin address. stop ends it and
	// returns when it has ended. Required.
	StartSegue func(ctx context.Context, backends []backend.Spec) (addr, admin string, stop func(), err error)

	Speed   float64           // of the simulated FEs and the load balancer. Zero: DefaultSpeed
	Workers [numWorkloads]int // zero: DefaultWorkers
}

// Demo restarts three simulated FEs gracefully, one after the other, under
// load: first behind a [Balancer], then behind Segue. It shows both runs side
// by side in the terminal and in one HTML file.
//
// It returns when nothing of it is running any more: nil when no client of
// Segue saw an error, ctx's cause when it was interrupted.
func Demo(ctx context.Context, o DemoOptions) error {
	return newDemo(o).run(ctx)
}

// demo is one call of [Demo], and owned by it.
type demo struct {
	DemoOptions
	style typeset.Style
	runs  []*Run
}

func newDemo(o DemoOptions) *demo {
	d := &demo{DemoOptions: o, style: typeset.Style{On: o.Terminal && os.Getenv("NO_COLOR") == ""}}
	if d.Speed <= 0 {
		d.Speed = DefaultSpeed
	}
	if d.Workers == ([numWorkloads]int{}) {
		d.Workers = DefaultWorkers()
	}
	if d.Report == "" {
		d.Report = DefaultReport
	}
	return d
}

func (d *demo) run(ctx context.Context) error {
	d.intro()
	if err := d.viaBalancer(ctx); err != nil {
		return err
	}
	return d.viaSegue(ctx)
}

// viaBalancer is the first run.
func (d *demo) viaBalancer(ctx context.Context) error {
	cluster, err := startCluster(d.Speed)
	if err != nil {
		return err
	}
	defer cluster.Close()
	rec := newRecorder("cloud load balancer")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the load balancer: %w", err)
	}
	b := &Balancer{
		Interval: scaled(5*time.Second, d.Speed), Timeout: 5 * time.Second, Fall: 3, Rise: 3,
		OnChange: func(name string, inUse bool) {
			if inUse {
				rec.mark(name, TakenIn)
			} else {
				rec.mark(name, TakenOut)
			}
		},
	}
	for _, fe := range cluster.FEs() {
		b.Targets = append(b.Targets, Target{fe.Name(), fe.MySQLAddress()})
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	var balancer sync.WaitGroup
	var failed error // read after Wait
	balancer.Go(func() { failed = b.Serve(serving, ln) })
	err = d.experiment(ctx, "1/2", rec, cluster, ln.Addr().String())
	stop()
	balancer.Wait()
	return errors.Join(err, failed)
}

// viaSegue is the second run, and what follows from both.
func (d *demo) viaSegue(ctx context.Context) error {
	cluster, err := startCluster(d.Speed)
	if err != nil {
		return err
	}
	defer cluster.Close()
	var specs []backend.Spec
	for _, fe := range cluster.FEs() {
		specs = append(specs, backend.Spec{Name: fe.Name(), Address: fe.MySQLAddress(), HealthURL: fe.HealthURL()})
	}
	addr, admin, stop, err := d.StartSegue(context.WithoutCancel(ctx), specs)
	if err != nil {
		return fmt.Errorf("start segue: %w", err)
	}
	defer stop()
	if err := d.experiment(ctx, "2/2", newRecorder("Segue"), cluster, addr); err != nil {
		return err
	}
	if err := d.conclude(); err != nil {
		return err
	}
	if d.Keep {
		d.keep(ctx, addr, admin, specs)
	}
	return d.promise(d.runs[1])
}

// promise returns an error if a client of Segue saw one.
func (d *demo) promise(r *Run) error {
	n := r.Tally.Errors()
	switch {
	case n == 0:
		return nil
	case r.Stall > busyStall:
		return fmt.Errorf("keep segue's promise: %s a client saw, but this machine stalled for %s meanwhile, longer than the simulation can stand: run it again when the machine has less to do", typeset.Plural(n, "error"), typeset.Wait(r.Stall))
	}
	return fmt.Errorf("keep segue's promise: %s a client saw; %s lists them by kind", typeset.Plural(n, "error"), d.Report)
}

// experiment loads addr while the FEs behind it are restarted, and adds the run
// to the demo's. It returns when all clients have gone.
func (d *demo) experiment(ctx context.Context, part string, rec *recorder, cluster *fesim.Cluster, addr string) error {
	working, enough := context.WithCancel(ctx)
	defer enough()
	l := Load{User: "root", Workers: d.Workers}
	view := live{out: d.Out, terminal: d.Terminal, style: d.style, title: part + " " + rec.run.Name}
	var clients, watchers sync.WaitGroup
	var loadErr error // read after Wait
	rec.start = time.Now()
	clients.Go(func() { loadErr = l.run(working, addr, rec) })
	watchers.Go(func() { view.run(working, rec) })
	watchers.Go(func() { MeasureStall(working, rec.stalled) })
	err := rollingRestart(working, cluster, d.Speed, rec.mark)
	rec.stop()
	enough()
	watchers.Wait()
	clients.Wait()
	if err = errors.Join(err, loadErr); err != nil {
		return err
	}
	run := rec.finish()
	d.runs = append(d.runs, run)
	fmt.Fprintf(d.Out, "%s %s\n", part, verdict(run))
	return nil
}

// startCluster starts a cluster of three FEs that leave as mildly as any code
// of an FE does: sessions are closed right after a statement, none is cut
// before MaxExit. How long a session must be idle to be swept is measured
// against the pace of the clients, which is not sped up; so that is not either.
func startCluster(speed float64) (*fesim.Cluster, error) {
	cluster, err := fesim.NewCluster(3, fesim.Options{
		Generation: fesim.G3, CloseAfterStmt: true, TimeScale: 1 / speed, Idle: time.Duration(speed * float64(time.Second)),
	})
	if err != nil {
		return nil, fmt.Errorf("create simulated FEs: %w", err)
	}
	if err := cluster.Start(); err != nil {
		cluster.Close()
		return nil, fmt.Errorf("start simulated FEs: %w", err)
	}
	return cluster, nil
}

// conclude prints the comparison and writes the report.
func (d *demo) conclude() error {
	fmt.Fprintf(d.Out, "\n%s\n%s\n", table(d.runs, compareRuns(d.runs, d.Speed), d.style), sparklines(d.runs, d.Speed, d.style))
	path, err := filepath.Abs(d.Report)
	if err != nil {
		return fmt.Errorf("find report %s: %w", d.Report, err)
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create report: %w", err)
	}
	err = WriteReport(f, d.runs, d.Speed, d.method(), time.Now())
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(d.Out, "Picture: %s\n\n", path)
	fmt.Fprintln(d.Out, d.style.Bold(verdict(d.runs[1])+" a client saw  ·  "+verdict(d.runs[0])))
	return nil
}
