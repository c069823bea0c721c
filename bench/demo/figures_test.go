package demo

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/fesim"
	"segue/bench/measure"
	"segue/health"
	proxy "segue/proxy"
)

// The benchmarks of this file measure promises on simulated FEs, with Segue at its defaults:
//
//	go test -run '^$' -bench . -benchtime 1x ./bench/demo
//
// They report figures, and fail where a client saw an error that it must not see.

// segue is a Segue in front of a cluster, wired as cmd does.
type segue struct {
	addr     string
	registry *backend.Registry
	stop     func()
}

func startSegue(tb testing.TB, specs []backend.Spec, probes health.Options) *segue {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	s := &segue{addr: ln.Addr().String(), registry: backend.NewRegistry(backend.Options{})}
	s.registry.Apply(specs)
	monitor := health.NewMonitor(s.registry, probes, log, nil)
	server := proxy.NewServer(s.registry, proxy.Options{}, log, nil)
	server.OnEvidence = monitor.Observe
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = monitor.Run(ctx) })
	running.Go(func() { _ = server.Serve(ctx, ln) })
	s.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	tb.Cleanup(s.stop)
	s.waitUp(tb, len(specs))
	return s
}

// waitUp waits until n backends are up.
func (s *segue) waitUp(tb testing.TB, n int) {
	tb.Helper()
	timeout := time.After(10 * time.Second)
	for {
		changed := s.registry.Changed()
		up := 0
		for _, b := range s.registry.Backends() {
			if b.Status().Health == backend.Up {
				up++
			}
		}
		if up >= n {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			tb.Fatalf("%d of %d backends up after 10 s", up, n)
		}
	}
}

