package fesim_test

import (
	"testing"

	"segue/backend/fesim"
)

// What drivers and tools send before the first statement of their user must not fail.
func TestStatementsOfDrivers(t *testing.T) {
	c := open(t, start(t, fesim.Options{}), "root:")
	for _, statement := range []string{
		// go-sql-driver/mysql
		"USE test", "SELECT @@max_allowed_packet", "SET NAMES utf8mb4", "SET time_zone = '+00:00'", "START TRANSACTION", "ROLLBACK",
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
		// mariadb and mysql, the command line programs
		"select @@version_comment limit 1", "select USER()", "SELECT DATABASE()", "show databases", "show tables",
		// PyMySQL, mysqlclient, SQLAlchemy
		"SET AUTOCOMMIT = 0", "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_general_ci'", "SELECT @@transaction_isolation", "SELECT @@sql_mode",
		"SELECT @@lower_case_table_names", "SELECT CAST('test plain returns' AS CHAR(60)) AS anon_1", "SHOW WARNINGS", "SELECT VERSION()",
		"SHOW VARIABLES LIKE 'sql_mode'", "SHOW VARIABLES LIKE 'lower_case_table_names'",
		// MySQL Connector/J
		"/* mysql-connector-j-9.1.0 (Revision: x) */SELECT  @@session.auto_increment_increment AS auto_increment_increment, " +
			"@@character_set_client AS character_set_client, @@character_set_connection AS character_set_connection, " +
			"@@character_set_results AS character_set_results, @@character_set_server AS character_set_server, @@collation_server AS collation_server, " +
			"@@collation_connection AS collation_connection, @@init_connect AS init_connect, @@interactive_timeout AS interactive_timeout, " +
			"@@license AS license, @@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet AS max_allowed_packet, " +
			"@@net_write_timeout AS net_write_timeout, @@performance_schema AS performance_schema, @@sql_mode AS sql_mode, " +
			"@@system_time_zone AS system_time_zone, @@time_zone AS time_zone, @@transaction_isolation AS transaction_isolation, @@wait_timeout AS wait_timeout",
		"SET character_set_results = NULL", "SET sql_mode='STRICT_TRANS_TABLES'", "SET autocommit=1", "select @@session.transaction_read_only", "SELECT 1",
		"SET SQL_SELECT_LIMIT=DEFAULT", "SHOW COLLATION", "/* ping */ SELECT 1",
		// MariaDB Connector/J and npm mariadb
		"set session_track_system_variables='autocommit', autocommit=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')",
		"SELECT @@max_allowed_packet,@@system_time_zone,@@time_zone,@@auto_increment_increment",
		"SELECT @@max_allowed_packet, @@wait_timeout", "set names UTF8MB4", "select @@version_comment, @@session.tx_isolation",
		// pools
		"SELECT 1 FROM DUAL", "SELECT CURRENT_TIMESTAMP", "SHOW SESSION STATUS LIKE 'Ssl_cipher'", "SHOW ENGINES", "SHOW FULL TABLES FROM test",
	} {
		if rows, err := c.QueryContext(t.Context(), statement); err != nil {
			t.Errorf("%.60s: %v", statement, err)
		} else {
			for rows.Next() {
			}
			if err := rows.Err(); err != nil {
				t.Errorf("%.60s: %v", statement, err)
			}
			rows.Close()
		}
	}
}
