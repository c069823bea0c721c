package fesim_test

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"segue/backend/fesim"
)

// jobs are tables as dbt makes them in proxy/e2e.
const jobs = `CREATE DATABASE jobs; USE jobs;
CREATE TABLE countries (id BIGINT, code VARCHAR(10) NOT NULL COMMENT 'ISO', name STRING) PRIMARY KEY (id) COMMENT 'where' DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ("replication_num" = "1");
INSERT INTO countries (code, id, name) VALUES ('de', 1, 'Germany'), ('fr', 2, 'France'), ('it', '3', NULL);
CREATE TABLE orders (id INT, country VARCHAR(10), amount DOUBLE DEFAULT "1.5");
INSERT INTO orders VALUES (1, 'de', 10.5), (2, 'de', 20), (3, 'fr', 5.25); INSERT INTO orders (id, country) VALUES (4, 'it');
CREATE VIEW big AS SELECT country AS c, amount FROM orders WHERE amount > 6;
CREATE TABLE revenue PROPERTIES ("replication_num" = "1") AS SELECT c.code, SUM(o.amount) AS n FROM countries c LEFT JOIN orders o ON o.country = c.code GROUP BY 1`

func TestQueries(t *testing.T) {
	c := open(t, start(t, fesim.Options{}), "root:")
	exec(t, c, jobs)
	for _, tt := range []struct{ query, want string }{
		{"SELECT code, n FROM revenue ORDER BY code", "de 30.5|fr 5.25|it 1.5"},
		{"SELECT country, COUNT(*) AS k, MIN(amount), MAX(amount), AVG(amount) FROM orders GROUP BY country HAVING k > 1", "de 2 10.5 20 15.25"},
		{"SELECT COUNT(DISTINCT country), COUNT(*), SUM(id) FROM orders", "3 4 10"},
		{"SELECT COUNT(*), SUM(id), MAX(id) FROM orders WHERE id > 9", "0 NULL NULL"},
		{"SELECT DISTINCT country FROM orders ORDER BY 1 DESC LIMIT 2", "it|fr"},
		{"SELECT country FROM orders ORDER BY amount DESC, id LIMIT 1, 1", "de"},
		{"WITH x AS (SELECT 1 AS a UNION ALL SELECT 2), y (b) AS (SELECT a + 1 FROM x) SELECT SUM(b) FROM y", "5"},
		{"SELECT 1 UNION SELECT 1 UNION ALL SELECT 2 ORDER BY 1 DESC LIMIT 1", "2"},
		{"(SELECT 2) UNION (SELECT 1) ORDER BY 1", "1|2"},
		{"SELECT a.code FROM countries a JOIN countries b USING (id) WHERE b.name IS NULL", "it"},
		{"SELECT COUNT(*) FROM countries, orders", "12"},
		{"SELECT code FROM countries c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.country = c.code AND o.amount > 2)", "it"},
		{"SELECT code, (SELECT COUNT(*) FROM orders WHERE country = code) FROM countries WHERE code IN ('de', 'it') AND id BETWEEN 2 AND 3", "it 1"},
		{"SELECT code FROM countries WHERE code NOT IN (SELECT country FROM orders WHERE amount > 2) AND code NOT LIKE 'f%'", "it"},
		{"SELECT CASE WHEN id > 1 THEN 'x' ELSE 'y' END, CASE code WHEN 'de' THEN 1 END FROM countries ORDER BY id LIMIT 2", "y 1|x NULL"},
		{"SELECT * FROM big ORDER BY amount", "de 10.5|de 20"},
		{"SELECT b.*, 1 FROM big b WHERE b.amount > 15", "de 20 1"},
		{"SELECT NULL OR 1, NULL AND 0, NULL AND 1, 3 NOT BETWEEN 4 AND 5", "1 0 NULL 1"},
		{"SELECT CAST('12' AS INT) + 1, CONVERT('3', SIGNED), CAST(4 AS CHAR(3)), 'a' COLLATE utf8_bin", "13 3 4 a"},
		{"SELECT LOCATE('b', 'abc'), LEAST(2, 1), GREATEST('a', 'b'), NULLIF(1, 1), SUBSTRING('hello', 2, 3), ROUND(1.6), DATE_ADD('2026-01-31', INTERVAL 1 DAY)", "2 1 b NULL ell 2 2026-02-01 00:00:00"},
		{"SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'jobs' AND table_type = 'VIEW'", "big VIEW"},
		{"SELECT column_name, column_type, is_nullable, column_key FROM INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'countries' ORDER BY ordinal_position LIMIT 2", "id bigint(20) YES PRI|code varchar(10) NO "},
		{"SELECT view_definition FROM information_schema.views WHERE table_name = 'big'", "SELECT country AS c, amount FROM orders WHERE amount > 6"},
	} {
		_, rows := list(t, c, tt.query)
		var lines []string
		for _, row := range rows {
			lines = append(lines, strings.Join(row, " "))
		}
		if got := strings.Join(lines, "|"); got != tt.want {
			t.Errorf("%s\n\tgives %s\n\twant  %s", tt.query, got, tt.want)
		}
	}
}

