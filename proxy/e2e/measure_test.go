package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"segue/bench/measure"
)

// TestMeasureRestart: what `segue bench` measures tells a server's restart, at the moment that is marked, by what clients were doing; and
// the rows that it wrote are all there, once. Nothing of its own is left behind.
func TestMeasureRestart(t *testing.T) {
	server := startServer(t, "127.0.0.1", "skip-name-resolve")
	if err := server.fill(t.Context()); err != nil {
		t.Fatalf("fill server: %v", err)
	}
	endpoint, err := measure.ParseDSN(fmt.Sprintf("%s:%s@tcp(%s)/fixtures", testUser, testPassword, server.address()))
	if err != nil {
		t.Fatalf("parse DSN: %v", err)
	}
	load := measure.DefaultLoad()
	load.SlowFor, load.IdleFor = 300*time.Millisecond, 500*time.Millisecond
	result, err := measure.Run(t.Context(), measure.Options{
		Endpoint: endpoint, Load: load,
		Script: func(ctx context.Context, mark func(string)) error {
			pass(ctx, time.Second)
			mark("restart begins")
			server.stop(t)
			pass(ctx, 500*time.Millisecond) // of refused connections
			server.restart(t)
			mark("it serves again")
			pass(ctx, 2*time.Second)
			return nil
		},
	})
	if err != nil {
		t.Fatalf("measure: %v", err)
	}
	if result.Flavor != measure.MySQL || !strings.Contains(result.Server, "MariaDB") {
		t.Errorf("server %q, flavor %s", result.Server, result.Flavor)
	}
	seen := map[string]bool{}
	for _, f := range result.Faults {
		t.Logf("%5d × %s: %s, %s %d, sent %s, %.2f s to %.2f s: %s", f.Count, f.Class, f.Doing, f.What, f.Number, f.Sent,
			f.First.Duration().Seconds(), f.Last.Duration().Seconds(), f.Sample)
		seen[f.Doing+" "+f.What] = true
		if f.First < result.Marks[0].At {
			t.Errorf("before the restart: %+v", f)
		}
	}
	for _, want := range []string{"connect refused", "statement connection lost"} {
		if !seen[want] {
			t.Errorf("no client had %q", want)
		}
	}
	felt, ledger := result.Felt, result.Ledger
	t.Logf("felt %+v\nledger %+v", felt, ledger)
	if felt.SessionsLost < 30 || felt.StateLost != 0 || felt.Silence.Duration() < 500*time.Millisecond {
		t.Errorf("%d sessions lost, %d states, silence %v", felt.SessionsLost, felt.StateLost, felt.Silence.Duration())
	}
	if ledger == nil || ledger.Acknowledged == 0 || ledger.Faults() != 0 {
		t.Errorf("ledger %+v", ledger)
	}
	db, err := server.open("mysql")
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer func() { _ = db.Close() }()
	left := 0
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = 'segue_bench'").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d databases left behind, %v", left, err)
	}
}

// pass lets time pass under the load, which nothing else can tell.
func pass(ctx context.Context, d time.Duration) { pause(ctx, d) }
