package track

import (
	"strings"
	"testing"
	"unsafe"

	"segue/backend/wire"
)

func TestLook(t *testing.T) {
	type is struct{ asks, rollback, reads bool }
	for text, want := range map[string]is{
		"SELECT 1": {reads: true}, "(select a from t where b in (1,2))": {reads: true}, "SELECT COUNT(*), MAX(a) FROM t;": {reads: true},
		"WITH x AS (SELECT 1) SELECT * FROM x": {reads: true}, "SELECT @x, @@sql_mode": {reads: true}, "SHOW TABLES": {reads: true},
		"SHOW CREATE PROCEDURE p": {reads: true}, "EXPLAIN SELECT 1": {reads: true}, "DESC t": {reads: true}, "SELECT 'a; DELETE', \"INTO\" -- x": {reads: true},
		"SELECT a FROM t FOR UPDATE": {}, "SELECT a FROM t FOR SHARE": {}, "SELECT a FROM t LOCK IN SHARE MODE": {}, "SELECT 1 INTO @x": {},
		"SELECT 1 INTO OUTFILE 'x'": {}, "SELECT @x := 1": {}, "SELECT f(1)": {}, "SELECT `f`(1)": {}, "SELECT d.COUNT(1)": {}, "SELECT COUNT (1)": {},
		"SELECT SLEEP(1)": {}, "SELECT GET_LOCK('a',1)": {}, "SELECT NEXTVAL(s)": {}, "SELECT NEXT VALUE FOR s": {}, "SELECT 1; SELECT 2": {},
		"SELECT 1 /*!80000 , 2 */": {reads: true}, "SELECT 1 /*!80000 , f(2) */": {}, "SELECT 1 /*! INTO @x */": {}, "EXPLAIN ANALYZE SELECT 1": {}, "WITH x AS (SELECT 1) DELETE FROM t": {},
		"INSERT INTO t VALUES (1)": {}, "CALL p()": {}, "SET @a=1": {}, "BEGIN": {}, "": {}, "SELECT 'x": {},
		"SHOW WARNINGS": {asks: true}, "SHOW COUNT(*) ERRORS": {asks: true}, "SHOW WARNINGS; SELECT ROW_COUNT()": {asks: true}, "SELECT FOUND_ROWS()": {asks: true}, "select row_count()": {asks: true},
		"GET DIAGNOSTICS @a=NUMBER": {asks: true}, "SELECT @@warning_count": {asks: true}, "SELECT @@session.error_count": {asks: true},
		"SELECT LASTVAL(s)": {asks: true}, "SELECT PREVIOUS VALUE FOR s": {asks: true}, "SELECT last_query_id()": {asks: true}, "SELECT 'FOUND_ROWS()'": {reads: true},
		"SELECT LAST_INSERT_ID()": {}, "CREATE TABLE t AS SELECT ROW_COUNT()": {asks: true},
		"CREATE OR REPLACE DEFINER=u@h PROCEDURE p() BEGIN SELECT 1; GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT; SHOW WARNINGS; END": {},
		"CREATE FUNCTION f() RETURNS INT RETURN ROW_COUNT()":                                                                            {}, "ALTER EVENT e DO SELECT ROW_COUNT()": {}, "CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW SET @a = FOUND_ROWS()": {},
		"ROLLBACK": {rollback: true}, "rollback work;": {rollback: true}, "ROLLBACK TO a": {}, "ROLLBACK AND CHAIN": {}, "ROLLBACK; SELECT 1": {},
	} {
		s := New(Options{}, 2)
		chunk := append(say(query(text)).bytes(), 1, 2, 3)
		l := s.Look(chunk)
		if got := (is{l.Asks, l.Rollback, l.ReadOnly}); got != want || !l.Whole || l.Len != len(chunk)-3 || l.Command != wire.ComQuery {
			t.Errorf("%q: %+v, want %+v", text, l, want)
		}
		if len(text) > 0 && s.Look(chunk[:len(chunk)-4]).Whole {
			t.Errorf("%q: half of it is said to be whole", text)
		}
	}
}

