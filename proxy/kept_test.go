package proxy

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/proxy/wire"
)

func packets(payloads ...[]byte) (b []byte) {
	for _, p := range payloads {
		b, _ = wire.AppendPacket(b, 0, p)
	}
	return b
}

func query(text string) []byte { return append([]byte{byte(wire.ComQuery)}, text...) }

// between starts a server with a session on a, and b beside it.
func between(t *testing.T, a, b func(c *peerConn)) (*proxied, *driver) {
	t.Helper()
	p := start(t, known(), newPeer(t, a).spec("a"), newPeer(t, b).spec("b"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	d := p.connect()
	p.ready("b")
	return p, d
}

// A command without an answer that comes while a statement runs is not taken for its beginning when that is run again.
func TestSilentCommandBehindAStatementThatIsRunAgain(t *testing.T) {
	come := make(chan struct{})
	_, d := between(t, func(c *peerConn) {
		c.login()
		for range 2 {
			_, _, _ = c.r.Next()
		}
		close(come)
	}, echo)
	_, _ = d.Write(packets(query("SELECT 'a'")))
	time.Sleep(20 * time.Millisecond) // so that they come one by one
	_, _ = d.Write(packets([]byte{byte(wire.ComStmtClose), 9, 0, 0, 0}))
	<-come
	if got, err := d.row(); err != nil || string(got) != "SELECT 'a'" {
		t.Errorf("the client got %q, %v", got, err)
	}
	d.ask("SELECT 'b'")
}

// What was kept of a statement that was lost is not taken for the next one.
func TestLostStatementIsNotTakenForTheNext(t *testing.T) {
	inTrans := []byte{0, 0, 0, 3, 0, 0, 0}
	p, d := between(t, answering(func(c *peerConn, command []byte) bool {
		return !bytes.HasPrefix(command[1:], []byte("SELECT")) && c.send(1, inTrans)
	}), answering(func(*peerConn, []byte) bool { return false }))
	for _, text := range []string{"BEGIN", "UPDATE", "SELECT 1"} {
		d.query(text)
		_, err := d.row()
		if lost := text == "SELECT 1"; lost != (err != nil && strings.Contains(err.Error(), "outcome is unknown")) {
			t.Fatalf("%s: %v", text, err)
		}
	}
	p.onB()
	if s := p.list()[0]; s.kept.statement() != nil {
		t.Error("an idle session holds a buffer")
	}
	b := packets(query("INSERT " + strings.Repeat("x", maxUndecided)))
	_, _ = d.Write(b[:100])
	p.waitState(Busy)
	_, _ = d.Write(b[100:])
	if _, err := d.row(); err == nil || !strings.Contains(err.Error(), "outcome is unknown") {
		t.Errorf("the client saw %v", err)
	}
}

// After a move the ids in a chunk have been rewritten, of which only the first can be restored.
func TestSeveralCommandsInOneChunkAreNotSentAgainAfterAMove(t *testing.T) {
	s, _, _ := still(t)
	s.away = away{moves: 1}
	b := packets([]byte{byte(wire.ComStmtClose), 1, 0, 0, 0}, []byte{byte(wire.ComStmtExecute), 2, 0, 0, 0, 0, 1, 0, 0, 0})
	var v verdict
	if s.observeClient(b, &v); v.alone || v.whole {
		t.Errorf("alone %v, whole %v", v.alone, v.whole)
	}
}

// The buffer of a statement that is to be run again belongs to the move from the moment that it has begun.
func TestKeptStatementIsNotGivenAwayDuringAMove(t *testing.T) {
	s, _, _ := still(t)
	s.up.start(s, s.client)
	buf := s.server.buffers.take(false)
	n := copy(buf, "SELECT 1")
	s.kept.keep(buf, n)
	s.away.again = s.kept.statement()
	s.state.Store(uint32(Moving))
	s.up.kept = n
	s.up.giveBack(buf)
	if got := s.kept.statement(); string(got) != "SELECT 1" {
		t.Errorf("%q is kept", got)
	}
}

// The client's pump may find out that a statement could not be written when the session has long moved, and its client has been told.
func TestStatementIsNotSentAgainByWhoComesLate(t *testing.T) {
	p, d := between(t, echo, echo)
	d.ask("SELECT 1")
	s := p.list()[0]
	a := s.back
	p.leave("a")
	p.onB()
	b := packets(query("INSERT"))
	if s.resend(a, b, errClosed) {
		t.Error("a statement that has been settled is sent again")
	}
	if i := p.Sessions()[0]; i.State != Idle.String() || i.Backend != "b" {
		t.Errorf("the session is %s on %s", i.State, i.Backend)
	}
	d.ask("SELECT 2")
}

// Where there is no sending it again, the statement is still owed its error.
func TestStatementThatCannotBeSentAgainStaysOutstanding(t *testing.T) {
	s, _, _ := still(t)
	b := packets(query("SELECT 1"))
	s.observeClient(b, new(verdict))
	if s.resend(s.back, b, errClosed) || s.track.Outstanding() != 1 {
		t.Errorf("%d commands are outstanding", s.track.Outstanding())
	}
}
