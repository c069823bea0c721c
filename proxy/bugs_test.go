package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"segue/backend"
	"segue/backend/wire"
)

// bugs.md 5 and 6: a statement that has been sent to a backend is sent to no other, and not again.
func TestBug5_NoStatementIsExecutedTwice(t *testing.T) {
	var mu sync.Mutex
	executed := map[string]int{}
	script := func(c *peerConn) {
		if !c.login() {
			return
		}
		for {
			payload, _, err := c.r.Next()
			if err != nil || payload[0] != byte(wire.ComQuery) {
				return
			}
			if text := string(payload[1:]); text == "SYNC" || text == trialText { // Segue's own, where a session moves to
				c.send(1, peerOK)
				continue
			}
			mu.Lock()
			executed[string(payload[1:])]++
			n := len(executed)
			mu.Unlock()
			switch n % 4 {
			case 0:
				return // executed, and the answer lost
			case 1:
				reset(c.TCPConn)
				return
			}
			c.send(1, peerOK)
		}
	}
	p := start(t, Options{}, newPeer(t, script).spec("a"), newPeer(t, script).spec("b"), newPeer(t, script).spec("c"))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := 0; j < 20; {
				d := p.dial()
				if err := d.login(""); err != nil {
					t.Error(err)
					return
				}
				for err := error(nil); err == nil && j < 20; j++ {
					d.query(fmt.Sprintf("INSERT INTO t VALUES (%d, %d)", i, j))
					_, err = d.row()
				}
				_ = d.Close()
			}
		})
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	for text, n := range executed {
		if n > 1 {
			t.Errorf("%s was executed %d times", text, n)
		}
	}
	if len(executed) != 8*20 {
		t.Errorf("%d statements were executed, want %d", len(executed), 8*20)
	}
}

// bugs.md 10 (TiProxy #789, #806): backends come and go while clients connect, and each client is served.
func TestBug10_ScaleInWhileClientsConnect(t *testing.T) {
	specs := []backend.Spec{newPeer(t, echo).spec("a"), newPeer(t, echo).spec("b"), newPeer(t, echo).spec("c")}
	p := start(t, Options{DrainTimeout: time.Second}, specs...)
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-over:
				return
			case <-time.After(time.Millisecond):
				p.registry.Apply(append(specs[:i%3:i%3], specs[i%3+1:]...))
			}
		}
	})
	for range 60 {
		d := p.dial()
		if err := d.login("pw"); err != nil {
			t.Errorf("the client saw: %v", err)
		}
		_ = d.Close()
	}
	close(over)
	wg.Wait()
}

// bugs.md 13 (ProxySQL #526): a server that refuses a packet for its size says so and hangs up while the client still sends; the
// client hears it.
func TestBug13_ErrorAmidAStatementOf16MB(t *testing.T) {
	refused := append([]byte{0xff, 0x81, 0x04}, "#08S01Got a packet bigger than 'max_allowed_packet' bytes"...)
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		if !c.login() {
			return
		}
		if _, err := io.ReadFull(c, make([]byte, 1<<20)); err == nil {
			c.send(1, refused)
		}
	}).spec("a"))
	d := p.connect()
	go func() {
		b, _ := wire.AppendPacket(nil, 0, append([]byte{byte(wire.ComQuery)}, make([]byte, 20<<20)...))
		_, _ = d.Write(b)
	}()
	if payload, err := d.next(1); err != nil || !bytes.Equal(payload, refused) {
		t.Errorf("%q, %v", payload, err)
	}
}

// bugs.md 17 and 23: an FE answers COM_STMT_SEND_LONG_DATA, MySQL does not. Neither makes anything hang or come twice.
func TestBug23_LongDataAnsweredAndNot(t *testing.T) {
	t.Parallel()
	long := []byte{byte(wire.ComStmtSendLongData), 1, 0, 0, 0, 0, 0, 'x'}
	t.Run("mysql", func(t *testing.T) {
		p := start(t, Options{Flavor: backend.MySQL}, newPeer(t, preparing).spec("a"))
		d := p.connect()
		d.prepare()
		d.write(0, long)
		p.waitState(Pinned)
		d.write(0, []byte{byte(wire.ComStmtClose), 1, 0, 0, 0})
		p.waitState(Idle)
		d.ask("SELECT 1")
	})
	t.Run("starrocks", func(t *testing.T) {
		refused := append([]byte{0xff, 0x28, 0x04}, "#HY000Unsupported command(COM_STMT_SEND_LONG_DATA)"...)
		p := start(t, Options{}, newPeer(t, func(c *peerConn) {
			if !c.login() {
				return
			}
			for {
				payload, _, err := c.r.Next()
				if err != nil {
					return
				}
				if payload[0] == byte(wire.ComStmtSendLongData) {
					c.send(1, refused)
				} else {
					c.send(1, peerOK)
				}
			}
		}).spec("a"))
		d := p.connect()
		d.write(0, long)
		if payload, err := d.next(1); err != nil || !bytes.Equal(payload, refused) {
			t.Errorf("%q, %v", payload, err)
		}
		d.query("SELECT 1")
		if payload, err := d.next(1); err != nil || !bytes.Equal(payload, peerOK) {
			t.Errorf("%q, %v", payload, err)
		}
		p.waitState(Opaque)
	})
}

