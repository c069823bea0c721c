package track

import "testing"

// What the body of a stored program asks is asked when it runs; what stands behind it is asked now. Where the rules are not certain all readings count.
func TestQuestionsBehindPrograms(t *testing.T) {
	for text, want := range map[string]bool{
		"CREATE PROCEDURE p() SELECT LAST_INSERT_ID()":                                                   false,
		"CREATE PROCEDURE IF NOT EXISTS p() BEGIN SELECT 1; SELECT LAST_INSERT_ID(); END":                false,
		"CREATE FUNCTION f() RETURNS INT BEGIN IF 1 THEN RETURN 1; END IF; RETURN LAST_INSERT_ID(); END": false,
		"CREATE PROCEDURE p() BEGIN CASE 1 WHEN 1 THEN SELECT 1; END CASE; SELECT LAST_INSERT_ID(); END": false,
		"CREATE PROCEDURE p() BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; SELECT LAST_INSERT_ID(); END":       false,
		"CREATE PROCEDURE p() SELECT 1; SELECT LAST_INSERT_ID()":                                         true,
		"CREATE PROCEDURE p() BEGIN SELECT 1; END; SELECT CASE LAST_INSERT_ID() WHEN 1 THEN 1 END":       true,
		"ALTER EVENT e DISABLE; SELECT LAST_INSERT_ID()":                                                 true,
		"CREATE TABLE t (a INT); SELECT LAST_INSERT_ID()":                                                true,
		`CREATE /* " */ PROCEDURE p() SELECT 1`:                                                          false,
		`CREATE USER "a\" PROCEDURE p"; SELECT LAST_INSERT_ID() -- " PROCEDURE`:                          true, // by one of two rules
	} {
		o := mysql8
		s := session(o, "INSERT INTO t VALUES (1)")
		s.insertID = askID
		s.Forgo()
		if got := s.Look(say(query(text)).bytes()).Lost; got != want {
			t.Errorf("%q: asks %v, want %v", text, got, want)
		}
	}
}
