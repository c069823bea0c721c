package e2e

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"segue/backend/fesim"
)

// Values that are moved: what a session has read from tables is data on the other server too, and of the same type, character set and
// collation, whatever the session has made of sql_mode, its character sets, and the limits of its own statements.

// valueCase is what a session runs before it is moved.
type valueCase struct {
	name     string
	run      []string
	pins     bool
	stays    bool // it is not pinned, and cannot be rebuilt on the other server
	computes bool // what it sets only its server knows, until that has been asked for it

	prepare, then string // a statement that is prepared, and what is run behind it

	look, back string // run before and after looking: a client cannot read numbers in ucs2
}

// valueCases are tried on MariaDB. hostile is the table of names that data may have.
func valueCases() []valueCase {
	all := "SELECT MAX(IF(id=1,name,NULL)), MAX(IF(id=2,name,NULL)), MAX(IF(id=3,name,NULL)), MAX(IF(id=4,name,NULL)), MAX(IF(id=5,name,NULL)) INTO @a, @b, @c, @d, @e FROM hostile"
	one := "SELECT name INTO @x FROM hostile WHERE id = 1"
	return []valueCase{
		{name: "as it is", run: []string{all}},
		{name: "NO_BACKSLASH_ESCAPES", run: []string{"SET sql_mode='NO_BACKSLASH_ESCAPES'", one}},
		{name: "NO_BACKSLASH_ESCAPES, all", run: []string{"SET sql_mode='NO_BACKSLASH_ESCAPES'", all}},
		{name: "NO_BACKSLASH_ESCAPES after", run: []string{all, "SET sql_mode='NO_BACKSLASH_ESCAPES'"}},
		{name: "ANSI_QUOTES", run: []string{"SET sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES'", all}},
		{name: "literals, then another mode", run: []string{`SET @a='a\'b', @b="c\"d", @c='e''f'`, "SET sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES'"}},
		{name: "another mode, then literals", run: []string{"SET sql_mode='NO_BACKSLASH_ESCAPES'", `SET @a='a\', @b='\\', @c='e''f'`}},
		{name: "there and back", run: []string{"SET sql_mode='NO_BACKSLASH_ESCAPES'", `SET @a='a\'`, "SET sql_mode=''", `SET @b='b\\c'`}},
		{name: "a mode and a literal in one", run: []string{`SET sql_mode='NO_BACKSLASH_ESCAPES', @a='a\\b'`}},
		{name: "types", run: []string{
			"SET @i=CAST(5 AS UNSIGNED), @n=-9223372036854775807-1, @d=1.50+0, @d0=CAST(5 AS DECIMAL(10,0)), @f=0.1e0*3, @g=1e300*1, @h=CAST(1e0 AS DOUBLE)",
			"SET @u=UNHEX('616263'), @z=UNHEX(''), @x0=UNHEX('00FF27'), @null=NULLIF(1,1), @empty=CONCAT(''), @big=18446744073709551615+0, @div=1/3, @neg=-1.5-0",
		}},
		{name: "NULLs of no row", run: []string{"SELECT a, b INTO @i, @s FROM nothing"}},
		{name: "NULLs of a type", run: []string{
			"SET @a=CAST(NULL AS SIGNED), @b=CAST(NULL AS UNSIGNED), @c=CAST(NULL AS DECIMAL(10,2)), @d=NULL+0e0, @e=CONVERT(NULL USING latin1), @f=CONCAT(NULL,_latin1'a') COLLATE latin1_bin, @x=CAST(NULL AS BINARY), @y=NULL",
		}},
		{name: "NULLs of the type before", run: []string{"SET @a=5, @b=1.5, @c=1e0, @d='a', @e=_latin1'a' COLLATE latin1_bin, @f=X'41', @x=CAST(5 AS UNSIGNED)", "SET @a=NULL, @b=NULL, @c=NULL, @d=NULL, @e=NULL, @f=NULL, @x=NULL"}},
		{name: "numbers of a column", run: []string{"SELECT f, d, bi, ui, y, bt, de INTO @a, @b, @c, @d, @e, @f, @x FROM numbers"}},
		{name: "numbers with their scale", run: []string{"SET @a=1.50+0, @b=CAST(1 AS DECIMAL(10,4)), @c=-0.00*1, @d=CAST(0 AS DECIMAL(5,3)), @e=-0e0, @f=1e100*1, @x=1e0/3, @y=(1=1)"}},
		{name: "dates", run: []string{"SET @a=CAST('2020-01-01' AS DATE), @b=TIMESTAMP'2020-01-01 00:00:00', @c=CAST('10:00' AS TIME(3)), @d=NOW(6)-NOW(6)"}},
		{name: "COM_STMT_PREPARE of an assignment", run: []string{"SET @x=5, @y='a', @a=_latin1'b'"}, prepare: "SET @y=CONCAT(_latin1'ab')"},
		{name: "… that makes half a character of one", run: []string{"SET @y='a'"}, prepare: "SET @y=CONCAT(_ucs2 X'0041')", pins: true},
		{name: "… and then an assignment", run: []string{"SET @y='a'"}, prepare: "SET @y=CONCAT(_ucs2 X'0041')", then: "SET @y='b'"},
		{name: "collations", run: []string{
			"SET @a=CONVERT('Ä' USING latin1), @b=CONCAT(_latin1 X'E4' COLLATE latin1_bin), @c=CONCAT(_ucs2 X'00E4'), @d=CONVERT('x' USING utf16), @e=CONCAT(_utf8mb4'😀' COLLATE utf8mb4_bin), @f=CONCAT(_gbk X'E45C'), @g=CONCAT(_sjis X'835C27')",
		}},
		{name: "literals in a character set", run: []string{"SET NAMES latin1", "SET @x='abc', @y='\xe4'"}},
		{name: "literals in two", run: []string{"SET @y='abc'", "SET NAMES latin1", "SET @x='abc', @z=N'n', @h=X'41', @b=b'1000001'", "SET NAMES utf8mb4 COLLATE utf8mb4_bin"}},
		{name: "literals in two, and back", run: []string{"SET NAMES latin1", "SET @x='abc'", "SET NAMES utf8mb4", "SET NAMES latin1", "SET @y='b'"}},
		{name: "names and a literal in one", run: []string{"SET NAMES latin1, @x='abc'"}},
		{name: "a collation of the connection", run: []string{"SET collation_connection=utf8mb4_bin", "SET @x='abc', @y=CONCAT('a')"}},
		{name: "results in another character set", run: []string{"SET character_set_results=latin1", "SET @x=CONCAT('ä\\'Ä')"}},
		{name: "results in two bytes", run: []string{"SET @n=1+1, @d=1.5*1, @x=CONCAT('ä'), sql_mode=CONCAT('ANSI_QU','OTES'), time_zone=CONCAT('+02',':00')", "SET character_set_results=ucs2"}, look: "SET character_set_results=utf8mb4", back: "SET character_set_results=ucs2"},
		{name: "two bytes throughout", run: []string{"SET @n=1+1, @x=CONCAT('ä'), time_zone=CONCAT('+02',':00')", "SET character_set_results=ucs2, character_set_connection=utf16"}, look: "SET character_set_results=utf8mb4", back: "SET character_set_results=ucs2"},
		{name: "results as they are", run: []string{"SET character_set_results=NULL", "SET @x=CONVERT('ä' USING latin1), @y=CONCAT('ü')"}},
		{name: "results in none", run: []string{"SET character_set_results=binary", "SET @x=CONVERT('ä' USING latin1), @y=CONCAT('ü')"}},
		{name: "no rows", run: []string{"SET @x=1+1, @y=CONCAT('a''b')", "SET sql_select_limit=0"}},
		{name: "no time", run: []string{"SET @x=1+1, @y=CONCAT('a''b')", "SET max_statement_time=0.000001"}, look: "SET max_statement_time=0", back: "SET max_statement_time=0.000001"},
		{name: "no joins", run: []string{"SET @x=1+1", "SET sql_big_selects=0, max_join_size=1, sql_safe_updates=1"}},
		{name: "a time that stands", run: []string{"SET timestamp=1000000000+5", "SET @x=NOW()"}},
		{name: "a time that stands still now", run: []string{"SET timestamp=@@timestamp-10", "SET @x=NOW(6)"}},
		{name: "a time that goes on", run: []string{"SET timestamp=0+0"}},
		{name: "system variables", run: []string{"SET @t='+03:00', @m=10, @l=CONCAT('de_','DE'), @i='READ-COMMITTED'", "SET time_zone=@t, div_precision_increment=@m, lc_time_names=@l, tx_isolation=@i, long_query_time=2.5*1"}},
		{name: "switches", run: []string{"SET optimizer_switch='rowid_filter=off'", "SET optimizer_switch='mrr=on,index_merge_sort_intersection=on'", "SET optimizer_trace='enabled=off'"}},
		{name: "switches, one by one", run: []string{
			"SET optimizer_switch='mrr=on'", "SET optimizer_switch='mrr_sort_keys=on'", "SET optimizer_switch='mrr_cost_based=on'", "SET optimizer_switch='rowid_filter=off'", "SET optimizer_switch='semijoin=off'",
			"SET optimizer_switch='materialization=off'", "SET optimizer_switch='firstmatch=off'", "SET optimizer_switch='loosescan=off'", "SET optimizer_switch='table_elimination=off'", "SET optimizer_switch='exists_to_in=off'",
		}},
		{name: "a name with quotes", run: []string{"SET @`a``b`=CONCAT('a\\'b'), @'c d'=1+1, @\"e\"=2+2"}},
		{name: "a name in quotes, then another mode", run: []string{"SET @\"a\"=1+1", "SET sql_mode='ANSI_QUOTES'"}},
		{name: "a name in another character set", run: []string{"SET NAMES latin1", "SET @`\xe4`=1+1"}},
		{name: "… and then another one", run: []string{"SET NAMES latin1", "SET @`\xe4`=1+1", "SET NAMES utf8mb4"}, pins: true},
		{name: "a database in another character set", run: []string{"SET NAMES latin1", "USE `d\xe4`"}},
		{name: "a database, and then another one", run: []string{"SET NAMES latin1", "USE `d\xe4`", "SET NAMES utf8mb4"}, pins: true},
		{name: "a database before another one", run: []string{"USE `dä`", "SET NAMES latin1"}},
		{name: "a database in the same", run: []string{"SET NAMES utf8mb4", "USE `dä`", "SET NAMES utf8mb4"}},
		{name: "out of it again", run: []string{"SET NAMES latin1", "USE `d\xe4`", "USE v"}},
		{name: "PREPARE", run: []string{`PREPARE s FROM 'SELECT ''a'', COLLATION(''a''), "x"'`}},
		{name: "PREPARE, then another mode", run: []string{`PREPARE s FROM 'SELECT ''a''||''b'''`, "SET sql_mode='PIPES_AS_CONCAT'"}, pins: true},
		{name: "PREPARE, then another character set", run: []string{`PREPARE s FROM 'SELECT COLLATION(''a'')'`, "SET NAMES latin1"}, pins: true},
		{name: "gbk for the client alone", run: []string{"SET NAMES gbk", "SET collation_connection=utf8mb4_general_ci", "SET @x=CONCAT('a')"}, pins: true},
		{name: "gbk by its number", run: []string{"SET character_set_client=28", "SET @x=CONCAT('a')"}, pins: true},
		{name: "LAST_INSERT_ID", run: []string{"SELECT LAST_INSERT_ID(18446744073709551615)", "SET sql_select_limit=0"}},
		{name: "LAST_INSERT_ID of itself", run: []string{"SET last_insert_id=7", "SET last_insert_id=@@last_insert_id"}},
	}
}

