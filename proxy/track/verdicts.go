package track

// Row is a row of the table of statements: what the session holds after a statement, or a command, has succeeded.
type Row struct {
	Statement string
	Dialects  string   // "all", or those for which the row holds
	Held      string   // "nothing", "replayed", "asked" (the old backend is asked for the value), or "pins: reason"
	Note      string   //
	Examples  []string // for the first dialect named
}

// Verdicts is the table of statements. STATEMENTS.md is made from it, and a test runs its examples.
func Verdicts() []Row {
	return []Row{
		{"SELECT, SHOW, DESCRIBE, EXPLAIN, VALUES, TABLE, KILL", "all", "nothing", "", []string{"SELECT 1", "/* x */ (SELECT 1)", "SHOW TABLES", "EXPLAIN SELECT 1", "SELECT 'a@b'", "SELECT @x", "SELECT @@sql_mode"}},
		{"INSERT, UPDATE, DELETE, REPLACE, DDL, grants, administration", "all", "nothing", "the session has written (`SYNC` on StarRocks)", []string{"INSERT INTO t VALUES (1)", "CREATE TABLE t (a INT)", "ALTER TABLE t ADD b INT", "GRANT ALL ON a.* TO u@localhost", "TRUNCATE t"}},
		{"BEGIN … COMMIT, ROLLBACK", "all", "pins: transaction", "by the server's status flags, or the words where a server sets none", []string{"BEGIN", "START TRANSACTION"}},
		{"USE, COM_INIT_DB", "all", "replayed", "as the login's database, or behind what changes privileges or catalog", []string{"USE d", "use `d`"}},
		{"USE catalog.db", "StarRocks", "replayed", "the login takes it", []string{"USE c.d"}},
		{"USE 'catalog c', SET CATALOG, SWITCH", "StarRocks", "replayed", "", []string{"USE 'catalog c'", "SET CATALOG c", "SET catalog = 'c'", "SWITCH c"}},
		{"USE db@cluster", "StarRocks", "pins: unparsed_set", "Doris", []string{"USE 'd@c'"}},
		{"SET x = literal; SESSION, LOCAL, @@x, @@session.x", "all", "replayed", "all in one SET, in the order of their last change", []string{"SET autocommit=0", "SET SESSION sql_safe_updates = ON, LOCAL lock_wait_timeout=5", "SET @@session.time_zone = '+00:00'", "set @@wait_timeout=5", "/*!40101 SET sql_mode='' */"}},
		{"SET @x = literal", "all", "replayed", "", []string{"SET @x = 1", "SET @a := 'b', @`c d` = NULL", "SET @n=-1.5e3"}},
		{"SET @x = expression; SELECT @x := …; SELECT … INTO @x; LOAD DATA (@x); GET DIAGNOSTICS", "MySQL", "asked", "", []string{"SET @x = NOW()", "SET @old=@@sql_mode", "SELECT @x := 1", "SELECT 1 INTO @x", "SET @x=(SELECT 1)", "GET DIAGNOSTICS @p = NUMBER", "SET @b=@a"}},
		{"SET x = expression", "all", "asked", "", []string{"SET timestamp=UNIX_TIMESTAMP('2020-01-01')"}},
		{"SET x = expression of its own or of global values", "all", "replayed", "as Connector/J and Rails set sql_mode", []string{"SET sql_mode=CONCAT(@@sql_mode,',STRICT_TRANS_TABLES')", "SET SESSION wait_timeout=@@global.wait_timeout"}},
		{"SET NAMES, SET CHARACTER SET", "all", "replayed", "", []string{"SET NAMES utf8mb4", "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'", "SET CHARACTER SET utf8mb4"}},
		{"SET NAMES gbk, big5, sjis, cp932, gb18030", "MySQL, TiDB", "pins: character_set", "a second byte may look like a quote", []string{"SET NAMES gbk"}},
		{"SET sql_mode with ANSI_QUOTES or NO_BACKSLASH_ESCAPES", "all", "pins: sql_mode", "replayed if the status flags tell of it, as MariaDB's do of both", []string{"SET sql_mode='ANSI'", "SET sql_mode=@m"}},
		{"SET GLOBAL, PERSIST, @@global.x", "MySQL, TiDB", "nothing", "on StarRocks a value of the session's own is asked for", []string{"SET GLOBAL x=1", "SET PERSIST x=1", "SET @@global.x=1"}},
		{"SET PASSWORD, SET DEFAULT ROLE, SET PROPERTY", "all", "nothing", "of the account", []string{"SET PASSWORD = 'x'", "SET DEFAULT ROLE a TO b"}},
		{"SET ROLE", "all", "replayed", "before the database", []string{"SET ROLE r"}},
		{"SET RESOURCE GROUP", "MySQL, TiDB", "replayed", "", []string{"SET RESOURCE GROUP g"}},
		{"SET WAREHOUSE, USE 'warehouse w'", "StarRocks", "replayed", "", []string{"SET WAREHOUSE w", "SET warehouse='w'"}},
		{"SET SESSION TRANSACTION", "MySQL, TiDB", "replayed", "nothing on StarRocks", []string{"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY"}},
		{"SET TRANSACTION, SET @@transaction_isolation", "MySQL, TiDB", "pins: next_transaction", "until a transaction has ended; nothing on StarRocks", []string{"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET @@tx_isolation='SERIALIZABLE'"}},
		{"SET insert_id, rand_seed1, gtid_next, tidb_snapshot …", "MySQL, TiDB", "pins: one_shot", "", []string{"SET insert_id=5"}},
		{"SET STATEMENT … FOR", "MySQL", "nothing", "MariaDB; what the statement behind FOR holds", []string{"SET STATEMENT max_statement_time=1 FOR SELECT 1"}},
		{"SET last_insert_id, LAST_INSERT_ID(n), an AUTO_INCREMENT id", "MySQL, TiDB", "asked", "if it cannot be asked, the session moves and a question for it is refused", []string{"SELECT LAST_INSERT_ID(5)"}},
		{"GET_LOCK", "MySQL, TiDB", "pins: user_lock", "until RELEASE_LOCK of the same literal, or RELEASE_ALL_LOCKS", []string{"SELECT GET_LOCK('a', 10)", "SELECT COALESCE(get_lock(@a,1),2)", "DO GET_LOCK('a',1)"}},
		{"RELEASE_LOCK, RELEASE_ALL_LOCKS", "MySQL, TiDB", "nothing", "", []string{"SELECT GET_LOCK('a', 10); SELECT RELEASE_LOCK('a')", "DO GET_LOCK(@a,1); DO RELEASE_ALL_LOCKS()"}},
		{"LOCK TABLES, FLUSH TABLES WITH READ LOCK, LOCK INSTANCE, BACKUP STAGE", "MySQL", "pins: lock_tables", "", []string{"LOCK TABLES t READ", "FLUSH TABLES WITH READ LOCK", "FLUSH TABLES t FOR EXPORT", "LOCK INSTANCE FOR BACKUP", "BACKUP STAGE START"}},
		{"UNLOCK TABLES", "MySQL", "nothing", "", []string{"LOCK TABLES t READ; UNLOCK TABLES", "BACKUP STAGE START; BACKUP STAGE END"}},
		{"HANDLER … OPEN", "MySQL", "pins: handler", "until CLOSE", []string{"HANDLER t OPEN AS a"}},
		{"HANDLER … CLOSE", "MySQL", "nothing", "", []string{"HANDLER t OPEN; HANDLER t CLOSE"}},
		{"XA START … XA PREPARE", "MySQL", "pins: xa", "until XA COMMIT or ROLLBACK; a transaction before that", []string{"XA START 'x'; XA END 'x'; XA PREPARE 'x'"}},
		{"CREATE TEMPORARY TABLE", "all", "pins: temporary_table", "until DROP of that name", []string{"CREATE TEMPORARY TABLE t (a INT)", "create or replace temporary table if not exists a.b select 1"}},
		{"DROP TABLE of a temporary one", "all", "nothing", "", []string{"CREATE TEMPORARY TABLE t (a INT); DROP TABLE t"}},
		{"CREATE GLOBAL TEMPORARY TABLE", "TiDB", "nothing", "", []string{"CREATE GLOBAL TEMPORARY TABLE t (a INT) ON COMMIT DELETE ROWS"}},
		{"PREPARE … FROM 'text'", "all", "replayed", "", []string{"PREPARE s FROM 'SELECT 1'"}},
		{"PREPARE … FROM @x", "all", "pins: prepare_text", "until DEALLOCATE", []string{"PREPARE s FROM @x"}},
		{"EXECUTE", "all", "nothing", "what the statement prepared holds", []string{"PREPARE s FROM 'SELECT 1'; EXECUTE s; DEALLOCATE PREPARE s"}},
		{"EXECUTE IMMEDIATE 'text'", "MySQL", "nothing", "what the text holds", []string{"EXECUTE IMMEDIATE 'SELECT 1'"}},
		{"EXECUTE IMMEDIATE @x", "MySQL", "pins: unparsed_set", "", []string{"EXECUTE IMMEDIATE @x"}},
		{"EXECUTE AS … WITH NO REVERT", "StarRocks", "replayed", "first of all", []string{"EXECUTE AS u WITH NO REVERT"}},
		{"CALL, BEGIN NOT ATOMIC, IF, LOOP, DECLARE …", "MySQL", "pins: procedure", "what it did cannot be seen", []string{"CALL p(1)", "IF 1 THEN SELECT 1; END IF"}},
		{"CREATE PROCEDURE, FUNCTION, TRIGGER, EVENT", "MySQL", "nothing", "", []string{"CREATE FUNCTION f() RETURNS INT RETURN 1", "CREATE DEFINER=a@b PROCEDURE p() SELECT @x := 1"}},
		{"… with a body that holds semicolons", "MySQL", "pins: procedure", "what may stand behind the body cannot be told from it", []string{"CREATE PROCEDURE p() BEGIN SET @a=1; SELECT 1; END"}},
		{"CREATE [SESSION] BINDING, SET SESSION_STATES", "TiDB", "pins: unparsed_set", "", []string{"CREATE BINDING FOR SELECT 1 USING SELECT 1", "SET SESSION_STATES '{}'"}},
		{"/*!80000 … */ around what holds state", "MySQL, TiDB", "pins: unparsed_set", "whether it is executed depends on the version; below 5.7 it always is", []string{"/*!80000 SET a=1 */", "SELECT 1 /*M! INTO @x */"}},
		{"/*! … */ around what holds state", "StarRocks", "pins: unparsed_set", "", []string{"/*!40101 SET NAMES utf8 */"}},
		{"any other statement", "all", "pins: unknown_statement", "", []string{"FROBNICATE", "UNSET VARIABLE x", "BINLOG 'x'"}},
		{"COM_STMT_PREPARE", "all", "replayed", "ids and types of parameters are kept", nil},
		{"COM_STMT_PREPARE under another database or sql_mode than now", "all", "pins: prepared", "", nil},
		{"COM_STMT_SEND_LONG_DATA, cursors", "all", "pins: long_data, cursor", "", nil},
		{"COM_RESET_CONNECTION", "MySQL, TiDB", "nothing", "all but the database is gone", nil},
		{"COM_RESET_CONNECTION", "StarRocks", "replayed", "session variables alone are gone", nil},
		{"COM_CHANGE_USER to the user of the login", "all", "nothing", "", nil},
		{"COM_CHANGE_USER to another user", "all", "pins: change_user", "", nil},
		{"COM_SET_OPTION against the login's capability", "all", "pins: set_option", "", nil},
		{"a text of more than 64 KB that may hold state; more than 256 KB in all", "all", "pins: too_large", "", nil},
	}
}
