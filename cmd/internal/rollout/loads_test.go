package rollout

import (
	"slices"
	"strings"
	"testing"

	"segue/backend"
)

// A node is not stopped while a load is in flight through it. A transaction between two requests is a backend's affair: another frontend finishes it.
func TestLoadsAreWaitedFor(t *testing.T) {
	fe := &Node{Name: "fe-1", Kind: Frontend, Address: "fe-1:9030", HTTP: "fe-1:8030"}
	be := &Node{Name: "be-1:9050", Kind: Backend, HTTP: "be-1:8040"}
	cn := &Node{Name: "cn-1:9050", Kind: Compute, HTTP: "cn-1:8040"}
	segue := Segue{
		Address: "s", Backends: []SegueBackend{{Name: "a", Address: "fe-1:9030", Admin: backend.Drain}},
		Loads: []SegueLoad{
			{ID: 7, User: "etl", Table: "db.t", Label: "l7", Frontend: "a", Node: "BE-1:8040"},
			{ID: 8, User: "etl", Table: "db.t", Label: "l8", Open: true, Frontend: "a", Node: "be-1:8040"},
			{ID: 9, Frontend: "b", Node: ""},
		},
	}
	s := &State{}
	for node, want := range map[*Node]string{
		fe: "1 load in flight through fe-1; load 7 of etl into db.t, label l7", be: "2 loads in flight through be-1:9050; load 7 of etl into db.t, label l7", cn: "",
	} {
		why, drain := s.undrained(&Facts{Segues: []Segue{segue}}, node)
		if why != want || drain {
			t.Errorf("%s: %q, %t; want %q", node.Name, why, drain, want)
		}
	}
	leader := *fe
	leader.Role = Leader
	all := &State{Nodes: []Progress{{Node: "fe-1"}}}
	if why, _ := all.undrained(&Facts{Segues: []Segue{segue}}, &leader); !strings.HasPrefix(why, "3 loads in flight through fe-1") {
		t.Errorf("the leader: %q", why)
	}
	all.Nodes[0].Loads = map[string]uint64{"s": 7}
	if why, _ := all.undrained(&Facts{Segues: []Segue{segue}}, &leader); !strings.HasPrefix(why, "1 load in flight through fe-1; load 7 ") {
		t.Errorf("the leader, of which later ones are not waited for: %q", why)
	}
	if last := lastLoads(&Facts{Segues: []Segue{segue, {Address: "none"}}}); len(last) != 1 || last["s"] != 9 {
		t.Errorf("%v", last)
	}
	found := Preflight(&Facts{Flavor: backend.StarRocks, Nodes: []Node{*fe, *be, *cn}, Segues: []Segue{segue}}, &State{Ask: Ask{Fleet: true}}, nil)
	var said []string
	for _, f := range found {
		if f.Check == CheckSessions && strings.Contains(f.What, "over HTTP") {
			said = append(said, f.Node)
			if f.Blocks {
				t.Errorf("it blocks: %+v", f)
			}
		}
	}
	if !slices.Equal(said, []string{"fe-1", "be-1:9050"}) {
		t.Errorf("said of %q", said)
	}
}
