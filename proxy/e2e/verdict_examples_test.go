package e2e

import (
	"database/sql"
	"encoding/binary"
	"strings"
	"testing"

	"segue/proxy/track"
)

// example is one that a session runs: a text, or something that no text does.
type example struct {
	name   string
	before []string // which make the text possible
	text   string
	do     func(*verdictSession) error
	still  func(*testing.T, *verdictSession) // what a pinned session must still be able to do

	mayMove bool     // where the server tells enough
	pinned  []string // reasons that are as good as the row's
}

// examplesOf are the table's examples of a row, and what stands for it where the table has none.
func examplesOf(row track.Row, dialect string) []example {
	var list []example
	for _, text := range row.Examples {
		if row.Dialects == "all" && dialect == "StarRocks" && strings.HasPrefix(text, "/*!") {
			continue // a row of its own says what that is there
		}
		e := example{name: text, text: text, still: answers}
		if other, ok := inPlaceOf(dialect)[text]; ok {
			e.text = other
		}
		switch {
		case strings.Contains(text, "@x") && (strings.HasPrefix(text, "PREPARE") || strings.HasPrefix(text, "EXECUTE")):
			e.before = []string{"SET @x = CONCAT('SELECT', ' 1')"}
		case strings.Contains(text, "@m"):
			e.before = []string{"SET @m = 'ANSI'"}
		case strings.Contains(strings.ToLower(text), "get_lock(@a"):
			e.before = []string{"SET @a = 'a'"}
		case strings.HasPrefix(text, "CREATE TABLE"), strings.HasPrefix(text, "CREATE GLOBAL"):
			e.before = []string{"DROP TABLE t"}
		case strings.HasPrefix(text, "CREATE") && strings.Contains(text, "PROCEDURE"):
			e.before = []string{"DROP PROCEDURE p"}
		}
		e.mayMove = strings.Contains(row.Note, "replayed if")
		if strings.Contains(row.Held, "xa") {
			e.pinned = []string{track.PinTransaction} // for which a MariaDB takes one that has been prepared
		}
		list = append(list, e)
	}
	if do, ok := commands(dialect)[row.Statement]; ok {
		list = append(list, example{name: row.Statement, do: do})
	}
	return list
}

// inPlaceOf are texts in place of examples that name what no server has, or that would lock the tests out.
func inPlaceOf(dialect string) map[string]string {
	texts := map[string]string{
		"SET GLOBAL x=1": "SET GLOBAL wait_timeout=28800", "SET @@global.x=1": "SET @@global.wait_timeout=28800",
		"SET PASSWORD = 'x'": "SET PASSWORD = '" + testPassword + "'", "/*!80000 SET a=1 */": "/*!80000 SET @a=1 */",
	}
	switch dialect {
	case "MariaDB":
		texts["SET PASSWORD = 'x'"] = "SET PASSWORD = PASSWORD('" + testPassword + "')"
	case "TiDB": // it knows neither SERIALIZABLE nor READ ONLY
		texts["SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY"] = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
		texts["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"] = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
		texts["SET @@tx_isolation='SERIALIZABLE'"] = "SET @@tx_isolation='READ-COMMITTED'"
	}
	return texts
}

// answers: a pinned session goes on working.
func answers(t *testing.T, s *verdictSession) {
	t.Helper()
	if got, err := s.answer("SELECT 'still here'"); err != nil || !strings.Contains(got, "still here") {
		t.Errorf("a pinned session answers %q: %v", got, err)
	}
}

