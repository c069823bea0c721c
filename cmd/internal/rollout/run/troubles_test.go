package run_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend/fesim"
	"segue/cmd/internal/admin"
	"segue/cmd/internal/rollout"
	"segue/cmd/internal/rollout/facts"
	"segue/cmd/internal/rollout/run"
)

// sidecar is a Segue's admin API in front of a simulated cluster, which has no sessions.
type sidecar struct {
	server *httptest.Server

	mu       sync.Mutex
	dead     bool // it answers nobody
	seen     int  // errors that its clients saw
	backends []map[string]any
}

// front puts one in front of a cluster.
func (s *simulated) front() *sidecar {
	f := &sidecar{}
	for _, fe := range s.cluster.FEs() {
		f.backends = append(f.backends, map[string]any{"name": fe.Name(), "address": fe.MySQLAddress(), "health": "up", "admin": "ready"})
	}
	f.server = httptest.NewServer(f)
	s.t.Cleanup(f.server.Close)
	s.source.Fleet = &facts.Fleet{Places: []string{f.server.Listener.Addr().String()}, Timeout: 5 * time.Second, Client: func(at string) (*admin.Client, error) { return admin.NewClient(at), nil }}
	return f
}

func (f *sidecar) set(dead bool, seen int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead, f.seen = dead, seen
}

// ServeHTTP implements http.Handler.
func (f *sidecar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Segue", "x")
	var answer any = []string{}
	switch path := strings.TrimPrefix(r.URL.Path, "/api/v1/"); {
	case path == "status":
		answer = map[string]any{"started": "2026-11-30T10:00:00Z", "failures": []map[string]any{{"kind": "statement", "count": f.seen}}}
	case path == "failures":
		answer = map[string]any{}
	case path == "backends":
		answer = f.backends
	case r.Method == http.MethodPost:
		_, of, _ := strings.Cut(path, "/")
		name, to, _ := strings.Cut(of, "/")
		b := f.backends[slices.IndexFunc(f.backends, func(b map[string]any) bool { return b["name"] == name })]
		b["admin"] = to
		answer = b
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// A budget that is spent, and a Segue that cannot be reached, pause the rollout, in front of a cluster that is really asked; mended, it goes on from there.
func TestSimulatedFleetTroubles(t *testing.T) {
	for name, test := range map[string]struct {
		network byte
		dead    bool
		seen    int
		pause   string
		mend    func(*rollout.Ask)
	}{
		"the budget is spent":            {160, false, 3, "paused at be-2 (checking): clients saw 3 errors while be-2 was in work; --budget-node is 0", func(a *rollout.Ask) { a.Budget, a.BudgetNode = 3, 3 }},
		"a Segue that cannot be reached": {161, true, 0, "paused at be-2 (admitting): be-2 is back, and whether all use it again is not known: Segue 127.0.0.1:", func(*rollout.Ask) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, a := newSimulated(t, test.network, 3, 0, 2, 0, fesim.Options{}), simAsk()
			front := s.front()
			a.Fleet, a.Limits.Return = true, 2*time.Second
			s.wrong["start be-2"] = func() error {
				front.set(test.dead, test.seen)
				return s.cluster.BEs()[1].Start()
			}
			state := s.begin(a)
			err := s.through(t.Context(), state)
			if paused, ok := errors.AsType[*run.PausedError](err); !ok || !strings.HasPrefix(paused.Error(), test.pause) || paused.Remedy == "" {
				t.Fatalf("%v", err)
			}
			front.set(false, test.seen)
			delete(s.wrong, "start be-2")
			test.mend(&state.Ask)
			state.Ask.Limits.Return = 20 * time.Second
			state.Resume(time.Now())
			if err := s.through(t.Context(), state); err != nil {
				t.Fatal(err)
			}
			s.judge(state)
		})
	}
}

// The leader changes while nodes are in work: whoever leads then goes last, and nobody is stopped while it leads and others are to go.
func TestSimulatedLeaderChanges(t *testing.T) {
	for i, when := range []string{"stop be-2", "start be-2", "start fe-2", "start fe-3"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			s := newSimulated(t, byte(162+i), 3, 0, 2, 0, fesim.Options{})
			s.leadBy(0)
			what, name, _ := strings.Cut(when, " ")
			s.wrong[when] = func() error {
				delete(s.wrong, when)
				if l := s.cluster.Leader(); l != nil && l.Name() != name {
					l.Kill() // and something else starts it again
					<-l.Exited()
					if err := l.Start(); err != nil {
						return err
					}
				}
				if what == "stop" {
					return fmt.Errorf("the leader has changed") // once more, when it is resumed
				}
				return s.node(name).Start()
			}
			state := s.begin(simAsk())
			err := s.through(t.Context(), state)
			if _, paused := errors.AsType[*run.PausedError](err); paused && what == "stop" {
				s.mu.Lock()
				s.stops, s.lead = s.stops[:1], s.lead[:1] // it was not stopped
				s.mu.Unlock()
				state.Resume(time.Now())
				err = s.through(t.Context(), state)
			}
			if err != nil {
				t.Fatal(err)
			}
			s.judge(state)
		})
	}
}
