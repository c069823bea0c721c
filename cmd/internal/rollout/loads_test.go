package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend"
)

// A node is not stopped while a load is in flight through it. A transaction between two requests is a backend's affair: another frontend finishes it.
func TestLoadsAreWaitedFor(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC) }
	fe := &Node{Name: "fe-1", Kind: Frontend, Address: "fe-1:9030", HTTP: "fe-1:8030"}
	be := &Node{Name: "be-1:9050", Kind: Backend, HTTP: "be-1:8040"}
	cn := &Node{Name: "cn-1:9050", Kind: Compute, HTTP: "cn-1:8040"}
	segue := Segue{
		Address: "s", Backends: []SegueBackend{{Name: "a", Address: "fe-1:9030", Admin: backend.Drain}},
		Loads: []SegueLoad{
			{ID: 7, User: "etl", Kind: "load", State: "frontend", Since: at(7), Table: "db.t", Label: "l7", Frontend: "a", Node: "BE-1:8040"},
			{ID: 8, User: "etl", Kind: "begin", State: "open", Since: at(8), Table: "db.t", Label: "l8", Frontend: "a", Node: "be-1:8040"},
			{ID: 9, Kind: "load", State: "body", Since: at(9), Frontend: "a", Node: "be-2:8040"},
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
	all.Nodes[0].Loads = map[string]time.Time{"s": at(7), "other": at(9)}
	if why, _ := all.undrained(&Facts{Segues: []Segue{segue}}, &leader); !strings.HasPrefix(why, "1 load in flight through fe-1; load 7 ") {
		t.Errorf("the leader, of which later ones are not waited for: %q", why)
	}
	p := &Progress{}
	ready, mute := segue, Segue{Address: "mute", Error: "refused"}
	ready.Address, ready.Backends = "ready", []SegueBackend{{Name: "a", Address: "fe-1:9030"}}
	p.seeLoads(&Facts{Segues: []Segue{segue, ready, mute, {Address: "none"}}}, &leader)
	if len(p.Loads) != 2 || p.Loads["s"] != at(9) || !p.Loads["none"].IsZero() {
		t.Errorf("what is seen: %v", p.Loads)
	}
	if list := mute.loads(&leader, p); len(list) > 0 {
		t.Errorf("of one that is mute: %v", list)
	}
	if list := ready.loads(&leader, p); len(list) != 3 {
		t.Errorf("of one that does not drain it yet all count: %v", list)
	}
	segue.Loads = append(segue.Loads, SegueLoad{ID: 1, Kind: "load", State: "body", Since: at(10)}, SegueLoad{ID: 2, Kind: "load", State: "frontend", Frontend: "a", Since: at(10)})
	if list := segue.loads(&leader, p); len(list) != 4 {
		t.Errorf("one that is new counts if it came through the leader itself: %v", list)
	}
	segue.Loads = segue.Loads[:3]
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