func TestTablesAreChanged(t *testing.T) {
	c := open(t, start(t, fesim.Options{}), "root:")
	exec(t, c, jobs)
	exec(t, c, "ALTER TABLE orders SWAP WITH countries; ALTER TABLE orders RENAME lands")
	if got := ask(t, c, "SELECT name FROM lands WHERE id = 1"); got != "Germany" {
		t.Error(got)
	}
	exec(t, c, "DELETE FROM lands WHERE id > 1; INSERT INTO lands SELECT 9, 'xx', 'X' FROM lands")
	if got := ask(t, c, "SELECT GROUP_CONCAT(code) FROM lands"); got != "de, xx" {
		t.Error(got)
	}
	exec(t, c, "INSERT OVERWRITE lands SELECT 1, 'y', 'Y'; BEGIN; INSERT INTO lands VALUES (2, 'z', 'Z')")
	if got := ask(t, c, "SELECT COUNT(*) FROM lands"); got != "1" {
		t.Errorf("%s rows before the COMMIT", got)
	}
	exec(t, c, "COMMIT")
	if got := ask(t, c, "SELECT COUNT(*) FROM lands"); got != "2" {
		t.Errorf("%s rows after the COMMIT", got)
	}
	exec(t, c, "TRUNCATE TABLE lands; CREATE OR REPLACE VIEW big AS SELECT 1 AS one; DROP VIEW big")
	for statement, want := range map[string]string{
		"SELECT * FROM big": "5502", "SELECT nothing FROM lands": "1064", "ALTER TABLE lands RENAME countries": "1050", "ALTER TABLE lands SWAP WITH nothing": "5502",
		"INSERT INTO lands VALUES (1)": "1064", "CREATE VIEW lands AS SELECT 1": "1050", "SELECT * FROM information_schema.nothing": "5502", "SHOW CREATE TABLE nothing": "5502",
		"SELECT 1 UNION SELECT 1, 2": "1064", "SELECT *": "1064", "SELECT a FROM (SELECT 1 AS b) x": "1064", "SHOW TABLES FROM nowhere": "ok", "SELECT COUNT(": "1064",
	} {
		if _, err := c.ExecContext(t.Context(), statement); codeOf(err) != want {
			t.Errorf("%s: %v, want %s", statement, err, want)
		}
	}
	if row := rowsOf(t, c, "SHOW CREATE TABLE countries")[0]["Create Table"]; !strings.Contains(row, "`amount` double NULL DEFAULT \"1.5\"") || !strings.Contains(row, "DUPLICATE KEY(`id`)") {
		t.Error(row)
	}
	if rows := rowsOf(t, c, "SHOW FULL COLUMNS FROM lands LIKE 'c%'"); len(rows) != 1 || rows[0]["Comment"] != "ISO" || rows[0]["Null"] != "NO" {
		t.Errorf("%v", rows)
	}
}

// What tools send when they connect and look around does not fail, as a text and prepared.
func TestStatementsOfTools(t *testing.T) {
	c := open(t, start(t, fesim.Options{}), "root:")
	exec(t, c, jobs)
	file, err := os.Open("testdata/tools.sql")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		statement := lines.Text()
		if statement == "" || strings.HasPrefix(statement, "--") {
			continue
		}
		n++
		list(t, c, statement)
		if upper := strings.ToUpper(statement); strings.HasPrefix(upper, "SELECT") {
			p, err := c.PrepareContext(t.Context(), statement)
			if err != nil {
				t.Errorf("prepare %.80s: %v", statement, err)
				continue
			}
			p.Close()
		}
	}
	if n < 30 {
		t.Errorf("%d statements", n)
	}
}