// unforeseenCases have done to the session what their texts do not tell.
func unforeseenCases() []valueCase {
	return []valueCase{
		{name: "a trigger", run: []string{"INSERT INTO trg VALUES (1)"}},
		{name: "a trigger that overwrites", run: []string{"SET @a='x', @b='t2'", "INSERT INTO trg VALUES (2)"}},
		{name: "a trigger, row by row", run: []string{"INSERT INTO trg VALUES (3), (4)"}},
		{name: "a function", run: []string{"SELECT assigns(5)"}},
		{name: "a function in a SET", run: []string{"SET @x=assigns(6)"}},
		{name: "a function in a prepared text", run: []string{"PREPARE s FROM 'SELECT assigns(7)'", "EXECUTE s"}},
		{name: "a view", run: []string{"SELECT * FROM calls"}},
		{name: "an EXPLAIN of a view", run: []string{"EXPLAIN SELECT * FROM calls"}},
		{name: "a time zone", run: []string{"SELECT zones('+03:00')"}},
		{name: "a time zone behind one", run: []string{"SET time_zone='+01:00'", "SELECT zones('+04:00')"}},
		{name: "character sets", run: []string{"SELECT speaks()"}},
		{name: "a collation", run: []string{"SELECT collates()"}},
		{name: "a collation, and an OK", run: []string{"DO collates()"}},
		{name: "a function, and an end", run: []string{"DO assigns(8), zones('+05:00')"}},
		{name: "for a statement alone", run: []string{"SET STATEMENT time_zone='+06:00' FOR DO 1", "SET STATEMENT time_zone='+07:00' FOR SELECT 1"}},
		{name: "… of another one", run: []string{"SET time_zone='+01:00'", "SET STATEMENT time_zone='+06:00' FOR DO 1"}},
		{name: "a name in quotes", run: []string{"SELECT quotes()"}},
		{name: "a name in another character set", run: []string{"SET NAMES latin1", "SELECT foreign_name()"}, stays: true},
		{name: "a procedure", run: []string{"CALL does()"}, pins: true},
	}
}

