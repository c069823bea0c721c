package rollout

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend"
)

// Twenty clusters of all sizes, led by anyone: every node goes once, in the right order (cluster.mayStop), and comes back changed.
func TestOrderFromAnywhere(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		fes := 3 + 2*r.IntN(2)
		c := newCluster(t, fes, r.IntN(3), 1+r.IntN(4), r.IntN(3), r.IntN(fes), r.IntN(4))
		r.Shuffle(len(c.nodes), func(i, j int) { c.nodes[i], c.nodes[j] = c.nodes[j], c.nodes[i] })
		a := ask()
		a.Fleet = len(c.segues) > 0
		s := c.play(Begin("x", a, c.facts()), nil, nil)
		if !s.Finished {
			t.Errorf("seed %d: %+v", seed, s.Paused)
		}
		if len(c.stops) != len(c.nodes) || len(slices.Compact(slices.Sorted(slices.Values(c.stops)))) != len(c.nodes) {
			t.Errorf("seed %d: stopped %v of %d", seed, c.stops, len(c.nodes))
		}
		for _, n := range c.nodes {
			if n.Version != "3.4.5" || n.starts != 1 || n.Healthy != Yes {
				t.Errorf("seed %d: %s has %s after %d starts", seed, n.Name, n.Version, n.starts)
			}
		}
		if len(c.avoided) > 0 || len(c.wasAvoided) != len(c.nodes)-fes-strings.Count(strings.Join(c.stops, " "), "ob-") {
			t.Errorf("seed %d: frontends still avoid %v; they have avoided %v", seed, c.avoided, c.wasAvoided)
		}
		if !c.backed || c.checks != len(c.nodes) {
			t.Errorf("seed %d: saved %v, %d checks", seed, c.backed, c.checks)
		}
	}
}

// The terminal is killed again and again, before an act and behind it; the leader changes by itself meanwhile.
func TestKilledAndResumed(t *testing.T) {
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 2))
		c := newCluster(t, 3, r.IntN(2), 3, r.IntN(2), r.IntN(3), 1+r.IntN(2))
		s := c.play(Begin("x", ask(), c.facts()), r, func(*State, Act) {
			if r.IntN(40) == 0 {
				for _, n := range c.nodes {
					if n.Role == Leader {
						n.Role, c.elected = Follower, c.now.Add(2*time.Second)
					}
				}
				if i := r.IntN(3); c.node([]string{"fe-0", "fe-1", "fe-2"}[i]).Listening == Yes {
					slices.SortFunc(c.nodes, func(*member, *member) int { return r.IntN(3) - 1 })
				}
			}
		})
		if !s.Finished {
			t.Fatalf("seed %d: %+v", seed, s.Paused)
		}
		if len(c.avoided) > 0 {
			t.Errorf("seed %d: frontends still avoid %v", seed, c.avoided)
		}
		for _, n := range c.nodes {
			if n.Version != "3.4.5" {
				t.Errorf("seed %d: %s has %s", seed, n.Name, n.Version)
			}
		}
	}
}

