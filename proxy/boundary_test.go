package proxy

import (
	"bytes"
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"segue/backend"
	"segue/backend/wire"
)

// The last bytes of an answer wait for a client that reads slowly while the session is idle by all that has been seen.
func TestDrainWaitsForASlowReader(t *testing.T) {
	const rows, rowLen = 40, 32 << 10
	p := onA(t, Options{}, func(c *peerConn) {
		if !c.login() {
			return
		}
		_, _, _ = c.r.Next()
		answer := [][]byte{{1}, peerDef, peerEOF}
		for range rows {
			answer = append(answer, make([]byte, rowLen))
		}
		c.send(1, append(answer, peerEOF)...)
		_, _ = io.Copy(io.Discard, c)
	})
	d := p.connect()
	_ = d.SetReadBuffer(16 << 10)
	c := p.only()
	c.within(func() {
		_ = c.client.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 16<<10) })
	})
	d.query("SELECT")
	want := 5 + 4 + len(peerDef) + 9 + rows*(4+rowLen) + 9
	got := 0
	for buf := make([]byte, 4<<10); got == 0 || c.current() != Idle; {
		n, err := d.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got += n
	}
	p.ready("b")
	p.leave("a")
	eventually(t, "the drain", p.draining)
	time.Sleep(2 * drainLinger)
	rest, err := io.ReadAll(d)
	if err != nil || got+len(rest) != want {
		t.Errorf("%d of %d bytes, %v", got+len(rest), want, err)
	}
}

// A session may become idle by what its client sends, without an answer.
func TestDrainEndsASessionThatItsClientMadeIdle(t *testing.T) {
	t.Parallel()
	closing := []byte{byte(wire.ComStmtClose), 1, 0, 0, 0}
	executed := [][]byte{{1}, peerDef, {0xfe, 0, 0, 0x42, 0}}
	for name, during := range map[string]bool{"cursor closed": true, "statement closed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := onA(t, Options{}, func(c *peerConn) {
				c.login()
				for {
					payload, _, err := c.r.Next()
					if err != nil {
						return
					}
					if payload[0] == byte(wire.ComStmtExecute) {
						c.send(1, executed...)
					}
				}
			})
			d := p.connect()
			if during {
				d.write(0, []byte{byte(wire.ComStmtExecute), 1, 0, 0, 0, 1, 1, 0, 0, 0})
				p.waitState(Pinned)
			} else {
				_, _ = d.Write(append([]byte{5, 0, 0, 0}, closing[0]))
				p.waitState(Busy)
			}
			p.ready("b")
			p.leave("a")
			eventually(t, "the drain", p.draining)
			if during {
				d.write(0, closing)
				_, _ = io.Copy(io.Discard, d)
			} else {
				_, _ = d.Write(closing[1:])
				d.waitEOF()
			}
		})
	}
}

func TestLongDataPinsAnIdleSession(t *testing.T) {
	p := start(t, Options{Flavor: backend.MySQL}, newPeer(t, preparing).spec("a"))
	d := p.connect()
	d.prepare()
	d.write(0, []byte{byte(wire.ComStmtSendLongData), 1, 0, 0, 0, 0, 0, 'x'})
	p.waitState(Pinned)
	d.ask("SELECT 1")
}

// What is opaque is not spoken into: at the drain deadline its connections are cut, no more.
func TestCutPutsNothingIntoAnOpaqueSession(t *testing.T) {
	p := onA(t, Options{DrainTimeout: 100 * time.Millisecond}, func(c *peerConn) {
		c.login()
		_, _ = io.Copy(io.Discard, c)
	})
	d := p.connect()
	b, _ := wire.AppendPacket(nil, 0, append([]byte{byte(wire.ComQuery)}, "SELECT 1"...))
	b, _ = wire.AppendPacket(b, 0, []byte{byte(wire.ComStmtSendLongData), 1, 0, 0, 0, 0, 0, 'x'})
	_, _ = d.Write(b)
	p.waitState(Opaque)
	p.ready("b")
	p.leave("a")
	got, err := io.ReadAll(d)
	if len(got) > 0 {
		t.Errorf("the client got %q, %v", got, err)
	}
}

// The drain of a backend that is taken back must not take back the server's own.
func TestShutdownOutlastsADrainThatIsTakenBack(t *testing.T) {
	next := make(chan []byte, 1)
	p := onA(t, Options{}, steps(next))
	d := p.connect()
	d.query("SELECT SLEEP(1)")
	p.waitState(Busy)
	p.ready("b")
	if err := p.registry.SetAdmin("a", backend.Drain); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the drain", p.draining)
	p.stop()
	eventually(t, "the shutdown", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.closing != nil
	})
	p.ready("a")
	time.Sleep(50 * time.Millisecond)
	next <- peerOK
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
	d.waitEOF()
}

// A client that pipelines may send its next statement at the very moment in which the answer to the last one passes. It is
// answered, not lost, whichever the loop sees first.
func TestDrainLosesNoStatementOnItsWay(t *testing.T) {
	for name, answerFirst := range map[string]bool{"answer first": true, "statement first": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next, sent := make(chan []byte), make(chan struct{}, 1)
			p := onA(t, Options{}, func(c *peerConn) {
				if !c.login() {
					return
				}
				for {
					if _, _, err := c.r.Next(); err != nil {
						return
					}
					select {
					case answer := <-next:
						c.send(1, answer)
						sent <- struct{}{}
					case <-c.over:
						return
					}
				}
			})
			d := p.connect()
			d.query("SELECT 1")
			p.waitState(Busy)
			p.ready("b")
			p.leave("a")
			eventually(t, "the drain", p.draining)
			thaw := p.freeze()
			if !answerFirst {
				d.query("SELECT 2")
			}
			next <- peerOK
			<-sent
			if answerFirst {
				d.query("SELECT 2")
			}
			thaw()
			for i := range 2 {
				if payload, err := d.next(1); err != nil || !bytes.Equal(payload, peerOK) {
					t.Fatalf("answer %d: %q, %v", i+1, payload, err)
				}
				if i == 0 {
					next <- peerOK
				}
			}
			d.waitEOF()
		})
	}
}

// An FE answers COM_QUIT, which no client expects.
func TestNothingPassesBehindADrain(t *testing.T) {
	t.Parallel()
	answered := make(chan struct{})
	p := onA(t, Options{}, func(c *peerConn) {
		defer close(answered)
		if !c.login() {
			return
		}
		for {
			payload, _, err := c.r.Next()
			if err != nil {
				return
			}
			c.send(1, peerOK)
			if payload[0] == byte(wire.ComQuit) {
				return
			}
		}
	})
	d := p.connect()
	p.ready("b")
	p.leave("a")
	d.waitEOF()
	<-answered
	_ = d.Close()
	p.waitSessions(0)
}

// The time of an idle session may be over at the moment in which its client sends another statement.
func TestDrainLooksForAStatementThatIsNotReadYet(t *testing.T) {
	t.Parallel()
	p := onA(t, Options{}, echo)
	d := p.connect()
	s := p.only()
	p.ready("b")
	p.leave("a")
	eventually(t, "the end to be near", func() (is bool) {
		s.within(func() { is = s.due.set(alarmLinger) })
		return is
	})
	thaw := p.freeze()
	d.query("SELECT 1")
	time.Sleep(drainLinger) // the alarm is due now
	thaw()
	if got, err := d.row(); err != nil || string(got) != "SELECT 1" {
		t.Errorf("%q, %v", got, err)
	}
	d.waitEOF()
}