func TestLookAtPreparedStatements(t *testing.T) {
	s := run(Options{}, []talk{
		say(command(wire.ComStmtPrepare, "SELECT ?")), answer(prepareOK(5, 1), def, eof),
		say(command(wire.ComStmtPrepare, "DELETE FROM t")), answer(prepareOK(6, 0)),
	}, 1<<20)
	cursor := execute(5, true)
	cursor[5] = 1
	for i, c := range []struct {
		packet []byte
		want   bool
	}{
		{execute(5, true), true},
		{execute(6, false), false},
		{execute(7, false), false},
		{cursor, false},
		{command(wire.ComPing, ""), true},
		{command(wire.ComStmtPrepare, "DELETE"), true},
		{command(wire.ComInitDB, "d"), false},
	} {
		if got := s.Look(say(c.packet).bytes()).ReadOnly; got != c.want {
			t.Errorf("%d: read-only %v", i, got)
		}
	}
}

// What has been sent ahead of an execution is gone with the connection, so that the execution by itself is another one.
func TestLookAtLongData(t *testing.T) {
	s := run(Options{}, []talk{say(command(wire.ComStmtPrepare, "SELECT ?")), answer(prepareOK(5, 1), def, eof)}, 1<<20)
	looks := func(want bool, when string) {
		t.Helper()
		if got := s.Look(say(execute(5, true)).bytes()).ReadOnly; got != want {
			t.Errorf("%s: read-only %v", when, got)
		}
	}
	looks(true, "without")
	s.Client(say(byID(wire.ComStmtSendLongData, 5)).bytes())
	looks(false, "sent ahead")
	s.Client(say(execute(5, true)).bytes())
	looks(false, "while it runs")
	s.Server(answer(ok).bytes())
	looks(true, "behind it")
}

func TestRecent(t *testing.T) {
	rows := answer([]byte{1}, def, eof, row, eof)
	for _, c := range []struct {
		name  string
		talks []talk
		want  bool
	}{
		{"ok", []talk{say(query("SET a=1")), answer(ok)}, false},
		{"error", []talk{say(query("SET a=1")), answer(failure)}, true},
		{"warning", []talk{say(query("SET a=1")), answer([]byte{0, 0, 0, 2, 0, 1, 0})}, true},
		{"rows changed", []talk{say(query("DELETE FROM t")), answer([]byte{0, 3, 0, 2, 0, 0, 0})}, true},
		{"warning behind rows", []talk{say(query("SELECT 1")), answer([]byte{1}, def, eof, row, []byte{0xfe, 1, 0, 2, 0})}, true},
		{"rows", []talk{say(query("SELECT 1")), answer([]byte{1}, def, eof, row, eof)}, false},
		{"rows counted", []talk{say(query("SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1")), answer([]byte{1}, def, eof, row, eof)}, true},
		{"the next statement", []talk{say(query("x")), answer(failure), say(query("SELECT 1")), answer([]byte{1}, def, eof, row, eof)}, false},
		{"asked for once", []talk{say(query("SET a=1")), answer([]byte{0, 0, 0, 2, 0, 1, 0}), say(query("SHOW WARNINGS")), rows}, true},
		{"… and again", []talk{say(query("SET a=1")), answer([]byte{0, 0, 0, 2, 0, 1, 0}), say(query("show\tcount(*) warnings")), rows, say(query("/**/SELECT @@local.warning_count")), rows, say(query("SHOW ERRORS LIMIT 1")), rows}, true},
		{"… diagnostics", []talk{say(query("x")), answer(failure), say(query("GET CURRENT DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT")), answer(ok)}, true},
		{"… and then something else", []talk{say(query("x")), answer(failure), say(query("SHOW WARNINGS")), rows, say(query("SHOW TABLES")), rows}, false},
		{"… behind what leaves nothing", []talk{say(query("x")), answer(failure), say(command(wire.ComPing, "")), answer(ok), say(command(wire.ComStmtPrepare, "SELECT 1")), answer(prepareOK(1, 0))}, true},
		{"nothing to be asked for", []talk{say(query("SET a=1")), answer(ok), say(query("SHOW WARNINGS")), rows}, false},
	} {
		if s := run(Options{}, c.talks, 3); s.Recent() != c.want {
			t.Errorf("%s: recent %v", c.name, s.Recent())
		}
	}
}

