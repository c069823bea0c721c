package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"segue/backend"
	"segue/proxy/track"
)

// TestMoveSilent: what a session holds by statements that hide it is there after its backend has been drained, and what it lost with a
// backend that closed the connection is told, never forgotten in silence. On MariaDB, whose own answers say what is held.
func TestMoveSilent(t *testing.T) {
	f := startMariaDBs(t)
	v := &verdictTrial{fleet: f, dialect: "MariaDB", program: startProgram(t, f.flavor(), f.specs())}
	v.clean(t)
	t.Run("held", func(t *testing.T) { v.holds(t) })
	t.Run("transaction", func(t *testing.T) { v.transactions(t) })
	t.Run("lost", func(t *testing.T) { v.losses(t) })
}

// holds drains the backend of sessions that hold something.
func (v *verdictTrial) holds(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		pinned string   // "" if the session moves with what it holds
		texts  []string // which it holds by
		ask    string   // … and shows by
	}{
		{track.PinUserLock, []string{"SET @r=GET_LOCK('j',0)"}, "SELECT IS_USED_LOCK('j') = CONNECTION_ID()"},
		{track.PinUserLock, []string{"SET SESSION wait_timeout=1000+GET_LOCK('j',0)"}, "SELECT IS_USED_LOCK('j') = CONNECTION_ID()"},
		{track.PinUserLock, []string{"SET STATEMENT max_statement_time=GET_LOCK('j',0) FOR SELECT 1"}, "SELECT IS_USED_LOCK('j') = CONNECTION_ID()"},
		{track.PinUserLock, []string{"SELECT `get_lock`('j',0)"}, "SELECT IS_USED_LOCK('j') = CONNECTION_ID()"},
		{track.PinUserLock, []string{"SET sql_mode='ANSI_QUOTES'", `SELECT "get_lock"('j',0)`}, "SELECT IS_USED_LOCK('j') = CONNECTION_ID()"},
		{track.PinUserLock, []string{"DO RELEASE_LOCK(CONCAT('x',GET_LOCK('j',0)))"}, "SELECT IS_USED_LOCK('j') = CONNECTION_ID()"},
		{track.PinUserLock, []string{"DO GET_LOCK('j',0)", "SELECT RELEASE_ALL_LOCKS() FROM t WHERE 0"}, "SELECT IS_USED_LOCK('j') = CONNECTION_ID()"},
		{track.PinUserLock, []string{"DO GET_LOCK('j',0)", "SELECT RELEASE_ALL_LOCKS() LIMIT 0"}, "SELECT IS_USED_LOCK('j') = CONNECTION_ID()"},
		{track.PinUserLock, []string{"DO GET_LOCK('j',0)", "SELECT IF(0,RELEASE_ALL_LOCKS(),1)"}, "SELECT IS_USED_LOCK('j') = CONNECTION_ID()"},
		{track.PinUserLock, []string{"DO GET_LOCK('j',0)", "SET STATEMENT sql_select_limit=0 FOR SELECT RELEASE_ALL_LOCKS()"}, "SELECT IS_USED_LOCK('j') = CONNECTION_ID()"},
		{track.PinUserLock, []string{"DO GET_LOCK('j',0)", "SET STATEMENT sql_select_limit=0 FOR EXECUTE IMMEDIATE 'SELECT RELEASE_ALL_LOCKS()'"}, "SELECT IS_USED_LOCK('j') = CONNECTION_ID()"},
		{"", []string{"DO GET_LOCK('j',0)", "DO RELEASE_ALL_LOCKS()"}, "SELECT IS_FREE_LOCK('j')"},
		{track.PinLockTables, []string{"BACKUP STAGE START", "BACKUP LOCK v.t", "BACKUP UNLOCK"}, "BACKUP STAGE FLUSH"},
		{track.PinTemporaryTable, []string{"CREATE TEMPORARY TABLE s (a INT)", "INSERT INTO s VALUES (1)", "DROP SEQUENCE IF EXISTS s"}, "SELECT a FROM s"},
		{track.PinTemporaryTable, []string{"SET NAMES latin1", "CREATE TEMPORARY\xa0TABLE s (a INT)", "INSERT INTO s VALUES (1)"}, "SELECT a FROM s"},
		{track.PinUnparsed, []string{"SET NAMES latin1", "SELECT 1 INTO\xa0@x"}, "SELECT @x"},
		{track.PinUnparsed, []string{"SET NAMES cp866", "SELECT 1 INTO\xff@x"}, "SELECT @x"},
		{track.PinUnparsed, []string{"SET NAMES latin1", "SELECT 0 --\xa0'\n+1 INTO @x -- '"}, "SELECT @x"},
		{"", []string{"SELECT 1.0INTO @x"}, "SELECT @x"},
		{"", []string{"SELECT 1e0INTO @x"}, "SELECT @x"},
		{"", []string{"SELECT 2*.5INTO @x"}, "SELECT @x"},
		{"", []string{"SELECT 0,1.INTO @y,@x"}, "SELECT @x"},
		{"", []string{`SELECT 1, \NINTO @x, @y`}, "SELECT @x"},
		{"", []string{"SET @r=LAST_INSERT_ID(1)"}, "SELECT LAST_INSERT_ID()"},
	} {
		name := strings.Join(c.texts, "; ")
		s := v.connect(t)
		for _, text := range c.texts {
			if _, err := s.conn.Execute(text); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
		home := s.settled(t, c.pinned != "")
		if home.Pinned != c.pinned {
			t.Errorf("%q: pinned by %q, want %q", name, home.Pinned, c.pinned)
		}
		v.drained(t, home.Backend, func() {
			if home.Pinned == "" && !s.leaves(t, home.Backend) {
				t.Errorf("%q: has not left %s", name, home.Backend)
			}
			if got, err := s.answer(c.ask); err != nil || got != "" && strings.Trim(got, ".0e'") != "1" {
				t.Errorf("%q: %s: %q, %v", name, c.ask, got, err)
			}
		})
		s.close()
	}
}

