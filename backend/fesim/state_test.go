package fesim_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"segue/backend/fesim"
)

func TestS12_SessionState(t *testing.T) {
	f := start(t, fesim.Options{Name: "fe-x", FID: 2, Databases: []string{"test", "fesim"}})
	c := open(t, f, "root:")
	for _, tt := range []struct{ set, ask, want string }{
		{"", "SELECT DATABASE()", "NULL"},
		{"USE test", "SELECT DATABASE()", "test"},
		{"USE hive.test", "SELECT CATALOG()", "hive"},
		{"SET CATALOG default_catalog", "SELECT @@catalog", "default_catalog"},
		{"SET WAREHOUSE big", "SELECT CURRENT_WAREHOUSE()", "big"},
		{"SET ROLE r1, r2", "SELECT CURRENT_ROLE()", "r1, r2"},
		{"SET @a = 1 + 1, @b = 'it''s'", "SELECT CONCAT(@a, @b)", "2it's"},
		{"SET query_timeout = 7", "SELECT @@query_timeout", "7"},
		{"SET SESSION sql_mode = CONCAT(@@sql_mode, ',ANSI')", "SELECT @@session.sql_mode", "ONLY_FULL_GROUP_BY,ANSI"},
		{"SET @@autocommit = OFF", "SELECT @@autocommit", "0"},
		{"SET autocommit = DEFAULT", "SELECT @@autocommit", "1"},
		{"SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SELECT @@character_set_client", "utf8mb4"},
		{"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "SELECT @nothing", "NULL"},
		{"SET tx_isolation = 'READ-COMMITTED'", "SELECT @@transaction_isolation", "READ-COMMITTED"},
		{"", "SELECT CONNECTION_ID()", "33554433"},
		{"", "SELECT CURRENT_USER()", "'root'@'%'"},
		{"", "SELECT @@hostname", "fe-x"},
		{"", "SELECT VERSION()", "8.0.33"},
		{"CREATE TEMPORARY TABLE test.tmp (a INT)", "SELECT COUNT(*) FROM tmp", "0"},
		{"", "SHOW VARIABLES LIKE 'query\\_timeout'", "query_timeout"},
		{"", "SHOW VARIABLES WHERE Variable_name = 'autocommit' OR Variable_name = 'x'", "autocommit"},
		{"", "/* c */ select 1 -- end", "1"},
		{"", "SELECT IF(1 < 2 AND NOT 'a' LIKE 'b%', 'yes', 'no') FROM dual LIMIT 1", "yes"},
		{"", "SELECT -2 * (3 + 4) % 5", "-4"},
	} {
		if tt.set != "" {
			exec(t, c, tt.set)
		}
		if got := ask(t, c, tt.ask); got != tt.want {
			t.Errorf("%s; %s = %s, want %s", tt.set, tt.ask, got, tt.want)
		}
	}
	for statement, code := range map[string]uint16{
		"SET nothing = 1": 1193, "SET query_timeout = 'long'": 1232, "SET CATALOG nowhere": 5078, "USE nowhere": 1049, "SELECT a": 1064,
		"SELECT * FROM nowhere": 5502, "SELECT COUNT(*) FROM fesim.rows(1, 1) WHERE nothing = 1": 1064,
	} {
		if _, err := c.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s: no error", statement)
		} else if !strings.HasPrefix(err.Error(), fmt.Sprintf("Error %d ", code)) {
			t.Errorf("%s: %v, want %d", statement, err, code)
		}
	}
}

func TestS12_ResetConnectionResetsVariablesOnly(t *testing.T) {
	c := login(t, start(t, fesim.Options{}))
	c.query("USE test; SET @a = 5, query_timeout = 9, catalog = 'hive'; PREPARE p FROM 'SELECT 1'; CREATE TEMPORARY TABLE t (a INT); BEGIN")
	for seq := uint8(1); seq <= 5; seq++ {
		if ok := c.must(seq); ok[0] != 0 {
			t.Fatalf("statement %d: %q", seq, ok)
		}
	}
	c.send(0, []byte{31})
	c.must(1)
	c.query("SELECT DATABASE(), @a, @@query_timeout, CATALOG()")
	for seq := uint8(1); seq < 7; seq++ {
		c.must(seq)
	}
	if row := c.must(7); string(row) != "\x04test\x015\x03300\x0fdefault_catalog" {
		t.Errorf("after COM_RESET_CONNECTION: %q", row)
	}
	c.must(8)
	c.query("EXECUTE p")
	if n := c.must(1); n[0] != 1 {
		t.Errorf("prepared statement: %q", n)
	}
}

func TestS13_ExplicitTransactions(t *testing.T) {
	f := start(t, fesim.Options{})
	c := open(t, f, "root:")
	count := func(id string) string { return ask(t, c, "SELECT COUNT(*) FROM fesim.ledger WHERE id = '"+id+"'") }
	exec(t, c, "BEGIN WORK; INSERT INTO fesim.ledger VALUES ('kept')")
	if got := count("kept"); got != "0" {
		t.Errorf("before COMMIT: %s", got)
	}
	exec(t, c, "COMMIT")
	exec(t, c, "START TRANSACTION; INSERT INTO fesim.ledger (id) VALUES ('dropped'); ROLLBACK")
	if kept, dropped := count("kept"), count("dropped"); kept != "1" || dropped != "0" {
		t.Errorf("kept %s, dropped %s", kept, dropped)
	}
	lost := login(t, f)
	lost.query("BEGIN")
	lost.must(1)
	lost.query("INSERT INTO fesim.ledger VALUES ('lost')")
	lost.must(1)
	lost.conn.Close()
	within(t, "the session has ended", func() bool { return f.Stats().Open == 1 })
	exec(t, c, "BEGIN; COMMIT")
	if got := count("lost"); got != "0" {
		t.Errorf("after the disconnect: %s", got)
	}
}

