package track

import (
	"strings"
	"testing"

	"segue/backend/wire"
)

// What a session has left behind on another backend is missing until a statement has left the like of it here.
func TestMissing(t *testing.T) {
	warns := []byte{0, 0, 0, 2, 0, 2, 0}
	for _, c := range []struct {
		before, after string // texts divided by |; one that begins with ! fails, one with ? leaves warnings
		asks          string
		want          bool
	}{
		{"SELECT 1", "", "SELECT ROW_COUNT()", true},
		{"SELECT 1", "SELECT 1", "SELECT ROW_COUNT()", false},
		{"SELECT 1", "!SELECT 1", "SELECT ROW_COUNT()", false},
		{"SELECT 1", "", "SELECT FOUND_ROWS()", true},
		{"SELECT 1", "SET @x=1|DO 1|UPDATE t SET a=1|BEGIN|!SELECT a FROM t", "SELECT FOUND_ROWS()", true},
		{"SELECT 1", "SELECT 1", "SELECT FOUND_ROWS()", false},
		{"SELECT 1", "(SELECT 1)", "SELECT FOUND_ROWS()", false},
		{"SELECT 1", "", "SHOW WARNINGS", false},
		{"?INSERT INTO t VALUES (1)", "", "SHOW WARNINGS", true},
		{"?INSERT INTO t VALUES (1)|SELECT 1|SET @x=2", "", "SELECT @@warning_count", true},
		{"?INSERT INTO t VALUES (1)", "SELECT 1|SET @x=1|SELECT EXTRACT(YEAR FROM NOW())|SELECT 1 FROM DUAL", "SHOW WARNINGS", true},
		{"?INSERT INTO t VALUES (1)", "SELECT 1 FROM t", "SHOW WARNINGS", false},
		{"?INSERT INTO t VALUES (1)|SELECT a FROM t", "", "SHOW WARNINGS", false},
		{"?INSERT INTO t VALUES (1)", "?SELECT 1|SELECT 1", "SHOW WARNINGS", false},
		{"?INSERT INTO t VALUES (1)", "!SELECT nothing", "SHOW WARNINGS", false},
		{"!SELECT nothing", "SELECT 1", "SHOW ERRORS", true},
		{"!SELECT nothing", "", "SHOW VARIABLES LIKE 'error%'", true},
		{"!SELECT nothing", "", "SHOW VARIABLES LIKE 'auto%'", false},
		{"!SELECT nothing", "", "SHOW VARIABLES", false},
		{"SELECT 1", "SELECT 1 FROM t", "SELECT LASTVAL(s)", true},
		{"SELECT NEXTVAL(s)", "SELECT NEXTVAL(`s`)", "SELECT LASTVAL(s), PREVIOUS VALUE FOR s", false},
		{"SELECT NEXTVAL(s)", "SELECT NEXTVAL(`S`)", "SELECT LASTVAL(s)", true}, // some servers tell them apart
		{"SELECT NEXTVAL(s)", "", "SELECT NEXTVAL(s), LASTVAL(s)", false},
		{"SELECT NEXTVAL(s)", "", "SELECT 1, nextval(d.s) AS a, LASTVAL(d.`s`) + 1 b", false},
		{"SELECT NEXTVAL(s)", "", "SELECT NEXTVAL(s), LASTVAL(S)", true},
		{"SELECT NEXTVAL(s)", "", "SELECT NEXTVAL(r), LASTVAL(s)", true},
		{"SELECT NEXTVAL(s)", "", "SELECT LASTVAL(s), NEXTVAL(s)", true},
		{"SELECT NEXTVAL(s)", "", "SELECT NEXTVAL(s) OR 1, LASTVAL(s)", true},
		{"SELECT NEXTVAL(s)", "", "SELECT IF(0, NEXTVAL(s), 1), LASTVAL(s)", true},
		{"SELECT NEXTVAL(s)", "", "SELECT NEXTVAL(s), (SELECT LASTVAL(s))", true},
		{"SELECT NEXTVAL(s)", "", "SELECT NEXTVAL(s), LASTVAL(s) FROM t", true},
		{"SELECT NEXTVAL(s)", "", "SELECT NEXTVAL(s), 2 UNION SELECT 1, LASTVAL(s)", true},
		{"SELECT NEXTVAL(s)", "", "SELECT NEXTVAL(s), 2; SELECT 1, LASTVAL(s)", true},
		{"SELECT 1", "SELECT NEXTVAL(r)|USE e|SELECT NEXT VALUE FOR d.s", "SELECT LASTVAL(s)", true},
		{"SELECT 1", "SELECT NEXT VALUE FOR d.s", "SELECT PREVIOUS VALUE FOR d.s", false},
		{"SELECT 1", "SELECT NEXTVAL(s)|USE e", "SELECT LASTVAL(s)", true},
		{"SELECT 1", "!SELECT NEXTVAL(s)", "SELECT LASTVAL(s)", true},
		{"SELECT 1", "SHOW VARIABLES LIKE 'a%'", "SELECT FOUND_ROWS()", false},
		{"SELECT 1", "SELECT 1 FROM t", "SELECT @@last_gtid", false},
		{"INSERT INTO t VALUES (1)", "SELECT 1 FROM t", "SELECT @@last_gtid", true},
		{"INSERT INTO t VALUES (1)", "UPDATE t SET a=1", "SELECT @@last_gtid", false},
		{"PREPARE q FROM 'SELECT FOUND_ROWS()'", "SET @x=1", "EXECUTE q", true},
		{"SET sql_auto_is_null=1|SELECT LAST_INSERT_ID(5)", "SELECT 1 FROM t", "SELECT * FROM t WHERE a IS NULL", true},
		{"SELECT LAST_INSERT_ID(5)", "SET sql_auto_is_null=1", "SELECT * FROM t WHERE a IS NULL", true},
		{"SET sql_auto_is_null=1|SELECT LAST_INSERT_ID(5)", "SET sql_auto_is_null=0", "SELECT * FROM t WHERE a IS NULL", false},
		{"SELECT LAST_INSERT_ID(5)", "", "SELECT * FROM t WHERE a IS NULL", false},
		{"SET sql_auto_is_null=1", "", "SELECT * FROM t WHERE a IS NULL", false},
	} {
		s := New(mariadb, wire.StatusAutocommit)
		runs := func(texts string) {
			for text := range strings.SplitSeq(texts, "|") {
				reply := ok
				if rest, fails := strings.CutPrefix(text, "!"); fails {
					text, reply = rest, failure
				} else if rest, warned := strings.CutPrefix(text, "?"); warned {
					text, reply = rest, warns
				}
				if text != "" {
					s.Client(say(query(text)).bytes())
					s.Server(answer(reply).bytes())
				}
			}
		}
		runs(c.before)
		recent := s.Recent()
		s.Moved(mariadb, wire.StatusAutocommit, nil)
		s.Miss(recent)
		runs(c.after)
		chunk := say(query(c.asks)).bytes()
		l := s.Look(chunk)
		if l.Missing != c.want {
			t.Errorf("%s, moved, %s: %s asks for what is missing: %v, want %v", c.before, c.after, c.asks, l.Missing, c.want)
		}
		if l.Missing && !s.Wary(chunk) {
			t.Errorf("%s, moved, %s: %s is not looked at", c.before, c.after, c.asks)
		}
	}
}

func TestLike(t *testing.T) {
	for pattern, want := range map[string]bool{
		"insert_id": true, "INSERT_ID": true, "%": true, "insert%": true, "%id": true, "_nsert_id": true, `insert\_id`: true, "insert": false, "insert_i": false, "insert_id_": false, "%x%": false, "": false,
	} {
		if got := like([]byte(pattern), "INSERT_ID"); got != want {
			t.Errorf("%q: %v, want %v", pattern, got, want)
		}
	}
}
