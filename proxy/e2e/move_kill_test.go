package e2e

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend/fesim"
)

// killing is a fleet, and what its servers say to KILL.
type killing struct {
	fleet
	secured         *secured // nil: all of it in the clear
	plain, password string   // a user who may kill nobody but himself
	refused         uint16   // that he is told
	unknown         uint16   // of an id that nobody has; 0: it is no error
	query           []uint16 // of these errors a statement gets one that has been killed; 0: SLEEP ends as if its time were over
}

// TestMoveKill: KILL in all its forms reaches the session that it is meant for, wherever that is, before and after it has moved, and
// servers say who may.
func TestMoveKill(t *testing.T) {
	for name, start := range killings() {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			p := f.secured.start(t, f.flavor(), f.specs(), fmt.Sprintf("  - {name: %s, password: %q}", f.plain, f.password))
			victim := p.killable(t, testUser, testPassword)
			for round := range 3 {
				killThem(t, p, f, victim)
				if round < 2 {
					p.moveAway(t, victim)
				}
			}
			for i, killer := range p.killers(t, f, testUser, testPassword) {
				for _, text := range []string{"KILL %d", "KILL CONNECTION %d;"} {
					id := victim.id
					if i%2 == 1 {
						id = victim.threads[0]
					}
					killer.exec(t, fmt.Sprintf(text, id))
					victim.wantKilled(t, p)
					victim = p.killable(t, testUser, testPassword)
				}
			}
			p.killHimself(t, f)
			waitFor(t, "the sessions to be killed to be counted", func() bool {
				return strings.Contains(string(p.get(t, "/metrics")), `end="killed"`)
			})
		})
	}
}

func killings() map[string]func(t *testing.T) killing {
	const plain = "plain"
	return map[string]func(t *testing.T) killing{
		"FE": func(t *testing.T) killing {
			t.Helper()
			return killing{startFEs(t, fesim.Options{}), nil, "u", "", 5203, 1094, []uint16{1064}}
		},
		"MariaDB": func(t *testing.T) killing {
			t.Helper()
			return killMariaDBs(t, startMariaDBs(t), nil)
		},
		"MariaDB on TLS": func(t *testing.T) killing {
			t.Helper()
			f, on := startMariaDBsOnTLS(t)
			return killMariaDBs(t, f, on)
		},
		"TiDB": func(t *testing.T) killing {
			t.Helper()
			f := startTiDBs(t, 5*time.Second)
			for i, s := range f.servers {
				db, err := openDB(s.address(), "root", "")
				if err == nil {
					skipIDs(t, db, 500*i)
					_, err = db.ExecContext(t.Context(), "CREATE USER plain IDENTIFIED WITH mysql_native_password BY 'plain'")
					_ = db.Close()
				}
				if err != nil {
					t.Fatalf("make user: %v", err)
				}
			}
			return killing{f, nil, plain, plain, 1227, 0, []uint16{0, 1317}}
		},
	}
}

// killMariaDBs gives servers what a killing needs.
func killMariaDBs(t *testing.T, f *mariadbFleet, on *secured) killing {
	t.Helper()
	const plain = "plain"
	for i, s := range f.servers {
		db, err := s.open("mysql")
		if err != nil {
			t.Fatalf("connect: %v", err)
		}
		skipIDs(t, db, 500*i)
		_ = db.Close()
		if err := s.exec(t.Context(), "CREATE USER plain@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('plain')"); err != nil {
			t.Fatalf("make user: %v", err)
		}
	}
	return killing{f, on, plain, plain, 1095, 1094, []uint16{1317}}
}

// skipIDs has a server use up connection ids, so that no two servers are at the same: Segue refuses to guess which is meant. TiDB
// servers share no ids where they are a cluster, which these are not.
func skipIDs(t *testing.T, db *sql.DB, n int) {
	t.Helper()
	db.SetMaxIdleConns(-1) // each ping is a connection of its own
	for range n {
		if err := db.PingContext(t.Context()); err != nil {
			t.Fatalf("connect: %v", err)
		}
	}
}