func TestS14_ExecuteAs(t *testing.T) {
	f := start(t, fesim.Options{Users: map[string]string{"root": "", "app": "", "svc": ""}, Impersonators: []string{"svc"}})
	c := open(t, f, "svc:")
	exec(t, c, "USE test; SET ROLE r; EXECUTE AS app WITH NO REVERT")
	for query, want := range map[string]string{
		"SELECT CURRENT_USER()": "'app'@'%'", "SELECT USER()": "'svc'@'127.0.0.1'", "SELECT CURRENT_ROLE()": "NONE", "SELECT DATABASE()": "test",
	} {
		if got := ask(t, c, query); got != want {
			t.Errorf("%s = %s, want %s", query, got, want)
		}
	}
	_, err := c.ExecContext(t.Context(), "EXECUTE AS svc WITH NO REVERT") // app may not
	wantErr(t, err, 5203, "42000")
	_, err = open(t, f, "svc:").ExecContext(t.Context(), "EXECUTE AS nobody WITH NO REVERT")
	wantErr(t, err, 1064, "HY000")
}

func TestS15_Kill(t *testing.T) {
	c := startCluster(t, 2, fesim.Options{Users: map[string]string{"root": "", "app": ""}})
	f := c.FEs()[0]
	admin := open(t, f, "root:")
	victim := login(t, f)
	id := ask(t, admin, "SELECT CONNECTION_ID() + 1")

	victim.query("SELECT SLEEP(60)")
	within(t, "the statement runs", func() bool { return f.Stats().Statements == 2 })
	exec(t, admin, "KILL QUERY "+id)
	if e := victim.must(1); e[0] != 0xff {
		t.Errorf("KILL QUERY: %x, want ERR", e)
	}
	victim.query("SELECT SLEEP(60)")
	within(t, "the statement runs again", func() bool { return f.Stats().Statements == 4 })
	_, err := open(t, f, "app:").ExecContext(t.Context(), "KILL "+id)
	wantErr(t, err, 5203, "42000")
	exec(t, admin, "KILL CONNECTION "+id)
	victim.wantEnd(false)

	_, err = admin.ExecContext(t.Context(), "KILL "+id)
	wantErr(t, err, 1094, "HY000")
	other := ask(t, open(t, c.FEs()[1], "root:"), "SELECT CONNECTION_ID()")
	_, err = admin.ExecContext(t.Context(), "KILL "+other) // lives, but elsewhere
	wantErr(t, err, 1094, "HY000")
}

func TestS16_Show(t *testing.T) {
	c := startCluster(t, 3, fesim.Options{Users: map[string]string{"root": "", "app": ""}})
	names, rows := list(t, open(t, c.FEs()[1], "root:"), "SHOW FRONTENDS")
	if len(names) != 16 || len(rows) != 3 {
		t.Fatalf("%d columns, %d rows", len(names), len(rows))
	}
	at := make(map[string]int)
	for i, name := range names {
		at[name] = i
	}
	if rows[0][at["Role"]] != "LEADER" || rows[1][at["Role"]] != "FOLLOWER" || rows[2][at["Alive"]] != "true" {
		t.Errorf("%v", rows)
	}
	c.FEs()[2].Kill()
	if _, rows = list(t, open(t, c.FEs()[1], "root:"), "SHOW FRONTENDS"); rows[2][at["Alive"]] != "false" || rows[2][at["StartTime"]] != "NULL" {
		t.Errorf("killed: %v", rows[2])
	}
	_, err := open(t, c.FEs()[0], "app:").ExecContext(t.Context(), "SHOW FRONTENDS")
	wantErr(t, err, 5203, "42000")
	for statement, columns := range map[string]int{"SHOW BACKENDS": 30, "SHOW COMPUTE NODES": 21, "SHOW FULL PROCESSLIST": 12, "SHOW AUTHENTICATION": 4} {
		if names, _ := list(t, open(t, c.FEs()[0], "root:"), statement); len(names) != columns {
			t.Errorf("%s: %d columns, want %d", statement, len(names), columns)
		}
	}
}

func TestS16_LeavingFEIsAlive(t *testing.T) {
	c := startCluster(t, 3, fesim.Options{FrontendsWithID: true, MinExit: time.Hour, MaxExit: 2 * time.Hour})
	conn := open(t, c.FEs()[0], "root:")
	c.FEs()[2].GracefulExit()
	names, rows := list(t, conn, "SHOW FRONTENDS")
	if len(names) != 17 || names[0] != "Id" || rows[2][10] != "true" {
		t.Errorf("%v %v", names, rows[2])
	}
}

func TestS16_FrontendsHangsWithoutLeader(t *testing.T) {
	c := startCluster(t, 3, fesim.Options{FrontendsHang: true, Election: time.Hour})
	conn := open(t, c.FEs()[1], "root:")
	c.FEs()[0].Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := conn.ExecContext(ctx, "SHOW FRONTENDS"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("answered without a leader: %v", err)
	}
}

func TestS17_WaitTimeout(t *testing.T) {
	f := start(t, fesim.Options{})
	c, unused := login(t, f), login(t, f)
	c.query("SET wait_timeout = 2") // 20 ms here
	c.must(1)
	c.wantEnd(false)
	unused.query("SELECT 1") // the others have 28800 s
	unused.must(1)
}