// transactions: the characteristics of the next transaction are there as long as the server keeps them, and so is the session.
func (v *verdictTrial) transactions(t *testing.T) {
	t.Helper()
	const read = "SET TRANSACTION READ ONLY"
	for _, c := range []struct {
		pinned bool // the transaction to come is read-only
		texts  []string
	}{
		{true, []string{read}},
		{true, []string{read, "DO 1"}},
		{true, []string{read, "SELECT 1"}},
		{true, []string{"SET autocommit=0", read, "SELECT a FROM t", "SET autocommit=1"}},
		{true, []string{"SET @@tx_read_only=1", "SHOW STATUS LIKE 'x'"}},
		{false, []string{read, "BEGIN", "COMMIT"}},
		{false, []string{read, "START TRANSACTION", "SELECT a FROM t", "ROLLBACK"}},
		{false, []string{"SET autocommit=0", read, "SELECT a FROM t", "COMMIT", "SET autocommit=1"}},
	} {
		name := strings.Join(c.texts, "; ")
		s := v.connect(t)
		for _, text := range c.texts {
			if _, err := s.conn.Execute(text); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
		home := s.settled(t, c.pinned)
		if (home.Pinned == track.PinNextTransaction) != c.pinned {
			t.Errorf("%q: pinned by %q", name, home.Pinned)
		}
		v.drained(t, home.Backend, func() {
			if !c.pinned && !s.leaves(t, home.Backend) {
				t.Errorf("%q: has not left %s", name, home.Backend)
			}
			got, err := s.answer("INSERT INTO t VALUES (1)")
			if refused := got == fmt.Sprint("error ", mysql.ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION); err != nil || refused != c.pinned {
				t.Errorf("%q: then INSERT: %q, %v", name, got, err)
			}
		})
		s.close()
	}
}

// losses have the server kill the connection, and tell what the client then hears.
func (v *verdictTrial) losses(t *testing.T) {
	t.Helper()
	const told, silent = "told", ""
	for _, c := range []struct {
		before []string
		after  [][2]string // statement, answer
	}{
		{ // the transaction that was asked for read-only must not become another
			[]string{"SET TRANSACTION READ ONLY", "DO 1", "BEGIN"},
			[][2]string{{"INSERT INTO t VALUES (77)", told}, {"SELECT COUNT(*) FROM t WHERE a = 77", "0"}},
		},
		{[]string{"SET TRANSACTION READ ONLY"}, [][2]string{{"BEGIN", told}}},
		{[]string{"DO 1", "BEGIN"}, [][2]string{{"INSERT INTO t VALUES (78)", silent}, {"ROLLBACK", silent}}}, // nothing lost
		{[]string{"SELECT GET_LOCK('k',0)", "BEGIN"}, [][2]string{{"SELECT 1", told}, {"SELECT 1", "1"}}},
		{[]string{"SELECT GET_LOCK('k',0)"}, [][2]string{{"ROLLBACK", told}, {"ROLLBACK", silent}}},
		{[]string{"BEGIN", "INSERT INTO t VALUES (79)"}, [][2]string{{"ROLLBACK", silent}}},
		{
			[]string{"INSERT INTO ids VALUES (NULL)"},
			[][2]string{
				{"SELECT 1", "1"},
				{"SELECT LAST_INSERT_ID()", told},
				{"SELECT 1", "1"},
				{"SELECT @@identity", told},
				{"SELECT `last_insert_id`()", told},
				{"INSERT INTO u VALUES (LAST_INSERT_ID())", told},
				{"SELECT 1", "1"},
			},
		},
		{
			[]string{"INSERT INTO ids VALUES (NULL)"},
			[][2]string{{"SELECT 1", "1"}, {"INSERT INTO ids VALUES (NULL)", silent}, {"SELECT LAST_INSERT_ID() = MAX(a) FROM ids", "1"}},
		},
		{
			[]string{"INSERT INTO ids VALUES (NULL) RETURNING 1"},
			[][2]string{{"SELECT 1", "1"}, {"SELECT LAST_INSERT_ID()", told}},
		},
		{
			[]string{"SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1"},
			[][2]string{{"SELECT FOUND_ROWS()", told}, {"SELECT FOUND_ROWS()", told}, {"SELECT 1", "1"}},
		},
	} {
		name := strings.Join(c.before, "; ")
		s := v.connect(t)
		v.everywhere(t, "CREATE OR REPLACE TABLE v.u (a INT); CREATE OR REPLACE TABLE v.ids (a INT AUTO_INCREMENT PRIMARY KEY)")
		for _, text := range c.before {
			if _, err := s.conn.Execute(text); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
		v.kill(t, s)
		for _, x := range c.after {
			if got := s.hears(t, x[0]); got != x[1] {
				t.Errorf("%q, connection lost, %q: %s, want %s", name, x[0], got, x[1])
			}
		}
		s.close()
	}
}

// hears is what the client is answered: rows, OK, or that something was lost.
func (s *verdictSession) hears(t *testing.T, text string) string {
	t.Helper()
	result, err := s.conn.Execute(text)
	if refused, ok := errors.AsType[*mysql.MyError](err); ok {
		if strings.HasPrefix(refused.Message, "segue: ") {
			return "told"
		}
		return refused.Message
	} else if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return show(result)
}

// kill has a session's server close its connection, and waits until Segue has seen that.
func (v *verdictTrial) kill(t *testing.T, s *verdictSession) {
	t.Helper()
	home := s.info(t)
	i := slices.IndexFunc(v.fleet.specs(), func(b backend.Spec) bool { return b.Name == home.Backend })
	db := v.admins(t)[i]
	defer func() { _ = db.Close() }()
	var id int64
	const mine = "SELECT id FROM information_schema.processlist WHERE user = ? AND db = ?"
	if err := db.QueryRowContext(t.Context(), mine, testUser, verdictDatabase).Scan(&id); err != nil {
		t.Fatalf("find the session on %s: %v", home.Backend, err)
	}
	if _, err := db.ExecContext(t.Context(), fmt.Sprint("KILL ", id)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the session to leave", func() bool { now := s.info(t); return now.ID != 0 && now.Moves > home.Moves })
}

// everywhere runs statements on all servers.
func (v *verdictTrial) everywhere(t *testing.T, statements string) {
	t.Helper()
	for _, db := range v.admins(t) {
		if _, err := db.ExecContext(t.Context(), statements); err != nil {
			t.Fatal(err)
		}
		_ = db.Close()
	}
}