func startedCluster(tb testing.TB, o fesim.Options) *fesim.Cluster {
	tb.Helper()
	c, err := fesim.NewCluster(3, o)
	if err != nil {
		tb.Fatal(err)
	}
	if err := c.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

// under runs do while clients work on addr, and returns what they saw.
func under(tb testing.TB, addr, password string, long, short int, do func()) *measure.Result {
	tb.Helper()
	endpoint := mysql.NewConfig()
	endpoint.User, endpoint.Passwd, endpoint.Net, endpoint.Addr = "root", password, "tcp", addr
	load := measure.DefaultLoad()
	load.Clients = [len(load.Clients)]int{measure.Long: long, measure.Short: short}
	load.Rate = 1000
	r, err := measure.Run(tb.Context(), measure.Options{
		Endpoint: endpoint, Flavor: measure.FESim, Load: load,
		Script: func(context.Context, func(string)) error { do(); return nil },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// expectNoErrors fails b if a client saw any, and names them.
func expectNoErrors(tb testing.TB, r *measure.Result) {
	tb.Helper()
	for _, f := range r.Faults {
		tb.Errorf("%d × %s, %s: %s: %s", f.Count, f.Class, f.Doing, f.What, f.Sample)
	}
}

// BenchmarkLastSessionAfterSIGUSR1 measures, under short sessions only, the time from an FE's SIGUSR1 to the last session that
// still was sent to it.
func BenchmarkLastSessionAfterSIGUSR1(b *testing.B) {
	const trials = 100
	for b.Loop() {
		c := startedCluster(b, fesim.Options{TimeScale: 0.02}) // the exit itself takes 0.3 s
		s := startSegue(b, specsOf(c), health.Options{})
		var took []time.Duration
		r := under(b, s.addr, "", 0, 64, func() {
			for i := range trials {
				f := c.FEs()[i%3]
				left := time.Now()
				f.GracefulExit()
				f.Wait()
				took = append(took, max(0, f.Stats().LastLogin.Sub(left)))
				if err := f.Start(); err != nil {
					b.Fatal(err)
				}
				s.waitUp(b, 3)
			}
		})
		expectNoErrors(b, r)
		slices.Sort(took)
		b.ReportMetric(took[trials/2].Seconds()*1000, "ms-median")
		b.ReportMetric(took[trials-1].Seconds()*1000, "ms-max")
		b.ReportMetric(float64(r.Felt.Answers), "answers")
		s.stop()
	}
}

// BenchmarkRollingRestart restarts three FEs gracefully, ten rounds, under 64 long-lived and 64 short-lived connections.
func BenchmarkRollingRestart(b *testing.B) {
	const rounds = 10
	for _, immediate := range []bool{false, true} {
		b.Run(fmt.Sprintf("closeAfterStmt=%v", immediate), func(b *testing.B) {
			for b.Loop() {
				// In real time but for min_graceful_exit_time_second, which is 15 s by default.
				c := startedCluster(b, fesim.Options{MinExit: 2 * time.Second, CloseAfterStmt: immediate})
				s := startSegue(b, specsOf(c), health.Options{})
				r := under(b, s.addr, "", 64, 64, func() {
					for range rounds {
						err := c.RollingRestart(b.Context(), 200*time.Millisecond, func(e fesim.Event) {
							if e.Step == fesim.Started {
								s.waitUp(b, 3)
							}
						})
						if err != nil {
							b.Fatal(err)
						}
					}
				})
				expectNoErrors(b, r)
				b.ReportMetric(float64(r.Felt.Errors), "errors")
				b.ReportMetric(float64(r.Felt.WrongAnswers), "wrong")
				raced := 0
				for _, f := range c.FEs() {
					raced += f.Stats().Raced
				}
				b.ReportMetric(float64(raced), "raced")
				b.ReportMetric(float64(r.Felt.Answers), "answers")
				s.stop()
			}
		})
	}
}

// BenchmarkFaultyBackend makes one FE of three fail in each way while clients connect, query and quit.
func BenchmarkFaultyBackend(b *testing.B) {
	const stays = 5 * time.Second
	for _, fault := range []struct {
		name string
		fesim.Fault
	}{
		{"refuse", fesim.Fault{Refuse: true}},
		{"silent", fesim.Fault{AcceptSilent: true}},
		{"ERR1040", fesim.Fault{GreetingERR: fesim.TooManyConnections()}},
		{"EOFBeforeGreeting", fesim.Fault{EOFBeforeGreeting: true}},
		{"truncatedGreeting", fesim.Fault{TruncateGreeting: true}},
		{"EOFAfterGreeting", fesim.Fault{EOFAfterGreeting: true}},
		{"EOFAfterAuth", fesim.Fault{EOFAfterAuth: true}},
		{"resetAfterAuth", fesim.Fault{ResetAfterAuth: true}},
		{"hangAfterAuth", fesim.Fault{HangAfterAuth: true}},
		{"loginERR1040", fesim.Fault{LoginERR: fesim.TooManyConnections()}},
	} {
		b.Run(fault.name, func(b *testing.B) {
			for b.Loop() {
				c := startedCluster(b, fesim.Options{Users: map[string]string{"root": "secret"}})
				s := startSegue(b, specsOf(c), health.Options{})
				r := under(b, s.addr, "secret", 0, 64, func() {
					// The health URL goes on to say that all is well: set-ups alone must cope.
					c.FEs()[0].SetFault(fault.Fault)
					time.Sleep(stays)
				})
				expectNoErrors(b, r)
				b.ReportMetric(float64(r.Felt.Errors), "errors")
				b.ReportMetric(float64(r.Felt.Answers), "answers")
				s.stop()
			}
		})
	}
}

// BenchmarkKill kills one FE after the other, as kill -9 does, while clients connect, query and quit: no set-up fails. Statements
// that run at that moment are lost and counted apart.
func BenchmarkKill(b *testing.B) {
	const rounds = 30
	for b.Loop() {
		c := startedCluster(b, fesim.Options{Users: map[string]string{"root": "secret"}})
		s := startSegue(b, specsOf(c), health.Options{})
		r := under(b, s.addr, "secret", 0, 64, func() {
			for i := range rounds {
				f := c.FEs()[i%3]
				f.Kill()
				time.Sleep(200 * time.Millisecond) // it stays away for a while
				if err := f.Start(); err != nil {
					b.Fatal(err)
				}
				s.waitUp(b, 3)
			}
		})
		setups, lost := 0, 0
		for _, f := range r.Faults {
			if f.Doing == measure.Connecting.String() || r.Felt.WrongAnswers > 0 {
				b.Errorf("%d × %s: %s: %s", f.Count, f.Doing, f.What, f.Sample)
				setups += f.Count
			} else {
				lost += f.Count
			}
		}
		b.ReportMetric(float64(setups), "failed-setups")
		b.ReportMetric(float64(lost), "statements-lost")
		b.ReportMetric(float64(r.Felt.Answers), "answers")
		s.stop()
	}
}
