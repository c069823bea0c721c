package e2e

import (
	"strings"
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/client"

	"segue/backend"
)

// A server that lets an account in and then runs nothing for it gets none of its sessions: they stay where they work, and move there once
// the account does.
func TestMoveWantsAStatementToRun(t *testing.T) {
	f := &mariadbFleet{startServers(t, 2, "disconnect-on-expired-password=OFF")}
	const account = "plain@'%'"
	for _, s := range f.servers {
		if err := s.exec(t.Context(), "CREATE USER "+account+" IDENTIFIED BY 'pw'; GRANT SELECT ON *.* TO "+account); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, spoil, mend string
		cause             string
		state             string // that the session has
	}{
		{"the password has expired", "ALTER USER " + account + " PASSWORD EXPIRE", "ALTER USER " + account + " IDENTIFIED BY 'pw'", "ERROR 1820", ""},
		{"the password has expired, with state", "ALTER USER " + account + " PASSWORD EXPIRE", "ALTER USER " + account + " IDENTIFIED BY 'pw'", "ERROR 1820", "SET time_zone='+01:00', @x=1"},
		{"init_connect fails", "SET GLOBAL init_connect='SELECT no.such()'", "SET GLOBAL init_connect=''", "ERROR 1184", ""},
		{"init_connect fails, with state", "SET GLOBAL init_connect='SELECT no.such()'", "SET GLOBAL init_connect=''", "ERROR 1184", "SET time_zone='+01:00', @x=1+1"},
		{"its sql_mode reads what escapes differently", "SET GLOBAL sql_mode='NO_BACKSLASH_ESCAPES'", "SET GLOBAL sql_mode=DEFAULT", "another sql_mode", ""},
		{"… though the session's is made from it", "SET GLOBAL sql_mode='NO_BACKSLASH_ESCAPES'", "SET GLOBAL sql_mode=DEFAULT", "another sql_mode", `SET sql_mode=CONCAT(@@sql_mode, ',ERROR_FOR_DIVISION_BY_ZERO'), @x='a\'b'`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := startProgram(t, backend.MySQL, f.specs(), `users: [{name: plain, password: pw}]`)
			home, other := f.specs()[0].Name, f.specs()[1].Name
			p.post(t, "/api/v1/backends/"+other+"/drain")
			conn, err := gomysql.Connect(p.address, "plain", "pw", "")
			if err != nil {
				t.Fatal(err)
			}
			s := &verdictSession{program: p, conn: conn}
			defer s.close()
			if c.state != "" {
				s.mustRun(t, c.state)
			}
			if err := f.servers[1].exec(t.Context(), c.spoil); err != nil {
				t.Fatal(err)
			}
			mended := false
			mend := func() {
				if !mended {
					mended = true
					if err := f.servers[1].exec(t.Context(), c.mend); err != nil {
						t.Error(err)
					}
				}
			}
			defer mend()
			p.post(t, "/api/v1/backends/"+other+"/ready")
			p.post(t, "/api/v1/backends/"+home+"/drain")
			for range 2 { // it is tried again, and nothing comes of it
				failed := func() float64 {
					return addSeries(string(p.get(t, "/metrics")), "segue_session_moves_total", `result="failed"`)
				}
				before := failed()
				waitFor(t, "the move to fail", func() bool {
					if _, err := conn.Execute("SELECT 1"); err != nil {
						t.Fatalf("the session that stays: %v", err)
					}
					return failed() > before
				})
			}
			if now := s.info(t); now.Backend != home {
				t.Fatalf("moved to %s", now.Backend)
			}
			if said := p.stderr.String() + p.stdout.String(); !strings.Contains(said, c.cause) {
				t.Errorf("the cause is not %q:\n%s", c.cause, tail(said, 5))
			}
			if state := p.health(t, other); state != "up" {
				t.Errorf("the server that serves others is %s", state)
			}
			mend()
			if !s.leaves(t, home) {
				t.Fatalf("does not move to a server that works again: %+v", s.info(t))
			}
			if _, err := conn.Execute("SELECT @x, @@time_zone"); err != nil {
				t.Errorf("after the move: %v", err)
			}
		})
	}
}
