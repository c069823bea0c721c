package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestMoveWaitsForNoLock: a session that has prepared a statement on a table for which somebody else waits, to alter it, stays where it is, and its client waits for no more
// than that takes; where its backend has gone it goes on without the statement.
func TestMoveWaitsForNoLock(t *testing.T) {
	r := startAnswersRig(t)
	s := r.open(t, r.program.address)
	defer func() { _ = s.conn.Quit() }()
	stmt, err := s.conn.Prepare("SELECT COUNT(*) FROM auto WHERE id=?")
	if err != nil {
		t.Fatal(err)
	}
	s.mustAsk(t, "SET @x=7, lock_wait_timeout=4711")
	home := s.settled(t, false).Backend
	unlock := r.lockMetadata(t)
	r.program.post(t, "/api/v1/backends/"+home+"/drain")
	asks := func(text, want string, most time.Duration) {
		t.Helper()
		began := time.Now()
		if got := s.ask(t, text); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if took := time.Since(began); took > most {
			t.Errorf("%s has taken %v", text, took)
		}
	}
	waitFor(t, "a move to fail", func() bool {
		return addSeries(string(r.program.get(t, "/metrics")), "segue_session_moves_total", `from="`+home+`"`, `result="failed"`) > 0
	})
	for range 5 {
		asks("SELECT @x, @@lock_wait_timeout", "7 4711", 5*time.Second)
	}
	if now := s.info(t); now.Backend != home {
		t.Errorf("the session is on %s", now.Backend)
	}
	unlock()
	waitFor(t, "the session to move", func() bool { return s.info(t).Backend != home })
	asks("SELECT @x, @@lock_wait_timeout", "7 4711", 5*time.Second)
	if _, err := stmt.Execute(1); err != nil {
		t.Errorf("the statement: %v", err)
	}
	r.program.post(t, "/api/v1/backends/"+home+"/ready")

	unlock = r.lockMetadata(t)
	for _, c := range r.cables {
		c.reset()
	}
	asks("SELECT @x, @@lock_wait_timeout", "7 4711", 9*time.Second)
	_, err = stmt.Execute(1)
	mustBeUnknown(t, err)
	unlock()
}

// lockMetadata has a transaction hold up who is to alter a table, and him everybody else who opens it.
func (r *answersRig) lockMetadata(t *testing.T) (unlock func()) {
	t.Helper()
	reader, alters := r.open(t, r.server.address()), r.open(t, r.server.address())
	reader.mustAsk(t, "BEGIN")
	reader.mustAsk(t, "SELECT COUNT(*) FROM auto")
	done := make(chan string)
	go func() { done <- alters.ask(t, "ALTER TABLE auto FORCE") }()
	waitFor(t, "ALTER TABLE to wait", func() bool {
		return strings.HasSuffix(reader.ask(t, "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata lock%' AND INFO LIKE 'ALTER%'"), "1")
	})
	return func() {
		reader.mustAsk(t, "COMMIT")
		if got := <-done; strings.HasPrefix(got, "error") || strings.HasPrefix(got, "gone") {
			t.Errorf("ALTER TABLE: %s", got)
		}
		_, _ = reader.conn.Quit(), alters.conn.Quit()
	}
}
