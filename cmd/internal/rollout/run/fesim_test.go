package run_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/facts"
	"segue/cmd/internal/rollout/run"
	"segue/cmd/internal/rollout/store"
)

// simulated is a cluster that is really asked, over MySQL and HTTP.
type simulated struct {
	t       *testing.T
	cluster *fesim.Cluster
	source  *facts.Source
	to      string // the version that they get; empty: 3.5.9

	mu    sync.Mutex
	stops []string
	lead  []string // who led when each was stopped
	wrong map[string]func() error
}

// newSimulated starts one. host is a loopback address whose last byte counts up: all FEs have the same ports, as SHOW FRONTENDS assumes.
func newSimulated(t *testing.T, network byte, fes, observers, bes, cns int, o fesim.Options) *simulated {
	t.Helper()
	o.TimeScale = 0.02
	cluster, err := fesim.NewCluster(0, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	s := &simulated{t: t, cluster: cluster, wrong: map[string]func() error{}, source: &facts.Source{
		Flavor: o.Flavor, User: "root", Names: map[string]string{}, Timeout: 5 * time.Second,
	}}
	mysql, http := freePort(t), freePort(t)
	for i := range fes + observers {
		o := o
		o.Cluster, o.FID, o.Observer = cluster, uint8(i+1), i >= fes
		host := fmt.Sprintf("127.0.%d.%d", network, i+1)
		o.MySQLAddress, o.HTTPAddress = net.JoinHostPort(host, mysql), net.JoinHostPort(host, http)
		fe, err := fesim.New(o)
		if err != nil {
			t.Fatal(err)
		}
		s.source.Seeds = append(s.source.Seeds, backend.Spec{Name: fe.Name(), Address: fe.MySQLAddress(), HealthURL: fe.HealthURL()})
	}
	for i := range bes + cns {
		be, err := cluster.AddBE(fesim.BEOptions{Compute: i >= bes, Config: map[string]string{"graceful_exit_wait_for_frontend_heartbeat": "true"}})
		if err != nil {
			t.Fatal(err)
		}
		s.source.Names[be.HeartbeatAddress()] = be.Name()
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// freePort is a port that nobody has at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

type process interface {
	Name() string
	Start() error
	Upgrade(version string)
	Exited() <-chan struct{}
}

func (s *simulated) node(name string) process {
	for _, fe := range s.cluster.FEs() {
		if fe.Name() == name {
			return fe
		}
	}
	for _, be := range s.cluster.BEs() {
		if be.Name() == name {
			return be
		}
	}
	return nil
}

// Stop implements rollout.Driver.
func (s *simulated) Stop(ctx context.Context, n rollout.Node) error {
	s.mu.Lock()
	s.stops = append(s.stops, n.Name)
	lead := ""
	if l := s.cluster.Leader(); l != nil {
		lead = l.Name()
	}
	s.lead = append(s.lead, lead)
	s.mu.Unlock()
	if wrong := s.wrong["stop "+n.Name]; wrong != nil {
		return wrong()
	}
	p := s.node(n.Name)
	switch p := p.(type) {
	case *fesim.FE:
		p.GracefulExit()
	case *fesim.BE:
		p.Stop(true)
	}
	select {
	case <-p.Exited():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Upgrade implements rollout.Driver.
func (s *simulated) Upgrade(_ context.Context, n rollout.Node) error {
	s.node(n.Name).Upgrade(cmp.Or(s.to, "3.5.9"))
	return nil
}

// Rollback implements rollout.Driver.
func (s *simulated) Rollback(_ context.Context, n rollout.Node) error {
	s.node(n.Name).Upgrade("3.5.0-fesim")
	return nil
}

// Start implements rollout.Driver.
func (s *simulated) Start(_ context.Context, n rollout.Node) error {
	if wrong := s.wrong["start "+n.Name]; wrong != nil {
		return wrong()
	}
	p := s.node(n.Name)
	select {
	case <-p.Exited():
		return p.Start()
	default:
		return nil // it runs
	}
}

func simAsk() rollout.Ask {
	a := rollout.Ask{Version: "3.5.9", Change: true, Backup: rollout.BackupWaived, Image: true, OnFailure: rollout.RemedyPause, Limits: rollout.DefaultLimits()}
	a.Limits.Leave, a.Limits.Return, a.Limits.Patience = 20*time.Second, 20*time.Second, 20*time.Second
	return a
}

// through takes a rollout through; the state is kept in a file.
func (s *simulated) through(ctx context.Context, state *rollout.State) error {
	s.t.Helper()
	file, err := store.Open(filepath.Join(s.t.TempDir(), "state.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer file.Close()
	none := func(context.Context, rollout.Node) error { return nil }
	r := &run.Runner{
		State: state, Facts: s.source.Facts, Driver: s, Segues: s.source, Image: s.source.CreateImage, Backup: none, Check: none, Save: file.Save, Beat: 20 * time.Millisecond,
		Tell: func(e rollout.Event) { s.t.Logf("%s: %s: %s", e.Node, e.Kind, e.What) },
	}
	return r.Run(ctx, ctx)
}

func (s *simulated) begin(ask rollout.Ask) *rollout.State {
	return rollout.Begin("sim", ask, s.source.Facts(s.t.Context(), run.Question{Whole: true}))
}

// Simulated clusters of all sizes, led by anyone, are asked over MySQL and HTTP and really stopped and started: each node once, in the right order, and with the new version.
func TestSimulatedClusters(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 4))
			fes := 3 + 2*r.IntN(2)
			s := newSimulated(t, byte(100+seed), fes, r.IntN(2), 1+r.IntN(3), r.IntN(2), fesim.Options{Generation: []fesim.Generation{fesim.G2, fesim.G3}[r.IntN(2)]})
			s.leadBy(r.IntN(fes))
			state := s.begin(simAsk())
			if err := s.through(t.Context(), state); err != nil {
				t.Fatal(err)
			}
			s.judge(state)
		})
	}
}

// leadBy has FE number i lead, by restarting whoever leads until it does.
func (s *simulated) leadBy(i int) {
	s.t.Helper()
	for range 30 {
		l := s.cluster.Leader()
		if l == s.cluster.FEs()[i] {
			return
		}
		if l != nil {
			l.Kill()
			<-l.Exited()
			if err := l.Start(); err != nil {
				s.t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// judge says what is wrong with an upgrade that has come to its end.
func (s *simulated) judge(state *rollout.State) {
	s.t.Helper()
	all := len(s.cluster.FEs()) + len(s.cluster.BEs())
	if len(s.stops) != all || len(slices.Compact(slices.Sorted(slices.Values(s.stops)))) != all {
		s.t.Errorf("stopped %v of %d", s.stops, all)
	}
	for i, name := range s.stops {
		if isFE := strings.HasPrefix(name, "fe-"); isFE != (i >= len(s.cluster.BEs())) {
			s.t.Errorf("%s was number %d of %v", name, i+1, s.stops)
		}
		if s.lead[i] == name && i < all-1 {
			s.t.Errorf("%s led when it was stopped, and was number %d of %v", name, i+1, s.stops)
		}
	}
	f := s.source.Facts(s.t.Context(), run.Question{Whole: true})
	for _, n := range f.Nodes {
		if n.Version != "3.5.9" || n.Healthy != rollout.Yes || !n.Alive {
			s.t.Errorf("%+v", n)
		}
	}
	if !state.Finished {
		s.t.Error("it is not finished")
	}
}

// pauses requires that a rollout pauses, with an error that begins so and says what to do.
func (s *simulated) pauses(a rollout.Ask, with string) {
	s.t.Helper()
	err := s.through(s.t.Context(), s.begin(a))
	if paused, ok := errors.AsType[*run.PausedError](err); !ok || !strings.HasPrefix(paused.Error(), with) || paused.Remedy == "" {
		s.t.Errorf("%v", err)
	}
}

// What is in the way of a simulated cluster is seen.
func TestSimulatedTroubles(t *testing.T) {
	for name, test := range map[string]struct {
		network byte
		wrong   func(*simulated, *rollout.Ask)
		pause   string
	}{
		"a backend stays alive": {130, func(s *simulated, a *rollout.Ask) {
			s.wrong["stop be-2"], a.Limits.Leave = func() error { return nil }, 2*time.Second
		}, "paused at be-2 (leaving): be-2 was stopped, and is not gone within 2s: alive, StatusCode OK, its port takes connections"},
		"a frontend does not return": {131, func(s *simulated, a *rollout.Ask) {
			s.wrong["start fe-2"], a.Limits.Return = func() error { return nil }, 2*time.Second
		}, "paused at fe-2 (returning): fe-2 does not come back within 2s: "},
		"the quorum is lost in between": {132, func(s *simulated, a *rollout.Ask) {
			a.Limits.Patience = 300 * time.Millisecond
			s.wrong["start be-2"] = func() error {
				s.cluster.FEs()[2].Kill()
				return s.cluster.BEs()[1].Start()
			}
		}, "paused: it has not mended itself within 300ms: members: fe-3"},
		"tablets are repaired for long": {133, func(s *simulated, a *rollout.Ask) {
			a.Limits.Patience = 300 * time.Millisecond
			s.cluster.SetTablets(fesim.Tablets{Inconsistent: 3})
		}, "paused: it has not mended itself within 300ms: replicas: 3 of "},
		"a load runs": {134, func(s *simulated, a *rollout.Ask) {
			a.Limits.Patience = 300 * time.Millisecond
			s.cluster.Begin(fesim.JobOptions{Kind: fesim.BrokerLoad, Duration: time.Hour})
		}, "paused: it has not mended itself within 300ms: jobs: load test.label_20001 (BROKER) is loading: stopping a backend may cancel it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, a := newSimulated(t, test.network, 3, 0, 2, 0, fesim.Options{}), simAsk()
			test.wrong(s, &a)
			s.pauses(a, test.pause)
		})
	}
}

// Loads of all kinds are seen, where the release tells of them: what is fed from outside stops nothing.
func TestSimulatedLoads(t *testing.T) {
	t.Parallel()
	s := newSimulated(t, 137, 3, 0, 2, 0, fesim.Options{})
	for kind, label := range map[fesim.JobKind]string{fesim.StreamLoad: "a", fesim.RoutineLoad: "b"} {
		s.cluster.Begin(fesim.JobOptions{Kind: kind, Label: label, Duration: time.Hour})
	}
	s.cluster.Begin(fesim.JobOptions{Kind: fesim.StreamLoad, Label: "over"})
	verdict := func() (v rollout.Verdict, said string) {
		f := s.source.Facts(t.Context(), run.Question{Whole: true})
		v = rollout.Begin("x", simAsk(), f).Next(f)
		for _, x := range v.Findings {
			if x.Check == rollout.CheckJobs {
				said += string(x.Severity) + ": " + x.What + "\n"
			}
		}
		return v, said
	}
	v, said := verdict()
	if v.Node == "" || strings.Count(said, "\n") != 2 || !strings.Contains(said, "warn: fed load test.a (STREAM) is loading") || !strings.Contains(said, "warn: fed load test.b (ROUTINE) is running") {
		t.Errorf("%q may go: %s", v.Node, said)
	}
	s.cluster.Begin(fesim.JobOptions{Kind: fesim.BrokerLoad, Label: "c", Duration: time.Hour})
	if v, said := verdict(); v.Node != "" || strings.Count(said, "\n") != 3 || !strings.Contains(said, "stop: load test.c (BROKER) is loading") {
		t.Errorf("%q may go: %s", v.Node, said)
	}
}

// The table of older releases has other columns, and tells of what files are read for alone.
func TestSimulatedLoadsOfOlderReleases(t *testing.T) {
	t.Parallel()
	s := newSimulated(t, 138, 3, 0, 2, 0, fesim.Options{Version: "3.3.9"})
	for range 2 {
		f := s.source.Facts(t.Context(), run.Question{Whole: true})
		if why, unseen := f.Unseen[rollout.CheckJobs]; unseen || len(f.Jobs) > 0 || f.Partly[rollout.CheckJobs] != "" {
			t.Errorf("%s, %+v, %+v", why, f.Jobs, f.Partly)
		}
		s.cluster.Begin(fesim.JobOptions{Kind: fesim.StreamLoad, Duration: time.Hour})
	}
	s.cluster.Begin(fesim.JobOptions{Kind: fesim.BrokerLoad, Label: "c", Duration: time.Hour})
	f := s.source.Facts(t.Context(), run.Question{Whole: true})
	if len(f.Jobs) != 1 || f.Jobs[0].Name != "test.c (BROKER)" || f.Jobs[0].Kind != rollout.Load {
		t.Errorf("%+v", f.Jobs)
	}
}

// Many loads that are fed hide none that a stop would cancel.
func TestSimulatedLoadsAmongMany(t *testing.T) {
	t.Parallel()
	s := newSimulated(t, 139, 3, 0, 2, 0, fesim.Options{})
	for range 150 {
		s.cluster.Begin(fesim.JobOptions{Kind: fesim.StreamLoad, Duration: time.Hour})
	}
	s.cluster.Begin(fesim.JobOptions{Kind: fesim.BrokerLoad, Label: "c", Duration: time.Hour})
	f := s.source.Facts(t.Context(), run.Question{Whole: true})
	if !slices.ContainsFunc(f.Jobs, func(j rollout.Job) bool { return j.Kind == rollout.Load && j.Name == "test.c (BROKER)" }) || len(f.Jobs) > 30 {
		t.Errorf("%+v", f.Jobs)
	}
}

// An account that may not see what a preflight needs sees that it does not.
func TestSimulatedWithoutPrivilege(t *testing.T) {
	s := newSimulated(t, 135, 3, 0, 2, 0, fesim.Options{Users: map[string]string{"root": "", "app": ""}})
	for user, want := range map[string]string{"app": "5203", "": "no account was given", "nobody": "1045"} {
		s.source.User = user
		f := s.source.Facts(t.Context(), run.Question{Whole: true})
		v := rollout.Begin("x", simAsk(), f).Next(f)
		if v.Node != "" || v.Finished || !strings.Contains(f.Unseen[rollout.CheckMembers], want) {
			t.Errorf("%q: %+v, unseen: %v", user, v.Node, f.Unseen)
		}
		for _, x := range v.Findings {
			if x.Check == rollout.CheckReplicas && x.Severity != rollout.Unseen {
				t.Errorf("%q: %+v", user, x)
			}
		}
	}
}

// An operator interrupts while a command runs: that comes to its end, the rollout stands behind it, and goes on from there.
func TestInterrupted(t *testing.T) {
	s := newSimulated(t, 136, 3, 0, 2, 0, fesim.Options{})
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	started := 0
	s.wrong["start be-2"] = func() error {
		interrupt()
		started++
		return s.cluster.BEs()[1].Start()
	}
	state := s.begin(simAsk())
	none := func(context.Context, rollout.Node) error { return nil }
	r := &run.Runner{
		State: state, Facts: s.source.Facts, Driver: s, Segues: s.source, Image: s.source.CreateImage, Backup: none, Check: none,
		Save: func(*rollout.State) error { return nil }, Beat: 20 * time.Millisecond,
	}
	if err := r.Run(ctx, t.Context()); !errors.Is(err, run.ErrInterrupted) {
		t.Fatal(err)
	}
	if started != 1 || state.Current != "be-2" || state.Nodes[slices.IndexFunc(state.Nodes, func(p rollout.Progress) bool { return p.Node == "be-2" })].Phase != rollout.Returning {
		t.Errorf("started %d times, it stands at %s", started, state.Current)
	}
	state.Resume(time.Now())
	if err := s.through(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	if started != 1 {
		t.Errorf("started %d times", started)
	}
	s.judge(state)
}
