package fesim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"segue/backend/fesim"
)

// codeOf is the number in an error of the driver.
func codeOf(err error) string {
	if err == nil {
		return "ok"
	}
	word, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "Error "), " ")
	return word
}

func TestMetadataLag(t *testing.T) {
	c := startCluster(t, 3, fesim.Options{MetadataLag: time.Hour}) // 36 s: longer than the test
	leader, writer, other := open(t, c.FEs()[0], "root:"), open(t, c.FEs()[1], "root:"), open(t, c.FEs()[2], "root:")
	exec(t, writer, "CREATE DATABASE fresh; CREATE TABLE fresh.t (x INT); USE fresh; INSERT INTO t VALUES (1), (2)")
	if got := ask(t, writer, "SELECT COUNT(*) FROM t"); got != "2" {
		t.Errorf("a table has %s of two rows", got)
	}
	exec(t, leader, "USE fresh; SELECT * FROM t")
	for statement, want := range map[string]string{
		"USE fresh": "1049", "SELECT * FROM fresh.t": "5502", "SHOW TABLES FROM fresh": "ok",
		"CREATE DATABASE fresh": "1007", // the leader's to say, and the leader knows
	} {
		if _, err := other.ExecContext(t.Context(), statement); codeOf(err) != want {
			t.Errorf("%s: %v, want %s", statement, err, want)
		}
	}
	if _, dbs := list(t, other, "SHOW DATABASES"); strings.Contains(fmt.Sprint(dbs), "fresh") {
		t.Errorf("the other FE shows %v", dbs)
	}
	c.FEs()[2].Kill()
	if err := c.FEs()[2].Start(); err != nil { // an FE replays everything before it listens
		t.Fatal(err)
	}
	exec(t, open(t, c.FEs()[2], "root:"), "USE fresh")
}

func TestSyncWaitsForTheLag(t *testing.T) {
	const lag = 300 * time.Millisecond
	c := startCluster(t, 3, fesim.Options{MetadataLag: 100 * lag})
	writer, other := open(t, c.FEs()[1], "root:"), open(t, c.FEs()[2], "root:")
	began := time.Now()
	exec(t, writer, "CREATE DATABASE fresh; SYNC")
	if took := time.Since(began); took >= lag {
		t.Errorf("SYNC on the FE that made the change waited for %v", took)
	}
	_, err := other.ExecContext(t.Context(), "USE fresh")
	wantErr(t, err, 1049, "42000")
	exec(t, other, "SYNC; USE fresh")
	if took := time.Since(began); took < lag {
		t.Errorf("SYNC was over after %v, want %v", took, lag)
	}
	exec(t, writer, "DROP DATABASE fresh")
	exec(t, other, "USE fresh") // it does not know yet
	within(t, "it is gone everywhere", func() bool {
		_, err := other.ExecContext(t.Context(), "USE fresh")
		return codeOf(err) == "1049"
	})
}

func TestCreateAndDrop(t *testing.T) {
	c := open(t, start(t, fesim.Options{}), "root:")
	for _, tt := range []struct{ statement, want string }{
		{"CREATE TABLE t (x INT)", "1046"},
		{"CREATE TABLE nowhere.t (x INT)", "1049"},
		{"CREATE TABLE test.T (x INT) DUPLICATE KEY(x) PROPERTIES('replication_num' = '1')", "ok"},
		{"CREATE TABLE test.t (x INT)", "1050"},
		{"CREATE TABLE IF NOT EXISTS test.t (x INT)", "ok"},
		{"USE test; SELECT id FROM t", "1064"},
		{"SELECT x FROM t", "ok"},
		{"CREATE TEMPORARY TABLE t (x INT)", "ok"},
		{"DROP TABLE t", "ok"}, // the temporary one
		{"SELECT x FROM t", "ok"},
		{"DROP TEMPORARY TABLE t", "5502"},
		{"DROP TABLE t", "ok"},
		{"DROP TABLE t", "5502"},
		{"DROP TABLE IF EXISTS t", "ok"},
		{"SELECT id FROM t", "5502"},
		{"INSERT INTO t VALUES (1)", "5502"},
		{"CREATE DATABASE IF NOT EXISTS test", "ok"},
		{"CREATE DATABASE d; CREATE TABLE d.t (x INT)", "ok"},
		{"DROP DATABASE d FORCE", "ok"},
		{"DROP DATABASE d", "1008"},
		{"DROP DATABASE IF EXISTS d", "ok"},
		{"CREATE DATABASE d; SELECT * FROM d.t", "5502"},
		{"DROP DATABASE test; USE test", "1049"},
	} {
		if _, err := c.ExecContext(t.Context(), tt.statement); codeOf(err) != tt.want {
			t.Errorf("%s: %v, want %s", tt.statement, err, tt.want)
		}
	}
	exec(t, c, "CREATE TABLE db1.one (x INT); CREATE TABLE db1.two (x INT); DROP TABLE db1.one; USE db1")
	if _, rows := list(t, c, "SHOW TABLES"); fmt.Sprint(rows) != "[[two]]" {
		t.Errorf("tables %v", rows)
	}
}

