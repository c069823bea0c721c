package track

import "testing"

func TestSettles(t *testing.T) {
	for text, want := range map[string]bool{
		"SET @x=1": true, "SET NAMES utf8mb4, time_zone='+00:00'": true, "SET SESSION wait_timeout=5": true, "USE d": true, "PREPARE s FROM 'INSERT INTO t VALUES (1)'": true, "PREPARE s FROM @x": true,
		"DEALLOCATE PREPARE s": true, "SET sql_mode=CONCAT(@@sql_mode,',ANSI')": true, "SET ROLE r": true, "SET SESSION TRANSACTION READ ONLY": true, "set autocommit=0 ;": true, "/*!40101 SET sql_mode='' */": true,
		"SET @x=f()": false, "SET @x=(SELECT f())": false, "SET @x=@y": false, "SET @x=GET_LOCK('a',1)": false, "SET GLOBAL wait_timeout=5": false, "SET PASSWORD='x'": false, "SET TRANSACTION READ ONLY": false,
		"SET STATEMENT max_statement_time=1 FOR INSERT INTO t VALUES (1)": false, "SET insert_id=5": false, "SET @x=1; INSERT INTO t VALUES (1)": false, "EXECUTE s": false, "SELECT 1": false,
		"EXECUTE IMMEDIATE 'SET @x=1'": false, "CREATE TEMPORARY TABLE t (a INT)": false, "SET NAMES gbk": true, "SET @x=1, @y=f()": false, "BEGIN": false, "": false,
	} {
		s := New(mariadb, 2)
		if got := s.Settles(say(query(text)).bytes()); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