// killThem has killers on all backends interrupt the victim by each of its ids.
func killThem(t *testing.T, p *segueProgram, f killing, victim *killable) {
	t.Helper()
	for _, killer := range p.killers(t, f, testUser, testPassword) {
		for _, id := range append([]uint64{victim.id}, victim.threads...) {
			victim.run(t, p)
			killer.exec(t, fmt.Sprintf("/* driver */ KILL QUERY %d", id))
			victim.wantError(t, f.query)
			victim.ask(t, "SELECT 42")
		}
		if f.unknown != 0 {
			wantCode(t, killer.try(t, "KILL 1999999999"), f.unknown, "1999999999")
		}
		killer.close()
	}
	victim.run(t, p)
	for _, killer := range p.killers(t, f, f.plain, f.password) {
		for _, text := range []string{"KILL QUERY %d", "KILL %d"} {
			want := ""
			if f.refused == 1095 { // You are not owner of thread …
				want = strconv.FormatUint(victim.id, 10)
			}
			wantCode(t, killer.try(t, fmt.Sprintf(text, victim.id)), f.refused, want)
		}
		killer.close()
	}
	if len(victim.after) > 0 {
		t.Errorf("the statement has ended although the killer had no right: %v", <-victim.after)
		return
	}
	killer := p.killable(t, testUser, testPassword)
	killer.exec(t, fmt.Sprintf("KILL QUERY %d", victim.id))
	victim.wantError(t, f.query)
	killer.close()
}

// killHimself: who kills himself is gone, and is not moved.
func (p *segueProgram) killHimself(t *testing.T, f killing) {
	t.Helper()
	for _, form := range []string{"KILL %d", "KILL CONNECTION_ID()"} {
		if strings.Contains(form, "CONNECTION_ID") && f.flavor().String() != "mysql" {
			continue // the others' grammars are not the point
		}
		k := p.killable(t, testUser, testPassword)
		if strings.Contains(form, "%d") {
			form = fmt.Sprintf(form, k.id)
		}
		_, _ = k.conn.ExecContext(t.Context(), form) // servers differ in what they say to it
		k.wantGone(t, p)
	}
}

// killable is a client that can be killed.
type killable struct {
	db      *sql.DB
	conn    *sql.Conn
	id      uint64   // of the greeting
	threads []uint64 // on its backends so far
	after   chan error
}

// sessionInfo is what the admin API says of a session.
type sessionInfo struct {
	ID                           uint64
	Client, Backend, State, User string
}

func (p *segueProgram) sessionInfos(t *testing.T) []sessionInfo {
	t.Helper()
	var list []sessionInfo
	if err := json.Unmarshal(p.get(t, "/api/v1/sessions"), &list); err != nil {
		t.Fatalf("read sessions: %v", err)
	}
	return list
}

// info is that of one session; its ID is 0 once it has ended.
func (p *segueProgram) info(t *testing.T, id uint64) sessionInfo {
	t.Helper()
	for _, s := range p.sessionInfos(t) {
		if s.ID == id {
			return s
		}
	}
	return sessionInfo{}
}

// killable connects a client.
func (p *segueProgram) killable(t *testing.T, user, password string) *killable {
	t.Helper()
	k := &killable{after: make(chan error, 1)}
	var local string
	config := p.driver(user, password)
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			local = c.LocalAddr().String()
		}
		return c, err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	k.db = sql.OpenDB(connector)
	t.Cleanup(k.close)
	if k.conn, err = k.db.Conn(t.Context()); err != nil {
		t.Fatalf("connect: %v", err)
	}
	for _, s := range p.sessionInfos(t) {
		if s.Client == local {
			k.id = s.ID
		}
	}
	k.learn(t)
	return k
}

func (k *killable) close() {
	_ = k.conn.Close()
	_ = k.db.Close()
}

// learn notes the id that the session has on its present backend.
func (k *killable) learn(t *testing.T) {
	t.Helper()
	id, err := strconv.ParseUint(k.ask(t, "SELECT CONNECTION_ID()"), 10, 64)
	if err != nil {
		t.Fatalf("read id: %v", err)
	}
	k.threads = append(k.threads, id)
}

func (k *killable) ask(t *testing.T, text string) (answer string) {
	t.Helper()
	if err := k.conn.QueryRowContext(t.Context(), text).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return answer
}

func (k *killable) try(t *testing.T, text string) error {
	t.Helper()
	_, err := k.conn.ExecContext(t.Context(), text)
	return err
}

