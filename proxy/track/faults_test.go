package track

import (
	"slices"
	"strings"
	"testing"

	"segue/backend/wire"
)

// Ways in which the state of a session has been lost in silence. Each is one of a kind.

// fault is a session's texts, one statement or several each, and what is to be known behind them.
type fault struct {
	o      Options
	texts  string // divided by |
	pinned string
	asks   string // among what is unresolved
	holds  string // in what rebuilds it
}

func (f *fault) check(t *testing.T) {
	t.Helper()
	s := session(f.o, strings.Split(f.texts, "|")...)
	rebuilt := strings.Join(s.Replay().Statements, "; ")
	switch {
	case s.Pinned() != f.pinned, f.asks != "" && !slices.Contains(s.Unresolved(), f.asks), f.asks == "" && len(s.Unresolved()) > 0, !strings.Contains(rebuilt, f.holds), f.holds == "" && f.pinned == "" && rebuilt != "":
		t.Errorf("%s %q: pinned %q, asks %q, rebuilt by %q", f.o.Dialect, f.texts, s.Pinned(), s.Unresolved(), rebuilt)
	}
}

var (
	mariadb   = Options{Dialect: MariaDB, Version: 101106, Collation: 45}
	mysql8    = Options{Dialect: MySQL, Version: 80036, Collation: 45}
	tidb      = Options{Dialect: TiDB, Version: 80500, Collation: 45}
	starrocks = Options{Dialect: StarRocks}
	doris     = Options{Dialect: Doris}
	latin     = Options{Dialect: MariaDB, Version: 101106, Collation: 8}
)

func TestFault01_QuotedNamesAreFunctions(t *testing.T) {
	for _, f := range []fault{
		{o: mariadb, texts: "SELECT `get_lock`('a',0)", pinned: PinUserLock}, {o: mysql8, texts: `SELECT "get_lock"('a',0)`, pinned: PinUserLock}, {o: mariadb, texts: "SELECT `last_insert_id`(5)", asks: "LAST_INSERT_ID()"},
	} {
		f.check(t)
	}
	s := New(mariadb, 2)
	if !s.Look(say(query("SELECT @@`warning_count`")).bytes()).Asks {
		t.Error("@@`warning_count` is no question")
	}
}

func TestFault02_NumbersEndWhereTheirGrammarEnds(t *testing.T) {
	for _, f := range []fault{
		{o: mariadb, texts: "SELECT 1.5INTO @x", asks: "@x"},
		{o: mariadb, texts: "SELECT 1e5INTO @x", asks: "@x"},
		{o: tidb, texts: "SELECT 0x1FINTO @x", asks: "@x"},
		{o: tidb, texts: "SELECT 0X1FINTO @x", asks: "@x"},
		{o: mariadb, texts: "SELECT 0x1FINTO FROM t"},
		{o: mariadb, texts: "SELECT 0b1INTO FROM t"},
		{o: mysql8, texts: "SELECT t.1e5INTO FROM t"},
		{o: mysql8, texts: "SELECT .5INTO @x", asks: "@x"},
	} {
		f.check(t)
	}
}

func TestFault03_WhiteSpaceIsTheServers(t *testing.T) {
	for _, f := range []fault{
		{o: latin, texts: "CREATE TEMPORARY\xa0TABLE t (a INT)", pinned: PinTemporaryTable},
		{o: latin, texts: "SELECT 9 INTO\xa0@x", pinned: PinUnparsed, asks: "@x"},
		{o: mariadb, texts: "SET NAMES latin1|SELECT 9 INTO\xa0@x", pinned: PinUnparsed, asks: "@x", holds: "NAMES latin1"},
		{o: mariadb, texts: "SET NAMES latin1; SELECT 9 INTO\xa0@x", pinned: PinUnparsed, asks: "@x", holds: "NAMES latin1"},
		{o: mariadb, texts: "SELECT a AS voilà FROM t"},
		{o: mariadb, texts: "SET @voilà=1", holds: "SET @voilà=1"}, // in UTF-8 it is a letter's second byte
		{o: tidb, texts: "SELECT (9)\xa0INTO @x", asks: "@x"},
		{o: tidb, texts: "SELECT 1 --\xa0'\n INTO @x -- '", asks: "@x"},
		{o: starrocks, texts: "CREATE\u3000TEMPORARY TABLE t (a INT)", pinned: PinTemporaryTable},
		{o: doris, texts: "SELECT a AS b\u3000c FROM t"},
		{o: mariadb, texts: "SELECT 1 --\x01' INTO @x\n"},
		{o: mariadb, texts: "SELECT 1 --\x7f'\n INTO @x -- '", asks: "@x"},
		{o: latin, texts: "SELECT 1 --\x80'\n INTO @x -- '", pinned: PinUnparsed},
	} {
		f.check(t)
	}
}

// lock is a statement that takes a lock where "…" is a name, and none where it is a string.
const lock = `SELECT 1 AS "a\", GET_LOCK('x',10), 2 AS "b\" -- "`

func TestFault04_SQLModeByAnyRoad(t *testing.T) {
	for _, set := range []string{"SET sql_mode=4", "SET sql_mode='ANSI'", "SET @@session.sql_mode='ansi_quotes , STRICT_ALL_TABLES'", "SET sql_mode='ORACLE'"} {
		f := fault{o: mysql8, texts: set + "|" + lock, pinned: PinUserLock, holds: "sql_mode"}
		f.check(t)
	}
	for _, set := range []string{"SET sql_mode=DEFAULT", "SET sql_mode=@@global.sql_mode", "SET sql_mode=CONCAT(@@sql_mode,',ANSI')", "SELECT 1"} { // and as the server has it at login
		if s := session(mysql8, set, lock); s.Pinned() != PinUserLock {
			t.Errorf("%s: pinned %q", set, s.Pinned())
		}
	}
	f := fault{o: mysql8, texts: "SET sql_mode=''|" + lock, holds: "sql_mode"}
	f.check(t)
	s := run(mysql8, []talk{
		say(command(wire.ComStmtPrepare, "SET sql_mode=?")), answer(prepareOK(5, 1), def, eof), say(execute(5, false)), answer(ok), say(query(lock)), answer(ok),
	}, 1<<20)
	if s.Pinned() != PinUserLock {
		t.Errorf("a prepared SET sql_mode: pinned %q", s.Pinned())
	}
}

