package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend/fesim"
)

// TestMoveClosed: backends close idle connections by a bare FIN while their health is good. Whether the next statement
// comes at once or later, no client sees it.
func TestMoveClosed(t *testing.T) {
	t.Run("FE", func(t *testing.T) { closeIdle(t, startFEs(t, fesim.Options{})) })
	t.Run("MariaDB", func(t *testing.T) { closeIdle(t, startMariaDBs(t)) })
	tidb := startTiDBs(t, 0)
	t.Run("TiDB", func(t *testing.T) { closeIdle(t, tidb) })
	// Segue has no password there: it keeps a session token of each session, which must do when the backend can no longer give one.
	t.Run("TiDB by token", func(t *testing.T) { closeIdle(t, tidb, "users: []") })
}

func closeIdle(t *testing.T, f fleet, more ...string) {
	t.Helper()
	specs := f.specs()
	fronts := make([]*front, len(specs))
	for i := range specs {
		fronts[i] = startFront(t, specs[i].Address)
		specs[i].Address = fronts[i].address()
	}
	p := startProgram(t, f.flavor(), specs, more...)
	idle := openIdle(t, p.address, f.dialect(), 64)
	waitFor(t, "a credential for each session", func() bool {
		sessions := string(p.get(t, "/api/v1/sessions"))
		return !strings.Contains(sessions, `"no-credential"`) && strings.Count(sessions, `"state": "idle"`) == 64
	})
	for round := range 4 {
		for i, front := range fronts {
			cut := front.cut()
			if round == 0 && cut == 0 {
				t.Errorf("%s has no session to close", specs[i].Name)
			}
			if round%2 == 1 {
				time.Sleep(200 * time.Millisecond) // enough for a move, which no event outside of Segue tells
			}
			idle.askAll(t, fmt.Sprintf("round %d, %d connections closed by %s", round+1, cut, specs[i].Name))
		}
	}
}

// idleSessions are clients with state who ask when told to.
type idleSessions struct{ workers []*statefulWorker }

// openIdle connects n clients, each with its state.
func openIdle(t *testing.T, address string, d dialect, n int) *idleSessions {
	t.Helper()
	l := newStatefulLoad(address, d)
	s := &idleSessions{}
	for id := range n {
		s.workers = append(s.workers, l.worker(t, idleUntilEnd, id+1))
	}
	s.each(func(w *statefulWorker) { w.connect(context.WithoutCancel(t.Context())) })
	for _, fault := range l.summary(5) {
		t.Errorf("connect: %s", fault)
	}
	t.Cleanup(func() { s.each(func(w *statefulWorker) { w.client.Quit() }) })
	return s
}

// each does something for all clients, many at a time.
func (s *idleSessions) each(do func(*statefulWorker)) {
	var running sync.WaitGroup
	places := make(chan struct{}, 64)
	for _, w := range s.workers {
		places <- struct{}{}
		running.Go(func() {
			do(w)
			<-places
		})
	}
	running.Wait()
}

// askAll has all clients verify their state at the same time, by their prepared statement; those that see an error are
// counted and connect anew. It returns the longest wait.
func (s *idleSessions) askAll(t *testing.T, when string) time.Duration {
	t.Helper()
	if len(s.workers) == 0 {
		t.Fatal("no clients")
	}
	l := s.workers[0].load
	s.each(func(w *statefulWorker) {
		if w.client.Connected() {
			w.turn(context.WithoutCancel(t.Context()), w.execute)
		}
	})
	errors, lost, longest := l.total()
	if errors+lost > 0 {
		t.Errorf("%s: %d errors, %d lost states; such as %v", when, errors, lost, l.summary(1))
	}
	t.Logf("%s: longest wait %v", when, longest.Round(time.Millisecond))
	l.reset()
	s.each(func(w *statefulWorker) {
		if !w.client.Connected() {
			w.connect(context.WithoutCancel(t.Context()))
		}
	})
	return longest
}

// TestMoveThousand: an FE with a thousand idle sessions leaves. The time from its first 500 until the last is off is to be below a
// second, which is when an FE begins to cut those that it finds idle; those that it cuts at once see nothing either.
func TestMoveThousand(t *testing.T) {
	for name, idle := range map[string]time.Duration{"the FE leaves them alone": time.Minute, "the FE closes them at once": time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			f := startFEs(t, fesim.Options{Idle: idle})
			p := startProgram(t, f.flavor(), f.specs())
			fe := f.cluster.FEs()[0]
			p.run(t, "drain", f.specs()[1].Name)
			p.run(t, "drain", f.specs()[2].Name)
			sessions := openIdle(t, p.address, f.dialect(), 1000)
			if n := p.sessions(t, fe.Name()); n != 1000 {
				t.Fatalf("%d sessions on %s, want 1000", n, fe.Name())
			}
			p.run(t, "ready", f.specs()[1].Name)
			p.run(t, "ready", f.specs()[2].Name)
			began := time.Now()
			fe.GracefulExit()
			waitFor(t, "the last session to be off", func() bool { return fe.Stats().Open == 0 && p.sessions(t, fe.Name()) == 0 })
			took := time.Since(began)
			t.Logf("the last of 1,000 sessions was off %s after the first 500", took.Round(time.Millisecond))
			if took > 3*time.Second { // the goal is a second; tests run on busy machines
				t.Errorf("the last session was off after %s", took)
			}
			sessions.askAll(t, "after the FE has left")
			fe.Wait()
		})
	}
}

// sessions is how many sessions are on a backend.
func (p *segueProgram) sessions(t *testing.T, name string) int {
	t.Helper()
	for _, b := range p.backends(t) {
		if b.Name == name {
			return b.Sessions
		}
	}
	t.Fatalf("segue does not know %s", name)
	return 0
}
