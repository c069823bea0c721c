package measure

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"go.uber.org/goleak"

	"segue/backend/fesim"
	"segue/bench"
)

// simulated starts one simulated FE, and returns it with an endpoint. It ends with
// the test.
func simulated(t *testing.T, o fesim.Options) (*fesim.FE, *mysql.Config) {
	t.Helper()
	o.Election = time.Millisecond
	fe, err := fesim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fe.Close)
	if err := fe.Start(); err != nil {
		t.Fatal(err)
	}
	cfg, err := ParseDSN("root@tcp(" + fe.MySQLAddress() + ")/test")
	if err != nil {
		t.Fatal(err)
	}
	return fe, cfg
}

// smallLoad is over quickly.
func smallLoad() Load {
	l := DefaultLoad()
	l.Clients = [numClasses]int{Long: 4, Short: 4, Txn: 2, Idle: 2, Slow: 1, Write: 2}
	l.Rate, l.TxnHold, l.SlowFor, l.IdleFor, l.Timeout = 200, 10*time.Millisecond, 50*time.Millisecond, 100*time.Millisecond, 5*time.Second
	return l
}

func TestRunOfAHealthyServer(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	fe, cfg := simulated(t, fesim.Options{})
	defer fe.Close()
	ready, shown := "", 0
	r, err := Run(t.Context(), Options{
		Endpoint: cfg, Load: smallLoad(), Duration: time.Second, Interval: 200 * time.Millisecond,
		OnReady: func(server string) { ready = server }, Progress: func(Progress) { shown++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Clean() || r.Felt.SessionsLost != 0 || r.Felt.StateLost != 0 {
		t.Errorf("felt %+v, faults %+v, problems %q, ledger %+v", r.Felt, r.Faults, r.Problems, r.Ledger)
	}
	if r.Flavor != FESim || r.Ledger == nil || r.Ledger.Acknowledged == 0 || r.Ledger.Unknown != 0 {
		t.Errorf("flavor %s, ledger %+v", r.Flavor, r.Ledger)
	}
	for _, c := range r.Classes {
		if c.Answers == 0 || c.Response.Max < c.Service.P50 {
			t.Errorf("%s: %+v", c.Class, c)
		}
	}
	if !strings.Contains(ready, "StarRocks") || shown == 0 {
		t.Errorf("ready %q, progress shown %d times", ready, shown)
	}
}

// A server that is killed and started again: every class has its errors, each
// told apart, and none before the mark.
func TestRunOverAKill(t *testing.T) {
	fe, cfg := simulated(t, fesim.Options{})
	l := smallLoad()
	r, err := Run(t.Context(), Options{
		Endpoint: cfg, Load: l,
		Script: func(ctx context.Context, mark func(string)) error {
			if !bench.Pause(ctx, 500*time.Millisecond) {
				return ctx.Err()
			}
			mark("killed")
			fe.Kill()
			bench.Pause(ctx, 500*time.Millisecond)
			err := fe.Start()
			mark("started")
			bench.Pause(ctx, 800*time.Millisecond)
			return err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Marks) != 2 || r.Marks[0].Text != "killed" || r.Marks[1].Text != "started" {
		t.Fatalf("marks %+v", r.Marks)
	}
	seen := map[string]int{}
	for _, f := range r.Faults {
		if f.First < r.Marks[0].At {
			t.Errorf("before the kill: %+v", f)
		}
		seen[f.Class+": "+f.Doing+" "+f.What] += f.Count
	}
	for _, want := range []string{"short-lived: connect refused", "long-lived: connect refused", "writer: connect refused", "transaction: connect refused"} {
		if seen[want] == 0 {
			t.Errorf("nobody had %q: %v", want, seen)
		}
	}
	f := r.Felt
	if kept := 4 + 2 + 2 + 1 + 2; f.SessionsLost < kept-1 { // one could have been between two connections
		t.Errorf("%d sessions lost, want the %d that were kept", f.SessionsLost, kept)
	}
	if f.Stall.Duration() < 400*time.Millisecond || f.Silence.Duration() < 400*time.Millisecond {
		t.Errorf("longest stall %v, silence %v: the server was away for half a second", f.Stall.Duration(), f.Silence.Duration())
	}
	if r.Clean() || r.Ledger == nil || r.Ledger.Faults() != 0 {
		t.Errorf("clean %v, ledger %+v", r.Clean(), r.Ledger)
	}
	answers, from := 0, int(r.Marks[1].At/r.Timeline.Step)
	for _, b := range r.Timeline.Buckets[from:] {
		answers += b.Answers
	}
	if answers == 0 {
		t.Error("no answers after the start")
	}
}

// A server that stops answering for a while: open arrivals show all that had to
// wait for it, though nobody got an error.
func TestRunCountsWhatWasOmitted(t *testing.T) {
	fe, cfg := simulated(t, fesim.Options{})
	l := smallLoad()
	l.Clients, l.Rate, l.NoWrites = [numClasses]int{Long: 1}, 100, true
	r, err := Run(t.Context(), Options{
		Endpoint: cfg, Load: l,
		Script: func(ctx context.Context, _ func(string)) error {
			bench.Pause(ctx, 300*time.Millisecond)
			fe.SetFault(fesim.Fault{Freeze: true})
			bench.Pause(ctx, 500*time.Millisecond)
			fe.SetFault(fesim.Fault{})
			bench.Pause(ctx, 300*time.Millisecond)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	long := r.Classes[0]
	if !r.Clean() || r.Ledger != nil {
		t.Errorf("felt %+v, ledger %+v", r.Felt, r.Ledger)
	}
	slow := 0
	for _, b := range long.Response.Buckets {
		if b[0] > 100_000 {
			slow += int(b[1])
		}
	}
	if slow < 20 { // of the fifty that were due in half a second
		t.Errorf("%d answers took more than 100 ms; service p99 %v", slow, long.Service.P99.Duration())
	}
	if long.Service.P90.Duration() > 50*time.Millisecond {
		t.Errorf("service times take part in the stall: %+v", long.Service)
	}
}

func TestRunThatCannotBegin(t *testing.T) {
	_, cfg := simulated(t, fesim.Options{})
	_, crowded := simulated(t, fesim.Options{MaxConnections: 5})
	for name, test := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"no such user":     {func(o *Options) { o.Endpoint = o.Endpoint.Clone(); o.Endpoint.User = "nobody" }, "for its version: Error 1045"},
		"no such database": {func(o *Options) { o.Endpoint = o.Endpoint.Clone(); o.Endpoint.DBName = "none" }, "Unknown database"},
		"no load":          {func(o *Options) { o.Load.Rate = 0 }, "--rate 0"},
		"too many":         {func(o *Options) { o.Endpoint = crowded }, "before the run: connect: Error"},
	} {
		o := Options{Endpoint: cfg, Load: smallLoad(), Duration: time.Second}
		test.change(&o)
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// What a script or a source returns is a problem of the run, which is reported all
// the same.
func TestRunTellsWhatFailedBesideIt(t *testing.T) {
	_, cfg := simulated(t, fesim.Options{})
	l := smallLoad()
	r, err := Run(t.Context(), Options{
		Endpoint: cfg, Load: l,
		Script: func(ctx context.Context, _ func(string)) error {
			bench.Pause(ctx, 300*time.Millisecond)
			return errors.New("step 1: it failed")
		},
		Sources: map[string]func(context.Context, func(string)) error{
			"segue": func(context.Context, func(string)) error { return errors.New("nobody is there") },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.Problems, "; "); !strings.Contains(got, "step 1: it failed") || !strings.Contains(got, "segue: nobody is there") || r.Clean() {
		t.Errorf("problems %q", got)
	}
}
