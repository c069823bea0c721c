package cluster

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"segue/backend"
	"segue/backend/discover"
	"segue/backend/discover/nodes"
	"segue/backend/fesim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, n int, o fesim.Options) []*fesim.FE {
	t.Helper()
	o.TimeScale = 0.05
	c, err := fesim.NewCluster(n, o)
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.FEs()
}

// registryOf has backends at these addresses, all of them up.
func registryOf(addresses ...string) *backend.Registry {
	r := backend.NewRegistry(backend.Options{})
	var specs []backend.Spec
	for _, a := range addresses {
		specs = append(specs, backend.Spec{Name: a, Address: a})
	}
	r.Apply(specs)
	for _, b := range r.Backends() {
		r.SetHealth(b, backend.Up, "")
	}
	return r
}

// dead is an address where nobody listens.
func dead(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func http(f *fesim.FE) string { return strings.Split(f.HealthURL(), "/")[2] }

// One FE that answers is enough; each names its own HTTP port, which the others do not know, once it can be asked.
func TestAskFEs(t *testing.T) {
	fes := start(t, 3, fesim.Options{FrontendsWithID: true})
	r := registryOf(dead(t), fes[0].MySQLAddress(), dead(t))
	s := &Source{Registry: r, User: "root", Interval: time.Minute}
	a := s.ask(t.Context())
	if a.Err != nil || len(a.Found) != 3 {
		t.Fatalf("%+v", a)
	}
	for _, f := range a.Found {
		if f.HTTPGuessed != (f.Address != fes[0].MySQLAddress()) {
			t.Errorf("who says what is not known: %+v", f)
		}
		if f.HTTP != http(fes[0]) || f.Kind != nodes.Frontend {
			t.Errorf("at first all have the HTTP port of the one that was asked: %+v", f)
		}
	}
	if s.curious {
		t.Error("somebody is to be asked soon who is no backend")
	}
	s.Registry = registryOf(fes[0].MySQLAddress(), fes[1].MySQLAddress(), fes[2].MySQLAddress())
	if a = s.ask(t.Context()); a.Err != nil || s.curious {
		t.Fatalf("%+v, curious: %t", a, s.curious)
	}
	for i, f := range fes {
		at := slices.IndexFunc(a.Found, func(n discover.Found) bool { return n.Address == f.MySQLAddress() })
		if at < 0 || a.Found[at].HTTP != http(f) || (a.Found[at].Role == nodes.Leader) != (i == 0) {
			t.Errorf("%s: %+v", f.Name(), a.Found)
		}
	}
}

func TestAskFails(t *testing.T) {
	fe := start(t, 1, fesim.Options{Users: map[string]string{"root": "", "app": "geheim"}})[0]
	for name, s := range map[string]*Source{
		"nobody":              {Registry: registryOf()},
		"nobody who answers":  {Registry: registryOf(dead(t), dead(t))},
		"not without OPERATE": {Registry: registryOf(fe.MySQLAddress()), User: "app", Password: "geheim"},
		"wrong password":      {Registry: registryOf(fe.MySQLAddress()), User: "app", Password: "falsch"},
		"another flavor":      {Registry: registryOf(fe.MySQLAddress()), User: "root", Flavor: backend.TiDB},
		"servers":             {Registry: registryOf(dead(t)), User: "root", Flavor: backend.MySQL},
	} {
		a := s.ask(t.Context())
		if a.Err == nil || len(a.Found) > 0 || strings.Contains(a.Err.Error(), "geheim") || strings.Contains(a.Err.Error(), "falsch") {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// It asks at once, again soon after a backend has gone, and not only after the interval; and ends with its context.
func TestRun(t *testing.T) {
	fes := start(t, 3, fesim.Options{})
	r := registryOf(fes[0].MySQLAddress(), fes[1].MySQLAddress(), fes[2].MySQLAddress())
	s := &Source{Registry: r, User: "root", Interval: time.Hour}
	told := make(chan discover.Answer)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Run(ctx, func(a discover.Answer) {
			select {
			case told <- a:
			case <-ctx.Done():
			}
		})
	}()
	if a := <-told; a.Err != nil || len(a.Found) != 3 {
		t.Errorf("%+v", a)
	}
	fes[0].Kill()
	fes[0].Wait()
	r.SetHealth(r.Backends()[0], backend.Down, "refused")
	began := time.Now()
	leads := func(a discover.Answer) bool {
		return slices.ContainsFunc(a.Found, func(f discover.Found) bool { return f.Role == nodes.Leader && f.Address != fes[0].MySQLAddress() })
	}
	a := <-told
	if took := time.Since(began); took > soon+askTime {
		t.Errorf("it was asked again after %s", took)
	}
	if a.Err != nil || !leads(a) {
		t.Errorf("nobody leads: %+v", a)
	}
	cancel()
	<-ended
}

// Servers tell about themselves, and are not found for that; the members of a group are, as those see them that are in it.
func TestAnswerOfServers(t *testing.T) {
	self := func(address string, role nodes.Role) nodes.Node {
		return nodes.Node{Address: address, Role: role, Answering: true, Alive: true}
	}
	member := func(address string, alive bool) nodes.Node { return nodes.Node{Address: address, Alive: alive} }
	whole := []nodes.Node{member("a:1", true), member("b:1", true), member("c:1", false)}
	for _, tt := range []struct {
		name    string
		said    []word
		found   string
		partial bool
	}{
		{"no group", []word{{self: self("a:1", nodes.Primary)}, {self: self("x:1", nodes.Replica)}}, "", true},
		{"a group, and one that is down", []word{{self: self("a:1", nodes.Primary), group: whole}}, "a:1 primary, b:1, c:1", false},
		{"a group, and one beside it", []word{{self: self("b:1", nodes.Replica), group: whole}, {self: self("x:1", nodes.Primary)}}, "a:1, b:1 replica, c:1", false},
		{"one that has been expelled", []word{{self: self("c:1", nodes.Replica), group: []nodes.Node{member("c:1", false)}}}, "", true},
		{"one that is cut off", []word{{self: self("c:1", nodes.Replica), group: []nodes.Node{member("a:1", false), member("b:1", false), member("c:1", true)}}}, "", true},
	} {
		a := answerOf(tt.said)
		var found []string
		for _, f := range a.Found {
			found = append(found, strings.TrimSpace(f.Address+" "+f.Role.String()))
		}
		if got := strings.Join(found, ", "); got != tt.found || a.Partial != tt.partial || len(a.About) != len(tt.said) {
			t.Errorf("%s: %q, partial: %t, about %v", tt.name, got, a.Partial, a.About)
		}
	}
}

// What one node does not name any more is missing once a second one does not name it either, if there is one to be asked. What is of another cluster is no answer.
func TestGather(t *testing.T) {
	r := backend.NewRegistry(backend.Options{})
	r.Apply([]backend.Spec{{Name: "a", Address: "a:1"}, {Name: "b", Address: "b:1", Source: "sql"}, {Name: "c", Address: "c:1", Source: "dns"}})
	for _, b := range r.Backends() {
		r.SetHealth(b, backend.Up, "")
	}
	s := &Source{Registry: r}
	for i, tt := range []struct {
		say     map[string]string // by whom: the cluster's id, and who there is; nobody answers otherwise
		order   string
		want    string
		partial bool
		fails   string
	}{
		{map[string]string{"c": "9 x:1"}, "cab", "x:1", false, ""}, // nobody's word is known better yet
		{map[string]string{"a": "1 a:1 b:1 c:1"}, "abc", "a:1 b:1 c:1", true, ""},
		{map[string]string{"a": "1 a:1 b:1 c:1", "b": "1 a:1 b:1 c:1"}, "abc", "a:1 b:1 c:1", false, ""},
		{map[string]string{"a": "1 a:1 b:1 c:1", "c": "2 c:1 d:1 e:1"}, "cab", "a:1 b:1 c:1", false, ""},
		{map[string]string{"c": "2 c:1"}, "cab", "", false, "cluster"},
		{map[string]string{"a": "1 a:1", "b": "1 a:1 b:1 c:1"}, "abc", "a:1", true, ""},
		{map[string]string{"a": "1 a:1", "b": "1 a:1 b:1 c:1"}, "bac", "a:1 b:1 c:1", false, ""},
		{map[string]string{"a": "1 a:1", "c": "2 d:1"}, "acb", "a:1", true, ""},
		{map[string]string{"a": "1 a:1 b:1", "b": "1 a:1 b:1"}, "acb", "a:1 b:1", false, ""},
		{map[string]string{"a": " a:1", "b": " a:1"}, "abc", "a:1", false, ""},
		{map[string]string{"a": "1 b:1"}, "a", "b:1", false, ""},
		{nil, "", "", false, errNobody.Error()},
	} {
		var order []*backend.Backend
		for _, name := range tt.order {
			b, _ := r.Lookup(string(name))
			order = append(order, b)
		}
		a := s.gather(t.Context(), order, func(_ context.Context, b *backend.Backend) (found []discover.Found, err error) {
			text, ok := tt.say[b.Name()]
			if !ok {
				return nil, context.DeadlineExceeded
			}
			id, list, _ := strings.Cut(text, " ")
			for address := range strings.FieldsSeq(list) {
				found = append(found, discover.Found{Node: nodes.Node{Address: address, Cluster: id}})
			}
			return found, nil
		})
		var got []string
		for _, f := range a.Found {
			got = append(got, f.Address)
		}
		fails := ""
		if a.Err != nil {
			fails = a.Err.Error()
		}
		if strings.Join(got, " ") != tt.want || a.Partial != tt.partial || !strings.Contains(fails, tt.fails) || (fails == "") != (tt.fails == "") {
			t.Errorf("%d: %v, partial: %t, %s", i, got, a.Partial, fails)
		}
	}
}

// One whose health fails, by a wrong guess maybe, is asked as well; one that cannot be asked is asked soon a few times, and then ever more seldom.
func TestIntroduce(t *testing.T) {
	fes := start(t, 3, fesim.Options{})
	silent := fes[2].MySQLAddress()
	fes[2].Kill()
	fes[2].Wait()
	r := registryOf(fes[0].MySQLAddress(), "alias:1", silent) // alias is fes[1], as discovery knows
	for _, b := range r.Backends()[1:] {
		r.SetHealth(b, backend.Down, "404")
	}
	now := time.Now()
	s := &Source{
		Registry: r, User: "root", Interval: time.Minute, now: func() time.Time { return now },
		Same: func(a, b string) bool { return a == "alias:1" && b == fes[1].MySQLAddress() },
	}
	list := make([]nodes.Node, len(fes))
	for i, f := range fes {
		list[i] = nodes.Node{Address: f.MySQLAddress(), Alive: true}
	}
	for i := range 10 {
		s.introduce(t.Context(), list)
		if want := i+1 < hurried; s.curious != want {
			t.Errorf("round %d: curious: %t", i+1, s.curious)
		}
	}
	if s.ports[strings.ToLower(fes[0].MySQLAddress())] != http(fes[0]) || s.tried[silent].times != hurried || s.tried["alias:1"].times != hurried {
		t.Errorf("%v, %+v", s.ports, s.tried)
	}
	if err := fes[2].Start(); err != nil {
		t.Fatal(err)
	}
	s.introduce(t.Context(), list)
	if s.tried[silent].times != hurried {
		t.Error("asked again at once")
	}
	now = now.Add(time.Minute)
	r.SetHealth(r.Backends()[2], backend.Down, "404 again")
	s.introduce(t.Context(), list)
	if s.ports[silent] != http(fes[2]) {
		t.Errorf("a wrong guess stays: %v", s.ports)
	}
	s.introduce(t.Context(), list[:1])
	if len(s.ports) != 1 {
		t.Errorf("what is no node any more is remembered: %v", s.ports)
	}
}

// An election is no answer to wait an interval after: nobody leads, or one does who is known to be down.
func TestLeaderless(t *testing.T) {
	r := registryOf("up:1", "down:1")
	r.SetHealth(r.Backends()[1], backend.Down, "refused")
	found := func(address string, role nodes.Role, alive bool) []discover.Found {
		return []discover.Found{{Node: nodes.Node{Address: "up:1", Role: nodes.Follower, Alive: true}}, {Node: nodes.Node{Address: address, Role: role, Alive: alive}}}
	}
	for _, tt := range []struct {
		flavor backend.Flavor
		found  []discover.Found
		want   bool
	}{
		{backend.StarRocks, found("up:1", nodes.Leader, true), false},
		{backend.StarRocks, found("other:1", nodes.Leader, true), false},
		{backend.StarRocks, found("down:1", nodes.Leader, true), true},
		{backend.StarRocks, found("up:1", nodes.Leader, false), true},
		{backend.Doris, found("up:1", nodes.Follower, true), true},
		{backend.TiDB, found("up:1", nodes.None, true), false},
	} {
		if got := (&Source{Registry: r, Flavor: tt.flavor}).leaderless(tt.found); got != tt.want {
			t.Errorf("%s, %+v: %t", tt.flavor, tt.found, got)
		}
	}
}

// A backend that was not known when the cluster was asked is known from its first probe on: what comes then is a change.
func TestDiffer(t *testing.T) {
	up, down := stand{up: true}, stand{}
	before := map[string]stand{"a": up}
	for i, tt := range []struct {
		now  map[string]stand
		want bool
	}{
		{map[string]stand{"a": up}, false},
		{map[string]stand{"a": up, "b": up}, false},
		{map[string]stand{"b": up}, false},
		{map[string]stand{"a": up, "b": down}, true},
		{map[string]stand{"a": down, "b": up}, true},
		{map[string]stand{"a": {true, backend.Drain}, "b": up}, true},
	} {
		if got := differ(before, tt.now); got != tt.want {
			t.Errorf("%d: %t", i, got)
		}
	}
}
