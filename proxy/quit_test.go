package proxy

import (
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// A client that says COM_QUIT while its session waits for a backend is not waited for.
func TestQuitEndsAMove(t *testing.T) {
	o := known()
	o.ConnectBudget = time.Minute
	m := measure(t, o, newPeer(t, echo).spec("a"))
	d := m.connect()
	d.ask("SELECT 1")
	_ = m.registry.SetAdmin("a", backend.Maint)
	m.cutOff()
	m.waitState(Moving)
	d.write(0, []byte{byte(wire.ComQuit)})
	_ = d.Close()
	m.waitSessions(0)
	if n := m.series("segue_client_errors_total")["unsent"]; n != 0 {
		t.Errorf("%v errors are counted", n)
	}
}

// A statement that waits for a move is told if that is cut off.
func TestStatementThatWaitsForAMoveIsToldOfItsEnd(t *testing.T) {
	p, d := between(t, echo, func(c *peerConn) { <-c.over })
	d.ask("SELECT 1")
	p.cutOff()
	p.waitState(Moving)
	d.query("SELECT 2")
	s := p.list()[0]
	eventually(t, "the statement to wait", s.waiting)
	p.Close()
	payload, err := d.next(1)
	if err != nil || !wire.IsErr(payload) {
		t.Errorf("the client got %q, %v", payload, err)
	}
	d.waitEOF()
}

// A session may become idle by a command without an answer, and then has nothing more to wait for.
func TestSessionMovesThatItsClientMadeIdle(t *testing.T) {
	executed := [][]byte{{1}, peerDef, {0xfe, 0, 0, 0x42, 0}}
	p, d := between(t, answering(func(c *peerConn, command []byte) bool {
		if command[0] == byte(wire.ComStmtExecute) {
			return c.send(1, executed...)
		}
		return c.echoed(command[1:])
	}), echo)
	d.write(0, []byte{byte(wire.ComStmtExecute), 1, 0, 0, 0, 1, 1, 0, 0, 0})
	for range executed {
		if _, _, err := d.r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	p.waitState(Pinned)
	p.leave("a")
	eventually(t, "the drain", p.draining)
	d.write(0, []byte{byte(wire.ComStmtClose), 1, 0, 0, 0})
	p.onB()
	d.ask("SELECT 1")
}

// What a backend says last is held back for the FIN only if the client gets one.
func TestLastAnswerOfABackendIsNotHeldBackIfTheSessionMoves(t *testing.T) {
	p := start(t, Options{Flavor: backend.MySQL}, newPeer(t, func(c *peerConn) {
		if !c.login() {
			return
		}
		if _, _, err := c.r.Next(); err == nil {
			c.sendAndClose(1, peerOK)
			<-c.over
		}
	}).spec("a"), newPeer(t, func(c *peerConn) { <-c.over }).spec("b")) // it is not arrived at before the answer is
	_ = p.registry.SetAdmin("b", backend.Maint)
	d := p.connect()
	p.SetOptions(known()) // the password has been told since the client logged in
	p.ready("b")
	d.query("UPDATE t SET a = 1")
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
	p.waitState(Moving)
	if d.endHasCome() {
		t.Error("the client was given a FIN")
	}
}
