package rollout

import (
	"slices"
	"strings"
	"testing"

	"segue/backend"
)

// What is accepted of one place stands against nothing, and what is found elsewhere does.
func TestAcceptsOneFinding(t *testing.T) {
	for _, test := range []struct {
		accept  string
		blocked string // by what; in order, with commas
	}{
		{"", "fleet:segue-0:9131/fe-1 fleet:segue-1:9131 fleet:segue-2:9131/fe-2 members:fe-2"},
		{"fleet", "fleet:segue-1:9131 members:fe-2"},
		{"fleet:segue-1:9131", "fleet:segue-0:9131/fe-1 fleet:segue-2:9131/fe-2 members:fe-2"},
		{"fleet:segue-0:9131", "fleet:segue-0:9131/fe-1 fleet:segue-1:9131 fleet:segue-2:9131/fe-2 members:fe-2"},
		{"fleet:segue-0:9131/others", "fleet:segue-0:9131/fe-1 fleet:segue-1:9131 fleet:segue-2:9131/fe-2 members:fe-2"},
		{"fleet:segue-1", "fleet:segue-0:9131/fe-1 fleet:segue-1:9131 fleet:segue-2:9131/fe-2 members:fe-2"},
		{"fleet:fe-2", "fleet:segue-0:9131/fe-1 fleet:segue-1:9131 members:fe-2"},
		{"fleet:segue-2:9131/fe-2", "fleet:segue-0:9131/fe-1 fleet:segue-1:9131 members:fe-2"},
		{"fleet:segue-2:9131/fe-1", "fleet:segue-0:9131/fe-1 fleet:segue-1:9131 fleet:segue-2:9131/fe-2 members:fe-2"},
		{"fleet:segue", "fleet:segue-0:9131/fe-1 fleet:segue-1:9131 fleet:segue-2:9131/fe-2 members:fe-2"},
		{"fleet:", "fleet:segue-0:9131/fe-1 fleet:segue-1:9131 fleet:segue-2:9131/fe-2 members:fe-2"},
		{"members:fe-2", "fleet:segue-0:9131/fe-1 fleet:segue-1:9131 fleet:segue-2:9131/fe-2"},
		{"quorum:fe-2", "fleet:segue-0:9131/fe-1 fleet:segue-1:9131 fleet:segue-2:9131/fe-2 members:fe-2"},
	} {
		c, a := newCluster(t, 3, 0, 0, 0, 0, 3), ask()
		if test.accept != "" {
			a.Accept = []string{test.accept}
		}
		f := c.facts()
		f.Nodes[2].Healthy, f.Nodes[2].Trouble = No, "timeout"
		f.Segues[0].Backends = slices.Delete(slices.Clone(f.Segues[0].Backends), 1, 2)
		f.Segues[1] = Segue{Address: "segue-1:9131", Error: "refused"}
		f.Segues[2].Backends[2].Admin = backend.Drain
		var ids []string
		for _, x := range Blocking(Preflight(f, Begin("x", a, f), f.Node("fe-1"))) {
			if x.Check == CheckFleet || x.Check == CheckMembers {
				ids = append(ids, x.ID())
			}
		}
		slices.Sort(ids)
		if got := strings.Join(ids, " "); got != test.blocked {
			t.Errorf("--accept %q: blocked by %q, want %q", test.accept, got, test.blocked)
		}
		if known, want := f.Known(test.accept, nil), !slices.Contains([]string{"fleet:segue", "fleet:segue-1", "fleet:"}, test.accept); known != want {
			t.Errorf("--accept %q: known %v", test.accept, known)
		}
	}
}

// One Segue that cannot be reached is passed over where that is accepted, and no other.
func TestAcceptsOneSegueAway(t *testing.T) {
	for accept, want := range map[string]bool{"fleet": false, "fleet:segue-1:9131": true, "fleet:segue-1:9131/others": false, "fleet:segue-0:9131": false, "fleet:fe-1": false} {
		c, a := newCluster(t, 3, 0, 0, 0, 0, 2), ask()
		a.Accept = []string{accept}
		c.segues[1].Error = "refused"
		s := c.play(Begin("x", a, c.facts()), nil, nil)
		if s.Finished != want {
			t.Errorf("--accept %s: %+v", accept, s.Paused)
		}
	}
}

// Whatever a preflight says to accept a finding by is known, and accepts it.
func TestAcceptsWhatIsFound(t *testing.T) {
	c := newCluster(t, 3, 0, 2, 0, 0, 4)
	for i, address := range []string{"https://seg.example:9131", "unix:/run/segue/admin.sock", "[fd00::1]:9131", "db-1:9131"} {
		c.segues[i].Address = address
	}
	f := c.facts()
	f.Beside = []Beside{{Name: "10.0.0.7:2379", Type: "pd", Version: "3.3.9"}}
	f.Jobs = []Job{{Kind: SchemaChange, Name: "a"}, {Kind: Load, Name: "b"}, {Kind: Insert, Name: "c"}}
	s := Begin("x", ask(), f)
	s.Nodes = append(s.Nodes, Progress{Node: "fe-9", Last: Node{Name: "fe-9"}})
	f.Segues[0].Backends[0].Admin = backend.Drain
	f.Segues[1].Backends = f.Segues[1].Backends[:1]
	f.Segues[2].Backends = f.Segues[2].Backends[1:]
	f.Segues[3] = Segue{Address: f.Segues[3].Address, Error: "refused"}
	f.Nodes[1].Healthy, f.Nodes[1].Trouble = No, "timeout"
	of := map[Check]int{}
	for _, next := range []string{"be-0", "fe-0"} {
		n := f.Node(next)
		for _, x := range Blocking(Preflight(f, s, n)) {
			of[x.Check]++
			if !f.Known(x.ID(), s) {
				t.Errorf("%s is not known", x.ID())
			}
			s.Ask.Accept = []string{x.ID()}
			for _, again := range Blocking(Preflight(f, s, n)) {
				if again.ID() == x.ID() {
					t.Errorf("%s is accepted, and still blocks", x.ID())
				}
			}
			s.Ask.Accept = nil
		}
	}
	if of[CheckFleet] < 5 || of[CheckJobs] != 3 || of[CheckVersions] == 0 || of[CheckMembers] < 2 {
		t.Errorf("%v", of)
	}
}
