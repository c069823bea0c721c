package main

import (
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/discover/nodes"
	"segue/backend/fesim"
	"segue/cmd/internal/admin"
	"segue/config"
	"segue/proxy/load"
)

// An FE is where its health URL is, as it is.
func TestFrontendOf(t *testing.T) {
	for _, c := range []struct {
		status backend.Status
		want   load.Frontend
		ok     bool
	}{
		{backend.Status{Spec: backend.Spec{Name: "a", HealthURL: "http://u:p@fe1:8030/api/health?x=y", Role: nodes.Leader}, Health: backend.Up}, load.Frontend{Name: "a", Address: "fe1:8030", Up: true, Leader: true}, true},
		{backend.Status{Spec: backend.Spec{Name: "a", HealthURL: "https://fe1/api/health"}, Health: backend.Down}, load.Frontend{Name: "a", Address: "fe1:443", TLS: true}, true},
		{backend.Status{Spec: backend.Spec{Name: "a", HealthURL: "http://[::1]/"}, Health: backend.Stopping}, load.Frontend{Name: "a", Address: "[::1]:80", Up: true, Leaving: true}, true},
		{backend.Status{Spec: backend.Spec{Name: "a", HealthURL: "http://fe1:8030/"}, Health: backend.Up, Admin: backend.Drain}, load.Frontend{Name: "a", Address: "fe1:8030", Up: true, Leaving: true}, true},
		{backend.Status{Spec: backend.Spec{Name: "a", HealthURL: "http://fe1:8030/"}, Health: backend.Up, Admin: backend.Maint}, load.Frontend{Name: "a", Address: "fe1:8030", Up: true, Leaving: true}, true},
		{backend.Status{Spec: backend.Spec{Name: "a"}, Health: backend.Up}, load.Frontend{}, false},
	} {
		if got, ok := frontendOf(&c.status); got != c.want || ok != c.ok {
			t.Errorf("%+v: %+v, %t; want %+v", c.status, got, ok, c.want)
		}
	}
}

