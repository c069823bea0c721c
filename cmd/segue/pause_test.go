package main

import (
	"strings"
	"testing"

	"segue/backend/fesim"
)

func TestPauseWaitAndResume(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "")))
	c, held := s.conn(), s.conn()
	tx, err := c.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO fesim.ledger VALUES ('pause')"); err != nil {
		t.Fatal(err)
	}
	pause := start(t, []string{"SEGUE_ADMIN=" + s.api}, "pause", "--for", "1m", "--wait")
	pause.prints("1 session at work")
	answer := make(chan error, 1)
	go func() {
		var one int
		answer <- held.QueryRowContext(t.Context(), "SELECT 1").Scan(&one)
	}()
	eventually(t, "the statement to be held", func() bool { return strings.Contains(s.segue("status").stdout, "1 statement held, 1 session at work") })
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if code := pause.wait(); code != 0 {
		t.Errorf("pause: exit %d\n%s%s", code, pause.stdout, pause.stderr)
	}
	select {
	case err := <-answer:
		t.Errorf("an answer during the pause: %v", err)
	default:
	}
	if got := s.segue("resume"); got.code != 0 || got.stdout != "resumed; 2 sessions\n" {
		t.Errorf("resume: exit %d %s%s", got.code, got.stdout, got.stderr)
	}
	if err := <-answer; err != nil {
		t.Errorf("the statement that was held: %v", err)
	}
	if got := s.segue("resume"); got.code != 0 || got.stdout != "resumed; 2 sessions\n" { // it may have ended by itself
		t.Errorf("resume again: exit %d %s", got.code, got.stderr)
	}
	if got := s.segue("pause", "--for", "0s"); got.code != exitUsage || !strings.Contains(got.stderr, "above zero") {
		t.Errorf("pause for nothing: exit %d %s", got.code, got.stderr)
	}
}