func TestFault05_ATextChangesItsOwnReading(t *testing.T) {
	for _, f := range []fault{
		{o: mariadb, texts: "SET sql_mode='ANSI_QUOTES'; " + lock, pinned: PinUserLock, holds: "sql_mode"},
		{o: mariadb, texts: "SET sql_mode=''; " + lock, holds: "sql_mode"},
		{o: mariadb, texts: "SET sql_mode=@m; " + lock, pinned: PinUserLock, asks: "@@session.sql_mode"},
		{o: tidb, texts: "SET sql_mode=''|SET sql_mode='ANSI_QUOTES'; " + lock, holds: "sql_mode"}, // which reads all of it before
		{o: mariadb, texts: `SET sql_mode='NO_BACKSLASH_ESCAPES'; SELECT '\', 2 INTO @x -- '`, asks: "@x", holds: "sql_mode"},
		{o: mariadb, texts: `SET STATEMENT sql_mode='ANSI_QUOTES' FOR EXECUTE IMMEDIATE 'SELECT 1 AS "a\\", GET_LOCK(1,10), 2 AS "b\\" -- "'`, pinned: PinUserLock},
	} {
		f.check(t)
	}
}

func TestFault06_Doris(t *testing.T) {
	for _, f := range []fault{
		{o: doris, texts: `SELECT R'\'; SET x = 1 -- '`, holds: "x=1"},
		{o: doris, texts: `SELECT r"\"; SET x = 1 -- "`, holds: "x=1"},
		{o: doris, texts: `SELECT 'r\'; SET x = 1 -- '`},
		{o: doris, texts: "SELECT 1 /* a /* b */ ; SET x = 1 */"},
		{o: doris, texts: "SELECT 1 -- a\\\n ; SET x = 1\n"},
		{o: doris, texts: "SELECT 1 -- a\r; SET x = 1", holds: "x=1"},
		{o: starrocks, texts: "SELECT 1 -- a\\\n ; SET x = 1\n", holds: "x=1"},
		{o: starrocks, texts: "SELECT 1 /* a /* b */ ; SET x = 1", holds: "x=1"},
	} {
		f.check(t)
	}
}

func TestFault07_CommentsThatMayExecute(t *testing.T) {
	const create = "/*!50701 EXPLAIN */ CREATE TEMPORARY TABLE t(a INT)"
	for _, f := range []fault{
		{o: mariadb, texts: create, pinned: PinTemporaryTable},
		{o: mysql8, texts: create},
		{o: Options{}, texts: create, pinned: PinTemporaryTable},
		{o: mariadb, texts: "/*!80000 SET @x=1 */"},
		{o: mysql8, texts: "/*!80000 SET @x=1 */", holds: "@x=1"},
		{o: mysql8, texts: "/*!80099 SET @x=1 */"},
		{o: tidb, texts: "/*!80099 SET @x=1 */", holds: "@x=1"},
		{o: mariadb, texts: "/*M!100616 SET @x=1 */", holds: "@x=1"},
		{o: mariadb, texts: "/*M!110000 SET @x=1 */"},
		{o: mysql8, texts: "/*M!100616 SET @x=1 */"},
		{o: mariadb, texts: "/*!101106 SET @x=1 */", holds: "@x=1"},
		{o: mariadb, texts: "/*!4000 SET @x=1 */", pinned: PinUnknown}, // its digits are code
		{o: mariadb, texts: "/*!999999 /* a */ SET @x=1 */ SET @y=1", holds: "SET @y=1"},
		{o: Options{Dialect: MySQL}, texts: "/*!80000 SET @x=1 */", pinned: PinUnparsed, holds: "@x=1"},
		{o: mysql8, texts: "SELECT GET_LOCK('a',1)|SELECT /*+ SET_VAR(sql_select_limit=0) */ RELEASE_ALL_LOCKS()", pinned: PinUserLock},
	} {
		f.check(t)
	}
}

func TestFault08_CharacterSetsThatCannotBeRead(t *testing.T) {
	for _, f := range []fault{
		{o: mariadb, texts: "SET NAMES gbk|SET collation_connection=utf8mb4_general_ci", pinned: PinCharacterSet, holds: "gbk"},
		{o: mariadb, texts: "SET character_set_client=28", pinned: PinCharacterSet, holds: "28"},
		{o: mariadb, texts: "SET NAMES DEFAULT", pinned: PinCharacterSet, asks: "@@session.character_set_client"},
		{o: tidb, texts: "SET NAMES DEFAULT", holds: "NAMES DEFAULT"},
		{o: mariadb, texts: "SET NAMES gbk|SET NAMES utf8mb4", holds: "utf8mb4"},
		{o: mariadb, texts: "SET NAMES gbk|SELECT '\xbf\\', GET_LOCK('a',0) -- '|SET NAMES utf8mb4", pinned: PinUnparsed, holds: "utf8mb4"},
		{o: mariadb, texts: "SET @c=@@character_set_client|SET character_set_client=@c", asks: "@c"},
		{o: mariadb, texts: "SET character_set_client=@c", pinned: PinCharacterSet, asks: "@@session.character_set_client"},
	} {
		f.check(t)
	}
}

