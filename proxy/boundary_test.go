package proxy

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"segue/backend"
	"segue/proxy/wire"
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
	c := p.list()[0]
	_ = c.client.Conn.(*net.TCPConn).SetWriteBuffer(16 << 10)
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
				_, _ = d.Write([]byte{5, 0, 0})
				p.waitState(Busy)
			}
			p.ready("b")
			p.leave("a")
			eventually(t, "the drain", p.draining)
			if during {
				d.write(0, closing)
				_, _ = io.Copy(io.Discard, d)
			} else {
				_, _ = d.Write(append([]byte{0}, closing...))
				d.waitEOF()
			}
		})
	}
}

func TestLongDataPinsAnIdleSession(t *testing.T) {
	p := start(t, Options{Flavor: backend.MySQL}, newPeer(t, echo).spec("a"))
	d := p.connect()
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
// answered, not lost: whether the pump has read it already or not.
func TestDrainLosesNoStatementOnItsWay(t *testing.T) {
	next := make(chan []byte)
	p := onA(t, Options{}, steps(next))
	d := p.connect()
	d.query("SELECT 1")
	p.waitState(Busy)
	p.ready("b")
	p.leave("a")
	eventually(t, "the drain", p.draining)
	c := p.list()[0]
	c.mu.Lock()
	next <- peerOK
	eventually(t, "the pump to read the answer", func() bool { return c.down.active.Load() && !c.back.waiting() })
	time.Sleep(20 * time.Millisecond) // it waits for the mutex, and will be the first to have it
	d.query("SELECT 2")
	eventually(t, "the pump to read the statement", func() bool { return c.up.active.Load() && !c.client.waiting() })
	c.mu.Unlock()
	for i := range 2 {
		if payload, err := d.next(1); err != nil || !bytes.Equal(payload, peerOK) {
			t.Fatalf("answer %d: %q, %v", i+1, payload, err)
		}
		if i == 0 {
			next <- peerOK
		}
	}
	d.waitEOF()
}

// pair is a TCP connection, one end of it as a session has it.
func pair(t *testing.T) (*conn, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	far, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	near, err := newConn(nc, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = far.Close(), near.Close() })
	return near, far
}

// still is a session in state Idle, under a drain, whose pumps do not run: what comes stays unread. client and far are
// the far ends of its connections.
func still(t *testing.T) (s *session, client, far net.Conn) {
	t.Helper()
	s = &session{server: NewServer(backend.NewRegistry(backend.Options{}), Options{}, nil, nil), away: away{drain: &drain{end: Drained, cause: errStopped}}}
	s.server.registry.Apply([]backend.Spec{{Name: "a", Address: "127.0.0.1:1"}})
	var err error
	if s.lease, err = s.server.registry.Lease(nil); err != nil {
		t.Fatal(err)
	}
	s.turn.L = &s.mu
	s.state.Store(uint32(Idle))
	s.client, client = pair(t)
	s.back, far = pair(t)
	return s, client, far
}

func TestNothingPassesBehindADrain(t *testing.T) {
	s, _, _ := still(t)
	s.end = Drained
	answer, _ := wire.AppendPacket(nil, 1, peerOK)
	var v verdict
	if s.observeBackend(answer, &v); v.to != nil || s.current() != Idle {
		t.Errorf("an FE's answer to COM_QUIT is passed on: %v, state %v", v.to != nil, s.current())
	}
}

func TestDrainLooksForAStatementThatIsNotReadYet(t *testing.T) {
	statement, _ := wire.AppendPacket(nil, 0, []byte{byte(wire.ComPing)})
	answer, _ := wire.AppendPacket(nil, 1, peerOK)
	for name, ends := range map[string]func(s *session) bool{
		"behind an answer": func(s *session) bool {
			s.track.Client(statement)
			s.follow()
			var v verdict
			s.observeBackend(answer, &v)
			return v.last
		},
		"after a while": func(s *session) bool {
			s.clientDeadline()
			return s.end != Open
		},
	} {
		for _, waiting := range []bool{true, false} {
			s, client, _ := still(t)
			if waiting {
				_, _ = client.Write(statement)
				eventually(t, "the statement", s.client.waiting)
			}
			if ended := ends(s); ended == waiting {
				t.Errorf("%s: ended %v, though a statement waiting is %v", name, ended, waiting)
			}
		}
	}
}

// The last bytes of a drained session and the FIN travel in one segment: who has read the bytes sees the end at once.
func TestLastAnswerAndFINTravelTogether(t *testing.T) {
	near, far := pair(t)
	raw, err := far.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := reportLeft(raw); err != nil {
		t.Skip("this system does not tell")
	}
	s := &session{server: NewServer(backend.NewRegistry(backend.Options{}), Options{}, nil, nil), client: near}
	s.down.start(s, near)
	if err := s.down.write(near, []byte("last"), true); err != nil {
		t.Fatal(err)
	}
	var sent bool
	time.Sleep(20 * time.Millisecond) // they would come within microseconds
	_ = raw.Control(func(fd uintptr) { sent = waiting(fd) })
	if sent {
		t.Error("the last bytes do not wait for the FIN")
	}
	_ = near.closeWrite()
	if got, err := io.ReadAll(far); string(got) != "last" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
