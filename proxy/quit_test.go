package proxy

import (
	"testing"
	"time"

	"segue/backend"
	"segue/proxy/wire"
)

// A client that says COM_QUIT while its session waits for a backend is not waited for.
func TestQuitEndsAMove(t *testing.T) {
	o := known()
	o.ConnectBudget = time.Minute
	m := measure(t, o, newPeer(t, echo).spec("a"))
	d := m.connect()
	d.ask("SELECT 1")
	_ = m.registry.SetAdmin("a", backend.Maint)
	_ = m.back().Conn.(interface{ CloseRead() error }).CloseRead()
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
	_ = p.back().Conn.(interface{ CloseRead() error }).CloseRead()
	p.waitState(Moving)
	d.query("SELECT 2")
	s := p.list()[0]
	eventually(t, "the statement to wait", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.away.wait.since != 0
	})
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
	}).spec("a"), newPeer(t, echo).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	d := p.connect()
	p.SetOptions(known()) // the password has been told since the client logged in
	p.ready("b")
	d.query("UPDATE t SET a = 1")
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
	p.onB()
	s := p.list()[0]
	_ = d.Close()
	p.waitSessions(0)
	p.stopped()
	if s.down.more {
		t.Error("the answer was held back for a FIN that did not come")
	}
}
