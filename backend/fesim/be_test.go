package fesim_test

import (
	"context"
	"database/sql"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend/fesim"
)

// startBEs returns a running cluster of three FEs and n BEs, whose heartbeats are every 50 ms, and a connection to its first FE.
func startBEs(t *testing.T, n int, opts fesim.Options, be fesim.BEOptions) (*fesim.Cluster, *sql.Conn) {
	t.Helper()
	c := startCluster(t, 3, opts)
	for range n {
		addBE(t, c, be)
	}
	return c, open(t, c.FEs()[0], "root:")
}

func addBE(t *testing.T, c *fesim.Cluster, opts fesim.BEOptions) *fesim.BE {
	t.Helper()
	b, err := c.AddBE(opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	return b
}

// rowsOf returns the rows of a statement by the names of their columns.
func rowsOf(t *testing.T, c *sql.Conn, statement string) []map[string]string {
	t.Helper()
	rows, err := c.QueryContext(t.Context(), statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	names, _ := rows.Columns()
	var list []map[string]string
	for rows.Next() {
		values := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := map[string]string{}
		for i, name := range names {
			row[name] = values[i].String
		}
		list = append(list, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return list
}

// codes follows the StatusCode of the first BE until it is want, and returns those that it has had.
func codes(t *testing.T, c *sql.Conn, want string) []string {
	t.Helper()
	var seen []string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		code := rowsOf(t, c, "SHOW BACKENDS")[0]["StatusCode"]
		if len(seen) == 0 || seen[len(seen)-1] != code {
			seen = append(seen, code)
		}
		if code == want {
			return seen
		}
	}
	t.Fatalf("StatusCode was %v, never %s", seen, want)
	return nil
}

func TestBEStatusCodes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		waits string
		opts  fesim.Options
		want  []string
	}{
		{"waits for the heartbeat", "true", fesim.Options{}, []string{"OK", "SHUTDOWN", "DISCONNECTED"}},
		{"does not wait", "false", fesim.Options{Heartbeat: 20 * time.Second}, []string{"OK", "DISCONNECTED"}},
		{"3.3", "false", fesim.Options{ExitingIsDead: true}, []string{"OK", "DISCONNECTED"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, conn := startBEs(t, 2, tt.opts, fesim.BEOptions{Config: map[string]string{"graceful_exit_wait_for_frontend_heartbeat": tt.waits}})
			b := c.BEs()[0]
			b.Stop(true)
			if got := codes(t, conn, "DISCONNECTED"); !slices.Equal(got, tt.want) {
				t.Errorf("StatusCode was %v, want %v", got, tt.want)
			}
			<-b.Exited()
			if b.ExitCode() != 0 {
				t.Errorf("exit code %d", b.ExitCode())
			}
			row := rowsOf(t, conn, "SHOW BACKENDS")[0]
			if row["Alive"] != "false" || !strings.Contains(row["ErrMsg"], "Connection refused") {
				t.Errorf("%v", row)
			}
			b.Upgrade("3.5.9")
			if err := b.Start(); err != nil {
				t.Fatal(err)
			}
			codes(t, conn, "OK")
			if row := rowsOf(t, conn, "SHOW BACKENDS")[0]; row["Version"] != "3.5.9" || row["Alive"] != "true" || row["ErrMsg"] != "" {
				t.Errorf("%v", row)
			}
		})
	}
}

func TestBEIsAskedByHTTPAndTCP(t *testing.T) {
	c, conn := startBEs(t, 1, fesim.Options{}, fesim.BEOptions{})
	b := c.BEs()[0]
	if code, body := get(t, b.HealthURL()); code != http.StatusOK || body != `{"status": "OK","msg": "To Be Added"}` {
		t.Errorf("%d %s", code, body)
	}
	if _, body := get(t, strings.Replace(b.HealthURL(), "/api/health", "/varz", 1)); !strings.Contains(body, "\nloop_count_wait_fragments_finish=2\n") {
		t.Error(body)
	}
	row := rowsOf(t, conn, "SHOW BACKENDS")[0]
	for column, address := range map[string]string{"BePort": b.Address(), "HeartbeatPort": b.HeartbeatAddress()} {
		if _, port, _ := net.SplitHostPort(address); row[column] != port {
			t.Errorf("%s is %s, want %s", column, row[column], port)
		}
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if err := b.Configure("loop_count_wait_fragments_finish", "6"); err != nil {
		t.Error(err)
	}
	if err := b.Configure("be_port", "1"); err == nil {
		t.Error("a port was changed")
	}
	got := rowsOf(t, conn, "SELECT * FROM information_schema.be_configs WHERE NAME = 'loop_count_wait_fragments_finish'")
	if len(got) != 1 || got[0]["VALUE"] != "6" || got[0]["DEFAULT"] != "2" || got[0]["MUTABLE"] != "true" {
		t.Errorf("%v", got)
	}
	b.Stop(false)
	if b.ExitCode() != 137 {
		t.Errorf("exit code %d", b.ExitCode())
	}
	if conn, err := net.Dial("tcp", b.Address()); err == nil {
		conn.Close()
		t.Error("the dead BE listens")
	}
}

// A statement that runs when its BE leaves ends well within the loops, and is cancelled after them, or with the BE.
func TestBEFragments(t *testing.T) {
	const slow = "SELECT * FROM fesim.rows(4, 1, 100)" // 300 ms
	for _, tt := range []struct {
		name     string
		loops    string
		graceful bool
		opts     fesim.Options
		fails    bool
	}{
		{"loops enough", "6", true, fesim.Options{}, false},
		{"too few loops", "1", true, fesim.Options{}, true},
		{"no graceful exit", "0", true, fesim.Options{}, true},
		{"killed", "6", false, fesim.Options{}, true},
		{"3.3: taken for dead", "6", true, fesim.Options{ExitingIsDead: true}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, conn := startBEs(t, 1, tt.opts, fesim.BEOptions{Config: map[string]string{"loop_count_wait_fragments_finish": tt.loops}})
			b := c.BEs()[0]
			ended := make(chan error, 1)
			go func() {
				rows, err := conn.QueryContext(context.WithoutCancel(t.Context()), slow)
				if err == nil {
					for rows.Next() {
					}
					err = rows.Err()
					rows.Close()
				}
				ended <- err
			}()
			for b.Fragments() == 0 {
				time.Sleep(time.Millisecond)
			}
			b.Stop(tt.graceful)
			err := <-ended
			if tt.fails {
				wantErr(t, err, 5077, "XX000")
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// Between SIGTERM and the heartbeat that tells of it FEs send fragments that are refused; afterwards they do not.
func TestBERefusesFragments(t *testing.T) {
	c, conn := startBEs(t, 1, fesim.Options{Heartbeat: time.Hour}, fesim.BEOptions{Config: map[string]string{"graceful_exit_wait_for_frontend_heartbeat": "true"}})
	c.BEs()[0].Stop(true)
	for deadline := time.Now().Add(time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := conn.ExecContext(t.Context(), "INSERT INTO fesim.ledger VALUES ('x')"); err != nil {
			if wantErr(t, err, 1064, "HY000"); !strings.Contains(err.Error(), "shutting down") {
				t.Error(err)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("an exiting BE takes fragments")
		}
	}
	second, conn := startBEs(t, 2, fesim.Options{}, fesim.BEOptions{Config: map[string]string{"graceful_exit_wait_for_frontend_heartbeat": "true"}})
	second.BEs()[0].Stop(true)
	codes(t, conn, "SHUTDOWN")
	for range 20 {
		exec(t, conn, "INSERT INTO fesim.ledger VALUES ('y')")
	}
	second.BEs()[1].Stop(false)
	_, err := conn.ExecContext(t.Context(), "SELECT * FROM fesim.ledger") // on neither of the two
	if wantErr(t, err, 1064, "HY000"); !strings.Contains(err.Error(), "Backend node not found") {
		t.Error(err)
	}
}

func TestJobsFailWithTheirBE(t *testing.T) {
	c, conn := startBEs(t, 2, fesim.Options{}, fesim.BEOptions{})
	cn := addBE(t, c, fesim.BEOptions{Compute: true})
	here, there := c.BEs()[0], c.BEs()[1]
	lost := c.Begin(fesim.JobOptions{Label: "lost", Duration: time.Hour, On: here})
	kept := c.Begin(fesim.JobOptions{Label: "kept", Duration: time.Hour, On: there})
	over := c.Begin(fesim.JobOptions{Label: "over", On: here})
	routine := c.Begin(fesim.JobOptions{Kind: fesim.RoutineLoad, Label: "kafka", On: here})
	change := c.Begin(fesim.JobOptions{Kind: fesim.SchemaChange, Duration: time.Hour})
	cn.Stop(false)
	if got := change.State(); got != "RUNNING" {
		t.Errorf("a schema change without a CN is %s", got)
	}
	exec(t, conn, "USE test")
	if rows := rowsOf(t, conn, "SHOW ALTER TABLE COLUMN WHERE State = 'RUNNING'"); len(rows) != 1 || rows[0]["TableName"] != "t" || rows[0]["FinishTime"] != "NULL" {
		t.Errorf("%v", rows)
	}
	here.Stop(false)
	for j, want := range map[*fesim.Job]string{lost: "CANCELLED", kept: "LOADING", over: "FINISHED", routine: "PAUSED", change: "CANCELLED"} {
		if got := j.State(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	states := map[string]string{}
	for _, row := range rowsOf(t, conn, "SELECT * FROM information_schema.loads") {
		states[row["LABEL"]] = row["STATE"] + " " + row["ERROR_MSG"]
	}
	if states["lost"] != "CANCELLED backend [id=10001] is down" || states["kept"] != "LOADING " || states["kafka"][:6] != "PAUSED" {
		t.Errorf("%v", states)
	}
	if rows := rowsOf(t, conn, "SHOW LOAD FROM test WHERE State = 'CANCELLED'"); len(rows) != 1 || rows[0]["Label"] != "lost" {
		t.Errorf("%v", rows)
	}
	if rows := rowsOf(t, conn, "SHOW ROUTINE LOAD"); len(rows) != 1 || rows[0]["State"] != "PAUSED" || rows[0]["ReasonOfStateChanged"] == "" {
		t.Errorf("%v", rows)
	}
	id := ""
	for _, row := range rowsOf(t, conn, "SHOW PROC '/jobs'") {
		if row["DbName"] == "test" {
			id = row["DbId"]
		}
	}
	if rows := rowsOf(t, conn, "SHOW PROC '/jobs/"+id+"'"); rows[0]["JobType"] != "load" || rows[0]["Running"] != "1" || rows[0]["Cancelled"] != "1" {
		t.Errorf("%v", rows)
	}
}

func TestTabletsUnderRepair(t *testing.T) {
	c, conn := startBEs(t, 2, fesim.Options{Repair: 10 * time.Second}, fesim.BEOptions{Tablets: 5})
	sum := func() map[string]string {
		rows := rowsOf(t, conn, "SHOW PROC '/statistic'")
		return rows[len(rows)-1]
	}
	if s := sum(); s["DbId"] != "Total" || s["UnhealthyTabletNum"] != "0" || s["TabletNum"] != "10" {
		t.Errorf("%v", s)
	}
	b := c.BEs()[0]
	b.Stop(false)
	codes(t, conn, "DISCONNECTED")
	if s := sum(); s["UnhealthyTabletNum"] != "5" || s["CloningTabletNum"] != "0" {
		t.Errorf("%v", s)
	}
	if n := len(rowsOf(t, conn, "SHOW PROC '/cluster_balance/pending_tablets'")); n != 5 {
		t.Errorf("%d pending tablets", n)
	}
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	codes(t, conn, "OK")
	for sum()["UnhealthyTabletNum"] != "0" {
		time.Sleep(5 * time.Millisecond)
	}
	c.SetTablets(fesim.Tablets{Pending: 3, Running: 1, Inconsistent: 2, ErrorState: 4})
	if s := sum(); s["InconsistentTabletNum"] != "2" || s["ErrorStateTabletNum"] != "4" {
		t.Errorf("%v", s)
	}
	balance := map[string]string{}
	for _, row := range rowsOf(t, conn, "SHOW PROC '/cluster_balance'") {
		balance[row["Item"]] = row["Number"]
	}
	if balance["pending_tablets"] != "3" || balance["running_tablets"] != "1" || balance["working_slots"] != "2" {
		t.Errorf("%v", balance)
	}
}

func TestComputeNodes(t *testing.T) {
	c, conn := startBEs(t, 1, fesim.Options{}, fesim.BEOptions{})
	addBE(t, c, fesim.BEOptions{Compute: true, Version: "3.4.1"})
	rows := rowsOf(t, conn, "SHOW COMPUTE NODES")
	if len(rows) != 1 || rows[0]["Version"] != "3.4.1" || rows[0]["StatusCode"] != "OK" || rows[0]["ComputeNodeId"] != "11001" {
		t.Errorf("%v", rows)
	}
	if _, body := get(t, c.FEs()[1].HealthURL()); !strings.Contains(body, `"online_backend_num":2`) {
		t.Error(body)
	}
	if rows := rowsOf(t, conn, "SHOW BACKENDS"); len(rows) != 1 || rows[0]["TabletNum"] != "12" {
		t.Errorf("%v", rows)
	}
}

func TestObserversHaveNoVote(t *testing.T) {
	c := startCluster(t, 3, fesim.Options{Election: time.Second})
	o, err := fesim.New(fesim.Options{Cluster: c, FID: 4, Observer: true, TimeScale: fast, Version: "3.5.1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Start(); err != nil {
		t.Fatal(err)
	}
	conn := open(t, o, "root:")
	rows := rowsOf(t, conn, "SHOW FRONTENDS")
	if len(rows) != 4 || rows[3]["Role"] != "OBSERVER" || rows[3]["Version"] != "3.5.1" || rows[0]["Role"] != "LEADER" || rows[1]["Role"] != "FOLLOWER" || rows[3]["IsHelper"] != "false" {
		t.Errorf("%v", rows)
	}
	for _, f := range c.FEs()[:2] {
		f.Kill()
	}
	time.Sleep(50 * time.Millisecond) // five elections
	if l := c.Leader(); l != nil {
		t.Errorf("%v leads, without a quorum", l)
	}
	follower := c.FEs()[1]
	follower.Upgrade("3.5.2")
	if err := follower.Start(); err != nil {
		t.Fatal(err)
	}
	for c.Leader() == nil {
		time.Sleep(time.Millisecond)
	}
	if c.Leader() == o {
		t.Error("an observer leads")
	}
	if rows := rowsOf(t, conn, "SHOW FRONTENDS"); rows[1]["Version"] != "3.5.2" || rows[0]["Version"] != "NULL" || rows[0]["Alive"] != "false" {
		t.Errorf("%v", rows)
	}
	if got := ask(t, open(t, follower, "root:"), "SELECT current_version()"); got != "3.5.2" {
		t.Error(got)
	}
}

func TestImage(t *testing.T) {
	f := start(t, fesim.Options{Users: map[string]string{"root": "secret", "app": ""}})
	page := strings.Replace(f.HealthURL(), "http://", "http://root:secret@", 1)
	page = strings.Replace(page, "/api/health", "/ha", 1)
	if _, body := get(t, page); strings.Contains(body, "checkpoint") || !strings.Contains(body, "LEADER") {
		t.Error(body)
	}
	_, err := open(t, f, "app:").ExecContext(t.Context(), "ALTER SYSTEM CREATE IMAGE")
	wantErr(t, err, 5203, "42000")
	exec(t, open(t, f, "root:secret"), "ALTER SYSTEM CREATE IMAGE")
	if _, body := get(t, page); !strings.Contains(body, "last checkpoint time: "+time.Now().Format("Mon Jan _2")) {
		t.Error(body)
	}
	if code, _ := get(t, strings.Replace(page, "root:secret@", "", 1)); code != http.StatusUnauthorized {
		t.Errorf("%d without a password", code)
	}
	f.Cluster().SetImageTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	if _, body := get(t, page); !strings.Contains(body, "last checkpoint time: Fri Jan  2 03:04:05 UTC 2026") {
		t.Error(body)
	}
	rows := rowsOf(t, open(t, f, "root:secret"), "ADMIN SHOW FRONTEND CONFIG LIKE '%graceful_exit_time%'")
	if len(rows) != 2 || rows[1]["Key"] != "min_graceful_exit_time_second" || rows[1]["Value"] != "15" || rows[1]["IsMutable"] != "true" {
		t.Errorf("%v", rows)
	}
}

// Statements that an FE plans are not given to nodes on its blacklist. Another FE has a list of its own, and an FE that is started again has an empty one.
func TestBlacklist(t *testing.T) {
	c, err := fesim.NewCluster(2, fesim.Options{TimeScale: 0.01})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 2 {
		if _, err := c.AddBE(fesim.BEOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	first, second := open(t, c.FEs()[0], "root:"), open(t, c.FEs()[1], "root:")
	runs := func(db *sql.Conn) bool {
		_, err := db.ExecContext(t.Context(), "SELECT id FROM fesim.ledger")
		return err == nil
	}
	exec(t, first, "ADD BACKEND BLACKLIST 10001")
	if rows := rowsOf(t, first, "SHOW BACKEND BLACKLIST"); len(rows) != 1 || rows[0]["BackendId"] != "10001" || rows[0]["AddBlackListType"] != "MANUAL" {
		t.Errorf("%v", rows)
	}
	if !runs(first) {
		t.Error("one BE is left")
	}
	exec(t, first, "ADD BACKEND BLACKLIST 10001, 10002")
	if runs(first) || !runs(second) {
		t.Errorf("no BE is left to the first: it runs %v, the other one %v", runs(first), runs(second))
	}
	exec(t, first, "DELETE BACKEND BLACKLIST 10001")
	if !runs(first) {
		t.Error("one BE is off the list again")
	}
	if _, err := first.ExecContext(t.Context(), "ADD COMPUTE NODE BLACKLIST 7"); err == nil {
		t.Error("there is no node 7")
	}
	exec(t, first, "ADD BACKEND BLACKLIST 10001, 10002")
	fe := c.FEs()[0]
	fe.Kill()
	<-fe.Exited()
	if err := fe.Start(); err != nil {
		t.Fatal(err)
	}
	if again := open(t, fe, "root:"); !runs(again) {
		t.Error("it has kept its list")
	}
}
