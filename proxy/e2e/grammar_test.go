package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// grammar makes statements that leave something in a session, or look as if they did. What it makes depends on its seed alone.
type grammar struct {
	rand *rand.Rand
}

func newGrammar(seed uint64) *grammar {
	return &grammar{rand: rand.New(rand.NewPCG(seed, 7))}
}

func (g *grammar) one(of ...string) string { return of[g.rand.IntN(len(of))] }

func (g *grammar) chance(n int) bool { return g.rand.IntN(n) == 0 }

// text is the text of one command: one statement as a rule.
func (g *grammar) text() string {
	var s strings.Builder
	s.WriteString(g.statement())
	for g.chance(6) {
		s.WriteString(g.one(";", "; ", " ;\n", ";/* x */") + g.statement())
	}
	return s.String()
}

// statement is one, with the white space and the comments that servers know.
func (g *grammar) statement() string {
	kinds := []func() string{
		g.set, g.set, g.selects, g.selects, g.selects, g.locks, g.tables, g.use, g.transaction, g.prepare, g.mode, g.names, g.wrapped,
	}
	s := kinds[g.rand.IntN(len(kinds))]()
	var b strings.Builder
	for i, word := range strings.Split(s, " ") {
		if i > 0 {
			b.WriteString(g.gap())
		}
		b.WriteString(word)
	}
	return b.String()
}

// gap is what stands between two words.
func (g *grammar) gap() string {
	switch g.rand.IntN(60) {
	case 0:
		return g.one("\t", "\n", "\v", "\f", "\r\n", "  ")
	case 1:
		return g.one("/**/", "/* ' */", "/* \" */ ", "/* ; */", "-- x'\n", "#\"\n", "--\x01 '\n", "--\x7f'\n", "/*!*/", "/* `*/", "/*/ */", "/***/")
	case 2:
		return g.one("/*!40000 ", "/*!50701 ", "/*!50700 ", "/*!80000 ", "/*!100100 ", "/*!999999 ", "/*M!100100 ", "/*M!999999 ", "/*! ", "/*!4000 ", "/*T! ", "/*T![ttl] ") + g.one("*/", "'*/", "/* */ */", "/**/*/")
	case 3:
		return g.one("\xa0", " \xa0", "\xc2\xa0", "\xff")
	}
	return " "
}

func (g *grammar) variable() string {
	return g.one("@x", "@y", "@X", "@`x`", "@'y'", "@\"x\"", "@z.a", "@à")
}

func (g *grammar) value() string {
	switch g.rand.IntN(12) {
	case 0, 1, 2:
		return g.one("1", "1.5", "-3", "1e5", "0x41", "b'1'", "X'42'", "NULL", "TRUE")
	case 3, 4:
		return g.one("'a'", "'it''s'", `'it\'s'`, `'\\'`, `'a;b'`, "'à'", "_latin1'a'", "N'b'", "''", `'"'`)
	case 5, 6:
		return g.one(`"a"`, `"a""b"`, `"a\"b"`, `"'"`, `"\\"`)
	case 7:
		return "(" + g.value() + ")"
	case 8:
		return g.one("@x", "@y", "@x+1", "@@sql_mode", "NOW()", "CONNECTION_ID()", "CONCAT('a',1)", "LAST_INSERT_ID(5)", "(SELECT 3)", "UNHEX('616263')")
	case 9:
		return g.lock()
	}
	return g.one("1", "'b'", "2")
}

func (g *grammar) lock() string {
	return g.one("GET_LOCK", "get_lock", "`get_lock`", "RELEASE_LOCK", "IS_FREE_LOCK", "\"get_lock\"") + "(" + g.lockArguments()
}

func (g *grammar) lockArguments() string {
	return g.one("'a'", "'b'", `"a"`, "CONCAT('a','')", "'A'") + g.one(",0)", ", 0 )")
}

func (g *grammar) set() string {
	var items []string
	for n := 1 + g.rand.IntN(2); n > 0; n-- {
		items = append(items, g.assignment())
	}
	return g.one("SET ", "set ", "SET ") + strings.Join(items, g.one(", ", ","))
}

func (g *grammar) assignment() string {
	if g.chance(2) {
		return g.variable() + g.one("=", " = ", ":=") + g.value()
	}
	return g.one("", "SESSION ", "LOCAL ", "@@", "@@session.", "@@local.") + g.one(
		"wait_timeout=77", "lock_wait_timeout=9", "sql_select_limit=3", "sql_select_limit=DEFAULT", "time_zone='+01:00'", "autocommit=0", "autocommit=1", "max_error_count=5", "sql_notes=0",
		"group_concat_max_len=2000", "foreign_key_checks=OFF", "lock_wait_timeout=@@lock_wait_timeout+1", "tx_isolation='SERIALIZABLE'", "last_insert_id=8", "timestamp=5")
}

