package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/fesim"
	"segue/bench/measure"
	"segue/bench/report"
	"segue/bench/typeset"
)

// DefaultSpeed is how much faster than in real time the FEs and the load
// balancer live: an FE's drain of 15 to 60 s takes 1 to 4 s.
const DefaultSpeed = 15

// DefaultLoad takes two CPU cores about a third of their time.
func DefaultLoad() measure.Load {
	l := measure.DefaultLoad()
	l.Clients = [len(l.Clients)]int{measure.Long: 32, measure.Short: 32, measure.Slow: 8, measure.Write: 8}
	l.Rate, l.SlowFor = 1500, 400*time.Millisecond
	return l
}

// Options say what [Run] needs and how it talks. All of them are required.
type Options struct {
	Out      io.Writer // what is printed
	Terminal bool      // Out is a terminal: one line is redrawn
	Style    typeset.Style
	Keep     bool   // leave the FEs and Segue up until the context is done
	Report   string // path of the HTML file
	Command  []string
	Tool     string // who measures, for the report

	// StartSegue starts a Segue in front of the backends, with its own defaults.
	// addr is where clients connect, admin its admin address. stop ends it and
	// returns when it has ended.
	StartSegue func(ctx context.Context, backends []backend.Spec) (addr, admin string, stop func(), err error)

	Speed float64 // of the simulated FEs and the load balancer
	Load  measure.Load
}

// Run restarts three simulated FEs gracefully, one after the other, under load:
// first behind a [Balancer], then behind Segue. It shows both runs side by side in
// the terminal and in one HTML file.
//
// It returns when nothing of it is running any more: nil when no client of Segue
// saw an error and no write went astray, ctx's cause when it was interrupted.
func Run(ctx context.Context, o Options) error { return (&demo{Options: o}).run(ctx) }

// demo is one call of [Run], and owned by it.
type demo struct {
	Options
	runs []*measure.Result
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
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the load balancer: %w", err)
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	changes := make(chan string)
	b := &Balancer{
		Interval: scaled(5*time.Second, d.Speed), Timeout: 5 * time.Second, Fall: 3, Rise: 3,
		OnChange: func(name string, inUse bool) {
			text := name + " taken out of rotation"
			if inUse {
				text = name + " taken back in"
			}
			select {
			case changes <- text:
			case <-serving.Done():
			}
		},
	}
	for _, fe := range cluster.FEs() {
		b.Targets = append(b.Targets, Target{fe.Name(), fe.MySQLAddress()})
	}
	var balancer sync.WaitGroup
	var failed error // read after Wait
	balancer.Go(func() { failed = b.Serve(serving, ln) })
	err = d.measure(ctx, "1/2", "cloud load balancer", cluster, ln.Addr().String(), map[string]func(context.Context, func(string)) error{
		"load balancer": func(ctx context.Context, mark func(string)) error {
			for {
				select {
				case text := <-changes:
					mark(text)
				case <-ctx.Done():
					return nil
				}
			}
		},
	})
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
	specs := specsOf(cluster)
	addr, admin, stop, err := d.StartSegue(context.WithoutCancel(ctx), specs)
	if err != nil {
		return fmt.Errorf("start segue: %w", err)
	}
	defer stop()
	if err := d.measure(ctx, "2/2", "Segue", cluster, addr, nil); err != nil {
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

func specsOf(c *fesim.Cluster) []backend.Spec {
	var specs []backend.Spec
	for _, fe := range c.FEs() {
		specs = append(specs, backend.Spec{Name: fe.Name(), Address: fe.MySQLAddress(), HealthURL: fe.HealthURL()})
	}
	return specs
}

// busyStall is how long a stall of the machine must be for errors of a run to be
// doubtful: many times what lies between two statements of a client. What takes
// microseconds on real servers, such as an FE's closing a session right after an
// answer, then takes so long that the client's next statement gets in between.
const busyStall = 100 * time.Millisecond

// promise returns an error if a client of Segue saw anything wrong.
func (d *demo) promise(r *measure.Result) error {
	switch stall := r.MachineStall.Duration(); {
	case r.Clean():
		return nil
	case stall > busyStall:
		return fmt.Errorf("keep segue's promise: %s, but this machine stalled for %s meanwhile, longer than the simulation can stand: run it again when the machine has less to do", report.Verdict(r), typeset.Wait(stall))
	}
	return fmt.Errorf("keep segue's promise: %s; %s lists what went wrong by kind", report.Verdict(r), d.Report)
}

// measure loads addr while the FEs behind it are restarted, and adds the run to
// the demo's. It returns when all clients have gone.
func (d *demo) measure(ctx context.Context, part, name string, cluster *fesim.Cluster, addr string, sources map[string]func(context.Context, func(string)) error) error {
	endpoint := mysql.NewConfig()
	endpoint.User, endpoint.Net, endpoint.Addr = "root", "tcp", addr
	fmt.Fprintln(d.Out, d.Style.Bold(part+" "+name))
	live := &report.Live{Out: d.Out, Terminal: d.Terminal, Style: d.Style}
	r, err := measure.Run(ctx, measure.Options{
		Endpoint: endpoint, Flavor: measure.FESim, Load: d.Load, Sources: sources,
		Script: func(ctx context.Context, mark func(string)) error { return rollingRestart(ctx, cluster, d.Speed, mark) },
		OnMark: live.Mark, Progress: live.Progress, Interval: live.Interval(),
	})
	live.End()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	case len(r.Problems) > 0:
		return fmt.Errorf("measure %s: %s", name, strings.Join(r.Problems, "; "))
	}
	r.Name, r.Command, r.Tool, r.Notes = name, d.Command, d.Tool, append(r.Notes, d.notes()...)
	d.runs = append(d.runs, r)
	fmt.Fprintf(d.Out, "%s\n\n", report.Verdict(r))
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

// conclude prints the comparison and writes the page.
func (d *demo) conclude() error {
	fmt.Fprint(d.Out, report.Comparison(d.runs, d.Style))
	path, err := filepath.Abs(d.Report)
	if err != nil {
		return fmt.Errorf("find report %s: %w", d.Report, err)
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create report: %w", err)
	}
	if err := errors.Join(report.WriteHTML(f, d.runs), f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(d.Out, "\npage: %s\non your own cluster: segue serve fe1:9030,fe2:9030,fe3:9030\n\n%s\n", path, d.Style.Bold(fmt.Sprintf(
		"Three restarts: through a cloud load balancer %s, through Segue %s", typeset.Plural(d.runs[0].Felt.Errors, "error"), typeset.Count(d.runs[1].Felt.Errors))))
	return nil
}