// A client that has closed its sending side gets its answer, though it takes some time.
func TestHalfClosedClientGetsItsAnswer(t *testing.T) {
	t.Parallel()
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		if !c.login() {
			return
		}
		_, _, _ = c.r.Next()
		time.Sleep(2 * closeGrace)
		c.send(1, peerOK)
	}).spec("a"))
	d := p.connect()
	d.query("SELECT SLEEP(2)")
	_ = d.CloseWrite()
	if payload, err := d.next(1); err != nil || !bytes.Equal(payload, peerOK) {
		t.Errorf("%q, %v", payload, err)
	}
}

// Nor does it lose the end of an answer that it is slow to read: the session is idle by then, and the backend closes at once.
func TestHalfClosedClientGetsTheEndOfItsAnswer(t *testing.T) {
	t.Parallel()
	const rows, rowLen = 8, 32 << 10
	for _, how := range []string{"FIN", "COM_QUIT"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := start(t, Options{}, newPeer(t, func(c *peerConn) {
				if !c.login() {
					return
				}
				_, _, _ = c.r.Next()
				answer := [][]byte{{1}, peerDef, peerEOF}
				for range rows {
					answer = append(answer, make([]byte, rowLen))
				}
				c.send(1, append(answer, peerEOF)...)
				_, _, _ = c.r.Next()
			}).spec("a"))
			d := p.connect()
			_ = d.SetReadBuffer(1)
			c := p.only()
			c.within(func() {
				_ = c.client.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 1) })
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
			c.within(func() {
				if c.client.Pending() == 0 {
					t.Error("nothing is pending: the test tests nothing")
				}
			})
			if how == "COM_QUIT" {
				d.write(0, []byte{byte(wire.ComQuit)})
			}
			_ = d.CloseWrite()
			_ = d.SetReadBuffer(1 << 20) // it has been slow for long enough
			rest, err := io.ReadAll(d)
			if err != nil || got+len(rest) != want {
				t.Errorf("%d of %d bytes, %v", got+len(rest), want, err)
			}
			p.waitSessions(0)
		})
	}
}

// A client that has closed its sending side and reads nothing either does not keep its session.
func TestHalfClosedClientThatReadsNothing(t *testing.T) {
	t.Parallel()
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		if !c.login() {
			return
		}
		_, _, _ = c.r.Next()
		c.send(1, []byte{1}, peerDef, peerEOF)
		row := append(wire.AppendHeader(nil, 1<<20, 4), make([]byte, 1<<20)...)
		for {
			if _, err := c.Write(row); err != nil {
				return
			}
		}
	}).spec("a"))
	d := p.connect()
	d.query("SELECT")
	_ = d.CloseWrite()
	p.waitSessions(0)
}

// A client that pipelines hears why its session was cut, though some of what it sent was never read.
func TestDrainDeadlineIsHeardByAClientThatPipelines(t *testing.T) {
	p := onA(t, Options{DrainTimeout: 100 * time.Millisecond}, func(c *peerConn) {
		if c.login() {
			<-c.over // it reads nothing more
		}
	})
	d := p.connect()
	_ = d.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	statement, _ := wire.AppendPacket(nil, 0, append([]byte{byte(wire.ComQuery)}, make([]byte, 1<<20)...))
	for {
		if _, err := d.Write(statement); err != nil {
			break
		}
	}
	p.ready("b")
	p.leave("a")
	payload, err := d.next(1)
	if e := new(wire.Err); err != nil || e.Decode(payload) != nil || e.Code != codeServerShutdown {
		t.Errorf("%q, %v", payload, err)
	}
}

// A statement behind one that is unanswered when its backend goes is not told of: the first one is, with its own sequence id.
func TestBackendGoneAmidAPipeline(t *testing.T) {
	p := start(t, Options{}, newPeer(t, func(c *peerConn) {
		if !c.login() {
			return
		}
		_, _, _ = c.r.Next()
		c.send(1, peerOK)
		_, _, _ = c.r.Next()
		_, _, _ = c.r.Next()
	}).spec("a"))
	d := p.connect()
	b, _ := wire.AppendPacket(nil, 0, append([]byte{byte(wire.ComQuery)}, "1"...))
	b, _ = wire.AppendPacket(b, 0, append([]byte{byte(wire.ComQuery)}, "2"...))
	b, _ = wire.AppendPacket(b, 0, append([]byte{byte(wire.ComQuery)}, make([]byte, wire.MaxPayload)...))
	go func() { _, _ = d.Write(b) }()
	if payload, err := d.next(1); err != nil || !bytes.Equal(payload, peerOK) {
		t.Errorf("the first: %q, %v", payload, err)
	}
	if payload, err := d.next(1); err != nil || !wire.IsErr(payload) {
		t.Errorf("the second: %q, %v", payload, err)
	}
	if _, err := d.next(1); !errors.Is(err, io.EOF) {
		t.Errorf("the third: %v", err)
	}
}
