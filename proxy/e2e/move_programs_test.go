package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"segue/backend"
	proxy "segue/proxy"
	"segue/proxy/track"
)

const (
	guest = "guest" // an account that may run programs, and not read them
	owner = "owner" // one that may do all in its schema, and nothing elsewhere
	clerk = "clerk" // one that may run none: views are taken to hold nothing, and triggers are asked for
)

// unseenPrograms hold state that no witness sees, or assign user variables, or do neither.
const unseenPrograms = `
CREATE OR REPLACE USER ` + guest + `@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('` + testPassword + `');
GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON v.* TO ` + guest + `@'%';
CREATE OR REPLACE USER ` + owner + `@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('` + testPassword + `');
GRANT ALL ON v.* TO ` + owner + `@'%';
CREATE OR REPLACE USER ` + clerk + `@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('` + testPassword + `');
GRANT SELECT, INSERT, UPDATE, DELETE ON v.* TO ` + clerk + `@'%';
CREATE TABLE v.plain (a INT); CREATE TABLE v.audited (a INT); CREATE TABLE v.log (a INT); CREATE TABLE v.named (a INT); CREATE TABLE v.stamped (a INT, b INT);
INSERT INTO v.plain VALUES (1);
CREATE FUNCTION v.takes() RETURNS INT RETURN GET_LOCK('hidden', 0);
CREATE FUNCTION v.calls_it() RETURNS INT BEGIN DECLARE r INT; SET r = takes(); RETURN r; END;
CREATE FUNCTION v.tables() RETURNS INT BEGIN CREATE TEMPORARY TABLE IF NOT EXISTS v.hidden (a INT); RETURN 1; END;
CREATE FUNCTION v.checks() RETURNS INT BEGIN SET foreign_key_checks = 0; RETURN 1; END;
CREATE FUNCTION v.becomes() RETURNS INT BEGIN SET ROLE r; RETURN 1; END;
CREATE FUNCTION v.harmless(x INT) RETURNS INT BEGIN DECLARE y INT; SET y = x + 1; RETURN y; END;
CREATE FUNCTION v.assigns(x INT) RETURNS INT BEGIN SET @a = x; RETURN x; END;
CREATE PROCEDURE v.gives() SET @a = 7;
CREATE FUNCTION v.by_procedure() RETURNS INT BEGIN CALL gives(); RETURN 1; END;
CREATE TRIGGER v.tables BEFORE INSERT ON v.audited FOR EACH ROW CREATE TEMPORARY TABLE IF NOT EXISTS v.hidden (a INT);
CREATE TRIGGER v.names AFTER INSERT ON v.named FOR EACH ROW SET @a = NEW.a;
CREATE TRIGGER v.stamps BEFORE INSERT ON v.stamped FOR EACH ROW SET NEW.b = 5;
CREATE VIEW v.calling AS SELECT v.takes() AS x;
CREATE VIEW v.itself AS SELECT GET_LOCK('hidden', 0) AS x;
CREATE VIEW v.writable AS SELECT a FROM v.audited;
CREATE VIEW v.ids AS SELECT LAST_INSERT_ID(5) AS x;
CREATE VIEW v.simple AS SELECT a FROM v.plain`

// unseenCase runs statements of which the text does not tell what they leave.
type unseenCase struct {
	run     []string
	probe   string
	pins    bool // for who may read programs
	unread  bool // … and for who may not
	assigns bool // a user variable
	calls   bool // it is for a function's text that it is known
	clerk   bool // … and there is something to it for who may run none
	fires   bool // … which is a trigger
}

func unseenCases() []unseenCase {
	const lock, table = "SELECT IS_USED_LOCK('hidden') = CONNECTION_ID()", "SELECT COUNT(*) FROM hidden"
	list := []unseenCase{
		{run: []string{"INSERT INTO audited VALUES (1)"}, probe: table, pins: true, unread: true, clerk: true, fires: true},
		{run: []string{"INSERT INTO writable VALUES (1)"}, probe: table, pins: true, unread: true},
		{run: []string{"SELECT * FROM calling"}, probe: lock, pins: true, unread: true},
		{run: []string{"SELECT * FROM itself"}, probe: lock, pins: true, unread: true},
		{run: []string{"SELECT * FROM ids"}, probe: "SELECT LAST_INSERT_ID()", pins: true, unread: true},
		{run: []string{"SELECT tables()"}, probe: table, pins: true, unread: true},
		{run: []string{"SELECT checks()"}, probe: "SELECT @@foreign_key_checks", pins: true, unread: true},
		{run: []string{"SELECT assigns(5)"}, probe: "SELECT @a", unread: true, assigns: true, calls: true},
		{run: []string{"SELECT by_procedure()"}, probe: "SELECT @a", unread: true, assigns: true, calls: true},
		{run: []string{"INSERT INTO named VALUES (6)"}, probe: "SELECT @a", unread: true, assigns: true, clerk: true, fires: true},
		{run: []string{"SELECT harmless(5)"}, probe: "SELECT 1", unread: true, calls: true},
		{run: []string{"INSERT INTO plain VALUES (2)"}, probe: "SELECT 1", clerk: true},
		{run: []string{"INSERT INTO stamped VALUES (2, 0)"}, probe: "SELECT 1", unread: true, clerk: true, fires: true},
		{run: []string{"SELECT a FROM simple"}, probe: "SELECT 1", unread: true, clerk: true},
		{run: []string{"CALL gives()"}, probe: "SELECT @a", pins: true, unread: true, assigns: true},
	}
	for _, text := range []string{
		"SELECT takes()", "DO v.`TAKES`()", "SELECT calls_it()", "SET @r = takes()", "UPDATE plain SET a = takes() LIMIT 1", "PREPARE s FROM 'SELECT takes()'; EXECUTE s", "EXECUTE IMMEDIATE 'SELECT takes()'",
		"SELECT 1 FROM plain WHERE /*!50000takes*/()", "#PREPARE SELECT takes()",
	} {
		list = append(list, unseenCase{run: strings.Split(text, "; "), probe: lock, pins: true, unread: true})
	}
	return list
}

