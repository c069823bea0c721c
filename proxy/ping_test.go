package proxy

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// pings are what pools find out by if a connection works, before they lend it.
func pings() map[string][]byte {
	return map[string][]byte{
		"COM_PING":             {byte(wire.ComPing)},
		"COM_RESET_CONNECTION": {byte(wire.ComResetConnection)},
		"COM_CHANGE_USER":      []byte("\x11u\x00\x00\x00\x21\x00mysql_native_password\x00"),
		"COM_STATISTICS":       {byte(wire.ComStatistics)},
		"comment":              []byte("\x03/* ping */"),
		"nothing":              []byte("\x03;"),
	}
}

// counting answers everything, rows for statements, and tells what it has got.
func counting(got chan<- wire.Command) func(c *peerConn) {
	return answering(func(c *peerConn, command []byte) bool {
		got <- wire.Command(command[0])
		if wire.Command(command[0]) == wire.ComStatistics {
			return c.send(1, []byte("Uptime: 1"))
		}
		if bytes.HasPrefix(command, []byte("\x03SELECT")) {
			return c.echoed(command[1:])
		}
		return c.send(1, peerOK)
	})
}

// endedAs waits for the end of the only session, and checks that the ledger has no word of it.
func (p *proxied) endedAs(s *session, want End) {
	p.t.Helper()
	p.waitSessions(0)
	if s.end != want {
		p.t.Errorf("ended as %s, want %s", s.end, want)
	}
	if f := p.Failures(); len(f.Counts) > 0 {
		p.t.Errorf("in the ledger: %v", f.Counts)
	}
}

// A ping of a session that has to end is not answered: behind a good answer a pool would lend its connection to a statement.
func TestDrainEndsInPlaceOfAPing(t *testing.T) {
	for name, ping := range pings() {
		for _, shutdown := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", shutdown), func(t *testing.T) {
				t.Parallel()
				got := make(chan wire.Command, 10)
				p := onA(t, Options{}, counting(got))
				d := p.connect()
				d.ask("SELECT a FROM t")
				s := p.only()
				if p.ready("b"); shutdown {
					p.stop()
				} else {
					p.leave("a")
				}
				eventually(t, "the drain", p.draining)
				d.write(0, ping)
				d.waitEOF()
				_ = d.Close()
				want := Drained
				if shutdown {
					want = Shutdown
				}
				p.endedAs(s, want)
				if len(got) != 1 {
					t.Errorf("the backend has got %d commands, want the statement alone", len(got))
				}
			})
		}
	}
}

// One that the drain finds on its way is answered by the end as well.
func TestDrainEndsInPlaceOfThePingsAnswer(t *testing.T) {
	for name, ping := range pings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := make(chan []byte)
			p := onA(t, Options{}, steps(next))
			d := p.connect()
			s := p.only()
			d.write(0, ping)
			p.waitState(Busy)
			p.ready("b")
			p.leave("a")
			eventually(t, "the drain", p.draining)
			next <- peerOK
			d.waitEOF()
			_ = d.Close()
			p.endedAs(s, Drained)
		})
	}
}

// A bad answer is the client's to see.
func TestDrainPassesThePingsError(t *testing.T) {
	next := make(chan []byte)
	p := onA(t, Options{}, steps(next))
	d := p.connect()
	d.write(0, []byte{byte(wire.ComPing)})
	p.waitState(Busy)
	p.ready("b")
	p.leave("a")
	eventually(t, "the drain", p.draining)
	next <- (&wire.Err{Code: 1105, State: "HY000", Message: "no"}).Append(nil)
	if _, err := d.row(); err == nil {
		t.Error("the ERR_Packet has not come")
	}
	d.waitEOF()
}

// A backend that answers a ping and closes at once, as a draining FE does, leaves a session that cannot move in the same way.
func TestFINBehindAPing(t *testing.T) {
	for name, ping := range pings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, Options{}, newPeer(t, func(c *peerConn) {
				if !c.login() {
					return
				}
				if _, _, err := c.r.Next(); err == nil {
					c.sendAndClose(1, peerOK)
					_, _ = io.Copy(io.Discard, c)
				}
			}).spec("a"))
			d := p.connect()
			d.write(0, ping)
			d.waitEOF()
		})
	}
}

// Whoever has been lent a connection on a good answer, given before the drain, has the time to use it, and the end travels with that answer.
func TestDrainWaitsBehindAGoodPing(t *testing.T) {
	t.Parallel()
	for name, ping := range pings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := make(chan wire.Command, 10)
			p := onA(t, Options{}, counting(got))
			d := p.connect()
			d.write(0, ping)
			if _, err := d.next(1); err != nil {
				t.Fatal(err)
			}
			p.ready("b")
			p.leave("a")
			eventually(t, "the drain", p.draining)
			time.Sleep(drainLinger + 200*time.Millisecond)
			d.ask("SELECT a FROM t")
			d.waitEOF()
		})
	}
}