const unforeseenPrograms = `
CREATE TABLE v.trg (a INT NOT NULL);
CREATE TRIGGER v.trg_assigns BEFORE INSERT ON v.trg FOR EACH ROW SET @w=NEW.a, @a=CONCAT('t', NEW.a);
CREATE FUNCTION v.assigns(x INT) RETURNS INT BEGIN DECLARE z INT; SET @a='f', @b=x/3; SELECT x, CONVERT('ü' USING latin1) INTO @c, @d; SET z = (@e:=x); RETURN x; END;
CREATE FUNCTION v.zones(x VARCHAR(9)) RETURNS INT BEGIN SET time_zone=x; RETURN 1; END;
CREATE FUNCTION v.speaks() RETURNS INT BEGIN SET character_set_results=latin1; RETURN 1; END;
CREATE FUNCTION v.collates() RETURNS INT BEGIN SET NAMES latin1 COLLATE latin1_bin; RETURN 1; END;
CREATE FUNCTION v.quotes() RETURNS INT BEGIN SET @"a ` + "``" + ` b"=1, @'ä'='ä'; RETURN 1; END;
CREATE FUNCTION v.foreign_name() RETURNS INT BEGIN SET @'ä'=2; RETURN 1; END;
CREATE VIEW v.calls AS SELECT v.assigns(9);
CREATE PROCEDURE v.does() BEGIN SET @a='p'; EXECUTE IMMEDIATE 'USE mysql'; END`

