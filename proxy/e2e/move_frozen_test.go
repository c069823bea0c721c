package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"segue/backend/fesim"
)

// longestFrozen is the longest that a new connection, or an idle session's next statement, may wait because a backend hangs.
const longestFrozen = 3500 * time.Millisecond

// frozenTime is how long a backend hangs: 45 s for figures, which is longer than any timeout of Segue's or of a client.
func frozenTime() time.Duration {
	if *rounds > 1 {
		return 45 * time.Second
	}
	return 5 * time.Second
}

// TestMoveFrozen: a backend is stopped where it stands (SIGSTOP), its connections open. New connections and idle sessions hardly notice.
func TestMoveFrozen(t *testing.T) {
	t.Run("FE", func(t *testing.T) { frozen(t, startFEs(t, fesim.Options{})) })
	t.Run("MariaDB", func(t *testing.T) { frozen(t, startMariaDBs(t)) })
	t.Run("TiDB", func(t *testing.T) { frozen(t, startTiDBs(t, 0)) })
}

func frozen(t *testing.T, f fragile) {
	t.Helper()
	p := startProgram(t, f.flavor(), f.specs())
	idle := openIdle(t, p.address, f.dialect(), 90)
	l := startStatefulLoad(t, p.address, f.dialect(), [numWorkloads]int{longLived: 16, shortLived: 16})
	l.killed.Store(true)
	l.waitMore(t, 100)
	i := f.order()[0]
	if name := f.specs()[i].Name; p.sessions(t, name) < 10 {
		t.Errorf("%s has only %d sessions", name, p.sessions(t, name))
	}
	if err := f.freeze(i); err != nil {
		t.Fatalf("freeze: %v", err)
	}
	t.Cleanup(func() { _ = f.thaw(i) })
	frozen := time.Now()
	idle.askInTurn(t, 20*time.Millisecond)
	for time.Since(frozen) < frozenTime() {
		idle.askInTurn(t, frozenTime()/100)
	}
	if err := f.thaw(i); err != nil {
		t.Fatalf("thaw: %v", err)
	}
	p.waitUp(t)
	l.waitMore(t, 100)
	l.stop()
	asked := idle.workers[0].load
	idleErrors, idleLost, idleLongest := asked.total()
	short, long := &l.scores[shortLived], &l.scores[longLived]
	row := fmt.Sprintf("| %s | %v | %d/%d | %v | %d/%d | %v | %d/%d/%d | %v |", f.flavor(), frozenTime(),
		short.answered, short.failed(), short.longest.Round(time.Millisecond),
		asked.scores[idleUntilEnd].answered, idleErrors+idleLost, idleLongest.Round(time.Millisecond),
		long.answered, long.failed(), long.excused, long.longest.Round(time.Millisecond))
	t.Logf("\n| set-up | frozen | new connections ok/err | longest | idle sessions ok/err | longest | long-lived ok/err/excused | longest |\n%s", row)
	if short.longest > longestFrozen || idleLongest > longestFrozen {
		t.Errorf("a new connection waited for %v, an idle session for %v: want at most %v", short.longest, idleLongest, longestFrozen)
	}
	if idleErrors+idleLost > 0 {
		t.Errorf("idle sessions saw %d errors and lost %d states: %v", idleErrors, idleLost, asked.summary(5))
	}
	judgeCrash(t, l, l.judgeRows(t, f), 1)
}

// askInTurn has each client verify its state, one every so often, so that statements come at all times of a fault. Each waits for its own
// answer alone.
func (s *idleSessions) askInTurn(t *testing.T, every time.Duration) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	at := time.Now()
	next := make(chan time.Time, len(s.workers))
	for i := range s.workers {
		next <- at.Add(time.Duration(i) * every)
	}
	s.each(func(w *statefulWorker) {
		time.Sleep(time.Until(<-next)) // a client thinks
		if w.client.Connected() || w.connect(ctx) {
			w.turn(ctx, w.execute)
		}
	})
}