// TestMoveUnseenPrograms: what stored functions, triggers and views do to a session that their callers' texts do not tell is never lost in silence. A session
// that has been told to move, or has lost its backend, answers as a direct one, or its client hears of the loss first.
func TestMoveUnseenPrograms(t *testing.T) {
	for _, r := range []string{"10.11", "11.4"} {
		t.Run("MariaDB "+r, func(t *testing.T) {
			from := debians
			if r != "10.11" {
				from = nextRelease(t)
			}
			v := &verdictTrial{fleet: startMariaDBsOf(t, from), dialect: "MariaDB"}
			v.clean(t)
			v.runScript(t, unseenPrograms)
			v.program = startProgram(t, v.fleet.flavor(), v.fleet.specs(), "stored_programs: read", fmt.Sprintf("users: [{name: %[1]s, password: %[5]q}, {name: %[2]s, password: %[5]q}, {name: %[3]s, password: %[5]q}, {name: %[4]s, password: %[5]q}]", testUser, guest, owner, clerk, testPassword))
			for _, account := range []string{testUser, guest, owner, clerk} {
				v.account = account
				v.knows(t)
				for _, c := range unseenCases() {
					if account == clerk && !c.clerk {
						continue
					}
					// 10.11 shows the texts of functions to who may read mysql.proc
					pins := c.pins || account == guest && c.unread || account == clerk && c.fires || account == owner && r == "10.11" && c.calls
					t.Run(account+": "+strings.Join(c.run, "; "), func(t *testing.T) { v.tryUnseen(t, c, pins) })
				}
			}
		})
	}
}

// runScript runs statements on all servers, each line one or several.
func (v *verdictTrial) runScript(t *testing.T, script string) {
	t.Helper()
	for _, db := range v.admins(t) {
		for text := range strings.SplitSeq(script, ";\n") {
			if _, err := db.ExecContext(t.Context(), strings.TrimSpace(text)); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
		_ = db.Close()
	}
}

// knows has Segue know the programs of all servers, as the account sees them: the first session on each has them read ahead of its first statement.
func (v *verdictTrial) knows(t *testing.T) {
	t.Helper()
	for range v.fleet.specs() {
		s := v.connect(t)
		defer s.close()
		s.mustRun(t, "DO 1")
	}
}

// tryUnseen tries one; pins: it ties the session to its backend.
func (v *verdictTrial) tryUnseen(t *testing.T, c unseenCase, pins bool) {
	t.Helper()
	direct := v.connectTo(t, v.fleet.specs()[0].Address)
	direct.runUnseen(t, c)
	want := direct.hears(t, c.probe)
	direct.mustRun(t, "DO RELEASE_ALL_LOCKS()")
	direct.close()

	s := v.connect(t)
	s.runUnseen(t, c)
	home := s.settled(t, pins)
	late := (v.account == guest || v.account == clerk) && home.Pinned == "" // the server is asked if a trigger has run when the session is to move
	if (home.Pinned != "") != pins && !late || home.Pinned != "" && home.Pinned != track.PinUnseen && home.Pinned != track.PinProcedure {
		t.Errorf("pinned by %q", home.Pinned)
	}
	v.drained(t, home.Backend, func() {
		if !pins && !s.leaves(t, home.Backend) {
			t.Errorf("has not left %s: %+v", home.Backend, s.info(t))
		}
		if got := s.hears(t, c.probe); got != want {
			t.Errorf("told to move: %s gives %s, want %s", c.probe, got, want)
		}
	})

	s.mustRun(t, "DO RELEASE_ALL_LOCKS()")
	s.close()
	if home.Pinned == track.PinProcedure { // without its backend it is over
		return
	}

	lost := v.connect(t)
	defer lost.close()
	thread := lost.hears(t, "SELECT CONNECTION_ID()")
	lost.runUnseen(t, c)
	v.killThread(t, lost.settled(t, pins), thread)
	waitFor(t, "the session to leave", func() bool { return lost.info(t).Moves > 0 })
	got := lost.hears(t, c.probe)
	switch told := got == "told"; {
	case pins && !told, !told && got != want:
		t.Errorf("lost: %s gives %s, want %s, or an error", c.probe, got, want)
	case told && !pins && !c.assigns && v.account != guest && v.account != clerk: // of whose writes it is not known at once if they have run triggers
		t.Errorf("lost: an error, and nothing was")
	}
	if lost.hears(t, "SELECT 1") != "1" {
		t.Error("the session has not gone on")
	}
}

// killThread ends a session's connection to its server.
func (v *verdictTrial) killThread(t *testing.T, home proxy.SessionInfo, thread string) {
	t.Helper()
	i := slices.IndexFunc(v.fleet.specs(), func(b backend.Spec) bool { return b.Name == home.Backend })
	for at, db := range v.admins(t) {
		if at == i {
			if _, err := db.ExecContext(t.Context(), "KILL "+thread); err != nil {
				t.Fatal(err)
			}
		}
		_ = db.Close()
	}
}

// runUnseen runs the statements of a case.
func (s *verdictSession) runUnseen(t *testing.T, c unseenCase) {
	t.Helper()
	for _, text := range c.run {
		if text, is := strings.CutPrefix(text, "#PREPARE "); is {
			stmt, err := s.conn.Prepare(text)
			if err == nil {
				_, err = stmt.Execute()
			}
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			continue
		}
		s.mustRun(t, text)
	}
}