// valueProbes are what a session must be able to see alike.
func valueProbes() []string {
	return []string{
		"SELECT VARIABLE_NAME, VARIABLE_TYPE, IF(VARIABLE_TYPE='VARCHAR',CHARACTER_SET_NAME,''), HEX(VARIABLE_VALUE) FROM information_schema.USER_VARIABLES WHERE VARIABLE_VALUE IS NOT NULL OR VARIABLE_TYPE<>'VARCHAR' OR CHARACTER_SET_NAME<>'binary' ORDER BY HEX(VARIABLE_NAME) LIMIT 100",
		"SELECT COLLATION(@a), COLLATION(@b), COLLATION(@c), COLLATION(@d), COLLATION(@e), COLLATION(@f), COLLATION(@x), COLLATION(@y), COLLATION(@z) LIMIT 1",
		"SELECT @evil, @a, @b, @c, @d, @e, @i, @n, @f, @x, @y, @u LIMIT 1",
		"SELECT @u='ABC', @i-6, @d*1.0000, @d0/3 LIMIT 1", "SELECT LAST_INSERT_ID() LIMIT 1",
		"SELECT HEX(CONVERT(DATABASE() USING utf8mb4)) LIMIT 1", "EXECUTE s",
		"SELECT @@sql_mode, @@character_set_client, @@collation_connection, @@character_set_results, @@time_zone, @@tx_isolation, @@lc_time_names, @@long_query_time, @@sql_select_limit, @@max_statement_time LIMIT 1",
		"SELECT @@optimizer_switch, @@optimizer_trace LIMIT 1", clockProbe, "SELECT COLLATION('a'), 'a\\\\' LIMIT 1",
	}
}

// clockProbe is asked twice: a time that goes on is never the same.
const clockProbe = "SELECT CONCAT(@@timestamp) LIMIT 1"

