package track

import (
	"strings"
	"testing"

	"segue/backend/wire"
)

// Who asks for LAST_INSERT_ID() that was lost with a backend is refused until a row is given an id, however many statements later.
func TestForgoneInsertIDStaysForgone(t *testing.T) {
	lost := func() *State {
		s := run(Options{}, []talk{say(query("INSERT INTO t VALUES (1)")), answer([]byte{0, 1, 9, 2, 0, 0, 0})}, 1<<20)
		s.Forgo()
		s.Moved(Options{}, 2, nil)
		return s
	}
	feed := func(s *State, text string, a ...[]byte) {
		s.Client(say(query(text)).bytes())
		s.Server(answer(a...).bytes())
	}
	id := []byte{0, 1, 10, 2, 0, 0, 0}
	rows := [][]byte{{1}, def, eof, row, eof}
	for _, c := range []struct {
		text string
		a    [][]byte
		want bool
	}{
		{"SELECT 1", rows, true},
		{"INSERT INTO t VALUES (1)", [][]byte{ok}, true},
		{"INSERT INTO t VALUES (1)", [][]byte{id}, false},
		{"UPDATE t SET a=LAST_INSERT_ID(a+1) WHERE 0", [][]byte{ok}, true},
		{"UPDATE t SET a=LAST_INSERT_ID(a+1)", [][]byte{id}, false},
		{"SELECT LAST_INSERT_ID(7) FROM t WHERE 0", rows, true},
		{"SELECT LAST_INSERT_ID(7)", rows, false},
		{"SET last_insert_id=7", [][]byte{ok}, false},
		{"DELETE FROM t RETURNING a", rows, true},
	} {
		if s := lost(); true {
			feed(s, c.text, c.a...)
			if got := s.Look(say(query("SELECT LAST_INSERT_ID()")).bytes()).Lost; got != c.want || s.Forgone() != c.want {
				t.Errorf("%s: lost %v, want %v", c.text, got, c.want)
			}
		}
	}
	s := lost()
	feed(s, "PREPARE q FROM 'SELECT LAST_INSERT_ID()'", ok)
	for text, want := range map[string]bool{
		"SELECT LAST_INSERT_ID()": true, "select `last_insert_id` ()": true, "INSERT INTO u VALUES (LAST_INSERT_ID(), 2)": true, "SELECT @@identity": true,
		"SELECT @@session.last_insert_id": true, "SELECT @@`last_insert_id`": true, "SET @x=LAST_INSERT_ID()": true, "EXECUTE q": true, "EXECUTE `Q`": true,
		"EXECUTE IMMEDIATE 'SELECT LAST_INSERT_ID()'": true, "UPDATE t SET a=LAST_INSERT_ID(LAST_INSERT_ID()+1)": true,
		"SELECT LAST_INSERT_ID(5)": false, "INSERT INTO t VALUES (1); SELECT LAST_INSERT_ID()": false, "SELECT LAST_INSERT_ID(); INSERT INTO t VALUES (1)": true,
		"SELECT 1": false, "SELECT 'LAST_INSERT_ID()'": false,
	} {
		if got := s.Look(say(query(text)).bytes()).Lost; got != want {
			t.Errorf("%q: lost %v, want %v", text, got, want)
		}
	}
	long := say(query("INSERT INTO u VALUES (LAST_INSERT_ID(), 2)" + strings.Repeat(", (1, 2)", 5000))).bytes()
	if l := s.Look(long[:12<<10]); !l.Lost || l.Whole {
		t.Error("the head of a long statement asks for it, and that is not noticed")
	}
	s = run(Options{}, []talk{say(command(wire.ComStmtPrepare, "SELECT LAST_INSERT_ID() + ?")), answer(prepareOK(5, 1), def, eof), say(query("INSERT INTO t VALUES (1)")), answer(id)}, 1<<20)
	s.Forgo()
	for _, cursor := range []byte{0, 1} {
		e := execute(5, true)
		if e[5] = cursor; !s.Look(say(e).bytes()).Lost {
			t.Errorf("cursor %d: a prepared question is not noticed", cursor)
		}
	}
}

// INSERT … RETURNING answers with rows, of which no status tells that LAST_INSERT_ID() is new.
func TestInsertReturning(t *testing.T) {
	rows := [][]byte{{1}, def, eof, row, eof}
	for text, want := range map[string]bool{
		"INSERT INTO t VALUES (1) RETURNING a": true, "REPLACE INTO t VALUES (1) RETURNING a": true, "EXECUTE IMMEDIATE 'INSERT INTO t VALUES (1) RETURNING a'": true,
		"SET STATEMENT max_statement_time=1 FOR INSERT INTO t VALUES (1) RETURNING a": true, "SELECT 1": false, "WITH x AS (SELECT 1) SELECT * FROM x": false,
	} {
		s := run(Options{}, []talk{say(query(text)), answer(rows...)}, 1<<20)
		if got := len(s.Unresolved()) > 0; got != want {
			t.Errorf("%q: asks %q", text, s.Unresolved())
		}
	}
}

// What asks for what a statement before has left behind is found in quotes, and behind EXECUTE; not what the text itself has set anew.
func TestQuestionsInEveryForm(t *testing.T) {
	s := session(Options{}, "PREPARE q FROM 'SELECT FOUND_ROWS()'", "PREPARE r FROM 'SELECT 1'")
	for text, want := range map[string]bool{
		"SELECT `found_rows`()": true, "SELECT `row_count` ()": true, `SELECT "found_rows"()`: true, "SELECT @@`warning_count`": true, "SELECT @@session.`error_count`": true,
		"EXECUTE q": true, "EXECUTE r": false, "EXECUTE IMMEDIATE 'SELECT ROW_COUNT()'": true,
		"UPDATE t SET a=1; SELECT ROW_COUNT()": false, "SELECT ROW_COUNT(); UPDATE t SET a=1": true, "UPDATE t SET a=1; SELECT FOUND_ROWS()": true,
	} {
		if got := s.Look(say(query(text)).bytes()).Asks; got != want {
			t.Errorf("%q: asks %v, want %v", text, got, want)
		}
	}
	if s.Look(say(query("SELECT @@last_insert_id")).bytes()).ReadOnly {
		t.Error("a question for LAST_INSERT_ID() is said to be answered by every backend alike")
	}
}