// commands do what a row says that is about no text, by the row's name. StarRocks answers COM_STMT_SEND_LONG_DATA. COM_CHANGE_USER is not among them: this client has none.
func commands(dialect string) map[string]func(*verdictSession) error {
	prepare := func(s *verdictSession) (err error) {
		s.prepared, err = s.conn.Prepare("SELECT ?, DATABASE(), @x")
		return err
	}
	return map[string]func(*verdictSession) error{
		"COM_STMT_PREPARE": prepare,
		"COM_STMT_PREPARE under another database or sql_mode than now": func(s *verdictSession) error {
			if err := prepare(s); err != nil {
				return err
			}
			return s.all("USE d")
		},
		"COM_STMT_SEND_LONG_DATA, cursors": func(s *verdictSession) error {
			id, err := s.prepareRaw("SELECT ?")
			if err != nil {
				return err
			}
			const comSendLongData = 0x18
			payload := binary.LittleEndian.AppendUint32([]byte{comSendLongData}, id)
			return s.command(dialect != "StarRocks", append(payload, 0, 0, 'x')...)
		},
		"COM_RESET_CONNECTION": func(s *verdictSession) error {
			if err := s.all("SET @x = 1; SET time_zone = '+05:00'"); err != nil {
				return err
			}
			const comResetConnection = 0x1f
			return s.command(false, comResetConnection)
		},
		"COM_SET_OPTION against the login's capability": func(s *verdictSession) error {
			const comSetOption, off = 0x1b, 1
			return s.command(false, comSetOption, off, 0)
		},
		"a text of more than 64 KB that may hold state; more than is kept in all (limits.statements_memory)": func(s *verdictSession) error {
			return s.all("SET @x = '" + strings.Repeat("x", 80<<10) + "'")
		},
	}
}

// database is the one that examples run in.
func (v *verdictTrial) database() string {
	if _, simulated := v.fleet.(*feFleet); simulated {
		return v.fleet.dialect().database
	}
	return verdictDatabase
}

// clean makes what examples need, and forgets what they left, on all servers.
func (v *verdictTrial) clean(t *testing.T) {
	t.Helper()
	statements := `SET FOREIGN_KEY_CHECKS = 0;
DROP DATABASE IF EXISTS v; CREATE DATABASE v; CREATE DATABASE IF NOT EXISTS d; CREATE DATABASE IF NOT EXISTS a;
CREATE TABLE v.t (a INT);
GRANT ALL ON *.* TO ` + testUser + `@'%' WITH GRANT OPTION;
CREATE USER IF NOT EXISTS u@localhost; CREATE ROLE IF NOT EXISTS r; GRANT r TO ` + testUser + `@'%'`
	for _, db := range v.admins(t) {
		_, _ = db.ExecContext(t.Context(), "XA ROLLBACK 'x'") // there rarely is one
		if _, err := db.ExecContext(t.Context(), statements); err != nil {
			t.Fatalf("clean server: %v", err)
		}
		if _, err := db.ExecContext(t.Context(), "CREATE PROCEDURE v.p(n INT) SET @a = n"); err != nil && v.dialect == "MariaDB" {
			t.Fatalf("clean server: %v", err)
		}
		_ = db.Close()
	}
}

// admins are ways to all servers beside Segue; none to simulated FEs.
func (v *verdictTrial) admins(t *testing.T) []*sql.DB {
	t.Helper()
	var list []*sql.DB
	add := func(db *sql.DB, err error) {
		if err != nil {
			t.Fatalf("open server: %v", err)
		}
		list = append(list, db)
	}
	switch f := v.fleet.(type) {
	case *mariadbFleet:
		for _, s := range f.servers {
			add(s.open("mysql"))
		}
	case *tidbFleet:
		for _, s := range f.servers {
			add(openDB(s.address(), "root", ""))
		}
	}
	return list
}

// mariadbRefuses are the examples that MariaDB answers with an error: a session holds nothing by them.
func mariadbRefuses() []string {
	return []string{
		"SET PERSIST x=1", "SET DEFAULT ROLE a TO b", "SET RESOURCE GROUP g", "LOCK INSTANCE FOR BACKUP",
		"create or replace temporary table if not exists a.b select 1", "FROBNICATE", "BINLOG 'x'",
	}
}

// tidbRefuses are those of TiDB.
func tidbRefuses() []string {
	return []string{
		"SET PERSIST x=1", "SET DEFAULT ROLE a TO b", "SET RESOURCE GROUP g", "SET tidb_snapshot='2020-01-01'; SET tidb_snapshot=''",
		"create or replace temporary table if not exists a.b select 1", "FROBNICATE",
	}
}