const hostileNames = `
CREATE TABLE v.hostile (id INT PRIMARY KEY, name VARBINARY(100));
INSERT INTO v.hostile VALUES (1, X'5C272C20406576696C3D3432202D2D20'), (2, 'C:\\dir'), (3, X'2727225C225C5C'), (4, ''), (5, X'00FF27E45C');
CREATE TABLE v.nothing (a INT, b VARCHAR(10));
CREATE TABLE v.numbers (f FLOAT, d DOUBLE, bi BIGINT, ui BIGINT UNSIGNED, y YEAR, bt BIT(10), de DECIMAL(30,10));
INSERT INTO v.numbers VALUES (0.1, 0.1, -9223372036854775808, 18446744073709551615, 2020, 513, 12345678901234567890.0123456789);
CREATE DATABASE IF NOT EXISTS ` + "`dä`"

const latin1Names = ";\nALTER TABLE v.hostile MODIFY name VARCHAR(100) CHARACTER SET latin1"

// tidbValueCases are tried on TiDB, whose own account of a session is taken along.
func tidbValueCases() []valueCase {
	return []valueCase{
		{name: "as it is", run: []string{"SET @a=(SELECT name FROM hostile WHERE id=1), @b=(SELECT name FROM hostile WHERE id=3), @i=CAST(5 AS UNSIGNED), @d=1.50+0, @u=UNHEX('616263')"}},
		{name: "a collation", run: []string{"SET @x=(SELECT name FROM hostile WHERE id=1), @y=(SELECT name FROM hostile WHERE id=2)", "SET collation_connection=CONCAT('utf8mb4_','bin')"}},
		{name: "results in another character set", run: []string{"SET @x=CONCAT('ä€😀')", "PREPARE s FROM \"SELECT HEX('ä€😀')\"", "SET character_set_results=latin1"}},
		{name: "a name and a character set", run: []string{"SET NAMES latin1", "SET @`ä`=1+1, @x=CONCAT('ü')"}},
		{name: "no rows", run: []string{"SET @x=1+1", "SET sql_select_limit=0"}},
	}
}

// feValueCases are tried on simulated FEs, which compute what they set a user's variable to.
func feValueCases() []valueCase {
	return []valueCase{
		{name: "data", run: []string{`SET @a=CONCAT('\\\', @evil=42 -- '), @b=CONCAT('C:\\dir', '"'), @c=CONCAT('ä€'), @d=CONCAT(''), @e=CONCAT('plain, (it) is')`}},
		{name: "numbers", run: []string{"SET @i=1+1, @f=0.5*3, @x=NULL+1"}},
		{name: "no rows", run: []string{"SET @i=1+1", "SET sql_select_limit=0"}},
		{name: "a system variable", run: []string{"SET sql_mode=CONCAT('PIPES_AS_', 'CONCAT')"}},
		{name: "… that cannot be spelled", run: []string{`SET custom_query_id=CONCAT('a\'b')`}, pins: true},
	}
}

func TestMoveKeepsValues(t *testing.T) {
	for _, c := range []struct {
		name  string
		start func(*testing.T) fleet
		cases []valueCase
		more  string
	}{
		{"MySQL", func(t *testing.T) fleet {
			t.Helper()
			return startMariaDBs(t)
		}, append(valueCases(), unforeseenCases()...), latin1Names + ";" + unforeseenPrograms},
		{"MySQL, telling all", func(t *testing.T) fleet {
			t.Helper()
			return startMariaDBs(t)
		}, append(valueCases(), unforeseenCases()...), latin1Names + ";" + unforeseenPrograms + ";\nSET GLOBAL session_track_system_variables='*', session_track_state_change=1"},
		{"TiDB", func(t *testing.T) fleet {
			t.Helper()
			return startTiDBs(t, 0)
		}, tidbValueCases(), ""},
		{"StarRocks", func(t *testing.T) fleet {
			t.Helper()
			return startFEs(t, fesim.Options{Databases: []string{"demo"}})
		}, feValueCases(), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := c.start(t)
			dialect, _, _ := strings.Cut(c.name, ",")
			v := &verdictTrial{fleet: f, dialect: dialect, program: startProgram(t, f.flavor(), f.specs())}
			v.fill(t, c.more)
			for _, c := range c.cases {
				t.Run(c.name, func(t *testing.T) { v.tryValues(t, c) })
			}
		})
	}
}

