package fesim_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"segue/backend/fesim"
)

func TestS13_TransactionsAreLostWithTheLeader(t *testing.T) {
	c := startCluster(t, 3, fesim.Options{})
	follower := open(t, c.FEs()[1], "root:")
	exec(t, follower, "BEGIN; INSERT INTO fesim.ledger VALUES ('x')")
	c.FEs()[0].Kill()
	_, err := follower.ExecContext(t.Context(), "COMMIT")
	wantErr(t, err, 5302, "25P01")
	if n := c.Executions("x"); n != 0 {
		t.Errorf("executed %d times", n)
	}
}

func TestS25_WritesWithoutLeader(t *testing.T) {
	for _, tt := range []struct {
		wait time.Duration
		code uint16
	}{{time.Second, 1064}, {time.Hour, 0}} {
		c := startCluster(t, 3, fesim.Options{Election: 20 * time.Second, LeaderWait: tt.wait}) // 200 ms
		old, f := c.FEs()[0], c.FEs()[1]
		conn := open(t, f, "root:")
		if c.Leader() != old {
			t.Fatalf("leader %v", c.Leader())
		}
		old.Kill()
		if c.Leader() != nil {
			t.Error("a leader without an election")
		}
		if got := ask(t, conn, "SELECT 1"); got != "1" {
			t.Errorf("a read gives %s", got)
		}
		if _, body := get(t, strings.Replace(f.HealthURL(), "health", "bootstrap", 1)); !strings.Contains(body, "not ready") {
			t.Errorf("bootstrap: %s", body)
		}
		_, err := conn.ExecContext(t.Context(), "INSERT INTO fesim.ledger VALUES ('x')")
		if tt.code != 0 {
			wantErr(t, err, tt.code, "HY000")
			continue
		}
		if err != nil || c.Leader() != f || c.Executions("x") != 1 {
			t.Errorf("%v; leader %v; executed %d times", err, c.Leader(), c.Executions("x"))
		}
	}
}

func TestS25_NoQuorumNoLeader(t *testing.T) {
	c := startCluster(t, 3, fesim.Options{Election: time.Second, LeaderWait: 5 * time.Second})
	for _, f := range c.FEs()[:2] {
		f.Kill()
	}
	_, err := open(t, c.FEs()[2], "root:").ExecContext(t.Context(), "BEGIN")
	wantErr(t, err, 1064, "HY000")
	if err := c.FEs()[0].Start(); err != nil {
		t.Fatal(err)
	}
	within(t, "a leader", func() bool { return c.Leader() != nil })
}

func TestS27_RollingRestart(t *testing.T) {
	c := startCluster(t, 3, fesim.Options{})
	var log []string
	err := c.RollingRestart(t.Context(), 5*time.Millisecond, func(e fesim.Event) {
		log = append(log, fmt.Sprint(e.FE.Name(), " ", e.Step))
		if e.Step == fesim.Exited && e.Code != 0 {
			t.Errorf("%s exited with %d", e.FE.Name(), e.Code)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "fe-2 leaving, fe-2 exited, fe-2 started, fe-3 leaving, fe-3 exited, fe-3 started, fe-1 leaving, fe-1 exited, fe-1 started"
	if got := strings.Join(log, ", "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if c.Leader() == nil || c.Leader() == c.FEs()[0] {
		t.Errorf("leader %v, want one of the others", c.Leader())
	}
	for _, f := range c.FEs() {
		open(t, f, "root:")
	}
}

func TestS27_RollingRestartEndsWithItsContext(t *testing.T) {
	c := startCluster(t, 3, fesim.Options{MinExit: time.Hour, MaxExit: 2 * time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	if err := c.RollingRestart(ctx, 0, func(fesim.Event) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestGlobalVariables(t *testing.T) {
	c := startCluster(t, 2, fesim.Options{})
	before := open(t, c.FEs()[1], "root:")
	exec(t, open(t, c.FEs()[0], "root:"), "SET GLOBAL query_timeout = 77")
	for query, want := range map[string]string{"SELECT @@query_timeout": "300", "SELECT @@global.query_timeout": "77"} {
		if got := ask(t, before, query); got != want {
			t.Errorf("%s = %s, want %s", query, got, want)
		}
	}
	if got := ask(t, open(t, c.FEs()[1], "root:"), "SELECT @@query_timeout"); got != "77" {
		t.Errorf("a new session has %s", got)
	}
}