// Each trouble, and what becomes of the rollout.
func TestTroubles(t *testing.T) {
	for name, test := range map[string]struct {
		ask     func(*Ask)
		cluster func(*cluster)
		each    func(*cluster, *State, Act)
		pause   string // in its reason; empty: it finishes
		phase   Phase
		stops   int
	}{
		"nothing": {stops: 6},
		"a node does not return": {
			cluster: func(c *cluster) { c.troubles["be-1"] = "does not return" },
			pause:   "be-1 does not come back within 10m0s: the cluster says that it is not alive", phase: Returning, stops: 2,
		},
		"a backend stays alive": {
			cluster: func(c *cluster) { c.troubles["be-0"] = "stays alive" },
			pause:   "be-0 was stopped, and is not gone within 5m0s: alive, StatusCode SHUTDOWN, its port takes connections", phase: Leaving, stops: 1,
		},
		"a hook fails": {
			cluster: func(c *cluster) { c.troubles["fe-1"] = "hook fails" },
			pause:   "start: exit status 1", phase: Starting, stops: 4,
		},
		"the budget is spent": {
			cluster: func(c *cluster) { c.troubles["be-2"] = "errors" },
			pause:   "clients saw 2 errors while be-2 was in work; --budget-node is 0", phase: Checking, stops: 3,
		},
		"the budget is not spent": {
			ask:     func(a *Ask) { a.Budget, a.BudgetNode = 3, 2 },
			cluster: func(c *cluster) { c.troubles["be-2"] = "errors" },
			stops:   6,
		},
		"the budget of all is spent": {
			ask:     func(a *Ask) { a.Budget, a.BudgetNode = 3, 2 },
			cluster: func(c *cluster) { c.troubles["be-1"], c.troubles["be-2"] = "errors", "errors" },
			pause:   "clients have seen 4 errors; --budget is 3", phase: Checking, stops: 3,
		},
		"the canary": {
			cluster: func(c *cluster) { c.troubles["be-0"] = "check fails" },
			pause:   "check: exit status 1", phase: Checking, stops: 1,
		},
		"response times": {
			ask:     func(a *Ask) { a.P99Factor = 2 },
			cluster: func(c *cluster) { c.pass(1000, 0, 0.001) },
			each:    func(c *cluster, _ *State, _ Act) { c.pass(100, 0, 0.1) },
			pause:   "p99 is 99.01ms, before the rollout it was 990µs; --p99-factor is 2", phase: Checking, stops: 1,
		},
		"response times as before": {
			ask:     func(a *Ask) { a.P99Factor = 2 },
			cluster: func(c *cluster) { c.pass(1000, 0, 0.001) },
			each:    func(c *cluster, _ *State, _ Act) { c.pass(100, 0, 0.001) },
			stops:   6,
		},
		"too little traffic to compare": {
			ask:     func(a *Ask) { a.P99Factor = 2 },
			cluster: func(c *cluster) { c.pass(1000, 0, 0.001) },
			each:    func(c *cluster, _ *State, _ Act) { c.pass(1, 0, 0.1) },
			stops:   6,
		},
		"more errors": {
			ask:     func(a *Ask) { a.ErrorRate = 0.01 },
			cluster: func(c *cluster) { c.pass(1000, 5, 0.001) },
			each:    func(c *cluster, _ *State, _ Act) { c.pass(100, 2, 0.001) },
			pause:   "2.0 % of statements are answered by errors, before the rollout 0.5 % were; --error-rate is 0.01", phase: Checking, stops: 1,
		},
		"quorum lost in between": {
			each: func(c *cluster, s *State, a Act) {
				if a.Do == DoStart && a.Node.Name == "be-2" {
					c.node("fe-2").downAt = c.now
				}
			},
			pause: "it has not mended itself within 10m0s: members: fe-2", stops: 3,
		},
		"quorum lost for a while": {
			each: func(c *cluster, s *State, a Act) {
				if a.Do == DoStart && a.Node.Name == "be-2" {
					c.node("fe-2").downAt, c.node("fe-2").upAt = c.now, c.now.Add(time.Minute)
				}
			},
			stops: 6,
		},
		"quorum lost while a node is drained": {
			each: func(c *cluster, s *State, a Act) {
				if a.Do == DoDrain && c.node("fe-2").Listening == Yes && s.Current == "fe-1" {
					c.node("fe-2").downAt, c.node("fe-2").upAt = c.now, c.now.Add(time.Minute)
				}
			},
			stops: 6,
		},
		"the leader changes while a follower is drained": {
			each: func(c *cluster, s *State, a Act) {
				if a.Do == DoDrain && s.Current == "fe-1" && c.node("fe-0").Role == Leader {
					c.node("fe-0").Role, c.elected = Follower, c.now.Add(5*time.Second)
				}
			},
			stops: 6,
		},
		"the follower that is drained becomes the leader": {
			each: func(c *cluster, s *State, a Act) {
				if a.Do == DoDrain && s.Current == "fe-1" && c.node("fe-0").Role == Leader {
					c.node("fe-0").Role, c.node("fe-1").Role = Follower, Leader
				}
			},
			stops: 6,
		},
		"a Segue that cannot be reached": {
			each: func(c *cluster, s *State, a Act) {
				if s.Current == "be-2" {
					c.segues[1].Error = "connection refused"
				}
			},
			pause: "Segue segue-1:9131 cannot be asked: connection refused", phase: Draining, stops: 2,
		},
		"a Segue that cannot be reached for a while": {
			each: func(c *cluster, s *State, a Act) {
				if c.segues[1].Error = ""; c.now.Sub(began) > 30*time.Second && c.now.Sub(began) < 90*time.Second {
					c.segues[1].Error = "connection refused"
				}
			},
			stops: 6,
		},
		"a Segue that may be missing": {
			ask:     func(a *Ask) { a.FleetMissing = true },
			cluster: func(c *cluster) { c.segues[1].Error = "connection refused" },
			stops:   6,
		},
		"sessions stay": {
			cluster: func(c *cluster) {
				c.troubles["fe-1"] = "sessions stay"
				c.segues[0].Sticking = []SegueSession{{ID: 7, User: "app", Backend: "fe-1", Why: "transaction"}}
			},
			pause: "fe-1 has not been left within 5m0s: 6 sessions on fe-1; session 7 of app: transaction", phase: Draining, stops: 3,
		},
		"a tablet is repaired": {
			each: func(c *cluster, s *State, a Act) {
				if a.Do == DoStart && a.Node.Name == "be-0" {
					c.tablet.Unhealthy = 5
				}
				if a.Do == DoWait && c.tablet.Unhealthy > 0 && c.now.Second()%10 == 0 {
					c.tablet.Unhealthy--
				}
			},
			stops: 6,
		},
		"nobody tells of the backend that leaves": { // which is not the same as that it is gone
			each: func(c *cluster, s *State, a Act) {
				if a.Do == DoStop && a.Node.Name == "be-1" {
					c.mute = c.now.Add(5 * time.Minute)
				}
			},
			stops: 6,
		},
		"the cluster drops the backend that leaves": {
			each: func(c *cluster, s *State, a Act) {
				if a.Do == DoStop && a.Node.Name == "be-1" {
					c.dropped = "be-1"
				}
			},
			pause: "the cluster does not tell of be-1: it is not among its nodes", stops: 2, phase: Leaving,
		},
		"a node is lost to the cluster": {
			each: func(c *cluster, s *State, a Act) {
				if s.Current == "be-1" && len(c.nodes) == 6 {
					c.nodes = slices.DeleteFunc(c.nodes, func(n *member) bool { return n.Name == "be-0" })
				}
			},
			pause: "be-0: it was there when the rollout began", stops: 1, phase: Draining,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, a := newCluster(t, 3, 0, 3, 0, 0, 2), ask()
			if test.ask != nil {
				test.ask(&a)
			}
			if test.cluster != nil {
				test.cluster(c)
			}
			s := c.play(Begin("x", a, c.facts()), nil, func(s *State, a Act) {
				if test.each != nil {
					test.each(c, s, a)
				}
			})
			switch {
			case test.pause == "" && !s.Finished:
				t.Errorf("paused: %+v", s.Paused)
			case test.pause != "" && (s.Paused == nil || !strings.Contains(s.Paused.Why, test.pause) || s.Paused.Phase != test.phase || s.Paused.Remedy == ""):
				t.Errorf("paused: %+v", s.Paused)
			}
			if len(c.stops) != test.stops {
				t.Errorf("stopped %v", c.stops)
			}
			for _, g := range c.segues {
				for _, b := range g.Backends {
					if test.phase == Draining && g.Error == "" && (b.Admin != backend.Ready || len(c.avoided) > 0) {
						t.Errorf("nothing was stopped, and %s is %s in %s; frontends avoid %v", b.Name, b.Admin, g.Address, c.avoided)
					}
				}
			}
		})
	}
}

