package track

import (
	"slices"
	"strings"
	"testing"
)

// What a statement leaves in its session is found wherever in it that stands, and however it is written.
func TestNothingIsOverlooked(t *testing.T) {
	const lock, next, tables, unparsed = PinUserLock, PinNextTransaction, PinLockTables, PinUnparsed
	for _, c := range []struct {
		o      Options
		text   string
		pinned string
		asks   string // the expression that only the server knows
	}{
		{text: "SET @r=GET_LOCK('j',0)", pinned: lock, asks: "@r"},
		{text: "SET SESSION wait_timeout=GET_LOCK('j',0)", pinned: lock, asks: "@@session.wait_timeout"},
		{text: "SET @r=(SELECT COALESCE(get_lock ('j',0),1) FROM t)", pinned: lock, asks: "@r"},
		{text: "SET a=1, @r=1+/**/GET_LOCK('j',0)", pinned: lock, asks: "@r"},
		{text: "SET STATEMENT max_statement_time=GET_LOCK('j',0) FOR SELECT 1", pinned: lock},
		{text: "SET STATEMENT max_statement_time=1 FOR SELECT GET_LOCK('j',0)", pinned: lock},
		{text: "SELECT `get_lock`('j',0)", pinned: lock},
		{text: "SELECT 1, `GET_LOCK` ('j',0)", pinned: lock},
		{text: `SELECT "get_lock"('j',0)`, pinned: lock}, // with ANSI_QUOTES, which not every server's flags tell
		{text: "SET @r=`get_lock`('j',0)", pinned: lock, asks: "@r"},
		{text: "LOAD DATA INFILE 'x' INTO TABLE t SET a=GET_LOCK('j',0)", pinned: lock},
		{text: "DO RELEASE_LOCK(GET_LOCK('j',0))", pinned: lock},
		{text: "DO RELEASE_LOCK(\"get_lock\"('j',0))", pinned: lock},
		{text: "PREPARE s FROM GET_LOCK('j',0)", pinned: lock},
		{text: "EXECUTE s USING GET_LOCK('j',0)", pinned: lock},
		{text: "INSERT INTO t VALUES (`service_get_write_locks`('a','b',1))", pinned: lock},
		{text: "SET @r=LAST_INSERT_ID(5)", asks: "LAST_INSERT_ID()"},
		{text: "SELECT `last_insert_id`(5)", asks: "LAST_INSERT_ID()"},
		{text: "DO GET_LOCK('j', LAST_INSERT_ID(5))", pinned: lock, asks: "LAST_INSERT_ID()"},
		{text: "SELECT 1.5INTO @x", asks: "@x"},
		{text: "SELECT 1.INTO @x", asks: "@x"},
		{text: "SELECT .5INTO @x", asks: "@x"},
		{text: "SELECT 1,.5INTO @y,@x", asks: "@x"},
		{text: "SELECT 1e5INTO @x", asks: "@x"},
		{text: "SELECT 1.e+5INTO @x", asks: "@x"},
		{text: "SELECT 1.5e-5INTO @x", asks: "@x"},
		{o: Options{Dialect: TiDB}, text: "SELECT 0x1FINTO @x", asks: "@x"}, // a name to MySQL
		{text: "SELECT b'1'INTO @x", asks: "@x"},
		{text: `SELECT \NINTO @x`, asks: "@x"},
		{text: "SELECT t.a+.5INTO @x", asks: "@x"},
		{text: "SELECT 9 INTO\xa0@x", pinned: unparsed},
		{text: "SELECT 9\xa0INTO @x", pinned: unparsed},
		{text: "SELECT a AS b\xa0INTO @x", pinned: unparsed},
		{text: "SELECT 9 INTO\xff@x", pinned: unparsed},
		{text: "CREATE TEMPORARY\xa0TABLE t (a INT)", pinned: PinTemporaryTable},
		{text: "CREATE\xa0TEMPORARY TABLE t (a INT)", pinned: PinTemporaryTable},
		{text: "SET\xa0@x=1", pinned: unparsed},
		{text: "SELECT 1,\xa0GET_LOCK('j',0)", pinned: lock},
		{text: "SELECT 1 --\xa0'\n, GET_LOCK('j',0) -- '", pinned: unparsed},
		{text: "SELECT 1 --\x80'\n INTO @x -- '", pinned: unparsed},
		{text: "SELECT 1 --\x7f'\n INTO @x -- '", asks: "@x"},
		{text: "SELECT 1 --\x01' INTO @x\n", pinned: ""}, // a comment
		{o: Options{Dialect: TiDB}, text: "SELECT 1 --\xa0'\n INTO @x -- '", asks: "@x"},
		{o: Options{Dialect: TiDB}, text: "SELECT (9)\x85INTO @x", asks: "@x"},
		{o: Options{Dialect: StarRocks}, text: "SET\u3000@x=NOW()", pinned: unparsed},
		{o: Options{Dialect: StarRocks}, text: "CREATE\u3000TEMPORARY TABLE t (a INT)", pinned: PinTemporaryTable},
		{text: "SET TRANSACTION READ ONLY", pinned: next},
		{text: "SET STATEMENT max_statement_time=1 FOR SET TRANSACTION READ ONLY", pinned: next},
		{text: "SET @@`tx_isolation`='SERIALIZABLE'", pinned: next},
		{text: "BACKUP LOCK t", pinned: tables},
	} {
		s := session(c.o, c.text)
		if c.asks != "" && !slices.Contains(s.Unresolved(), c.asks) || c.pinned == "" && c.asks == "" && len(s.Unresolved()) > 0 || s.Pinned() != c.pinned {
			t.Errorf("%q: pinned %q, want %q; unresolved %q, want %q", c.text, s.Pinned(), c.pinned, s.Unresolved(), c.asks)
		}
		if s := New(c.o, 2); (c.pinned != "" || c.asks != "") && s.Look(say(query(c.text)).bytes()).ReadOnly {
			t.Errorf("%q is said to read only", c.text)
		}
	}
}

