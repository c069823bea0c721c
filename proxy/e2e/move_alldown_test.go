package e2e

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"segue/backend/fesim"
)

// downTime is how long no backend is there, which is less than hold.timeout and connect.budget by default.
const downTime = 5 * time.Second

// TestMoveAllDown: all backends are killed and come back. Whoever idles, connects or reads waits; so does a write that begins meanwhile.
func TestMoveAllDown(t *testing.T) {
	t.Run("FE", func(t *testing.T) { allDown(t, startFEs(t, fesim.Options{}), nil) })
	t.Run("MariaDB", func(t *testing.T) { allDown(t, startMariaDBs(t, durable()...), nil) })
	t.Run("MariaDB on TLS", func(t *testing.T) {
		f, on := startMariaDBsOnTLS(t, durable()...)
		allDown(t, f, on)
	})
}

func allDown(t *testing.T, f fragile, on *secured) {
	t.Helper()
	p := on.start(t, f.flavor(), f.specs())
	l := newStatefulLoad(p.address, f.dialect())
	l.tls = p.tls
	l.start(t, fullLoad())
	l.killed.Store(true)
	began := time.Now()
	for range *rounds {
		l.waitMore(t, 200)
		first := time.Now()
		for i := range f.specs() {
			killOne(t, f, i)
		}
		time.Sleep(downTime) // that is the fault
		if err := reviveAll(t.Context(), f); err != nil {
			t.Fatalf("start backends again: %v", err)
		}
		away := time.Since(first)
		p.waitUp(t)
		l.waitMore(t, 200)
		_, _, longest := l.total()
		t.Logf("no backend from the first kill to the last start: %v; longest wait %v", away.Round(time.Millisecond), longest.Round(time.Millisecond))
		if longest > away+2*longestStall {
			t.Errorf("a client waited for %v, though backends were away for %v", longest, away)
		}
		if longest < downTime {
			t.Errorf("no client waited for longer than %v: they cannot have been down for %v", longest, downTime)
		}
	}
	took := time.Since(began)
	l.stop()
	v := l.judgeRows(t, f)
	counted := int(addSeries(string(p.get(t, "/metrics")), "segue_client_errors_total"))
	t.Logf("\n%s\n%s", crashHead, crashFigure(t, l, counted, v, took))
	judgeCrash(t, l, v, *rounds*len(f.specs()))
}

// reviveAll starts all backends at the same time.
func reviveAll(ctx context.Context, f fragile) error {
	failed := make([]error, len(f.specs()))
	var running sync.WaitGroup
	for i := range failed {
		running.Go(func() { failed[i] = f.revive(ctx, i) })
	}
	running.Wait()
	return errors.Join(failed...)
}
