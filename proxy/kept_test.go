package proxy

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
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
	}), answering(func(c *peerConn, command []byte) bool {
		return string(command[1:]) == trialText && c.echoed(command[1:])
	}))
	for _, text := range []string{"BEGIN", "UPDATE", "SELECT 1"} {
		d.query(text)
		_, err := d.row()
		if lost := text == "SELECT 1"; lost != (err != nil && strings.Contains(err.Error(), "outcome is unknown")) {
			t.Fatalf("%s: %v", text, err)
		}
	}
	p.onB()
	if p.only().keeps() {
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

// withIDs is a backend that gives each prepared statement the same id, and tells of each COM_STMT_EXECUTE with which it came.
func withIDs(id uint8, executed chan<- uint8, quit <-chan func(c *peerConn)) func(c *peerConn) {
	return func(c *peerConn) {
		if quit != nil {
			go func() {
				select {
				case how := <-quit:
					how(c)
				case <-c.over:
				}
			}()
		}
		answering(func(c *peerConn, command []byte) bool {
			switch wire.Command(command[0]) {
			case wire.ComStmtPrepare:
				return c.send(1, []byte{0, id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
			case wire.ComStmtExecute:
				executed <- command[1]
				return c.send(1, peerOK)
			}
			return c.echoed(command[1:])
		})(c)
	}
}

// reset3 brings a session with a prepared statement, which its client knows as 1, from a to b, and has b reset the connection at the moment in
// which the client sends what is given: that is seen first, and cannot be written.
func reset3(t *testing.T, sent []byte) (d *driver, executed chan uint8) {
	t.Helper()
	executed = make(chan uint8, 8)
	quit := make(chan func(c *peerConn))
	p := start(t, known(), newPeer(t, withIDs(1, executed, nil)).spec("a"), newPeer(t, withIDs(5, executed, quit)).spec("b"), newPeer(t, withIDs(9, executed, nil)).spec("c"))
	_ = p.registry.SetAdmin("b", backend.Maint)
	_ = p.registry.SetAdmin("c", backend.Maint)
	d = p.connect()
	d.write(0, append([]byte{byte(wire.ComStmtPrepare)}, "SELECT 1"...))
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
	p.ready("b")
	p.leave("a")
	p.onB()
	p.ready("c")
	d.ask("SELECT 1") // so that nothing makes Segue look at the connection before it sends the next
	thaw := p.freeze()
	if _, err := d.Write(sent); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	quit <- func(c *peerConn) {
		reset(c.TCPConn)
		close(over)
	}
	<-over
	thaw()
	return d, executed
}

// A statement of which nothing could be written is sent elsewhere, with the id that it has there.
func TestStatementThatCouldNotBeWrittenIsSentElsewhere(t *testing.T) {
	for name, more := range map[string]int{"short": 0, "longer than what is kept": maxKept} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, executed := reset3(t, packets(append([]byte{byte(wire.ComStmtExecute), 1, 0, 0, 0, 0, 1, 0, 0, 0}, make([]byte, more)...)))
			if payload, err := d.next(1); err != nil || payload[0] != 0 {
				t.Fatalf("the client got %q, %v", payload, err)
			}
			if id := <-executed; id != 9 {
				t.Errorf("executed with id %d", id)
			}
		})
	}
}

// executeFirst is an execution of the statement that the client knows by the id 1.
var executeFirst = []byte{byte(wire.ComStmtExecute), 1, 0, 0, 0, 0, 1, 0, 0, 0}

// closeSeventh is a COM_STMT_CLOSE of one that there is not.
var closeSeventh = []byte{byte(wire.ComStmtClose), 7, 0, 0, 0}

// A statement that comes together with a COM_STMT_CLOSE ahead of it, as drivers send the two, is one of which nothing could be written, too.
func TestStatementBehindACloseIsSentElsewhere(t *testing.T) {
	for name, chunk := range map[string][]byte{
		"one": packets(closeSeventh, executeFirst), "two": packets(closeSeventh, closeSeventh, executeFirst),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, executed := reset3(t, chunk)
			if payload, err := d.next(1); err != nil || payload[0] != 0 {
				t.Fatalf("the client got %q, %v", payload, err)
			}
			if id := <-executed; id != 9 {
				t.Errorf("executed with id %d", id)
			}
			d.ask("SELECT 2")
		})
	}
}

// One that came behind a COM_STMT_CLOSE and had begun to run is run again as if it had come by itself.
func TestStatementBehindACloseIsRunAgain(t *testing.T) {
	come := make(chan struct{})
	_, d := between(t, func(c *peerConn) {
		c.login()
		for range 2 {
			_, _, _ = c.r.Next()
		}
		close(come)
	}, echo)
	_, _ = d.Write(packets(closeSeventh, query("SELECT 'a'")))
	<-come
	if got, err := d.row(); err != nil || string(got) != "SELECT 'a'" {
		t.Errorf("the client got %q, %v", got, err)
	}
	d.ask("SELECT 'b'")
}

func TestClosesAhead(t *testing.T) {
	begin := []byte{byte(wire.ComStmtClose)}
	for name, c := range map[string]struct {
		b    []byte
		want int
	}{
		"nothing":             {nil, 0},
		"one alone":           {packets(closeSeventh), 0},
		"one and a statement": {packets(closeSeventh, executeFirst), 9},
		"two and a statement": {packets(closeSeventh, closeSeventh, executeFirst), 18},
		"and part of one":     {append(packets(closeSeventh), 5), 9},
		"two":                 {packets(closeSeventh, closeSeventh), 9},
		"behind a statement":  {packets(executeFirst, closeSeventh), 0},
		"too short":           {packets(begin, executeFirst), 0},
		"too long":            {packets(append(slices.Clone(closeSeventh), 0), executeFirst), 0},
	} {
		if got := closesAhead(c.b); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// After a move the ids in a chunk of several statements have been rewritten, of which only the first can be restored.
func TestSeveralStatementsInOneChunkAreNotSentAgainAfterAMove(t *testing.T) {
	d, executed := reset3(t, packets([]byte{byte(wire.ComPing)}, executeFirst))
	payload, err := d.next(1)
	switch {
	case err != nil:
		t.Fatal(err)
	case wire.IsErr(payload):
		d.waitEOF() // two answers were owed
		if len(executed) > 0 {
			t.Error("a statement that was given up has been executed")
		}
	default:
		if _, err := d.next(1); err != nil {
			t.Fatal(err)
		}
		if id := <-executed; id != 9 {
			t.Errorf("executed with id %d", id)
		}
		d.ask("SELECT 2")
	}
}

// Where there is no sending it again, the statement is still owed its error.
func TestStatementThatCannotBeSentAgainStaysOutstanding(t *testing.T) {
	quit := make(chan struct{})
	over := make(chan struct{})
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		go func() {
			<-quit
			reset(c.TCPConn)
			close(over)
		}()
		echo(c)
	}).spec("a"))
	d := p.connect()
	d.ask("SELECT 1")
	thaw := p.freeze()
	d.query("SELECT 2")
	close(quit)
	<-over
	thaw()
	if payload, err := d.next(1); err != nil || !wire.IsErr(payload) {
		t.Errorf("the client got %q, %v", payload, err)
	}
	d.waitEOF()
}
