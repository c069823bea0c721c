package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	proxy "segue/proxy"
)

// TestMoveFaults: small inputs by which the state of a session has been lost in silence, one of a kind each and others like it, on a real server: what the
// session is asked on another backend it answers as if it had not moved, or it has stayed, or Segue says that something is lost.
func TestMoveFaults(t *testing.T) {
	r := startAnswersRig(t)
	for text := range strings.SplitSeq(faultFixtures, ";\n") {
		if err := r.server.exec(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	for _, lost := range []bool{false, true} {
		name := "moved"
		if lost {
			name = "lost"
		}
		t.Run(name, func(t *testing.T) { r.faults(t, lost) })
	}
}

const faultFixtures = `CREATE TABLE moves.trans (a INT) ENGINE=MyISAM;
CREATE TABLE moves.upserted (id INT AUTO_INCREMENT PRIMARY KEY, k INT UNIQUE);
INSERT INTO moves.upserted VALUES (42, 1);
CREATE TABLE moves.like_it (a INT);
CREATE TABLE moves_2.like_it AS SELECT 1 AS a;
CREATE PROCEDURE moves.sets() SET @x=5, time_zone='+03:00'`

// faultCases are the texts of sessions, by the kind of their fault. § is a name of the session's own.
func faultCases() map[string][]string {
	long := strings.Repeat("x", 70_000)
	return map[string][]string{
		"01 quoted function":               {"SELECT `get_lock`('§',0)"},
		"01 quoted by ANSI_QUOTES":         {"SET sql_mode='ANSI_QUOTES'", `SELECT "get_lock"('§',0)`},
		"01 quoted, with a space":          {"SELECT `get_lock` ('§',0)"},
		"01 quoted LAST_INSERT_ID":         {"SELECT `LAST_INSERT_ID`(5)"},
		"02 a number's end":                {"SELECT 1.5INTO @x"},
		"02 an exponent's end":             {"SELECT 1e5INTO @x"},
		"02 a hexadecimal number's end":    {"SELECT 0x41INTO @x"},
		"02 a point's end":                 {"SELECT 1.INTO @x"},
		"02 a string's end":                {"SELECT 'a'INTO @x"},
		"02 NULL's end":                    {`SELECT \NINTO @x`},
		"02 a variable's end":              {"SELECT @@versionINTO, 1 INTO @x, @y"},
		"03 latin1 space":                  {"SET NAMES latin1", "CREATE TEMPORARY\xa0TABLE tmp (a INT)"},
		"03 latin1 space in front":         {"SET NAMES latin1", "SELECT 9 INTO\xa0@x"},
		"03 a control character":           {"SELECT 1 --\x01' INTO @x\n"},
		"03 a vertical tab":                {"SELECT 7\vINTO\v@x"},
		"04 sql_mode by a number":          {"SET sql_mode=4", `SELECT 1 AS "a\", GET_LOCK('§',0), 2 AS "b\" -- "`},
		"04 sql_mode by its default":       {"SET sql_mode='ANSI'", "SET sql_mode=DEFAULT", `SELECT 1 AS "a\", GET_LOCK('§',0), 2 AS "b\" -- "`},
		"04 sql_mode by the global one":    {"SET sql_mode=CONCAT(@@global.sql_mode,',ANSI_QUOTES')", `SELECT 1 AS "a\", GET_LOCK('§',0), 2 AS "b\" -- "`},
		"04 sql_mode by a variable":        {"SET @m='ANSI_QUOTES,NO_BACKSLASH_ESCAPES'", "SET sql_mode=@m", `SELECT '\', GET_LOCK('§',0) -- '`},
		"04 sql_mode by a combination":     {"SET sql_mode='ORACLE'", `SELECT 1 AS "a\", GET_LOCK('§',0), 2 AS "b\" -- "`},
		"05 a text changes its reading":    {`SET sql_mode='ANSI_QUOTES'; SELECT 1 AS "a\", GET_LOCK('§',0), 2 AS "b\" -- "`},
		"05 … by EXECUTE IMMEDIATE":        {"SET STATEMENT sql_mode='ANSI_QUOTES' FOR EXECUTE IMMEDIATE 'SELECT 1 AS \"a\\\\\", GET_LOCK(''§'',0), 2 AS \"b\\\\\" -- \"'"},
		"07 a comment that executes":       {"/*!50701 EXPLAIN */ CREATE TEMPORARY TABLE tmp (a INT)"},
		"07 a comment of MariaDB's":        {"/*M!100100 CREATE */ TEMPORARY TABLE tmp (a INT)"},
		"07 a comment within":              {"CREATE /*!40101 TEMPORARY */ TABLE tmp (a INT)"},
		"07 a comment without a version":   {"SET /*! @x=5, */ @y=6"},
		"08 gbk":                           {"SET NAMES gbk", "SET collation_connection=utf8mb4_general_ci", "SET @x='a'"},
		"08 by a number":                   {"SET collation_connection=8", "SET @x='a'"},
		"08 by DEFAULT":                    {"SET NAMES latin1", "SET NAMES DEFAULT", "SET @x='a'"},
		"08 of the client alone":           {"SET character_set_client=latin1", "SET @x='\xe4'"},
		"09 read only, and DO":             {"SET TRANSACTION READ ONLY", "DO 1"},
		"09 read only, and MyISAM":         {"SET TRANSACTION READ ONLY", "INSERT INTO trans VALUES (1)"},
		"09 an isolation level":            {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SELECT 1"},
		"09 BEGIN behind it":               {"SET TRANSACTION READ ONLY", "BEGIN"},
		"10 a release that does not run":   {"SELECT GET_LOCK('§',0)", "SELECT RELEASE_ALL_LOCKS() FROM nums WHERE 0"},
		"10 … by LIMIT":                    {"SELECT GET_LOCK('§',0)", "SELECT RELEASE_LOCK('§') LIMIT 0"},
		"10 … by HAVING":                   {"SELECT GET_LOCK('§',0)", "SELECT RELEASE_LOCK('§') HAVING 0"},
		"10 … by IF":                       {"SELECT GET_LOCK('§',0)", "SELECT IF(0, RELEASE_LOCK('§'), 1)"},
		"10 … by sql_select_limit":         {"SELECT GET_LOCK('§',0)", "SET sql_select_limit=0", "SELECT RELEASE_LOCK('§')", "SET sql_select_limit=DEFAULT"},
		"10 twice, and once":               {"SELECT GET_LOCK('§',0)", "SELECT GET_LOCK('§',0)", "SELECT RELEASE_LOCK('§')"},
		"12 a lock in SET":                 {"SET @r=GET_LOCK('§',0)"},
		"12 … within an expression":        {"SET @r=1+GET_LOCK(CONCAT('§'),0)"},
		"12 … of a system variable":        {"SET net_write_timeout=60+GET_LOCK('§',0)"},
		"12 … in SET STATEMENT":            {"SET STATEMENT max_statement_time=GET_LOCK('§',0)+5 FOR SELECT 1"},
		"12 … behind it":                   {"SET STATEMENT max_statement_time=5 FOR SELECT GET_LOCK('§',0)"},
		"12 LAST_INSERT_ID in SET":         {"SET @r=LAST_INSERT_ID(5)"},
		"12 an assignment in SET":          {"SET @r=(@x:=7)"},
		"12 an assignment in DO":           {"DO @x:=7"},
		"12 … in UPDATE":                   {"UPDATE upserted SET k=(@x:=k)"},
		"12 … in a subquery":               {"SELECT (SELECT @x:=a FROM nums LIMIT 1)"},
		"12 … in ANALYZE":                  {"ANALYZE FORMAT=JSON SELECT @x:=7 FROM nums"},
		"12 … in INSERT":                   {"INSERT INTO auto (a) VALUES (@x:=9)"},
		"12 an upsert's id":                {"INSERT INTO upserted (k) VALUES (1) ON DUPLICATE KEY UPDATE id=LAST_INSERT_ID(id)"},
		"13 a compound statement":          {"BEGIN NOT ATOMIC SET @x=5; END"},
		"13 IF":                            {"IF 1 THEN SET @x=5; END IF"},
		"13 FOR":                           {"FOR i IN 1..3 DO SET @x=i; END FOR"},
		"13 CALL":                          {"CALL sets()"},
		"13 EXECUTE IMMEDIATE":             {"EXECUTE IMMEDIATE CONCAT('SET @','x=5')"},
		"13 EXECUTE":                       {"PREPARE p FROM 'SET @x=?'", "EXECUTE p USING 5+1"},
		"13 EXECUTE of a variable's text":  {"SET @q=CONCAT('SET @x=','5')", "PREPARE p FROM @q", "EXECUTE p"},
		"15 a long LAST_INSERT_ID":         {"SELECT LAST_INSERT_ID(5), '" + long + "'"},
		"15 a long assignment":             {"SELECT '" + long + "', 5 INTO @y, @x"},
		"15 a long lock":                   {"SELECT '" + long + "', GET_LOCK('§',0)"},
		"15 a long SET":                    {"SET @x='" + long + "', time_zone='+03:00'"},
		"17 data that looks like SQL":      {"SET sql_mode='NO_BACKSLASH_ESCAPES'", `SET @x=CONCAT('\', @evil=42 -- ')`},
		"18 a hexadecimal value":           {"SET @x=UNHEX('616263')"},
		"18 results in another set":        {"SET character_set_results=latin1", "SET @x=CONCAT('ä')"},
		"18 results as they are":           {"SET character_set_results=NULL", "SET @x=CONCAT('ä')"},
		"20 what was never set":            {"SELECT @@autocommit"},
		"22 no rows":                       {"SET sql_select_limit=0", "SET @x=1+1"},
		"22 safe updates":                  {"SET sql_safe_updates=1, sql_big_selects=0, max_join_size=1", "SET @x=1+1"},
		"temporary by LIKE":                {"CREATE TEMPORARY TABLE tmp LIKE nums"},
		"temporary by SELECT":              {"CREATE TEMPORARY TABLE IF NOT EXISTS tmp AS SELECT 1 AS a"},
		"temporary, replaced":              {"CREATE TEMPORARY TABLE tmp (a INT)", "CREATE OR REPLACE TEMPORARY TABLE tmp (b INT)"},
		"temporary, renamed":               {"CREATE TEMPORARY TABLE tmp0 (a INT)", "ALTER TABLE tmp0 RENAME tmp"},
		"temporary, dropped":               {"CREATE TEMPORARY TABLE tmp (a INT)", "DROP TABLE tmp"},
		"temporary, truncated":             {"CREATE TEMPORARY TABLE tmp (a INT)", "TRUNCATE tmp"},
		"temporary sequence":               {"CREATE TEMPORARY SEQUENCE tmp"},
		"temporary elsewhere":              {"USE moves_2", "CREATE TEMPORARY TABLE moves.tmp (a INT)", "USE moves"},
		"handler":                          {"HANDLER nums OPEN AS h", "HANDLER h READ FIRST"},
		"savepoint":                        {"BEGIN", "SAVEPOINT s", "ROLLBACK TO s"},
		"savepoint before a transaction":   {"SET autocommit=0", "SAVEPOINT s"},
		"several, and one that fails":      {"USE moves_2; SELECT nothing"},
		"several of other rules, likewise": {"SET NAMES latin1; SET sql_mode='ANSI'; SELECT nothing", "SELECT 'x'"},
		"locks of several kinds":           {"CREATE TEMPORARY TABLE tmp (a INT)", "HANDLER nums OPEN AS h", "SELECT GET_LOCK('§',0)"},
		"autocommit":                       {"SET autocommit=0", "SELECT * FROM nums"},
		"names with a collation":           {"SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET @x='a'"},
		"character set":                    {"SET CHARACTER SET latin1", "SET @x='a'"},
		"database's character set":         {"SET character_set_database=latin1", "SET collation_database=latin1_bin"},
		"server's character set":           {"SET character_set_server=latin1", "SET collation_server=latin1_bin"},
		"filesystem's character set":       {"SET character_set_filesystem=latin1"},
		"messages":                         {"SET lc_messages='de_DE', lc_time_names=fr_FR"},
		"engines":                          {"SET default_storage_engine=MyISAM, default_tmp_storage_engine=Aria"},
		"lists":                            {"SET optimizer_switch='mrr=on', old_mode='NO_PROGRESS_INFO', sql_mode='ALLOW_INVALID_DATES'"},
		"as of":                            {"SET system_versioning_asof='2020-01-01 00:00:00'"},
		"back to the default":              {"SET net_write_timeout=100", "SET net_write_timeout=DEFAULT"},
		"by the global one":                {"SET net_write_timeout=@@global.net_write_timeout+1"},
		"by a subquery":                    {"SET net_write_timeout=(SELECT MAX(a)+100 FROM nums)"},
		"by another variable":              {"SET @x=70", "SET net_write_timeout=@x, net_read_timeout=@@net_write_timeout"},
		"a name in backticks":              {"SET @`a``b c`=5, @`é`=6"},
		"names of one sound":               {"SET @Ab=5", "SET @aB=@AB+1"},
		"one value from another":           {"SET @x=5, @y:=@x+1, @z:=@y"},
		"prepared, and another database":   {"PREPARE s FROM 'SELECT COUNT(*)>0 FROM nums'", "USE moves_2"},
		"prepared, and another mode":       {"PREPARE s FROM 'SELECT \"a\"'", "SET sql_mode='ANSI_QUOTES'"},
		"prepared where there is the like": {"PREPARE s FROM 'SELECT COUNT(*) FROM like_it'", "USE moves_2"},
		"prepared anew":                    {"PREPARE s FROM 'SELECT 1'", "PREPARE s FROM 'SELECT 2'"},
		"prepared, and not":                {"PREPARE s FROM 'SELECT 1'", "DEALLOCATE PREPARE s"},
		"prepared of a variable":           {"SET @q='SELECT 7'", "PREPARE s FROM @q", "SET @q='SELECT 8'"},
		"a random seed":                    {"SET rand_seed1=5"},
		"a domain":                         {"SET gtid_domain_id=7, server_id=9"},
		"collation_database, and USE":      {"SET collation_database=latin1_bin", "USE moves_2"},
		"collation_database, and ALTER":    {"SET collation_database=latin1_bin", "ALTER DATABASE moves COMMENT='x'"},
		"set for EXECUTE alone":            {"PREPARE s FROM 'SET lc_time_names=\"fr_FR\"'", "SET STATEMENT lc_time_names=de_DE FOR EXECUTE s"},
		"set for EXECUTE IMMEDIATE alone":  {"SET STATEMENT net_write_timeout=70 FOR EXECUTE IMMEDIATE 'SET net_write_timeout=80'"},
		"temporary sequence, dropped":      {"CREATE TEMPORARY SEQUENCE tmp", "DROP SEQUENCE tmp"},
		"temporary, and not the sequence":  {"CREATE TEMPORARY TABLE tmp (a INT)", "DROP SEQUENCE IF EXISTS tmp"},
		"temporary, a column renamed":      {"CREATE TEMPORARY TABLE tmp (a INT)", "ALTER TABLE tmp RENAME COLUMN a TO b"},
		"a SET that fails":                 {"SET @x=5, @y='a', time_zone='nonsense', @z=6"},
		"a SET that fails, of another set": {"SET NAMES latin1 COLLATE latin1_bin", "SET @x=NULL, @y=_utf8mb4'a', @z=x'41', time_zone='nonsense'"},
		"a SET that fails late":            {"SET @x=(SELECT a FROM nums)"},
		"a statement prepared":             {"PREPARE s FROM 'SELECT @x:=5, @y:=CONCAT(1,2), 1 INTO @z'"},
		"a statement prepared of them":     {"SET @z='a'", "PREPARE s FROM 'SET @x=5, @y=\"a\", @z=NULL'"},
		"a limit of time":                  {"SET @x=7", "SET max_statement_time=@x+1"},
		"a limit of time, for a while":     {"SET STATEMENT max_statement_time=5 FOR SET max_statement_time=7"},
		"22 a mode of the statement alone": {"SET STATEMENT sql_mode='ANSI_QUOTES' FOR SET @x=5"},
		"prepared in another mode":         {"SET STATEMENT sql_mode='ANSI_QUOTES' FOR PREPARE s FROM 'SELECT \"a\" FROM (SELECT 1 AS a) t'"},
		"an empty string":                  {"SET @x=''", "SET sql_mode='EMPTY_STRING_IS_NULL'"},
		"an empty string that is NULL":     {"SET sql_mode='EMPTY_STRING_IS_NULL'", "SET @x=''", "SET sql_mode=''"},
		"a geometry":                       {"SET @x=POINT(1,2)"},
		"utf8 by old_mode":                 {"SET old_mode=''", "SET NAMES utf8"},
		"utf8 before old_mode":             {"SET NAMES utf8", "SET old_mode=''"},
		"a block of nothing":               {"SET sql_mode='ORACLE'", "BEGIN NULL; END"},
	}
}

// faultsTold are what is said to be lost with the backend, where the test wants to know.
func faultsTold() map[string]string {
	return map[string]string{
		"savepoint before a transaction": "without its savepoint",
		"13 CALL":                        "without its effects of procedures",
		"13 a compound statement":        "without its effects of procedures",
		"several, and one that fails":    "without its effects of statements of which another one failed",
		"locks of several kinds":         "without its temporary_table and user_lock and handler",
	}
}

// faultQuestions are what each session is asked.
func faultQuestions() []string {
	return []string{
		"SELECT HEX(LOWER(VARIABLE_NAME)), VARIABLE_TYPE, IF(VARIABLE_TYPE='VARCHAR',CHARACTER_SET_NAME,''), MD5(VARIABLE_VALUE) FROM information_schema.USER_VARIABLES ORDER BY 1 LIMIT 100",
		"SELECT COLLATION(@x), COLLATION(@y), COLLATION(@z), COLLATION(@q) LIMIT 1", "SELECT @x+0e0 LIMIT 1",
		"SELECT GROUP_CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE ORDER BY VARIABLE_NAME) FROM information_schema.SESSION_VARIABLES WHERE VARIABLE_NAME NOT IN ('timestamp', 'pseudo_thread_id', 'warning_count', 'error_count', " +
			"'last_insert_id', 'identity', 'last_gtid', 'gtid_binlog_pos', 'gtid_current_pos', 'gtid_binlog_state', 'rand_seed1', 'rand_seed2') LIMIT 1",
		"SELECT HEX(DATABASE()), IS_USED_LOCK('§')=CONNECTION_ID(), LAST_INSERT_ID(), @@in_transaction, @evil LIMIT 1",
		"SELECT COUNT(*) FROM moves.tmp LIMIT 1", `SELECT 'a\\b', COLLATION('x') LIMIT 1`, "EXECUTE s", "HANDLER h READ NEXT", "INSERT INTO moves.auto (id, a) VALUES (NULL, 1)", "SELECT @@in_transaction LIMIT 1",
	}
}

// faultPair is a session of a server's own, and one through Segue, that run the same.
type faultPair struct {
	name           string
	direct, behind *verdictSession
}

// ask has both run a text, with a name of its own each.
func (p *faultPair) ask(t *testing.T, text string) (want, got string) {
	t.Helper()
	return p.direct.ask(t, strings.ReplaceAll(text, "§", "direct "+p.name)), p.behind.ask(t, strings.ReplaceAll(text, "§", "behind "+p.name))
}

// faults tries all cases, some at a time.
func (r *answersRig) faults(t *testing.T, lost bool) {
	t.Helper()
	const together = 20 // a server has so many connections and no more
	var tally faultTally
	for names := range slices.Chunk(slices.Sorted(maps.Keys(faultCases())), together) {
		r.faultsOf(t, names, lost, &tally)
	}
	t.Logf("%d sessions, %d of them pinned, %d told that something is lost, %d ended", tally.sessions, tally.pinned, tally.refused, tally.ended)
}

type faultTally struct{ sessions, pinned, refused, ended int }

func (r *answersRig) faultsOf(t *testing.T, names []string, lost bool, tally *faultTally) {
	t.Helper()
	var pairs []faultPair
	for _, name := range names {
		p := faultPair{name, r.open(t, r.server.address()), r.open(t, r.program.address)}
		pairs = append(pairs, p)
		for _, text := range faultCases()[name] {
			want, got := p.ask(t, text)
			if bad := strings.HasPrefix(got, "error"); bad != strings.HasPrefix(want, "error") || strings.HasPrefix(got, "segue: ") {
				t.Errorf("%s: %.100s: %s, want %s", name, text, got, want)
			} else if bad {
				t.Logf("%s: %.100s: %s", name, text, got)
			}
		}
	}
	if lost {
		for _, c := range r.cables {
			c.reset()
		}
	} else {
		r.movePairs(t, pairs)
	}
	for _, p := range pairs {
		tally.sessions++
		if p.behind.info(t).Pinned != "" {
			tally.pinned++
		}
		for _, text := range faultQuestions() {
			want, got := p.ask(t, text)
			if told := faultsTold()[p.name]; lost && told != "" && text == faultQuestions()[0] && !strings.HasSuffix(got, told) {
				t.Errorf("%s: %s, want %s", p.name, got, told)
			}
			if strings.HasPrefix(got, "segue: ") {
				tally.refused++
				break
			}
			if lost && strings.HasPrefix(got, "gone: ") { // what it is cannot be told, or how to read its texts
				t.Logf("%s: %.60s: %s", p.name, text, got)
				tally.ended++
				break
			}
			if lost && text == "EXECUTE s" && got == "error 1243" { // nobody prepares it again as it was
				continue
			}
			if got != want {
				t.Errorf("%s: %.60s: %s", p.name, text, difference(got, want))
			}
		}
		_, _ = p.direct.conn.Quit(), p.behind.conn.Quit()
	}
}

// movePairs drains both addresses in turn.
func (r *answersRig) movePairs(t *testing.T, pairs []faultPair) {
	t.Helper()
	for _, spec := range r.specs {
		r.program.post(t, "/api/v1/backends/"+spec.Name+"/drain")
		for _, p := range pairs {
			waitFor(t, p.name+" to move", func() bool {
				now := p.behind.info(t)
				return now.Pinned != "" || now.Backend != spec.Name && now.State == proxy.Idle.String()
			})
		}
		r.program.post(t, "/api/v1/backends/"+spec.Name+"/ready")
	}
}

// difference is where two answers part.
func difference(got, want string) string {
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	from := max(0, at-40)
	return fmt.Sprintf("%.120q, want %.120q", got[from:], want[from:])
}
