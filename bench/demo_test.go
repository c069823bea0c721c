package bench

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend"
	"segue/health"
	"segue/proxy"

	"go.uber.org/goleak"
)

// startSegue wires a Segue as cmd does, with probes as much faster as the FEs.
func startSegue(speed float64) func(context.Context, []backend.Spec) (string, string, func(), error) {
	return func(ctx context.Context, specs []backend.Spec) (addr, admin string, stop func(), err error) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", nil, err
		}
		reg := backend.NewRegistry(backend.Options{})
		reg.Apply(specs)
		log := slog.New(slog.DiscardHandler)
		monitor := health.NewMonitor(reg, health.Options{
			Interval:     scaled(3*time.Second, speed), // as slow, next to the FEs, as in the demo
			FastInterval: scaled(750*time.Millisecond, speed),
		}, log, nil)
		server := proxy.NewServer(reg, proxy.Options{}, log, nil)
		server.OnEvidence = monitor.Observe
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		running.Go(func() { _ = monitor.Run(ctx) })
		running.Go(func() { _ = server.Serve(ctx, ln) })
		return ln.Addr().String(), "127.0.0.1:0", func() {
			cancel()
			running.Wait()
		}, nil
	}
}

// The whole demo, shorter: clients of the load balancer see errors (so the
// experiment can fail), clients of Segue see none, nobody gets another's
// answer, and nothing is left running.
//
// A machine so busy that it stalls for longer than clients think can make an
// FE's close and a client's next statement cross. Such a run is no verdict and
// is made again; three of them are one.
func TestDemo(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for attempt := 1; ; attempt++ {
		balancer, segue, err := shortDemo(t)
		if t.Failed() {
			return
		}
		if balancer.Tally.Errors() == 0 {
			t.Error("clients of the load balancer saw no error: the experiment shows nothing")
		}
		if err == nil {
			return
		}
		for _, k := range Kinds() {
			if n := segue.Tally.Count(k); n > 0 {
				t.Logf("%d %s: %s", n, k, segue.Tally.Sample(k))
			}
		}
		if attempt == 3 || segue.Stall <= busyStall {
			t.Fatal(err)
		}
	}
}

// shortDemo runs the demo and checks what must be so however busy the machine.
func shortDemo(t *testing.T) (balancer, segue *Run, err error) {
	t.Helper()
	const speed = 30
	var out strings.Builder
	page := filepath.Join(t.TempDir(), "demo.html")
	d := newDemo(DemoOptions{
		Out: &out, Report: page, Speed: speed, StartSegue: startSegue(speed),
		Workers: [numWorkloads]int{Long: 12, Short: 12, Slow: 4},
	})
	err = d.run(t.Context())
	t.Log(out.String())
	if len(d.runs) != 2 {
		t.Fatalf("%d runs, %v", len(d.runs), err)
	}
	for _, r := range d.runs {
		if r.Tally.Count(WrongAnswer) != 0 {
			t.Errorf("%s: wrong answers: %s", r.Name, r.Tally.Sample(WrongAnswer))
		}
		if r.Restarts() != 3 {
			t.Errorf("%s: %d restarts", r.Name, r.Restarts())
		}
		for w := range numWorkloads {
			if r.Tally.Kinds[w][Answered] == 0 {
				t.Errorf("%s: no answer to a %s worker", r.Name, w)
			}
		}
	}
	if _, err := os.Stat(page); err != nil {
		t.Errorf("no report: %v", err)
	}
	if (err == nil) != (d.runs[1].Tally.Errors() == 0) {
		t.Errorf("the demo ends with %v after %s", err, verdict(d.runs[1]))
	}
	return d.runs[0], d.runs[1], err
}

// An interrupted demo says so and leaves nothing running.
func TestDemoInterrupted(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := Demo(ctx, DemoOptions{
		Out: new(strings.Builder), Speed: 20, StartSegue: startSegue(20),
		Report:  filepath.Join(t.TempDir(), "demo.html"),
		Workers: [numWorkloads]int{Long: 2, Short: 2, Slow: 1},
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v", err)
	}
}
