package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	proxy "segue/proxy"
)

// TestMoveUnused: a session that nobody uses any more has no connection to a server for longer than the server would leave it one (wait_timeout), moves
// notwithstanding. Its client is kept, and finds its session as it was.
func TestMoveUnused(t *testing.T) {
	f := startMariaDBs(t, "wait-timeout=4")
	v := &verdictTrial{fleet: f, dialect: "MariaDB", program: startProgram(t, f.flavor(), f.specs())}
	v.clean(t)
	t.Run("ended by its server", func(t *testing.T) {
		u := v.unused(t, 4*time.Second, "SET SESSION wait_timeout=4", "SET @held = 7")
		u.isDetached(t)
		u.isBack(t, "SELECT @held, @@wait_timeout", "7 4")
		u.isDetached(t) // and again
		u.isBack(t, "SELECT @held, @@wait_timeout", "7 4")
	})
	t.Run("ended by its server, by a limit that nobody has told", func(t *testing.T) {
		u := v.unused(t, 4*time.Second, "SET @held = 7")
		u.isDetached(t)
		u.isBack(t, "SELECT @held, @@wait_timeout", "7 4")
	})
	t.Run("moved meanwhile", func(t *testing.T) {
		u := v.unused(t, 4*time.Second, "SET SESSION wait_timeout=4", "SET @held = 7")
		u.moves(t)
		u.isDetached(t)
		u.isBack(t, "SELECT @held, @@wait_timeout", "7 4")
	})
	t.Run("moved, by the server's own limit", func(t *testing.T) {
		u := v.unused(t, 4*time.Second, "SET @held = 7")
		u.moves(t)
		u.isDetached(t)
		u.isBack(t, "SELECT @held, @@wait_timeout", "7 4")
		u.isDetached(t) // now its limit is known
		u.isBack(t, "SELECT @held, @@wait_timeout", "7 4")
	})
	t.Run("with a lock", func(t *testing.T) {
		u := v.unused(t, 4*time.Second, "SET SESSION wait_timeout=4", "SELECT GET_LOCK('unused', 0)")
		u.isDetached(t)
		if _, err := u.s.conn.Execute("SELECT IS_USED_LOCK('unused')"); err == nil || !strings.Contains(err.Error(), "without its user_lock") {
			t.Errorf("a lock that is lost: %v", err)
		}
		u.isBack(t, "SELECT IS_FREE_LOCK('unused')", "1")
	})
	t.Run("killed", func(t *testing.T) {
		u := v.unused(t, 4*time.Second, "SET SESSION wait_timeout=4")
		u.isDetached(t)
		killer := v.connect(t)
		defer killer.close()
		killer.mustRun(t, fmt.Sprintf("KILL %d", u.s.conn.GetConnectionID()))
		waitFor(t, "the session to have ended", func() bool { return u.s.info(t).ID == 0 })
	})
	t.Run("used", func(t *testing.T) {
		u := v.unused(t, 4*time.Second, "SET SESSION wait_timeout=4", "SET @held = 7")
		u.moves(t)
		for range 10 {
			time.Sleep(500 * time.Millisecond) // not used, for less than the limit
			u.isBack(t, "SELECT @held", "7")
			if now := u.s.info(t); now.State != proxy.Idle.String() {
				t.Fatalf("%+v", now)
			}
		}
	})
}

// unusedSession is a client that says nothing any more.
type unusedSession struct {
	v     *verdictTrial
	s     *verdictSession
	limit time.Duration
	since time.Time // it has said something last
}

func (v *verdictTrial) unused(t *testing.T, limit time.Duration, texts ...string) *unusedSession {
	t.Helper()
	s := v.connect(t)
	t.Cleanup(s.close)
	for _, text := range texts {
		s.mustRun(t, text)
	}
	return &unusedSession{v, s, limit, time.Now()}
}

// moves has the session moved after half of its time.
func (u *unusedSession) moves(t *testing.T) {
	t.Helper()
	time.Sleep(u.limit / 2)
	home := u.s.info(t).Backend
	u.v.drained(t, home, func() {
		if !u.s.leaves(t, home) {
			t.Fatalf("has not left %s: %+v", home, u.s.info(t))
		}
	})
}

// isDetached waits until no server has a connection of the session's, which it requires to be when its time is over, and that it stays so.
func (u *unusedSession) isDetached(t *testing.T) {
	t.Helper()
	waitFor(t, "the session to be detached", func() bool { return u.s.info(t).State == proxy.Detached.String() })
	took := time.Since(u.since)
	t.Logf("detached after %s", took.Round(time.Millisecond))
	if took < u.limit-100*time.Millisecond || took > u.limit+u.limit/2-100*time.Millisecond {
		t.Errorf("detached after %s, its limit is %s", took, u.limit)
	}
	waitFor(t, "the servers to notice", func() bool { return u.connections(t) == 0 })
	time.Sleep(300 * time.Millisecond) // nothing happens
	if n, now := u.connections(t), u.s.info(t); n != 0 || now.State != proxy.Detached.String() || now.Backend != "" {
		t.Errorf("%d connections, %+v", n, now)
	}
}

// connections is how many the servers have of the tests' user.
func (u *unusedSession) connections(t *testing.T) (n int) {
	t.Helper()
	for _, db := range u.v.admins(t) {
		var here int
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER='"+testUser+"'").Scan(&here); err != nil {
			t.Fatalf("ask for connections: %v", err)
		}
		n += here
		_ = db.Close()
	}
	return n
}

// isBack requires an answer.
func (u *unusedSession) isBack(t *testing.T, query, want string) {
	t.Helper()
	if got, err := u.s.answer(query); err != nil || strings.Join(strings.Fields(got), " ") != want {
		t.Errorf("%s: %q, %v, want %q", query, got, err, want)
	}
	u.since = time.Now()
}
