package e2e

import (
	"errors"
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// TestMoveStaleStatements: a session outlives its backend although no server prepares some of its statements again, a table of theirs being gone. To
// execute one of those is an error, as it would have been.
func TestMoveStaleStatements(t *testing.T) {
	f := startMariaDBs(t)
	onAll := func(text string) {
		for _, s := range f.servers {
			if err := s.exec(t.Context(), text); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
	}
	onAll("CREATE TABLE moves.stale (a INT)")
	d := startDisturber(t, f)
	d.program = startProgram(t, f.flavor(), d.specs)
	c, err := gomysql.Connect(d.program.address, testUser, testPassword, "moves")
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer func() { _ = c.Quit() }()
	run := func(text string) {
		t.Helper()
		if _, err := c.Execute(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	run("PREPARE gone FROM 'SELECT a FROM stale'")
	run("PREPARE stays FROM 'SELECT 7'")
	gone, err := c.Prepare("SELECT a FROM stale WHERE a = ?")
	if err != nil {
		t.Fatalf("prepare: %v", err)
	}
	stays, err := c.Prepare("SELECT ? + 1")
	if err != nil {
		t.Fatalf("prepare: %v", err)
	}
	onAll("DROP TABLE moves.stale")
	for range 2 {
		for _, cable := range d.cables {
			cable.reset()
		}
		run("SELECT 1")
		run("EXECUTE stays")
		if r, err := stays.Execute(41); err != nil {
			t.Errorf("a statement of no table: %v", err)
		} else if got, err := r.GetInt(0, 0); got != 42 || err != nil {
			t.Errorf("a statement of no table: %d, %v", got, err)
		}
		_, err = c.Execute("EXECUTE gone")
		mustBeUnknown(t, err)
		_, err = gone.Execute(1)
		mustBeUnknown(t, err)
	}
	onAll("CREATE TABLE moves.stale (a INT)")
	for _, cable := range d.cables {
		cable.reset()
	}
	run("EXECUTE gone")
	if _, err := gone.Execute(1); err != nil {
		t.Errorf("the table is there again: %v", err)
	}
}

func mustBeUnknown(t *testing.T, err error) {
	t.Helper()
	if said, ok := errors.AsType[*mysql.MyError](err); !ok || said.Code != mysql.ER_UNKNOWN_STMT_HANDLER {
		t.Errorf("a statement that could not be prepared again: %v, want error %d", err, mysql.ER_UNKNOWN_STMT_HANDLER)
	}
}
