package fesim

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"segue/backend/wire"
)

// Whatever a client sends as a statement, the FE lives.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"SELECT @@a.b, @`x y`, 'it''s', \"q\", -1.5e3, CAST(1 AS CHAR(3)) FROM fesim.rows(1, 2, 3) WHERE id LIKE 'a%' LIMIT 1, 2",
		"/* c */ SET SESSION a = 1, @b := NULL, NAMES utf8; USE `a`.b; BEGIN; SHOW VARIABLES LIKE 'x' # end",
		"INSERT INTO fesim.ledger (id) VALUES ('a', SLEEP(1)), ('b')", "KILL QUERY 1", "EXECUTE AS u WITH NO REVERT", "PREPARE s FROM 'SELECT ?'",
		"WITH a (x) AS (SELECT 1 UNION ALL SELECT 2) SELECT COUNT(DISTINCT x), CASE WHEN x THEN 1 END FROM a JOIN (SELECT 1 y) b ON x = y GROUP BY 1 HAVING 1 ORDER BY x DESC",
		"CREATE TABLE t (a INT NOT NULL DEFAULT \"1\" COMMENT 'c', KEY (a)) PRIMARY KEY (a) AS SELECT 1", "CREATE OR REPLACE VIEW v (a) AS SELECT 1 IN (SELECT 2)",
		"INSERT OVERWRITE t (a) SELECT * FROM t WHERE a NOT BETWEEN 1 AND 2 OR NOT EXISTS (SELECT 1)", "SHOW FULL COLUMNS FROM t FROM d LIKE 'x'", "ALTER TABLE a SWAP WITH b",
		"CREATE TEMPORARY TABLE IF NOT EXISTS a.b (c INT)", "((((", "SELECT", "'", "@", "/*", "--", "\x00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		stmts, err := parse(text)
		if err != nil {
			return
		}
		for _, stmt := range stmts {
			if stmt.run == nil || stmt.text == "" {
				t.Errorf("%q: statement %q cannot run", text, stmt.text)
			}
		}
	})
}

// Whatever is asked of tables, the FE lives, and what it gives fits its columns.
func FuzzRun(f *testing.F) {
	for _, s := range []string{
		"SELECT * FROM t a LEFT JOIN t b USING (x) ORDER BY 1, a.y", "SELECT x, COUNT(*), GROUP_CONCAT(y) FROM t GROUP BY x HAVING COUNT(*) > 0", "SELECT * FROM v UNION SELECT 1, 2",
		"INSERT INTO t SELECT x + 1, (SELECT MAX(y) FROM v) FROM t; SELECT * FROM t", "SELECT LOCATE(), INSTR(1), SUBSTRING('a', -5, 9), LEAST(), ROUND('x'), DATE_ADD(1, INTERVAL 'x' DAY)",
		"CREATE TABLE u AS SELECT * FROM t, v; ALTER TABLE t SWAP WITH u; SELECT * FROM v; DESC v; SHOW CREATE TABLE u", "SELECT table_name FROM information_schema.columns WHERE x = 1",
		"SELECT 1 GROUP BY 0", "SHOW TABLES FROM test LIKE '%'", "DELETE FROM t WHERE x IN (SELECT x FROM t)", "SELECT * FROM (SELECT * FROM t) d, fesim.rows(3, 1) r LIMIT 1, 2",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if lower := strings.ToLower(text); strings.Contains(lower, "sleep") || strings.Contains(lower, "rows") || strings.Contains(lower, "repeat") || strings.Contains(lower, "kill") {
			return // what takes its time, and what ends others
		}
		timer := time.AfterFunc(5*time.Second, func() { panic("too slow: " + text) })
		defer timer.Stop()
		fe := &FE{opts: Options{}.withDefaults()}
		fe.cluster = newCluster(fe.opts)
		fe.cluster.solo = true
		fe.cluster.add(fe)
		fe.life = newLife(fe)
		fe.mysql, fe.http = &port{address: "127.0.0.1:1"}, &port{address: "127.0.0.1:2"}
		fe.cluster.joined(fe)
		fe.rand = rand.New(rand.NewPCG(1, 1))
		s := &session{life: fe.life, fe: fe}
		s.state = newState(s, "root")
		s.state.db = "test"
		for _, text := range []string{"CREATE TABLE t (x INT, y VARCHAR(9)); INSERT INTO t VALUES (1, 'a'), (NULL, NULL); CREATE VIEW v AS SELECT * FROM t", text} {
			stmts, err := parse(text)
			if err != nil {
				return
			}
			for _, stmt := range stmts {
				r, err := stmt.run(&env{s: s, ctx: t.Context()})
				if err != nil || r.rows == nil {
					continue
				}
				for row := range r.rows {
					if len(row) != len(r.columns) {
						t.Fatalf("%q: %d values in %d columns", text, len(row), len(r.columns))
					}
				}
			}
		}
	})
}

func FuzzParameters(f *testing.F) {
	f.Add(1, []byte{0, 1, byte(wire.TypeLongLong), 0x80, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add(2, []byte{1, 1, byte(wire.TypeNull), 0, byte(wire.TypeDatetime), 0, 4, 0xea, 7, 1, 2})
	f.Add(1, []byte{0, 1, byte(wire.TypeTime), 0, 12, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7})
	f.Fuzz(func(t *testing.T, n int, b []byte) {
		if n < 0 || n > 1000 {
			return
		}
		p := &prepared{stmt: &statement{params: n}}
		if params, err := p.decode(b); err == nil && len(params) != n {
			t.Errorf("%d parameters, want %d", len(params), n)
		}
	})
}