func TestFault09_NextTransaction(t *testing.T) {
	for _, then := range []string{"DO 1", "INSERT INTO m VALUES (1)", "FLUSH STATUS", "SELECT 1"} {
		f := fault{o: mariadb, texts: "SET TRANSACTION READ ONLY|" + then, pinned: PinNextTransaction}
		f.check(t)
	}
}

func TestFault10_ReleasesThatDoNotRun(t *testing.T) {
	for _, release := range []string{"SELECT RELEASE_ALL_LOCKS() FROM t WHERE 0", "SELECT RELEASE_ALL_LOCKS() LIMIT 0", "SELECT IF(0,RELEASE_ALL_LOCKS(),1)", "SELECT RELEASE_LOCK('a') FROM t", "SELECT 1 /*!99999 + */, RELEASE_ALL_LOCKS()"} {
		f := fault{o: mariadb, texts: "SELECT GET_LOCK('a',0)|" + release, pinned: PinUserLock}
		f.check(t)
	}
}

func TestFault11_OtherUnlocks(t *testing.T) {
	for _, f := range []fault{
		{o: tidb, texts: "LOCK TABLES t READ|UNLOCK STATS t", pinned: PinLockTables},
		{o: mysql8, texts: "LOCK INSTANCE FOR BACKUP|UNLOCK TABLES", pinned: PinLockTables},
		{o: mariadb, texts: "LOCK TABLES t READ|UNLOCK BINLOG", pinned: PinLockTables},
		{o: mariadb, texts: "BACKUP STAGE START|BACKUP LOCK t|BACKUP UNLOCK", pinned: PinLockTables},
		{o: mariadb, texts: "BACKUP STAGE START|BACKUP LOCK t|BACKUP UNLOCK|BACKUP STAGE END"},
	} {
		f.check(t)
	}
}

func TestFault12_ValuesOfSET(t *testing.T) {
	for _, f := range []fault{
		{o: mariadb, texts: "SET @r=GET_LOCK('j',0)", pinned: PinUserLock, asks: "@r"},
		{o: mariadb, texts: "SET STATEMENT max_statement_time=GET_LOCK('j',0) FOR SELECT 1", pinned: PinUserLock},
		{o: mariadb, texts: "SET @r=LAST_INSERT_ID(5)", asks: "LAST_INSERT_ID()"},
		{o: mariadb, texts: "INSERT INTO t VALUES (1) RETURNING GET_LOCK('j',0)", pinned: PinUserLock},
	} {
		f.check(t)
	}
}

func TestFault13_TraceExecutes(t *testing.T) {
	for _, f := range []fault{{o: tidb, texts: "TRACE SET @a=1", holds: "@a=1"}, {o: tidb, texts: "TRACE FORMAT='row' SELECT GET_LOCK('a',1)", pinned: PinUserLock}, {o: mariadb, texts: "ANALYZE SELECT 1 INTO @x", asks: "@x"}} {
		f.check(t)
	}
}

func TestFault14_FunctionsOfTheDialect(t *testing.T) {
	for text, want := range map[string]string{ // the dialects in which it reads
		"SELECT ANY_VALUE(a) FROM t": "MySQL TiDB StarRocks Doris", "SELECT DATE_TRUNC('day', a) FROM t": "StarRocks Doris", "SELECT NDV(a) FROM t": "StarRocks Doris", "SELECT GROUPING(a) FROM t GROUP BY a": "MySQL TiDB StarRocks Doris",
		"SELECT NVL(a,1) FROM t": "MariaDB StarRocks Doris", "SELECT COUNT(*) FROM t": "MySQL MariaDB TiDB StarRocks Doris", "SELECT RANK() OVER (ORDER BY a) FROM t": "MySQL MariaDB TiDB StarRocks Doris", "SELECT f(1)": "", "SELECT `count`(1)": "",
	} {
		for _, o := range []Options{mysql8, mariadb, tidb, starrocks, doris} {
			s := New(o, 2)
			if got := s.Look(say(query(text)).bytes()).ReadOnly; got != strings.Contains(" "+want+" ", " "+o.Dialect.String()+" ") {
				t.Errorf("%s: %s: read-only %v", o.Dialect, text, got)
			}
		}
	}
	s := New(Options{Dialect: MySQL, Version: 50744}, 2) // which has no window functions
	if s.Look(say(query("SELECT RANK() FROM t")).bytes()).ReadOnly {
		t.Error("a stored function of MySQL 5.7 is taken for a window function")
	}
	for text, want := range map[string]string{"SELECT v.a FROM d.`v` JOIN w": "A D FROM JOIN SELECT V W", "SELECT 1": "", "SELECT 'v'": ""} {
		s := New(mariadb, 2)
		names, known := s.Relations(say(query(text)).bytes())
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want || !known {
			t.Errorf("%s names %q, %v", text, got, known)
		}
	}
}

func TestFault15_LongTexts(t *testing.T) {
	long := " " + strings.Repeat("x", maxText)
	for text, want := range map[string]string{"SELECT LAST_INSERT_ID(5)": "", "SELECT GET_LOCK('a',1)": PinTooLarge, `SELECT 'a\', "` + "`": PinTooLarge, `SELECT "a\"b"`: PinTooLarge, `SELECT 'a\'b'`: ""} {
		s := session(mysql8, text+" /*"+long+"*/")
		if s.Pinned() != want || strings.Contains(text, "INSERT_ID") && len(s.Unresolved()) == 0 {
			t.Errorf("%s: pinned %q, asks %q", text, s.Pinned(), s.Unresolved())
		}
	}
	if s := session(mysql8, "SELECT SQL_CALC_FOUND_ROWS /*"+long+"*/ 1"); !s.Recent() {
		t.Error("FOUND_ROWS() behind a long text")
	}
	if s := session(doris, "SELECT R'\\' , '"+long+"'"); s.Pinned() != "" {
		t.Errorf("a raw string in a long text: pinned %q", s.Pinned())
	}
}

