package backend

import (
	"slices"
	"testing"

	"segue/backend/discover/nodes"
)

func TestParsePreferences(t *testing.T) {
	for text, want := range map[string][]Preference{
		"": nil, "local": {PreferLocal}, "local, follower": {PreferLocal, PreferFollower}, "leader,local": {PreferLeader, PreferLocal}, "observer": {PreferObserver},
	} {
		if got, err := ParsePreferences(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"near", "local,local", "leader,follower", "follower,leader"} {
		if got, err := ParsePreferences(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// preferring is a registry of a leader and a follower in zone a, a follower in b and an observer in c, all of them up.
func preferring(t *testing.T, zone, prefer string) (*Registry, map[string]*Backend) {
	t.Helper()
	list, err := ParsePreferences(prefer)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRegistry(Options{Prefer: list, Zone: zone})
	r.Apply([]Spec{
		{Name: "leader-a", Address: "1:1", Role: nodes.Leader, Zone: "a"},
		{Name: "follower-a", Address: "2:1", Role: nodes.Follower, Zone: "a"},
		{Name: "follower-b", Address: "3:1", Role: nodes.Follower, Zone: "b"},
		{Name: "observer-c", Address: "4:1", Role: nodes.Observer, Zone: "c"},
	})
	by := make(map[string]*Backend)
	for _, b := range r.Backends() {
		by[b.Name()] = b
		r.SetHealth(b, Up, "")
	}
	return r, by
}

// chosen are those that sixteen sessions come to.
func chosen(t *testing.T, r *Registry) (names []string) {
	t.Helper()
	var leases []*Lease
	for range 16 {
		l, err := r.Lease(nil)
		if err != nil {
			t.Fatal(err)
		}
		leases = append(leases, l)
		if n := l.Backend().Name(); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, l := range leases {
		l.Release()
	}
	slices.Sort(names)
	return names
}

// New sessions come to whom is preferred, to the next best where none of those is usable, and back.
func TestPrefer(t *testing.T) {
	for _, tt := range []struct {
		zone, prefer string
		down         []string
		want         []string
	}{
		{"", "", nil, []string{"follower-a", "follower-b", "leader-a", "observer-c"}},
		{"a", "local", nil, []string{"follower-a", "leader-a"}},
		{"", "local", nil, []string{"follower-a", "follower-b", "leader-a", "observer-c"}}, // nobody has said where Segue is
		{"z", "local", nil, []string{"follower-a", "follower-b", "leader-a", "observer-c"}},
		{"a", "local", []string{"follower-a"}, []string{"leader-a"}},
		{"a", "local", []string{"follower-a", "leader-a"}, []string{"follower-b", "observer-c"}},
		{"a", "follower", nil, []string{"follower-a", "follower-b", "observer-c"}},
		{"a", "leader", nil, []string{"leader-a"}},
		{"a", "leader", []string{"leader-a"}, []string{"follower-a", "follower-b", "observer-c"}},
		{"a", "observer", nil, []string{"observer-c"}},
		{"a", "local,follower", nil, []string{"follower-a"}},
		{"a", "local,follower", []string{"follower-a"}, []string{"leader-a"}},
		{"a", "follower,local", []string{"follower-a"}, []string{"follower-b", "observer-c"}},
		{"a", "follower", []string{"follower-a", "follower-b", "observer-c"}, []string{"leader-a"}},
	} {
		r, by := preferring(t, tt.zone, tt.prefer)
		for _, name := range tt.down {
			r.SetHealth(by[name], Down, "gone")
		}
		if got := chosen(t, r); !slices.Equal(got, tt.want) {
			t.Errorf("in zone %q, prefer %q, without %v: %v; want %v", tt.zone, tt.prefer, tt.down, got, tt.want)
		}
	}
	r, by := preferring(t, "a", "local")
	r.SetHealth(by["leader-a"], Down, "gone")
	r.SetHealth(by["follower-a"], Stopping, "500")
	if got := chosen(t, r); !slices.Equal(got, []string{"follower-b", "observer-c"}) {
		t.Errorf("a local one that is stopping was preferred to one that is up: %v", got)
	}
}

// Sessions are away where they would not come to if they were new.
func TestAway(t *testing.T) {
	r, by := preferring(t, "a", "local,follower")
	away := func() (names []string) {
		for _, b := range r.Backends() {
			if r.Away(b) {
				names = append(names, b.Name())
			}
		}
		return names
	}
	if got := away(); !slices.Equal(got, []string{"leader-a", "follower-b", "observer-c"}) {
		t.Errorf("away: %v", got)
	}
	if err := r.SetAdmin("follower-a", Drain); err != nil {
		t.Fatal(err)
	}
	if got := away(); !slices.Equal(got, []string{"follower-b", "observer-c"}) {
		t.Errorf("the best is drained; away: %v", got)
	}
	r.SetHealth(by["leader-a"], Down, "gone")
	if got := away(); len(got) != 0 {
		t.Errorf("no local one is left; away: %v", got)
	}
	r.SetOptions(Options{})
	if got := away(); len(got) != 0 {
		t.Errorf("nothing is preferred; away: %v", got)
	}
}

// One of which is said that it is about to go is stopping as long as it is up, and up again when that is no longer said.
func TestLeaving(t *testing.T) {
	r := NewRegistry(Options{})
	specs := []Spec{{Name: "a", Address: "1:1"}, {Name: "b", Address: "2:1"}}
	r.Apply(specs)
	a := r.Backends()[0]
	r.SetHealth(a, Up, "")
	r.SetHealth(r.Backends()[1], Up, "")
	changed := r.Changed()
	specs[0].Leaving = "terminating"
	if c := r.Apply(specs); !slices.Equal(c.Updated, []string{"a"}) {
		t.Errorf("%+v", c)
	}
	select {
	case <-changed:
	default:
		t.Error("nobody was told")
	}
	if cause, leaving := a.Leaving(); !leaving || cause != "terminating" || a.Status().Health != Stopping {
		t.Errorf("%+v", a.Status())
	}
	if got := chosen(t, r); !slices.Equal(got, []string{"b"}) {
		t.Errorf("new sessions came to %v", got)
	}
	if r.SetHealth(a, Up, "still well") || a.Status().Health != Stopping {
		t.Error("probing took it back")
	}
	if !r.SetHealth(a, Down, "refused") || a.Status().Health != Down || a.Status().Cause != "refused" {
		t.Errorf("gone: %+v", a.Status())
	}
	r.SetHealth(a, Up, "")
	specs[0].Leaving = ""
	r.Apply(specs)
	if s := a.Status(); s.Health != Up || s.Cause != "" {
		t.Errorf("taken back: %+v", s)
	}
	found := []Spec{specs[1]}
	found[0].Source = "sql"
	r.Apply(found)
	b := r.Backends()[0]
	r.Apply(nil)
	if cause, _ := b.Leaving(); cause != "no longer found by discovery" {
		t.Errorf("%q", cause)
	}
}

// What an operator has said of a backend that was found holds when it is found again, and of one that is found later.
func TestExpect(t *testing.T) {
	r := NewRegistry(Options{})
	spec := Spec{Name: "a", Address: "1:1", Source: "dns"}
	r.Apply([]Spec{spec})
	if err := r.SetAdmin("a", Maint); err != nil {
		t.Fatal(err)
	}
	r.Apply(nil)
	r.Expect("b", Drain)
	r.Expect("c", Drain)
	r.Expect("c", Ready)
	if got := r.Expected(); len(got) != 2 || got["a"] != Maint || got["b"] != Drain {
		t.Errorf("expected: %v", got)
	}
	spec.Address = "2:1" // another pod of the same name
	r.Apply([]Spec{spec, {Name: "b", Address: "3:1"}, {Name: "c", Address: "4:1"}})
	for name, want := range map[string]Admin{"a": Maint, "b": Drain, "c": Ready} {
		if b, _ := r.Lookup(name); b.Status().Admin != want {
			t.Errorf("%s is %v, want %v", name, b.Status().Admin, want)
		}
	}
	if got := r.Expected(); len(got) != 0 {
		t.Errorf("expected still: %v", got)
	}
	r.Apply([]Spec{{Name: "a", Address: "2:1"}}) // the configuration names it now
	r.Apply(nil)
	if got := r.Expected(); got["a"] != Ready {
		t.Errorf("the configuration's own is remembered: %v", got)
	}
}