// A paused rollout goes on where it stands once its trouble is mended.
func TestPausedAndResumed(t *testing.T) {
	c := newCluster(t, 3, 0, 3, 0, 0, 1)
	c.troubles["be-1"] = "does not return"
	s := c.play(Begin("x", ask(), c.facts()), nil, nil)
	if s.Paused == nil {
		t.Fatal("it went on")
	}
	delete(c.troubles, "be-1")
	c.node("be-1").upAt = c.now.Add(time.Minute) // somebody has started it
	s.Resume(c.now)
	if s = c.play(s, nil, nil); !s.Finished || len(c.stops) != 6 {
		t.Errorf("%+v, stopped %v", s.Paused, c.stops)
	}
}

// Those that were changed are taken back, frontends before backends, and the others are let be.
func TestRolledBack(t *testing.T) {
	for _, automatic := range []bool{false, true} {
		c, a := newCluster(t, 3, 0, 2, 0, 0, 1), ask()
		c.troubles["fe-2"] = "does not return"
		if automatic {
			a.OnFailure = RemedyRollBack
		}
		s := c.play(Begin("x", a, c.facts()), nil, func(s *State, _ Act) {
			if s.Back {
				delete(c.troubles, "fe-2")
			}
		})
		if !automatic {
			if s.Paused == nil || s.Current != "fe-2" {
				t.Fatalf("it went on: %+v", s.Paused)
			}
			delete(c.troubles, "fe-2")
			s.TurnBack(c.facts())
			s = c.play(s, nil, nil)
		}
		if !s.Finished || strings.Join(c.rollback, " ") != "fe-2 fe-1 be-0 be-1" {
			t.Errorf("%+v; taken back: %v", s.Paused, c.rollback)
		}
		for _, n := range c.nodes {
			if n.Version != "3.3.9" || n.Healthy != Yes {
				t.Errorf("%s has %s, %s", n.Name, n.Version, n.Trouble)
			}
		}
	}
}