// fill makes what the cases read; more are statements behind that.
func (v *verdictTrial) fill(t *testing.T, more string) {
	t.Helper()
	for _, db := range v.admins(t) {
		for text := range strings.SplitSeq("CREATE DATABASE IF NOT EXISTS v;"+hostileNames+more, ";\n") {
			if _, err := db.ExecContext(t.Context(), text); err != nil {
				t.Fatalf("fill server: %v", err)
			}
		}
		_ = db.Close()
	}
}

// tryValues runs a case, moves its session unless that is to be pinned, and compares what it sees.
func (v *verdictTrial) tryValues(t *testing.T, c valueCase) {
	t.Helper()
	s := v.connectAt(t)
	defer s.close()
	for _, text := range c.run {
		s.mustRun(t, text)
	}
	if c.prepare != "" {
		if _, err := s.conn.Prepare(c.prepare); err != nil {
			t.Fatalf("prepare: %v", err)
		}
	}
	s.mustRun(t, c.then)
	home := s.settled(t, c.pins)
	if pinned := home.Pinned != ""; pinned != c.pins {
		t.Fatalf("pinned by %q", home.Pinned)
	}
	if c.pins {
		return
	}
	before, refusals := s.values(t, c), v.refusals(t)
	v.drained(t, home.Backend, func() {
		if c.stays {
			waitFor(t, "an attempt to move", func() bool { return s.info(t).Backend == home.Backend && v.refusals(t) > refusals })
		} else if !s.leaves(t, home.Backend) {
			t.Fatalf("has not left %s: %+v", home.Backend, s.info(t))
		}
		after := s.values(t, c)
		for _, probe := range valueProbes() {
			if !sameValue(before[probe], after[probe]) {
				t.Errorf("%s\n%s, now\n%s", probe, before[probe], after[probe])
			}
		}
	})
}

// refusals is how often sessions have not been rebuilt.
func (v *verdictTrial) refusals(t *testing.T) (n int) {
	t.Helper()
	for line := range strings.Lines(string(v.program.get(t, "/metrics"))) {
		if strings.HasPrefix(line, "segue_session_moves_total{") && !strings.Contains(line, `result="ok"`) {
			n += int(line[strings.LastIndexByte(line, ' ')+1] - '0')
		}
	}
	return n
}

// sameValue compares two answers. How a release plans queries is no part of a session: switches of the optimizer that only one of two has, and one whose default
// is another in the next.
func sameValue(before, after string) bool {
	if before == after || !strings.Contains(before, "index_merge=") {
		return before == after
	}
	a, b := switchesIn(before), switchesIn(after)
	for name, value := range a {
		if other, both := b[name]; both && value != other && name != "hash_join_cardinality" {
			return false
		}
	}
	return true
}

func switchesIn(answer string) map[string]string {
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`([a-z_]+)=(on|off|default)`).FindAllStringSubmatch(answer, -1) {
		found[m[1]] = m[2]
	}
	return found
}

// values are the answers to all probes, byte for byte.
func (s *verdictSession) values(t *testing.T, c valueCase) map[string]string {
	t.Helper()
	s.mustRun(t, c.look)
	defer s.mustRun(t, c.back)
	seen := map[string]string{}
	for _, probe := range valueProbes() {
		seen[probe] = s.value(t, probe)
	}
	if s.value(t, clockProbe) != seen[clockProbe] {
		seen[clockProbe] = "goes on"
	}
	return seen
}

func (s *verdictSession) value(t *testing.T, probe string) (seen string) {
	t.Helper()
	result, err := s.conn.Execute(probe)
	if refused, ok := errors.AsType[*mysql.MyError](err); ok {
		return fmt.Sprintf("error %d", refused.Code)
	} else if err != nil {
		t.Fatalf("%s: %v", probe, err)
	}
	if result.Resultset == nil {
		return "OK"
	}
	for _, row := range result.Values {
		for _, value := range row {
			seen += fmt.Sprintf("%d:%q %v ", value.Type, value.AsString(), value.Value())
		}
	}
	for _, f := range result.Fields {
		if seen += fmt.Sprintf("(%d ", f.Type); f.Flag&mysql.UNSIGNED_FLAG != 0 {
			seen += "unsigned "
		}
	}
	return seen
}

func (s *verdictSession) mustRun(t *testing.T, text string) {
	t.Helper()
	if text == "" {
		return
	}
	if _, err := s.conn.Execute(text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}