// A node that leaves, is emptied, or is not to have loads gets none.
func TestLoadNodes(t *testing.T) {
	got := loadNodes([]nodes.Node{
		{HTTP: "b:8040", Alive: true, Kind: nodes.Backend},
		{HTTP: "", Alive: false},
		{HTTP: "a:8040", Alive: true, Kind: nodes.Compute, StatusCode: "SHUTDOWN"},
		{HTTP: "c:8040", Alive: true, Decommissioned: true},
		{HTTP: "d:8040", Alive: true, Disabled: true, DisabledFor: "query"},
		{HTTP: "e:8040", Disabled: true, DisabledFor: "load"},
		{HTTP: "f:8040", Disabled: true},
		{HTTP: "[::1]:8040", StatusCode: "OK", Alive: true},
	})
	want := []load.Node{
		{Host: "::1", Port: 8040, Alive: true},
		{Host: "a", Port: 8040, Compute: true, Alive: true, Leaving: true},
		{Host: "b", Port: 8040, Alive: true},
		{Host: "c", Port: 8040, Alive: true, Leaving: true},
		{Host: "d", Port: 8040, Alive: true},
		{Host: "e", Port: 8040, Leaving: true},
		{Host: "f", Port: 8040, Leaving: true},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// Accounts that are for asking come first, those whose passwords are not known never.
func TestAskers(t *testing.T) {
	c, err := config.Parse("c.yaml", []byte(`backends: [fe1:9030]
health: {user: probe, password: a}
users: [{name: app, password: b}, {name: old, hash: "*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9"}, {name: svc, password: c, service: true}, {name: etl, password: d}]
`))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(askers(c)); got != "[{probe a} {svc c} {app b}]" {
		t.Error(got)
	}
	c.Discover.User = "probe"
	if got := fmt.Sprint(askers(c)); got != "[{probe } {svc c} {app b}]" {
		t.Error(got)
	}
}

// clusterOf is a simulated cluster, and what is known of it.
func clusterOf(t *testing.T, o fesim.Options, more string) (*fesim.Cluster, *loadCluster) {
	t.Helper()
	o.TimeScale = 0.05
	cluster, err := fesim.NewCluster(2, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := cluster.AddBE(fesim.BEOptions{Compute: i == 2}); err != nil {
			t.Fatal(err)
		}
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	c, err := config.Parse("c.yaml", []byte(configuration(cluster.FEs(), "load: {listen: '127.0.0.1:0', nodes: x}\n"+more)))
	if err != nil {
		t.Fatal(err)
	}
	r := backend.NewRegistry(backend.Options{})
	r.Apply(c.Backends)
	for _, b := range r.Backends() {
		r.SetHealth(b, backend.Up, "")
	}
	return cluster, newLoadCluster(r, c, slog.New(slog.DiscardHandler))
}

// webAddresses are those of nodes.
func webAddresses(t *testing.T, bes []*fesim.BE) (list []string) {
	t.Helper()
	for _, b := range bes {
		u, err := url.Parse(b.HealthURL())
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, u.Host)
	}
	slices.Sort(list)
	return list
}

// BEs and CNs are those that the cluster names, to an account that may ask; where none may, what is known stays.
func TestLoadClusterAsks(t *testing.T) {
	users := map[string]string{"root": "", "app": "a", "asker": "b"}
	cluster, l := clusterOf(t, fesim.Options{Users: users, Operators: []string{"root", "asker"}}, "users: [{name: app, password: a}, {name: asker, password: b}]\n")
	if err := l.refresh(t.Context(), l.current()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range l.Nodes() {
		if !n.Alive || n.Leaving {
			t.Errorf("%+v", n)
		}
		got = append(got, nodeAddress(&n))
	}
	slices.Sort(got)
	if want := webAddresses(t, cluster.BEs()); !slices.Equal(got, want) || l.account != "asker" {
		t.Errorf("%s says %q, want %q", l.account, got, want)
	}
	if first := l.first(askers(l.current())); first[0].user != "asker" {
		t.Errorf("who may ask is tried behind others: %v", first)
	}
	changed := l.Changed()
	c := *l.current()
	c.Proxy.Users = c.Proxy.Users[:1]
	if err := l.refresh(t.Context(), &c); err == nil || !strings.Contains(err.Error(), "SHOW BACKENDS as app") || len(l.Nodes()) != 3 {
		t.Errorf("%v, %+v", err, l.Nodes())
	}
	select {
	case <-changed:
		t.Error("something has changed")
	default:
	}
	c.Proxy.Users = nil
	if err := l.refresh(t.Context(), &c); err != nil || len(l.Nodes()) != 0 {
		t.Errorf("nobody can be asked: %v, %+v", err, l.Nodes())
	}
	<-changed
}

// What changes is told: an FE that stands otherwise, a node that leaves. Whoever meets one that is not known has the cluster be asked at once.
func TestLoadClusterFollows(t *testing.T) {
	cluster, l := clusterOf(t, fesim.Options{}, "discover: {user: root, interval: 1h}\n")
	ended := make(chan error, 1)
	go func() { ended <- l.run(t.Context()) }()
	await := func(what string, ok func() bool) {
		t.Helper()
		deadline := time.After(patience)
		for {
			changed := l.Changed()
			if ok() {
				return
			}
			select {
			case <-changed:
			case <-deadline:
				t.Fatalf("still not: %s: %+v", what, l.Nodes())
			}
		}
	}
	await("three nodes", func() bool { return len(l.Nodes()) == 3 })
	fe := l.registry.Backends()[0]
	l.registry.SetHealth(fe, backend.Stopping, "500")
	await("an FE leaves", func() bool { return l.Frontends()[0].Leaving })
	more, err := cluster.AddBE(fesim.BEOptions{})
	if err == nil {
		err = more.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new node", func() bool { l.Ask(); return len(l.Nodes()) == 4 })
}

// Loads go through a takeover as sessions do: the socket is given on, and the old Segue ends.
func TestTakeoverOfLoads(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	addr, api, loads := deadAddress(t), deadAddress(t), deadAddress(t)
	path := configFile(t, configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\nload: {listen: %s, nodes: x}\n", addr, api, loads)))
	old := takeOverFrom(t, path, addr, api)
	if !strings.Contains(old.stdout.String(), "http://"+loads+"/api/") {
		t.Errorf("the start-up text does not say where loads go: %s", old.stdout)
	}
	next := takeOverFrom(t, path, addr, api)
	if code := old.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	var s admin.Status
	eventually(t, "an answer of the new one", func() (ok bool) { s, ok = statusOf(next); return ok })
	if s.LoadListen != loads {
		t.Errorf("loads on %q, want %q", s.LoadListen, loads)
	}
	writeFile(t, path, configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\n", addr, api)))
	eventually(t, "no loads any more", func() bool { s, ok := statusOf(next); return ok && s.LoadListen == "" })
}

func statusOf(s *serving) (admin.Status, bool) {
	got, err := s.client.Status(s.t.Context())
	return got, err == nil
}

// A socket of a service manager has the cluster be asked, whatever the configuration says; where nobody can be asked, those who want to know have nobody be asked more often.
func TestLoadClusterWaits(t *testing.T) {
	_, l := clusterOf(t, fesim.Options{}, "discover: {user: root}\n")
	c := *l.current()
	c.Loads.Listen = nil
	if l.serves(&c) {
		t.Error("nothing is served")
	}
	l.serving = func() bool { return true }
	if !l.serves(&c) {
		t.Error("a socket is served")
	}
	l.Ask()
	if !l.wait(t.Context(), time.Millisecond, true) || len(l.wanted) == 0 {
		t.Error("who wants to know was heard, though nobody can be asked")
	}
	if !l.wait(t.Context(), time.Hour, false) || len(l.wanted) > 0 {
		t.Error("who wants to know was not heard")
	}
}

// A node that an operator has drained gets no new load, until then or until it is taken back.
func TestDrainNode(t *testing.T) {
	l := newLoadCluster(backend.NewRegistry(backend.Options{}), config.Default(), slog.New(slog.DiscardHandler))
	l.nodes = []load.Node{{Host: "a", Port: 1, Alive: true}, {Host: "b", Port: 1, Alive: true}}
	leaving := func() (list []string) {
		for _, n := range l.LoadNodes() {
			if n.Leaving != (n.Until != nil) {
				t.Errorf("%+v", n)
			}
			if n.Leaving {
				list = append(list, n.Name)
			}
		}
		return list
	}
	changed := l.Changed()
	if l.DrainNode("c:1", time.Now().Add(time.Hour)) || !l.DrainNode("a:1", time.Now().Add(time.Hour)) || !slices.Equal(leaving(), []string{"a:1"}) || !l.Nodes()[0].Leaving {
		t.Errorf("%v", leaving())
	}
	<-changed
	if l.DrainNode("b:1", time.Now().Add(-time.Second)); !slices.Equal(leaving(), []string{"a:1"}) {
		t.Errorf("its time is over: %v", leaving())
	}
	after := newLoadCluster(backend.NewRegistry(backend.Options{}), config.Default(), slog.New(slog.DiscardHandler))
	after.RestoreDrained(l.DrainedNodes())
	if after.nodes = l.nodes; !after.Nodes()[0].Leaving || after.Nodes()[1].Leaving {
		t.Errorf("behind a takeover: %+v", after.Nodes())
	}
	if l.DrainNode("A:1", time.Time{}); len(leaving()) > 0 {
		t.Errorf("taken back: %v", leaving())
	}
}
