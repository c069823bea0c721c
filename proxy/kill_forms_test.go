package proxy

import (
	"fmt"
	"strings"
	"testing"

	"segue/backend"
	"segue/backend/wire"
)

// What kills, but in no form whose victim can be told, is refused: on the backend that the session stands on its id may be anybody's.
func TestKillsThatCannotBeBrought(t *testing.T) {
	o := known()
	o.Flavor = backend.MySQL
	p := start(t, o, newPeer(t, echo).spec("a"))
	_, victim := p.connectOn("a")
	killer, _ := p.connectOn("a")
	killer.ask("SELECT 1")
	for _, form := range []string{
		"KILL @x", "KILL 5+0", "KILL %d+0", "KILL (SELECT %d)", "SELECT 1; KILL %d", "KILL %d; KILL %d", "KILL QUERY ID 7", "KILL USER bob", "KILL HARD QUERY USER bob", "PREPARE s FROM 'KILL %d'",
		"EXECUTE IMMEDIATE 'KILL %d'", "EXECUTE IMMEDIATE CONCAT('KILL ', %d)", "SET STATEMENT max_statement_time=1 FOR KILL %d", "BEGIN NOT ATOMIC KILL %d; END", "IF 1 THEN KILL %d; END IF",
		"CALL mysql.rds_kill(@x)",
	} {
		text := form
		if n := strings.Count(form, "%d"); n > 0 {
			text = fmt.Sprintf(form, []any{victim.id, victim.id}[:n]...)
		}
		killer.query(text)
		if got, err := killer.row(); err == nil || !strings.Contains(err.Error(), "not sent") {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	killer.ask("SELECT 'KILL 5'")
	packet, _ := wire.AppendPacket(nil, 0, append([]byte{byte(wire.ComStmtPrepare)}, "KILL ?"...))
	_, _ = killer.Write(packet)
	if _, err := killer.row(); err == nil || !strings.Contains(err.Error(), "1295") {
		t.Errorf("a prepared one: %v", err)
	}
	killer.query(fmt.Sprintf("KILL %d; SELECT 1", victim.id)) // brought where it is to go, as the victim is here
	if got, err := killer.row(); err != nil || string(got) != fmt.Sprintf("KILL %d; SELECT 1", victim.thread()) {
		t.Errorf("the first of several statements: %q, %v", got, err)
	}
}