func TestS19_PingKeepsATransactionAlive(t *testing.T) {
	f := start(t, fesim.Options{TimeScale: 0.1, MaxExit: time.Hour}) // idle for 100 ms is too long
	kept, lost := login(t, f), login(t, f)
	for i, c := range []*raw{kept, lost} {
		c.run("BEGIN", 1)
		c.run(fmt.Sprintf("INSERT INTO fesim.ledger VALUES ('%d')", i), 1)
	}
	f.GracefulExit()
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		kept.send(0, []byte{14}) // COM_PING
		kept.must(1)
	}
	lost.wantEnd(false)
	kept.run("COMMIT", 1)
	if got := fmt.Sprint(f.Cluster().Ledger()); got != "map[0:1]" {
		t.Errorf("ledger %s, want the pinged session's alone", got)
	}
	kept.wantEnd(false)
}

// TestS20_PingDoesNotEndASession: with CloseAfterStmt a COM_PING has no statement behind it, so the session stays.
func TestS20_PingDoesNotEndASession(t *testing.T) {
	f := start(t, fesim.Options{CloseAfterStmt: true, Sweep: time.Hour, MaxExit: 2 * time.Hour})
	c := login(t, f)
	c.run("BEGIN", 1)
	f.GracefulExit()
	for range 3 {
		c.send(0, []byte{14})
		c.must(1)
	}
	c.run("COMMIT", 1)
	c.wantEnd(false)
}

func TestCloseIdle(t *testing.T) {
	f := start(t, fesim.Options{})
	idle, inTxn, busy := login(t, f), login(t, f), login(t, f)
	idle.run("SELECT 1", 5)
	inTxn.run("BEGIN", 1)
	busy.query("SELECT SLEEP(0.2)")
	within(t, "the statement runs", func() bool { return f.Stats().Statements == 3 })
	// The last answer may have reached us before the session has become idle.
	closed := 0
	within(t, "both are closed", func() bool { closed += f.CloseIdle(); return closed == 2 })
	idle.wantEnd(false)
	inTxn.wantEnd(false)
	for seq := uint8(1); seq <= 5; seq++ {
		busy.must(seq)
	}
	if code, _ := health(t, f); code != 200 {
		t.Errorf("health %d", code)
	}
	login(t, f).run("SELECT 1", 5)
}

// TestS14_ExecuteAsInAChain is what a move sends: everything in one COM_QUERY.
func TestS14_ExecuteAsInAChain(t *testing.T) {
	f := start(t, fesim.Options{Users: map[string]string{"svc": "", "app": ""}, Impersonators: []string{"svc"}})
	c := open(t, f, "svc:")
	exec(t, c, "SET query_timeout = 7, @a = 'x'; EXECUTE AS app WITH NO REVERT; USE test; SET ROLE r1; SET @b = 2, sql_mode = 'ANSI'")
	_, rows := list(t, c, "SELECT CURRENT_USER(), USER(), CURRENT_ROLE(), DATABASE(), @@query_timeout, @a, @b, @@sql_mode")
	if got, want := fmt.Sprint(rows[0]), "['app'@'%' 'svc'@'127.0.0.1' r1 test 7 x 2 ANSI]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := c.ExecContext(t.Context(), "SET @c = 1; EXECUTE AS svc WITH NO REVERT; SET @d = 1"); codeOf(err) != "5203" {
		t.Errorf("%v, want 5203", err)
	}
	if _, rows = list(t, c, "SELECT @c, @d"); fmt.Sprint(rows[0]) != "[1 NULL]" {
		t.Errorf("after a chain that failed in its middle: %v, want what stood before it alone", rows[0])
	}
}

func TestRepeated(t *testing.T) {
	c := startCluster(t, 2, fesim.Options{})
	for _, f := range c.FEs() {
		exec(t, open(t, f, "root:"), "INSERT INTO fesim.ledger VALUES ('twice'); BEGIN; INSERT INTO fesim.ledger VALUES ('"+f.Name()+"'), ('dropped')")
		exec(t, open(t, f, "root:"), "BEGIN; INSERT INTO fesim.ledger VALUES ('again'), ('"+f.Name()+" kept'); COMMIT")
	}
	if got := fmt.Sprint(c.Repeated()); got != "[again twice]" {
		t.Errorf("repeated %s", got)
	}
}
