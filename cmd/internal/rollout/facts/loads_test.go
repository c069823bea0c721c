package facts

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"segue/cmd/internal/rollout"
)

// Loads are what a Segue tells, if its release has them; and it is told which backend is to get none.
func TestFleetKnowsLoads(t *testing.T) {
	var mu sync.Mutex
	var told []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Segue", "x")
		switch {
		case r.Method == http.MethodPost:
			mu.Lock()
			told = append(told, r.URL.Path)
			mu.Unlock()
			fmt.Fprint(w, "{}")
		case r.URL.Path == "/api/v1/loads":
			fmt.Fprint(w, `[{"id": 3, "user": "etl", "kind": "begin", "database": "db", "table": "t", "label": "l", "state": "open", "frontend": "fe-1", "node": "be-1:8040"}]`)
		case r.URL.Path == "/api/v1/status":
			fmt.Fprint(w, "{}")
		default:
			fmt.Fprint(w, "[]")
		}
	}))
	t.Cleanup(s.Close)
	f := newFleet(at(s))
	g := f.ask(t.Context(), 0)[0]
	if want := []rollout.SegueLoad{{ID: 3, User: "etl", Kind: "begin", Table: "db.t", Label: "l", State: "open", Frontend: "fe-1", Node: "be-1:8040"}}; g.Error != "" || !slices.Equal(g.Loads, want) {
		t.Errorf("%s %+v", g.Error, g.Loads)
	}
	node := rollout.Node{Name: "be-1:9050", Kind: rollout.Backend, HTTP: "be-1:8040"}
	f.spareLoads(t.Context(), node, true)
	f.spareLoads(t.Context(), node, false)
	if want := []string{"/api/v1/nodes/be-1:8040/drain", "/api/v1/nodes/be-1:8040/ready"}; !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Segue", "x")
		switch r.URL.Path {
		case "/api/v1/loads":
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error": "no such page"}`)
		case "/api/v1/status":
			fmt.Fprint(w, "{}")
		default:
			fmt.Fprint(w, "[]")
		}
	}))
	t.Cleanup(old.Close)
	if g := newFleet(at(old)).ask(t.Context(), 0)[0]; g.Error != "" || len(g.Loads) > 0 {
		t.Errorf("an older release: %s %+v", g.Error, g.Loads)
	}
}
