package statefulset

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"segue/backend/discover/kube"
	"segue/cmd/internal/rollout"
)

// newDriver is one of two sets, whose services are NAME-search.
func newDriver(t *testing.T) *Driver {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		fmt.Fprintf(w, `{"metadata": {"name": %q}, "spec": {"serviceName": "%s-search"}}`, name, name)
	}))
	t.Cleanup(api.Close)
	client, err := kube.New(kube.Config{Server: api.URL, Namespace: "db"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(client, Options{Name: "sr-be"}, Options{Name: "sr-fe"})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A pod of another service or namespace is another one, though it is called the same.
func TestNamed(t *testing.T) {
	for name, want := range map[string]string{
		"sr-fe-2": "sr-fe-2", "sr-fe-2.sr-fe-search": "sr-fe-2", "sr-fe-2.sr-fe-search.db.svc.cluster.local": "sr-fe-2", "sr-be-0.sr-be-search.db:9050": "sr-be-0",
		"sr-fe-2.sr-fe-search.test.svc.cluster.local": "", "sr-fe-2.other.db.svc": "", "sr-fe-2.sr-be-search": "", "sr-fe-x": "", "sr-fe-": "", "10.0.0.1": "", "10.0.0.1:9030": "", "sr-cn-0": "",
	} {
		p, ok, err := newDriver(t).named(t.Context(), rollout.Node{Name: "fe", Host: name})
		if err != nil || ok != (want != "") || ok && p.pod != want {
			t.Errorf("%s: %q %v %v, want %q", name, p.pod, ok, err, want)
		}
	}
}

// Nodes that are otherwise equal go as a partition has it; who leads goes last all the same.
func TestSort(t *testing.T) {
	var f rollout.Facts
	for _, pod := range []string{"sr-fe-0", "sr-be-1", "sr-fe-1", "sr-be-10", "sr-fe-2", "sr-be-9"} {
		n := node(pod)
		if n.Kind, n.Role = rollout.Frontend, rollout.Follower; strings.HasPrefix(pod, "sr-be") {
			n.Kind, n.Role = rollout.Backend, rollout.NoRole
		}
		f.Nodes = append(f.Nodes, n)
	}
	f.Nodes[2].Role = rollout.Leader
	newDriver(t).Sort(t.Context(), f.Nodes)
	var order []string
	for _, turn := range rollout.Order(&f, false) {
		order = append(order, turn.Node)
	}
	if got := strings.Join(order, " "); got != "sr-be-10 sr-be-9 sr-be-1 sr-fe-2 sr-fe-0 sr-fe-1" {
		t.Error(got)
	}
}

// What may not be the next one is told before anything is done.
func TestMay(t *testing.T) {
	upgrade, partition := Options{Name: "db", Image: "image:b"}, Options{Name: "db", Image: "image:b", Mode: Partition}
	for _, test := range []struct {
		options         Options
		set, pods, name string
		want            string
	}{
		{partition, "at=a on-delete", "0:a 1:a 2:a", "db-0", "cannot be replaced before db-2"},
		{partition, "at=a on-delete", "0:a 1:a 2:a", "db-2", ""},
		{upgrade, "at=b partition=2", "0:a 1:a 2:b", "db-0", "cannot be replaced before db-1"},
		{upgrade, "at=b partition=2", "0:a 1:a 2:b", "db-1", ""},
		{upgrade, "at=a on-delete", "0:a 1:a 2:a", "db-0", ""},
		{upgrade, "at=a rolling", "0:a 1:a 2:a", "db-2", "its updateStrategy is RollingUpdate from 0 on"},
		{Options{Name: "db"}, "at=a rolling", "0:a 1:a 2:a", "db-0", ""},
		{upgrade, "at=a on-delete", "0:a 1:a 2:a", "db-7", "has no pod db-7"},
	} {
		err := situation(test.set, test.pods).may(&test.options, false, test.name)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s, %s, %s: %v", test.set, test.pods, test.name, err)
		}
	}
}

// restartGoesOn: a mere restart that another process goes on with evicts no pod twice, though nothing but its UID tells a new one from the old.
func (s suite) restartGoesOn(t *testing.T) {
	st := newStage(t, s.Server, "rollout-statefulsets.yaml")
	st.StatefulSet(t, "sr-fe", "fe:1", rollingAt(0))
	for _, pod := range []string{"sr-fe-2", "sr-fe-1", "sr-fe-0"} {
		n := node(pod)
		kept, err := st.driver(t, Options{Name: "sr-fe"}).May(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		n.Host = "10.9.9.9" // of the pod that was
		for range 2 {
			for _, do := range []func(*Driver, context.Context, rollout.Node) error{(*Driver).Stop, (*Driver).Start} {
				d := st.driver(t, Options{Name: "sr-fe"})
				d.Recall(n, kept)
				if err := do(d, t.Context(), n); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	st.wants(t, "sr-fe", "2 1 0", "fe:1", "fe:1")
}