func (g *grammar) selects() string {
	return g.one(
		"SELECT 1", "SELECT 1.5INTO @x", "SELECT .5INTO @y", "SELECT 1e5INTO @x", "SELECT 0x1FINTO @x", "SELECT 1 INTO @x", "SELECT 1,2 INTO @x,@y", "SELECT @x:=2", "SELECT @x := @x + 1",
		"SELECT "+g.value(), "SELECT "+g.value()+" AS "+g.one(`"a\"`, "`a`", "a", `'a'`)+", "+g.value(), "DO "+g.value(), "DO "+g.lock(), "SELECT "+g.lock(), "SELECT 2,"+g.lock()+" FROM moves.ledger LIMIT 0",
		"(SELECT 1)", "SELECT "+g.lock()+" WHERE 0", "SELECT a.b FROM (SELECT 1 AS b) a", `SELECT 'a\' , 2 INTO @x -- '`, "SELECT 1 --1 INTO @x", "SELECT LAST_INSERT_ID(7)",
		"SELECT \\NINTO @x", "SELECT 1 UNION SELECT 2 INTO @x", "SELECT 1 -- ' \n INTO @y", "VALUES (1)", "EXPLAIN SELECT "+g.value())
}

func (g *grammar) locks() string {
	return g.one("SELECT GET_LOCK('a',0)", "SELECT GET_LOCK('b',0)", "SELECT RELEASE_LOCK('a')", "DO RELEASE_LOCK('b')", "SELECT RELEASE_ALL_LOCKS()", "DO RELEASE_ALL_LOCKS()",
		"SELECT RELEASE_ALL_LOCKS() FROM moves.ledger WHERE 0", "SELECT RELEASE_LOCK('a') LIMIT 0", "SELECT IF(0,RELEASE_ALL_LOCKS(),1)", "SELECT RELEASE_LOCK(GET_LOCK('a',0))",
		"LOCK TABLES moves.ledger READ", "UNLOCK TABLES", "FLUSH TABLES", "BACKUP STAGE START", "BACKUP STAGE END", "SET STATEMENT sql_select_limit=0 FOR SELECT RELEASE_ALL_LOCKS()")
}

func (g *grammar) tables() string {
	name := g.one("t1", "t2", "`t1`", "moves.t1", "\"t2\"", "1e5a", "T1")
	return g.one("CREATE TEMPORARY TABLE ", "CREATE OR REPLACE TEMPORARY TABLE ", "create temporary table if not exists ") + name + g.one(" (a INT)", "(a INT)", " SELECT 1 AS a") + g.one("", "", "; DROP TABLE "+name, "; DROP TEMPORARY TABLE t1")
}

func (g *grammar) use() string {
	return g.one("USE moves", "USE moves_2", "USE `moves`", "use moves_2 ;", "DROP TABLE IF EXISTS t1", "DROP TEMPORARY TABLE IF EXISTS t1, t2")
}

func (g *grammar) transaction() string {
	return g.one("BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "COMMIT AND CHAIN", "ROLLBACK WORK", "SET TRANSACTION READ ONLY", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
		"SAVEPOINT a", "START TRANSACTION READ ONLY", "BEGIN WORK", "XA START 'x'", "XA END 'x'; XA ROLLBACK 'x'")
}

func (g *grammar) prepare() string {
	return g.one("PREPARE s FROM 'SELECT 1'", "PREPARE s FROM 'SET @x=4'", "EXECUTE s", "DEALLOCATE PREPARE s", "SET @q='SET @y=5'; PREPARE s FROM @q; EXECUTE s", "EXECUTE IMMEDIATE 'SELECT 3 INTO @x'",
		"EXECUTE IMMEDIATE @q", `PREPARE s FROM "SELECT GET_LOCK('a',0)"`, "SET @Q='SELECT 1'; SET @q='SET @x=6'; PREPARE s FROM @Q; EXECUTE s", "EXECUTE IMMEDIATE \"SET @y=1\"")
}

func (g *grammar) mode() string {
	return "SET " + g.one("", "SESSION ", "@@") + "sql_mode=" + g.one("''", "'ANSI_QUOTES'", "'NO_BACKSLASH_ESCAPES'", "'ANSI'", "4", "1048576", "DEFAULT", "@@global.sql_mode", "CONCAT(@@sql_mode,',ANSI_QUOTES')", "@m", "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
		"''; SET @m=@@sql_mode", "'STRICT_ALL_TABLES'")
}

func (g *grammar) names() string {
	return g.one("SET NAMES utf8mb4", "SET NAMES latin1", "SET NAMES 'utf8'", "SET NAMES DEFAULT", "SET CHARACTER SET utf8mb4", "SET character_set_results=NULL", "SET NAMES gbk", "SET @c=@@character_set_client; SET character_set_client=@c",
		"SET collation_connection=utf8mb4_bin", "SET character_set_client=latin1")
}

func (g *grammar) wrapped() string {
	inner := g.one("SET @x=1", "SELECT 1 INTO @y", "CREATE TEMPORARY TABLE t1 (a INT)", "SELECT GET_LOCK('a',0)", "USE moves_2", "BEGIN")
	return g.one(
		"SET STATEMENT max_statement_time=5 FOR "+inner, "/*!40101 "+inner+" */", "/*!50701 "+inner+" */", "/*!80000 "+inner+" */", "/*M!100100 "+inner+" */", "/*!50701 EXPLAIN */ "+inner, "/*! "+inner+" */",
		"SET STATEMENT sql_mode='ANSI_QUOTES' FOR EXECUTE IMMEDIATE 'SELECT \"a\\\", GET_LOCK(\\'a\\',0), 2 AS \"b\\\"'", "BEGIN NOT ATOMIC "+inner+"; END", fmt.Sprintf("/* %s */ SELECT 1", inner), "IF 1 THEN "+inner+"; END IF",
		"ANALYZE "+inner)
}
