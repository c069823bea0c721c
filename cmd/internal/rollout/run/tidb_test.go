package run_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/run"
)

// tidbAsk asks for the next version of TiDB.
func tidbAsk() rollout.Ask {
	a := simAsk()
	a.Version, a.Image = "8.5.1", false
	return a
}

// A cluster of TiDB tells of servers that nobody has named: all of them go, those that were named in the order given and the others behind them, though a server that is down is one that
// nobody tells of.
func TestTiDBTellsOfAll(t *testing.T) {
	t.Parallel()
	s := newSimulated(t, 140, 4, 0, 0, 0, fesim.Options{Flavor: backend.TiDB})
	s.to = "8.5.1"
	s.source.Seeds = []backend.Spec{s.source.Seeds[2], s.source.Seeds[0]}
	f := s.source.Facts(t.Context(), run.Question{Whole: true})
	var names []string
	for _, n := range f.Nodes {
		names = append(names, n.Name)
		if n.Exact || n.Uptime <= 0 || n.Start.IsZero() || n.Version != "8.5.0" || n.Healthy != rollout.Yes || n.HTTP == "" {
			t.Errorf("%+v", n)
		}
	}
	second, fourth := s.cluster.FEs()[1].MySQLAddress(), s.cluster.FEs()[3].MySQLAddress()
	if want := []string{"fe-3", "fe-1", second, fourth}; !slices.Equal(names, want) {
		t.Fatalf("nodes %v, want %v", names, want)
	}
	s.source.Names = map[string]string{second: "fe-2", fourth: "fe-4"}
	a := tidbAsk()
	f = s.source.Facts(t.Context(), run.Question{Whole: true})
	if v := s.begin(a).Next(f); v.Node != "" || !strings.Contains(rollout.Blocking(v.Findings)[0].What, "this pd has 8.5.0, older than 8.5.1") {
		t.Errorf("PD is old: %+v", v)
	}
	a.Accept = []string{string(rollout.CheckVersions)}
	if err := s.through(t.Context(), s.begin(a)); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.stops, " "); got != "fe-3 fe-1 fe-2 fe-4" {
		t.Errorf("stopped in the order %s", got)
	}
	for _, n := range s.source.Facts(t.Context(), run.Question{Whole: true}).Nodes {
		if n.Version != "8.5.1" || n.Healthy != rollout.Yes || !n.Alive {
			t.Errorf("%+v", n)
		}
	}
}

// What a cluster of TiDB does not tell of stands against going on: a server that is down, and an address that is no server's.
func TestTiDBTroubles(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		network byte
		wrong   func(*simulated, *rollout.Ask)
		pause   string
	}{
		"a server is down that nobody has named": {142, func(s *simulated, a *rollout.Ask) {
			s.source.Seeds = s.source.Seeds[:2]
			a.Limits.Patience = 300 * time.Millisecond
			s.wrong["start fe-1"] = func() error {
				s.cluster.FEs()[2].Kill()
				return s.cluster.FEs()[0].Start()
			}
		}, "paused: it has not mended itself within 300ms: members: fe-3: the cluster says that it is not alive: information_schema.cluster_info does not tell of it"},
		"an address of no server": {143, func(s *simulated, a *rollout.Ask) {
			a.Limits.Patience = 300 * time.Millisecond
			s.source.Seeds = append(s.source.Seeds, backend.Spec{Name: "balancer", Address: "127.0.143.9:4000"})
		}, "paused: it has not mended itself within 300ms: members: balancer: the cluster says that it is not alive: information_schema.cluster_info does not tell of it: it is down, or its address is that of no TiDB server"},
		"a server does not return": {144, func(s *simulated, a *rollout.Ask) {
			s.wrong["start fe-2"], a.Limits.Return = func() error { return nil }, 2*time.Second
		}, "paused at fe-2 (returning): fe-2 does not come back within 2s: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, a := newSimulated(t, test.network, 3, 0, 0, 0, fesim.Options{Flavor: backend.TiDB}), tidbAsk()
			s.to, a.Accept = "8.5.1", []string{string(rollout.CheckVersions)}
			s.source.Names[s.cluster.FEs()[2].MySQLAddress()] = "fe-3"
			test.wrong(s, &a)
			err := s.through(t.Context(), s.begin(a))
			if err == nil || !strings.HasPrefix(err.Error(), test.pause) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Without an account a list is what was given, and it is said that nobody knows better.
func TestTiDBWithoutAccount(t *testing.T) {
	t.Parallel()
	s := newSimulated(t, 145, 2, 0, 0, 0, fesim.Options{Flavor: backend.TiDB})
	s.source.User = ""
	f := s.source.Facts(t.Context(), run.Question{Whole: true})
	v := rollout.Begin("x", tidbAsk(), f).Next(f)
	if v.Node != "fe-1" || len(f.Nodes) != 2 || v.Findings[0].Severity != rollout.Warn || !strings.Contains(v.Findings[0].What, "no account was given") {
		t.Errorf("%+v", v)
	}
	s.source.User = "nobody"
	f = s.source.Facts(t.Context(), run.Question{Whole: true})
	if v := rollout.Begin("x", tidbAsk(), f).Next(f); v.Node != "" || !strings.Contains(f.Unseen[rollout.CheckMembers], "1045") {
		t.Errorf("%+v, unseen: %v", v, f.Unseen)
	}
}
