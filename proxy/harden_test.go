package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/backend"
	"segue/proxy/wire"
)

// stops checks that Serve returns within d once the server is told to stop and then to stop now.
func (p *proxied) stops(d time.Duration) {
	p.t.Helper()
	p.stop()
	p.Close()
	select {
	case err := <-p.done:
		p.done <- err
	case <-time.After(d):
		p.t.Fatalf("Serve does not return within %s", d)
	}
}

// bugs.md 10 (TiProxy #91): whatever a session waits for in its connection phase, Close ends it.
func TestBug10_CloseEndsTheConnectionPhase(t *testing.T) {
	slow := Options{ConnectBudget: time.Minute, ConnectTimeout: 20 * time.Second}
	for name, c := range map[string]struct {
		script func(c *peerConn)
		state  State
		client func(d *driver)
	}{
		"backend without greeting":   {failures["silence"], Dialing, func(*driver) {}},
		"client without answer":      {echo, Authenticating, func(*driver) {}},
		"backend without verdict":    {failures["hang behind the client's answer"], Authenticating, func(d *driver) { go func() { _ = d.login("pw") }() }},
		"backend that refuses":       {failures["too many connections"], Leasing, func(*driver) {}},
		"client asked to switch":     {native("ABCDEFGHIJKLMNOPQRST", nil), Authenticating, func(d *driver) { d.answerAs("some_plugin") }},
		"statement behind the login": {echo, Idle, func(d *driver) { _ = d.login("pw") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var specs []backend.Spec
			for i := range 3 {
				specs = append(specs, newPeer(t, c.script).spec(fmt.Sprint(i)))
			}
			p := start(t, slow, specs...)
			c.client(p.dial())
			p.waitState(c.state)
			p.stops(3 * closeGrace)
		})
	}
}

// answerAs answers the greeting as a client of some other plugin.
func (d *driver) answerAs(plugin string) {
	if _, _, err := d.r.Next(); err != nil {
		d.t.Error(err)
	}
	r := wire.HandshakeResponse41{Capabilities: d.caps &^ wire.ClientConnectWithDB, Username: "u", AuthResponse: []byte("x"), AuthPlugin: plugin}
	d.write(1, r.Append(nil))
	if payload, _, err := d.r.Next(); err != nil || payload[0] != 0xfe {
		d.t.Errorf("%q, %v, want an AuthSwitchRequest", payload, err)
	}
}

func TestCloseAtAnyMoment(t *testing.T) {
	a, b := newPeer(t, echo), newPeer(t, native("ABCDEFGHIJKLMNOPQRST", nil))
	bad := newPeer(t, failures["EOF behind the client's answer"])
	rounds := 150
	if testing.Short() {
		rounds = 30
	}
	for range rounds {
		p := start(t, Options{}, a.spec("a"), b.spec("b"), bad.spec("bad"))
		var wg sync.WaitGroup
		for range 6 {
			nc, err := net.Dial("tcp", p.addr)
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				defer func() { _ = nc.Close() }()
				d := &driver{TCPConn: nc.(*net.TCPConn), t: t, r: wire.NewReader(nc, 0), caps: peerCaps}
				if d.login("pw") == nil {
					_, _ = io.Copy(io.Discard, nc)
				}
			})
		}
		time.Sleep(rand.N(4 * time.Millisecond))
		p.stops(3 * closeGrace)
		wg.Wait()
	}
}

// A panic ends the session that it happened in, wherever, and nothing else.
func TestPanicEndsOneSession(t *testing.T) {
	for name, strike := range map[string]func(c *session, d *driver, next chan []byte){
		"client's bytes": func(c *session, d *driver, _ chan []byte) {
			c.state.Store(uint32(Closed)) // whatever follows is impossible
			d.query("x")
		},
		"backend's bytes": func(c *session, d *driver, next chan []byte) {
			d.query("x")
			next <- nil // the backend has it
			c.mu.Lock()
			c.state.Store(uint32(Closed))
			c.mu.Unlock()
			next <- peerOK
		},
	} {
		t.Run(name, func(t *testing.T) {
			next := make(chan []byte)
			ended := make(chan error, 1)
			p := start(t, Options{}, newPeer(t, func(c *peerConn) {
				if !c.login() || c.number > 1 {
					c.serveQueries()
					return
				}
				if _, _, err := c.r.Next(); err == nil && <-next == nil {
					c.send(1, <-next)
				}
				_, _, err := c.r.Next()
				ended <- err
			}).spec("a"))
			d := p.connect()
			victim := p.list()[0]
			other := p.connect()
			strike(victim, d, next)
			if got, err := io.ReadAll(d); len(got) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("the client got %x, %v", got, err)
			}
			if name == "client's bytes" {
				close(next)
			}
			select {
			case <-ended:
			case <-time.After(patience):
				t.Fatal("the backend's connection stays open")
			}
			p.waitSessions(1)
			other.ask("SELECT 1")
			if !victim.mu.TryLock() {
				t.Error("the session's mutex stays locked")
			}
		})
	}
}

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

func TestStateOfServerStaysFree(t *testing.T) { _ = context.Background; _ = errors.New; _ = slog.New }
