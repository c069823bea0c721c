package bench

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// In virtual time nothing keeps a process waiting.
func TestMeasureStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := newRecorder("Segue")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		MeasureStall(ctx, rec.stalled)
		if rec.run.Stall != 0 {
			t.Errorf("stalled for %v", rec.run.Stall)
		}
		rec.stalled(2 * time.Second)
		rec.stalled(time.Second)
		if rec.run.Stall != 2*time.Second {
			t.Errorf("longest stall %v", rec.run.Stall)
		}
	})
}

func TestPromise(t *testing.T) {
	d := newDemo(DemoOptions{Report: "page.html"})
	failed := Run{}
	failed.add(Event{Kind: StatementCut})
	busy := failed
	busy.Stall = 2 * time.Second
	for _, tt := range []struct {
		name string
		run  Run
		want string
	}{
		{"no error", Run{Stall: time.Minute}, ""},
		{"an error", failed, "1 error a client saw; page.html lists"},
		{"an error on a busy machine", busy, "stalled for 2 s"},
	} {
		err := d.promise(&tt.run)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