// A pin goes only when it is certain that what it stands for has gone.
func TestNothingIsTakenBackOnWeakEvidence(t *testing.T) {
	for _, c := range []struct {
		texts string // one statement each
		want  string
	}{
		{"SELECT GET_LOCK('a',0)|SELECT RELEASE_ALL_LOCKS()", ""},
		{"SELECT GET_LOCK(@a,0)|DO RELEASE_ALL_LOCKS()", ""},
		{"SELECT GET_LOCK(@a,0)|SELECT RELEASE_ALL_LOCKS ( ) AS n;", ""},
		{"SELECT GET_LOCK('a',0)|SELECT `release_lock`('a')", ""},
		{"SELECT GET_LOCK('a',0)|SELECT RELEASE_ALL_LOCKS() FROM t WHERE 0", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SELECT RELEASE_ALL_LOCKS() LIMIT 0", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SELECT RELEASE_ALL_LOCKS() a LIMIT 0", PinUserLock},
		{"SELECT GET_LOCK('a',0)|(SELECT RELEASE_ALL_LOCKS()) LIMIT 0", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SELECT RELEASE_ALL_LOCKS() HAVING 0", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SELECT RELEASE_ALL_LOCKS() WHERE 0", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SELECT RELEASE_ALL_LOCKS() UNION SELECT 1 LIMIT 0", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SELECT RELEASE_ALL_LOCKS() AND 0", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SELECT 0 AND RELEASE_ALL_LOCKS()", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SELECT IF(0, RELEASE_ALL_LOCKS(), 1)", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SELECT CASE WHEN 0 THEN RELEASE_ALL_LOCKS() END", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SELECT (SELECT RELEASE_ALL_LOCKS() FROM t WHERE 0)", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SET @r=RELEASE_ALL_LOCKS()", PinUserLock},
		{"SELECT GET_LOCK('a',0)|EXPLAIN SELECT RELEASE_ALL_LOCKS()", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SELECT d.RELEASE_ALL_LOCKS()", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SELECT RELEASE_LOCK('a') LIMIT 0", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SET sql_select_limit=0|SELECT RELEASE_LOCK('a')", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SET sql_select_limit=0|SELECT RELEASE_ALL_LOCKS()", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SET sql_select_limit=0|DO RELEASE_ALL_LOCKS()", ""},
		{"SELECT GET_LOCK('a',0)|SET STATEMENT sql_select_limit=0 FOR SELECT RELEASE_ALL_LOCKS()", PinUserLock},
		{"SELECT GET_LOCK('a',0)|SET STATEMENT sql_select_limit=0 FOR EXECUTE IMMEDIATE 'SELECT RELEASE_ALL_LOCKS()'", PinUserLock},
		{"SELECT GET_LOCK('a',0)|PREPARE s FROM 'SELECT RELEASE_ALL_LOCKS()'|SET STATEMENT sql_select_limit=0 FOR EXECUTE s", PinUserLock},
		{"SELECT GET_LOCK('a',0)|PREPARE s FROM 'SELECT RELEASE_ALL_LOCKS()'|EXECUTE s", ""},
		{`SELECT GET_LOCK('a\\b',0)|SELECT RELEASE_LOCK('a\\b')`, PinUserLock}, // maybe under another sql_mode
		{"SELECT SERVICE_GET_READ_LOCKS('a','b',1)|SELECT RELEASE_ALL_LOCKS()", PinUserLock},
		{"CREATE TEMPORARY TABLE s (a INT)|DROP SEQUENCE IF EXISTS s", PinTemporaryTable},
		{"LOCK TABLES t READ|UNLOCK TABLES", ""},
		{"FLUSH TABLES WITH READ LOCK|UNLOCK TABLE", ""},
		{"LOCK TABLES t READ|UNLOCK STATS", PinLockTables},
		{"LOCK TABLES t READ|UNLOCK BINLOG", PinLockTables},
		{"LOCK TABLES t READ|UNLOCK INSTANCE", PinLockTables},
		{"LOCK TABLES t READ|BACKUP UNLOCK", PinLockTables},
		{"BACKUP STAGE START|BACKUP LOCK t|BACKUP UNLOCK", PinLockTables},
		{"BACKUP STAGE START|BACKUP LOCK t|BACKUP STAGE END", PinLockTables},
		{"BACKUP LOCK t|UNLOCK TABLES", PinLockTables},
		{"BACKUP STAGE START|BACKUP LOCK t|BACKUP UNLOCK|BACKUP STAGE END", ""},
	} {
		if s := session(Options{}, strings.Split(c.texts, "|")...); s.Pinned() != c.want {
			t.Errorf("%s: pinned %q, want %q", c.texts, s.Pinned(), c.want)
		}
	}
}

// A lock that was taken by a statement which failed later is held; MariaDB: SELECT GET_LOCK('a',0), (SELECT 1 UNION SELECT 2).
func TestLockOfAStatementThatFails(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT GET_LOCK('a',0), (SELECT 1 UNION SELECT 2)": PinUserLock, "SET @a=GET_LOCK('a',0), @b=x": PinUserLock, "SELECT GET_LOCK('a',0)": "",
	} {
		if s := run(Options{}, []talk{say(query(text)), answer(failure)}, 1<<20); s.Pinned() != want {
			t.Errorf("%q: pinned %q, want %q", text, s.Pinned(), want)
		}
	}
}

// Of a text that is too long to be kept the same is looked for.
func TestLongTexts(t *testing.T) {
	pad := "/*" + strings.Repeat("x", 70000) + "*/"
	for text, want := range map[string]string{
		"SELECT 1" + pad: "", "SELECT GET_LOCK('a',0)" + pad: PinTooLarge, "SELECT `get_lock`('a',0)" + pad: PinTooLarge, `SELECT "get_lock"('a',0)` + pad: PinTooLarge,
		"SELECT SERVICE_GET_READ_LOCKS('a','b',1)" + pad: PinTooLarge, "SELECT `version_tokens_lock_shared`('a',1)" + pad: PinTooLarge,
		"INSERT INTO t VALUES ('get_lock')" + pad: "", "SELECT 1,\xa0GET_LOCK('a',0)" + pad: PinTooLarge, "SELECT 1.5INTO @x" + pad: PinTooLarge,
		"/*!99999 SELECT */ CREATE TEMPORARY TABLE t (a INT)" + pad: PinTooLarge, "SELECT 1 --\xa0'\n, 2 -- '\n" + pad: PinTooLarge,
	} {
		if s := session(Options{}, text); s.Pinned() != want {
			t.Errorf("%.40q: pinned %q, want %q", text, s.Pinned(), want)
		}
	}
	if s := session(Options{}, "SELECT LAST_INSERT_ID(5)"+pad); !slices.Contains(s.Unresolved(), "LAST_INSERT_ID()") || s.Pinned() != "" {
		t.Errorf("LAST_INSERT_ID(5): unresolved %q, pinned %q", s.Unresolved(), s.Pinned())
	}
	if s := session(Options{}, "SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1"+pad); !s.Recent() {
		t.Error("SQL_CALC_FOUND_ROWS: FOUND_ROWS() cannot be asked for")
	}
}
