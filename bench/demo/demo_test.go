package demo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"segue/backend"
	"segue/bench/measure"
	"segue/health"
)

// shortOptions are a demo of half the length, with a Segue whose probes are as slow
// next to the FEs as in the whole one.
func shortOptions(t *testing.T, out *strings.Builder) Options {
	t.Helper()
	const speed = 2 * DefaultSpeed
	o := Options{Out: out, Report: filepath.Join(t.TempDir(), "demo.html"), Speed: speed, Load: DefaultLoad()}
	o.Load.Clients = [len(o.Load.Clients)]int{measure.Long: 12, measure.Short: 12, measure.Slow: 4, measure.Write: 4}
	o.Load.Rate = 500
	o.StartSegue = func(_ context.Context, specs []backend.Spec) (addr, admin string, stop func(), err error) {
		s := startSegue(t, specs, health.Options{Interval: scaled(3*time.Second, speed), FastInterval: scaled(750*time.Millisecond, speed)})
		return s.addr, "127.0.0.1:0", s.stop, nil
	}
	return o
}

// The whole demo, shorter: clients of the load balancer see errors (so the
// experiment can fail), clients of Segue see none, nobody gets another's
// answer, no write goes astray, and nothing is left running.
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
		if balancer.Felt.Errors == 0 {
			t.Error("clients of the load balancer saw no error: the experiment shows nothing")
		}
		if err == nil {
			return
		}
		for _, f := range segue.Faults {
			t.Logf("%d × %s, %s: %s: %s", f.Count, f.Class, f.Doing, f.What, f.Sample)
		}
		if attempt == 3 || segue.MachineStall.Duration() <= busyStall {
			t.Fatal(err)
		}
	}
}

// shortDemo runs the demo and checks what must be so however busy the machine.
func shortDemo(t *testing.T) (balancer, segue *measure.Result, err error) {
	t.Helper()
	var out strings.Builder
	d := &demo{Options: shortOptions(t, &out)}
	err = d.run(t.Context())
	t.Log(out.String())
	if len(d.runs) != 2 {
		t.Fatalf("%d runs, %v", len(d.runs), err)
	}
	for i, r := range d.runs {
		if r.Felt.WrongAnswers != 0 || r.Felt.StateLost != 0 || r.Ledger == nil || r.Ledger.Faults() != 0 || r.Ledger.Acknowledged == 0 {
			t.Errorf("%s: felt %+v, ledger %+v", r.Name, r.Felt, r.Ledger)
		}
		if want := []int{3 * (3 + 2), 3 * 3}[i]; len(r.Marks) != want { // each FE leaves, is gone, is back; is taken out and in
			t.Errorf("%s: %d marks, want %d: %v", r.Name, len(r.Marks), want, r.Marks)
		}
		for _, c := range r.Classes {
			if c.Answers == 0 {
				t.Errorf("%s: no answer to a %s client", r.Name, c.Class)
			}
		}
	}
	if _, err := os.Stat(d.Report); err != nil {
		t.Errorf("no report: %v", err)
	}
	if (err == nil) != d.runs[1].Clean() {
		t.Errorf("the demo ends with %v after %+v", err, d.runs[1].Felt)
	}
	return d.runs[0], d.runs[1], err
}

// An interrupted demo says so and leaves nothing running.
func TestDemoInterrupted(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := Run(ctx, shortOptions(t, new(strings.Builder))); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v", err)
	}
}

func TestPromise(t *testing.T) {
	d := &demo{Options: Options{Report: "page.html"}}
	failed := measure.Felt{Errors: 1}
	for _, tt := range []struct {
		name string
		run  measure.Result
		want string
	}{
		{"no error", measure.Result{MachineStall: measure.Millis(time.Minute)}, ""},
		{"an error", measure.Result{Felt: failed}, "1 error a client saw; page.html lists"},
		{"a write lost", measure.Result{Ledger: &measure.Verdict{Lost: 1}}, "1 write astray; page.html lists"},
		{"an error on a busy machine", measure.Result{Felt: failed, MachineStall: measure.Millis(2 * time.Second)}, "stalled for 2 s"},
	} {
		err := d.promise(&tt.run)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