func TestFault16_QuestionsForWhatWasLeft(t *testing.T) {
	for text, o := range map[string]Options{
		"SELECT s.currval": mariadb, "SELECT @@last_gtid": mariadb, "SELECT * FROM information_schema.PROFILING": mysql8, "SELECT * FROM information_schema.`optimizer_trace`": mysql8, "SELECT @@last_plan_from_cache": tidb,
		"SELECT @@tidb_last_txn_info": tidb, "SHOW LAST INSERT": doris, "SHOW STATUS LIKE 'Last_query_cost'": mysql8,
	} {
		if s := New(o, 2); !s.Look(say(query(text)).bytes()).Asks {
			t.Errorf("%s is no question", text)
		}
	}
	if s := New(mysql8, 2); s.Look(say(query("SHOW STATUS LIKE 'Threads%'")).bytes()).Asks {
		t.Error("SHOW STATUS is refused behind a move")
	}
}

// PREPARE gives a variable that its text assigns another character set.
func TestFault18_PrepareRetypesVariables(t *testing.T) {
	for _, f := range []fault{
		{o: mariadb, texts: "SET @x='a'|PREPARE s FROM 'SET @x=4'", asks: "@x", holds: "PREPARE s"},
		{o: mariadb, texts: "PREPARE s FROM 'SET @x=4'|SET @x='a'", holds: "PREPARE s FROM 'SET @x=4'; SET @x='a'"},
		{o: mariadb, texts: "SET @x='a'|PREPARE s FROM 'SET @y=4'", holds: "@x='a'"},
		{o: mariadb, texts: "SET @x=5|SET @x=NULL", asks: "@x"},
		{o: mariadb, texts: "SET @x=NULL|SET @x=NULL", holds: "@x=NULL"},
		{o: starrocks, texts: "SET @x=5|SET @x=NULL", holds: "@x=NULL"},
	} {
		f.check(t)
	}
	for name, said := range map[string][]talk{
		"COM_STMT_PREPARE":          {say(command(wire.ComStmtPrepare, "SET @x=4")), answer(prepareOK(5, 0))},
		"COM_STMT_PREPARE, refused": {say(command(wire.ComStmtPrepare, "SELECT 4, nothing INTO @x, @y")), answer(failure)},
		"PREPARE, refused":          {say(query("PREPARE s FROM 'SELECT 4, nothing INTO @x, @y'")), answer(failure)},
		"SET, refused":              {say(query("SET @x=4, @y=nothing")), answer(failure)},
	} {
		s := run(mariadb, append([]talk{say(query("SET @x='a'")), answer(ok)}, said...), 1<<20)
		if asks := s.Unresolved(); len(asks) == 0 || asks[0] != "@x" || len(asks) > 1 && !strings.Contains(name, "refused") {
			t.Errorf("%s: asks %q", name, s.Unresolved())
		}
	}
	s := run(mariadb, []talk{say(command(wire.ComStmtPrepare, "SET @x=4")), answer(prepareOK(5, 0)), say(query("SET @x='a', a=1")), answer(ok)}, 1<<20)
	if r := s.Replay(); !slices.Equal(r.Statements, []string{"SET a=1", "SET @x='a'"}) || r.Values != 1 {
		t.Errorf("rebuilt by %q, values from %d on", r.Statements, r.Values)
	}
}

