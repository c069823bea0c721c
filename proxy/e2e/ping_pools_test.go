package e2e

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// poolsWithout are the pools that work with sessions which Segue cannot log in for: those that look at a connection before they lend it, be it by a ping
// (HikariCP, SQLAlchemy's pool_pre_ping) or by reading its socket (database/sql). That of mysql2 does not: whoever waits for a connection gets one that has
// been given back in the same moment, with its end unread behind it; so its user pings it. deploy/docs/explanation/what-segue-does.md says which do.
func poolsWithout() map[string]func(*testing.T) []string {
	all := pools()
	all["mysql2"] = script("env", "VALIDATE=ping", "node", "clients/mysql2/pool.js")
	hikari := all["hikaricp"]
	all["hikaricp"] = func(t *testing.T) []string {
		t.Helper()
		command := hikari(t) // it lends a connection that was used within the last half second, or millisecond, unseen, unless it is told not to
		return slices.Insert(command, 1, "-Dcom.zaxxer.hikari.aliveBypassWindowMs=-1")
	}
	all["sqlalchemy"] = func(t *testing.T) []string {
		t.Helper()
		return []string{filepath.Join(cacheDir(t), "venv", "bin", "python"), "clients/pymysql/validate.py"}
	}
	return all
}

// TestPoolsWithoutCredentials: pools whose connections Segue cannot log in for have them replaced while the servers are drained and restarted one by one. Their
// users see no error.
func TestPoolsWithoutCredentials(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(poolsWithout())) {
		t.Run(name, func(t *testing.T) { replaced(t, name, poolsWithout()[name](t)) })
	}
}

// replaced drains and restarts servers below a pool.
func replaced(t *testing.T, name string, command []string) {
	t.Helper()
	f := startMariaDBs(t)
	p := startProgram(t, f.flavor(), f.specs(), "users: []")
	pool := startPool(t, name, command, p.address, f.dialect(), "single")
	pool.waitReady(t)
	waitFor(t, "the pool to connect", func() bool { return p.allSessions(t) >= poolSize })
	for range 3 {
		for _, i := range f.order() {
			time.Sleep(500 * time.Millisecond) // in which it works on all three servers
			name := f.specs()[i].Name
			p.run(t, "drain", name, "--wait", "--timeout", "70s")
			p.run(t, "ready", name)
		}
	}
	f.restart(t, p, 0)
	p.waitUp(t)
	time.Sleep(500 * time.Millisecond)
	lines, _ := pool.printed(t)
	connections := 0
	for i, l := range lines {
		if l.name == "connections" { // as many as a pool has that is not disturbed
			connections, _ = strconv.Atoi(l.value)
			lines[i].value = strconv.Itoa(poolSize)
		}
	}
	for _, fault := range judgePool(lines) {
		t.Error(fault)
	}
	if connections < 2*poolSize {
		t.Errorf("%d connections in all: the drains have not reached the pool", connections)
	}
	metrics := string(p.get(t, "/metrics"))
	const errors = "segue_client_errors_total" // unsent: the ROLLBACK of a pool that has not yet seen the end behind the last answer
	if seen := addSeries(metrics, errors) - addSeries(metrics, errors, `kind="unsent"`); seen > 0 {
		t.Errorf("the ledger has %v errors that clients saw", seen)
	}
	if ended := addSeries(metrics, "segue_session_ends_total", `end="drained"`); ended < poolSize {
		t.Errorf("%v sessions have ended as drained", ended)
	}
	if moved := addSeries(metrics, "segue_session_moves_total"); moved > 0 {
		t.Errorf("%v sessions have moved: Segue could log in for them", moved)
	}
	t.Logf("%q", pool.lines)
}