// What operators had told Segues of a node before its turn they are told again after it, wherever a terminal is killed; the others have it ready.
func TestPutBackAsItStood(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 9))
		c, a := newCluster(t, 3, int(seed%3), 1, 0, 0, 3), ask()
		a.Accept = []string{string(CheckFleet)}
		stood := map[string]backend.Admin{}
		for _, g := range c.segues {
			for i := range g.Backends {
				b := &g.Backends[i]
				if b.Admin = []backend.Admin{backend.Ready, backend.Ready, backend.Drain, backend.Maint}[r.IntN(4)]; b.Admin != backend.Ready {
					b.Sessions = 0
				}
				stood[g.Address+b.Name] = b.Admin
			}
		}
		if s := c.play(Begin("x", a, c.facts()), r, nil); !s.Finished || t.Failed() {
			t.Fatalf("seed %d: %+v", seed, s.Paused)
		}
		for _, g := range c.segues {
			for _, b := range g.Backends {
				if want := stood[g.Address+b.Name]; b.Admin != want {
					t.Errorf("seed %d: %s has %s in %s, before the rollout it was in %s", seed, g.Address, b.Name, b.Admin, want)
				}
			}
		}
	}
}

// What an operator says while a rollout has paused is what holds afterwards.
func TestPutBackAsItStoodAfterAPause(t *testing.T) {
	c, a := newCluster(t, 3, 0, 0, 0, 0, 2), ask()
	a.Accept = []string{string(CheckFleet)}
	c.troubles["fe-1"] = "sessions stay"
	c.segues[0].Backends[1].Admin, c.segues[0].Backends[1].Sessions = backend.Maint, 0
	s := c.play(Begin("x", a, c.facts()), nil, nil)
	if s.Paused == nil || s.Paused.Phase != Draining || c.segues[0].Backends[1].Admin != backend.Maint || c.segues[1].Backends[1].Admin != backend.Ready {
		t.Fatalf("%+v, %+v", s.Paused, c.segues[0].Backends[1])
	}
	delete(c.troubles, "fe-1")
	c.segues[0].Backends[1].Admin, c.segues[1].Backends[1].Admin = backend.Ready, backend.Drain
	s.Resume(c.now)
	if s = c.play(s, nil, nil); !s.Finished || c.segues[0].Backends[1].Admin != backend.Ready || c.segues[1].Backends[1].Admin != backend.Drain {
		t.Errorf("%+v, %+v, %+v", s.Paused, c.segues[0].Backends[1], c.segues[1].Backends[1])
	}
}

func TestOrderOfServers(t *testing.T) {
	f := &Facts{Flavor: backend.MySQL, Nodes: []Node{
		{Name: "a", Kind: Server, Role: Primary}, {Name: "b", Kind: Server, Role: Replica}, {Name: "c", Kind: Server}, {Name: "d", Kind: Server, Role: Replica},
	}}
	var names []string
	for _, turn := range Order(f, false) {
		names = append(names, turn.Node)
	}
	if got := strings.Join(names, " "); got != "b c d a" {
		t.Error(got)
	}
}

// Each failure takes nodes back where that was asked for, also when the terminal is killed before it is done. Going back has the budget anew.
func TestFailuresTakeBack(t *testing.T) {
	for trouble, times := range map[string]int{"hook fails": 1, "check fails": 1, "errors": 1, "does not return": 1} {
		for _, killed := range []bool{false, true} {
			c, a := newCluster(t, 3, 0, 2, 0, 0, 1), ask()
			a.OnFailure = RemedyRollBack
			c.troubles["be-1"] = trouble
			var r *rand.Rand
			if killed {
				r = rand.New(rand.NewPCG(7, 7))
			}
			s := c.play(Begin("x", a, c.facts()), r, func(s *State, _ Act) {
				if s.Back {
					delete(c.troubles, "be-1")
				}
			})
			if !s.Finished || !s.Back {
				t.Fatalf("%s: %+v", trouble, s.Paused)
			}
			back := slices.Compact(slices.Clone(c.rollback))
			if !slices.Equal(back, []string{"be-1", "be-0"}) || !killed && len(c.rollback) != 2*times {
				t.Errorf("%s: taken back: %v", trouble, c.rollback)
			}
			for _, n := range c.nodes {
				if n.Version != "3.3.9" || n.Healthy != Yes {
					t.Errorf("%s: %s has %s, %s", trouble, n.Name, n.Version, n.Trouble)
				}
			}
		}
	}
}