func (k *killable) exec(t *testing.T, text string) {
	t.Helper()
	if err := k.try(t, text); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

// run begins a statement that takes too long, and waits until its backend has had time to begin it.
func (k *killable) run(t *testing.T, p *segueProgram) {
	t.Helper()
	go func() {
		var n int
		k.after <- k.conn.QueryRowContext(context.WithoutCancel(t.Context()), "SELECT SLEEP(60)").Scan(&n)
	}()
	waitFor(t, "the statement to run", func() bool { return p.info(t, k.id).State == "busy" })
	time.Sleep(20 * time.Millisecond) // between its being sent and its being run lies no event that can be seen from outside
}

// wantError waits for what comes of it.
func (k *killable) wantError(t *testing.T, codes []uint16) {
	t.Helper()
	select {
	case err := <-k.after:
		e, ok := errors.AsType[*mysql.MySQLError](err)
		if err == nil {
			e, ok = &mysql.MySQLError{}, true
		}
		if !ok || !slices.Contains(codes, e.Number) {
			t.Errorf("the killed statement gives %v, want one of %v", err, codes)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the KILL has not reached the statement within 10 s")
	}
}

// wantKilled waits until an idle client's session has ended.
func (k *killable) wantKilled(t *testing.T, p *segueProgram) {
	t.Helper()
	waitFor(t, "the killed session to end", func() bool { return p.info(t, k.id).ID == 0 })
	k.wantGone(t, p)
}

func (k *killable) wantGone(t *testing.T, p *segueProgram) {
	t.Helper()
	var n int
	if err := k.conn.QueryRowContext(t.Context(), "SELECT 42").Scan(&n); err == nil {
		t.Error("the client of a killed session works on")
	}
	waitFor(t, "the killed session to end", func() bool { return p.info(t, k.id).ID == 0 })
	k.close()
}

// wantCode checks that an error is this one, and says this.
func wantCode(t *testing.T, err error, code uint16, says string) {
	t.Helper()
	e, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok || e.Number != code || !strings.Contains(e.Message, says) {
		t.Errorf("the killer got %v, want %d with %q", err, code, says)
	}
}

// killers connects one client on each backend.
func (p *segueProgram) killers(t *testing.T, f killing, user, password string) []*killable {
	t.Helper()
	byBackend := map[string]*killable{}
	for range 50 {
		k := p.killable(t, user, password)
		on := p.info(t, k.id).Backend
		if byBackend[on] != nil {
			defer k.close()
			continue
		}
		if byBackend[on] = k; len(byBackend) == len(f.specs()) {
			break
		}
	}
	var list []*killable
	for _, s := range f.specs() {
		if k := byBackend[s.Name]; k != nil {
			list = append(list, k)
		}
	}
	if len(list) != len(f.specs()) {
		t.Fatalf("killers came to %d backends, want %d", len(list), len(f.specs()))
	}
	return list
}

// moveAway has the session leave its backend.
func (p *segueProgram) moveAway(t *testing.T, k *killable) {
	t.Helper()
	from := p.info(t, k.id).Backend
	p.run(t, "drain", from, "--wait", "--timeout", "30s")
	p.run(t, "ready", from)
	if on := p.info(t, k.id).Backend; on == from || on == "" {
		t.Fatalf("the session is on %q, and was on %q", on, from)
	}
	k.learn(t)
}

// TestMoveKillDrivers: what drivers and tools do when a statement takes too long.
func TestMoveKillDrivers(t *testing.T) {
	for name, start := range killings() {
		if name == "FE" {
			continue // it says nothing of itself that these drivers ask for at login
		}
		t.Run(name, func(t *testing.T) {
			f := start(t)
			p := startProgram(t, f.flavor(), f.specs())
			for i, driver := range [][]string{{"jdbc:mysql", "DISABLED"}, {"jdbc:mariadb", "disable"}} {
				timeOut(t, p, f, driver, i)
			}
			interrupt(t, p)
			processKill(t, p, f)
		})
	}
}

// timeOut: setQueryTimeout, before and after moves. The driver's second connection lands on whichever backend.
func timeOut(t *testing.T, p *segueProgram, f killing, driver []string, n int) {
	t.Helper()
	classes, jars := t.TempDir(), filepath.Join(cacheDir(t), "jars", "*")
	build(t, "javac", "-Xlint:all", "-encoding", "UTF-8", "-d", classes, "clients/querytimeout/QueryTimeout.java")
	host, port, _ := net.SplitHostPort(p.address)
	cmd := exec.CommandContext(t.Context(), "java", append([]string{
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp", classes + ":" + jars,
		"QueryTimeout", host, port, testUser, testPassword, f.dialect().database,
	}, driver...)...)
	cmd.SysProcAttr = clientProcess()
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("start client: %v", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("start client: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start client: %v", err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("%s is not ready: %q", driver[0], lines.Text())
	}
	on := map[string]bool{}
	for round := range 4 {
		s := p.onlyOf(t, testUser)
		on[s.Backend] = true
		_, _ = io.WriteString(in, "\n")
		if !lines.Scan() {
			t.Fatalf("%s has ended", driver[0])
		}
		fields := strings.Split(lines.Text(), "\t")
		if took, _ := strconv.Atoi(fields[min(1, len(fields)-1)]); fields[0] != "timeout" && (fields[0] != "answered" || f.query[0] != 0) || took > 5000 || fields[len(fields)-1] != "42" {
			t.Errorf("%s, round %d on %s: %q", driver[0], round, s.Backend, fields)
		} else {
			t.Logf("%s on %s: timeout of 1 s after %d ms", driver[0], s.Backend, took)
		}
		if round%2 == n%2 {
			waitFor(t, "the driver's second connection to end", func() bool { return len(p.sessionInfos(t)) == 1 })
			from := p.onlyOf(t, testUser).Backend
			p.run(t, "drain", from, "--wait", "--timeout", "30s")
			p.run(t, "ready", from)
		}
	}
	if len(on) < 2 {
		t.Errorf("the session was on %v only", on)
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v", driver[0], err)
	}
	waitFor(t, "the client to leave", func() bool { return len(p.sessionInfos(t)) == 0 })
}

// onlyOf is the only session of a user.
func (p *segueProgram) onlyOf(t *testing.T, user string) (only sessionInfo) {
	t.Helper()
	waitFor(t, "the only session", func() bool {
		list := p.sessionInfos(t)
		if len(list) == 1 {
			only = list[0]
		}
		return len(list) == 1 && only.User == user
	})
	return only
}

// interrupt: Ctrl-C in the command line client says KILL QUERY on a connection of its own.
func interrupt(t *testing.T, p *segueProgram) {
	t.Helper()
	host, port, _ := net.SplitHostPort(p.address)
	for round := range 3 { // sessions of others, so that the second connection lands elsewhere
		others := p.killable(t, testUser, testPassword)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		cmd := exec.CommandContext(ctx, "mariadb", "--no-defaults", "--skip-ssl", "--protocol=tcp", "-h", host, "-P", port, "-u", testUser, "-e",
			"SELECT SLEEP(60)")
		cmd.Env = append(os.Environ(), "MYSQL_PWD="+testPassword)
		var out output
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatalf("start mariadb: %v", err)
		}
		began := time.Now()
		waitFor(t, "the statement to run", func() bool {
			return slices.ContainsFunc(p.sessionInfos(t), func(s sessionInfo) bool { return s.State == "busy" })
		})
		time.Sleep(50 * time.Millisecond) // see killable.run
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
		cancel()
		if took := time.Since(began); took > 10*time.Second || !strings.Contains(out.String(), "query killed") {
			t.Errorf("round %d: Ctrl-C after %s: %s", round, took, out.String())
		}
		others.close()
	}
}

// processKill: mariadb-admin kill is COM_PROCESS_KILL.
func processKill(t *testing.T, p *segueProgram, f killing) {
	t.Helper()
	host, port, _ := net.SplitHostPort(p.address)
	for range 3 {
		victim := p.killable(t, testUser, testPassword)
		kill := func(id uint64) (string, error) {
			cmd := exec.CommandContext(t.Context(), "mariadb-admin", "--no-defaults", "--skip-ssl", "--protocol=tcp", "-h", host, "-P", port, "-u", testUser, "kill", strconv.FormatUint(id, 10))
			cmd.Env = append(os.Environ(), "MYSQL_PWD="+testPassword)
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		out, err := kill(victim.id)
		if f.flavor().String() != "mysql" { // a server that does not know the command says so itself
			if t.Logf("COM_PROCESS_KILL: %s %v", out, err); err == nil {
				victim.wantKilled(t, p)
			} else {
				victim.close()
			}
			continue
		}
		if err != nil {
			t.Errorf("COM_PROCESS_KILL: %s", out)
		}
		victim.wantKilled(t, p)
		if out, err := kill(victim.id); err == nil || !strings.Contains(out, strconv.FormatUint(victim.id, 10)) {
			t.Errorf("COM_PROCESS_KILL of an id that is gone: %s", out)
		}
	}
}
