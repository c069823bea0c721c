package run_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/run"
)

func dorisAsk() rollout.Ask {
	a := simAsk()
	a.Version, a.Image = "3.0.1", false
	return a
}

// Doris tells of its nodes in other columns, and of a backend that leaves only when heartbeats fail: backends go first, the master last, each once, led by anyone.
func TestDoris(t *testing.T) {
	for lead := range 3 {
		t.Run(fmt.Sprint("led by ", lead+1), func(t *testing.T) {
			t.Parallel()
			s := newSimulated(t, byte(150+lead), 3, 1, 3, 0, fesim.Options{Flavor: backend.Doris})
			s.to = "doris-3.0.1"
			s.leadBy(lead)
			if err := s.through(t.Context(), s.begin(dorisAsk())); err != nil {
				t.Fatal(err)
			}
			got := strings.Join(s.stops, " ")
			if last := s.lead[len(s.lead)-1]; !strings.HasPrefix(got, "be-1 be-2 be-3 fe-4 fe-") || !strings.HasSuffix(got, " "+last) || len(s.stops) != 7 {
				t.Errorf("stopped in the order %s, led by %s at last", got, last)
			}
			for _, n := range s.source.Facts(t.Context(), run.Question{Whole: true}).Nodes {
				if n.Version != "doris-3.0.1" || n.Healthy != rollout.Yes || !n.Alive || n.StatusCode != "" {
					t.Errorf("%+v", n)
				}
			}
		})
	}
}

// What is in the way of a cluster of Doris is seen.
func TestDorisTroubles(t *testing.T) {
	for name, test := range map[string]struct {
		network byte
		wrong   func(*simulated, *rollout.Ask)
		pause   string
	}{
		"a backend stays alive": {154, func(s *simulated, a *rollout.Ask) {
			s.wrong["stop be-2"], a.Limits.Leave = func() error { return nil }, 2*time.Second
		}, "paused at be-2 (leaving): be-2 was stopped, and is not gone within 2s: alive, its port takes connections"},
		"a frontend does not return": {155, func(s *simulated, a *rollout.Ask) {
			s.wrong["start fe-2"], a.Limits.Return = func() error { return nil }, 2*time.Second
		}, "paused at fe-2 (returning): fe-2 does not come back within 2s: "},
		"the quorum is lost in between": {156, func(s *simulated, a *rollout.Ask) {
			a.Limits.Patience = 300 * time.Millisecond
			s.wrong["start be-2"] = func() error {
				s.cluster.FEs()[2].Kill()
				return s.cluster.BEs()[1].Start()
			}
		}, "paused: it has not mended itself within 300ms: members: fe-3"},
		"a load runs": {157, func(s *simulated, a *rollout.Ask) {
			a.Limits.Patience = 300 * time.Millisecond
			s.cluster.Begin(fesim.JobOptions{Kind: fesim.BrokerLoad, Duration: time.Hour})
		}, "paused: it has not mended itself within 300ms: jobs: load in "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, a := newSimulated(t, test.network, 3, 0, 2, 0, fesim.Options{Flavor: backend.Doris}), dorisAsk()
			s.to = "doris-3.0.1"
			test.wrong(s, &a)
			s.pauses(a, test.pause)
		})
	}
}

// A backend is given no work while it goes; what somebody had said before stays, and what the rollout has said is taken back.
func TestDorisBackendsAreAvoided(t *testing.T) {
	s := newSimulated(t, 158, 3, 0, 3, 0, fesim.Options{Flavor: backend.Doris})
	s.to = "doris-3.0.1"
	disabled := func() (list []string) {
		for _, n := range s.source.Facts(t.Context(), run.Question{Whole: true}).Nodes {
			if n.Disabled {
				list = append(list, n.Name)
			}
		}
		return list
	}
	be2 := s.source.Facts(t.Context(), run.Question{}).Node("be-2")
	if err := s.source.Drain(t.Context(), *be2); err != nil { // somebody
		t.Fatal(err)
	}
	for _, name := range []string{"be-1", "be-2"} {
		s.wrong["stop "+name] = func() error {
			if got := fmt.Sprint(disabled()); !strings.Contains(got, name) {
				t.Errorf("%s is stopped, and is given work: %s are not", name, got)
			}
			be := s.cluster.BEs()[int(name[3]-'1')]
			be.Stop(true)
			<-be.Exited()
			return nil
		}
	}
	if err := s.through(t.Context(), s.begin(dorisAsk())); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(disabled()); got != "[be-2]" {
		t.Errorf("%s are given no work, want be-2, as before", got)
	}
}

// Where somebody has kept a backend from one of queries and loads, it is kept from both while it goes, and from that one afterwards.
func TestDorisBackendKeptFromLoads(t *testing.T) {
	s := newSimulated(t, 159, 3, 0, 3, 0, fesim.Options{Flavor: backend.Doris})
	s.to = "doris-3.0.1"
	be1 := *s.source.Facts(t.Context(), run.Question{}).Node("be-1")
	be1.DisabledFor = "query" // that is left alone
	if err := s.source.Drain(t.Context(), be1); err != nil {
		t.Fatal(err)
	}
	is := func() string {
		n := s.source.Facts(t.Context(), run.Question{}).Node("be-1")
		return fmt.Sprint(n.Disabled, " ", n.DisabledFor)
	}
	if got := is(); got != "true load" {
		t.Fatal(got)
	}
	s.wrong["stop be-1"] = func() error {
		if got := is(); got != "true " {
			t.Errorf("it is stopped while %s", got)
		}
		be := s.cluster.BEs()[0]
		be.Stop(true)
		<-be.Exited()
		return nil
	}
	if err := s.through(t.Context(), s.begin(dorisAsk())); err != nil {
		t.Fatal(err)
	}
	if got := is(); got != "true load" {
		t.Errorf("afterwards: %s", got)
	}
}