// What cannot be compared is said, and not taken for well.
func TestIncomparable(t *testing.T) {
	for want, play := range map[string]func(c *cluster, s *State, a Act){
		"": func(c *cluster, _ *State, _ Act) { c.pass(300, 0, 0.001) },
		"statements have passed within 30s, 200 are needed": func(c *cluster, _ *State, _ Act) { c.pass(1, 0, 0.001) },
		"does not tell how fast":                            func(c *cluster, _ *State, _ Act) { c.segues[0].Traffic = nil },
		"another Segue answers": func(c *cluster, s *State, a Act) {
			if a.Do == DoCheck {
				c.segues[0].Traffic = &Traffic{Buckets: []Bucket{{Le: 0.001}, {Le: 0.1}}}
			}
		},
	} {
		c, a := newCluster(t, 3, 0, 1, 0, 0, 1), ask()
		a.P99Factor = 2
		c.pass(1000, 0, 0.001)
		s := c.play(Begin("x", a, c.facts()), nil, func(s *State, a Act) { play(c, s, a) })
		var said []string
		for _, e := range s.Events {
			if e.Kind == "unknown" {
				said = append(said, e.What)
			}
		}
		if !s.Finished || want == "" && said != nil || want != "" && (len(said) != 4 || !strings.Contains(said[0], want)) {
			t.Errorf("%s: finished %v, said %q", want, s.Finished, said)
		}
	}
}

// What clients saw before the rollout is not counted, what they see while it lasts is, once: whichever process of a Segue has counted it.
func TestErrorsByProcess(t *testing.T) {
	process := func(minute int, seen int64) Ledger {
		return Ledger{Started: began.Add(time.Duration(minute) * time.Minute), Seen: map[string]int64{"statement": seen}}
	}
	segue := func(at string, own Ledger, others ...Ledger) Segue {
		return Segue{Address: at, Started: own.Started, Seen: own.Seen, Others: others}
	}
	for name, test := range map[string]struct {
		looks [][]Segue
		want  int64
	}{
		"what was before":               {[][]Segue{{segue("a", process(-9, 5))}, {segue("a", process(-9, 5))}}, 0},
		"one that goes on":              {[][]Segue{{segue("a", process(-9, 5))}, {segue("a", process(-9, 7))}}, 2},
		"taken over from":               {[][]Segue{{segue("a", process(-9, 5))}, {segue("a", process(1, 0), process(-9, 5))}, {segue("a", process(1, 0))}}, 0},
		"errors of both":                {[][]Segue{{segue("a", process(-9, 5))}, {segue("a", process(1, 1), process(-9, 6))}, {segue("a", process(1, 3))}}, 4},
		"restarted":                     {[][]Segue{{segue("a", process(-9, 5))}, {segue("a", process(1, 5))}}, 5},
		"replaced at another address":   {[][]Segue{{segue("a", process(-9, 5))}, {segue("b", process(1, 2))}}, 2},
		"an old one that is met late":   {[][]Segue{{segue("a", process(-9, 5))}, {segue("a", process(-9, 5)), segue("b", process(-8, 3))}}, 0},
		"… and goes on":                 {[][]Segue{{}, {segue("b", process(-8, 3))}, {segue("b", process(-8, 4))}}, 1},
		"one that is away for a moment": {[][]Segue{{segue("a", process(-9, 5))}, {{Address: "a", Error: "x"}}, {segue("a", process(-9, 6))}}, 1},
	} {
		s := Begin("x", Ask{Fleet: true}, &Facts{Now: began, Segues: test.looks[0]})
		for i, look := range test.looks[1:] {
			s.Meet(&Facts{Now: began.Add(time.Duration(2+i) * time.Minute), Segues: look})
		}
		if s.Errors != test.want {
			t.Errorf("%s: %d errors, want %d", name, s.Errors, test.want)
		}
	}
	if got := (&State{}).Saw(); !strings.Contains(got, "no Segue was asked") {
		t.Error(got)
	}
}

// Whatever goes wrong wherever, and however often the terminal is killed: the rules of cluster.mayStop hold, and it finishes or says why not.
func FuzzDecide(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	troubles := []string{"", "", "", "does not return", "stays alive", "hook fails", "errors", "check fails", "sessions stay"}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 3))
		c := newCluster(t, 1+r.IntN(5), r.IntN(2), r.IntN(4), r.IntN(2), 0, r.IntN(3))
		for _, n := range c.nodes {
			c.troubles[n.Name] = troubles[r.IntN(len(troubles))]
		}
		a := ask()
		a.Fleet, a.FleetMissing, a.Change = len(c.segues) > 0, r.IntN(3) == 0, true
		a.Limits = Limits{Drain: 30 * time.Second, Leave: 20 * time.Second, Return: time.Minute, Patience: time.Minute}
		if r.IntN(3) == 0 {
			a.OnFailure = RemedyRollBack
		}
		s := c.play(Begin("x", a, c.facts()), r, func(*State, Act) {
			n := c.nodes[r.IntN(len(c.nodes))]
			if r.IntN(50) == 0 && n.Listening == Yes {
				n.downAt, n.upAt = c.now, c.now.Add(time.Duration(r.IntN(60))*time.Second)
			}
		})
		if s.Finished == (s.Paused != nil) {
			t.Errorf("finished %v, paused %+v", s.Finished, s.Paused)
		}
		if s.Finished && len(c.avoided) > 0 {
			t.Errorf("frontends still avoid %v", c.avoided)
		}
	})
}