// A session keeps the autocommit that its login told of, whatever is the default of the server that it comes to.
func TestFault20_AutocommitOfTheLogin(t *testing.T) {
	const on, off = wire.StatusAutocommit, wire.Status(0)
	okOn, okOff := answer(ok), answer([]byte{0, 0, 0, 0, 0, 0, 0})
	for _, c := range []struct {
		name       string
		o          Options
		login, new wire.Status // the flags of the server that it began on, and of the one that it comes to behind what is replayed
		talks      []talk
		want       string
	}{
		{"the same", mariadb, on, on, nil, ""},
		{"the same, off", mariadb, off, off, nil, ""},
		{"off there", mariadb, on, off, nil, "SET autocommit=1"},
		{"on there", mysql8, off, on, nil, "SET autocommit=0"},
		{"set off", mariadb, on, off, []talk{say(query("SET autocommit=0")), okOff}, ""},
		{"set to the default", mariadb, off, off, []talk{say(query("SET autocommit=DEFAULT")), okOn}, "SET autocommit=1"},
		{"set behind an error", mariadb, on, off, []talk{say(query("SET autocommit=0")), answer(failure)}, "SET autocommit=1"},
		{"an FE tells nothing", starrocks, off, on, nil, ""},
	} {
		s := New(c.o, c.login)
		for _, x := range c.talks {
			if x.server {
				s.Server(x.bytes())
			} else {
				s.Client(x.bytes())
			}
		}
		r := s.Replay()
		if got := r.Autocommits(c.new); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Behind a failure what happens row by row has happened.
func TestFault24_StatementsThatFailMidway(t *testing.T) {
	for text, asks := range map[string]string{
		"SELECT a INTO @x FROM t": "@x", "SELECT @y:=a FROM t": "@y", "SELECT LAST_INSERT_ID(a) FROM t": "LAST_INSERT_ID()", "SET time_zone=f()": "",
		// Some of the variables of a SET that fails have been made, without a value, and have a collation.
		"SET @z=f()": "@z", "SET @x=5, time_zone='nonsense', @y='a'": "@x,@y", "PREPARE s FROM 'SET @x=nothing'": "@x",
	} {
		s := run(mariadb, []talk{say(query(text)), answer(failure)}, 1<<20)
		if got := strings.Join(s.Unresolved(), ","); got != asks {
			t.Errorf("%s: asks %q", text, got)
		}
	}
	if s := run(mariadb, []talk{say(query("CALL p()")), answer(failure)}, 1<<20); s.Pinned() != PinProcedure {
		t.Errorf("a procedure that fails midway: pinned %q", s.Pinned())
	}
}

func TestFaultE_PinnedWithoutNeed(t *testing.T) {
	for _, f := range []fault{
		{o: mysql8, texts: "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */|/*!40101 SET SQL_MODE=@OLD_SQL_MODE */", asks: "@@session.sql_mode"},
		{o: mysql8, texts: "/*!80000 SET SESSION information_schema_stats_expiry=0 */", holds: "information_schema_stats_expiry=0"},
		{o: mariadb, texts: "/*!80000 SET SESSION information_schema_stats_expiry=0 */"},
		{o: mysql8, texts: "SET @sql='SELECT 1'; PREPARE s FROM @sql; EXECUTE s; DEALLOCATE PREPARE s", holds: "@sql='SELECT 1'"},
		{o: mysql8, texts: "SET @sql='SET @a=GET_LOCK(1,2)'|PREPARE s FROM @SQL|EXECUTE s", pinned: PinUserLock, asks: "@a", holds: "PREPARE s FROM 'SET @a=GET_LOCK(1,2)'"},
		{o: mysql8, texts: "SET @s='SELECT 1'; SET @S=CONCAT('a'); PREPARE s FROM @s", pinned: PinPrepareText, asks: "@s"},
		{o: mysql8, texts: "SET GTID_NEXT='a:5'", pinned: PinOneShot},
		{o: mysql8, texts: "SET GTID_NEXT='a:5'|SET GTID_NEXT='AUTOMATIC'"},
		{o: mariadb, texts: "SET insert_id=5|SET insert_id=DEFAULT"},
		{o: mariadb, texts: "SET rand_seed1=5|SET rand_seed1=DEFAULT", pinned: PinOneShot},
		{o: tidb, texts: "SET tidb_snapshot='2020-01-01'|SET tidb_snapshot=''"},
		{o: mysql8, texts: "CREATE DATABASE d /*!80016 DEFAULT ENCRYPTION='N' */"},
		{o: tidb, texts: "CREATE TABLE t (a INT) /*T![ttl] TTL='x' */"},
		{o: tidb, texts: "CREATE TABLE t (a INT PRIMARY KEY /*T![clustered_index] CLUSTERED */) /*T![auto_id_cache] AUTO_ID_CACHE=1 */"},
		{o: mariadb, texts: "/*M!100616 SET NOTE_VERBOSITY=0 */", holds: "note_verbosity=0"},
		{o: mariadb, texts: "/*!999999\\- enable the sandbox mode */"},
		{o: mysql8, texts: "/*!999999\\- enable the sandbox mode */"},
		{o: Options{}, texts: "/*!999999\\- enable the sandbox mode */"},
		{o: mysql8, texts: "SET @@pseudo_thread_id=7", holds: "pseudo_thread_id=7"},
		{o: starrocks, texts: "PREPARE s FROM SELECT * FROM t WHERE a=?", holds: "PREPARE s FROM SELECT"},
		{o: starrocks, texts: "SET SESSION WAREHOUSE w", holds: "SET SESSION WAREHOUSE w"},
		{o: doris, texts: "SET a=1|UNSET VARIABLE a"},
		{o: doris, texts: "SET a=1|UNSET VARIABLE ALL"},
		{o: doris, texts: "COPY INTO t FROM @s"},
		{o: starrocks, texts: "ADD SQLBLACKLIST 'x'"},
		{o: tidb, texts: `PREPARE s FROM "SELECT 1"`, holds: "PREPARE s FROM"},
		{o: mysql8, texts: `SET @x="it's"`, holds: `@x="it's"`},
		{o: mysql8, texts: `SELECT GET_LOCK("a",1)|SELECT RELEASE_LOCK("a")`},
		{o: mysql8, texts: `SELECT "GET_LOCK" FROM t WHERE a="\"" -- '`},
		{o: mariadb, texts: "SET collation_database=latin1_bin, a=1|USE d", holds: "SET a=1"},
		{o: mariadb, texts: "SET a=1|USE d|SET collation_database=latin1_bin", holds: "a=1, collation_database=latin1_bin"},
		{o: mariadb, texts: "SET collation_database=latin1_bin|USE d"},
		{o: mariadb, texts: "USE d|SET character_set_database=latin1|DROP DATABASE e", holds: "character_set_database=latin1"},
		{o: mariadb, texts: "USE d|SET character_set_database=latin1|DROP DATABASE d"},
		{o: mariadb, texts: "ALTER DATABASE d CHARACTER SET latin1"},
		{o: mariadb, texts: "SET collation_database=latin1_bin|ALTER DATABASE d CHARACTER SET latin1", asks: "@@session.collation_database"},
		{o: mariadb, texts: "PREPARE s FROM 'SET a=1'|SET STATEMENT b=2 FOR EXECUTE s", holds: "a=1"},
		{o: mariadb, texts: "CREATE TEMPORARY SEQUENCE s|DROP SEQUENCE s"},
		{o: mariadb, texts: "CREATE TEMPORARY SEQUENCE s|DROP TEMPORARY SEQUENCE IF EXISTS r, s"},
		{o: mariadb, texts: "CREATE TEMPORARY SEQUENCE s|DROP TABLE s"},
		{o: mariadb, texts: "CREATE TEMPORARY TABLE s (a INT)|DROP SEQUENCE s", pinned: PinTemporaryTable},
		{o: mariadb, texts: "CREATE TEMPORARY SEQUENCE s|CREATE OR REPLACE TEMPORARY TABLE s (a INT)|DROP SEQUENCE s", pinned: PinTemporaryTable},
		{o: mariadb, texts: "CREATE TEMPORARY TABLE s (a INT)|CREATE TEMPORARY SEQUENCE IF NOT EXISTS s|DROP SEQUENCE s", pinned: PinTemporaryTable},
		{o: mariadb, texts: "CREATE TEMPORARY SEQUENCE s|DROP SEQUENCE s|CREATE TEMPORARY TABLE s (a INT)|DROP SEQUENCE s", pinned: PinTemporaryTable},
		{o: mariadb, texts: "CREATE TEMPORARY TABLE t (a INT)|ALTER TABLE t RENAME COLUMN IF EXISTS a TO b, RENAME INDEX i TO j, RENAME KEY k TO `to`, CONVERT TO CHARACTER SET latin1|DROP TABLE t"},
		{o: mariadb, texts: "CREATE TEMPORARY TABLE t (a INT)|ALTER TABLE t RENAME COLUMN a TO b, RENAME TO u|DROP TABLE t", pinned: PinTemporaryTable},
		{o: mariadb, texts: "CREATE TEMPORARY TABLE t (a INT)|ALTER TABLE t RENAME COLUMN a TO b, RENAME u|DROP TABLE t", pinned: PinTemporaryTable},
		{o: mariadb, texts: "CREATE TEMPORARY TABLE t (a INT)|ALTER TABLE t RENAME `column`|DROP TABLE t", pinned: PinTemporaryTable},
		{o: mariadb, texts: "BEGIN NULL; END"},
		{o: mariadb, texts: "BEGIN NULL; NULL; END;"},
		{o: mariadb, texts: "BEGIN NULL; END; SET @x=5", holds: "@x=5"},
		{o: mariadb, texts: "START TRANSACTION; BEGIN NULL; END", pinned: PinTransaction},
		{o: mariadb, texts: "BEGIN NULL; SET @x=5; END", pinned: PinProcedure},
		{o: mariadb, texts: "BEGIN NULL; EXCEPTION WHEN OTHERS THEN NULL; END", pinned: PinProcedure},
		{o: mariadb, texts: "BEGIN NULL; END x y", pinned: PinProcedure},
		{o: mariadb, texts: "BEGIN END", pinned: PinProcedure},
		{o: mariadb, texts: "EXECUTE IMMEDIATE CONCAT('SET @','x=5')", holds: "@x=5"},
		{o: mariadb, texts: "EXECUTE IMMEDIATE 'SET @' 'x=5'", holds: "@x=5"},
		{o: mariadb, texts: "EXECUTE IMMEDIATE CONCAT('SELECT GET_', 'LOCK(', '1,2)')", pinned: PinUserLock},
		{o: mariadb, texts: "EXECUTE IMMEDIATE CONCAT('DO ', '1') USING 5"},
		{o: mariadb, texts: "EXECUTE IMMEDIATE CONCAT('DO ', @x)", pinned: PinUnparsed},
		{o: mariadb, texts: "EXECUTE IMMEDIATE CONCAT('DO ', 5)", pinned: PinUnparsed},
		{o: mariadb, texts: "EXECUTE IMMEDIATE CONCAT('DO 1', )", pinned: PinUnparsed},
		{o: mariadb, texts: "EXECUTE IMMEDIATE CONCAT('DO 1') + 'x'", pinned: PinUnparsed},
		{o: mariadb, texts: "EXECUTE IMMEDIATE CONCAT(_latin1'DO 1')", pinned: PinUnparsed},
		{o: mariadb, texts: "EXECUTE IMMEDIATE CONCAT('SELECT \xc3', '\xa4')", pinned: PinUnparsed},
	} {
		f.check(t)
	}
	for text, o := range map[string]Options{
		"TABLE t": mysql8, "WITH x (a, b) AS (SELECT 1, 2) SELECT * FROM x": mariadb, "SELECT a FROM t USE INDEX (i)": mariadb, "SELECT CAST(a AS DATETIME(6)) FROM t": mariadb, "SELECT CONVERT_TZ(a,'x','y') FROM t": mysql8,
		"SELECT a FROM t WHERE MATCH (a) AGAINST ('x' IN BOOLEAN MODE)": mysql8, "SELECT * FROM TABLE(generate_series(1,5))": starrocks, "SELECT a FROM t, UNNEST(b)": starrocks, "SELECT x.a FROM (SELECT 1) AS x(a)": mysql8, "SELECT a FROM t FORCE INDEX FOR JOIN (i)": mysql8,
		`SELECT a FROM t WHERE b = "x"`: mysql8,
	} {
		if s := New(o, 2); !s.Look(say(query(text)).bytes()).ReadOnly {
			t.Errorf("%s is not taken for reading", text)
		}
	}
	for text, o := range map[string]Options{"TABLE t": mariadb, "WITH x (a) AS (SELECT 1) SELECT f(1) FROM x": mysql8, "SELECT against(1)": mysql8, "SELECT a, f(b) FROM t": mysql8, "WITH x AS (SELECT 1), f(a) AS (SELECT g(1)) SELECT 1": mysql8} {
		if s := New(o, 2); s.Look(say(query(text)).bytes()).ReadOnly {
			t.Errorf("%s is taken for reading", text)
		}
	}
}

// A prepared GET_LOCK names its lock when it is executed.
func TestFaultE_PreparedLocks(t *testing.T) {
	get := func(id byte, text, name string) []talk {
		e := execute(id, true)[:10]
		e = append(e, 0, 1, 0xfd, 0)
		e = wire.AppendLenencString(e, []byte(name))
		return []talk{say(command(wire.ComStmtPrepare, text)), answer(prepareOK(id, 1), def, eof), say(e), answer(ok)}
	}
	const take, give = "SELECT GET_LOCK(?, 10)", "SELECT RELEASE_LOCK(?)"
	for _, c := range []struct {
		talks []talk
		want  string
	}{
		{get(1, take, "a"), PinUserLock},
		{append(get(1, take, "a"), get(2, give, "a")...), ""},
		{append(get(1, take, "a"), get(2, give, "b")...), PinUserLock},
		{append(get(1, take, "a'\\"), get(2, give, "a'\\")...), ""},
		{append(get(1, take, "a"), say(query("SELECT RELEASE_LOCK('a')")), answer(ok)), ""},
		{append(get(1, take, "a"), get(2, give+" FROM t", "a")...), PinUserLock},
		{append(get(1, take, "a"), say(command(wire.ComStmtPrepare, give)), answer(prepareOK(2, 1), def, eof), say(statement(wire.ComStmtSendLongData, 2)), say(execute(2, true)), answer(ok)), PinUserLock},
	} {
		if s := run(mysql8, c.talks, 1<<20); s.Pinned() != c.want {
			t.Errorf("%v: pinned %q, want %q", len(c.talks), s.Pinned(), c.want)
		}
	}
}

func TestFaultF_FormsOfKill(t *testing.T) {
	for text, want := range map[string]KillForm{
		"KILL 5": OneKill, "KILL '5'": OneKill, "KILL 5; SELECT SLEEP(0.05)": OneKill, "CALL mysql.rds_kill(5)": OneKill, "CALL `mysql`.rds_kill_query(5);": OneKill, "/*!50000 KILL 5 */": OneKill,
		"KILL @x": ForeignKill, "KILL 5+0": ForeignKill, "KILL 5; KILL 6": ForeignKill, "SELECT 1; KILL 5": ForeignKill, "KILL QUERY ID 5": ForeignKill, "CALL mysql.rds_kill(@x)": ForeignKill, "CALL mysql.rds_kill_query_id(5)": ForeignKill,
		"PREPARE s FROM 'KILL 5'": ForeignKill, "PREPARE s FROM 'kill ?'": ForeignKill, "EXECUTE IMMEDIATE 'KILL 5'": ForeignKill, "EXECUTE IMMEDIATE CONCAT('KILL ',5)": ForeignKill, "PREPARE s FROM @kill": ForeignKill,
		"SET STATEMENT max_statement_time=1 FOR KILL 5": ForeignKill, "BEGIN NOT ATOMIC KILL 5; END": ForeignKill, "CREATE PROCEDURE p() SELECT 1; KILL 5": ForeignKill, "(KILL (SELECT 5))": ForeignKill, "KILL 5 /* x": ForeignKill,
		"KILL USER bob": UserKill, "KILL SOFT QUERY USER 'bob'": UserKill,
		"CREATE PROCEDURE p(n INT) KILL n": NoKill, "CREATE PROCEDURE p(n INT) BEGIN SELECT 1; KILL n; END": NoKill, "SELECT 'KILL 5'": NoKill, "PREPARE s FROM 'SELECT ''KILL'''": NoKill, "/*!99999 KILL 5 */": NoKill, "CALL p(5)": NoKill, "BEGIN; SELECT 'kill'": NoKill,
		"SET @kill=1": NoKill, "SELECT kill_count FROM t": NoKill,
	} {
		s := session(mariadb, "SET @kill='KILL 5'")
		packet := say(query(text)).bytes()
		k, form := s.Kill(packet)
		if form != want || s.MayKill(packet) != (want != NoKill) {
			t.Errorf("%s: form %d, want %d; looked at: %v", text, form, want, s.MayKill(packet))
		}
		if form == OneKill && !strings.Contains(string(k.With(packet, 77)), "77") {
			t.Errorf("%s becomes %q", text, k.With(packet, 77))
		}
	}
	for text, want := range map[string]KillForm{"KILL QUERY '7b1c-5'": NoKill, "KILL ANALYZE 7": NoKill, "KILL 5": OneKill, "KILL QUERY 5": OneKill} {
		s := New(starrocks, 2)
		if _, form := s.Kill(say(query(text)).bytes()); form != want {
			t.Errorf("StarRocks: %s: form %d", text, form)
		}
	}
	s := New(mysql8, 2)
	if _, form := s.Kill(say(command(wire.ComStmtPrepare, "KILL ?")).bytes()); form != ForeignKill {
		t.Errorf("a prepared KILL: form %d", form)
	}
}

// The versions in which greetings tell MySQL from MariaDB.
func TestDialectOf(t *testing.T) {
	const old = wire.ClientLongPassword
	for _, c := range []struct {
		version string
		caps    wire.Capability
		dialect Dialect
		n       uint32
	}{
		{"5.5.5-10.11.6-MariaDB-0+deb12u1", 0, MariaDB, 101106},
		{"11.4.5-MariaDB", 0, MariaDB, 110405},
		{"10.6.14-MariaDB-log", old, MariaDB, 100614},
		{"5.7.99", 0, MariaDB, 0},
		{"8.0.36-28", old, MySQL, 80036},
		{"9.1.0", old, MySQL, 90100},
		{"5.7.44-log", old, MySQL, 50744},
		{"custom", old, MySQL, 0},
		{"8.4", old, MySQL, 0},
		{"", old, MySQL, 0},
	} {
		if d, n := DialectOf(c.version, c.caps); d != c.dialect || n != c.n {
			t.Errorf("%s: %s %d", c.version, d, n)
		}
	}
	if n := TiDBVersion("8.0.11-TiDB-v7.5.1"); n != 70501 {
		t.Errorf("TiDB: %d", n)
	}
}

// What sql_mode and old_mode make of a literal, a name or a text that is prepared is made of it again.
func TestModesOfLiterals(t *testing.T) {
	for _, f := range []fault{
		{o: mariadb, texts: "SET STATEMENT sql_mode='ANSI_QUOTES' FOR PREPARE s FROM 'SELECT 1'", pinned: PinPrepareText},
		{o: mariadb, texts: "SET STATEMENT sql_mode='ANSI_QUOTES' FOR PREPARE s FROM 'SELECT 1'|DEALLOCATE PREPARE s"},
		{o: mariadb, texts: "SET @x=''|SET sql_mode='EMPTY_STRING_IS_NULL'", asks: "@x", holds: "sql_mode"},
		{o: mariadb, texts: "SET sql_mode='EMPTY_STRING_IS_NULL'|SET @x=''|SET sql_mode=''", asks: "@x", holds: "sql_mode"},
		{o: mariadb, texts: "SET sql_mode='EMPTY_STRING_IS_NULL'|SET @x=''", holds: "SET sql_mode='EMPTY_STRING_IS_NULL'; SET @x=''"},
		{o: mariadb, texts: "SET old_mode=''|SET NAMES utf8, @x=5", holds: "SET old_mode=''; SET NAMES utf8, @x=5"},
		{o: mariadb, texts: "SET NAMES utf8|SET old_mode=''", pinned: PinUnparsed, holds: "old_mode"},
		{o: mariadb, texts: "SET NAMES utf8mb4|SET old_mode=''", holds: "SET NAMES utf8mb4, old_mode=''"},
	} {
		f.check(t)
	}
}

func TestParametersOfNoPreparedStatement(t *testing.T) {
	for _, o := range []Options{mariadb, mysql8, tidb, starrocks} {
		for _, f := range []fault{
			{o: o, texts: "EXECUTE IMMEDIATE 'SELECT GET_LOCK(?,0)' USING 'a'", pinned: PinUserLock},
			{o: o, texts: "SELECT GET_LOCK('a',0)|EXECUTE IMMEDIATE 'DO RELEASE_LOCK(?)' USING 'a'", pinned: PinUserLock},
			{o: o, texts: "SELECT GET_LOCK(?,0)", pinned: PinUserLock},
			{o: o, texts: "SELECT GET_LOCK('a',0)|SELECT RELEASE_LOCK(?)", pinned: PinUserLock},
		} {
			f.check(t)
		}
		s := run(o, []talk{say(query("DO 1; SELECT GET_LOCK(?,0)")), answer(failure)}, 1<<20)
		if s.Pinned() != PinUserLock {
			t.Errorf("%s: behind a list that has failed: pinned by %q", o.Dialect, s.Pinned())
		}
	}
}

func TestASettingOfTheStatementAloneIsTakenBackBehindIt(t *testing.T) {
	for _, f := range []fault{
		{o: mariadb, texts: "SET STATEMENT time_zone='+05:00' FOR SET time_zone='+06:00'", asks: "@@session.time_zone"}, // which is as it was before
		{o: mariadb, texts: "SET time_zone='+01:00'|SET STATEMENT time_zone='+05:00' FOR SET time_zone='+06:00'", asks: "@@session.time_zone"},
		{o: mariadb, texts: "SET STATEMENT max_statement_time=9 FOR SET @x=5", holds: "@x=5"},
		{o: mariadb, texts: "PREPARE s FROM 'SET time_zone=1'|SET STATEMENT time_zone='+05:00' FOR EXECUTE s", asks: "@@session.time_zone", holds: "PREPARE s"},
		{o: mariadb, texts: "SET STATEMENT time_zone='+05:00' FOR EXECUTE IMMEDIATE 'SET time_zone=1, @x=5'", asks: "@@session.time_zone", holds: "@x=5"},
	} {
		f.check(t)
	}
}

// MariaDB answers a statement that has a sql_mode of its own with the flags of that one.
func TestTheFlagsOfAStatementsOwnMode(t *testing.T) {
	quotes, plain := []byte{0, 0, 0, 2, 0x80, 0, 0}, []byte{0, 0, 0, 2, 0, 0, 0} // SERVER_STATUS_ANSI_QUOTES
	const text = `SELECT "a\"", GET_LOCK('a',0), "\""`
	for _, set := range []string{"SET STATEMENT sql_mode='ANSI_QUOTES' FOR DO 1", "SET STATEMENT SQL_MODE:='ANSI_QUOTES' FOR DO 1", "EXECUTE IMMEDIATE 'SET STATEMENT sql_mode=4 FOR DO 1'"} {
		s := run(mariadb, []talk{say(query(set)), answer(quotes), say(query(text)), answer(plain)}, 1<<20)
		if s.Pinned() == "" {
			t.Errorf("%q: the lock behind it is not seen", set)
		}
		s = run(mariadb, []talk{say(query(set)), answer(quotes)}, 1<<20)
		if r := s.Replay(); r.Modes != 0 {
			t.Errorf("%q: the session is taken for one of modes %#x", set, r.Modes)
		}
		s = run(mariadb, []talk{say(query(set)), answer(quotes), say(query("DO 1")), answer(plain), say(query("SELECT 'x' AS \"y\"")), answer(plain)}, 1<<20)
		if s.Pinned() != "" || s.rules().doubts&(doubtAnsi|doubtBackslash) != 0 {
			t.Errorf("%q: the flags behind it are not believed, pinned %q", set, s.Pinned())
		}
	}
}