func TestOrdinaryStatementsDoNotAllocate(t *testing.T) {
	for _, text := range []string{
		"SELECT c FROM sbtest1 WHERE id=5012", "INSERT INTO t VALUES " + strings.Repeat("(1,'a@b.c'),", 50) + "(1,'x')", "BEGIN", "COMMIT",
		"/* who */ SELECT a, b_c FROM `t` WHERE d = 'x''y'", "SELECT @@session.transaction_read_only", "WITH x AS (SELECT 1) SELECT * FROM x",
	} {
		s := New(Options{Memory: NewMemory(0)}, 2)
		q, a := say(query(text)).bytes(), answer(ok).bytes()
		if n := testing.AllocsPerRun(100, func() {
			s.Client(q)
			s.Server(a)
		}); n > 0 || s.held != nil {
			t.Errorf("%q: %v allocations", text, n)
		}
	}
}

func TestStateStaysSmall(t *testing.T) {
	if n := unsafe.Sizeof(State{}); n > 160 {
		t.Errorf("a State is %d bytes", n)
	}
}

// What holds nothing any more takes no memory.
func TestStateHoldsNothingForNothing(t *testing.T) {
	closing := command(wire.ComStmtClose, "\x01\x00\x00\x00")
	for name, s := range map[string]*State{
		"a statement prepared and closed": run(Options{Memory: NewMemory(0)}, []talk{say(command(wire.ComStmtPrepare, "SELECT ?")), answer(preparedAs(1)), say(closing), say(query("SELECT 1")), answer(ok)}, 3),
		"a lock taken and released":       session(Options{}, "SELECT GET_LOCK('a', 1)", "DO RELEASE_LOCK('a')"),
		"another database":                session(Options{}, "USE sales"),
	} {
		if s.held != nil || s.Pinned() != "" {
			t.Errorf("%s: %+v", name, s.held)
		}
	}
}

// What is known of traffic is lent: a State has it while something is on its way, and no longer.
func TestStateAtRestHasNoTraffic(t *testing.T) {
	s := New(Options{Memory: NewMemory(0)}, 2)
	at := func(what string, rests bool) {
		t.Helper()
		if (s.traffic == nil) != rests || s.Idle() != rests {
			t.Errorf("%s: traffic %v, idle %v", what, s.traffic != nil, s.Idle())
		}
	}
	at("before", true)
	q, a := say(query("SELECT 1")).bytes(), answer(ok).bytes()
	s.Client(q[:2])
	at("in a header", false)
	s.Client(q[2:])
	at("unanswered", false)
	s.Server(a[:3])
	at("in the answer", false)
	s.Server(a[3:])
	at("answered", true)
	s.Client(say(command(wire.ComStmtClose, "\x01\x00\x00\x00")).bytes())
	at("behind a command without an answer", true)
	s.Client(q)
	s.Abandon()
	at("abandoned", true)
	s.Own(wire.ComPing)
	at("with one of Segue's own", false)
	s.Server(a)
	at("answered that", true)
	s.Server(answer(failure).bytes())
	at("behind a farewell", true)
	s.Client(q)
	s.Client(q[:6])
	s.Abandon()
	at("abandoned with half a command behind it", false)
	s.Client(q[6:])
	s.Server(a)
	at("answered in the end", true)
}