func TestVersions(t *testing.T) {
	for _, test := range []struct {
		a, b  string
		order int
		known bool
	}{
		{"3.3.9-a1b2", "3.4.0", -1, true},
		{"v9.0.0-beta.1", "v8.5.3", 1, true},
		{"10.11.6-MariaDB-log", "11.4.5-MariaDB", -1, true},
		{"8.0.11-TiDB-v8.5.0", "8.0.11-TiDB-v7.5.0", 1, true},
		{"doris-2.1.7-rc03", "doris-2.1.7", 0, true},
		{"3.4", "3.4.0", 0, true},
		{"NULL", "3.4.0", 0, false},
		{"", "", 0, false},
	} {
		if order, known := CompareVersions(test.a, test.b); order != test.order || known != test.known {
			t.Errorf("%s, %s: %d %v", test.a, test.b, order, known)
		}
	}
	for _, test := range []struct {
		told, asked string
		same        bool
	}{
		{"3.4.2-a1b2c3", "3.4.2", true},
		{"3.4.2-a1b2c3", "3.4", true},
		{"3.4.21", "3.4.2", false},
		{"11.4.5-MariaDB", "11.4", true},
		{"10.11.6-MariaDB", "11.4", false},
		{"3.4.2-a1b2c3", "3.4.2-ffff", false},
		{"", "3.4", false},
		{"main-8f", "main-8f", true},
	} {
		if same := SameVersion(test.told, test.asked); same != test.same {
			t.Errorf("%s, %s: %v", test.told, test.asked, same)
		}
	}
}

// A list of addresses stands for nodes only until the cluster has told of them.
func TestListedUntilTold(t *testing.T) {
	c := newCluster(t, 3, 0, 3, 0, 0, 1)
	c.mute = c.now.Add(20 * time.Second)
	s := Begin("x", ask(), c.facts())
	if len(s.Nodes) != 3 || s.Next(c.facts()).Finished {
		t.Fatalf("%+v", s.Nodes)
	}
	if s = c.play(s, nil, nil); !s.Finished || len(s.Nodes) != 6 {
		t.Errorf("%+v, %d nodes", s.Paused, len(s.Nodes))
	}
}

// A terminal that was killed before a node was stopped, and a rollout that is resumed an hour later: whether it may be stopped is asked again.
func TestResumedBeforeStop(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*cluster)
		want   Do
	}{
		"nothing has changed": {func(*cluster) {}, DoStop},
		"it leads":            {func(c *cluster) { c.node("fe-0").Role, c.node("fe-1").Role = Follower, Leader }, DoWait},
		"another one is away": {func(c *cluster) {
			c.node("fe-2").Listening, c.node("fe-2").Healthy, c.node("fe-2").Trouble = No, No, "refused"
		}, DoWait},
		"it was made ready": {func(c *cluster) { c.segues[0].Backends[1].Admin, c.segues[0].Backends[1].Sessions = backend.Ready, 3 }, DoDrain},
		"it leaves":         {func(c *cluster) { c.node("fe-1").Healthy, c.node("fe-1").Trouble = No, "leaving" }, DoStop},
		"it has gone":       {func(c *cluster) { c.node("fe-1").Listening, c.node("fe-1").Healthy = No, No }, DoWait},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 3, 0, 1, 0, 0, 1)
			var killed *State
			var then []byte
			c.play(Begin("x", ask(), c.facts()), nil, func(s *State, a Act) {
				if a.Do == DoStop && a.Node.Name == "fe-1" {
					killed = c.reread(s)
					then, _ = json.Marshal([]any{c.nodes, c.segues})
				}
			})
			c.nodes, c.segues = nil, nil
			if err := json.Unmarshal(then, &[]any{&c.nodes, &c.segues}); err != nil {
				t.Fatal(err)
			}
			c.now = c.now.Add(time.Hour)
			test.change(c)
			killed.Resume(c.now)
			if a := killed.Decide(c.facts()); a.Do != test.want {
				t.Errorf("%+v", a)
			}
		})
	}
}