// A pool that pings ahead of each statement, and one that does so with the statement behind in one write, see no error but the pings that
// have them take another connection.
func TestDrainBetweenAPingAndItsStatement(t *testing.T) {
	p := onA(t, Options{}, echo)
	d := p.connect()
	d.ask("SELECT a FROM t")
	p.ready("b")
	p.leave("a")
	eventually(t, "the drain", p.draining)
	b, _ := wire.AppendPacket(nil, 0, []byte{byte(wire.ComPing)})
	b, _ = wire.AppendPacket(b, 0, []byte("\x03SELECT b FROM t"))
	if _, err := d.Write(b); err != nil {
		t.Fatal(err)
	}
	if ok, err := d.next(1); err != nil || !bytes.Equal(ok, peerOK) {
		t.Fatalf("the ping: %q, %v", ok, err)
	}
	if row, err := d.row(); err != nil || string(row) != "SELECT b FROM t" {
		t.Fatalf("the statement: %q, %v", row, err)
	}
	d.waitEOF()
}

// A transaction goes on over pings, and the ROLLBACK of a pool that takes its connection back is answered; what it pings next is not.
func TestDrainPingInAndBehindATransaction(t *testing.T) {
	next := make(chan []byte, 1)
	p := onA(t, Options{}, steps(next))
	d := p.connect()
	s := p.only()
	run := func(command, answer []byte) {
		t.Helper()
		next <- answer
		d.write(0, command)
		if got, err := d.next(1); err != nil || !bytes.Equal(got, answer) {
			t.Fatalf("%q: %q, %v", command, got, err)
		}
	}
	inTrans := []byte{0, 0, 0, 3, 0, 0, 0}
	run([]byte("\x03BEGIN"), inTrans)
	p.waitState(Pinned)
	p.ready("b")
	p.leave("a")
	eventually(t, "the drain", p.draining)
	run([]byte{byte(wire.ComPing)}, inTrans)
	run([]byte("\x03INSERT INTO t VALUES (1)"), inTrans)
	run([]byte{byte(wire.ComPing)}, inTrans)
	run([]byte("\x03ROLLBACK"), peerOK)
	d.waitEOF()
	_ = d.Close()
	p.endedAs(s, Drained)
}

// What pools ask in place of a ping is a statement, and answered. Somebody may use the connection on that: the end waits a little for it, once.
func TestDrainWaitsBehindAProbe(t *testing.T) {
	for _, text := range []string{"SELECT 1", "/* ping */ SELECT 1", "select 1 from dual", "DO 1;", "SELECT 'x'"} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			p := onA(t, Options{}, echo)
			d := p.connect()
			d.ask("SELECT a FROM t")
			p.ready("b")
			p.leave("a")
			eventually(t, "the drain", p.draining)
			d.ask(text)
			d.ask("SELECT b FROM t")
			d.waitEOF()
		})
	}
	t.Run("again and again", func(t *testing.T) {
		t.Parallel()
		p := onA(t, Options{}, echo)
		d := p.connect()
		p.ready("b")
		p.leave("a")
		eventually(t, "the drain", p.draining)
		d.ask("SELECT 1")
		d.ask("SELECT 1")
		d.waitEOF()
	})
}

// A ping that a leaving TiDB refuses, which runs all else, is answered while its session has yet to go; one that cannot go hears of it.
func TestPingOfALeavingTiDB(t *testing.T) {
	for name, told := range map[string]bool{"told to leave": true, "last backend": false} {
		t.Run(name, func(t *testing.T) {
			o := known()
			o.Flavor = backend.TiDB
			p := start(t, o, newPeer(t, answering(func(c *peerConn, command []byte) bool {
				if wire.Command(command[0]) == wire.ComPing {
					return c.send(1, (&wire.Err{Code: codeServerShutdown, State: "08S01", Message: "Server shutdown in progress"}).Append(nil))
				}
				return c.echoed(command[1:])
			})).spec("a"), newPeer(t, echo).spec("b"))
			_ = p.registry.SetAdmin("b", backend.Maint)
			d := p.connect()
			for range maxMoving { // others are at it
				p.gate.TryEnter()
			}
			if told {
				p.ready("b")
			}
			p.leave("a")
			eventually(t, "the session to know", func() bool { return p.draining() == told })
			d.write(0, []byte{byte(wire.ComPing)})
			got, err := d.next(1)
			if well := len(got) > 0 && got[0] == 0; err != nil || well != told {
				t.Errorf("the answer is %x, %v", got, err)
			}
			d.ask("SELECT 1")
			if on := p.list()[0].onBackend(); on != "a" {
				t.Errorf("the session is on %s", on)
			}
			for range maxMoving {
				p.gate.Leave()
			}
		})
	}
}
