package rollout

import (
	"errors"
	"strings"
	"testing"

	"segue/backend"
)

// A drain that could not be taken back in a Segue that cannot be asked is the rollout's own still, and is taken back behind the node's turn.
func TestOwnDrainIsNotTakenForAnOperators(t *testing.T) {
	c, a := newCluster(t, 3, 0, 0, 0, 0, 2), ask()
	s := c.play(Begin("x", a, c.facts()), nil, func(s *State, act Act) {
		if p := s.of("fe-1"); p.Phase == Draining && c.segues[1].Backends[1].Admin == backend.Drain {
			c.segues[1].Error = "no route"
		}
	})
	if s.Paused == nil || c.segues[0].Backends[1].Admin != backend.Ready || c.segues[1].Backends[1].Admin != backend.Drain {
		t.Fatalf("%+v, %+v", s.Paused, c.segues[1])
	}
	c.segues[1].Error = ""
	s.Resume(c.now)
	if s = c.play(s, nil, nil); !s.Finished {
		t.Fatalf("%+v", s.Paused)
	}
	for _, g := range c.segues {
		for _, b := range g.Backends {
			if b.Admin != backend.Ready {
				t.Errorf("%s is left in %s in %s", b.Name, b.Admin, g.Address)
			}
		}
	}
}

// A node that somebody puts into maint during its turn stays so, and the rollout goes on.
func TestMaintMeanwhile(t *testing.T) {
	c, a := newCluster(t, 3, 0, 0, 0, 0, 2), ask()
	a.Accept = []string{string(CheckFleet)}
	s := c.play(Begin("x", a, c.facts()), nil, func(s *State, act Act) {
		if act.Do == DoStart && act.Node.Name == "fe-1" {
			c.segues[1].Backends[1].Admin = backend.Maint
		}
	})
	if !s.Finished || c.segues[0].Backends[1].Admin != backend.Ready || c.segues[1].Backends[1].Admin != backend.Maint {
		t.Fatalf("%+v, %+v", s.Paused, c.segues[1].Backends[1])
	}
	if !strings.Contains(texts(s), "somebody has put it into maint in Segue segue-1:9131 meanwhile") {
		t.Error(texts(s))
	}
}

// What an operator says while a rollout has paused holds behind a roll-back as well.
func TestDrainedInAPauseAndRolledBack(t *testing.T) {
	c, a := newCluster(t, 3, 0, 0, 0, 0, 2), ask()
	a.Accept = []string{string(CheckFleet)}
	c.troubles["fe-1"] = "sessions stay"
	s := c.play(Begin("x", a, c.facts()), nil, nil)
	if s.Paused == nil {
		t.Fatal("it goes on")
	}
	c.segues[1].Backends[1].Admin = backend.Drain
	s.TurnBack(c.facts())
	if s = c.play(s, nil, nil); !s.Finished || c.segues[1].Backends[1].Admin != backend.Drain {
		t.Errorf("%+v, %+v", s.Paused, c.segues[1].Backends[1])
	}
}

func texts(s *State) string {
	var b strings.Builder
	for _, e := range s.Events {
		b.WriteString(e.What + "\n")
	}
	return b.String()
}

// Frontends that were told to avoid a backend, or may have been, are told to use it again: where nobody learned what came of it, behind a killed terminal, and before a roll-back.
func TestAvoidedIsTakenBack(t *testing.T) {
	for name, then := range map[string]func(c *cluster, s *State) *State{
		"no answer": func(c *cluster, s *State) *State {
			s.Did(Act{Do: DoDrain, Node: c.node("be-0").Node}, errors.New("timeout"), c.now)
			return s
		},
		"killed, and rolled back": func(c *cluster, s *State) *State {
			s.TurnBack(c.facts())
			return s
		},
		"killed, and paused at once": func(c *cluster, s *State) *State {
			s.Resume(c.now)
			s.Errors = 1
			s = c.play(s, nil, nil)
			if s.Paused == nil || c.avoided["be-0"] {
				c.t.Fatalf("%+v, avoided: %v", s.Paused, c.avoided)
			}
			s.Ask.Budget, s.Ask.BudgetNode = 9, 9
			s.Resume(c.now)
			return s
		},
	} {
		for _, flavor := range []backend.Flavor{backend.Doris, backend.StarRocks} {
			if flavor == backend.StarRocks && name == "no answer" {
				continue // there all frontends are told at once that they are to use it again
			}
			c := newCluster(t, 3, 0, 2, 0, 0, 1)
			c.flavor = flavor
			s := Begin("x", ask(), c.facts())
			for range 20 {
				a := s.Decide(c.facts())
				err := c.do(s, a)
				if a.Do == DoDrain {
					break
				}
				s.Did(a, err, c.now)
			}
			if !c.avoided["be-0"] {
				t.Fatalf("%s: %+v", name, s)
			}
			if how := s.Undo(); !strings.Contains(how, "has frontends use be-0 again") {
				t.Errorf("%s: %q", name, how)
			}
			s = then(c, c.reread(s))
			if s = c.play(s, nil, nil); !s.Finished || len(c.avoided) > 0 {
				t.Errorf("%s of %s: %+v, avoided: %v", name, flavor, s.Paused, c.avoided)
			}
		}
	}
}

// A Segue that is lost while a node is away pauses the rollout: no node is taken back for that.
func TestSegueLostBeforeItIsLetIn(t *testing.T) {
	c, a := newCluster(t, 3, 0, 0, 0, 0, 2), ask()
	a.OnFailure = RemedyRollBack
	s := c.play(Begin("x", a, c.facts()), nil, func(s *State, act Act) {
		if act.Do == DoStart {
			c.segues[0].Error = "refused"
		}
	})
	if s.Back || s.Paused == nil || s.Paused.Phase != Admitting || !strings.Contains(s.Paused.Why, "Segue segue-0:9131 cannot be asked: refused") || s.Paused.Remedy == "" {
		t.Errorf("back: %v, %+v", s.Back, s.Paused)
	}
}

func TestUnavoid(t *testing.T) {
	for of, want := range map[string]string{"": `"disable_query" = "false"), and so for "disable_load",`, "load": `"disable_query" = "false")`, "query": `"disable_load" = "false")`} {
		if got := (&Progress{Last: Node{ID: "7"}, DisabledFor: of}).unavoid(true); !strings.HasSuffix(got, want) {
			t.Errorf("kept from %q before: %s", of, got)
		}
	}
	for want, n := range map[string]Node{"DELETE BACKEND BLACKLIST 7": {ID: "7", Kind: Backend}, "DELETE COMPUTE NODE BLACKLIST 8": {ID: "8", Kind: Compute}} {
		if got := n.unavoid(false); !strings.HasPrefix(got, want) {
			t.Error(got)
		}
	}
}