// One that is taken back while it is full of sessions is drained first, also where it leads: cluster.mayStop.
func TestRolledBackWhileItServes(t *testing.T) {
	for _, bad := range []string{"be-1", "fe-1", "fe-0"} {
		c := newCluster(t, 3, 0, 2, 0, 0, 1)
		c.troubles[bad] = "check fails"
		s := c.play(Begin("x", ask(), c.facts()), nil, nil)
		if s.Paused == nil || s.Current != bad {
			t.Fatalf("it went on: %+v", s.Paused)
		}
		for range 5 { // clients come back
			c.tick()
		}
		s.TurnBack(c.facts())
		if s = c.play(s, nil, nil); !s.Finished || c.rollback[0] != bad {
			t.Errorf("%s: %+v, taken back: %v", bad, s.Paused, c.rollback)
		}
	}
}

// When a stopped server is gone: its host refuses connections again and again, or nobody reaches it, this machine and every Segue.
func TestGone(t *testing.T) {
	down, up := SegueBackend{Address: "a:1", Health: backend.Down}, SegueBackend{Address: "a:1", Health: backend.Up}
	refused, lost := Node{Name: "a", Kind: Server, Address: "a:1", Alive: true, Listening: No, Healthy: No}, Node{Name: "a", Kind: Server, Address: "a:1", Alive: true, Healthy: No}
	for name, test := range map[string]struct {
		looks  []Node
		segues []Segue
		gone   bool
	}{
		"refused once":                   {looks: []Node{refused}},
		"refused three times":            {looks: []Node{refused, refused, refused}, gone: true},
		"refused now and then":           {looks: []Node{refused, refused, {Name: "a", Kind: Server, Alive: true, Listening: Yes}, refused}},
		"not reached":                    {looks: []Node{lost, lost, lost, lost}},
		"not reached, and by no Segue":   {looks: []Node{lost, lost, lost}, segues: []Segue{{Backends: []SegueBackend{down}}, {}}, gone: true},
		"not reached, but by a Segue":    {looks: []Node{lost, lost, lost}, segues: []Segue{{Backends: []SegueBackend{down}}, {Backends: []SegueBackend{up}}}},
		"not reached, and a Segue away":  {looks: []Node{lost, lost, lost}, segues: []Segue{{Backends: []SegueBackend{down}}, {Error: "x"}}},
		"not reached, no Segue has it":   {looks: []Node{lost, lost, lost}, segues: []Segue{{}}},
		"a frontend that is not reached": {looks: slices.Repeat([]Node{{Name: "a", Kind: Frontend, Alive: true, Healthy: No}}, 5)},
	} {
		s := &State{Prepared: Prepared{Driver: true}, Current: "a", Nodes: []Progress{{Node: "a", Phase: Leaving, Since: began}}, Ask: Ask{Limits: DefaultLimits(), Fleet: true}}
		for _, n := range test.looks {
			s.Decide(&Facts{Now: began.Add(time.Second), Flavor: backend.TiDB, Nodes: []Node{n}, Segues: test.segues})
		}
		if p := s.of("a"); p.Gone != test.gone || (p.Phase == Leaving) == test.gone {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// Something else starts a node that was stopped: its version is not changed while it runs, unless that is how it is changed.
func TestRestartedByOthers(t *testing.T) {
	for name, test := range map[string]struct {
		ask    func(*Ask)
		pauses bool
	}{
		"an upgrade":         {func(*Ask) {}, true},
		"whatever version":   {func(a *Ask) { a.Version = "" }, true},
		"a mere restart":     {func(a *Ask) { a.Version, a.Change = "", false }, false},
		"by a StatefulSet":   {func(a *Ask) { a.Replaced = true }, false},
		"… whatever version": {func(a *Ask) { a.Replaced, a.Version = true, "" }, false},
	} {
		for _, node := range []string{"be-0", "fe-1"} {
			t.Run(name+" "+node, func(t *testing.T) {
				c, a := newCluster(t, 3, 0, 2, 0, 0, 1), ask()
				test.ask(&a)
				c.troubles[node] = "is restarted"
				s := c.play(Begin("x", a, c.facts()), nil, nil)
				if test.pauses {
					if s.Paused == nil || !strings.Contains(s.Paused.Why, "runs again before its version was changed") || s.Paused.Phase != Draining {
						t.Fatalf("paused: %+v", s.Paused)
					}
					delete(c.troubles, node)
					s.Resume(c.now)
					s = c.play(s, nil, nil)
				}
				if again := len(c.stops) - len(c.nodes); !s.Finished || again != 0 && !test.pauses || again != 1 && test.pauses {
					t.Errorf("%+v, stopped %v", s.Paused, c.stops)
				}
			})
		}
	}
}

// Which process a server is, by how long it says that it has run.
func TestSameProcess(t *testing.T) {
	for name, test := range map[string]struct {
		kind        Kind
		before, now time.Duration // uptime
		start       time.Duration // by which the start time is another one
		passed      time.Duration
		same, known bool
	}{
		"the same":                         {Server, time.Hour, time.Hour + 10*time.Second, 0, 10 * time.Second, true, true},
		"… of a slow answer":               {Server, time.Hour, time.Hour + 6*time.Second, 4 * time.Second, 10 * time.Second, true, true},
		"… by a clock that was put":        {Server, time.Hour, time.Hour + 6*time.Second, time.Hour, 10 * time.Second, true, true},
		"another one":                      {Server, time.Hour, 3 * time.Second, time.Hour, 10 * time.Second, false, true},
		"… at once":                        {Server, time.Minute, 0, time.Minute, time.Second, false, true},
		"… that has run for longer":        {Server, time.Minute, time.Hour, time.Minute, 2 * time.Hour, false, true},
		"a young one":                      {Server, 5 * time.Second, 11 * time.Second, 4 * time.Second, 10 * time.Second, true, true},
		"another one, of a young one":      {Server, 5 * time.Second, 2 * time.Second, 10 * time.Second, 10 * time.Second, false, true},
		"a frontend":                       {Frontend, 0, 0, 0, time.Hour, true, true},
		"a frontend that has been started": {Frontend, 0, 0, time.Second, time.Hour, false, true},
	} {
		p := Progress{}
		p.mark(&Node{Start: began, Uptime: test.before}, began)
		n := &Node{Kind: test.kind, Start: began.Add(test.start), Uptime: test.now}
		if same, known := p.sameProcess(n, began.Add(test.passed)); same != test.same || known != test.known {
			t.Errorf("%s: %v, %v", name, same, known)
		}
		p.Version, n.Version = "3.3.9", "3.4.5"
		if same, known := p.sameProcess(n, began.Add(test.passed)); same || !known {
			t.Errorf("%s: no process changes its version", name)
		}
		if _, known := p.sameProcess(&Node{Kind: test.kind}, began); known {
			t.Errorf("%s: its start is not known", name)
		}
	}
}

// A node that had the version before is not one that this rollout takes back.
func TestRolledBackWithoutOthers(t *testing.T) {
	c := newCluster(t, 3, 0, 2, 0, 0, 1)
	c.node("be-0").Version = "3.4.5"
	s := Begin("x", ask(), c.facts())
	s.Recognize(c.facts(), false)
	if s = c.play(s, nil, nil); !s.Finished {
		t.Fatalf("%+v", s.Paused)
	}
	s.TurnBack(c.facts())
	if s = c.play(s, nil, nil); !s.Finished || slices.Contains(c.rollback, "be-0") || len(c.rollback) != 4 {
		t.Errorf("%+v, taken back: %v", s.Paused, c.rollback)
	}
}

// What is restarted by a script, as `segue rollout next` says: a node whose start time is not known is not named, and each is named once.
func TestNextByStarts(t *testing.T) {
	c, a := newCluster(t, 3, 0, 2, 0, 0, 1), ask()
	a.Change, a.Version, a.Starts = false, "", true
	next := func(s *State, unknown bool) Verdict {
		f := c.facts()
		for i := range f.Nodes {
			if unknown {
				f.Nodes[i].Start = time.Time{}
			}
		}
		s.Meet(f)
		s.Recognize(f, true)
		return s.Next(f)
	}
	f := c.facts()
	for i := range f.Nodes {
		f.Nodes[i].Start = time.Time{}
	}
	s := Begin("next", a, f)
	if v := next(s, true); v.Node != "" || !strings.Contains(Blocking(v.Findings)[0].What, "when it was started is not known") {
		t.Errorf("%+v", v)
	}
	var named []string
	for range 10 {
		v := next(s, false)
		if v.Finished {
			break
		}
		named = append(named, v.Node)
		if v.Node == "" || v.Host != v.Node || v.Kind != c.node(v.Node).Kind || v.Address != c.node(v.Node).Address {
			t.Fatalf("%+v", v)
		}
		c.tick()
		c.node(v.Node).Start = c.now
		s = c.reread(s)
	}
	if got := strings.Join(named, " "); got != "be-0 be-1 fe-1 fe-2 fe-0" {
		t.Error(got)
	}
}
